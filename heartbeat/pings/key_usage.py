"""The last use of each ping key, exact to about a minute: noted in memory, and written beside the pings.

A ping pays one look into a dictionary. The write has a transaction of its own, so that no ping waits for it. It
happens at most once in `EVERY` for each key.
"""

import asyncio
import logging
from collections.abc import Iterable
from datetime import datetime, timedelta

from heartbeat.database import Database, Unavailable
from heartbeat.pings import keys

EVERY = timedelta(minutes=1)
"""A key that is used again within this time is not written again."""

log = logging.getLogger(__name__)


class KeyUsage:
    """The use of ping keys in this process. Only keys that exist are noted, so it stays small."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._written: dict[str, datetime] = {}
        self._writing: asyncio.Task[None] | None = None

    def note(self, used: Iterable[tuple[str, datetime]]) -> None:
        """Note that keys with these hashes were used at these times."""
        due: dict[str, datetime] = {}
        for hash_, at in used:
            last = self._written.get(hash_)
            if last is None or abs(at - last) >= EVERY:
                due[hash_] = at
        # A database that is away can hold up the write; the next use after it tries again.
        if due and (self._writing is None or self._writing.done()):
            self._written |= due
            self._writing = asyncio.create_task(self._write(due))

    async def settle(self, seconds: float | None = None) -> None:
        """Wait up to `seconds` for the write that is under way."""
        if self._writing is not None:
            await asyncio.wait([self._writing], timeout=seconds)

    async def _write(self, due: dict[str, datetime]) -> None:
        try:
            await self._database.write(lambda db: keys.touch(db, due))
        except Unavailable as error:
            log.debug("the use of ping keys could not be written: %s", error)
        except Exception:
            # A fault here must not fail the pings.
            log.exception("the use of ping keys could not be written")
