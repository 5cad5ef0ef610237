"""SQLite files that are deleted, replaced or damaged while they are in use."""

import os
import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from sqlalchemy import text

from heartbeat import sqlite_files
from heartbeat.database import Database, Unavailable

INSERT = text("INSERT INTO installation (key, value) VALUES (:key, '1')")


@pytest.fixture
async def database(make_database_url: Callable[[str], str]) -> AsyncIterator[Database]:
    """A SQLite database to which something was written."""
    opened = Database(make_database_url("sqlite"))
    await write(opened, "first")
    yield opened
    opened.close()


async def write(database: Database, key: str) -> None:
    """Write one row."""
    await database.write(lambda db: db.execute(INSERT, {"key": key}))


def path_of(database: Database, ending: str = "") -> Path:
    """One of the files."""
    return Path(f"{database.url.database}{ending}")


def overwrite(path: Path, offset: int, size: int) -> None:
    """Write noise over a part of a file."""
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(os.urandom(size))


@pytest.mark.parametrize("ending", ["", "-wal", "-shm"])
async def test_what_is_written_to_a_deleted_file_is_not_stored(database: Database, ending: str) -> None:
    path_of(database, ending).unlink()
    for key in ("second", "third"):
        with pytest.raises(Unavailable, match="was deleted while it was in use"):
            await write(database, key)


async def test_a_file_that_is_deleted_during_a_transaction_has_not_stored_it(database: Database) -> None:
    with pytest.raises(Unavailable, match="was deleted while it was in use"):
        await database.write_pings(lambda _: path_of(database).unlink())


async def test_what_is_written_after_a_file_was_replaced_is_not_stored(
    database: Database, tmp_path: Path
) -> None:
    shutil.copy(path_of(database), tmp_path / "copy")
    (tmp_path / "copy").rename(path_of(database))
    with pytest.raises(Unavailable, match="was replaced while it was in use"):
        await write(database, "second")


async def test_a_file_in_use_has_no_fault_over_many_transactions_and_readers(database: Database) -> None:
    for number in range(20):
        await write(database, f"row {number}")
        await database.read(lambda db: db.execute(text("SELECT count(*) FROM installation")).scalar())


async def test_a_look_that_fails_for_once_refuses_nothing(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(_path: Path) -> os.stat_result:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "stat", failing)
        await write(database, "second")
    await write(database, "third")


async def test_damage_is_found_in_the_table_that_has_it(database: Database) -> None:
    path = path_of(database)
    root, size = await database.read(
        lambda db: (
            db.execute(text("SELECT rootpage FROM sqlite_schema WHERE name = 'checks'")).scalar_one(),
            db.execute(text("PRAGMA page_size")).scalar_one(),
        )
    )
    assert "checks" in sqlite_files.tables(path)
    assert sqlite_files.damage(path, "checks", 60) is None
    await database.read(lambda _: overwrite(path, (root - 1) * size, size))
    assert sqlite_files.damage(path, "checks", 60)
    assert sqlite_files.damage(path, "incidents", 60) is None


async def test_a_table_that_takes_too_long_counts_as_undamaged(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_files, "_STEPS", 1)
    assert sqlite_files.damage(path_of(database), "installation", -1) is None
