"""Counts the numbers of pings into their history, beside the pings and seldom: a check at most once in `EVERY`.

Pings note their checks in memory, and the ring has the numbers. The database knows the last ping of each check that is
counted, so that a crash loses nothing: `catch_up` finds checks whose notes were lost.
"""

import asyncio
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date, datetime
from functools import partial
from itertools import islice
from typing import Final, TypeVar
from uuid import UUID

from sqlalchemy import Connection

from heartbeat.checks.finished_run import OWN
from heartbeat.clock import Clock
from heartbeat.database import Database
from heartbeat.loop import Loop
from heartbeat.measurements import history
from heartbeat.measurements import store as measurements
from heartbeat.measurements.store import Key
from heartbeat.pings import body_store, measured_pings
from heartbeat.pings.measured_pings import MeasuredPing
from heartbeat.pings.measurement import MOST

EVERY: Final = 30.0
"""Seconds between two rounds."""
CATCH_UP_EVERY: Final = 86_400.0
"""Seconds between two looks at all checks."""
FIRST_AFTER: Final = 60.0
"""Seconds from the start of the process to the first look: a start has better things to do."""
BATCH: Final = 100
"""Checks of one transaction."""
RANGE: Final = 200
"""Checks that are looked at in one query."""
MOST_NAMES: Final = MOST + len(OWN)
"""Names of one check and day that are counted: those of a ping, and those that every run has."""
REST: Final = 2.0
"""The rest after a transaction, as often as it took: pings come first."""
PAUSE: Final = 0.05
"""The shortest rest, in seconds."""

T = TypeVar("T")


class Rollup:
    """The checks with pings whose numbers this process has still to count."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._noted: set[str] = set()

    def note(self, uuids: Collection[str]) -> None:
        """Remember these checks, which have got pings with numbers. Any thread may call it."""
        self._noted.update(uuids)

    async def run(self) -> None:
        """Count the numbers of noted checks until cancelled."""
        await Loop("measurements", self.roll, pause=lambda _: EVERY).run()

    async def run_catching_up(self) -> None:
        """Count what was not noted, until cancelled: soon after the start, then once a day."""
        await asyncio.sleep(FIRST_AFTER)
        await Loop("measurements", self.catch_up, pause=lambda _: CATCH_UP_EVERY).run()

    async def roll(self) -> int:
        """Count the numbers of the noted checks. Return how many checks that were."""
        noted, self._noted = self._noted, set()
        count = 0
        for uuids in _slices(noted, BATCH):
            try:
                ids = await self._database.read(partial(measured_pings.ids_of, uuids=list(map(UUID, uuids))))
                await self._count(ids)
            except BaseException:
                self._noted |= noted
                raise
            noted -= set(uuids)
            count += len(ids)
        return count

    async def catch_up(self) -> int:
        """Look at all checks for numbers that are not counted, and for days that are too old. Return the count."""
        count, after = 0, 0
        while (
            last := await self._database.read(partial(body_store.last_of_next, after=after, many=RANGE))
        ) is not None:
            today = history.day_of(self._clock.now())
            aged = await self._database.read(partial(measurements.aged, after=after, last=last, today=today))
            if aged:
                await self._database.write(partial(measurements.forget, check_ids=aged, today=today))
            waiting = await self._database.read(partial(measured_pings.waiting, after=after, last=last))
            for ids in _slices(waiting, BATCH):
                await self._count(ids)
            count += len(waiting)
            after = last
            await asyncio.sleep(PAUSE)
        return count

    async def _count(self, ids: Collection[int]) -> None:
        if not ids:
            return
        began = asyncio.get_running_loop().time()
        await self._database.write(partial(count, check_ids=ids))
        took = asyncio.get_running_loop().time() - began
        await asyncio.sleep(max(PAUSE, REST * took))


def count(db: Connection, check_ids: Collection[int]) -> None:
    """Add the numbers of the pings since the last count to the history of these checks."""
    counted = measurements.lock(db, check_ids)
    pings = measured_pings.since(db, counted)
    if not pings:
        return
    days = measurements.days(db, counted, {history.day_of(ping.at) for ping in pings})
    changed = changed_days(days, pings)
    measurements.put(db, changed, {ping.check_id: ping.n for ping in pings})
    _end_days(db, days, changed)


def changed_days(days: Mapping[Key, history.Day], pings: Sequence[MeasuredPing]) -> dict[Key, history.Day]:
    """Return the days with the numbers of these pings, which come in their order.

    A day has at most as many names as a ping: a job that invents names grows no further.
    """
    names: dict[tuple[int, date], set[str]] = defaultdict(set)
    for check_id, name, day in days:
        names[check_id, day].add(name)
    values: dict[Key, list[tuple[datetime, float]]] = defaultdict(list)
    for ping in pings:
        day = history.day_of(ping.at)
        known = names[ping.check_id, day]
        for name, value in ping.values.items():
            if name in known or len(known) < MOST_NAMES:
                known.add(name)
                values[ping.check_id, name, day].append((ping.at, value))
    changed = {key: history.added(days.get(key), of_day) for key, of_day in values.items()}
    return {key: day for key, day in changed.items() if day is not None}


def _end_days(db: Connection, days: Mapping[Key, history.Day], changed: Mapping[Key, history.Day]) -> None:
    """End the days before those that have just begun."""
    begun: dict[date, set[int]] = defaultdict(set)
    known = {(check_id, day) for check_id, _, day in days}
    for check_id, _, day in changed:
        if (check_id, day) not in known:
            begun[day].add(check_id)
    for day, check_ids in begun.items():
        measurements.end_days(db, check_ids, day)


def _slices(items: Collection[T], size: int) -> Iterator[list[T]]:
    line = iter(list(items))
    while piece := list(islice(line, size)):
        yield piece
