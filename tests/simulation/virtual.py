"""Time that nobody waits for: an event loop that jumps to whatever comes next, and a wall clock that can be wrong."""

import asyncio
import math
import selectors
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from heartbeat.clock_reading import Reading

EPOCH = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)
"""What the wall clock shows when a simulation begins."""
STANDSTILL = 200_000
"""Turns of the loop at one instant after which the simulated program is said to run in circles."""


class Deadlock(RuntimeError):
    """Everybody waits for somebody, or the program runs in circles: no time will ever pass again."""


@dataclass(frozen=True, slots=True)
class _Rest:
    """Somebody who does the same again and again rests, and may rest on while nothing else happens."""

    at: float
    every: float
    over: "asyncio.Future[int]"
    long: bool


class _Jumping(selectors.SelectSelector):
    """A selector that never waits: the time it was asked to wait for has simply passed."""

    def __init__(self) -> None:
        super().__init__()
        self.time = 0.0
        self._turns = 0
        self._rest: _Rest | None = None
        self._undisturbed = False
        """Whether nothing else has happened since the rest began."""

    def rest(self, every: float, over: "asyncio.Future[int]", *, long: bool) -> None:
        """See `VirtualLoop.rest`."""
        self._rest = _Rest(round(self.time + every, 6), every, over, long and self._undisturbed)
        self._undisturbed = True

    def stand_still(self, seconds: float) -> None:
        """See `VirtualLoop.stand_still`."""
        self.time = round(self.time + seconds, 6)
        self._undisturbed = False

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise Deadlock("nothing is ready and nothing is scheduled: everybody waits for somebody")
        self._turns = 0 if timeout > 0 else self._turns + 1
        if self._turns > STANDSTILL:
            raise Deadlock(f"{STANDSTILL} turns of the loop and no time has passed")
        # Whole microseconds, as `datetime` keeps them, so that loop and wall clock never drift apart.
        moment = round(self.time + max(timeout, 0.0), 6)
        rest = self._rest
        if timeout > 0 and rest is not None and rest.at <= moment and not rest.over.done():
            more = math.ceil((moment - rest.at) / rest.every) - 1 if rest.long and self._undisturbed else 0
            ends = max(round(rest.at + max(more, 0) * rest.every, 6), self.time)
            self._undisturbed = self._undisturbed and ends < moment
            rest.over.set_result(max(more, 0))
            moment = ends
        else:
            self._undisturbed = self._undisturbed and timeout <= 0
        self.time = moment
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop on virtual time. Work meant for threads is done at once, so that each run is like the last."""

    def __init__(self) -> None:
        self._jumping = _Jumping()
        super().__init__(self._jumping)
        self._clock_resolution = 1e-6

    def time(self) -> float:
        return self._jumping.time

    def rest(self, every: float, *, long: bool) -> "asyncio.Future[int]":
        """Wait for `every` seconds, or (`long`) some times as long, up to the last such moment before anything else.

        Return how many rests were left out. None is while the one before was disturbed.
        """
        over: asyncio.Future[int] = self.create_future()
        self._jumping.rest(every, over, long=long)
        return over

    def stand_still(self, seconds: float) -> None:
        """Time passes, and nothing that was to happen meanwhile does."""
        self._jumping.stand_still(seconds)

    def run_in_executor(  # type: ignore[override]  # without the type variables of the original
        self, _executor: Any, func: Callable[..., Any], *args: Any
    ) -> "asyncio.Future[Any]":
        done = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as error:  # noqa: BLE001  # whatever it is, it belongs to who waits
            done.set_exception(error)
        return done


class VirtualClock:
    """The machine's wall clock: the loop's time, and whatever it has been put forward or back by."""

    def __init__(self, loop: VirtualLoop) -> None:
        self.boot = "the machine"
        self._loop = loop
        self._steps: list[tuple[float, float]] = [(0.0, 0.0)]
        """Since when (loop time) the clock has been wrong by how much, in order."""

    def now(self) -> datetime:
        return self.at(self._loop.time())

    def elapsed(self) -> float:
        """Nobody can set the loop's time."""
        return self._loop.time()

    def agree(self, reading: Reading) -> timedelta:
        raise NotImplementedError("a SQLite database has no clock to agree with")

    def step(self, seconds: float) -> None:
        """Somebody sets the clock."""
        self._steps.append((self._loop.time(), self._steps[-1][1] + seconds))

    @property
    def last_set(self) -> float:
        """The moment at which it was last set."""
        return self._steps[-1][0]

    def at(self, moment: float) -> datetime:
        """What the clock showed at a moment of the loop's time."""
        return EPOCH + timedelta(seconds=self.shown(moment))

    def shown(self, moment: float) -> float:
        """The same in seconds since `EPOCH`."""
        return moment + self._steps[bisect_right(self._steps, (moment, float("inf"))) - 1][1]

    def when(self, shown: float, after: float) -> float:
        """The first moment, not before `after`, at which the clock shows this (seconds since `EPOCH`) or more."""
        if shown == float("inf"):
            return shown
        ends = [since for since, _ in self._steps[1:]] + [float("inf")]
        for (since, wrong), end in zip(self._steps, ends, strict=True):
            moment = max(shown - wrong, since, after)
            if moment < end:
                return moment
        raise AssertionError("the last step never ends")


def seconds(at: datetime) -> float:
    """Seconds since `EPOCH` on the wall clock."""
    return (at - EPOCH).total_seconds()
