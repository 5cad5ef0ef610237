"""An OpenID Connect provider of the tests' own, in a process of its own, with TLS: what Keycloak or Entra would be.

It signs by RS256 or ES256, checks the client, the redirect address and PKCE (RFC 7636), and each code works once. At
/control the tests tell it to misbehave: see `Told`.
"""

import base64
import html
import json
import secrets
import ssl
import sys
import time
from dataclasses import asdict, dataclass, field, fields
from hashlib import sha256
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
from joserfc import jwt
from joserfc.jwk import ECKey, KeyParameters, RSAKey

from tests.e2e.authority import HOST, Papers
from tests.e2e.beside import Beside

REALM = "/ops"
CLIENT, SECRET = "heartbeat", "a-client-secret-that-only-the-two-know"
LIFE = 300

PEOPLE: dict[str, dict[str, Any]] = {
    "Anna": {"sub": "a-1", "preferred_username": "anna", "groups": ["platform"]},
    "Bob": {"sub": "b-2", "preferred_username": "Bob.B", "groups": ["on-call", "everybody"]},
    "Guest": {"sub": "g-3", "email": "guest@example.com", "email_verified": True, "groups": []},
}
"""Who can sign in there, and what it says of them."""

TO_COME = {"kty": "AKP", "alg": "ML-DSA-44", "kid": "of-a-kind-to-come", "pub": "AAAA"}
"""A key of a kind that nobody here knows yet; whoever reads it should go past it (RFC 7517, section 5)."""


@dataclass(slots=True)
class Told:
    """How it is to behave. `claims` go over those that are right, None takes one away; `skew` is how far its clock is
    from ours, in seconds; `spoilt` says what of its answers is broken."""

    alg: str = "RS256"
    claims: dict[str, Any] = field(default_factory=dict)
    skew: float = 0.0
    spoilt: str = ""
    rotated: int = 0


class Provider(Beside):
    """The process, as a test drives it."""

    def __init__(self, home: Path, papers: Papers) -> None:
        super().__init__(
            home / "provider.log", "tests.e2e.provider", str(papers.certificate), str(papers.key)
        )
        self.issuer = f"https://{HOST}:{self.port}{REALM}"
        self.settings = {
            "HEARTBEAT_OIDC_ISSUER": self.issuer,
            "HEARTBEAT_OIDC_CLIENT_ID": CLIENT,
            "HEARTBEAT_OIDC_CLIENT_SECRET": SECRET,
            "HEARTBEAT_OIDC_ROLES": "platform=admin, on-call=responder",
            "SSL_CERT_FILE": str(papers.authority),
        }
        self._trusts = ssl.create_default_context(cafile=str(papers.authority))

    def tell(self, **how: Any) -> None:
        """Behave so from now on, and otherwise as it should."""
        assert self._control("POST", json=asdict(Told(**how))).is_success

    def asked(self) -> list[str]:
        """The paths that the service has asked for so far."""
        found: list[str] = self._control("GET").json()
        return found

    def _control(self, method: str, **more: Any) -> httpx.Response:
        url = f"https://{HOST}:{self.port}/control"
        return httpx.request(method, url, verify=self._trusts, trust_env=False, timeout=10, **more)


class _House:
    """What the provider remembers."""

    def __init__(self, issuer: str) -> None:
        self.issuer = issuer
        self.told = Told()
        self.codes: dict[str, dict[str, str]] = {}
        self.asked: list[str] = []
        self._keys: dict[tuple[str, int], RSAKey | ECKey] = {}
        # Keycloak publishes one for encryption beside.
        other: KeyParameters = {"kid": "for-encryption", "use": "enc", "alg": "RSA-OAEP"}
        self._for_encryption = RSAKey.generate_key(2048, other).as_dict(private=False)

    def key(self) -> RSAKey | ECKey:
        """What it signs with now."""
        alg, number = self.told.alg, self.told.rotated
        named: KeyParameters = {"kid": f"{alg}-{number}", "use": "sig", "alg": alg}
        if (alg, number) not in self._keys:
            self._keys[alg, number] = (
                RSAKey.generate_key(2048, named) if alg == "RS256" else ECKey.generate_key("P-256", named)
            )
        return self._keys[alg, number]

    def about(self) -> dict[str, Any]:
        known = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256", "ES256"],
        }
        known.pop(self.told.spoilt, None)
        return known

    def keys(self) -> dict[str, Any]:
        return {"keys": [self._for_encryption, TO_COME, self.key().as_dict(private=False)]}

    def code_for(self, person: str, asked: dict[str, str]) -> str:
        code = secrets.token_urlsafe(16)
        self.codes[code] = asked | {"person": person}
        return code

    def exchange(self, form: dict[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        asked = self.codes.pop(form.get("code", ""), None)
        given = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        if authorization != f"Basic {given}" or self.told.spoilt == "client":
            return HTTPStatus.UNAUTHORIZED, {"error": "invalid_client"}
        digest = sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if (
            asked is None
            or asked.get("code_challenge_method") != "S256"
            or asked["code_challenge"] != challenge
            or asked["redirect_uri"] != form.get("redirect_uri")
        ):
            return HTTPStatus.BAD_REQUEST, {"error": "invalid_grant"}
        now = time.time() + self.told.skew
        claims: dict[str, Any] = {
            "iss": self.issuer,
            "aud": CLIENT,
            "nonce": asked["nonce"],
            "iat": now,
            "exp": now + LIFE,
        }
        claims |= PEOPLE[asked["person"]] | self.told.claims
        key = self.key()
        said = {name: value for name, value in claims.items() if value is not None}
        token = jwt.encode({"alg": self.told.alg, "kid": key.kid or ""}, said, key)
        return HTTPStatus.OK, {"access_token": "unused", "token_type": "Bearer", "id_token": token}


def _handler(house: _House) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            url = urlsplit(self.path)
            if url.path == "/control":
                self._json(house.asked)
                return
            house.asked.append(url.path)
            match url.path.removeprefix(REALM):
                case "/.well-known/openid-configuration":
                    self._json(house.about())
                case "/keys":
                    self._json(house.keys())
                case "/authorize":
                    self._page(url.query)
                case _:
                    self._send(HTTPStatus.NOT_FOUND, b"nothing here", "text/plain")

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            url = urlsplit(self.path)
            if url.path == "/control":
                for one in fields(Told):
                    setattr(house.told, one.name, json.loads(body)[one.name])
                self._json({})
                return
            house.asked.append(url.path)
            form = {name: values[0] for name, values in parse_qs(body).items()}
            if url.path == f"{REALM}/authorize":
                self._decide(form)
            else:
                status, said = house.exchange(form, self.headers.get("Authorization", ""))
                self._json(said, status)

        def _page(self, query: str) -> None:
            asked = {name: values[0] for name, values in parse_qs(query).items()}
            right = asked.get("client_id") == CLIENT and asked.get("response_type") == "code"
            if not right or "openid" not in asked.get("scope", "").split():
                self._send(HTTPStatus.BAD_REQUEST, b"not a request of OpenID Connect", "text/plain")
                return
            hidden = "".join(
                f'<input type="hidden" name="{html.escape(name)}" value="{html.escape(value)}">'
                for name, value in asked.items()
            )
            buttons = "".join(f'<button name="person" value="{one}">I am {one}</button>' for one in PEOPLE)
            page = (
                f'<!doctype html><html lang="en"><title>Provider</title><h1>Who are you?</h1><form method="post">'
                f'{hidden}{buttons}<button name="person" value="">Refuse</button></form>'
            )
            self._send(HTTPStatus.OK, page.encode(), "text/html; charset=utf-8")

        def _decide(self, form: dict[str, str]) -> None:
            person = form.pop("person", "")
            told = {"code": house.code_for(person, form)} if person else {"error": "access_denied"}
            there = f"{form['redirect_uri']}?{urlencode(told | {'state': form['state']})}"
            self._send(HTTPStatus.SEE_OTHER, b"", "text/plain", Location=there)

        def _json(self, said: Any, status: int = HTTPStatus.OK) -> None:
            self._send(status, json.dumps(said).encode(), "application/json")

        def _send(self, status: int, body: bytes, kind: str, **headers: str) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Type": kind, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Tests read `asked`, nobody reads a log."""

    return Handler


def main() -> None:
    port, certificate, key = sys.argv[1:]
    server = ThreadingHTTPServer((HOST, int(port)), _handler(_House(f"https://{HOST}:{port}{REALM}")))
    server.daemon_threads = True
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    # The handshake is left to the connection's own thread: a caller that says nothing must hold up nobody.
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.serve_forever(0.05)


if __name__ == "__main__":
    main()
