"""The log of pings that no check expects: counted in memory, and written beside the pings.

A ping pays one look into a dictionary of at most `PENDING` names: one for keys that are known, one for all else, so
that strangers push out nobody. They are written in one transaction of their own, at most once in `EVERY` seconds, so
that a flood costs neither the pings nor the database.
"""

import asyncio
import logging
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

from sqlalchemy import Connection

from heartbeat import loop
from heartbeat.database import Database, Unavailable
from heartbeat.pings import keys, unexpected_store
from heartbeat.pings.arrival import Arrival, BySlug, ByUuid
from heartbeat.pings.unexpected import BY_UUID, UNKNOWN_KEY, Tally, UnexpectedPings

EVERY = 10.0
"""Seconds between two writes, at least."""
PENDING = 200
"""Names that wait to be written, at most, of each kind. Further names are left out until then."""

Sender: TypeAlias = tuple[str, str]
"""A slug and the hash of the key, or a uuid and `BY_UUID`."""

log = logging.getLogger(__name__)


class UnexpectedLog:
    """The unexpected pings of this process that are not written yet."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._pending: dict[Sender, Tally] = {}
        self._strange: dict[Sender, Tally] = {}
        self._known: set[str] = set()
        """The hashes of the ping keys, as they were at the last write."""
        self._next_write = 0.0
        self._settling = asyncio.Event()
        self._writing: asyncio.Task[None] | None = None

    def note(self, arrivals: Iterable[Arrival]) -> None:
        """Count these pings, which no check expected."""
        for arrival in arrivals:
            self._count(arrival)
        if (self._pending or self._strange) and (self._writing is None or self._writing.done()):
            self._writing = asyncio.create_task(self._write_in_time())

    async def settle(self, seconds: float | None = None) -> None:
        """Write the rest now, and wait up to `seconds` for it."""
        if self._writing is not None:
            self._settling.set()
            await asyncio.wait([self._writing], timeout=seconds)
            self._settling.clear()

    def _count(self, arrival: Arrival) -> None:
        match arrival.target:
            case ByUuid(uuid):
                sender = (uuid, BY_UUID)
            case BySlug(key_hash, slug):
                sender = (slug, key_hash)
            case _:
                return
        pending = self._pending if sender[1] in self._known else self._strange
        tally = pending.get(sender)
        if tally is not None:
            tally.count += 1
            tally.last_at, tally.remote, tally.agent = arrival.at, arrival.remote, arrival.agent
        elif len(pending) < PENDING:
            pending[sender] = Tally(arrival.at, arrival.at, arrival.remote, arrival.agent)

    async def _write_in_time(self) -> None:
        clock = asyncio.get_running_loop().time
        while self._pending or self._strange:
            # A stop does not wait.
            await loop.wait(self._settling, self._next_write - clock())
            self._next_write = clock() + EVERY
            counted = [*self._pending.items(), *self._strange.items()]
            self._pending, self._strange = {}, {}
            await self._write(counted)

    async def _write(self, counted: Sequence[tuple[Sender, Tally]]) -> None:
        try:
            self._known = await self._database.write(lambda db: _add(db, counted))
        except Unavailable as error:
            log.debug("unexpected pings could not be written: %s", error)
        except Exception:
            # A fault here must not fail the pings.
            log.exception("unexpected pings could not be written")


def _add(db: Connection, counted: Sequence[tuple[Sender, Tally]]) -> set[str]:
    """Write these pings. Return the hashes of all ping keys."""
    names = {key.hash: key.name for key in keys.listed(db)}
    pings: dict[tuple[str, str], UnexpectedPings] = {}
    for (name, key_hash), tally in counted:
        key = names.get(key_hash, UNKNOWN_KEY) if key_hash else BY_UUID
        name = name if key_hash else str(UUID(name))
        # Several keys may be unknown: their pings for a name are counted together.
        same = pings.get((name, key))
        pings[name, key] = UnexpectedPings(
            name=name,
            key=key,
            first_at=tally.first_at if same is None else min(same.first_at, tally.first_at),
            last_at=tally.last_at if same is None else max(same.last_at, tally.last_at),
            count=tally.count + (0 if same is None else same.count),
            remote=tally.remote,
            agent=tally.agent,
        )
    latest: datetime = max(tally.last_at for _, tally in counted)
    unexpected_store.add(db, pings.values(), latest)
    return set(names)
