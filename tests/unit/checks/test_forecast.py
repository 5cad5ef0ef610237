"""What would happen is what then happens: the forecast against the service itself."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, make_url

from alerting import desk, escalator, notice, outbox
from alerting.escalation import Policy, Step
from alerting.incident import Surroundings
from alerting.notice import Links, Subject
from alerting.person import OPERATOR, Contact, Person
from alerting.tables import pages
from heartbeat import database, installation
from heartbeat.actor import Actor, Role
from heartbeat.checks import actions, cause, check, checker, forecast, symptoms
from heartbeat.checks import store as check_store
from heartbeat.checks.check import Check
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
    given = {"policy": "ops", "labels": {"host": "a"}} | changes
    check_store.insert(db, [a_check(slug, **given) for slug in slugs])
    known = check_store.lock_all(db)
    return [known[slug] for slug in slugs]


def foresee(db: Connection, slug: str, now: datetime) -> forecast.Forecast:
    one = check_store.load(db, slug)
    assert one is not None
    return forecast.of(db, one, now, URL)


def calls(told: forecast.Forecast) -> list[tuple[datetime, int, bool, list[str]]]:
    return [(one.at, one.number, one.again, [p.id for p in one.people]) for one in told.calls]


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
    told = foresee(db, "one", NOW)
    at = NOW + GATHERING
    assert calls(told) == [
        (at, 1, False, ["first"]),
        (at + timedelta(minutes=5), 2, False, ["second"]),
        (at + timedelta(minutes=15), 2, True, ["second"]),
    ]
    assert told.sentence == (
        "If it fell silent now, a new incident would open, and First responder would be paged at 03:00 UTC."
    )
    assert (told.policy, told.incident, told.held, told.told) == (OPS, None, None, ())


def test_what_is_foreseen_happens_word_for_word(db: Connection) -> None:
    """The page that is then sent is the one that was shown."""
    jobs(db, "one", "two")
    checker.sweep(db, NOW)
    told = foresee(db, "one", DOWN)
    two = check_store.lock_all(db)["two"]
    check_store.save(db, [replace(two, wake_at=DOWN + timedelta(hours=1))])
    checker.sweep(db, DOWN)
    escalator.sweep(db, told.calls[0].at)

    (incident,) = desk.incidents(db)
    dossier = desk.dossier(db, incident.id)
    assert dossier is not None
    (page,) = dossier.pages
    assert (page.created_at, page.person) == (told.calls[0].at, told.calls[0].people[0].id)
    assert incident.next_at == told.calls[1].at
    around = symptoms.surroundings(db, [incident]).get(incident.id, Surroundings())
    about = Subject(
        page.kind,
        page.id,
        0,
        page.words,
        page.step,
        incident,
        dossier.symptoms,
        around,
        cause.in_words,
        FIRST,
        ["Second responder", "ghost"],
        Links(URL, "x"),
    )
    shown = notice.compose(about, told.calls[0].at)
    assert told.page is not None
    assert (told.page.title, told.page.lines) == (shown.title, shown.lines)


def test_nobody_is_paged_for_a_paused_check(db: Connection) -> None:
    (one,) = jobs(db, "one")
    check_store.save(db, [check.paused(one, NOW, "anna").check])
    told = foresee(db, "one", NOW)
    assert told.sentence == "It is paused: nothing is expected of it, and nobody is paged."
    assert (told.calls, told.page, told.policy) == ((), None, None)


def test_where_nobody_can_be_reached_the_catch_all_is(db: Connection) -> None:
    jobs(db, "one", policy="nobody")
    told = foresee(db, "one", NOW)
    assert {one.people for one in told.calls} == {(OPERATOR,)}


def test_a_check_that_names_no_policy_pages_by_the_default(db: Connection) -> None:
    jobs(db, "one", policy=None)
    installation.remember(db, "policy", "ops")
    assert foresee(db, "one", NOW).policy == OPS


def test_maintenance_holds_the_first_page(db: Connection) -> None:
    jobs(db, "one")
    ends = NOW + timedelta(hours=2)
    maintenance.make(db, ANNA, WindowDefinition("Move", "", {"host": "a"}, NOW, ends), NOW)
    told = foresee(db, "one", NOW)
    assert told.held is not None
    assert (told.held.until, told.held.why, told.calls[0].at) == (ends, "maintenance Move", ends)
    assert told.sentence == (
        "If it fell silent now, a new incident would open, and First responder would be paged at 05:00 UTC, at the "
        "end of maintenance Move."
    )
    checker.sweep(db, DOWN)
    down = foresee(db, "one", DOWN)
    assert (down.held, down.calls[0].at) == (told.held, ends)
    assert down.sentence == "It is silent. Unless somebody answers, First responder is paged at 05:00 UTC."


def test_one_that_joins_is_told_in_the_thread_and_the_steps_go_on(db: Connection) -> None:
    jobs(db, "one")
    checker.sweep(db, DOWN)
    escalator.sweep(db, DOWN + GATHERING)
    db.execute(pages.update().values(lease=1))  # It is being sent.
    jobs(db, "two", grace=timedelta(hours=1))
    now = DOWN + timedelta(minutes=1)
    told = foresee(db, "two", now)
    (incident,) = desk.incidents(db)
    assert told.incident is not None
    assert told.incident.id == incident.id
    assert ([one.id for one in told.told], told.told_at) == (["first"], now + GATHERING)
    assert calls(told)[0] == (DOWN + GATHERING + timedelta(minutes=5), 2, False, ["second"])
    assert told.sentence.startswith(
        f"If it fell silent now, it would join incident {incident.id}, and Second"
    )


def test_a_check_that_is_down_goes_on_with_its_incident(db: Connection) -> None:
    jobs(db, "one")
    checker.sweep(db, DOWN)
    escalator.sweep(db, DOWN + GATHERING)
    (incident,) = desk.incidents(db)
    told = foresee(db, "one", DOWN + timedelta(minutes=1))
    assert calls(told) == [
        (DOWN + GATHERING + timedelta(minutes=5), 2, False, ["second"]),
        (DOWN + GATHERING + timedelta(minutes=15), 2, True, ["second"]),
    ]
    assert (told.told, told.told_at) == ((), None)
    until = DOWN + timedelta(hours=1)
    actions.acknowledge(db, incident.id, somebody("anna"), DOWN + timedelta(minutes=2), until=until)
    told = foresee(db, "one", DOWN + timedelta(minutes=3))
    assert calls(told)[0] == (until, 1, False, ["first"])


def test_foreseeing_changes_nothing(db: Connection) -> None:
    jobs(db, "one")
    before = check_store.lock_all(db)
    foresee(db, "one", NOW)
    assert check_store.lock_all(db) == before
    assert desk.incidents(db) == []
    assert outbox.workload(db).waiting == 0
