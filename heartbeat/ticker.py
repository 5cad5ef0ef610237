"""The ticker: judges the checks that are due, decides whom to page, and sends.

A tick works in rounds, one bounded batch of each stage a round, all stages at once, so that the first page of a storm
leaves while the rest of the storm is still being judged. Then it sleeps until the next due time, or until `wake`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Connection

from alerting import courier, escalator
from alerting.courier import Courier
from alerting.span import Spans, no_spans
from heartbeat import installation
from heartbeat.checks import blindness_report, blindness_store, canary, checker, waiting
from heartbeat.checks import store as check_store
from heartbeat.clock_guard import ClockGuard
from heartbeat.database import Database
from heartbeat.loop import Loop, attempt
from heartbeat.metrics import Metrics
from heartbeat.outside_heartbeat import OutsideHeartbeat
from heartbeat.pings import store as ping_store

MAX_ROUNDS = 200
LONGEST_TICK = 10.0
"""Seconds after which a tick begins no other round, although work is left: while new work comes all the time, the
service is ready and vouches for itself all the same. The next tick goes on with batches of the same size."""
FIRST_BATCH = 125
"""Checks or incidents of one transaction in the first round of a tick. It doubles from round to round: in a storm the
first page leaves after little work, and the rest takes fewer transactions."""
LONGEST_SLEEP = 1.0
"""Seconds between ticks, at most: another replica may have brought something forward."""
SHORTEST_SLEEP = 0.05
READY_WITHIN = 15.0
"""Seconds after the last clean tick until the service is no longer ready."""
PROVE_EVERY = 5.0
"""Seconds after which every stage runs even if nothing is due: a process is ready only if it can also write."""
AT_ONCE = 2
"""Batches of one stage at once on PostgreSQL, from the second round on: one computes while another waits."""
HOLDING_SLEEP = 0.25
"""Seconds between ticks while times are moved after a step of the clock."""
OVERDUE_AFTER = timedelta(minutes=2)
"""Work that has been due for longer is not being done. No process vouches for the service then."""
JUDGING = "checker"
"""The role that judges checks. Only a process that has it vouches for the service."""

Dues = Mapping[str, datetime | None]
"""The next due time of each stage, by its name."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One kind of work of a tick, done by processes that have `role`."""

    name: str
    role: str
    due: Callable[[Connection], datetime | None]
    """Returns the time of its next work, in any process."""
    work: Callable[[int], Awaitable[int]]
    """Does one batch of at most this size, and returns the number done."""
    at_once: int = 1
    """The most batches at the same time. More than one must not take the same work."""


def stages(database: Database, clock: ClockGuard, page_courier: Courier) -> tuple[Stage, ...]:
    """Return every stage of a tick. To add a stage, add it to this list."""

    async def check(batch: int) -> int:
        now = clock.now()
        return await database.write(
            lambda db: checker.sweep(db, now, min(batch, checker.BATCH), ping_store.last_bodies)
        )

    async def release(batch: int) -> int:
        now = clock.now()
        return await database.write(lambda db: waiting.sweep(db, now, min(batch, checker.BATCH)))

    async def sing(_: int) -> int:
        now = clock.now()
        return await database.write(lambda db: canary.sweep(db, now))

    async def tell(_: int) -> int:
        now = clock.now()
        return await database.write(lambda db: blindness_report.sweep(db, now))

    async def escalate(batch: int) -> int:
        now = clock.now()
        return await database.write(
            lambda db: escalator.sweep(db, now, min(batch, escalator.BATCH), installation.pace(db))
        )

    async def send(_: int) -> int:
        return await page_courier.dispatch()

    # SQLite has one writer.
    at_once = 1 if database.sqlite else AT_ONCE
    return (
        Stage("checker", JUDGING, check_store.next_due, check, at_once),
        Stage("waiting", JUDGING, waiting.next_due, release),
        # By itself: whatever is wrong with the canary, checks are judged.
        Stage("canary", JUDGING, canary.next_due, sing),
        Stage("blindness", JUDGING, blindness_store.next_told, tell),
        Stage("escalator", JUDGING, escalator.next_due, escalate, at_once),
        Stage("courier", "pager", courier.next_due, send),
    )


class Ticker:
    """Runs the stages that this process has a role for.

    `ticked` is called after each tick, with True if every stage did its work, and `moved` after each part of one: a
    long tick moves, a stuck one does not. `stored` returns whether the storage can be written, as far as it is known,
    and `sings` whether the canary's page arrives.
    """

    def __init__(
        self,
        database: Database,
        clock: ClockGuard,
        metrics: Metrics,
        stages: Sequence[Stage],
        *,
        roles: Collection[str],
        outside: OutsideHeartbeat,
        longest_sleep: float = LONGEST_SLEEP,
        ticked: Callable[[bool], None] = lambda _clean: None,
        moved: Callable[[], None] = lambda: None,
        stored: Callable[[], bool] = lambda: True,
        sings: Callable[[], bool] = lambda: True,
        spans: Spans = no_spans,
    ) -> None:
        self._database = database
        self._clock = clock
        self._metrics = metrics.ticking
        self._stages = stages
        self._own = [stage for stage in stages if stage.role in roles]
        self._judges = JUDGING in roles
        self._outside = outside
        self._longest_sleep = longest_sleep
        self._ticked = ticked
        self._moved = moved
        self._stored = stored
        self._sings = sings
        self._spans = spans
        self._idle_at: datetime | None = None
        self._next_dues: Dues | None = None
        self._sees = True
        self._proved_at = float("-inf")
        self._clean_at: float | None = None
        self._first_round = 0
        self._metrics.begin(["tick", "clock", *(stage.name for stage in stages)])
        self._loop = Loop[float | None](
            "tick",
            self._turn,
            # A full pause after a failure, so that a fault does not keep the process busy.
            pause=lambda seconds: LONGEST_SLEEP if seconds is None else seconds,
            count_failure=self._metrics.failures.labels("tick").inc,
        )

    def wake(self) -> None:
        """Begin the next tick now: something is due."""
        self._loop.wake()

    def stop(self) -> None:
        """Begin no other stage. The running one ends, so that it leaves no claimed work behind."""
        self._loop.stop()

    def ready(self) -> bool:
        """Return True if a clean tick has ended within `READY_WITHIN`, and the storage can be written."""
        now = asyncio.get_running_loop().time()
        return self._stored() and self._clean_at is not None and now - self._clean_at <= READY_WITHIN

    async def run(self) -> None:
        """Tick until stopped or cancelled."""
        await self._loop.run()

    async def _turn(self) -> float | None:
        """Tick, and return the seconds until the next tick, or None after a failure."""
        clean = await self.tick()
        self._ticked(clean)
        self._moved()
        if not clean or self._loop.stopped:
            return None
        if self._clock.holding:
            return HOLDING_SLEEP
        dues = self._next_dues or await self._dues()
        if dues is None:
            return None
        if self._vouches(dues):
            self._outside.beat()
        return self._pause(dues)

    async def tick(self) -> bool:
        """Work until nothing is due, for `MAX_ROUNDS` or `LONGEST_TICK`; return True if every stage did its work."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        with self._spans("tick") as span:
            clean, worked = await self._rounds()
            if clean and not worked:
                span.discard()
        self._metrics.seconds.observe(loop.time() - began)
        if clean:
            self._clean_at = loop.time()
            self._metrics.last.set(self._clock.now().timestamp())
        return clean

    async def _rounds(self) -> tuple[bool, bool]:
        """Run rounds. Return True if every stage did its work, and True if there was work."""
        self._idle_at = None
        moved = await self._guarded("clock", self._clock.look)
        clean, worked = moved is not None, bool(moved)
        if self._clock.holding:
            self._next_dues = None
            return clean, True
        began = asyncio.get_running_loop().time()
        dues = await self._dues() if began - self._proved_at < PROVE_EVERY else None
        self._next_dues = dues if dues is not None and not self._has_come(dues) else None
        if self._next_dues is not None:
            # One cheap query has shown that no stage is due: pings keep the processor.
            return clean, worked
        self._proved_at = began
        first, self._first_round = self._first_round, 0
        for number in range(first, first + MAX_ROUNDS):
            round_began_at = self._clock.now()
            if self._loop.stopped:
                return clean, worked
            counts = await self._round(number)
            # A long tick must notice a step too.
            looked = await attempt("clock", self._clock.look, self._metrics.failures.labels("clock").inc)
            self._moved()
            clean, worked = clean and None not in [*counts, looked], worked or any(counts)
            if self._clock.holding:
                return clean, True
            if not any(counts):
                self._idle_at = round_began_at
                return clean, worked
            if asyncio.get_running_loop().time() - began >= LONGEST_TICK:
                self._first_round = number + 1
                break
        return clean, True

    async def _round(self, number: int) -> list[int | None]:
        """Do the batches of our stages in the round of this number. Return the count of each, or None if it failed."""
        batch = FIRST_BATCH << min(number, 10)
        # At the same time, each in its own transaction: while one waits for the database, another computes.
        return await asyncio.gather(
            *(
                self._guarded(stage.name, partial(stage.work, batch))
                for stage in self._own
                for _ in range(stage.at_once if number else 1)
            )
        )

    async def _guarded(self, name: str, work: Callable[[], Awaitable[int]]) -> int | None:
        """Return the count of a stage, or None if it failed. One failing stage never stops the others."""

        async def traced() -> int:
            with self._spans(name) as span:
                count = await work()
                span.record(done=count)
                if not count:
                    span.discard()
                return count

        count = await attempt(name, traced, self._metrics.failures.labels(name).inc)
        self._moved()
        return count

    async def _dues(self) -> Dues | None:
        """Read the due times of all stages, also of those in other processes. Return None after a failure."""
        dues = await attempt("reading the next due times", lambda: self._database.read(self._read_dues))
        # Whatever waits for the database moves once it gives up.
        self._moved()
        return dues

    def _read_dues(self, db: Connection) -> Dues:
        self._sees = not blindness_store.is_lost(db, self._clock.now())
        return {stage.name: stage.due(db) for stage in self._stages}

    def _has_come(self, dues: Dues) -> bool:
        """Return True if one of our stages is due."""
        now = self._clock.now()
        return any((at := dues[stage.name]) is not None and at <= now for stage in self._own)

    def _vouches(self, dues: Dues) -> bool:
        """Return True if this process may vouch for the service.

        It judges checks, the storage can be written, pings can be heard, the canary's page arrives, and no work is long
        overdue.
        """
        since = self._clock.now() - OVERDUE_AFTER
        well = self._judges and self._stored() and self._sees and self._sings()
        return well and all(at is None or at > since for at in dues.values())

    def _pause(self, dues: Dues) -> float:
        """Return the seconds until one of our stages is due."""
        now = self._clock.now()
        first = min((at for stage in self._own if (at := dues[stage.name]) is not None), default=None)
        if first is None:
            return self._longest_sleep
        if self._idle_at is not None and first <= self._idle_at:
            # It was due in the last round and not claimed: another process has it, or it waits for a running send.
            return LONGEST_SLEEP
        return min(max((first - now).total_seconds(), SHORTEST_SLEEP), self._longest_sleep)
