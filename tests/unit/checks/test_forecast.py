"""The forecast against the service itself: the foreseen pages are those that are sent."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, make_url

from alerting import desk, escalator, notice
from alerting.escalation import Condition, Policy, Step
from alerting.notice import Links, Subject
from alerting.person import OPERATOR, Contact, Person
from alerting.quiet_hours import QuietHours
from alerting.severity import Severity
from alerting.tables import pages
from heartbeat import database, installation
from heartbeat.actor import Actor, Role
from heartbeat.checks import actions, cause, checker, forecast, life, surroundings
from heartbeat.checks import store as check_store
from heartbeat.checks.check import Check, Ping, Signal
from heartbeat.checks.maintenance import WindowDefinition
from heartbeat.definitions.edit import maintenance
from tests.unit.conftest import FIRST, NOW, a_check, somebody

SECOND = Person("second", "Second responder", (Contact("console", "terminal"), Contact("ntfy", "x")))
OPS = Policy(
    "ops",
    (Step(("first",), timedelta(minutes=5)), Step(("second", "ghost"), timedelta(minutes=10))),
)
NOBODY = Policy("nobody", (Step(("ghost",), timedelta(minutes=2)),))
GATHERING = timedelta(seconds=10)
DOWN = NOW + timedelta(minutes=6)
ANNA = Actor("anna", Role.ADMIN, "session")
URL = "http://test/incidents"


@pytest.fixture
def db(database_url: str) -> Iterator[Connection]:
    engine = database.engine(make_url(database_url), writing=True)
    with engine.begin() as connection:
        desk.install(connection, [FIRST, SECOND], [OPS, NOBODY], {})
        yield connection
    engine.dispose()


def jobs(db: Connection, *slugs: str, **changes: Any) -> list[Check]:
    fields = {"policy": "ops", "labels": {"host": "a"}} | changes
    check_store.insert(db, [a_check(slug, **fields) for slug in slugs])
    stored = check_store.lock_all(db)
    return [stored[slug] for slug in slugs]


def foresee(db: Connection, slug: str, now: datetime) -> forecast.Forecast:
    job = check_store.load(db, slug)
    assert job is not None
    return forecast.of(db, job, now, URL)


def calls(foreseen: forecast.Forecast) -> list[tuple[datetime, int, bool, list[str]]]:
    return [(call.at, call.number, call.again, [p.id for p in call.people]) for call in foreseen.calls]


@pytest.mark.parametrize("policy", [None, "gone"])
def test_without_a_policy_that_exists_the_default_one_pages(db: Connection, policy: str | None) -> None:
    jobs(db, "one", policy=policy)
    installation.remember(db, "policy_outside", "ops")
    foreseen = foresee(db, "one", NOW).policy
    checker.sweep(db, DOWN)
    (incident,) = desk.incidents(db)
    assert foreseen == incident.policy == OPS


def test_a_check_that_fell_silent_now_pages_the_steps_of_its_policy(db: Connection) -> None:
    jobs(db, "one", "two")
    foreseen = foresee(db, "one", NOW)
    at = NOW + GATHERING
    assert calls(foreseen) == [
        (at, 1, False, ["first"]),
        (at + timedelta(minutes=5), 2, False, ["second"]),
        (at + timedelta(minutes=15), 2, True, ["second"]),
    ]
    assert foreseen.sentence == (
        "If it fell silent now, a new incident would open, and First responder would be paged at 03:00 UTC."
    )
    assert (foreseen.policy, foreseen.incident, foreseen.held, foreseen.told) == (OPS, None, None, ())


def test_the_foreseen_page_is_sent_word_for_word(db: Connection) -> None:
    """The page that is then sent is the one that was shown."""
    _, two = jobs(db, "one", "two")
    check_store.save(db, [life.on_ping(two, Ping(Signal.SUCCESS, DOWN - timedelta(minutes=1))).check])
    foreseen = foresee(db, "one", DOWN)
    checker.sweep(db, DOWN)
    escalator.sweep(db, foreseen.calls[0].at)

    (incident,) = desk.incidents(db)
    dossier = desk.dossier(db, incident.id)
    assert dossier is not None
    (page,) = dossier.pages
    assert (page.created_at, page.person) == (foreseen.calls[0].at, foreseen.calls[0].people[0].id)
    assert incident.next_at == foreseen.calls[1].at
    around = surroundings.of(db, [incident], {incident.id: dossier.symptoms}, foreseen.calls[0].at)
    subject = Subject(
        page.kind,
        "page-1",
        0,
        page.words,
        page.step,
        incident,
        dossier.symptoms,
        around[incident.id],
        cause.in_words,
        FIRST,
        [SECOND],
        Links(URL, "x"),
    )
    sent = notice.compose(subject, foreseen.calls[0].at)
    assert foreseen.page is not None
    assert (foreseen.page.title, foreseen.page.lines) == (sent.title, sent.lines)


def test_nobody_is_paged_for_a_paused_check(db: Connection) -> None:
    (job,) = jobs(db, "one")
    check_store.save(db, [life.paused(job, NOW, "anna").check])
    foreseen = foresee(db, "one", NOW)
    assert foreseen.sentence == "It is paused: nothing is expected of it, and nobody is paged."
    assert (foreseen.calls, foreseen.page, foreseen.policy) == ((), None, None)


def test_the_catch_all_is_paged_if_nobody_else_can_be(db: Connection) -> None:
    jobs(db, "one", policy="nobody")
    foreseen = foresee(db, "one", NOW)
    assert {call.people for call in foreseen.calls} == {(OPERATOR,)}


def test_a_check_that_names_no_policy_pages_by_the_default(db: Connection) -> None:
    jobs(db, "one", policy=None)
    installation.remember(db, "policy", "ops")
    assert foresee(db, "one", NOW).policy == OPS


def test_maintenance_holds_the_first_page(db: Connection) -> None:
    jobs(db, "one")
    ends = NOW + timedelta(hours=2)
    maintenance.make(db, ANNA, WindowDefinition("Move", "", {"host": "a"}, NOW, ends), NOW)
    foreseen = foresee(db, "one", NOW)
    assert foreseen.held is not None
    assert (foreseen.held.until, foreseen.held.why, foreseen.calls[0].at) == (ends, "maintenance Move", ends)
    assert foreseen.sentence == (
        "If it fell silent now, a new incident would open, and First responder would be paged at 05:00 UTC, at the "
        "end of maintenance Move."
    )
    checker.sweep(db, DOWN)
    down = foresee(db, "one", DOWN)
    assert (down.held, down.calls[0].at) == (foreseen.held, ends)
    assert down.sentence == "It is silent. Unless somebody answers, First responder is paged at 05:00 UTC."


def test_a_joining_check_is_reported_in_the_thread_and_the_steps_go_on(db: Connection) -> None:
    jobs(db, "one")
    checker.sweep(db, DOWN)
    escalator.sweep(db, DOWN + GATHERING)
    db.execute(pages.update().values(lease=1, leased_until=DOWN + timedelta(days=1)))  # It is being sent.
    jobs(db, "two", grace=timedelta(hours=1))
    now = DOWN + timedelta(minutes=1)
    foreseen = foresee(db, "two", now)
    (incident,) = desk.incidents(db)
    assert foreseen.incident is not None
    assert foreseen.incident.id == incident.id
    assert ([person.id for person in foreseen.told], foreseen.told_at) == (["first"], now + GATHERING)
    assert calls(foreseen)[0] == (DOWN + GATHERING + timedelta(minutes=5), 2, False, ["second"])
    assert foreseen.sentence.startswith(
        f"If it fell silent now, it would join incident {incident.id}, and Second"
    )


def test_a_check_that_is_down_goes_on_with_its_incident(db: Connection) -> None:
    jobs(db, "one")
    checker.sweep(db, DOWN)
    escalator.sweep(db, DOWN + GATHERING)
    (incident,) = desk.incidents(db)
    foreseen = foresee(db, "one", DOWN + timedelta(minutes=1))
    assert calls(foreseen) == [
        (DOWN + GATHERING + timedelta(minutes=5), 2, False, ["second"]),
        (DOWN + GATHERING + timedelta(minutes=15), 2, True, ["second"]),
    ]
    assert (foreseen.told, foreseen.told_at) == ((), None)
    until = DOWN + timedelta(hours=1)
    actions.acknowledge(db, incident.id, somebody("anna"), DOWN + timedelta(minutes=2), until=until)
    foreseen = foresee(db, "one", DOWN + timedelta(minutes=3))
    assert calls(foreseen)[0] == (until, 1, False, ["first"])


def test_foreseeing_changes_nothing(db: Connection) -> None:
    jobs(db, "one")
    previous = check_store.lock_all(db)
    foresee(db, "one", NOW)
    assert check_store.lock_all(db) == previous
    assert desk.incidents(db) == []
    assert desk.workload(db).waiting == 0


def test_a_policy_is_foreseen_for_each_severity_that_makes_a_difference(db: Connection) -> None:
    only = Condition(severities=(Severity.CRITICAL,))
    policy = Policy(
        "ops", (Step(("first",), timedelta(minutes=5), only=only), Step(("second",), timedelta(minutes=5)))
    )
    asleep = replace(FIRST, quiet_hours=QuietHours.parse("02:00-04:00"))
    desk.define_person(db, asleep)
    critical, others = forecast.outlooks(db, policy, NOW)
    assert critical.severities == (Severity.CRITICAL,)
    first = critical.calls[0]
    assert (first.at, first.number, first.people) == (NOW + GATHERING, 1, (asleep,))
    assert others.severities == (Severity.ERROR, Severity.WARNING, Severity.INFO)
    assert [call.number for call in others.calls] == [2, 2]
    (alike,) = forecast.outlooks(db, Policy("ops", policy.steps[1:]), NOW)
    assert alike.severities == tuple(Severity)


def test_a_foreseen_step_has_the_number_of_the_one_that_pages(db: Connection) -> None:
    five = timedelta(minutes=5)
    policy = Policy("ops", (Step(("gone",), five), Step(("first",), five), Step(("gone",), five)))
    (outlook,) = forecast.outlooks(db, policy, NOW)
    assert [(call.number, call.names) for call in outlook.calls] == [(2, [FIRST.name])] * 3
