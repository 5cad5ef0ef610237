"""Secrets that the service makes itself: so long and random that a plain hash of them tells nothing. Pure."""

from collections.abc import Callable
from hashlib import sha256

BYTES = 32
"""Of chance in a token: nobody guesses 256 bits."""

Chance = Callable[[int], str]
"""Gives a text of so many random bytes that nobody can foresee, as `secrets.token_urlsafe` does."""


def hashed(token: str) -> str:
    """What is kept of a token: its SHA-256, in hex."""
    return sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
