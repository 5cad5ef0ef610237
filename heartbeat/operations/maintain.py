"""What an operator does to keep an installation: back it up, put a copy back, replace its keys,
examine it."""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import URL, make_url

from heartbeat import migrations, notifier_clients, rekey, settings
from heartbeat.database import AlreadyServed, Database, engine, transact
from heartbeat.duration import in_words
from heartbeat.operations import backup as copying
from heartbeat.operations import doctor as judging
from heartbeat.operations import doctor_facts, secret_key, serving_process, unknown_settings
from heartbeat.operations.backup import Manifest, Unusable
from heartbeat.operations.doctor import Finding, Weight
from heartbeat.rekey import RekeyResult
from heartbeat.settings import BadSetting, Settings


def backup(given: Settings, where: Path, *, force: bool, keep: int | None) -> int:
    """Copy the database to a file, or into a directory under the name of this instant."""
    database = _sqlite(given, "pg_dump --format=custom --no-owner --file=heartbeat.dump '{url}'")
    now = datetime.now(UTC)
    target = where / now.strftime(copying.NAME) if where.is_dir() else where
    if keep is not None and not where.is_dir():
        raise Unusable(f"--keep is for a directory of copies, and {where} is none.")
    manifest = copying.make(database, target, now, force=force)
    print(f"{target}: {manifest.bytes:,} bytes, checked, {_held(manifest)}.")
    for old in copying.keep_newest(where, keep) if keep is not None else ():
        print(f"{old}: deleted, for there are {keep} newer ones.")
    print(f"It is worth little without the keys: keep a copy of {_place_of_keys(given)} too, apart from it.")
    return 0


def restore(given: Settings, copy: Path, grace: timedelta | None) -> int:
    """Put a copy in the place of the database, which is kept aside."""
    database = _sqlite(given, "pg_restore --clean --if-exists --no-owner --dbname='{url}' heartbeat.dump")
    manifest = copying.examine(copy)
    given.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    aside = copying.restore(copy, manifest, database, datetime.now(UTC), grace)
    if aside is not None:
        print(f"What was there lies in {aside}; delete it when it is not needed any more.")
    made_at = f"{manifest.made_at.astimezone(UTC):%d %b %Y %H:%M} UTC"
    print(f"{database} is the copy of {made_at}, {_held(manifest)}.")
    print(_what_follows(grace))
    print(
        f"Whatever was changed after {made_at} is undone: users, keys and people that were taken away since then "
        "are back. Look through them. Everybody has to sign in again.",
        file=sys.stderr,
    )
    if (fault := _fault_of_key(given)) is not None:
        print(fault, file=sys.stderr)
    return 0


def rearm(given: Settings, grace: timedelta) -> int:
    """Let the next start expect every check afresh: for a database that was put back by other tools."""
    database = Database(given.database_url)
    try:
        migrations.migrate(database.writer)
        transact(database.writer, lambda db: copying.expect_anew(db, datetime.now(UTC), grace))
    finally:
        database.close()
    print(_what_follows(grace))
    return 0


def lost_key(given: Settings, *, certain: bool) -> int:
    """Say what is lost with the secret key that the database knows; where one is `certain`, go on with a new one."""
    given = settings.with_kept_secret_key(given)
    database = Database(given.database_url)
    try:
        migrations.migrate(database.writer)
        key, before = given.secret_key, given.secret_keys_before
        if transact(database.writer, lambda db: secret_key.is_known(db, key, before)) is not False:
            print("Nothing is lost: this database can be served with the secret key as it is.")
            return 0
        if certain and not given.secret_key:
            given = replace(given, secret_key=settings.own_secret(given, "secret-key")[0])
        unreadable = transact(
            database.writer, lambda db: rekey.stale(db, notifier_clients.vault_of(given))
        ).unreadable
        if certain:
            key, now = given.secret_key, datetime.now(UTC)
            transact(database.writer, lambda db: secret_key.replace_lost(db, key, copying.OPERATOR, now))
    finally:
        database.close()
    print("\n".join(_lost(unreadable)))
    if not certain:
        print("Nothing was changed. heartbeat lost-key --yes goes on with a new key.")
        return 1
    print(
        f"The next start takes the key in {_place_of_keys(given)}. Keep a copy of that, apart from the database."
    )
    return 0


async def rotate_keys(given: Settings) -> int:
    """Encrypt every secret anew with the first key: through the serving process where that one holds a SQLite file."""
    try:
        database = Database(given.database_url)
    except AlreadyServed as serving:
        answer = await serving_process.ask(serving.address, given, "POST", "/v1/encryption/rotate")
        if not answer.is_success:
            raise serving_process.refused(serving.address, answer) from None
        told = answer.json()
        done = RekeyResult(told["anew"], told["already"], tuple(told["unreadable"]))
    else:
        try:
            migrations.migrate(database.writer)
            keys = notifier_clients.vault_of(settings.with_kept_secret_key(given))
            if not keys.keys:
                raise Unusable("There is no key to encrypt with: set HEARTBEAT_SECRET_KEY.")
            done = await rekey.rotate(database, keys, copying.OPERATOR, datetime.now(UTC))
        finally:
            database.close()
    print(f"Encrypted anew with the first key: {done.anew}. So already: {done.already}.")
    for one in done.unreadable:
        print(f"Not to be read: {one}", file=sys.stderr)
    return 1 if done.unreadable else 0


async def doctor(environ: Mapping[str, str], *, send: bool, as_json: bool) -> int:
    """Examine the installation; 0 where all is well, 1 where something is worth a look, 2 where something is bad."""
    try:
        given = settings.read(environ)
    except BadSetting as wrong:
        found = [Finding(Weight.BAD, "settings", str(wrong))]
    else:
        found = judging.judge(await doctor_facts.examine(given, send=send))
        wrong_names = [Finding(Weight.WARN, "settings", one) for one in mistyped_settings(given)]
        found = sorted([*found, *wrong_names], key=lambda one: one.weight.rank)
    worst = max((one.weight for one in found), key=lambda weight: weight.rank)
    if as_json:
        print(json.dumps({"worst": worst, "findings": [asdict(one) for one in found]}, indent=2))
    else:
        print("\n".join(f"{one.weight:<4}  {one.subject}: {one.words}" for one in found))
    return worst.rank


def mistyped_settings(given: Settings) -> list[str]:
    """A sentence for each variable of the environment that looks like a setting and is none."""
    written = ""
    with suppress(OSError, UnicodeDecodeError):  # told by whoever needs the configuration
        written = given.config.read_text()
    return unknown_settings.unknown(given.environment, written)


def _lost(unreadable: Sequence[str]) -> Iterator[str]:
    """What is lost with the secret key that the database knows, and what is to be done about each."""
    yield "With the secret key that this database was last served with is lost:"
    yield from (f"- {one}" for one in secret_key.LOST)
    for about in (one.partition(":")[0] for one in unreadable):
        yield f"- {about}: {_instead(about)}"
    if not unreadable:
        yield "No secret in the database is lost with it."


def _instead(about: str) -> str:
    """What brings back what a sealed secret was for."""
    if about.endswith(" second factor"):
        return "sign in with a recovery code and turn it off and on, or have an admin reset the user"
    return "enter it again"


def _fault_of_key(given: Settings) -> str | None:
    """Why the database cannot be served with the secret key as it is here, or None."""
    given = settings.with_kept_secret_key(given)
    reader = engine(make_url(given.database_url), writing=False)
    try:
        transact(reader, lambda db: secret_key.require(db, given.secret_key, given.secret_keys_before))
    except secret_key.NotTheSame as fault:
        return str(fault)
    finally:
        reader.dispose()
    return None


def _place_of_keys(given: Settings) -> str:
    named = given.environment.get("HEARTBEAT_SECRET_KEY")
    places = ["HEARTBEAT_SECRET_KEY" if named else str(given.data_dir / "secret-key")]
    if given.encryption_keys:
        places.append("HEARTBEAT_ENCRYPTION_KEYS")
    return " and ".join(places)


def _what_follows(grace: timedelta | None) -> str:
    if grace is None:
        return "At the next start every check whose time has passed since then is judged at once."
    longer = f" plus {in_words(grace)}" if grace else ""
    return (
        "At the next start every check is expected afresh: by its next due time from then on, with its "
        f"grace{longer}."
    )


def _held(manifest: Manifest) -> str:
    counts = (f"{table}: {manifest.rows.get(table, 0):,}" for table in ("checks", "pings", "incidents"))
    return f"{', '.join(counts)}, schema: {manifest.schema}"


def _sqlite(given: Settings, instead: str) -> Path:
    """The file of the database. Raises `Unusable` on PostgreSQL, with what to do there."""
    url = make_url(given.database_url)
    if url.get_backend_name() == "sqlite":
        return Path(url.database or "")
    raise Unusable(
        f"This is for SQLite. Use PostgreSQL's own tools, for example {instead.format(url=_shown(url))} "
        "(docs/backup.md)."
    )


def _shown(url: URL) -> str:
    """The address as PostgreSQL's tools take it, without the password."""
    return url.set(drivername="postgresql", password=None).render_as_string(hide_password=False)
