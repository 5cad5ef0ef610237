"""What an operator does beside serving: migrate, plan, apply, export, test-page."""

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection, make_url

from alerting import desk, notice
from alerting.notifiers.contract import Accepted, Outcome, Refused
from alerting.notifiers.registry import Setup
from alerting.person import OPERATOR, Contact, Person
from heartbeat import app, migrations, notifier_clients, settings
from heartbeat.database import AlreadyServed, Database, engine, transact
from heartbeat.definitions import plan as planning
from heartbeat.definitions.file import Wrong
from heartbeat.definitions.model import Configuration
from heartbeat.operations import backup, serving_process
from heartbeat.operations.serving_process import Failed as Failed
from heartbeat.settings import Settings

T = TypeVar("T")


def migrate(given: Settings) -> int:
    """Bring the database up to date."""
    given.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    database = Database(given.database_url)
    try:
        migrations.migrate(database.writer)
    finally:
        database.close()
    print("The database is up to date.")
    return 0


def plan(given: Settings) -> int:
    """Print what apply would change; 0 where nothing, 2 where something (as `diff` has 1, kept for errors here)."""
    wanted = _wanted(given)
    found = _read(given, lambda db: planning.difference(db, wanted))
    for warning in wanted.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    print("\n".join(found.changes) or "Nothing would change.")
    return 0 if found.empty else 2


async def apply(given: Settings) -> int:
    """Make the configuration so: through the serving process where that one holds a SQLite file, else directly."""
    wanted = _wanted(given)
    given.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        database = Database(given.database_url)
    except AlreadyServed as serving:
        changes = await _applied_by(serving.address, given)
    else:
        try:
            migrations.migrate(database.writer)
            now = datetime.now(UTC)
            changes = (
                await database.write(lambda db: planning.apply(db, wanted, now, actor=backup.OPERATOR))
            ).changes
        finally:
            database.close()
    for warning in wanted.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    print("\n".join(changes) or "Nothing has changed.")
    return 0


def export(given: Settings) -> int:
    """Print the configuration in force."""
    print(_read(given, planning.export), end="")
    return 0


async def test_page(given: Settings, name: str) -> int:
    """Page one person through every contact; 0 where every contact took it."""
    people, written = _read(given, _people)
    person = people.get(name)
    if person is None:
        raise Failed(f"There is no person {name!r}; there are {', '.join(sorted(people))}.")
    async with (
        notifier_clients.client_for_own(given) as http,
        notifier_clients.client_for_entered(given) as entered,
    ):
        send = notifier_clients.sender(settings.with_kept_secret_key(given), http, entered, written)
        told = notice.trial(person, f"{given.public_url}/", datetime.now(UTC))
        outcomes = [(contact, await send(told, person, contact)) for contact in person.contacts]
    for contact, outcome in outcomes:
        print(_words(person, contact, outcome))
    return 0 if all(isinstance(outcome, Accepted) for _, outcome in outcomes) else 1


def _people(db: Connection) -> tuple[dict[str, Person], dict[str, Setup]]:
    return desk.people(db) | {OPERATOR.id: OPERATOR}, desk.notifier_settings.load(db)


def _words(person: Person, contact: Contact, outcome: Outcome) -> str:
    where = f"{person.name} by {contact.kind}"
    if isinstance(outcome, Accepted):
        return f"{where}: accepted" + (f" ({outcome.said})" if outcome.said else "")
    if isinstance(outcome, Refused):
        return f"{where}: REFUSED, trying again cannot help: {outcome.reason}"
    later = f"; try again in {outcome.retry_after.total_seconds():.0f} s" if outcome.retry_after else ""
    return f"{where}: NOT REACHED: {outcome.reason}{later}"


def _wanted(given: Settings) -> Configuration:
    if not given.config.exists():
        raise Failed(f"There is no configuration at {given.config}; HEARTBEAT_CONFIG names another.")
    return app.understand(given.config.read_text(), given.config, given)


def _read(given: Settings, work: Callable[[Connection], T]) -> T:
    url = make_url(given.database_url)
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").exists():
        raise Failed(f"There is no database at {url.database} yet: run heartbeat migrate first.")
    reader = engine(url, writing=False)
    try:
        if transact(reader, migrations.behind):
            raise Failed("The database is older than this program: run heartbeat migrate first.")
        return transact(reader, work)
    finally:
        reader.dispose()


async def _applied_by(address: str, given: Settings) -> tuple[str, ...]:
    """Hand the configuration to the process that serves the database."""
    answer = await serving_process.ask(
        address,
        given,
        "PUT",
        "/v1/configuration",
        params={"name": str(given.config)},
        content=given.config.read_bytes(),
        headers={"Content-Type": "application/yaml"},
    )
    if answer.status_code == 422 and "problems" in answer.json():
        raise Wrong(answer.json()["problems"])
    if not answer.is_success:
        raise serving_process.refused(address, answer)
    return tuple(answer.json()["changes"])
