"""Random tokens that the service makes: long enough that a plain hash reveals nothing. Pure."""

from collections.abc import Callable
from hashlib import sha256

BYTES = 32
"""Random bytes in a token. 256 bits cannot be guessed."""

Chance = Callable[[int], str]
"""Returns unpredictable text from so many random bytes, as `secrets.token_urlsafe` does."""


def hashed(token: str) -> str:
    """Return the SHA-256 of a token in hex, which is stored in its place."""
    return sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
