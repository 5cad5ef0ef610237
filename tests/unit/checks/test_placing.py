"""Checks that turn down find their incidents, on both databases, in few statements."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, event, update

from alerting import desk
from alerting.incident import GATHERING
from alerting.tables import incidents
from heartbeat.checks import cause, definition, life, placing, store
from heartbeat.checks.check import Check, Ping, Signal
from heartbeat.checks.level import Levels
from heartbeat.checks.symptoms import Fall
from tests.unit.conftest import NOW, a_check

MINUTE = timedelta(minutes=1)
DOWN_AT = NOW + 6 * MINUTE
LEVELS = Levels(("region", "host"))
REGION = "region=us>="


def on(host: str, count: int, region: str = "us") -> list[Check]:
    jobs = [a_check(f"{host}-{n}", labels={"region": region, "host": host}) for n in range(count)]
    return [definition.redefined(job, None, LEVELS, (), NOW) for job in jobs]


def up(job: Check) -> Check:
    return life.on_ping(job, Ping(Signal.SUCCESS, DOWN_AT)).check


def added(db: Connection, jobs: list[Check]) -> list[Check]:
    return store.lock(db, list(store.insert(db, jobs).values()))


def silent(db: Connection, jobs: list[Check]) -> None:
    changes = [(life.fallen_silent(job, DOWN_AT), job) for job in jobs]
    store.save(db, [change.check for change, _ in changes])
    placing.raise_(db, [Fall(change, job) for change, job in changes], DOWN_AT)


@contextmanager
def counted(db: Connection) -> Iterator[list[str]]:
    statements: list[str] = []

    def collect(*execution: Any) -> None:
        statements.append(execution[2])

    event.listen(db, "before_cursor_execute", collect)
    try:
        yield statements
    finally:
        event.remove(db, "before_cursor_execute", collect)


def test_hosts_that_fall_silent_in_one_sweep_are_one_incident(db: Connection) -> None:
    silent(db, [*added(db, on("web", 2)), *added(db, on("db", 2))])
    (incident,) = desk.incidents(db)
    assert (incident.cause_key, incident.title) == (f"silent::{REGION}", "us")


def test_an_incident_that_grows_keeps_its_number_and_says_so_in_its_timeline(db: Connection) -> None:
    web, database = added(db, on("web", 2)), added(db, on("db", 2))
    added(db, [up(job) for job in on("last", 1)])
    silent(db, web)
    silent(db, database)
    assert [one.cause_key for one in desk.incidents(db)] == [
        "silent::region=us>host=db",
        "silent::region=us>host=web",
    ]
    last = store.load(db, "last-0")
    assert last is not None
    silent(db, [last])
    # The last job was heard when the others had been found silent, but not later.
    first = desk.dossier(db, 1)
    assert first is not None
    assert (first.incident.cause_key, first.incident.title) == (f"silent::{REGION}", "us")
    assert [symptom.title for symptom in first.symptoms] == ["web-0", "web-1", "db-0", "db-1", "last-0"]
    assert "this is now about all of us, not only us web" in [entry.words for entry in first.timeline]


def test_an_incident_that_grows_takes_in_those_that_nobody_was_told_of(db: Connection) -> None:
    web, database = added(db, on("web", 2)), added(db, on("db", 2))
    added(db, [up(job) for job in on("last", 1)])
    silent(db, web)
    silent(db, database[:1])
    last = store.load(db, "last-0")
    assert last is not None
    silent(db, [last, *database[1:]])
    assert [one.cause_key for one in desk.incidents(db, open_only=True)] == [f"silent::{REGION}"]
    first, second = desk.dossier(db, 1), desk.dossier(db, 2)
    assert first is not None
    assert {symptom.title for symptom in first.symptoms if symptom.standing} == {
        "web-0", "web-1", "db-0", "db-1", "last-0",
    }  # fmt: skip
    assert second is not None
    assert (second.incident.resolved_by, [one.cleared_why for one in second.symptoms]) == (
        "recovery",
        ["joined a wider incident"],
    )
    assert "joined a wider incident: incident 1 is about all of us" in [one.words for one in second.timeline]
    assert first.incident.next_at == DOWN_AT + GATHERING


def test_an_incident_that_people_know_of_stays_what_it_is(db: Connection) -> None:
    web, database = added(db, on("web", 2)), added(db, on("db", 2))
    added(db, [up(job) for job in on("last", 1)])
    silent(db, web)
    silent(db, database)
    db.execute(update(incidents).where(incidents.c.id == 2).values(told_at=DOWN_AT))
    last = store.load(db, "last-0")
    assert last is not None
    silent(db, [last])
    assert [one.cause_key for one in desk.incidents(db)] == ["silent::region=us>host=db", f"silent::{REGION}"]


def test_the_number_of_statements_does_not_grow_with_the_checks_and_their_hosts(db: Connection) -> None:
    few = added(db, [job for n in range(2) for job in on(f"few-{n}", 2, region="few")])
    many = added(db, [job for n in range(50) for job in on(f"many-{n}", 2, region="many")])
    with counted(db) as of_few:
        silent(db, few)
    with counted(db) as of_many:
        silent(db, many)
    assert len({one.cause_key for one in desk.incidents(db)}) == 2
    # On SQLite, an INSERT that returns numbers takes one row at a time.
    assert len(of_many) <= len(of_few) + 1


def test_checks_without_levels_cost_no_statement_more(db: Connection) -> None:
    job = a_check("job", labels={"host": "a"})
    with counted(db) as statements:
        silent(db, added(db, [job]))
    assert not [one for one in statements if "group_levels" in one]
    assert cause.group_of(desk.incidents(db)[0].cause_key) == "host=a"
