"""Signed links in pages, for answering them. Pure.

A link is bound to one incident, one occurrence of it and one person, and it expires. The token is
`payload.signature` in URL-safe base64; the signature is HMAC-SHA256 (RFC 2104) over the payload.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as BadBase64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256

LASTS = timedelta(days=7)
"""The time for which a link can be used."""


@dataclass(frozen=True, slots=True)
class Answerer:
    """The holder of a link: the person who may answer this occurrence of this incident until `expires_at`."""

    incident: int
    occurrence: int
    person: str
    expires_at: datetime

    def is_about(self, opened_at: datetime) -> bool:
        """Return whether the incident of this number, which opened then, is the one of the link.

        After a restore, a link of the replaced database can name an incident that opened later.
        """
        signed_at = self.expires_at - LASTS
        return opened_at < signed_at + timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class BadLink:
    """A link that cannot be used; `why` is the reason in one sentence."""

    why: str


def sign(secret: str, answerer: Answerer) -> str:
    """Return the token that lets its holder answer."""
    until = int(answerer.expires_at.timestamp())
    payload = f"{answerer.incident}.{answerer.occurrence}.{until}.{answerer.person}".encode()
    return f"{_text(payload)}.{_text(_signature(secret, payload))}"


def read(secrets: Sequence[str], token: str, now: datetime) -> Answerer | BadLink:
    """Return the holder of this token. Any of the secrets may have signed it, so that secrets can be replaced."""
    payload_text, _, signature_text = token.partition(".")
    try:
        payload, signature = _bytes(payload_text), _bytes(signature_text)
    except (BadBase64, ValueError):
        return BadLink("This link is damaged: copy it whole from the page.")
    if not any(hmac.compare_digest(_signature(secret, payload), signature) for secret in secrets):
        return BadLink("This link is not valid here: it was damaged or made by another installation.")
    incident, occurrence, until, person = payload.decode().split(".", 3)
    answerer = Answerer(int(incident), int(occurrence), person, datetime.fromtimestamp(int(until), UTC))
    if now >= answerer.expires_at:
        return BadLink("This link has expired: open the incident to see how it stands.")
    return answerer


def _signature(secret: str, payload: bytes) -> bytes:
    return hmac.new(secret.encode(), b"heartbeat answer link\n" + payload, sha256).digest()


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
