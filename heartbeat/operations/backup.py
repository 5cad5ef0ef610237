"""A copy of a SQLite database that can be trusted, and putting one back. PostgreSQL has tools of its own.

A copy is made through SQLite's online backup from a connection that only reads, so that the process which
serves goes on writing. It is one snapshot: every ping that was answered before it began is in it. A copy counts
only when it was checked, written to the disk, and has taken its name.
"""

import json
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from heartbeat import audit, installation, migrations
from heartbeat.actor import Actor, Role
from heartbeat.checks import check
from heartbeat.checks import store as check_store
from heartbeat.database import Database, WriterLock

BATCH = 500
"""Checks that are expected afresh in one transaction after a restore."""
NAME = "heartbeat-%Y%m%dT%H%M%SZ.db"
"""What a copy in a directory is called, by the instant at which it was made, in UTC."""
RESTORED = "restored"
"""The fact of the installation that says what was restored and is not served yet."""

OPERATOR = Actor("operator", Role.ADMIN, "command line")
_OURS = "heartbeat-[0-9]*T[0-9]*Z.db"
_BUSY_FOR = 10.0


class Unusable(Exception):
    """A copy cannot be made or put back: one sentence why."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a copy holds, kept beside it as NAME.json."""

    made_at: datetime
    release: str
    schema: str
    bytes: int
    sha256: str
    rows: dict[str, int]

    def written(self) -> str:
        """As JSON, for people as well."""
        return json.dumps(asdict(self) | {"made_at": self.made_at.isoformat()}, indent=2) + "\n"


def make(database: Path, target: Path, now: datetime, *, force: bool = False) -> Manifest:
    """Copy the database to `target`, checked and on the disk. Raises `Unusable` and leaves nothing behind.

    What is there already is replaced only with `force`.
    """
    if target.exists() and not force:
        raise Unusable(f"{target} is there already; name another place, or say --force to replace it.")
    with _draft(target) as draft:
        with closing(_reading(database)) as source, closing(sqlite3.connect(draft)) as copy:
            try:
                # All in one step: in several, every commit between them would make it begin again.
                source.backup(copy)
                copy.execute("PRAGMA journal_mode=DELETE")
            except sqlite3.Error as error:
                raise Unusable(f"{database} could not be copied: {error}.") from None
            manifest = _examined(draft, copy, now)
        _synced(draft)
        beside(target).unlink(missing_ok=True)
        _named(draft, target, force=force)
    with _draft(beside(target)) as draft:
        draft.write_text(manifest.written())
        _synced(draft)
        _named(draft, beside(target), force=True)
    return manifest


def keep_newest(directory: Path, keep: int) -> list[Path]:
    """Delete all but the newest `keep` copies that `NAME` has named, with their manifests; those that went."""
    copies = sorted(directory.glob(_OURS), reverse=True)
    for old in copies[keep:]:
        old.unlink()
        beside(old).unlink(missing_ok=True)
    return copies[keep:]


def beside(copy: Path) -> Path:
    """Where the manifest of a copy lies."""
    return copy.with_name(copy.name + ".json")


def examine(copy: Path) -> Manifest:
    """The manifest of a copy that can be put back. Raises `Unusable` where it cannot."""
    if not copy.is_file():
        raise Unusable(f"There is no copy at {copy}.")
    promised = _promised(copy)
    if promised and promised.get("sha256") != _hash(copy):
        raise Unusable(
            f"{copy} is not what its manifest {beside(copy).name} says: it was changed or cut off."
        )
    made_at = datetime.fromtimestamp(copy.stat().st_mtime, UTC)
    if promised:
        made_at = datetime.fromisoformat(promised["made_at"])
    with closing(sqlite3.connect(f"{copy.resolve().as_uri()}?mode=ro&immutable=1", uri=True)) as opened:
        manifest = _examined(copy, opened, made_at)
    if manifest.schema not in migrations.revisions():
        raise Unusable(
            f"{copy} has the schema {manifest.schema}, which this release does not know: it was made by a newer "
            "one. Install that one, or a newer one, first."
        )
    return manifest


def restore(
    copy: Path, manifest: Manifest, database: Path, now: datetime, grace: timedelta | None
) -> Path | None:
    """Put a copy that was examined in the place of the database; where the replaced one lies now, if there was one.

    With `grace`, every check is expected afresh from the next start of `heartbeat serve` on, plus that long.
    Raises `Unusable`, and `AlreadyServed` while a process serves the database.
    """
    lock = WriterLock(database)
    try:
        with _draft(database) as draft:
            shutil.copyfile(copy, draft)
            _mark(draft, manifest.made_at, grace)
            _synced(draft)
            aside = _set_aside(database, now)
            draft.replace(database)
        _sync_directory(database.parent)
        return aside
    finally:
        lock.release()


def expect_anew(db: Connection, now: datetime, grace: timedelta) -> None:
    """Note that the past is not to be judged: for a database that was put back by other tools."""
    installation.remember(db, RESTORED, _fact(now, grace))


async def begin_anew(database: Database, now: datetime) -> int | None:
    """After a restore, expect every check afresh: what has come since the copy was made nobody can know.

    How many checks there were, or None where nothing was restored. Done twice it does no harm.
    """
    restored = await database.read(lambda db: installation.recall(db, RESTORED))
    if restored is None:
        return None
    count, last = 0, 0
    if restored["grace"] is not None:
        from_ = now + timedelta(seconds=restored["grace"])
        while batch := await database.write(partial(_excuse, after=last, from_=from_)):
            count, last = count + len(batch), batch[-1]
    await database.write(lambda db: _written_down(db, restored, now, count))
    return count


def _excuse(db: Connection, after: int, from_: datetime) -> list[int]:
    batch = check_store.lock_after(db, after, BATCH)
    if batch:
        check_store.save(db, [check.excused(one, from_) for one in batch])
    return [one.id for one in batch]


def _written_down(db: Connection, restored: dict[str, Any], now: datetime, count: int) -> None:
    after = {"copied at": restored["copied_at"], "checks expected afresh": count}
    audit.record(db, OPERATOR, "restore", "database", now, after=after)
    installation.forget(db, RESTORED)


def _reading(database: Path) -> sqlite3.Connection:
    """A connection that cannot write, and so never checkpoints: see docs/decisions/0004-databases.md."""
    if not database.is_file():
        raise Unusable(f"There is no database at {database}.")
    return sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro", uri=True, timeout=_BUSY_FOR)


def _examined(path: Path, opened: sqlite3.Connection, made_at: datetime) -> Manifest:
    """What a copy holds. Raises `Unusable` where it is damaged or no database of ours."""
    try:
        verdict = [row[0] for row in opened.execute("PRAGMA integrity_check(5)")]
        orphans = opened.execute("PRAGMA foreign_key_check").fetchall()
        schema = str(opened.execute("SELECT version_num FROM alembic_version").fetchone()[0])
        rows = {table: _count(opened, table) for table in _tables(opened)}
    except (sqlite3.Error, TypeError) as error:
        raise Unusable(f"{path} is no database of heartbeat: {error}.") from None
    if verdict != ["ok"]:
        raise Unusable(f"{path} is damaged: {'; '.join(map(str, verdict))}.")
    if orphans:
        raise Unusable(f"{path} is damaged: {len(orphans)} rows of {orphans[0][0]} belong to nothing.")
    return Manifest(made_at, version("heartbeat"), schema, path.stat().st_size, _hash(path), rows)


def _tables(opened: sqlite3.Connection) -> Sequence[str]:
    found = opened.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
    return [str(row[0]) for row in found if not str(row[0]).startswith(("sqlite_", "alembic_"))]


def _count(opened: sqlite3.Connection, table: str) -> int:
    return int(opened.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0])  # noqa: S608  # named by the copy itself


def _promised(copy: Path) -> dict[str, Any]:
    """What the manifest says; empty where there is none."""
    if not beside(copy).exists():
        return {}
    try:
        found: dict[str, Any] = json.loads(beside(copy).read_text())
        datetime.fromisoformat(found["made_at"])
    except (OSError, ValueError, TypeError, KeyError):
        raise Unusable(
            f"{beside(copy)} is no manifest of a copy; without it the copy could be restored."
        ) from None
    return found


def _mark(draft: Path, copied_at: datetime, grace: timedelta | None) -> None:
    """Note in the copy itself that it was restored, for the process that serves it next."""
    fact = _fact(copied_at, grace)
    with closing(sqlite3.connect(draft)) as opened, opened:
        opened.execute("PRAGMA journal_mode=DELETE")
        opened.execute("PRAGMA synchronous=FULL")
        # Who was signed out since then must not be signed in again.
        for table in {"sessions", "one_time_links"} & set(_tables(opened)):
            opened.execute(f"DELETE FROM {table}")  # noqa: S608  # named just above
        opened.execute("DELETE FROM installation WHERE key = ?", [RESTORED])
        opened.execute("INSERT INTO installation (key, value) VALUES (?, ?)", [RESTORED, json.dumps(fact)])


def _fact(copied_at: datetime, grace: timedelta | None) -> dict[str, Any]:
    return {"copied_at": copied_at.isoformat(), "grace": None if grace is None else grace.total_seconds()}


def _set_aside(database: Path, now: datetime) -> Path | None:
    """Keep what is replaced under another name, with what it has written ahead."""
    if not database.exists():
        return None
    aside = database.with_name(f"{database.name}.replaced-{now:%Y%m%dT%H%M%SZ}")
    ahead, kept_ahead = (one.with_name(one.name + "-wal") for one in (database, aside))
    if ahead.exists():
        shutil.copy(ahead, kept_ahead)
    if _folded(database):
        kept_ahead.unlink(missing_ok=True)
    try:
        os.link(database, aside)
    except OSError:
        # Not every file system has hard links.
        shutil.copy(database, aside)
    for name in ("-wal", "-shm"):
        database.with_name(database.name + name).unlink(missing_ok=True)
    return aside


def _folded(database: Path) -> bool:
    """Whether what was written ahead is in the file itself now; a database that is damaged does not allow it."""
    try:
        with closing(sqlite3.connect(database)) as old:
            old.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            old.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.Error:
        return False
    return True


@contextmanager
def _draft(target: Path) -> Iterator[Path]:
    """A private file beside the target, gone at the end unless it has taken the target's name."""
    try:
        number, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}-")
    except OSError as error:
        raise Unusable(f"Nothing can be written to {target.parent}: {error.strerror}.") from None
    os.close(number)
    try:
        yield Path(name)
    except OSError as error:
        raise Unusable(f"{target} could not be written: {error.strerror}.") from None
    finally:
        Path(name).unlink(missing_ok=True)


def _named(draft: Path, target: Path, *, force: bool) -> None:
    """Give the draft its name in one step; one that somebody else has taken meanwhile is left alone."""
    try:
        if not force:
            # Takes the name only where it is free.
            os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        raise Unusable(f"{target} is there already; it was made just now by somebody else.") from None
    draft.replace(target)
    _sync_directory(target.parent)


def _synced(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _sync_directory(directory: Path) -> None:
    number = os.open(directory, os.O_RDONLY)
    try:
        # Some file systems of other machines take no such wish for a directory.
        with suppress(OSError):
            os.fsync(number)
    finally:
        os.close(number)


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        digest = sha256()
        while chunk := file.read(1 << 20):
            digest.update(chunk)
        return digest.hexdigest()
