"""A sign-in between the right password and the code: a signed ticket in the browser's form. Pure."""

import hmac
from datetime import UTC, datetime, timedelta
from hashlib import sha256

LASTS = timedelta(minutes=5)
"""The time to enter the code."""


def sign(key: str, user: int, password_hash: str, now: datetime) -> str:
    """Return a ticket for this user. A change of the password makes it worthless."""
    content = f"{user}.{int((now + LASTS).timestamp())}"
    return f"{content}.{_signature(key, content, password_hash)}"


def user_of(ticket: str) -> int:
    """Return the number of the user that the ticket names, or 0. It is not verified yet: see `is_valid`."""
    first = ticket.partition(".")[0]
    return int(first) if first.isascii() and first.isdigit() and len(first) < 19 else 0


def is_valid(key: str, ticket: str, password_hash: str, now: datetime) -> bool:
    """Return True if this service signed the ticket and it has not expired."""
    content, _, signature = ticket.rpartition(".")
    if not hmac.compare_digest(
        _signature(key, content, password_hash).encode(), signature.encode("utf-8", "replace")
    ):
        return False
    return now < datetime.fromtimestamp(int(content.rpartition(".")[2]), UTC)


def _signature(key: str, content: str, password_hash: str) -> str:
    text = f"heartbeat second factor\n{content}\n{password_hash}"
    return hmac.new(key.encode(), text.encode("utf-8", "replace"), sha256).hexdigest()
