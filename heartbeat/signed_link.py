"""Signed links in pages, for answering them. Pure.

A link is bound to one incident, one occurrence of it and one person, or to one contact of a person that is tested.
It expires. The token is `payload.signature` in URL-safe base64; the signature is HMAC-SHA256 (RFC 2104) over the
purpose of the link and the payload.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as BadBase64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from alerting.subject import Links

LASTS = timedelta(days=7)
"""The time for which a link can be used."""
_ANSWER, _TEST = b"heartbeat answer link\n", b"heartbeat test link\n"
_DIGEST = b"heartbeat digest link\n"


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
class TestedContact:
    """The holder of a test page's link: the person, the mark of the contact that is tested, and when it was sent."""

    __test__ = False  # pytest would take it for a test.

    person: str
    mark: str
    sent_at: datetime


@dataclass(frozen=True, slots=True)
class DigestAnswerer:
    """The holder of a digest's link: the person who may answer its incidents as they were paged, until `expires_at`."""

    digest: int
    person: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class BadLink:
    """A link that cannot be used; `why` is the reason in one sentence."""

    why: str


def page_links(home: str, secret: str, incident: int, occurrence: int, person: str, now: datetime) -> Links:
    """Return the links of a page: to its incident, and to the answer of the person. `home` is the public address."""
    token = sign(secret, Answerer(incident, occurrence, person, now + LASTS))
    return Links(f"{home}/incidents/{incident}", f"{home}/answer/{token}")


def digest_links(home: str, secret: str, digest: int, person: str, now: datetime) -> Links:
    """Return the links of a digest: to all incidents, and to the person's answer to its own."""
    token = sign_digest(secret, DigestAnswerer(digest, person, now + LASTS))
    return Links(f"{home}/incidents", f"{home}/answer/digest/{token}")


def sign(secret: str, answerer: Answerer) -> str:
    """Return the token that lets its holder answer."""
    until = int(answerer.expires_at.timestamp())
    payload = f"{answerer.incident}.{answerer.occurrence}.{until}.{answerer.person}".encode()
    return _signed(secret, payload, _ANSWER)


def sign_test(secret: str, tested: TestedContact) -> str:
    """Return the token that lets its holder prove that a test page arrived."""
    payload = f"{int(tested.sent_at.timestamp())}.{tested.mark}.{tested.person}".encode()
    return _signed(secret, payload, _TEST)


def read_test(secrets: Sequence[str], token: str, now: datetime) -> TestedContact | BadLink:
    """Return the contact that this token is about. Any of the secrets may have signed it."""
    payload = _verified(secrets, token, _TEST)
    if isinstance(payload, BadLink):
        return payload
    sent_at, mark, person = payload.decode().split(".", 2)
    tested = TestedContact(person, mark, datetime.fromtimestamp(int(sent_at), UTC))
    if now >= tested.sent_at + LASTS:
        return BadLink("This link has expired: send a new test page.")
    return tested


def sign_digest(secret: str, answerer: DigestAnswerer) -> str:
    """Return the token that lets its holder answer all incidents of a digest."""
    payload = f"{answerer.digest}.{int(answerer.expires_at.timestamp())}.{answerer.person}".encode()
    return _signed(secret, payload, _DIGEST)


def read_digest(secrets: Sequence[str], token: str, now: datetime) -> DigestAnswerer | BadLink:
    """Return the holder of a digest's token, as `read` does."""
    payload = _verified(secrets, token, _DIGEST)
    if isinstance(payload, BadLink):
        return payload
    digest, until, person = payload.decode().split(".", 2)
    answerer = DigestAnswerer(int(digest), person, datetime.fromtimestamp(int(until), UTC))
    if now >= answerer.expires_at:
        return BadLink("This link has expired: open the incidents to see how they stand.")
    return answerer


def read(secrets: Sequence[str], token: str, now: datetime) -> Answerer | BadLink:
    """Return the holder of this token. Any of the secrets may have signed it, so that secrets can be replaced."""
    payload = _verified(secrets, token, _ANSWER)
    if isinstance(payload, BadLink):
        return payload
    incident, occurrence, until, person = payload.decode().split(".", 3)
    answerer = Answerer(int(incident), int(occurrence), person, datetime.fromtimestamp(int(until), UTC))
    if now >= answerer.expires_at:
        return BadLink("This link has expired: open the incident to see how it stands.")
    return answerer


def _signed(secret: str, payload: bytes, purpose: bytes) -> str:
    return f"{_text(payload)}.{_text(_signature(secret, payload, purpose))}"


def _verified(secrets: Sequence[str], token: str, purpose: bytes) -> bytes | BadLink:
    payload_text, _, signature_text = token.partition(".")
    try:
        payload, signature = _bytes(payload_text), _bytes(signature_text)
    except (BadBase64, ValueError):
        return BadLink("This link is damaged: copy it whole from the page.")
    if not any(hmac.compare_digest(_signature(secret, payload, purpose), signature) for secret in secrets):
        return BadLink("This link is not valid here: it was damaged or made by another installation.")
    return payload


def _signature(secret: str, payload: bytes, purpose: bytes) -> bytes:
    return hmac.new(secret.encode(), purpose + payload, sha256).digest()


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
