"""What survives a crash: a SQLite database on a disk, and the way a process writes to it.

The database is a real one, behind the engines of the real service, but it is driven inline: a transaction is one
step of the event loop. Any order of commits that threads could bring about comes about by drawn latencies.
"""

import asyncio
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from tempfile import gettempdir
from typing import Any, TypeVar
from uuid import uuid4

from sqlalchemy import Connection, make_url

from heartbeat import migrations
from heartbeat.database import Unavailable, engine, transact
from tests.simulation.process import Point, Process

T = TypeVar("T")
FOLDER = Path("/dev/shm") if os.access("/dev/shm", os.W_OK) else Path(gettempdir())  # memory is quick


class Disk:
    """A database file. Making one costs more than wiping it, so disks are used again: see `taken` and `give_back`."""

    _spare: list["Disk"] = []  # noqa: RUF012  # shared by all on purpose

    def __init__(self) -> None:
        # Not the number of this process: one that was killed may have left files under the same.
        self.path = FOLDER / f"heartbeat-world-{uuid4().hex}.db"
        url = make_url(f"sqlite:///{self.path}")
        self.writer = engine(url, writing=True)
        migrations.migrate(self.writer)
        self.reader = engine(url, writing=False)
        self._blank = sqlite3.connect(":memory:", check_same_thread=False)
        self._raw().backup(self._blank)

    @classmethod
    def taken(cls) -> "Disk":
        """A disk with an empty database on it."""
        if not cls._spare:
            return cls()
        disk = cls._spare.pop()
        disk._blank.backup(disk._raw())
        return disk

    def give_back(self) -> None:
        """Nobody uses it any more."""
        self._spare.append(self)

    @classmethod
    def throw_away(cls) -> None:
        """Remove the spare disks' files."""
        while cls._spare:
            disk = cls._spare.pop()
            disk._blank.close()
            disk.writer.dispose()
            disk.reader.dispose()
            for file in disk.path.parent.glob(f"{disk.path.name}*"):
                file.unlink()

    def rows(self, query: str, *given: Any) -> list[dict[str, Any]]:
        """What is written there, in plain SQL: how the oracle reads it."""
        with self.writer.connect() as connection:
            cursor = connection.connection.cursor()
            cursor.execute(query, given)
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def _raw(self) -> sqlite3.Connection:
        with self.writer.connect() as connection:
            raw: sqlite3.Connection = connection.connection.dbapi_connection  # type: ignore[assignment]  # it is SQLite
            return raw


class WorldDatabase:
    """A process's way to the disk: the interface of `heartbeat.database.Database`."""

    sqlite = True

    def __init__(
        self,
        disk: Disk,
        process: Process,
        away: Callable[[bool], float | None],
        latency: Callable[[], float],
        *,
        mortal: bool = True,
    ) -> None:
        self._disk = disk
        self._process = process
        self._away = away
        """Where the database is away, for one that writes or not: the seconds that it hangs before it fails."""
        self._latency = latency
        self._mortal = mortal
        """Whether the process may die at its commits."""

    def within(self, _seconds: float) -> "WorldDatabase":
        """It always answers, or fails, within a bound of its own."""
        return self

    async def write(self, work: Callable[[Connection], T], /) -> T:
        """One transaction; a cancelled caller does not cancel it."""
        return await asyncio.shield(asyncio.ensure_future(self._transaction(work)))

    async def write_pings(self, work: Callable[[Connection], T], /, *, at_once: bool = False) -> T:
        assert not at_once, "only PostgreSQL has round trips to save"
        return await self.write(work)

    async def read(self, work: Callable[[Connection], T], /) -> T:
        await self._answers(writing=False)
        return transact(self._disk.reader, work)

    async def _transaction(self, work: Callable[[Connection], T]) -> T:
        await self._answers(writing=True)
        await asyncio.sleep(self._latency())
        self._process.must_live()

        def then_die(db: Connection) -> T:
            result = work(db)
            if self._mortal:
                self._process.reach(Point.BEFORE_COMMIT)
            return result

        result = transact(self._disk.writer, then_die)
        if self._mortal:
            self._process.reach(Point.AFTER_COMMIT)
        return result

    async def _answers(self, *, writing: bool) -> None:
        self._process.must_live()
        hangs = self._away(writing)
        if hangs is None:
            return
        while hangs:
            # The weather may turn fine sooner than foreseen. A rest too small to be added to the time would never end.
            await asyncio.sleep(min(max(hangs, 0.001), 1.0))
            hangs = self._away(writing)
        raise Unavailable("the database is away")
