"""What a browser brings back that has given the right password and is asked for a code: signed, and soon over. Pure."""

import hmac
from datetime import UTC, datetime, timedelta
from hashlib import sha256

LASTS = timedelta(minutes=5)
"""How long one has to find the code."""


def sign(key: str, user: int, password_hash: str, now: datetime) -> str:
    """A ticket for this user. It is worth nothing any more once the password is another."""
    said = f"{user}.{int((now + LASTS).timestamp())}"
    return f"{said}.{_signature(key, said, password_hash)}"


def user_of(given: str) -> int:
    """Whose ticket this says it is; 0 where it says nothing. Nothing is believed yet: see `holds`."""
    first = given.partition(".")[0]
    return int(first) if first.isascii() and first.isdigit() and len(first) < 19 else 0


def holds(key: str, given: str, password_hash: str, now: datetime) -> bool:
    """Whether the ticket is ours and not over."""
    said, _, signature = given.rpartition(".")
    if not hmac.compare_digest(
        _signature(key, said, password_hash).encode(), signature.encode("utf-8", "replace")
    ):
        return False
    return now < datetime.fromtimestamp(int(said.rpartition(".")[2]), UTC)


def _signature(key: str, said: str, password_hash: str) -> str:
    text = f"heartbeat second factor\n{said}\n{password_hash}"
    return hmac.new(key.encode(), text.encode("utf-8", "replace"), sha256).hexdigest()
