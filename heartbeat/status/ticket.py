"""The signed links of subscribers: to confirm that they want mail, and to end it. Pure.

Nothing secret is kept: a link is bound to one subscriber and to when they asked, so that it is worth nothing once they
are gone or have asked anew. The signature is HMAC-SHA256 (RFC 2104).
"""

import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256

CONFIRM_WITHIN = timedelta(days=1)
_TOKEN = re.compile(r"([1-9]\d{0,17})\.(\d{1,17})\.([0-9a-f]{64})")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Ticket:
    """Whom a link is about: the subscriber's number, and when they asked."""

    subscriber: int
    asked_at: datetime


def sign(secret: str, purpose: str, ticket: Ticket) -> str:
    """The token of a link for one purpose: "confirm" or "unsubscribe"."""
    body = f"{ticket.subscriber}.{(ticket.asked_at - _EPOCH) // _MICROSECOND}"
    return f"{body}.{_signature(secret, purpose, body)}"


def read(secrets: Sequence[str], purpose: str, token: str) -> Ticket | None:
    """Whom a token is about; None where it is none of ours, or is for something else."""
    found = _TOKEN.fullmatch(token)
    if found is None:
        return None
    body = f"{found[1]}.{found[2]}"
    if not any(hmac.compare_digest(_signature(one, purpose, body), found[3]) for one in secrets):
        return None
    return Ticket(int(found[1]), _EPOCH + int(found[2]) * _MICROSECOND)


def _signature(secret: str, purpose: str, body: str) -> str:
    said = f"heartbeat status {purpose}\n{body}".encode()
    return hmac.new(secret.encode(), said, sha256).hexdigest()
