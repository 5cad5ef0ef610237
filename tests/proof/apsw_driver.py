"""apsw as a driver for SQLAlchemy, so that the product's own engine runs on a disk of the proof (`sqlite+cut://`)."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import apsw
from sqlalchemy import URL
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

from tests.proof import cut_disk

paramstyle = "qmark"
sqlite_version_info = tuple(int(part) for part in apsw.sqlite_lib_version().split("."))


class Error(Exception):
    """The names that PEP 249 asks for."""


class DatabaseError(Error):
    pass


class OperationalError(DatabaseError):
    pass


class IntegrityError(DatabaseError):
    pass


class ProgrammingError(DatabaseError):
    pass


class Connection:
    """One connection."""

    isolation_level: str | None = None

    def __init__(self, path: str) -> None:
        with _errors():
            self.apsw = apsw.Connection(path, vfs=cut_disk.NAME)
            # One connection alone needs no memory that it would share with others.
            self.apsw.execute("PRAGMA locking_mode=EXCLUSIVE")
            self.apsw.execute("PRAGMA temp_store=MEMORY")

    def cursor(self) -> "Cursor":
        return Cursor(self)

    def commit(self) -> None:
        if self.apsw.in_transaction:
            self.cursor().execute("COMMIT")

    def rollback(self) -> None:
        if self.apsw.in_transaction:
            self.cursor().execute("ROLLBACK")

    def close(self) -> None:
        # The power may be gone, or go in this moment.
        with suppress(apsw.Error, cut_disk.PowerCut):
            self.apsw.close(True)


class Cursor:
    """The rows of one statement, all of them read at once."""

    arraysize = 1

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._rows: Iterator[Any] = iter(())
        self.description: Any = None
        self.rowcount = -1
        self.lastrowid = 0

    def execute(self, statement: str, parameters: Sequence[Any] = ()) -> "Cursor":
        database = self._connection.apsw
        changes = database.total_changes()
        with _errors():
            cursor = database.cursor()
            described: list[Any] = []

            def describe(run: Any, _statement: str, _parameters: object) -> bool:
                # The only moment at which a statement without rows has a description.
                described.extend(run.get_description())
                return True

            cursor.exec_trace = describe
            self._rows = iter(list(cursor.execute(statement, tuple(parameters))))
        self.description = [(*column, None, None, None, None, None)[:7] for column in described] or None
        self.rowcount = database.total_changes() - changes
        self.lastrowid = database.last_insert_rowid()
        return self

    def executemany(self, statement: str, rows: Iterable[Sequence[Any]]) -> "Cursor":
        changes = self._connection.apsw.total_changes()
        for row in rows:
            self.execute(statement, row)
        self.rowcount = self._connection.apsw.total_changes() - changes
        return self

    def fetchone(self) -> Any:
        return next(self._rows, None)

    def fetchmany(self, size: int = 1) -> list[Any]:
        return [row for _, row in zip(range(size), self._rows, strict=False)]

    def fetchall(self) -> list[Any]:
        return list(self._rows)

    def close(self) -> None:
        self._rows = iter(())


class Dialect(SQLiteDialect_pysqlite):
    """SQLite's dialect over apsw."""

    driver = "cut"
    supports_statement_cache = True

    @classmethod
    def import_dbapi(cls) -> Any:
        import tests.proof.apsw_driver

        return tests.proof.apsw_driver

    def create_connect_args(self, url: URL) -> Any:
        return [url.database], {}

    def on_connect(self) -> Any:
        return None


def connect(path: str, **_options: object) -> Connection:
    """Connect to the disk that is put in."""
    return Connection(path)


registry.register("sqlite.cut", __name__, "Dialect")


@contextmanager
def _errors() -> Iterator[None]:
    try:
        yield
    except apsw.ConstraintError as error:
        raise IntegrityError(str(error)) from error
    except (apsw.Error, cut_disk.PowerCut) as error:
        raise OperationalError(str(error)) from error
