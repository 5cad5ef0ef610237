"""The alarm for storage that fails. While nothing can be written, no page can go through the outbox.

So the people of the default policy are told straight, from memory: once the failure is certain, once an hour while it
lasts, and once when it is over. Damage that is found in a SQLite file is told in the same way.
"""

import asyncio
import logging
import sqlite3
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum
from pathlib import Path

from alerting import times
from alerting.notice import Message
from alerting.subject import cut
from heartbeat import installation, sqlite_files
from heartbeat.clock import Clock
from heartbeat.database import Database
from heartbeat.loop import Loop
from heartbeat.metrics import Metrics
from heartbeat.service_messages import AGAIN, HOST_LIMIT, PROMISE, Deliver, ServiceMessages, unheard

EVERY = 5.0
"""Seconds between two proofs that the storage can be written."""
BOUND = 5.0
"""Seconds in which a proof must be written."""
CERTAIN = timedelta(seconds=20)
"""The time after which a failure is told: a restart of a database is none."""
WALK_EVERY = timedelta(minutes=10)
"""The time between two tables of a SQLite file that are read for damage."""
WALK_AT_ONCE = timedelta()
"""The same while a transaction has met damage, and nobody knows where it is."""
MET_FOR = timedelta(hours=1)
"""The time after which damage is over that no transaction meets any more."""
WALK_BOUND = 20.0
"""Seconds that one of them may take."""
PROOF = "storage proof"
"""The fact of the installation that a proof writes."""

_FAILING = "Pings are refused, and it pages nobody. You are told every hour, and when it is over."
_DAMAGED = "Pings may be refused. Stop it, keep the file, and restore the last backup (heartbeat restore)."

log = logging.getLogger(__name__)


class Fault(Enum):
    NOT_WRITTEN = "not written"
    DAMAGED = "damaged"


class Say(Enum):
    FAILING = "failing"
    OVER = "over"


@dataclass(frozen=True, slots=True)
class Storage:
    """The state of the storage: since when it fails and why, and when this was told last."""

    since: datetime | None = None
    fault: Fault | None = None
    words: str = ""
    told_at: datetime | None = None
    certain: bool = False
    """True once it has failed for `CERTAIN`."""


def judged(storage: Storage, fault: tuple[Fault, str] | None, now: datetime) -> tuple[Storage, Say | None]:
    """Return the state after a proof or its failure, and what is to be told now."""
    if fault is None:
        return Storage(), Say.OVER if storage.told_at else None
    kind, words = fault
    # A clock that was set back must not put the message off.
    since = min(storage.since or now, now)
    told_at = storage.told_at and min(storage.told_at, now)
    certain = kind is Fault.DAMAGED or now - since >= CERTAIN
    failing = Storage(since, kind, words, told_at, certain)
    if certain and (told_at is None or now - told_at >= AGAIN):
        return replace(failing, told_at=now), Say.FAILING
    return failing, None


class StorageAlarm:
    """Proves every few seconds that the storage can be written.

    `host` is the name of this machine for readers. Without `deliver`, another process tells people.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        metrics: Metrics,
        deliver: Deliver | None,
        *,
        host: str,
        home: str,
    ) -> None:
        self._database = database.within(BOUND)
        self._clock = clock
        self._metrics = metrics.storage
        self._messages = ServiceMessages(self._database, "storage", metrics.storage.told, deliver, home=home)
        self._host = host
        self._storage = Storage()
        self._walked_at: datetime | None = None
        self._unread: list[str] = []
        self._damage = dict[str, str]()
        self._met: str | None = None
        self._met_at: datetime | None = None
        self._loop = Loop("storage", self.watch, pause=lambda _: EVERY)

    @property
    def working(self) -> bool:
        """True unless nothing could be written for `CERTAIN`. A slow write, or a damaged table, stops no pings."""
        return not (self._storage.certain and self._storage.fault is Fault.NOT_WRITTEN)

    async def run(self) -> None:
        """Watch until cancelled."""
        await self._loop.run()

    async def watch(self) -> None:
        """Prove once that the storage can be written, and tell what is to be told."""
        now = self._clock.now()
        await self._messages.learn(now)
        fault = await self._proven(now) or await self._walk(now)
        before = self._storage
        self._storage, say = judged(before, fault, now)
        self._metrics.failing.set(0 if fault is None else 1)
        if say is Say.FAILING:
            log.error("the storage fails: %s", self._storage.words, extra={"event": "storage failing"})
            message = message_of(self._storage, self._host, now, over=False)
            if not await self._messages.tell(message, now):
                self._storage = replace(self._storage, told_at=unheard(now))
        elif say is Say.OVER:
            log.warning("the storage works again", extra={"event": "storage works"})
            await self._messages.tell(message_of(before, self._host, now, over=True), now)

    async def _proven(self, now: datetime) -> tuple[Fault, str] | None:
        try:
            await self._database.write(lambda db: installation.remember(db, PROOF, now.isoformat()))
        except Exception as error:  # noqa: BLE001  # whatever keeps it from being written is the fault
            return Fault.NOT_WRITTEN, str(error).splitlines()[0] if str(error) else type(error).__name__
        return None

    async def _walk(self, now: datetime) -> tuple[Fault, str] | None:
        """Read one table after the other for damage. Return the damage that was found, or met, and not mended."""
        path = Path(self._database.url.database or "")
        self._note_met(now)
        every = WALK_AT_ONCE if self._met and not self._damage else WALK_EVERY
        if self._database.sqlite and (self._walked_at is None or abs(now - self._walked_at) >= every):
            self._walked_at = now
            table, words = await self._read_next(path)
            self._damage.pop(table, None)
            if words:
                self._damage[table] = words
        found = next(iter(self._damage.values()), self._met)
        return (Fault.DAMAGED, found) if found else None

    def _note_met(self, now: datetime) -> None:
        """Take over the damage that a transaction has met: it may be hours until the walk comes there."""
        if met := self._database.met_damage():
            self._met, self._met_at = met, now
        elif self._met_at is not None and abs(now - self._met_at) >= MET_FOR:
            self._met = self._met_at = None

    async def _read_next(self, path: Path) -> tuple[str, str | None]:
        """Read the next table. Return its name and its damage; the list of tables has no name."""
        try:
            self._unread = self._unread or await asyncio.to_thread(sqlite_files.tables, path)
        except sqlite3.Error as error:
            return "", str(error)
        self._damage.pop("", None)
        table = self._unread.pop(0)
        return table, await asyncio.to_thread(sqlite_files.damage, path, table, WALK_BOUND)


def message_of(storage: Storage, host: str, now: datetime, *, over: bool) -> Message:
    """Return the message about a failure, or about its end. Times are in UTC: one message goes to everybody."""
    since = storage.since or now
    clock = times.Clock(now)
    service = f"heartbeat on {cut(host, HOST_LIMIT)}"
    if over:
        title = f"OK: {service} can store again"
        lines = [
            f"It could not from {clock.at(since)} on, for {times.duration(now - since)}.",
            PROMISE,
        ]
    elif storage.fault is Fault.DAMAGED:
        title = f"{service} has a damaged database"
        lines = [f"Found at {clock.at(since)}: {storage.words}.", _DAMAGED]
    else:
        title = f"{service} cannot store anything since {clock.at(since)}"
        lines = [f"The database says: {storage.words}.", _FAILING]
    return Message(title, tuple(lines), since, over)
