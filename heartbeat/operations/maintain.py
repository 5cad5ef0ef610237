"""Upkeep of an installation: backup, restore, keys, and the report of `doctor`."""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import URL, make_url

from alerting.person import DEVICE
from heartbeat import migrations, notifier_clients, push_key, rekey
from heartbeat import settings as environment
from heartbeat.data_directory import own_secret, require_data_dir, with_kept_secret_key
from heartbeat.database import AlreadyServed, Database, engine, transact
from heartbeat.duration import in_words
from heartbeat.operations import backup as copies
from heartbeat.operations import commands, doctor_facts, secret_key, serving_process
from heartbeat.operations import doctor as diagnosis
from heartbeat.operations.backup import Manifest, Unusable
from heartbeat.operations.finding import Finding, Weight
from heartbeat.rekey import RekeyResult
from heartbeat.settings import BadSetting, Settings


def backup(settings: Settings, path: Path, *, force: bool, keep: int | None) -> int:
    """Copy the database to a file, or into a directory under the name of this instant."""
    database = _sqlite(settings, "pg_dump --format=custom --no-owner --file=heartbeat.dump '{url}'")
    now = datetime.now(UTC)
    target = path / now.strftime(copies.NAME) if path.is_dir() else path
    if keep is not None and not path.is_dir():
        raise Unusable(f"--keep needs a directory of copies; {path} is not a directory. No copy was made.")
    manifest = copies.make(database, target, now, force=force)
    print(f"{target}: {manifest.bytes:,} bytes, checked, {_contents(manifest)}.")
    for old in copies.keep_newest(path, keep) if keep is not None else ():
        print(f"{old}: deleted, {keep} newer copies remain.")
    print(
        f"A copy cannot be used without the keys: keep a copy of {_place_of_keys(settings)} too, apart from it."
    )
    return 0


def restore(settings: Settings, copy: Path, grace: timedelta | None) -> int:
    """Replace the database with a copy, and keep the replaced one."""
    database = _sqlite(settings, "pg_restore --clean --if-exists --no-owner --dbname='{url}' heartbeat.dump")
    manifest = copies.examine(copy)
    require_data_dir(settings)
    replaced = copies.restore(copy, manifest, database, datetime.now(UTC), grace)
    if replaced is not None:
        print(f"The replaced database is now {replaced}. Delete it when you no longer need it.")
    made_at = f"{manifest.made_at.astimezone(UTC):%d %b %Y %H:%M} UTC"
    print(f"{database} is now the copy of {made_at}, {_contents(manifest)}.")
    print(_next_start(grace))
    print(
        f"Changes after {made_at} are lost. Users, keys and people that were removed since then are back: "
        "review them. Everybody has to sign in again.",
        file=sys.stderr,
    )
    if (fault := _key_fault(settings)) is not None:
        print(fault, file=sys.stderr)
    return 0


def rearm(settings: Settings, grace: timedelta) -> int:
    """Let every check start over at the next start, after other tools have restored the database."""
    database = Database(settings.database_url)
    try:
        migrations.migrate(database.writer)
        transact(database.writer, lambda db: copies.rearm(db, datetime.now(UTC), grace))
    finally:
        database.close()
    print(_next_start(grace))
    return 0


def lost_key(settings: Settings, *, confirmed: bool) -> int:
    """Print what is lost with the secret key of the database. If `confirmed`, use a new key from the next start on."""
    settings = with_kept_secret_key(settings)
    database = Database(settings.database_url)
    try:
        migrations.migrate(database.writer)
        key, previous = settings.secret_key, settings.secret_keys_before
        if transact(database.writer, lambda db: secret_key.is_known(db, key, previous)) is not False:
            print("Nothing is lost: the secret key here is the one of this database.")
            return 0
        if confirmed and not settings.secret_key:
            settings = replace(settings, secret_key=own_secret(settings, "secret-key")[0])
        unreadable = transact(
            database.writer, lambda db: rekey.stale(db, notifier_clients.vault_of(settings))
        ).unreadable
        if confirmed:
            key, now = settings.secret_key, datetime.now(UTC)
            transact(database.writer, lambda db: secret_key.replace_lost(db, key, copies.OPERATOR, now))
            if any(line.startswith(push_key.ABOUT) for line in unreadable):
                transact(database.writer, push_key.forget)
    finally:
        database.close()
    print("\n".join(_losses(unreadable)))
    if not confirmed:
        print("Nothing was changed. To use a new key, run heartbeat lost-key --yes.")
        return 1
    print(
        f"The next start uses the key in {_place_of_keys(settings)}. Keep a copy of it, apart from the database."
    )
    return 0


async def rotate_keys(settings: Settings) -> int:
    """Re-encrypt every secret with the first key, through the serving process if it holds a SQLite file."""
    try:
        database = Database(settings.database_url)
    except AlreadyServed as serving:
        response = await serving_process.ask(serving.address, settings, "POST", "/v1/encryption/rotate")
        if not response.is_success:
            raise serving_process.refused(serving.address, response) from None
        counts = response.json()
        rotated = RekeyResult(counts["anew"], counts["already"], tuple(counts["unreadable"]))
    else:
        try:
            migrations.migrate(database.writer)
            keys = notifier_clients.vault_of(with_kept_secret_key(settings))
            if not keys.keys:
                raise Unusable("There is no encryption key: set HEARTBEAT_SECRET_KEY. Nothing was changed.")
            rotated = await rekey.rotate(database, keys, copies.OPERATOR, datetime.now(UTC))
        finally:
            database.close()
    print(f"Re-encrypted with the first key: {rotated.anew}. Already encrypted with it: {rotated.already}.")
    for secret in rotated.unreadable:
        print(f"Cannot be decrypted: {secret}", file=sys.stderr)
    return 1 if rotated.unreadable else 0


async def doctor(environ: Mapping[str, str], *, send: bool, as_json: bool) -> int:
    """Examine the installation. Return 0 if all is well, 1 if the worst finding is a warning, 2 if it is bad."""
    try:
        settings = environment.read(environ)
    except BadSetting as error:
        findings = [Finding(Weight.BAD, "settings", str(error))]
    else:
        findings = diagnosis.judge(await doctor_facts.examine(settings, send=send))
        mistyped = [
            Finding(Weight.WARN, "settings", sentence) for sentence in commands.mistyped_settings(settings)
        ]
        findings = sorted([*findings, *mistyped], key=lambda finding: finding.weight.rank)
    worst = max((finding.weight for finding in findings), key=lambda weight: weight.rank)
    if as_json:
        print(json.dumps({"worst": worst, "findings": [asdict(finding) for finding in findings]}, indent=2))
    else:
        print("\n".join(f"{finding.weight:<4}  {finding.subject}: {finding.words}" for finding in findings))
    return worst.rank


def _losses(unreadable: Sequence[str]) -> Iterator[str]:
    yield "The secret key that this database was last served with is lost. Lost with it:"
    yield from (f"- {loss}" for loss in secret_key.LOST)
    for secret in (line.partition(":")[0] for line in unreadable):
        yield f"- {secret}: {_remedy(secret)}"
    if not unreadable:
        yield "No encrypted secret in the database is lost."


def _remedy(secret: str) -> str:
    if secret.endswith(" second factor"):
        return "sign in with a recovery code and turn it off and on, or let an admin reset it"
    if secret == push_key.ABOUT:
        return "a new one is made at the next start"
    if secret.endswith(f" {DEVICE}"):
        return "remove the device, and add it again in its browser"
    return "enter it again"


def _key_fault(settings: Settings) -> str | None:
    """Return why the database cannot be served with the secret key that is here, or None."""
    settings = with_kept_secret_key(settings)
    reader = engine(make_url(settings.database_url), writing=False)
    try:
        transact(reader, lambda db: secret_key.require(db, settings.secret_key, settings.secret_keys_before))
    except secret_key.NotTheSame as fault:
        return str(fault)
    finally:
        reader.dispose()
    return None


def _place_of_keys(settings: Settings) -> str:
    is_set = settings.environment.get("HEARTBEAT_SECRET_KEY")
    places = ["HEARTBEAT_SECRET_KEY" if is_set else str(settings.data_dir / "secret-key")]
    if settings.encryption_keys:
        places.append("HEARTBEAT_ENCRYPTION_KEYS")
    return " and ".join(places)


def _next_start(grace: timedelta | None) -> str:
    if grace is None:
        return "At the next start, every check that looks overdue is judged at once."
    extra = f" plus {in_words(grace)}" if grace else ""
    return (
        "At the next start, every check starts over: it must ping by its next due time after that, with its "
        f"grace{extra}."
    )


def _contents(manifest: Manifest) -> str:
    counts = (f"{table}: {manifest.rows.get(table, 0):,}" for table in ("checks", "pings", "incidents"))
    return f"{', '.join(counts)}, schema: {manifest.schema}"


def _sqlite(settings: Settings, postgres_command: str) -> Path:
    """Return the file of the database. On PostgreSQL raise `Unusable`, with the command to run there."""
    url = make_url(settings.database_url)
    if url.get_backend_name() == "sqlite":
        return Path(url.database or "")
    raise Unusable(
        "This command is for SQLite. Use PostgreSQL's own tools, for example "
        f"{postgres_command.format(url=_without_password(url))} (docs/backup.md)."
    )


def _without_password(url: URL) -> str:
    """Return the address as PostgreSQL's tools accept it."""
    return url.set(drivername="postgresql", password=None).render_as_string(hide_password=False)
