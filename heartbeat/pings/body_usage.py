"""The bytes of bodies that are kept: counted in memory, and added to the database beside the pings.

What a body replaces in the ring is not taken off, so that the count is never too low. `body_limit` measures again when
the count says that the limit is reached.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Iterable

from sqlalchemy import Connection

from heartbeat import loop
from heartbeat.database import Database
from heartbeat.pings import keys, usage_store
from heartbeat.pings.arrival import Arrival, BySlug

EVERY = 5.0
"""Seconds between two writes, at least."""
REPEATED = 600.0
"""Seconds after which the log says again that the writes fail."""

log = logging.getLogger(__name__)


class BodyUsage:
    """The bytes of bodies that this process has stored and not added yet."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._bytes_by_key = Counter[str]()
        self._settling = asyncio.Event()
        self._writing: asyncio.Task[None] | None = None
        self._told_at: float | None = None
        """When the log said last that the writes fail, None while they do not."""

    def note(self, stored: Iterable[Arrival]) -> None:
        """Count the bodies of these pings, which were stored."""
        for arrival in stored:
            target = arrival.target
            key_hash = target.key_hash if isinstance(target, BySlug) else ""
            self._bytes_by_key[key_hash] += len(arrival.body or b"")
        if self._bytes_by_key and (self._writing is None or self._writing.done()):
            self._writing = asyncio.create_task(self._write_in_time())

    async def settle(self, seconds: float | None = None) -> None:
        """Write the rest now, and wait up to `seconds` for it."""
        if self._writing is not None:
            self._settling.set()
            await asyncio.wait([self._writing], timeout=seconds)
            self._settling.clear()

    async def _write_in_time(self) -> None:
        await loop.wait(self._settling, EVERY)
        counted, self._bytes_by_key = self._bytes_by_key, Counter()
        try:
            await self._database.write(lambda db: _add(db, counted))
        except Exception as error:  # noqa: BLE001  # a fault here must not fail the pings
            self._tell(error)
            self._bytes_by_key += counted
        else:
            self._told_at = None

    def _tell(self, error: Exception) -> None:
        """Log that the bytes wait: once, and rarely while it lasts."""
        now = asyncio.get_running_loop().time()
        if self._told_at is None or now - self._told_at >= REPEATED:
            log.warning("the bytes of bodies are not counted yet: %s", error)
            self._told_at = now


def _add(db: Connection, counted: Counter[str]) -> None:
    ((most, _),) = counted.most_common(1)
    names = keys.names(db, [most]) if most else {}
    usage_store.add_bodies(db, counted.total(), names.get(most, ""))
