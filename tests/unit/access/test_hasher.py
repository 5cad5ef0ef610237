"""Password hashes: compared in constant time, a few at once, with parameters that can grow."""

import asyncio
import threading
from typing import Literal

import pytest
from argon2 import PasswordHasher

from heartbeat.access import hasher
from heartbeat.access.hasher import Busy, Hasher
from tests.unit.access.conftest import CHEAP


async def test_a_password_matches_its_hash_and_no_other() -> None:
    hash_ = await Hasher(CHEAP).hashed("correct horse")
    assert hash_.startswith("$argon2id$")
    assert await Hasher(CHEAP).matches(hash_, "correct horse")
    assert not await Hasher(CHEAP).matches(hash_, "wrong horse")
    assert not await Hasher(CHEAP).matches("no hash at all", "correct horse")
    assert not await Hasher(CHEAP).matches(hash_, "\ud800")


class Counting(PasswordHasher):
    """Counts how often it compares."""

    compared = 0

    def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:
        self.compared += 1
        return super().verify(hash, password)


async def test_a_missing_hash_is_compared_too() -> None:
    counting = Counting(time_cost=1, memory_cost=8, parallelism=1)
    assert not await Hasher(counting).matches(None, "nobody has this password")
    assert counting.compared == 1


async def test_a_hash_cheaper_than_recommended_is_dated() -> None:
    hash_ = await Hasher(CHEAP).hashed("correct horse")
    assert Hasher().is_dated(hash_)
    assert not Hasher(CHEAP).is_dated(hash_)


async def test_few_hashes_run_at_once_and_too_many_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hasher, "IN_LINE", 3)
    go, running, most = threading.Event(), 0, 0

    class Slow(PasswordHasher):
        def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
            nonlocal running, most
            running += 1
            most = max(most, running)
            go.wait(10)
            running -= 1
            return "made"

    slow = Hasher(Slow())
    line = [asyncio.create_task(slow.hashed("x")) for _ in range(5)]
    await asyncio.sleep(0)
    with pytest.raises(Busy, match="Wait a few seconds"):
        await slow.hashed("x")
    go.set()
    assert await asyncio.gather(*line) == ["made"] * 5
    assert most <= hasher.AT_ONCE
    assert await slow.hashed("x") == "made"
