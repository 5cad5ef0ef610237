"""The database as the rooms see it: `await database.write(work)` runs `work(connection)` in one transaction.

SQLite has one writer connection in one process (a lock file beside the database says so), which also
checkpoints; readers have connections of their own. PostgreSQL has a pool. Work runs in threads, so that the
event loop never waits for a disk. Nobody waits for ever: see `Held`.
"""

import asyncio
import contextvars
import copy
import fcntl
import json
import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import psycopg
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import DBAPIError, OperationalError

from alerting import after_commit

log = logging.getLogger(__name__)
T = TypeVar("T")

READERS = 4
WRITERS = 4
RETRIES = 5
PATIENCE = 30.0
"""Seconds that a transaction may take, from when it is asked for. Then its connection is cut off."""
ANSWER = 10.0
"""The same where a person or a program waits for an answer."""
_DEADLOCK_STATES = frozenset({"40P01", "40001"})


class Unavailable(ConnectionError):
    """The database cannot be reached or did not answer; nothing was written, or it is not known to be."""


class AlreadyServed(Exception):
    """Another process writes to this SQLite file. `address` is where it serves, as far as it said."""

    def __init__(self, path: Path, pid: int, address: str) -> None:
        super().__init__(
            f"{path} is already in use by process {pid}{f' at {address}' if address else ''}. SQLite allows one "
            "writing process: stop that one first, or use PostgreSQL (HEARTBEAT_DATABASE_URL) for several."
        )
        self.address = address


class WriterLock:
    """A lock on a SQLite file for the one process that writes to it; the operating system frees it on any death."""

    def __init__(self, database: Path, address: str = "") -> None:
        self._path = database.with_name(database.name + ".writer")
        try:
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise Unavailable(f"{database}: {error.strerror}") from None
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = _holder(self._path)
            os.close(self._file)
            raise AlreadyServed(database, int(holder.get("pid", 0)), str(holder.get("address", ""))) from None
        os.truncate(self._file, 0)
        os.pwrite(self._file, json.dumps({"pid": os.getpid(), "address": address}).encode(), 0)

    def release(self) -> None:
        os.close(self._file)


class Database:
    """One database, its engines and its threads. `close` waits for what is under way."""

    def __init__(self, url: str, *, address: str = "", writing: bool = True) -> None:
        self.url = make_url(url)
        self.sqlite = self.url.get_backend_name() == "sqlite"
        path = Path(self.url.database or "")
        self._lock = WriterLock(path, address) if self.sqlite and writing else None
        self.writer = engine(self.url, writing=writing)
        self._reader = engine(self.url, writing=False) if self.sqlite else self.writer
        self._write_threads = ThreadPoolExecutor(1 if self.sqlite else WRITERS, "db-write")
        self._read_threads = ThreadPoolExecutor(READERS, "db-read")
        # Pings have a thread of their own on PostgreSQL, so that no sweep is ever ahead of them.
        self._ping_threads = self._write_threads if self.sqlite else ThreadPoolExecutor(1, "db-ping")
        self._patience = PATIENCE

    def within(self, seconds: float) -> "Database":
        """The same database for those who wait no longer than this."""
        hurried = copy.copy(self)
        hurried._patience = seconds
        return hurried

    async def write(self, work: Callable[[Connection], T], /) -> T:
        """Run `work` in one transaction and commit it. Raises `Unavailable` where the database is away, or does not
        answer in time: then the transaction is given up, and it is not known whether it was committed.

        After a deadlock `work` is run again from the start. A cancelled caller does not cancel the commit.
        """
        return await self._run(self._write_threads, self.writer, work, self._patience)

    async def write_pings(self, work: Callable[[Connection], T], /) -> T:
        """As `write`, ahead of everything else."""
        return await self._run(self._ping_threads, self.writer, work, min(self._patience, ANSWER))

    async def read(self, work: Callable[[Connection], T], /) -> T:
        """Run `work`, which only reads."""
        return await self._run(self._read_threads, self._reader, work, self._patience)

    async def _run(
        self, threads: ThreadPoolExecutor, on: Engine, work: Callable[[Connection], T], within: float
    ) -> T:
        held = Held()
        # A line of the log from there must know to which span it belongs.
        context = contextvars.copy_context()
        loop = asyncio.get_running_loop()
        working = loop.run_in_executor(threads, context.run, lambda: transact(on, work, held))
        try:
            async with asyncio.timeout(within):
                return await asyncio.shield(working)
        except TimeoutError:
            if working.done():
                raise
            # What has not begun never does; what has is freed, or its thread would be lost to all others.
            working.cancel()
            held.cut()
            raise Unavailable(f"it has not answered for {within:g} s") from None

    def close(self, seconds: float = 10.0) -> bool:
        """Wait up to `seconds` for what is under way; whether it ended in time, and all is closed."""
        every = (self._ping_threads, self._write_threads, self._read_threads)
        # An executor offers no bounded wait, so its threads are asked themselves.
        for threads in every:
            threads.shutdown(wait=False, cancel_futures=True)
        until = time.monotonic() + seconds
        for thread in {thread for threads in every for thread in threads._threads}:
            thread.join(max(until - time.monotonic(), 0))
            if thread.is_alive():
                return False
        self.writer.dispose()
        self._reader.dispose()
        if self._lock is not None:
            self._lock.release()
        return True


class Held:
    """The connection that a transaction holds, so that it can be cut off from another thread."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._connection: Any = None
        self._given_up = False

    @contextmanager
    def holding(self, db: Connection) -> Iterator[None]:
        """While the transaction lasts. Afterwards the connection is somebody else's."""
        with self._guard:
            if self._given_up:
                raise Unavailable("nobody waits for it any more")
            self._connection = db.connection.dbapi_connection
        try:
            yield
        finally:
            with self._guard:
                self._connection = None

    def cut(self) -> None:
        """End whatever the transaction waits for: it fails, as where the database is away.

        SQLite has no server to wait for: what is under way there ends by itself.
        """
        with self._guard:
            self._given_up = True
            line = self._connection
            if isinstance(line, psycopg.Connection):
                with suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(line.fileno())) as wire:
                    wire.shutdown(socket.SHUT_RDWR)


def transact(on: Engine, work: Callable[[Connection], T], held: Held | None = None) -> T:
    """One transaction, run again after a deadlock; the drivers' many errors for "away" become `Unavailable`."""
    held = held or Held()
    for attempt in range(RETRIES):
        try:
            with on.connect() as db, held.holding(db), db.begin():
                afterwards = after_commit.expected(db)
                done = work(db)
            for act in afterwards:
                act()
            return done
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) in _DEADLOCK_STATES and attempt + 1 < RETRIES:
                log.info("a deadlock was resolved; running the transaction again")
                continue
            if isinstance(error, OperationalError) or error.connection_invalidated:
                raise Unavailable(str(error.orig)) from error
            raise
    raise AssertionError("unreachable")


def engine(url: URL, *, writing: bool) -> Engine:
    """An engine set up as findings demand: see docs/decisions/0004-databases.md."""
    if url.get_backend_name() == "sqlite":
        return _sqlite_engine(url, writing)
    if url.drivername in ("postgresql", "postgres"):
        url = url.set(drivername="postgresql+psycopg")
    connect = {
        # Prepared statements break behind PgBouncer in transaction mode.
        "prepare_threshold": None,
        "connect_timeout": 2,
        "keepalives_idle": 5,
        "keepalives_interval": 2,
        "keepalives_count": 2,
        "tcp_user_timeout": 5000,
        "application_name": "heartbeat",
    }
    return create_engine(
        url,
        pool_size=READERS + WRITERS + 1,
        max_overflow=2,
        pool_pre_ping=False,
        connect_args=connect,
        hide_parameters=True,  # an error that is logged would hold bodies and names
    )


def _sqlite_engine(url: URL, writing: bool) -> Engine:
    made = create_engine(
        url,
        connect_args={"timeout": 10.0},
        pool_size=1 if writing else READERS,
        max_overflow=0,
        hide_parameters=True,  # the same
    )

    @event.listens_for(made, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        # The driver's own transaction handling loses updates silently; BEGIN is ours (see below).
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute("PRAGMA mmap_size=0")
        if not writing:
            # Only the writer checkpoints: SQLite before 3.51.3 can lose a commit that races a checkpoint.
            cursor.execute("PRAGMA wal_autocheckpoint=0")
            cursor.execute("PRAGMA query_only=ON")
        cursor.close()

    @event.listens_for(made, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")

    return made


def reachable(db: Connection) -> bool:
    """Whether the database answers."""
    return bool(db.execute(text("SELECT 1")).scalar() == 1)


def clock_offset(db: Connection) -> timedelta:
    """How far PostgreSQL's clock is ahead of this machine's: its answer against the middle of the round trip."""
    before = datetime.now(UTC)
    told: datetime = db.execute(text("SELECT clock_timestamp()")).scalar_one()
    after = datetime.now(UTC)
    return told - (before + (after - before) / 2)


def _holder(path: Path) -> dict[str, Any]:
    with suppress(OSError, ValueError):
        found = json.loads(path.read_text())
        if isinstance(found, dict):
            return found
    return {}
