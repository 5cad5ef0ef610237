"""Outcomes are recorded together, and one that cannot be recorded costs no other."""

import asyncio
from collections.abc import Callable

import pytest
from sqlalchemy import Connection

from alerting import outcomes
from alerting.notifiers.contract import Accepted
from alerting.outcomes import Outcomes

Work = Callable[[Connection], frozenset[int]]


class Books:
    """Takes what is recorded instead of a database. A page with a number in `bad` cannot be recorded."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.batches: list[list[int]] = []
        self.until: list[float] = []
        self.bad: dict[int, Exception] = {}
        self.free = asyncio.Event()
        self.outcomes = Outcomes(self.write, 8.0)
        monkeypatch.setattr(outcomes, "record", self.record)

    async def write(self, work: Work, until: float) -> frozenset[int]:
        self.until.append(until)
        to_retry = work(None)  # type: ignore[arg-type]  # it is not looked at
        await self.free.wait()
        return to_retry

    def record(self, _db: Connection, sends: list[int]) -> frozenset[int]:
        self.batches.append(list(sends))
        if error := next((self.bad[number] for number in sends if number in self.bad), None):
            raise error
        return frozenset(number for number in sends if number % 2)

    def begin(self, *numbers: int) -> list[asyncio.Task[bool]]:
        return [
            asyncio.create_task(self.outcomes.record(_Numbered(number)))  # type: ignore[arg-type]  # as above
            for number in numbers
        ]


class _Numbered(int):
    """A send that is no more than the number of its page."""

    outcome = Accepted()

    @property
    def send(self) -> "_Numbered":
        return self

    @property
    def page(self) -> "_Numbered":
        return self

    @property
    def id(self) -> int:
        return int(self)


@pytest.fixture
async def books(monkeypatch: pytest.MonkeyPatch) -> Books:
    return Books(monkeypatch)


async def test_outcomes_that_come_during_a_commit_share_the_next_one(books: Books) -> None:
    first = books.begin(1)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    others = books.begin(2, 3, 4)
    await asyncio.sleep(0)
    books.free.set()
    assert await asyncio.gather(*first, *others) == [True, False, True, False]
    assert books.batches == [[1], [2, 3, 4]]


async def test_an_outcome_that_cannot_be_recorded_costs_no_other(books: Books) -> None:
    books.bad[2] = ValueError("odd")
    books.free.set()
    recorded = await asyncio.gather(*books.begin(1, 2, 3), return_exceptions=True)
    assert [type(outcome) for outcome in recorded] == [bool, ValueError, bool]
    assert books.batches == [[1, 2, 3], [1], [2], [3]]


async def test_a_database_that_stays_away_fails_all_at_once(books: Books) -> None:
    books.bad[2] = ConnectionError("away")
    books.free.set()
    recorded = await asyncio.gather(*books.begin(1, 2, 3), return_exceptions=True)
    assert [type(outcome) for outcome in recorded] == [ConnectionError] * 3
    assert books.batches == [[1, 2, 3]]
    assert await asyncio.gather(*books.begin(5)) == [True]


async def test_a_send_that_is_given_up_meanwhile_is_recorded_like_the_others(books: Books) -> None:
    given_up, other = books.begin(1, 3)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    given_up.cancel()
    books.free.set()
    assert await other is True
    assert books.batches == [[1, 3]]


async def test_a_batch_is_tried_for_as_long_as_its_last_outcome_has(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop, now = asyncio.get_running_loop(), 100.0
    monkeypatch.setattr(loop, "time", lambda: now)
    tasks = books.begin(1)
    await asyncio.sleep(0)
    tasks += books.begin(2)
    await asyncio.sleep(0)
    now = 107.0
    tasks += books.begin(3)
    await asyncio.sleep(0)
    books.free.set()
    await asyncio.gather(*tasks)
    assert books.batches == [[1], [2, 3]]
    assert books.until == [108.0, 115.0]
