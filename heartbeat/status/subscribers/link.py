"""The signed links of subscribers, to confirm and to unsubscribe. Pure.

No secret is stored: a link is bound to one subscriber and the time of their request. It becomes worthless when they
unsubscribe or ask again. The signature is HMAC-SHA256 (RFC 2104).
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
    """The subscriber of a link, by number, and the time of their request."""

    subscriber: int
    asked_at: datetime


def sign(secret: str, purpose: str, ticket: Ticket) -> str:
    """Return the token of a link for one purpose: "confirm" or "unsubscribe"."""
    body = f"{ticket.subscriber}.{(ticket.asked_at - _EPOCH) // _MICROSECOND}"
    return f"{body}.{_signature(secret, purpose, body)}"


def read(secrets: Sequence[str], purpose: str, token: str) -> Ticket | None:
    """Return the content of a token, or None if it is not ours or has another purpose."""
    match = _TOKEN.fullmatch(token)
    if match is None:
        return None
    body = f"{match[1]}.{match[2]}"
    if not any(hmac.compare_digest(_signature(secret, purpose, body), match[3]) for secret in secrets):
        return None
    return Ticket(int(match[1]), _EPOCH + int(match[2]) * _MICROSECOND)


def _signature(secret: str, purpose: str, body: str) -> str:
    content = f"heartbeat status {purpose}\n{body}".encode()
    return hmac.new(secret.encode(), content, sha256).hexdigest()
