"""The loop of background work: a round that fails ends nothing, a stop ends it at once, and a wake begins a round."""

import asyncio
import logging
from collections.abc import Callable

import pytest

from heartbeat.database import Unavailable
from heartbeat.loop import Loop, attempt

SOON = 5.0
LONG = 3600.0


class Work:
    """Rounds that raise these errors, one after the other, and then return how many there were."""

    def __init__(self, *errors: BaseException) -> None:
        self._errors = list(errors)
        self.rounds = 0
        self.failures = 0

    async def round(self) -> int:
        self.rounds += 1
        if self._errors:
            raise self._errors.pop(0)
        return self.rounds

    def fail(self) -> None:
        self.failures += 1


def loop_of(work: Work, pause: float = LONG, shortest: float = 0.0) -> Loop[int]:
    return Loop("sweeping", work.round, pause=lambda _: pause, count_failure=work.fail, shortest=shortest)


async def eventually(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(SOON):
        while not condition():  # noqa: ASYNC110  # a counter has no event
            await asyncio.sleep(0)


async def test_a_failing_round_is_logged_and_counted_and_the_next_one_comes(
    caplog: pytest.LogCaptureFixture,
) -> None:
    work = Work(Unavailable("no route"), ValueError("a fault"))
    loop = loop_of(work, pause=0)
    running = asyncio.create_task(loop.run())
    await eventually(lambda: work.rounds >= 4)
    assert work.failures == 2
    away, fault = caplog.records
    assert (away.levelno, away.getMessage()) == (
        logging.WARNING,
        "sweeping: the database is away: no route",
    )
    assert (fault.levelno, fault.getMessage()) == (logging.ERROR, "sweeping failed")
    assert fault.exc_info is not None
    assert [vars(record)["stage"] for record in caplog.records] == ["sweeping"] * 2
    loop.stop()
    await asyncio.wait_for(running, SOON)


@pytest.mark.parametrize("shortest", [0.0, LONG])
async def test_a_stop_ends_the_loop_at_once(shortest: float) -> None:
    work = Work()
    loop = loop_of(work, shortest=shortest)
    running = asyncio.create_task(loop.run())
    await eventually(lambda: work.rounds == 1)
    assert not loop.stopped
    loop.stop()
    await asyncio.wait_for(running, SOON)
    assert loop.stopped
    assert work.rounds == 1


async def test_a_stop_lets_the_round_under_way_end() -> None:
    stop_asked, ended = asyncio.Event(), []

    async def work() -> None:
        await stop_asked.wait()
        ended.append(True)

    loop = Loop("sweeping", work, pause=lambda _: LONG)
    running = asyncio.create_task(loop.run())
    await asyncio.sleep(0)
    loop.stop()
    stop_asked.set()
    await asyncio.wait_for(running, SOON)
    assert ended == [True]


async def test_a_wake_begins_the_next_round_at_once() -> None:
    work = Work()
    loop = loop_of(work)
    running = asyncio.create_task(loop.run())
    for number in (1, 2, 3):
        await eventually(lambda number=number: work.rounds == number)  # type: ignore[misc]
        loop.wake()
    loop.stop()
    await asyncio.wait_for(running, SOON)


async def test_a_wake_during_a_round_is_not_lost() -> None:
    work = Work()

    async def waking() -> int:
        if work.rounds == 0:
            loop.wake()
        return await work.round()

    loop = Loop("sweeping", waking, pause=lambda _: LONG)
    running = asyncio.create_task(loop.run())
    await eventually(lambda: work.rounds == 2)
    running.cancel()
    await asyncio.wait([running])


async def trial_watch_keep_a_distance_however_often_the_loop_is_woken() -> None:
    work = Work()
    loop = loop_of(work, shortest=LONG / 2)
    running = asyncio.create_task(loop.run())
    await eventually(lambda: work.rounds == 1)
    for _ in range(10):
        loop.wake()
        await asyncio.sleep(0)
    assert work.rounds == 1
    loop.stop()
    await asyncio.wait_for(running, SOON)


async def test_the_pause_depends_on_the_result() -> None:
    work, results = Work(ValueError("a fault")), list[int | None]()

    def pause(result: int | None) -> float:
        results.append(result)
        return LONG if result == 3 else 0

    running = asyncio.create_task(Loop("sweeping", work.round, pause=pause).run())
    await eventually(lambda: len(results) == 3)
    assert results == [None, 2, 3]
    running.cancel()
    await asyncio.wait([running])


async def test_a_cancelled_round_is_no_failure() -> None:
    work = Work(asyncio.CancelledError())
    with pytest.raises(asyncio.CancelledError):
        await loop_of(work).run()
    assert work.failures == 0


async def test_an_attempt_returns_the_result_or_nothing() -> None:
    work = Work(ValueError("a fault"))
    assert await attempt("sweeping", work.round, work.fail) is None
    assert await attempt("sweeping", work.round, work.fail) == 2
    assert work.failures == 1
