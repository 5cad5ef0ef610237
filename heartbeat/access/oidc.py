"""Signing in by an OpenID Connect provider: authorization code with PKCE (RFC 7636), state and nonce.

Only what the ID token says counts, once its signature, issuer, audience, times and nonce are right (OpenID Connect
Core 1.0, 3.1.3.7). The libraries for that are an extra: `pip install heartbeat[oidc]`.
"""

import base64
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode

import httpx

from heartbeat.access import account
from heartbeat.access.ways import Provider
from heartbeat.who import Role

LASTS = timedelta(minutes=10)
"""How long somebody may take at the provider."""
BOUND = 10.0
"""Seconds within which the provider must answer."""
KEPT = timedelta(hours=1)
"""How long what the provider says of itself is kept, its keys included."""
LEEWAY = 30
"""Seconds by which its clock may differ."""
ALGORITHMS = ["RS256", "PS256", "ES256", "EdDSA"]
"""Signatures that are taken. None of them can be made with what the browser knows."""


class Failed(Exception):
    """The provider has not said who this is: one sentence why."""


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


class Oidc:
    """One provider, as this installation knows it."""

    def __init__(self, provider: Provider, http: httpx.AsyncClient, redirect_uri: str) -> None:
        self.provider = provider
        self._http = http
        self._redirect_uri = redirect_uri
        self._known: tuple[datetime, dict[str, Any], Any] | None = None

    async def address(self, begun: Begun, now: datetime) -> str:
        """Where the browser is sent. Raises `Failed`."""
        about, _ = await self._discovered(now)
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
        about, keys = await self._discovered(now)
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._redirect_uri,
            "client_id": self.provider.client_id,
            "code_verifier": begun.verifier,
        }
        secret = (self.provider.client_id, self.provider.client_secret)
        told = await self._asked("POST", about["token_endpoint"], data=form, auth=secret)
        given = str(told.get("id_token", ""))
        try:
            claims = _verified(given, keys)
        except Failed:
            # It may sign with a key that it had not when we last asked.
            self._known = None
            claims = _verified(given, (await self._discovered(now))[1])
        return self._read(claims, begun.nonce, now)

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

    async def _discovered(self, now: datetime) -> tuple[dict[str, Any], Any]:
        from joserfc.jwk import KeySet

        if self._known is None or not self._known[0] <= now < self._known[0] + KEPT:
            about = await self._asked(
                "GET", f"{self.provider.issuer.rstrip('/')}/.well-known/openid-configuration"
            )
            if about.get("issuer") != self.provider.issuer:
                raise Failed("The provider calls itself something else than HEARTBEAT_OIDC_ISSUER.")
            try:
                keys = KeySet.import_key_set(await self._asked("GET", about["jwks_uri"]))  # type: ignore[arg-type]
            except (KeyError, ValueError):
                raise Failed("The provider does not say what it signs with.") from None
            self._known = now, about, keys
        return self._known[1], self._known[2]

    async def _asked(self, method: str, url: str, **more: Any) -> dict[str, Any]:
        try:
            answer = await self._http.request(method, url, timeout=BOUND, **more)
            told = answer.json() if answer.is_success else None
        except (httpx.HTTPError, json.JSONDecodeError, UnicodeDecodeError):
            told = None
        if not isinstance(told, dict):
            raise Failed("The provider did not answer as it should: try again, or sign in another way.")
        return told


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
