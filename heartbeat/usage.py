"""When ping keys were last used, to about a minute: remembered in memory, and written down beside the pings.

On the way of a ping this costs one look into a dictionary. What it finds is written in a transaction of its own, so
that no ping waits for it, and at most once in `EVERY` for each key.
"""

import asyncio
import logging
from collections.abc import Iterable
from datetime import datetime, timedelta

from heartbeat import definitions
from heartbeat.database import Database, Unavailable

EVERY = timedelta(minutes=1)
"""A key that was used again within this is not written down again."""

log = logging.getLogger(__name__)


class Usage:
    """What this process knows of the use of ping keys. Only keys that there are come in, so that it stays small."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._written: dict[str, datetime] = {}
        self._writing: asyncio.Task[None] | None = None

    def note(self, used: Iterable[tuple[str, datetime]]) -> None:
        """Pings were heard by keys of these hashes at these times."""
        due: dict[str, datetime] = {}
        for hash_, at in used:
            last = self._written.get(hash_)
            if last is None or at - last >= EVERY:
                due[hash_] = at
        # While a write is under way, which a database that is away can hold up, the next minute will do.
        if due and (self._writing is None or self._writing.done()):
            self._written |= due
            self._writing = asyncio.create_task(self._write(due))

    async def settle(self, seconds: float | None = None) -> None:
        """Wait until what is under way is written, for up to `seconds`."""
        if self._writing is not None:
            await asyncio.wait([self._writing], timeout=seconds)

    async def _write(self, due: dict[str, datetime]) -> None:
        try:
            await self._database.write(lambda db: definitions.touch_ping_keys(db, due))
        except Unavailable as away:
            log.debug("the use of ping keys could not be written down: %s", away)
        except Exception:
            # Pings are heard whatever becomes of this.
            log.exception("the use of ping keys could not be written down")
