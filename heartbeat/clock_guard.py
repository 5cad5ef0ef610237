"""Notices that the clock was set, and moves all times with it before anything else is judged.

Each tick compares the clock with the time that has passed since the machine started, which nobody can set. On SQLite
it is this machine's clock. On PostgreSQL it is the database's, and setting this machine's changes nothing.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Connection

from alerting import desk, times
from alerting.clock_step import Step
from heartbeat import clock_store
from heartbeat.checks import blindness_store, checker
from heartbeat.clock import Clock
from heartbeat.clock_reading import NOTICED, Reading, Witness, between
from heartbeat.clock_store import Work
from heartbeat.database import Database, Unavailable
from heartbeat.own_metrics import Ticking

HOLD = 2.5
"""Seconds from the notice of a step until times are moved: pings that came before it are stored by then."""
STRETCH = 1.0
"""Seconds for which one look moves times."""
PATIENCE = 300.0
"""Seconds from the notice after which judging goes on, even if not all times were moved."""
READ_EVERY = 1.0
"""Seconds between readings of the database's clock."""
REMEMBERED_EVERY = 60.0
"""Seconds after which the reading is written, so that a step while no process runs is noticed."""
AT_ONCE = 500
"""Incidents or checks that one transaction moves."""
Stage = Callable[[Connection, Step, int], int | None]
"""Moves a batch with numbers above the given one. Returns the last number, or None at the end."""
log = logging.getLogger(__name__)


def _incidents(db: Connection, step: Step, number: int) -> int | None:
    return desk.retime_incidents(db, step, number, AT_ONCE)


def _pages(db: Connection, step: Step, _number: int) -> None:
    desk.retime_pages(db, step)


def _checks(db: Connection, step: Step, number: int) -> int | None:
    return checker.retime(db, step, number, AT_ONCE)


def _facts(db: Connection, step: Step, _number: int) -> None:
    blindness_store.retime(db, step)
    if step.length <= timedelta():
        clock_store.clamp(db, step.after)


STAGES: Sequence[Stage] = (_incidents, _pages, _checks, _facts)
"""Incidents come before checks, because a check that is judged again changes its incident."""


class ClockGuard:
    """Watches the clock for one process. One that `moves` times also moves what the database holds."""

    def __init__(self, database: Database, clock: Clock, metrics: Ticking, *, moves: bool) -> None:
        self._database = database
        self._clock = clock
        self._metrics = metrics
        self._moves = moves
        self._last: Witness | None = None
        self._remembered_at = float("-inf")
        self._held_at: float | None = None

    @property
    def holding(self) -> bool:
        """True while times are being moved: nothing may be judged meanwhile."""
        return self._held_at is not None and self._clock.elapsed() - self._held_at < PATIENCE

    def now(self) -> datetime:
        """Return the time to judge by. It goes on from the last look, also after a step that nobody has noticed yet."""
        if self._last is None:
            return self._clock.now()
        last = self._last.reading
        return last.at + timedelta(seconds=self._clock.elapsed() - last.elapsed)

    def calm(self) -> bool:
        """Return True if the clock has been right for a day, as far as is known: deletion by age may trust it."""
        return self._last is not None and self._last.calm(self._clock.elapsed())

    async def look(self) -> int:
        """Read the clock, and move times if it was set. Return the number of moved batches."""
        if self._last is not None and self._held_at is None and self._is_recent(self._last.reading):
            return 0
        reading = await self._read()
        if self._last is None:
            await self._begin(reading)
        else:
            await self._go_on(*self._last.seen(reading))
        if self._held_at is not None and reading.elapsed - self._held_at >= HOLD:
            return await self._work_off(STRETCH)
        await self._remember(reading)
        return 0

    def _is_recent(self, reading: Reading) -> bool:
        return not self._database.sqlite and 0 <= self._clock.elapsed() - reading.elapsed < READ_EVERY

    async def _read(self) -> Reading:
        if self._database.sqlite:
            sent = self._clock.elapsed()
            return between(self._clock.now(), sent, self._clock.elapsed(), self._clock.boot)
        reading = await self._database.read(lambda db: clock_store.reading(db, self._clock))
        self._metrics.clock_skew.set(self._clock.agree(reading).total_seconds())
        return reading

    async def _begin(self, reading: Reading) -> None:
        """Compare with the last reading of any process, and go on with a step that was not worked off."""
        known = await self._database.read(clock_store.witness)
        if known is None:
            # A release that knew no steps may have left times in the future.
            unknown = Step(reading.at, reading.at, reading.at)
            await self._go_on(Witness(reading, reading.at), unknown)
        else:
            await self._go_on(*known.seen(reading))
        work = await self._database.write(clock_store.work) if self._moves else None
        # No ping that came before the step can be under way.
        self._held_at = reading.elapsed - HOLD if work and work.stage < len(STAGES) else None

    async def _go_on(self, witness: Witness, step: Step | None) -> None:
        if step is not None and self._moves:
            if self._held_at is not None:
                # Times lie where the first step has left them only once it is worked off.
                await self._work_off(PATIENCE)
            self._held_at = witness.reading.elapsed
            taking = partial(_take_on, step=step, witness=witness)
            witness = await self._database.write(taking)
            self._remembered_at = witness.reading.elapsed
        self._last = witness
        if step is not None and step.length:
            self._tell(step)

    async def _work_off(self, seconds: float) -> int:
        """Move times for so many seconds. Return the number of batches."""
        began, batches = self._clock.elapsed(), 0
        while await self._moved_batch():
            batches += 1
            if self._clock.elapsed() - began >= seconds:
                return batches
        self._held_at = None
        return batches

    async def _moved_batch(self) -> bool:
        try:
            return await self._database.write(self._batch)
        except Unavailable:
            raise
        except Exception:
            # A fault here must not keep everything from being judged.
            log.exception("the times of one kind could not be moved after a step of the clock")
            await self._database.write(self._skip)
            return True

    def _batch(self, db: Connection) -> bool:
        """Move one batch. Return False if nothing is left."""
        work = clock_store.work(db)
        if work is None or work.stage >= len(STAGES):
            return False
        # By the clock as this step left it: it may have been set again since.
        number = STAGES[work.stage](db, work.step.as_of(self.now()), work.number)
        clock_store.write_work(db, work.after(number))
        return True

    def _skip(self, db: Connection) -> None:
        """Leave out the rest of a stage that fails."""
        if work := clock_store.work(db):
            clock_store.write_work(db, work.after(None))

    async def _remember(self, reading: Reading) -> None:
        last = self._last
        if self._moves and last is not None and reading.elapsed - self._remembered_at >= REMEMBERED_EVERY:
            await self._database.write(lambda db: clock_store.write_witness(db, last))
            self._remembered_at = reading.elapsed

    def _tell(self, step: Step) -> None:
        direction = "back" if step.back else "forward"
        seconds = step.length.total_seconds()
        self._metrics.clock_steps.labels(direction).inc()
        self._metrics.clock_step.set(seconds)
        log.warning(
            "the %s was set %s by %s: due times move with it",
            "clock" if self._database.sqlite else "database's clock",
            direction,
            times.duration(abs(step.length)),
            extra={"event": "clock step", "seconds": round(seconds, 3)},
        )


def _take_on(db: Connection, step: Step, witness: Witness) -> Witness:
    """Write what is to be worked off of a step: nothing if another process has noticed it, or this one before.

    Return the witness, with the steps as all processes count them.
    """
    other = clock_store.work(db)
    done = other.steps if other else None
    rest = step.length if done is None else witness.steps - done
    if other is None or not step.length or abs(rest) > NOTICED:
        clock_store.write_work(db, Work(replace(step, before=step.after - rest), witness.steps))
    elif done is not None:
        witness = replace(witness, steps=done)
    clock_store.write_witness(db, witness)
    return witness
