"""Copies of a SQLite database: whole, checked, private, and put back so that nothing is judged that nobody heard."""

import json
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from alerting import desk
from heartbeat import audit, settings
from heartbeat.checks import check, checker
from heartbeat.checks import store as check_store
from heartbeat.checks.check import Check, State
from heartbeat.checks.schedule import Every
from heartbeat.database import AlreadyServed, Database
from heartbeat.operations import backup
from heartbeat.operations.backup import Unusable, beside
from heartbeat.settings import Settings
from tests.unit.conftest import NOW, a_check

Insert = Callable[[Connection, list[Check]], dict[str, Check]]


@pytest.fixture
def path(make_database_url: Callable[[str], str]) -> Path:
    """A fresh database, migrated."""
    return Path(make_database_url("sqlite").removeprefix("sqlite:///"))


@pytest.fixture
def database(path: Path) -> Iterator[Database]:
    """The database as the process that serves it has it."""
    made = Database(f"sqlite:///{path}")
    yield made
    made.close()


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def files(directory: Path) -> list[Path]:
    return sorted(directory.iterdir())


def slugs(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as opened:
        return [row[0] for row in opened.execute("SELECT slug FROM checks ORDER BY slug")]


async def test_a_copy_is_made_while_another_process_writes(
    path: Path, database: Database, insert: Insert, tmp_path: Path
) -> None:
    await database.write(lambda db: insert(db, [a_check("one"), a_check("two")]))
    target = tmp_path / "copy.db"
    manifest = backup.make(path, target, NOW)
    await database.write(lambda db: check_store.insert(db, [a_check("three")]))
    assert slugs(target) == ["one", "two"]
    assert mode(target) == mode(beside(target)) == 0o600
    assert json.loads(beside(target).read_text()) == {
        "made_at": NOW.isoformat(),
        "release": manifest.release,
        "schema": manifest.schema,
        "bytes": target.stat().st_size,
        "sha256": manifest.sha256,
        "rows": manifest.rows,
    }
    assert (manifest.rows["checks"], manifest.rows["people"]) == (2, 1)
    assert backup.examine(target) == manifest
    assert {one.name for one in files(tmp_path) if "copy" in one.name} == {"copy.db", "copy.db.json"}


async def test_the_copy_takes_what_was_only_written_ahead_and_never_checkpoints(
    path: Path, database: Database, insert: Insert, tmp_path: Path
) -> None:
    """A reader that checkpoints can lose a commit of the writer: see the decision on databases."""
    await database.write(lambda db: insert(db, [a_check("one")]))
    ahead = path.with_name(path.name + "-wal")
    before = ahead.stat().st_size
    assert before > 0
    backup.make(path, tmp_path / "copy.db", NOW)
    assert ahead.stat().st_size == before
    assert slugs(tmp_path / "copy.db") == ["one"]


def test_a_copy_is_made_of_a_database_that_nobody_serves(path: Path, tmp_path: Path) -> None:
    assert backup.make(path, tmp_path / "copy.db", NOW).rows["checks"] == 0


def test_what_is_there_is_replaced_only_by_force(path: Path, tmp_path: Path) -> None:
    target = tmp_path / "copy.db"
    target.write_text("something dear")
    with pytest.raises(Unusable, match="is there already; name another place, or say --force"):
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
    with pytest.raises(Unusable, match="could not be written: No space left on device"):
        backup.make(path, tmp_path / "copy.db", NOW)
    assert not [one for one in files(tmp_path) if "copy" in one.name]


@pytest.mark.parametrize(
    ("source", "words"),
    [("nothing.db", "There is no database at"), ("text.db", "could not be copied: file is not a database")],
)
def test_what_is_no_database_is_said(source: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text("no database" * 100)
    with pytest.raises(Unusable, match=words):
        backup.make(tmp_path / source, tmp_path / "copy.db", NOW)


def test_of_copies_in_a_directory_the_newest_are_kept(path: Path, tmp_path: Path) -> None:
    (tmp_path / "copies").mkdir()
    theirs = tmp_path / "copies" / "heartbeat-before-the-move.db"
    theirs.touch()
    made = []
    for day in range(4):
        at = NOW + timedelta(days=day)
        made.append(tmp_path / "copies" / at.strftime(backup.NAME))
        backup.make(path, made[-1], at)
    assert backup.keep_newest(tmp_path / "copies", 2) == made[1::-1]
    left = {one for copy in made[2:] for one in (copy, beside(copy))}
    assert set((tmp_path / "copies").iterdir()) == left | {theirs}


# --- Putting a copy back.


def put_back(path: Path, copy: Path, grace: timedelta | None = timedelta()) -> Path | None:
    return backup.restore(copy, backup.examine(copy), path, NOW, grace)


async def test_a_copy_is_put_back_and_the_replaced_database_kept(
    path: Path, insert: Insert, tmp_path: Path
) -> None:
    copy = tmp_path / "copy.db"
    serving = Database(f"sqlite:///{path}")
    await serving.write(lambda db: insert(db, [a_check("one")]))
    backup.make(path, copy, NOW)
    await serving.write(lambda db: check_store.insert(db, [a_check("two")]))
    with pytest.raises(AlreadyServed, match="is already in use by process"):
        put_back(path, copy)
    serving.close()
    aside = put_back(path, copy)
    assert aside == path.with_name("heartbeat.db.replaced-20240503T030000Z")
    assert slugs(aside) == ["one", "two"]
    assert slugs(path) == ["one"]
    assert mode(path) == 0o600
    assert {one.name for one in path.parent.glob("heartbeat.db*")} == {
        path.name,
        aside.name,
        "heartbeat.db.writer",
    }


def test_what_was_written_ahead_belongs_to_the_database_that_is_kept(path: Path, tmp_path: Path) -> None:
    """After a crash the newest commits stand beside the file: they must neither be lost nor come into the copy."""
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
    aside = put_back(crashed / path.name, copy)
    assert aside is not None
    for where, keys in ((aside, [("late",)]), (crashed / path.name, [])):
        with closing(sqlite3.connect(where)) as opened:
            assert opened.execute("SELECT name FROM ping_keys").fetchall() == keys


def test_a_database_that_is_damaged_is_kept_as_it_is(path: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    backup.make(path, copy, NOW)
    path.write_bytes(b"rubbish" * 1000)
    path.with_name(path.name + "-wal").write_bytes(b"more rubbish")
    aside = put_back(path, copy)
    assert aside is not None
    assert aside.read_bytes() == b"rubbish" * 1000
    assert aside.with_name(aside.name + "-wal").read_bytes() == b"more rubbish"
    assert slugs(path) == []


def test_a_file_system_without_hard_links_will_do(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    copy = tmp_path / "copy.db"
    backup.make(path, copy, NOW)
    aside = put_back(path, copy)
    assert aside is not None
    assert slugs(aside) == slugs(path) == []
    assert settings.own_secret(Settings(data_dir=tmp_path), "secret-key")[1]


def test_a_copy_is_put_where_there_was_nothing(path: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    backup.make(path, copy, NOW)
    assert put_back(tmp_path / "fresh.db", copy) is None
    assert slugs(tmp_path / "fresh.db") == []


def test_a_copy_without_a_manifest_is_judged_by_itself(path: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    manifest = backup.make(path, copy, NOW)
    beside(copy).unlink()
    assert backup.examine(copy) == replace(manifest, made_at=backup.examine(copy).made_at)


def _cut(copy: Path) -> None:
    copy.write_bytes(copy.read_bytes()[:-4096])


def _spoil(copy: Path) -> None:
    beside(copy).unlink()
    with closing(sqlite3.connect(copy)) as opened:
        page, size = (opened.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_size", "page_count"))
    content = bytearray(copy.read_bytes())
    content[page * (size // 2) : page * (size // 2 + 2)] = b"\xff" * (2 * page)
    copy.write_bytes(content)


def _orphan(copy: Path) -> None:
    beside(copy).unlink()
    with closing(sqlite3.connect(copy)) as opened, opened:
        opened.execute(
            "INSERT INTO transitions (check_id, at, state, why) VALUES (77, '2024-05-03', 'up', '')"
        )


def _newer(copy: Path) -> None:
    beside(copy).unlink()
    with closing(sqlite3.connect(copy)) as opened, opened:
        opened.execute("UPDATE alembic_version SET version_num = '9999'")


def _garbled(copy: Path) -> None:
    beside(copy).write_text("{}")


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (Path.unlink, "There is no copy at"),
        (_cut, "is not what its manifest copy.db.json says: it was changed or cut off"),
        (_spoil, "is (damaged|no database of heartbeat): "),
        (_orphan, "is damaged: 1 rows of transitions belong to nothing"),
        (_newer, "has the schema 9999, which this release does not know: it was made by a newer one"),
        (_garbled, "copy.db.json is no manifest of a copy"),
    ],
)
def test_a_copy_that_cannot_be_trusted_is_not_put_back(
    harm: Callable[[Path], Any], words: str, path: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy.db"
    backup.make(path, copy, NOW)
    harm(copy)
    before = path.read_bytes()
    with pytest.raises(Unusable, match=words):
        put_back(path, copy)
    assert path.read_bytes() == before


# --- What was due meanwhile.

LATER = NOW + timedelta(days=1)


async def restored(path: Path, copy: Path, grace: timedelta | None) -> dict[str, Check]:
    """The checks of a copy after the first start, a day later, and one sweep."""
    put_back(path, copy, grace)
    database = Database(f"sqlite:///{path}")
    await backup.begin_anew(database, LATER)
    assert await backup.begin_anew(database, LATER + timedelta(hours=1)) is None
    await database.write(lambda db: checker.sweep(db, LATER))
    found = await database.read(lambda db: check_store.listed(db, limit=10))
    database.close()
    return {one.slug: one for one in found}


@pytest.fixture
async def copy(path: Path, insert: Insert, tmp_path: Path) -> Path:
    """A copy of a database in which one check is up, one new, one down, one paused."""
    database = Database(f"sqlite:///{path}")
    made = [
        replace(a_check("up"), state=State.UP, last_ok_at=NOW),
        a_check("new"),
        a_check("down", schedule=Every(timedelta(minutes=1))),
        a_check("paused"),
    ]
    known = await database.write(lambda db: insert(db, made))
    paused = check.paused(known["paused"], NOW, "anna").check
    await database.write(lambda db: check_store.save(db, [paused]))
    await database.write(lambda db: checker.sweep(db, NOW + timedelta(minutes=3)))
    backup.make(path, tmp_path / "copy.db", NOW)
    database.close()
    return tmp_path / "copy.db"


async def test_after_a_restore_nothing_is_judged_that_nobody_could_hear(path: Path, copy: Path) -> None:
    found = await restored(path, copy, timedelta())
    assert {slug: one.state for slug, one in found.items()} == {
        "up": State.UP,
        "new": State.NEW,
        "down": State.DOWN,
        "paused": State.PAUSED,
    }
    # Nor is anything forgotten: each must speak within its period and grace from the start on.
    assert {found[slug].wake_at for slug in ("up", "new")} == {LATER + timedelta(minutes=6)}


async def test_a_longer_grace_moves_all_by_as_much(path: Path, copy: Path) -> None:
    found = await restored(path, copy, timedelta(minutes=30))
    assert found["up"].wake_at == LATER + timedelta(minutes=36)


async def test_what_is_to_be_judged_at_once_is(path: Path, copy: Path) -> None:
    found = await restored(path, copy, None)
    assert found["up"].state is found["new"].state is State.DOWN


async def test_who_was_signed_out_since_then_is_not_signed_in_again(path: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(path)) as opened, opened:
        opened.execute(
            "INSERT INTO sessions (hash, proof, how, remote, agent, made_at, seen_at) "
            "VALUES ('hash', 'proof', 'admin key', '', '', '2024-05-03', '2024-05-03')"
        )
    backup.make(path, tmp_path / "copy.db", NOW)
    put_back(path, tmp_path / "copy.db")
    with closing(sqlite3.connect(path)) as opened:
        assert opened.execute("SELECT count(*) FROM sessions").fetchone() == (0,)


async def test_a_restore_is_written_down(path: Path, copy: Path) -> None:
    await restored(path, copy, timedelta())
    database = Database(f"sqlite:///{path}")
    (deed,) = await database.read(lambda db: audit.listed(db, limit=1))
    database.close()
    assert (deed.actor, deed.action, deed.at) == ("operator", "restore", LATER)
    assert deed.after == {"copied at": NOW.isoformat(), "checks expected afresh": 4}


async def test_many_checks_are_expected_afresh_in_bounded_batches(
    database_url: str, insert: Insert, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where other tools have put the database back, as on PostgreSQL."""
    monkeypatch.setattr(backup, "BATCH", 3)
    database = Database(database_url)
    await database.write(lambda db: insert(db, [a_check(f"job-{number}") for number in range(7)]))
    await database.write(lambda db: backup.expect_anew(db, NOW, timedelta()))
    sizes = []
    honest = check_store.save

    def counted(db: Connection, changed: list[Check]) -> None:
        sizes.append(len(changed))
        honest(db, changed)

    monkeypatch.setattr(check_store, "save", counted)
    assert await backup.begin_anew(database, LATER) == 7
    assert sizes == [3, 3, 1]
    await database.write(lambda db: checker.sweep(db, LATER))
    assert await database.read(lambda db: desk.incidents(db, open_only=True, limit=1)) == []
    database.close()
