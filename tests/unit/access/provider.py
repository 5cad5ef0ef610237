"""A small OpenID Connect provider for tests: it signs real tokens, checks PKCE and the client, and can misbehave."""

import asyncio
import base64
from datetime import datetime
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
from joserfc import jwt
from joserfc.jwk import RSAKey

ISSUER = "https://id.example.com/ops"
CLIENT, SECRET = "heartbeat", "a-client-secret"
KEY = RSAKey.generate_key(2048, {"kid": "one", "use": "sig"})
ANOTHER = RSAKey.generate_key(2048, {"kid": "one", "use": "sig"})


class LocalProvider:
    """Answers as a provider does. `claims` go over those that are right, `token` in the place of the whole token;
    `about` over what it says of itself, where None takes something away. `beside` are keys that it publishes too, and
    its own is `hidden` or not. `asked` are the paths that it was asked for."""

    def __init__(self, now: datetime) -> None:
        self.now = now.timestamp()
        self.issuer = ISSUER
        self.claims: dict[str, Any] = {"sub": "42", "preferred_username": "anna", "groups": ["on-call"]}
        self.token: str | None = None
        self.key = self.shown = KEY
        self.down = False
        self.hangs = self.hidden = False
        self.about: dict[str, Any] = {}
        self.beside: list[Any] = []
        self.asked: list[str] = []
        self._codes: dict[str, dict[str, str]] = {}

    def http(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.MockTransport(self._answer))

    def sign_in(self, address: str) -> tuple[str, str]:
        """Sign in as a browser does. Return the code and the state that the provider sends back."""
        query = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert address.startswith(f"{ISSUER}/authorize?")
        assert (query["response_type"], query["code_challenge_method"]) == ("code", "S256")
        assert query["scope"].split()[0] == "openid"
        code = f"code-{len(self._codes)}"
        self._codes[code] = query
        return code, query["state"]

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.url.path.removeprefix("/ops"))
        # As over a network, others have their turn meanwhile.
        await asyncio.sleep(0)
        if self.hangs:
            await asyncio.Event().wait()
        if self.down:
            raise httpx.ConnectError("refused")
        match request.url.path.removeprefix("/ops"):
            case "/.well-known/openid-configuration":
                places = {
                    name: f"{ISSUER}/{name.partition('_')[0]}" for name in ("token_endpoint", "jwks_uri")
                }
                authorize = {"authorization_endpoint": f"{ISSUER}/authorize"}
                about = {"issuer": self.issuer, **places, **authorize, **self.about}
                return httpx.Response(
                    200, json={name: value for name, value in about.items() if value is not None}
                )
            case "/jwks":
                own = [] if self.hidden else [self.shown.as_dict(private=False)]
                return httpx.Response(200, json={"keys": [*self.beside, *own]})
            case "/token":
                return self._exchange(request)
        return httpx.Response(404)

    def _exchange(self, request: httpx.Request) -> httpx.Response:
        form = {name: values[0] for name, values in parse_qs(request.content.decode()).items()}
        # A code works once.
        pending = self._codes.pop(form.get("code", ""), None)
        credentials = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        digest = sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if (
            pending is None
            or request.headers.get("authorization") != f"Basic {credentials}"
            or pending["code_challenge"] != challenge
            or pending["redirect_uri"] != form["redirect_uri"]
        ):
            return httpx.Response(400, json={"error": "invalid_grant"})
        right = {
            "iss": ISSUER,
            "aud": CLIENT,
            "nonce": pending["nonce"],
            "iat": self.now,
            "exp": self.now + 300,
        }
        claims = {name: value for name, value in (right | self.claims).items() if value is not None}
        return httpx.Response(
            200, json={"id_token": self.token or jwt.encode({"alg": "RS256", "kid": "one"}, claims, self.key)}
        )
