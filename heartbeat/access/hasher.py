"""Passwords as argon2id (RFC 9106): made and compared in threads, a few at a time, since each takes much memory."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

T = TypeVar("T")
AT_ONCE = 2
"""Hashes that are computed at a time."""
IN_LINE = 20
"""Hashes that may wait for their turn; whoever comes on top is told to come back."""


class Busy(Exception):
    """Too many people sign in at this moment."""


class Hasher:
    """Hashes passwords by the parameters that argon2-cffi recommends (the second of RFC 9106, section 4)."""

    def __init__(self, argon2: PasswordHasher | None = None) -> None:
        self._argon2 = argon2 or PasswordHasher()
        self._turn = asyncio.Semaphore(AT_ONCE)
        self._waiting = 0
        self._nobody: str | None = None

    async def hashed(self, password: str) -> str:
        """The hash of a new password. Raises `Busy`."""
        return await self._in_turn(lambda: self._argon2.hash(_encodable(password)))

    async def matches(self, kept: str | None, password: str) -> bool:
        """Whether this is the password. Without a hash it is not, which takes just as long. Raises `Busy`."""
        return await self._in_turn(lambda: self._compare(kept, _encodable(password)))

    def is_dated(self, kept: str) -> bool:
        """Whether the hash was made with other parameters than would be used today."""
        return self._argon2.check_needs_rehash(kept)

    def _compare(self, kept: str | None, password: bytes) -> bool:
        try:
            return self._argon2.verify(kept or self._of_nobody(), password) and kept is not None
        except (VerificationError, InvalidHashError):
            return False

    def _of_nobody(self) -> str:
        if self._nobody is None:
            self._nobody = self._argon2.hash("nobody has this password")
        return self._nobody

    async def _in_turn(self, work: Callable[[], T]) -> T:
        if self._waiting >= AT_ONCE + IN_LINE:
            raise Busy("Too many people sign in at this moment: wait a few seconds, then try again.")
        self._waiting += 1
        try:
            async with self._turn:
                return await asyncio.to_thread(work)
        finally:
            self._waiting -= 1


def _encodable(password: str) -> bytes:
    # A form can carry halves of characters, which no encoding has; they are a wrong password, not an error.
    return password.encode("utf-8", "surrogatepass")
