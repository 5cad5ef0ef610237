"""The commands of the configuration and the schema: migrate, plan, apply, export, test-page."""

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
from heartbeat import app, installation, migrations, notifier_clients
from heartbeat.database import AlreadyServed, Database, engine, transact
from heartbeat.definitions import plan as definition_plan
from heartbeat.definitions.file import Wrong
from heartbeat.definitions.model import Configuration
from heartbeat.operations import backup, serving_process
from heartbeat.operations.serving_process import Failed as Failed
from heartbeat.settings import Settings, with_kept_secret_key

T = TypeVar("T")


def migrate(settings: Settings) -> int:
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    database = Database(settings.database_url)
    try:
        migrations.migrate(database.writer)
    finally:
        database.close()
    print("The database is up to date.")
    return 0


def plan(settings: Settings) -> int:
    """Print the changes that apply would make. Return 0 without changes, 2 with changes; 1 is for errors."""
    configuration = _configuration(settings)
    difference = _read(settings, lambda db: definition_plan.difference(db, configuration))
    for warning in configuration.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    print("\n".join(difference.changes) or "Nothing would change.")
    return 0 if difference.empty else 2


async def apply(settings: Settings) -> int:
    """Apply the configuration, through the serving process if it holds a SQLite file."""
    configuration = _configuration(settings)
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        database = Database(settings.database_url)
    except AlreadyServed as serving:
        changes = await _applied_by(serving.address, settings)
    else:
        try:
            migrations.migrate(database.writer)
            now = datetime.now(UTC)
            difference = await database.write(
                lambda db: definition_plan.apply(db, configuration, now, actor=backup.OPERATOR)
            )
            changes = difference.changes
        finally:
            database.close()
    for warning in configuration.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    print("\n".join(changes) or "Nothing has changed.")
    return 0


def export(settings: Settings) -> int:
    print(_read(settings, definition_plan.export), end="")
    return 0


async def test_page(settings: Settings, name: str) -> int:
    """Send a test page to every contact of a person. Return 0 if every contact accepted it."""
    (people, setups), installation_name = _read(settings, lambda db: (_people(db), installation.name(db)))
    person = people.get(name)
    if person is None:
        raise Failed(f"There is no person {name!r}. Choose one of: {', '.join(sorted(people))}.")
    async with (
        notifier_clients.client_for_own(settings) as http,
        notifier_clients.client_for_entered(settings) as entered,
    ):
        send = notifier_clients.sender(with_kept_secret_key(settings), http, entered, setups)
        trial = notice.trial(person, f"{settings.public_url}/", datetime.now(UTC), installation_name)
        outcomes = [(contact, await send(trial, person, contact)) for contact in person.contacts]
    for contact, outcome in outcomes:
        print(_result(person, contact, outcome))
    return 0 if all(isinstance(outcome, Accepted) for _, outcome in outcomes) else 1


def _people(db: Connection) -> tuple[dict[str, Person], dict[str, Setup]]:
    return desk.people(db) | {OPERATOR.id: OPERATOR}, desk.notifier_settings.load(db)


def _result(person: Person, contact: Contact, outcome: Outcome) -> str:
    contact_name = f"{person.name} by {contact.kind}"
    if isinstance(outcome, Accepted):
        return f"{contact_name}: accepted" + (f" ({outcome.said})" if outcome.said else "")
    if isinstance(outcome, Refused):
        return f"{contact_name}: REFUSED, another attempt cannot help: {outcome.reason}"
    later = f"; try again in {outcome.retry_after.total_seconds():.0f} s" if outcome.retry_after else ""
    return f"{contact_name}: NOT REACHED: {outcome.reason}{later}"


def _configuration(settings: Settings) -> Configuration:
    if not settings.config.exists():
        raise Failed(f"There is no configuration at {settings.config}. Create it, or set HEARTBEAT_CONFIG.")
    return app.understand(app.configuration_text(settings.config), settings.config, settings)


def _read(settings: Settings, work: Callable[[Connection], T]) -> T:
    url = make_url(settings.database_url)
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").exists():
        raise Failed(f"There is no database at {url.database} yet: run heartbeat migrate first.")
    reader = engine(url, writing=False)
    try:
        if transact(reader, migrations.behind):
            raise Failed(
                "The schema of the database is not the one of this release: run heartbeat migrate first."
            )
        return transact(reader, work)
    finally:
        reader.dispose()


async def _applied_by(address: str, settings: Settings) -> tuple[str, ...]:
    """Send the configuration to the process that serves the database."""
    response = await serving_process.ask(
        address,
        settings,
        "PUT",
        "/v1/configuration",
        params={"name": str(settings.config)},
        content=settings.config.read_bytes(),
        headers={"Content-Type": "application/yaml"},
    )
    if response.status_code == 422 and "problems" in response.json():
        raise Wrong(response.json()["problems"])
    if not response.is_success:
        raise serving_process.refused(address, response)
    return tuple(response.json()["changes"])
