"""Backup and restore of a SQLite database. PostgreSQL has tools of its own.

SQLite's online backup makes a copy over a connection that only reads, so that the serving process goes on writing.
The copy is one snapshot: it has every ping that was answered before it began. It gets its name only after it was
checked and is on the disk.
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
from heartbeat.checks import blindness_store, life
from heartbeat.checks import store as check_store
from heartbeat.database import Database, WriterLock

BATCH = 500
"""Checks that start over in one transaction after a restore."""
NAME = "heartbeat-%Y%m%dT%H%M%SZ.db"
"""The name of a copy in a directory: the time at which it was made, in UTC."""
RESTORED = "restored"
"""The fact of the installation that marks a restored database until its first start."""

OPERATOR = Actor("operator", Role.ADMIN, "command line")
_NAMES = "heartbeat-[0-9]*T[0-9]*Z.db"
_BUSY_FOR = 10.0


class Unusable(Exception):
    """A copy cannot be made or restored; one sentence says why."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """The contents of a copy, stored beside it as NAME.json."""

    made_at: datetime
    release: str
    schema: str
    bytes: int
    sha256: str
    rows: dict[str, int]

    def as_json(self) -> str:
        return json.dumps(asdict(self) | {"made_at": self.made_at.isoformat()}, indent=2) + "\n"


def make(database: Path, target: Path, now: datetime, *, force: bool = False) -> Manifest:
    """Copy the database to `target` and check the copy. Raises `Unusable` and leaves no file behind.

    An existing file is replaced only with `force`.
    """
    if target.exists() and not force:
        raise Unusable(f"{target} already exists. Choose another path, or add --force to replace it.")
    with _draft(target) as draft:
        with closing(_reading(database)) as source, closing(sqlite3.connect(draft)) as copy:
            try:
                # In one step: in several, each commit between them would restart the backup.
                source.backup(copy)
                copy.execute("PRAGMA journal_mode=DELETE")
            except sqlite3.Error as error:
                raise Unusable(f"Cannot copy {database}: {error}.") from None
            manifest = _manifest_of(draft, copy, now, of=database)
        _sync(draft)
        manifest_path(target).unlink(missing_ok=True)
        _rename(draft, target, force=force)
    with _draft(manifest_path(target)) as draft:
        draft.write_text(manifest.as_json(), encoding="utf-8")
        _sync(draft)
        _rename(draft, manifest_path(target), force=True)
    return manifest


def keep_newest(directory: Path, keep: int) -> list[Path]:
    """Delete all but the newest `keep` dated copies with their manifests. Return the deleted copies."""
    copies = sorted(directory.glob(_NAMES), reverse=True)
    for old in copies[keep:]:
        old.unlink()
        manifest_path(old).unlink(missing_ok=True)
    return copies[keep:]


def manifest_path(copy: Path) -> Path:
    return copy.with_name(copy.name + ".json")


def examine(copy: Path) -> Manifest:
    """Return the manifest of a copy that can be restored. Raises `Unusable` if it cannot be."""
    if not copy.is_file():
        raise Unusable(f"There is no copy at {copy}.")
    stored = _read_manifest(copy)
    if stored and stored.get("sha256") != _hash(copy):
        raise Unusable(
            f"{copy} differs from its manifest {manifest_path(copy).name}: it was changed or is incomplete. "
            "Nothing was restored."
        )
    made_at = datetime.fromtimestamp(copy.stat().st_mtime, UTC)
    if stored:
        made_at = datetime.fromisoformat(stored["made_at"])
    with closing(sqlite3.connect(f"{copy.resolve().as_uri()}?mode=ro&immutable=1", uri=True)) as connection:
        manifest = _manifest_of(copy, connection, made_at)
    if manifest.schema not in migrations.revisions():
        raise Unusable(
            f"{copy} has the schema {manifest.schema}, which this release does not know. A newer release made it: "
            "install that one first. Nothing was restored."
        )
    return manifest


def restore(
    copy: Path, manifest: Manifest, database: Path, now: datetime, grace: timedelta | None
) -> Path | None:
    """Replace the database with an examined copy. Return the new path of the replaced database, if there was one.

    With `grace`, every check starts over at the next start, with that much extra time. Raises `Unusable`, and
    `AlreadyServed` while a process serves the database.
    """
    lock = WriterLock(database)
    try:
        with _draft(database) as draft:
            shutil.copyfile(copy, draft)
            _mark_restored(draft, manifest.made_at, grace)
            _sync(draft)
            replaced = _set_aside(database, now)
            draft.replace(database)
        _sync_directory(database.parent)
        return replaced
    finally:
        lock.release()


def rearm(db: Connection, now: datetime, grace: timedelta) -> None:
    """Mark a database that other tools have restored, so that every check starts over at the next start.

    It gets a new name, since its next numbers were given before.
    """
    installation.remember(db, RESTORED, _fact(now, grace))
    installation.rename(db)


async def start_over(database: Database, now: datetime) -> int | None:
    """Let every check start over after a restore: the copy does not know the pings since then.

    Return the number of checks, or None if the database was not restored. It can be repeated.
    """
    restored = await database.read(lambda db: installation.recall(db, RESTORED))
    if restored is None:
        return None
    count, last_id = 0, 0
    if restored["grace"] is not None:
        begins_at = now + timedelta(seconds=restored["grace"])
        while batch := await database.write(
            partial(_excuse, last_id=last_id, begins_at=begins_at, count=count)
        ):
            count, last_id = count + len(batch), batch[-1]
    await database.write(lambda db: _record_restore(db, restored, now, count))
    return count


def _excuse(db: Connection, last_id: int, begins_at: datetime, count: int) -> list[int]:
    """Let the checks after `last_id` start over, `count` of which have done so. Return their numbers."""
    batch = check_store.lock_after(db, last_id, BATCH)
    if batch:
        check_store.save(
            db, [life.excused(check, begins_at, place) for place, check in enumerate(batch, count)]
        )
    return [check.id for check in batch]


def _record_restore(db: Connection, restored: dict[str, Any], now: datetime, count: int) -> None:
    outcome = {"copied at": restored["copied_at"], "checks expected afresh": count}
    audit.record(db, OPERATOR, "restore", "database", now, after=outcome)
    installation.forget(db, RESTORED)
    blindness_store.forget_beats(db)


def _reading(database: Path) -> sqlite3.Connection:
    """Open a connection that cannot write, and so never checkpoints: see docs/decisions/0004-databases.md."""
    if not database.is_file():
        raise Unusable(f"There is no database at {database}.")
    return sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro", uri=True, timeout=_BUSY_FOR)


def _manifest_of(path: Path, copy: sqlite3.Connection, made_at: datetime, of: Path | None = None) -> Manifest:
    """Return the manifest of a copy, which the errors call by the file that it is `of`.

    Raises `Unusable` if it is damaged or not a database of heartbeat.
    """
    named = of or path
    try:
        verdict = [row[0] for row in copy.execute("PRAGMA integrity_check(5)")]
        if verdict != ["ok"]:
            raise Unusable(f"{named} is damaged: {'; '.join(map(str, verdict))}.")
        orphans = copy.execute("PRAGMA foreign_key_check").fetchall()
        schema = str(copy.execute("SELECT version_num FROM alembic_version").fetchone()[0])
        rows = {table: _count(copy, table) for table in _tables(copy)}
    except (sqlite3.Error, TypeError) as error:
        # SQLite's own word for damage that keeps it from looking further.
        what = "is damaged" if "malformed" in str(error) else "is not a database of heartbeat"
        raise Unusable(f"{named} {what}: {error}.") from None
    if orphans:
        raise Unusable(f"{named} is damaged: {len(orphans)} rows of {orphans[0][0]} refer to missing rows.")
    return Manifest(made_at, version("heartbeat"), schema, path.stat().st_size, _hash(path), rows)


def _tables(copy: sqlite3.Connection) -> Sequence[str]:
    names = copy.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
    return [str(row[0]) for row in names if not str(row[0]).startswith(("sqlite_", "alembic_"))]


def _count(copy: sqlite3.Connection, table: str) -> int:
    return int(copy.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0])  # noqa: S608  # the copy names the table


def _read_manifest(copy: Path) -> dict[str, Any]:
    """Return the stored manifest of a copy, or an empty one."""
    if not manifest_path(copy).exists():
        return {}
    try:
        stored: dict[str, Any] = json.loads(manifest_path(copy).read_bytes())
        datetime.fromisoformat(stored["made_at"])
    except (OSError, ValueError, TypeError, KeyError):
        raise Unusable(
            f"{manifest_path(copy)} is not a manifest. Nothing was restored. Remove this file to restore the copy "
            "without it."
        ) from None
    return stored


def _mark_restored(draft: Path, copied_at: datetime, grace: timedelta | None) -> None:
    """Mark the copy itself as restored, for the process that serves it next, and give it a new name."""
    facts = {RESTORED: _fact(copied_at, grace), installation.NAME: installation.new_name()}
    with closing(sqlite3.connect(draft)) as copy, copy:
        copy.execute("PRAGMA journal_mode=DELETE")
        copy.execute("PRAGMA synchronous=FULL")
        # A session that has ended since then must not come back.
        for table in {"sessions", "one_time_links"} & set(_tables(copy)):
            copy.execute(f"DELETE FROM {table}")  # noqa: S608  # fixed names
        rows = [(key, json.dumps(value)) for key, value in facts.items()]
        copy.executemany("INSERT OR REPLACE INTO installation (key, value) VALUES (?, ?)", rows)


def _fact(copied_at: datetime, grace: timedelta | None) -> dict[str, Any]:
    return {"copied_at": copied_at.isoformat(), "grace": None if grace is None else grace.total_seconds()}


def _set_aside(database: Path, now: datetime) -> Path | None:
    """Keep the replaced database and its write-ahead log under another name."""
    if not database.exists():
        return None
    aside = database.with_name(f"{database.name}.replaced-{now:%Y%m%dT%H%M%SZ}")
    wal, wal_copy = (path.with_name(path.name + "-wal") for path in (database, aside))
    if wal.exists():
        shutil.copy(wal, wal_copy)
    if _checkpointed(database):
        wal_copy.unlink(missing_ok=True)
    try:
        os.link(database, aside)
    except OSError:
        # Not every file system has hard links.
        shutil.copy(database, aside)
    for name in ("-wal", "-shm"):
        database.with_name(database.name + name).unlink(missing_ok=True)
    return aside


def _checkpointed(database: Path) -> bool:
    """Move the write-ahead log into the file. Return False for a damaged database."""
    try:
        with closing(sqlite3.connect(database)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            connection.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.Error:
        return False
    return True


@contextmanager
def _draft(target: Path) -> Iterator[Path]:
    """Make a private file beside the target, and delete it at the end unless it has got the target's name."""
    try:
        number, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}-")
    except OSError as error:
        raise Unusable(f"Cannot write to {target.parent}: {error.strerror}.") from None
    os.close(number)
    try:
        yield Path(name)
    except OSError as error:
        raise Unusable(f"Cannot write {target}: {error.strerror}.") from None
    finally:
        Path(name).unlink(missing_ok=True)


def _rename(draft: Path, target: Path, *, force: bool) -> None:
    """Rename the draft in one step. A file that appeared in the meantime is replaced only with `force`."""
    try:
        if not force:
            # Reserves the name only if it is free.
            os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        raise Unusable(f"{target} already exists: another process has just created it.") from None
    draft.replace(target)
    _sync_directory(target.parent)


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _sync_directory(directory: Path) -> None:
    number = os.open(directory, os.O_RDONLY)
    try:
        # Some network file systems refuse this for a directory.
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
