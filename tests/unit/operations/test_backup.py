"""Backup and restore of SQLite: copies are complete and private, and after a restore every check starts over."""

import json
import os
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from alerting import desk, outside
from heartbeat import audit, installation
from heartbeat.checks import checker, life, spread
from heartbeat.checks import store as check_store
from heartbeat.checks.check import Check, State
from heartbeat.checks.schedule import Every
from heartbeat.data_directory import own_secret
from heartbeat.database import AlreadyServed, Database
from heartbeat.operations import backup
from heartbeat.operations.backup import Unusable, manifest_path
from heartbeat.settings import Settings
from tests.unit.conftest import NOW, a_check
from tests.unit.test_storage_alarm import destroy

Insert = Callable[[Connection, list[Check]], dict[str, Check]]


@pytest.fixture
def path(make_database_url: Callable[[str], str]) -> Path:
    """A new database, migrated."""
    return Path(make_database_url("sqlite").removeprefix("sqlite:///"))


@pytest.fixture
def database(path: Path) -> Iterator[Database]:
    """The database, opened as by the serving process."""
    serving = Database(f"sqlite:///{path}")
    yield serving
    serving.close()


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def files(directory: Path) -> list[Path]:
    return sorted(directory.iterdir())


def slugs(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return [row[0] for row in connection.execute("SELECT slug FROM checks ORDER BY slug")]


async def test_a_copy_is_made_while_another_process_writes(
    path: Path, database: Database, insert: Insert, tmp_path: Path
) -> None:
    await database.write(lambda db: insert(db, [a_check("one"), a_check("two")]))
    target = tmp_path / "copy.db"
    manifest = backup.make(path, target, NOW)
    await database.write(lambda db: check_store.insert(db, [a_check("three")]))
    assert slugs(target) == ["one", "two"]
    assert mode(target) == mode(manifest_path(target)) == 0o600
    assert json.loads(manifest_path(target).read_text()) == {
        "made_at": NOW.isoformat(),
        "release": manifest.release,
        "schema": manifest.schema,
        "bytes": target.stat().st_size,
        "sha256": manifest.sha256,
        "rows": manifest.rows,
    }
    assert (manifest.rows["checks"], manifest.rows["people"]) == (2, 1)
    assert backup.examine(target) == manifest
    assert {file.name for file in files(tmp_path) if "copy" in file.name} == {"copy.db", "copy.db.json"}


async def test_a_copy_contains_the_write_ahead_log_and_never_checkpoints(
    path: Path, database: Database, insert: Insert, tmp_path: Path
) -> None:
    """A reader that checkpoints can lose a commit of the writer: see the decision on databases."""
    await database.write(lambda db: insert(db, [a_check("one")]))
    wal = path.with_name(path.name + "-wal")
    size = wal.stat().st_size
    assert size > 0
    backup.make(path, tmp_path / "copy.db", NOW)
    assert wal.stat().st_size == size
    assert slugs(tmp_path / "copy.db") == ["one"]


def test_a_database_can_be_copied_while_nobody_serves_it(path: Path, tmp_path: Path) -> None:
    assert backup.make(path, tmp_path / "copy.db", NOW).rows["checks"] == 0


def test_an_existing_file_is_replaced_only_by_force(path: Path, tmp_path: Path) -> None:
    target = tmp_path / "copy.db"
    target.write_text("something dear")
    with pytest.raises(Unusable, match=r"already exists\. Choose another path, or add --force"):
        backup.make(path, target, NOW)
    assert target.read_text() == "something dear"
    backup.make(path, target, NOW, force=True)
    assert slugs(target) == []


def test_a_copy_that_fails_leaves_nothing_behind(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(Unusable, match=r"Cannot write .*: No space left on device"):
        backup.make(path, tmp_path / "copy.db", NOW)
    assert not [file for file in files(tmp_path) if "copy" in file.name]


@pytest.mark.parametrize(
    ("source", "sentence"),
    [("nothing.db", "There is no database at"), ("text.db", "Cannot copy .*: file is not a database")],
)
def test_a_file_that_is_not_a_database_is_refused(source: str, sentence: str, tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text("no database" * 100)
    with pytest.raises(Unusable, match=sentence):
        backup.make(tmp_path / source, tmp_path / "copy.db", NOW)


def test_the_newest_copies_in_a_directory_are_kept(path: Path, tmp_path: Path) -> None:
    (tmp_path / "copies").mkdir()
    theirs = tmp_path / "copies" / "heartbeat-before-the-move.db"
    theirs.touch()
    copies = []
    for day in range(4):
        at = NOW + timedelta(days=day)
        copies.append(tmp_path / "copies" / at.strftime(backup.NAME))
        backup.make(path, copies[-1], at)
    assert backup.keep_newest(tmp_path / "copies", 2) == copies[1::-1]
    left = {file for copy in copies[2:] for file in (copy, manifest_path(copy))}
    assert set((tmp_path / "copies").iterdir()) == left | {theirs}


# --- Restore.


def restore(path: Path, copy: Path, grace: timedelta | None = timedelta()) -> Path | None:
    return backup.restore(copy, backup.examine(copy), path, NOW, grace)


async def test_a_copy_is_restored_and_the_replaced_database_kept(
    path: Path, insert: Insert, tmp_path: Path
) -> None:
    copy = tmp_path / "copy.db"
    serving = Database(f"sqlite:///{path}")
    await serving.write(lambda db: insert(db, [a_check("one")]))
    backup.make(path, copy, NOW)
    await serving.write(lambda db: check_store.insert(db, [a_check("two")]))
    with pytest.raises(AlreadyServed, match="is already in use by process"):
        restore(path, copy)
    serving.close()
    aside = restore(path, copy)
    assert aside == path.with_name("heartbeat.db.replaced-20240503T030000Z")
    assert slugs(aside) == ["one", "two"]
    assert slugs(path) == ["one"]
    assert mode(path) == 0o600
    assert {file.name for file in path.parent.glob("heartbeat.db*")} == {
        path.name,
        aside.name,
        "heartbeat.db.writer",
    }


def test_the_write_ahead_log_stays_with_the_replaced_database(path: Path, tmp_path: Path) -> None:
    """After a crash the newest commits are beside the file: they must neither be lost nor enter the copy."""
    copy = tmp_path / "copy.db"
    backup.make(path, copy, NOW)
    crashed = tmp_path / "crashed"
    crashed.mkdir()
    with closing(sqlite3.connect(path)) as writer:
        writer.execute("PRAGMA journal_mode=WAL")
        writer.execute("INSERT INTO ping_keys (name, hash) VALUES ('late', 'hash')")
        writer.commit()
        for name in (path.name, f"{path.name}-wal"):
            (crashed / name).write_bytes((path.parent / name).read_bytes())
    aside = restore(crashed / path.name, copy)
    assert aside is not None
    for file, keys in ((aside, [("late",)]), (crashed / path.name, [])):
        with closing(sqlite3.connect(file)) as connection:
            assert connection.execute("SELECT name FROM ping_keys").fetchall() == keys


def test_damage_is_named_by_the_database_and_nothing_is_kept(path: Path, tmp_path: Path) -> None:
    destroy(path, "pings")
    copies = tmp_path / "copies"
    copies.mkdir()
    with pytest.raises(Unusable, match=rf"^{re.escape(str(path))} is damaged: "):
        backup.make(path, copies / "copy.db", NOW)
    assert list(copies.iterdir()) == []


def test_a_damaged_database_is_kept_as_it_is(path: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    backup.make(path, copy, NOW)
    path.write_bytes(b"rubbish" * 1000)
    path.with_name(path.name + "-wal").write_bytes(b"more rubbish")
    aside = restore(path, copy)
    assert aside is not None
    assert aside.read_bytes() == b"rubbish" * 1000
    assert aside.with_name(aside.name + "-wal").read_bytes() == b"more rubbish"
    assert slugs(path) == []


def test_a_file_system_without_hard_links_is_enough(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    copy = tmp_path / "copy.db"
    backup.make(path, copy, NOW)
    aside = restore(path, copy)
    assert aside is not None
    assert slugs(aside) == slugs(path) == []
    assert own_secret(Settings(data_dir=tmp_path), "secret-key")[1]


def test_a_copy_is_restored_to_an_empty_place(path: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    backup.make(path, copy, NOW)
    assert restore(tmp_path / "new.db", copy) is None
    assert slugs(tmp_path / "new.db") == []


def test_a_copy_without_a_manifest_is_examined_by_itself(path: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    manifest = backup.make(path, copy, NOW)
    manifest_path(copy).unlink()
    assert backup.examine(copy) == replace(manifest, made_at=backup.examine(copy).made_at)


def _cut(copy: Path) -> None:
    copy.write_bytes(copy.read_bytes()[:-4096])


def _spoil(copy: Path) -> None:
    manifest_path(copy).unlink()
    with closing(sqlite3.connect(copy)) as connection:
        page, size = (
            connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_size", "page_count")
        )
    content = bytearray(copy.read_bytes())
    content[page * (size // 2) : page * (size // 2 + 2)] = b"\xff" * (2 * page)
    copy.write_bytes(content)


def _orphan(copy: Path) -> None:
    manifest_path(copy).unlink()
    with closing(sqlite3.connect(copy)) as connection, connection:
        connection.execute(
            "INSERT INTO transitions (check_id, at, state, why) VALUES (77, '2024-05-03', 'up', '')"
        )


def _newer(copy: Path) -> None:
    manifest_path(copy).unlink()
    with closing(sqlite3.connect(copy)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")


def _garbled(copy: Path) -> None:
    manifest_path(copy).write_text("{}")


@pytest.mark.parametrize(
    ("harm", "sentence"),
    [
        (Path.unlink, "There is no copy at"),
        (_cut, "differs from its manifest copy.db.json: it was changed or is incomplete"),
        (_spoil, "is (damaged|not a database of heartbeat): "),
        (_orphan, "is damaged: 1 rows of transitions refer to missing rows"),
        (_newer, "has the schema 9999, which this release does not know. A newer release made it"),
        (_garbled, "copy.db.json is not a manifest"),
    ],
)
def test_a_copy_that_cannot_be_trusted_is_not_restored(
    harm: Callable[[Path], Any], sentence: str, path: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy.db"
    backup.make(path, copy, NOW)
    harm(copy)
    content = path.read_bytes()
    with pytest.raises(Unusable, match=sentence):
        restore(path, copy)
    assert path.read_bytes() == content


def name_in(path: Path) -> str:
    with closing(sqlite3.connect(path)) as connection:
        (stored,) = connection.execute("SELECT value FROM installation WHERE key = 'name'").fetchone()
    return str(json.loads(stored))


def test_each_restore_draws_a_new_name(path: Path, tmp_path: Path) -> None:
    """The replaced database has given numbers that the copy gives again."""
    copy = tmp_path / "copy.db"
    backup.make(path, copy, NOW)
    names = [name_in(path)]
    for _ in range(2):
        restore(path, copy)
        names.append(name_in(path))
    assert len(set(names)) == 3
    assert name_in(copy) == names[0]


async def test_an_incident_that_was_open_in_the_copy_keeps_its_id_outside(
    path: Path, insert: Insert, tmp_path: Path
) -> None:
    """It must still be possible to resolve it there."""
    serving = Database(f"sqlite:///{path}")
    await serving.write(lambda db: insert(db, [a_check("before"), a_check("after")]))
    await serving.write(lambda db: checker.sweep(db, NOW + timedelta(hours=1), limit=1))
    (opened,) = await serving.read(desk.incidents)
    backup.make(path, tmp_path / "copy.db", NOW)
    serving.close()
    restore(path, tmp_path / "copy.db", None)
    serving = Database(f"sqlite:///{path}")
    await serving.write(lambda db: checker.sweep(db, NOW + timedelta(hours=1)))
    newer, restored = await serving.read(desk.incidents)
    serving.close()
    assert outside.of_incident(restored) == outside.of_incident(opened)
    assert opened.installation not in (None, newer.installation)


# --- The first start after a restore.

LATER = NOW + timedelta(days=1)


async def checks_after_restore(path: Path, copy: Path, grace: timedelta | None) -> dict[str, Check]:
    """Return the checks of a copy after the first start, a day later, and one sweep."""
    restore(path, copy, grace)
    database = Database(f"sqlite:///{path}")
    await backup.start_over(database, LATER)
    assert await backup.start_over(database, LATER + timedelta(hours=1)) is None
    await database.write(lambda db: checker.sweep(db, LATER))
    checks = await database.read(lambda db: check_store.listed(db, limit=10))
    database.close()
    return {check.slug: check for check in checks}


@pytest.fixture
async def copy(path: Path, insert: Insert, tmp_path: Path) -> Path:
    """A copy of a database with a check that is up, one new, one down, one paused."""
    database = Database(f"sqlite:///{path}")
    defined = [
        replace(a_check("up"), state=State.UP, last_ok_at=NOW),
        a_check("new"),
        a_check("down", schedule=Every(timedelta(minutes=1))),
        a_check("paused"),
    ]
    checks = await database.write(lambda db: insert(db, defined))
    paused = life.paused(checks["paused"], NOW, "anna").check
    await database.write(lambda db: check_store.save(db, [paused]))
    await database.write(lambda db: checker.sweep(db, NOW + timedelta(minutes=3)))
    backup.make(path, tmp_path / "copy.db", NOW)
    database.close()
    return tmp_path / "copy.db"


async def test_every_check_starts_over_after_a_restore(path: Path, copy: Path) -> None:
    checks = await checks_after_restore(path, copy, timedelta())
    assert {slug: check.state for slug, check in checks.items()} == {
        "up": State.UP,
        "new": State.NEW,
        "down": State.DOWN,
        "paused": State.PAUSED,
    }
    # No check is forgotten: each must ping within its period and grace after the start.
    assert {checks[slug].wake_at for slug in ("up", "new")} == {LATER + timedelta(minutes=6)}


async def test_an_extra_grace_moves_every_deadline(path: Path, copy: Path) -> None:
    checks = await checks_after_restore(path, copy, timedelta(minutes=30))
    assert checks["up"].wake_at == LATER + timedelta(minutes=36)


async def test_overdue_checks_are_judged_at_once_on_request(path: Path, copy: Path) -> None:
    checks = await checks_after_restore(path, copy, None)
    assert checks["up"].state is checks["new"].state is State.DOWN


async def test_a_restore_brings_back_no_sessions(path: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(
            "INSERT INTO sessions (hash, proof, how, remote, agent, made_at, seen_at) "
            "VALUES ('hash', 'proof', 'admin key', '', '', '2024-05-03', '2024-05-03')"
        )
    backup.make(path, tmp_path / "copy.db", NOW)
    restore(path, tmp_path / "copy.db")
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM sessions").fetchone() == (0,)


async def test_a_restore_is_in_the_audit_log(path: Path, copy: Path) -> None:
    await checks_after_restore(path, copy, timedelta())
    database = Database(f"sqlite:///{path}")
    (entry,) = await database.read(lambda db: audit.listed(db, limit=1))
    database.close()
    assert (entry.actor, entry.action, entry.at) == ("operator", "restore", LATER)
    assert entry.after == {"copied at": NOW.isoformat(), "checks expected afresh": 4}


async def test_many_checks_start_over_in_bounded_batches(
    database_url: str, insert: Insert, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also after other tools have restored the database, as on PostgreSQL. It gets a new name then, too."""
    monkeypatch.setattr(backup, "BATCH", 3)
    database = Database(database_url)
    await database.write(lambda db: insert(db, [a_check(f"job-{number}") for number in range(7)]))
    name = await database.read(installation.name)
    await database.write(lambda db: backup.rearm(db, NOW, timedelta()))
    assert await database.read(installation.name) not in (None, name)
    sizes = []
    save = check_store.save

    def counted(db: Connection, changed: list[Check]) -> None:
        sizes.append(len(changed))
        save(db, changed)

    monkeypatch.setattr(check_store, "save", counted)
    assert await backup.start_over(database, LATER) == 7
    assert sizes == [3, 3, 1]
    await database.write(lambda db: checker.sweep(db, LATER))
    assert await database.read(lambda db: desk.incidents(db, open_only=True, limit=1)) == []
    database.close()


async def test_checks_start_over_a_second_apart_also_across_batches(
    database_url: str, insert: Insert, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backup, "BATCH", 2)
    monkeypatch.setattr(spread, "PER_SECOND", 1)
    database = Database(database_url)
    await database.write(lambda db: insert(db, [a_check(f"job-{number}") for number in range(5)]))
    await database.write(lambda db: backup.rearm(db, NOW, timedelta()))
    await backup.start_over(database, LATER)
    checks = await database.read(lambda db: check_store.listed(db, limit=10))
    assert [check.armed_at - LATER for check in checks] == [timedelta(seconds=n) for n in range(5)]
    database.close()
