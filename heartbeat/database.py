"""The database for the other rooms: `await database.write(work)` runs `work(connection)` in one transaction.

SQLite has one writer connection in one process, which a lock file ensures. The writer also checkpoints. Readers have
connections of their own. PostgreSQL has a pool. Work runs in threads, so the event loop never waits for a disk.
Nobody waits for ever: see `Held`.
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
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import psycopg
from sqlalchemy import URL, Connection, Engine, ExceptionContext, create_engine, event, make_url, text
from sqlalchemy.exc import DBAPIError, OperationalError

from alerting import after_commit
from heartbeat.sqlite_files import SqliteFiles
from heartbeat.writing_thread import WritingThread

log = logging.getLogger(__name__)
T = TypeVar("T")

READERS = 4
WRITERS = 4
RETRIES = 5
PATIENCE = 30.0
"""Seconds that a transaction may take from its request on. Then its connection is cut."""
ANSWER = 10.0
"""The same for transactions whose answer a person or a program waits for."""
_CONNECT: Mapping[str, Any] = {
    # Prepared statements break behind old PgBouncers in transaction mode.
    "prepare_threshold": None,
    "connect_timeout": 2,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 2,
    "tcp_user_timeout": 5000,
    "application_name": "heartbeat",
}
"""How psycopg connects. A dead network is noticed after about five seconds."""
_DEADLOCK_STATES = frozenset({"40P01", "40001"})
_READ_ONLY_STATE = "25006"


class Unavailable(ConnectionError):
    """The database cannot be reached or did not answer. Nothing was written, or the outcome is unknown."""


class AlreadyServed(Exception):
    """Another process writes to this SQLite file. `address` is where it serves, empty if unknown."""

    def __init__(self, path: Path, pid: int, address: str) -> None:
        super().__init__(
            f"{path} is already in use by process {pid}{f' at {address}' if address else ''}. SQLite allows one "
            "writing process: stop that one first, or use PostgreSQL (HEARTBEAT_DATABASE_URL) for several."
        )
        self.address = address


class WriterLock:
    """A lock on a SQLite file for the one process that writes to it. The operating system frees it when that dies."""

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
    """One database, its engines and its threads. `close` waits for running transactions.

    With `prepared`, PostgreSQL keeps the plan of the statement that stores plain pings.
    """

    def __init__(self, url: str, *, address: str = "", writing: bool = True, prepared: bool = False) -> None:
        self.url = make_url(url)
        self.sqlite = self.url.get_backend_name() == "sqlite"
        path = Path(self.url.database or "")
        self._lock = WriterLock(path, address) if self.sqlite and writing else None
        self.writer = engine(self.url, writing=writing)
        self._reader = engine(self.url, writing=False) if self.sqlite else self.writer
        self._at_once = self.writer if self.sqlite else _at_once_engine(self.url, prepared)
        self._read_threads = ThreadPoolExecutor(READERS, "db-read")
        # Pings wait for no sweep on PostgreSQL, and only for its current transaction on SQLite.
        self._write_threads: ThreadPoolExecutor
        self._ping_threads: Executor
        if self.sqlite:
            self._write_threads = alone = WritingThread("db-write")
            self._ping_threads = alone.first
        else:
            self._write_threads = ThreadPoolExecutor(WRITERS, "db-write")
            self._ping_threads = ThreadPoolExecutor(1, "db-ping")
        self._patience = PATIENCE
        self._files = SqliteFiles(path) if self.sqlite and writing else None

    def within(self, seconds: float) -> "Database":
        """Return the same database for callers that wait at most `seconds`."""
        hurried = copy.copy(self)
        hurried._patience = seconds
        return hurried

    async def write(self, work: Callable[[Connection], T], /) -> T:
        """Run `work` in one transaction and commit it. After a deadlock, `work` runs again from the start.

        Raises `Unavailable` if the database is away or does not answer in time. In the second case, the outcome of
        the commit is unknown. A cancelled caller does not cancel the commit.
        """
        return await self._run(self._write_threads, self.writer, work, self._patience, self._files)

    def write_pings(
        self, work: Callable[[Connection], T], /, *, at_once: bool = False
    ) -> "asyncio.Future[T]":
        """Do the same as `write`, ahead of everything else. It has begun when this returns.

        With `at_once`, `work` is one statement that commits itself: one round trip instead of three.
        """
        on = self._at_once if at_once else self.writer
        held, working = self._begin(self._ping_threads, on, work, self._files)
        within = min(self._patience, ANSWER)
        cutting = asyncio.get_running_loop().call_later(within, held.cut)
        working.add_done_callback(lambda _: cutting.cancel())
        return working

    async def read(self, work: Callable[[Connection], T], /) -> T:
        """Run `work`, which only reads."""
        return await self._run(self._read_threads, self._reader, work, self._patience)

    async def _run(
        self,
        threads: Executor,
        on: Engine,
        work: Callable[[Connection], T],
        within: float,
        files: SqliteFiles | None = None,
    ) -> T:
        held, working = self._begin(threads, on, work, files)
        try:
            async with asyncio.timeout(within):
                return await asyncio.shield(working)
        except TimeoutError:
            if working.done() and threads is self._read_threads and not working.cancelled():
                # It was in time, and this process or its machine stood still.
                return working.result()
            if working.done():
                # What was written is in the books, but too old to act on: a lease may have run out meanwhile.
                raise Unavailable(f"its answer was not taken within {within:g} s") from None
            # Work that has not begun never begins. Running work is cut, or its thread would be lost to others.
            working.cancel()
            held.cut()
            raise Unavailable(f"it has not answered for {within:g} s") from None

    def _begin(
        self,
        threads: Executor,
        on: Engine,
        work: Callable[[Connection], T],
        files: SqliteFiles | None,
    ) -> "tuple[Held, asyncio.Future[T]]":
        held = Held()
        # Log lines of `work` must know their span.
        context = contextvars.copy_context()
        loop = asyncio.get_running_loop()
        working = loop.run_in_executor(threads, context.run, lambda: _stored(on, work, held, files))
        return held, working

    def met_damage(self) -> str | None:
        """Return the damage that a writing transaction has met since this was asked last, None if none has."""
        if self._files is None:
            return None
        met, self._files.met = self._files.met, None
        return met

    def close(self, seconds: float = 10.0) -> bool:
        """Wait up to `seconds` for running transactions, then close. Return False if one did not end in time."""
        threads = (self._ping_threads, self._write_threads, self._read_threads)
        pools = [pool for pool in threads if isinstance(pool, ThreadPoolExecutor)]
        # An executor offers no bounded wait, so wait for its threads.
        for pool in pools:
            pool.shutdown(wait=False, cancel_futures=True)
        until = time.monotonic() + seconds
        for thread in {thread for pool in pools for thread in pool._threads}:
            thread.join(max(until - time.monotonic(), 0))
            if thread.is_alive():
                return False
        for used in (self.writer, self._reader, self._at_once):
            used.dispose()
        if self._lock is not None:
            self._lock.release()
        return True


class Held:
    """The connection that a transaction holds, so that another thread can cut it."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._connection: Any = None
        self._given_up = False

    @contextmanager
    def holding(self, db: Connection) -> Iterator[None]:
        """Hold the connection while the transaction lasts. Afterwards it belongs to another one."""
        with self._guard:
            if self._given_up:
                raise Unavailable("the caller no longer waits")
            self._connection = db.connection.dbapi_connection
        try:
            yield
        finally:
            with self._guard:
                self._connection = None

    def cut(self) -> None:
        """Cut the connection: the transaction fails as if the database were away.

        SQLite has no server to wait for: its transactions end by themselves.
        """
        with self._guard:
            self._given_up = True
            cut = self._connection
            if isinstance(cut, psycopg.Connection):
                with suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(cut.fileno())) as wire:
                    wire.shutdown(socket.SHUT_RDWR)


def _stored(on: Engine, work: Callable[[Connection], T], held: Held, files: SqliteFiles | None) -> T:
    """Run `work` in one transaction. What was committed to files that are gone is lost, and raises `Unavailable`."""
    if files is not None and (fault := files.fault()):
        raise Unavailable(fault)
    try:
        result = transact(on, work, held)
    except DBAPIError as error:
        if files is not None:
            files.note(error.orig)
        raise
    if files is not None and (fault := files.fault()):
        raise Unavailable(fault)
    return result


def transact(on: Engine, work: Callable[[Connection], T], held: Held | None = None) -> T:
    """Run `work` in one transaction, again after a deadlock. Driver errors that mean "away" become `Unavailable`."""
    held = held or Held()
    for attempt in range(RETRIES):
        try:
            with on.connect() as db, held.holding(db), db.begin():
                afterwards = after_commit.expected(db)
                result = work(db)
            for act in afterwards:
                act()
            return result
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) in _DEADLOCK_STATES and attempt + 1 < RETRIES:
                log.info("the database ended a deadlock; running the transaction again")
                continue
            if isinstance(error, OperationalError) or error.connection_invalidated:
                raise Unavailable(str(error.orig)) from error
            raise
    raise AssertionError("unreachable")


def engine(url: URL, *, writing: bool) -> Engine:
    """Return an engine for this database. docs/decisions/0004-databases.md explains its options."""
    if url.get_backend_name() == "sqlite":
        return _sqlite_engine(url, writing)
    pool = create_engine(
        _for_psycopg(url),
        pool_size=READERS + WRITERS + 1,
        max_overflow=2,
        pool_pre_ping=False,
        connect_args=dict(_CONNECT),
        hide_parameters=True,  # keeps bodies and names out of logged errors
    )
    event.listen(pool, "handle_error", _leave_standby)
    return pool


def _at_once_engine(url: URL, prepared: bool) -> Engine:
    """Return an engine with one connection, on which each statement commits itself."""
    single = create_engine(
        _for_psycopg(url),
        isolation_level="AUTOCOMMIT",
        pool_size=1,
        max_overflow=0,
        connect_args={**_CONNECT, "prepare_threshold": 0 if prepared else None},
        hide_parameters=True,  # the same
    )
    event.listen(single, "handle_error", _leave_standby)
    return single


def _leave_standby(context: ExceptionContext) -> None:
    """Give up all connections to a server that writes no more: another one is the primary by now."""
    if getattr(context.original_exception, "sqlstate", None) == _READ_ONLY_STATE:
        context.is_disconnect = True


def _for_psycopg(url: URL) -> URL:
    return url.set(drivername="postgresql+psycopg")


def _sqlite_engine(url: URL, writing: bool) -> Engine:
    sqlite = create_engine(
        url,
        connect_args={"timeout": 10.0},
        pool_size=1 if writing else READERS,
        max_overflow=0,
        hide_parameters=True,  # the same
    )

    @event.listens_for(sqlite, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        # The driver's own transaction handling loses updates silently, so `begin` below does it.
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

    @event.listens_for(sqlite, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")

    return sqlite


def reachable(db: Connection) -> bool:
    """Return True if the database answers."""
    return bool(db.execute(text("SELECT 1")).scalar() == 1)


def clock_offset(db: Connection) -> timedelta:
    """Return how far PostgreSQL's clock is ahead of this machine's, measured at the middle of the round trip."""
    sent_at = datetime.now(UTC)
    answer: datetime = db.execute(text("SELECT clock_timestamp()")).scalar_one()
    received_at = datetime.now(UTC)
    return answer - (sent_at + (received_at - sent_at) / 2)


def _holder(path: Path) -> dict[str, Any]:
    with suppress(OSError, ValueError):
        holder = json.loads(path.read_bytes())
        if isinstance(holder, dict):
            return holder
    return {}
