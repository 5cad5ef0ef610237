"""The commands of the configuration and the schema: migrate, plan, apply, export, crontab, herd, rules, test-page."""

import json
import sys
from collections.abc import Callable, Sequence, Sized
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TypeVar

from sqlalchemy import Connection, make_url

from alerting import times
from heartbeat import configuration_file, migrations, public_address, trial
from heartbeat.checks import store as check_store
from heartbeat.data_directory import require_data_dir
from heartbeat.database import AlreadyServed, Database, engine, transact
from heartbeat.definitions import file as definition_file
from heartbeat.definitions import plan as definition_plan
from heartbeat.definitions import rules as definition_rules
from heartbeat.definitions.file import Wrong
from heartbeat.definitions.model import Configuration
from heartbeat.definitions.plan import WouldDelete
from heartbeat.on_call import planned
from heartbeat.operations import backup, crontab_lines, herd, serving_process, trials, unknown_settings
from heartbeat.operations.serving_process import Failed as Failed
from heartbeat.operations.trials import ContactResult
from heartbeat.pings import keys as ping_keys
from heartbeat.pings import rule_trial
from heartbeat.review import material, paging, paging_report
from heartbeat.review.paging_report import InvalidSpan
from heartbeat.settings import Settings

T = TypeVar("T")


def mistyped_settings(settings: Settings) -> list[str]:
    """Return a sentence for each variable of the environment that looks like a setting and is none."""
    text = ""
    with suppress(Wrong):  # reported by those who need the configuration
        text = configuration_file.text_of(settings.config)
    return unknown_settings.unknown(settings.environment, text)


def migrate(settings: Settings) -> int:
    require_data_dir(settings)
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
    now = datetime.now(UTC)
    difference, gaps = _read(
        settings,
        lambda db: (
            definition_plan.difference(db, configuration),
            [*planned.last_resort(db, configuration), *planned.warnings(db, configuration, now)],
        ),
        "check the file alone with heartbeat plan --offline, or run heartbeat migrate first.",
    )
    _warn(replace(configuration, warnings=(*configuration.warnings, *gaps)))
    print("\n".join(difference.changes) or "Nothing would change.")
    for hint in difference.hints:
        print(hint, file=sys.stderr)
    return 0 if difference.empty else 2


def plan_offline(settings: Settings) -> int:
    """Check the file without a database, and print what it declares. Errors are raised."""
    configuration = _configuration(settings, offline=True)
    _warn(configuration)
    declared: dict[str, Sized] = {
        "check": configuration.checks,
        "person": configuration.people,
        "policy": configuration.policies,
        "status page": configuration.status_pages,
    }
    plurals = {"person": "people", "policy": "policies"}
    counts = [
        f"{len(names):,} {noun if len(names) == 1 else plurals.get(noun, f'{noun}s')}"
        for noun, names in declared.items()
    ]
    print(f"{settings.config} is valid: {times.names(counts)}. It was not compared with a database.")
    return 0


async def apply(settings: Settings, *, delete: bool) -> int:
    """Apply the configuration, through the serving process if it holds a SQLite file.

    Before checks that pinged are deleted, somebody at the terminal must agree, or `delete` be set.
    """
    configuration = _configuration(settings)
    _warn(configuration)
    try:
        changes, expected = await _apply(settings, configuration, delete)
    except (WouldDelete, RefusedByService) as refused:
        if delete or not _at_terminal():
            raise Failed(str(refused)) from None
        if not _agreed(str(refused)):
            raise Failed(definition_plan.UNCHANGED) from None
        changes, expected = await _apply(settings, configuration, delete=True)
    print("\n".join(changes) or "Nothing has changed.")
    if expected:
        print("", *expected, "The lines that ping them: heartbeat crontab", sep="\n")
    return 0


def _at_terminal() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()


def _agreed(refusal: str) -> bool:
    """Ask the person at the terminal whether to delete what the refusal names."""
    what = refusal.removeprefix(f"{definition_plan.UNCHANGED} ")
    print(f"{what}\nDelete now? [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


async def _apply(
    settings: Settings, configuration: Configuration, delete: bool
) -> tuple[Sequence[str], Sequence[str]]:
    """Return the changes, and the sentences about new checks. Raises `WouldDelete` or `RefusedByService`."""
    require_data_dir(settings)
    try:
        database = Database(settings.database_url)
    except AlreadyServed as serving:
        return await _applied_by(serving.address, settings, delete)
    try:
        migrations.migrate(database.writer)
        now = datetime.now(UTC)
        applied = await database.within(configuration_file.APPLY_BOUND).write(
            lambda db: definition_plan.apply(db, configuration, now, actor=backup.OPERATOR, delete=delete)
        )
        return applied.changes, applied.expected
    finally:
        database.close()


def _warn(configuration: Configuration) -> None:
    for warning in configuration.warnings:
        print(f"warning: {warning}", file=sys.stderr)


def export(settings: Settings) -> int:
    print(_read(settings, definition_plan.export), end="")
    return 0


def crontab(settings: Settings) -> int:
    """Print a crontab line for every check."""
    checks, keys = _read(
        settings,
        lambda db: (
            check_store.listed(db, limit=definition_plan.ALL),
            [key.name for key in ping_keys.listed(db)],
        ),
        "run heartbeat apply first, which stores the checks of the file.",
    )
    print("\n".join(crontab_lines.lines(checks, keys, settings.public_url)))
    return 0


def spread(settings: Settings, at_least: int) -> int:
    """Print the minutes in which at least so many jobs are due, and an even spread of them as YAML."""
    checks = _read(
        settings,
        lambda db: check_store.listed(db, limit=definition_plan.ALL),
        "run heartbeat apply first, which stores the checks of the file.",
    )
    print("\n".join(herd.lines(herd.of(checks, datetime.now(UTC), at_least))))
    return 0


def try_rule(settings: Settings, name: str, text: str) -> int:
    """Print what a rule would have said of a check's past."""
    try:
        rule = definition_rules.of_line(text)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1

    def read(db: Connection) -> list[str] | None:
        check = check_store.load(db, name)
        return (
            None
            if check is None
            else list(rule_trial.lines(rule_trial.of(db, check, rule, datetime.now(UTC))))
        )

    said = _read(settings, read, "run heartbeat apply first, which stores the checks of the file.")
    if said is None:
        print(f"There is no check {name}.", file=sys.stderr)
        return 1
    print("\n".join(said))
    return 0


def postmortem(settings: Settings, number: int) -> int:
    """Print the draft of the post-mortem of an incident, in Markdown."""
    now = datetime.now(UTC)
    drafted = _read(settings, lambda db: material.draft(db, number, now, settings.public_url))
    if drafted is None:
        raise Failed(f"There is no incident {number}.")
    print(drafted, end="")
    return 0


def report(settings: Settings, since: datetime | None, until: datetime | None) -> int:
    """Print who was paged how often, how soon incidents were acknowledged, and what paged most."""
    end = until or datetime.now(UTC)
    start = since or end - paging.LENGTH
    try:
        read = _read(settings, lambda db: paging_report.read(db, start, end))
    except InvalidSpan as error:
        raise Failed(f"--{error}") from None
    print("\n".join(paging.lines(read, settings.public_url)))
    return 0


def schema() -> int:
    print(json.dumps(definition_file.json_schema(), indent=2))
    return 0


async def test_page(settings: Settings, name: str) -> int:
    """Send a test page to every contact of a person. Return 0 if every contact accepted it."""
    people = _read(settings, trial.everybody)
    person = people.get(name)
    if person is None:
        raise Failed(f"There is no person {name!r}. Choose one of: {', '.join(sorted(people))}.")
    results = await trials.send(settings, name)
    for result in results:
        print(f"{person.name} by {result.kind}: {_IN_WORDS[result.outcome]}{_reason(result)}")
    if any(result.outcome == "accepted" for result in results):
        print("Press “I got it” in the page. The console then shows the proof, with its date.")
    if fault := public_address.fault(settings.public_url, [person]):
        print(f"warning: {fault}", file=sys.stderr)
    return 0 if all(result.outcome == "accepted" for result in results) else 1


_IN_WORDS: Final = {
    "accepted": "accepted",
    "refused": "REFUSED, another attempt cannot help",
    "unreachable": "NOT REACHED",
}


def _reason(result: ContactResult) -> str:
    if result.outcome == "accepted":
        return f" ({result.said})" if result.said else ""
    return f": {result.said}"


def _configuration(settings: Settings, *, offline: bool = False) -> Configuration:
    if not settings.config.exists():
        raise Failed(f"There is no configuration at {settings.config}. Create it, or set HEARTBEAT_CONFIG.")
    text = configuration_file.text_of(settings.config)
    configuration = configuration_file.understand(
        text, settings.config, settings, whose="the environment of this command", offline=offline
    )
    # A machine that only checks the file is told the address, or does not know it.
    known = not offline or "HEARTBEAT_PUBLIC_URL" in settings.environment
    paged = [*configuration.people.values(), *configuration.channels.values()]
    fault = public_address.fault(settings.public_url, paged) if known else None
    return replace(configuration, warnings=(*configuration.warnings, fault)) if fault else configuration


def _read(
    settings: Settings, work: Callable[[Connection], T], remedy: str = "run heartbeat migrate first."
) -> T:
    """Return what the work reads. `remedy` says what to do if there is no database yet."""
    url = make_url(settings.database_url)
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").exists():
        raise Failed(f"There is no database at {url.database} yet: {remedy}")
    reader = engine(url, writing=False)
    try:
        if transact(reader, migrations.behind):
            raise Failed(
                "The schema of the database is not the one of this release: run heartbeat migrate first."
            )
        return transact(reader, work)
    finally:
        reader.dispose()


class RefusedByService(Exception):
    """The serving process would have to delete checks that pinged before, and changed nothing."""


async def _applied_by(address: str, settings: Settings, delete: bool) -> tuple[Sequence[str], Sequence[str]]:
    """Send the configuration to the process that serves the database, and return its answer like `_apply`."""
    response = await serving_process.ask(
        address,
        settings,
        "PUT",
        "/v1/configuration",
        params={"name": str(settings.config), "delete": str(delete).lower()},
        content=settings.config.read_bytes(),
        within=2 * configuration_file.APPLY_BOUND,
        headers={"Content-Type": "application/yaml"},
    )
    if response.status_code == 422 and "problems" in response.json():
        raise Wrong(response.json()["problems"])
    if response.status_code == 409:
        raise RefusedByService(response.json()["detail"])
    if not response.is_success:
        raise serving_process.refused(address, response)
    return response.json()["changes"], response.json()["expected"]
