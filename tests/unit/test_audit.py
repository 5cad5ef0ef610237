"""The audit log: nothing in it can be changed, and whatever somebody does is in it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from heartbeat import audit
from heartbeat.audit import AuditEntry
from heartbeat.checks import actions, checker
from heartbeat.checks.check import Check
from heartbeat.database import Database
from heartbeat.definitions import plan as definition_plan
from tests.unit.conftest import NOW, a_check, somebody
from tests.unit.definitions.declared import EXAMPLE
from tests.unit.definitions.test_plan import parsed

Insert = Callable[[Connection, list[Check]], dict[str, Check]]
ANNA = somebody("anna")
LATER = NOW + timedelta(minutes=10)


@pytest.fixture
def database(database_url: str) -> Any:
    opened = Database(database_url)
    yield opened
    opened.close()


@pytest.mark.parametrize(
    "statement", ["UPDATE audit SET actor = 'eve'", "DELETE FROM audit", "DELETE FROM audit WHERE id = 1"]
)
async def test_the_database_itself_refuses_to_change_the_audit_log(
    database: Database, statement: str
) -> None:
    await database.write(lambda db: audit.record(db, ANNA, "test", "nothing", NOW))
    with pytest.raises(DBAPIError, match="only ever added to"):
        await database.write(lambda db: db.execute(text(statement)))
    (entry,) = await database.read(lambda db: audit.listed(db, limit=9))
    assert entry.actor == "anna"


@pytest.mark.parametrize("kind", ["postgres"])
async def test_the_audit_log_cannot_be_truncated(kind: str, make_database_url: Callable[[str], str]) -> None:
    database = Database(make_database_url(kind))
    with pytest.raises(DBAPIError, match="only ever added to"):
        await database.write(lambda db: db.execute(text("TRUNCATE audit")))
    database.close()


def actions_of(entries: list[AuditEntry]) -> list[tuple[str, str]]:
    """Oldest first: what was done to what."""
    return [(entry.action, entry.target) for entry in reversed(entries)]


async def test_each_change_of_a_check_is_recorded_once(database: Database, insert: Insert) -> None:
    def work(db: Connection) -> None:
        insert(db, [a_check("one"), a_check("two")])
        for _ in range(2):
            actions.pause(db, "one", ANNA, NOW)
        actions.pause_all(db, ANNA, ["one", "two"], NOW)
        for _ in range(2):
            actions.resume(db, "two", ANNA, NOW)
        actions.resume_all(db, ANNA, ["one", "two"], NOW)
        actions.delete(db, "one", ANNA, NOW)
        actions.delete(db, "nothing", ANNA, NOW)

    await database.write(work)
    entries = await database.read(lambda db: audit.listed(db, limit=99))
    assert actions_of(entries) == [
        ("check.pause", "check one"),
        ("check.pause", "check two"),
        ("check.resume", "check two"),
        ("check.resume", "check one"),
        ("check.delete", "check one"),
    ]
    assert {(entry.actor, entry.via, entry.remote) for entry in entries} == {("anna", "session", "192.0.2.1")}
    assert (entries[-1].before, entries[-1].after) == ({"state": "new"}, {"state": "paused"})
    assert entries[0].before is not None
    assert entries[0].after is None


async def test_each_answer_to_an_incident_is_recorded_once(database: Database, insert: Insert) -> None:
    def work(db: Connection) -> None:
        insert(db, [a_check("one")])
        checker.sweep(db, LATER)
        for _ in range(2):
            actions.acknowledge(db, 1, ANNA, LATER, until=LATER + timedelta(hours=1))
        for _ in range(2):
            actions.snooze(db, 1, ANNA, LATER, LATER + timedelta(hours=2))
        actions.note(db, 1, ANNA, "the disk is full", LATER, by="bob")
        for _ in range(2):
            actions.resolve(db, 1, ANNA, LATER, by="bob")
        actions.acknowledge(db, 99, ANNA, LATER)
        actions.note(db, 99, ANNA, "nothing", LATER)

    await database.write(work)
    entries = await database.read(lambda db: audit.listed(db, limit=99))
    assert actions_of(entries) == [
        (f"incident.{entry}", "incident 1") for entry in ("acknowledge", "snooze", "note", "resolve")
    ]
    assert {entry.actor for entry in entries} == {"anna"}
    assert entries[1].after == {"by": "bob", "words": "the disk is full"}
    hour, two = ((LATER + timedelta(hours=hours)).isoformat() for hours in (1, 2))
    acknowledged = {"state": "acknowledged", "by": "anna", "until": hour}
    snoozed = {"state": "snoozed", "by": "anna", "until": two}
    assert (entries[3].before, entries[3].after) == ({"state": "open"}, acknowledged)
    assert (entries[2].before, entries[2].after) == (acknowledged, snoozed)
    # Who snoozed it is told where they did so, not by the incident.
    assert entries[0].before == {"state": "snoozed", "until": two}
    assert entries[0].after == {"state": "resolved", "by": "bob"}


async def test_a_configuration_is_recorded_only_if_it_changes_something(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(definition_plan, "WRITTEN_DOWN", 2)
    applied = await database.write(lambda db: definition_plan.apply(db, parsed(EXAMPLE), NOW))
    await database.write(lambda db: definition_plan.apply(db, parsed(EXAMPLE), NOW))
    (entry,) = await database.read(lambda db: audit.listed(db, limit=99))
    assert (entry.actor, entry.via, entry.action) == ("configuration file", "file", "configuration.apply")
    assert entry.after == {"changes": [*applied.changes[:2], f"and {len(applied.changes) - 2} more"]}
