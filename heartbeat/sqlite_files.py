"""The files of a SQLite database in use: whether somebody deleted, replaced or damaged them.

SQLite goes on writing to a file that has no name any more, and says so to nobody: what it commits is lost.
"""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

_ENDINGS = ("", "-wal", "-shm")
_DAMAGE = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_STEPS = 100_000
"""Instructions of SQLite's machine between two looks at the clock."""


class SqliteFiles:
    """The files as they were when they were first seen. `fault` looks at them again, which costs microseconds.

    `met` is the damage that a transaction has met last, None if none has.
    """

    def __init__(self, database: Path) -> None:
        self._paths = [database.with_name(database.name + ending) for ending in _ENDINGS]
        self._known: dict[Path, tuple[int, int]] = {}
        self._fault: str | None = None
        self.met: str | None = None

    def note(self, error: object) -> None:
        """Note what went wrong with a transaction, if it was damage."""
        # The lowest byte is the kind of an error, the others are its details.
        if isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGE:
            self.met = str(error)

    def fault(self) -> str | None:
        """Return what happened to the files, None if they are the same. Once there is a fault, it stays."""
        if self._fault is None:
            self._fault = next((fault for path in self._paths if (fault := self._changed(path))), None)
        return self._fault

    def _changed(self, path: Path) -> str | None:
        try:
            status = path.stat()
        except FileNotFoundError:
            return f"{path} was deleted while it was in use" if path in self._known else None
        except OSError:
            # It cannot be looked at now. A write that fails says so itself, and the next look may succeed.
            return None
        identity = status.st_dev, status.st_ino
        if self._known.setdefault(path, identity) != identity:
            return f"{path} was replaced while it was in use"
        return None


def tables(database: Path) -> list[str]:
    """Return the names of all tables of a database. Raises `sqlite3.Error`."""
    with closing(_reading(database)) as connection:
        names = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
        return [name for (name,) in names if not name.startswith("sqlite_")]


def damage(database: Path, table: str, within: float) -> str | None:
    """Return the first damage that SQLite finds in a table or its indexes, None if it finds none in time.

    `within` is in seconds: a large table may need longer.
    """
    until = time.monotonic() + within
    try:
        with closing(_reading(database)) as connection:
            connection.set_progress_handler(lambda: time.monotonic() > until, _STEPS)
            words = list(_findings(connection, table))
    except sqlite3.OperationalError as error:
        return None if "interrupted" in str(error) else f"{table}: {error}"
    except sqlite3.DatabaseError as error:
        return f"{table}: {error}"
    return words[0] if words else None


def _findings(connection: sqlite3.Connection, table: str) -> Iterator[str]:
    quoted = table.replace('"', '""')
    for (line,) in connection.execute(f'PRAGMA quick_check("{quoted}")'):
        if line != "ok":
            yield f"{table}: {' '.join(line.split())}"


def _reading(database: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro", uri=True, timeout=10.0)
