"""The secret addresses of calendars. Pure.

No secret is stored: an address is bound to one feed, by its number and its random text, so that a
renewed one leads nowhere under its former address. The signature is HMAC-SHA256 (RFC 2104).
"""

import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

PATH = "/calendars"
ENDING = ".ics"
_TOKEN = re.compile(r"([1-9]\d{0,17})\.([0-9a-f]{16})\.([0-9a-f]{64})", re.ASCII)
NONCE = 8
"""Random bytes that tell the addresses of a feed apart, which are written in hex."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """The feed of an address, by number, and its random text."""

    feed: int
    nonce: str


def address(home: str, secret: str, ticket: Ticket) -> str:
    """Return the address of a feed. `home` is the public address of the service."""
    return f"{home}{PATH}/{sign(secret, ticket)}{ENDING}"


def sign(secret: str, ticket: Ticket) -> str:
    """Return the token in the address of a feed."""
    body = f"{ticket.feed}.{ticket.nonce}"
    return f"{body}.{_signature(secret, body)}"


def read(secrets: Sequence[str], token: str) -> Ticket | None:
    """Return the content of a token, or None if it is not ours. Any of the secrets may have signed it."""
    match = _TOKEN.fullmatch(token)
    if match is None:
        return None
    body = f"{match[1]}.{match[2]}"
    if not any(hmac.compare_digest(_signature(secret, body), match[3]) for secret in secrets):
        return None
    return Ticket(int(match[1]), match[2])


def _signature(secret: str, body: str) -> str:
    return hmac.new(secret.encode(), f"heartbeat calendar\n{body}".encode(), sha256).hexdigest()
