"""Password hashes with argon2id (RFC 9106), computed in threads, a few at a time since each needs much memory."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

T = TypeVar("T")
AT_ONCE = 2
"""Hashes that are computed at a time."""
IN_LINE = 20
"""Hashes that may wait for their turn. Further requests are refused with `Busy`."""


class Busy(Exception):
    """Too many people are signing in at the same moment."""

    WAIT = timedelta(seconds=5)
    """The time after which to try again."""


class Hasher:
    """Hash passwords with the parameters that argon2-cffi recommends (the second of RFC 9106, section 4)."""

    def __init__(self, argon2: PasswordHasher | None = None) -> None:
        self._argon2 = argon2 or PasswordHasher()
        self._turn = asyncio.Semaphore(AT_ONCE)
        self._waiting = 0
        self._nobody: str | None = None

    async def hashed(self, password: str) -> str:
        """Hash a new password. Raises `Busy`."""
        return await self._in_turn(lambda: self._argon2.hash(_encodable(password)))

    async def matches(self, hash_: str | None, password: str) -> bool:
        """Compare a password with its hash. Without a hash, return False after the same time. Raises `Busy`."""
        return await self._in_turn(lambda: self._compare(hash_, _encodable(password)))

    def is_dated(self, hash_: str) -> bool:
        """Return True if the hash uses other parameters than a new one would."""
        return self._argon2.check_needs_rehash(hash_)

    def _compare(self, hash_: str | None, password: bytes) -> bool:
        try:
            return self._argon2.verify(hash_ or self._of_nobody(), password) and hash_ is not None
        except (VerificationError, InvalidHashError):
            return False

    def _of_nobody(self) -> str:
        if self._nobody is None:
            self._nobody = self._argon2.hash("nobody has this password")
        return self._nobody

    async def _in_turn(self, work: Callable[[], T]) -> T:
        if self._waiting >= AT_ONCE + IN_LINE:
            raise Busy("Too many people are signing in. Wait a few seconds, then try again.")
        self._waiting += 1
        try:
            async with self._turn:
                return await asyncio.to_thread(work)
        finally:
            self._waiting -= 1


def _encodable(password: str) -> bytes:
    # A form can carry half characters, which no encoding has. They make a wrong password, not an error.
    return password.encode("utf-8", "surrogatepass")
