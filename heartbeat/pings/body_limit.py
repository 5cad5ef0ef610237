"""Keeps the bytes of all kept bodies within their limit: the oldest are removed first. Their pings stay.

Every process with the role `checker` does so. They need no agreement: what one has removed, the other does not find.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial

from sqlalchemy import Connection

from heartbeat.clock import Clock
from heartbeat.database import Database
from heartbeat.loop import Loop
from heartbeat.metrics import Metrics
from heartbeat.pings import body_store, usage_store
from heartbeat.pings.body_store import Body
from heartbeat.pings.usage import BODIES, REMOVED, Used

MB = 1_000_000
EVERY = 5.0
"""Seconds between two looks at the count."""
MEASURED_EVERY = timedelta(days=1)
"""The time after which the bytes are measured in any case."""
FULL, ROOMY = 0.95, 0.9
"""The parts of the limit from which on bodies are removed, and down to which: measuring all of them takes a while."""
CHECKS = 500
"""Checks whose bodies are measured, or looked for, at once."""
BODIES_AT_ONCE = 500
BYTES_AT_ONCE = 10 * MB
"""Bodies, and bytes of them, that one transaction removes, at most. A single longer one has a transaction too."""
PAUSE = 0.05
"""Seconds between two reads or transactions, for others to take their turn."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Measured:
    """The bytes of all bodies, by the minute in which they came, and by check."""

    by_minute: Counter[int] = field(default_factory=Counter)
    by_check: Counter[int] = field(default_factory=Counter)

    @property
    def total(self) -> int:
        """All bytes."""
        return self.by_minute.total()

    def last_minute(self, excess: int) -> datetime:
        """Return the start of the minute in which the last of the oldest `excess` bytes came."""
        for minute, size in sorted(self.by_minute.items()):
            excess -= size
            if excess <= 0:
                return _EPOCH + timedelta(minutes=minute)
        return _EPOCH


class BodyLimit:
    """Removes the oldest bodies when all of them have more than `limit` bytes."""

    def __init__(self, database: Database, clock: Clock, metrics: Metrics, limit: int) -> None:
        self._database = database
        self._clock = clock
        self._metrics = metrics.limits
        self._limit = limit
        self._loop = Loop("bodies", self.keep, pause=lambda _: EVERY)

    async def run(self) -> None:
        """Keep the limit until cancelled."""
        await self._loop.run()

    async def keep(self) -> int:
        """Look once, and remove what is too much. Return the number of removed bodies."""
        now = self._clock.now()
        used = (await self._database.read(usage_store.load)).get(BODIES)
        if used is not None and used.count <= self._limit and abs(now - used.since) < MEASURED_EVERY:
            return 0
        measured = await self._measure()
        removed, freed = 0, 0
        if measured.total > FULL * self._limit:
            removed, freed = await self._remove(measured, measured.total - int(ROOMY * self._limit))
        counted = used.count if used else 0
        await self._database.write(
            lambda db: usage_store.measured_bodies(db, measured.total - freed, counted, now)
        )
        if removed:
            await self._note(removed, freed, measured, now)
        return removed

    async def _measure(self) -> Measured:
        measured = Measured()
        async for after, last in self._ranges():
            for check, minute, size in await self._database.read(
                partial(body_store.sizes, after=after, last=last)
            ):
                measured.by_minute[minute] += size
                measured.by_check[check] += size
        return measured

    async def _remove(self, measured: Measured, excess: int) -> tuple[int, int]:
        """Remove the oldest bodies, with `excess` bytes or a little more. Return their number and bytes."""
        minute = measured.last_minute(excess)
        removed, freed = 0, 0
        # All that came before that minute, then of that minute no more than needed.
        for before in (minute, minute + timedelta(minutes=1)):
            async for after, last in self._ranges():
                if freed >= excess:
                    break
                found = await self._database.read(
                    partial(body_store.older, after=after, last=last, before=before)
                )
                for bodies in _portions(found, excess - freed):
                    await self._database.write(partial(body_store.remove, bodies=bodies))
                    removed += len(bodies)
                    freed += sum(body.size for body in bodies)
                    await asyncio.sleep(PAUSE)
        return removed, freed

    async def _ranges(self) -> AsyncIterator[tuple[int, int]]:
        """Yield ranges of the numbers of checks: the one before the first, and the last."""
        after = 0
        while True:
            last = await self._database.read(partial(body_store.last_of_next, after=after, many=CHECKS))
            if last is None:
                return
            yield after, last
            after = last
            await asyncio.sleep(PAUSE)

    async def _note(self, removed: int, freed: int, measured: Measured, now: datetime) -> None:
        ((most, _),) = measured.by_check.most_common(1)

        def work(db: Connection) -> str:
            slug = body_store.slug_of(db, most)
            usage_store.put(db, {REMOVED: Used(removed, now, slug)})
            return slug

        slug = await self._database.write(work)
        self._metrics.removed_bodies.inc(removed)
        log.warning(
            "the limit of kept bodies is reached: the oldest %d, %d MB, were removed; most bytes are of check %s",
            removed,
            freed // MB,
            slug,
        )


def _portions(found: Sequence[Body], excess: int) -> Iterator[list[Body]]:
    """Split bodies for one transaction each, until they have `excess` bytes."""
    portion: list[Body] = []
    size = 0
    for body in found:
        if excess <= 0:
            break
        if portion and (size + body.size > BYTES_AT_ONCE or len(portion) >= BODIES_AT_ONCE):
            yield portion
            portion, size = [], 0
        portion.append(body)
        size += body.size
        excess -= body.size
    if portion:
        yield portion
