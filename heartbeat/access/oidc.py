"""Signing in through an OpenID Connect provider: authorization code with PKCE (RFC 7636), state and nonce.

Only the claims of the ID token count, once its signature, issuer, audience, times and nonce are right (OpenID Connect
Core 1.0, 3.1.3.7). The libraries for that are an extra: `pip install heartbeat[oidc]`.
"""

import asyncio
import base64
import logging
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode

import httpx

from heartbeat.access import account
from heartbeat.access.ways import Provider
from heartbeat.actor import Role
from heartbeat.sign_in_settings import is_unread

LASTS = timedelta(minutes=10)
"""The longest time that a user may take at the provider."""
BOUND = 10.0
"""Seconds within which the provider must answer in full."""
CACHED_FOR = timedelta(hours=1)
"""The time for which the provider's metadata and keys are cached."""
LEEWAY = 30
"""Seconds by which its clock may differ."""
ALGORITHMS = ["RS256", "PS256", "ES256", "EdDSA"]
"""Accepted signatures. Nothing that the browser knows can make any of them."""
AT_ONCE = 20
"""Codes that are exchanged at a time: strangers can bring codes, and other requests need connections too."""
ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")
"""The metadata that a provider must publish (OpenID Connect Discovery 1.0, section 3)."""
NO_ANSWER = "The provider did not answer properly. Try again, or sign in another way."
COMPLAINED_EVERY = timedelta(minutes=1)
"""The shortest time between equal warnings in the log, since strangers can cause them."""

log = logging.getLogger(__name__)


class SignInFailed(Exception):
    """The provider has not identified the user. The message says why, in one sentence."""


class ProviderUnavailable(SignInFailed):
    """The provider does not answer, or not properly. The log has the details."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A user as the provider identifies them. The name may change, and is empty if no user can have it here; `subject`
    never changes."""

    subject: str
    name: str
    role: Role


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """A sign-in at the provider: the values that must come back, sealed in the browser until then."""

    state: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    nonce: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))


@dataclass(frozen=True, slots=True)
class Discovery:
    """The provider's metadata and keys, and the time of the query."""

    at: datetime
    metadata: Mapping[str, Any]
    keys: Any


class Oidc:
    """Sign-ins at one provider."""

    def __init__(self, provider: Provider, http: httpx.AsyncClient, redirect_uri: str) -> None:
        self.provider = provider
        self._http = http
        self._redirect_uri = redirect_uri
        self._discovery: Discovery | None = None
        self._discovering: asyncio.Task[Discovery | ProviderUnavailable] | None = None
        self._exchanging = 0
        self._complained: tuple[str, datetime] | None = None

    async def address(self, request: AuthorizationRequest, now: datetime) -> str:
        """Return the address at the provider that the browser is sent to. Raises `SignInFailed`."""
        endpoint = (await self._discovered(now)).metadata["authorization_endpoint"]
        challenge = base64.urlsafe_b64encode(sha256(request.verifier.encode()).digest()).rstrip(b"=").decode()
        query = {
            "response_type": "code",
            "client_id": self.provider.client_id,
            "redirect_uri": self._redirect_uri,
            "scope": "openid profile email",
            "state": request.state,
            "nonce": request.nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        joint = "&" if "?" in endpoint else "?"
        return f"{endpoint}{joint}{urlencode(query)}"

    async def identity(self, code: str, request: AuthorizationRequest, now: datetime) -> Identity:
        """Return the user for the code that the provider has sent back. Raises `SignInFailed`."""
        discovery = await self._discovered(now)
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._redirect_uri,
            "client_id": self.provider.client_id,
            "code_verifier": request.verifier,
        }
        id_token = str(
            (await self._exchange(discovery.metadata["token_endpoint"], form, now)).get("id_token", "")
        )
        try:
            claims = _verified(id_token, discovery.keys)
        except SignInFailed:
            # It may sign with a key that is newer than our copy.
            self._discovery = None
            claims = _verified(id_token, (await self._discovered(now)).keys)
        return self._read(claims, request.nonce, now)

    def complain(self, message: str, now: datetime) -> None:
        """Warn the operator in the log, at most once a minute in the same words."""
        last_message, at = self._complained or ("", now)
        if message != last_message or now - at >= COMPLAINED_EVERY:
            self._complained = message, now
            log.warning("sign-in by the provider: %s", message)

    def _read(self, claims: Mapping[str, Any], nonce: str, now: datetime) -> Identity:
        audience = claims.get("aud")
        audiences = audience if isinstance(audience, list) else [audience]
        ours = self.provider.client_id
        seconds = now.timestamp()
        if claims.get("iss") != self.provider.issuer:
            raise SignInFailed("The ID token comes from another issuer.")
        if (
            ours not in audiences
            or claims.get("azp", ours) != ours
            or (len(audiences) > 1 and "azp" not in claims)
        ):
            raise SignInFailed("The ID token is meant for another client.")
        if not secrets.compare_digest(str(claims.get("nonce", "")).encode(), nonce.encode()):
            raise SignInFailed("The ID token belongs to another sign-in.")
        if not _number(claims.get("exp")) > seconds - LEEWAY:
            raise SignInFailed("The ID token has expired.")
        if not _number(claims.get("iat")) <= seconds + LEEWAY:
            raise SignInFailed("The ID token comes from the future: the provider's clock or ours is wrong.")
        if not claims.get("sub"):
            raise SignInFailed("The ID token names no user.")
        return Identity(f"{self.provider.issuer}\n{claims['sub']}", _name(claims), self._role(claims))

    def _role(self, claims: Mapping[str, Any]) -> Role:
        claim = claims.get(self.provider.role_claim)
        values = claim if isinstance(claim, list) else [claim]
        roles = [
            self.provider.roles[value]
            for value in values
            if isinstance(value, str) and value in self.provider.roles
        ]
        role = max(roles, key=list(Role).index, default=self.provider.default_role)
        if role is None:
            raise SignInFailed("The provider gives you no role here. Ask an admin.")
        return role

    async def _exchange(self, url: str, form: Mapping[str, str], now: datetime) -> dict[str, Any]:
        if self._exchanging >= AT_ONCE:
            raise ProviderUnavailable("Too many people are signing in. Wait a few seconds, then try again.")
        self._exchanging += 1
        try:
            secret = (self.provider.client_id, self.provider.client_secret)
            return await self._fetch("POST", url, now, data=form, auth=secret)
        finally:
            self._exchanging -= 1

    async def _discovered(self, now: datetime) -> Discovery:
        if self._discovery is not None and self._discovery.at <= now < self._discovery.at + CACHED_FOR:
            return self._discovery
        # Anybody can get here: one request to the provider serves everybody who waits.
        if self._discovering is None or self._discovering.done():
            self._discovering = asyncio.create_task(self._discover(now))
        outcome = await asyncio.shield(self._discovering)
        if isinstance(outcome, ProviderUnavailable):
            raise ProviderUnavailable(str(outcome))
        return outcome

    async def _discover(self, now: datetime) -> Discovery | ProviderUnavailable:
        url = f"{self.provider.issuer.rstrip('/')}/.well-known/openid-configuration"
        try:
            metadata = await self._fetch("GET", url, now)
            if metadata.get("issuer") != self.provider.issuer:
                return ProviderUnavailable(
                    "The provider's own name is not the one in HEARTBEAT_OIDC_ISSUER. Ask an admin."
                )
            for name in ENDPOINTS:
                if not is_unread(str(metadata.get(name, ""))):
                    return ProviderUnavailable(f"The provider does not publish its {name}. Ask an admin.")
            keys = _usable(await self._fetch("GET", metadata["jwks_uri"], now))
        except ProviderUnavailable as unavailable:
            return unavailable
        self._discovery = Discovery(now, metadata, keys)
        return self._discovery

    async def _fetch(self, method: str, url: str, now: datetime, **more: Any) -> dict[str, Any]:
        try:
            async with asyncio.timeout(BOUND):
                response = await self._http.request(method, url, timeout=BOUND, **more)
            body = response.json()
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, ValueError) as error:
            self.complain(f"{url} cannot be reached: {str(error) or type(error).__name__}", now)
            raise ProviderUnavailable(NO_ANSWER) from None
        if not response.is_success or not isinstance(body, dict):
            # Such as invalid_client (RFC 6749, 5.2). The rest of the body may be about the person.
            code = str(body.get("error", ""))[:100] if isinstance(body, dict) else ""
            self.complain(f"{url} answered {response.status_code} {code!r}", now)
            raise ProviderUnavailable(NO_ANSWER)
        return body


def _usable(key_set: Mapping[str, Any]) -> Any:
    """Return the provider's signing keys, without those of unknown kinds (RFC 7517, 5).

    Raises `ProviderUnavailable` if there are none.
    """
    from joserfc.errors import JoseError
    from joserfc.jwk import KeySet, import_key

    usable = []
    keys = key_set.get("keys")
    for key in keys if isinstance(keys, list) else ():
        with suppress(JoseError, ValueError, TypeError, KeyError, AttributeError):
            if key.get("use", "sig") == "sig":
                usable.append(import_key(key))
    if not usable:
        raise ProviderUnavailable("The provider publishes no key that it signs with. Ask an admin.")
    return KeySet(usable)


def _verified(id_token: str, keys: Any) -> Mapping[str, Any]:
    """Return the claims of a token that one of these keys has signed. Raises `SignInFailed`."""
    from joserfc import jwt
    from joserfc.errors import JoseError

    try:
        return jwt.decode(id_token, keys, algorithms=ALGORITHMS).claims
    except (JoseError, ValueError, TypeError, KeyError):
        raise SignInFailed("The ID token is not signed by the provider.") from None


def _name(claims: Mapping[str, Any]) -> str:
    # Anybody can claim an address that the provider has not verified (OpenID Connect Core 1.0, 5.7).
    verified = claims.get("email_verified")
    for claim in ("preferred_username", "email", "sub"):
        value = str(claims.get(claim, ""))
        if (claim == "email" and verified is not True) or ("@" in value and verified is False):
            continue
        try:
            return account.new_name(value)
        except account.Unfit:
            continue
    return ""


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else float("nan")
