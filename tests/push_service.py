"""A browser's side of Web Push: its subscription, and what it makes of a request to its push service.

Messages are decrypted with the reference library of RFC 8188, and VAPID tokens verified with a library for JWT that
the service does not sign with.
"""

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from secrets import token_bytes
from typing import Any

import http_ece
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc import jwt
from joserfc.jwk import ECKey


def text_of(raw: bytes) -> str:
    """Return bytes as they are written in URLs."""
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def bytes_of(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass(frozen=True)
class SubscribedBrowser:
    """A browser that has subscribed at this endpoint."""

    endpoint: str
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    auth: bytes = field(default_factory=lambda: token_bytes(16))

    @property
    def subscription(self) -> str:
        """What the browser gives to the page: its PushSubscription as JSON."""
        point = self.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        keys = {"p256dh": text_of(point), "auth": text_of(self.auth)}
        return json.dumps({"endpoint": self.endpoint, "expirationTime": None, "keys": keys})

    def read(self, body: bytes) -> bytes:
        """Return the text of an encrypted message (RFC 8291)."""
        message: bytes = http_ece.decrypt(
            body, private_key=self.key, auth_secret=self.auth, version="aes128gcm"
        )
        return message


@dataclass(frozen=True)
class Sender:
    """Who sent a request, by its VAPID token: its public key and the verified claims (RFC 8292)."""

    public_key: str
    claims: Mapping[str, Any]


def sender_of(authorization: str) -> Sender:
    """Verify a VAPID token with the key beside it."""
    match = re.fullmatch(r"vapid t=([\w.-]+),\s?k=([\w-]+)", authorization)
    assert match, authorization
    token, public_key = match.groups()
    point = bytes_of(public_key)
    assert (len(point), point[0]) == (65, 4)
    key = ECKey.import_key({"kty": "EC", "crv": "P-256", "x": text_of(point[1:33]), "y": text_of(point[33:])})
    verified = jwt.decode(token, key, algorithms=["ES256"])
    assert verified.header == {"typ": "JWT", "alg": "ES256"}
    return Sender(public_key, verified.claims)
