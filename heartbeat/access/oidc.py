"""Signing in by an OpenID Connect provider: authorization code with PKCE (RFC 7636), state and nonce.

Only what the ID token says counts, once its signature, issuer, audience, times and nonce are right (OpenID Connect
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
from heartbeat.settings import is_unread
from heartbeat.who import Role

LASTS = timedelta(minutes=10)
"""How long somebody may take at the provider."""
BOUND = 10.0
"""Seconds within which the provider must have answered in full."""
KEPT = timedelta(hours=1)
"""How long what the provider says of itself is kept, its keys included."""
LEEWAY = 30
"""Seconds by which its clock may differ."""
ALGORITHMS = ["RS256", "PS256", "ES256", "EdDSA"]
"""Signatures that are taken. None of them can be made with what the browser knows."""


AT_ONCE = 20
"""Codes that are exchanged at a time: pages need connections too, and strangers can bring codes."""
ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")
"""What a provider must say of itself (OpenID Connect Discovery 1.0, section 3)."""
AWAY = "The provider did not answer as it should: try again, or sign in another way."
COMPLAINED_EVERY = timedelta(minutes=1)
"""How often the log says the same of the provider: strangers can make us ask it."""

log = logging.getLogger(__name__)


class Failed(Exception):
    """The provider has not said who this is: one sentence why."""


class Away(Failed):
    """The provider does not answer, or not as one must. The log says more."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """Who the provider says that this is. `subject` never changes; the name may."""

    subject: str
    name: str
    role: Role


@dataclass(frozen=True, slots=True)
class Begun:
    """A sign-in that has gone to the provider: what must come back, kept sealed in the browser."""

    state: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    nonce: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))


@dataclass(frozen=True, slots=True)
class Known:
    """What the provider said of itself, and when: where its endpoints are, and its keys."""

    at: datetime
    about: Mapping[str, Any]
    keys: Any


class Oidc:
    """One provider, as this installation knows it."""

    def __init__(self, provider: Provider, http: httpx.AsyncClient, redirect_uri: str) -> None:
        self.provider = provider
        self._http = http
        self._redirect_uri = redirect_uri
        self._known: Known | None = None
        self._asking: asyncio.Task[Known | Away] | None = None
        self._exchanging = 0
        self._complained: tuple[str, datetime] | None = None

    async def address(self, begun: Begun, now: datetime) -> str:
        """Where the browser is sent. Raises `Failed`."""
        about = (await self._discovered(now)).about
        challenge = base64.urlsafe_b64encode(sha256(begun.verifier.encode()).digest()).rstrip(b"=").decode()
        query = {
            "response_type": "code",
            "client_id": self.provider.client_id,
            "redirect_uri": self._redirect_uri,
            "scope": "openid profile email",
            "state": begun.state,
            "nonce": begun.nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        joint = "&" if "?" in about["authorization_endpoint"] else "?"
        return f"{about['authorization_endpoint']}{joint}{urlencode(query)}"

    async def claimed(self, code: str, begun: Begun, now: datetime) -> Claimed:
        """Who it is, for the code that the provider has sent back. Raises `Failed`."""
        known = await self._discovered(now)
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._redirect_uri,
            "client_id": self.provider.client_id,
            "code_verifier": begun.verifier,
        }
        given = str((await self._exchanged(known.about["token_endpoint"], form, now)).get("id_token", ""))
        try:
            claims = _verified(given, known.keys)
        except Failed:
            # It may sign with a key that it had not when we last asked.
            self._known = None
            claims = _verified(given, (await self._discovered(now)).keys)
        return self._read(claims, begun.nonce, now)

    def complain(self, words: str, now: datetime) -> None:
        """Tell the log what whoever has set this up should know; not the same again and again."""
        before, at = self._complained or ("", now)
        if words != before or now - at >= COMPLAINED_EVERY:
            self._complained = words, now
            log.warning("sign-in by the provider: %s", words)

    def _read(self, claims: Mapping[str, Any], nonce: str, now: datetime) -> Claimed:
        audience = claims.get("aud")
        every = audience if isinstance(audience, list) else [audience]
        ours = self.provider.client_id
        seconds = now.timestamp()
        if claims.get("iss") != self.provider.issuer:
            raise Failed("The ID token is of another issuer.")
        if ours not in every or claims.get("azp", ours) != ours or (len(every) > 1 and "azp" not in claims):
            raise Failed("The ID token is for somebody else.")
        if not secrets.compare_digest(str(claims.get("nonce", "")).encode(), nonce.encode()):
            raise Failed("The ID token belongs to another sign-in.")
        if not _number(claims.get("exp")) > seconds - LEEWAY:
            raise Failed("The ID token has expired.")
        if not _number(claims.get("iat")) <= seconds + LEEWAY:
            raise Failed("The ID token is of the future: the provider's clock or ours is wrong.")
        if not claims.get("sub"):
            raise Failed("The ID token names nobody.")
        return Claimed(f"{self.provider.issuer}\n{claims['sub']}", _name(claims), self._role(claims))

    def _role(self, claims: Mapping[str, Any]) -> Role:
        given = claims.get(self.provider.role_claim)
        values = given if isinstance(given, list) else [given]
        found = [
            self.provider.roles[one] for one in values if isinstance(one, str) and one in self.provider.roles
        ]
        role = max(found, key=list(Role).index, default=self.provider.default_role)
        if role is None:
            raise Failed("The provider gives you no role here: ask an admin.")
        return role

    async def _exchanged(self, url: str, form: Mapping[str, str], now: datetime) -> dict[str, Any]:
        if self._exchanging >= AT_ONCE:
            raise Away("Too many people sign in at this moment: wait a few seconds, then try again.")
        self._exchanging += 1
        try:
            secret = (self.provider.client_id, self.provider.client_secret)
            return await self._asked("POST", url, now, data=form, auth=secret)
        finally:
            self._exchanging -= 1

    async def _discovered(self, now: datetime) -> Known:
        if self._known is not None and self._known.at <= now < self._known.at + KEPT:
            return self._known
        # Anybody can come here: however many do, the provider is asked by one of them for all.
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._discover(now))
        found = await asyncio.shield(self._asking)
        if isinstance(found, Away):
            raise Away(str(found))
        return found

    async def _discover(self, now: datetime) -> Known | Away:
        where = f"{self.provider.issuer.rstrip('/')}/.well-known/openid-configuration"
        try:
            about = await self._asked("GET", where, now)
            if about.get("issuer") != self.provider.issuer:
                return Away(
                    "The provider calls itself something else than HEARTBEAT_OIDC_ISSUER: ask an admin."
                )
            for name in ENDPOINTS:
                if not is_unread(str(about.get(name, ""))):
                    return Away(f"The provider does not say its {name}: ask an admin.")
            keys = _usable(await self._asked("GET", about["jwks_uri"], now))
        except Away as away:
            return away
        self._known = Known(now, about, keys)
        return self._known

    async def _asked(self, method: str, url: str, now: datetime, **more: Any) -> dict[str, Any]:
        try:
            async with asyncio.timeout(BOUND):
                answer = await self._http.request(method, url, timeout=BOUND, **more)
            told = answer.json()
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, ValueError) as error:
            self.complain(f"{url} cannot be asked: {str(error) or type(error).__name__}", now)
            raise Away(AWAY) from None
        if not answer.is_success or not isinstance(told, dict):
            # Such as invalid_client (RFC 6749, 5.2). What else it says may be about the person.
            why = str(told.get("error", ""))[:100] if isinstance(told, dict) else ""
            self.complain(f"{url} answered {answer.status_code} {why!r}", now)
            raise Away(AWAY)
        return told


def _usable(told: Mapping[str, Any]) -> Any:
    """Those of the provider's keys that sign, and that we understand; others are to be passed over (RFC 7517, 5).

    Raises `Away` where there are none.
    """
    from joserfc.errors import JoseError
    from joserfc.jwk import KeySet, import_key

    found = []
    every = told.get("keys")
    for one in every if isinstance(every, list) else ():
        with suppress(JoseError, ValueError, TypeError, KeyError, AttributeError):
            if one.get("use", "sig") == "sig":
                found.append(import_key(one))
    if not found:
        raise Away("The provider does not say what it signs with: ask an admin.")
    return KeySet(found)


def _verified(given: str, keys: Any) -> Mapping[str, Any]:
    """The claims of a token that one of these keys has signed. Raises `Failed`."""
    from joserfc import jwt
    from joserfc.errors import JoseError

    try:
        return jwt.decode(given, keys, algorithms=ALGORITHMS).claims
    except (JoseError, ValueError, TypeError, KeyError):
        raise Failed("The ID token is not signed by the provider.") from None


def _name(claims: Mapping[str, Any]) -> str:
    for claim in ("preferred_username", "email", "sub"):
        try:
            return account.name(str(claims.get(claim, "")))
        except account.Unfit:
            continue
    raise Failed("The provider tells no name that a user can have here.")


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else float("nan")
