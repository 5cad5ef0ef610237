"""Quiet hours hold back what is not critical, and page for it at their end if it still stands."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from alerting import desk, escalator, leases, next_page, outbox
from alerting.escalation import Policy, Step
from alerting.incident import Incident, State
from alerting.notifiers.contract import Accepted, Contact, Outcome, Unreachable
from alerting.person import Person
from alerting.quiet_hours import QuietHours
from alerting.severity import Severity
from heartbeat.database import Database
from tests.unit.alerting.conftest import a_symptom
from tests.unit.alerting.test_courier import PAGED_AT, Pager, courier_of
from tests.unit.alerting.test_onward import PAGES
from tests.unit.conftest import NOW

MINUTE = timedelta(minutes=1)
NIGHT = QuietHours.parse("02:00-04:00")
MORNING = NOW + timedelta(hours=1)
"""It is 03:00 now, and quiet until 04:00."""
ANNA = Person(
    "anna", "Anna", (Contact("pager", "anna"), Contact("pager", "call", after=5 * MINUTE)), quiet_hours=NIGHT
)
BEN = Person("ben", "Ben", (Contact("pager", "ben"),))
OPS = Policy("ops", (Step(("anna", "ben"), 10 * MINUTE),))
ALONE = Policy("ops", (Step(("anna",), 10 * MINUTE), Step(("ben",), 10 * MINUTE)))


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A fresh database with Anna, who has quiet hours now, and Ben."""
    opened = Database(database_url)
    yield opened
    opened.close()


async def fall(database: Database, severity: Severity, policy: Policy = OPS, jobs: int = 1) -> None:
    """Jobs fall silent, each an incident of its own."""
    symptoms = [a_symptom(f"check:{n}", f"silent:host={n}", severity) for n in range(jobs)]
    await database.write(lambda db: desk.install(db, [ANNA, BEN], [policy], {}))
    await database.write(lambda db: desk.raise_(db, symptoms, NOW))


async def carry(database: Database, now: datetime, outcome: Outcome | None = None) -> list[str]:
    """Page and send what is due; the addresses that pages went to."""
    await database.write(lambda db: escalator.sweep(db, now))
    phone = Pager(outcome or Accepted())
    courier = courier_of(database, phone, now)
    while await courier.dispatch():
        await courier.settle(10)
    return [address for address, notice in phone.notices if notice.kind in PAGES]


async def incident_of(database: Database, number: int = 1) -> Incident:
    dossier = await database.read(lambda db: desk.dossier(db, number))
    assert dossier is not None
    return dossier.incident


async def held_of(database: Database) -> list[str]:
    dossier = await database.read(lambda db: desk.dossier(db, 1))
    assert dossier is not None
    return [entry.words for entry in dossier.timeline if entry.kind == "held"]


@pytest.mark.parametrize("severity", [Severity.ERROR, Severity.WARNING, Severity.INFO])
async def test_what_is_held_back_pages_at_the_end_of_quiet_hours(
    database: Database, severity: Severity
) -> None:
    await fall(database, severity)
    assert await carry(database, PAGED_AT) == ["ben"]
    assert await held_of(database) == ["page to Anna: held until 03 May 04:00 UTC by their quiet hours"]
    dossier = await database.read(lambda db: desk.dossier(db, 1))
    assert dossier is not None
    assert "step 1 of ops: Ben" in [entry.words for entry in dossier.timeline if entry.kind == "paged"]
    assert await database.read(lambda db: desk.paged_people(db, 1)) == ["ben"]
    assert await carry(database, MORNING - timedelta(seconds=1)) == ["ben"], "the policy goes on"
    assert "anna" in await carry(database, MORNING)


async def test_quiet_hours_hold_back_nothing_critical(database: Database) -> None:
    await fall(database, Severity.CRITICAL)
    assert sorted(await carry(database, PAGED_AT)) == ["anna", "ben"]


async def test_what_is_answered_or_over_by_the_morning_pages_nobody(database: Database) -> None:
    await fall(database, Severity.WARNING, jobs=2)
    await carry(database, PAGED_AT)
    until = MORNING + timedelta(hours=1)
    await database.write(lambda db: desk.acknowledge(db, 1, "ben", PAGED_AT, until=until))
    await database.write(lambda db: desk.resolve(db, 2, "ben", PAGED_AT))
    assert await carry(database, MORNING) == []


async def test_a_step_of_which_everybody_has_quiet_hours_waits_for_the_first_end(database: Database) -> None:
    await fall(database, Severity.WARNING, ALONE)
    assert await carry(database, PAGED_AT) == []
    incident = await incident_of(database)
    soon = PAGED_AT + next_page.LOOK_AGAIN
    assert (incident.state, incident.step, incident.next_at) == (State.OPEN, 0, soon)
    assert set(await held_of(database)) == {"held until 03 May 04:00 UTC: quiet hours of Anna"}
    assert await database.read(escalator.next_due) == soon
    assert await carry(database, soon) == []
    assert len(await held_of(database)) == 1, "a look again is no news"
    assert await carry(database, MORNING) == ["anna"]
    assert await carry(database, MORNING + 10 * MINUTE) == ["call", "ben"]


@pytest.mark.parametrize("policy", [OPS, ALONE])
async def test_a_rise_to_critical_pages_at_once(database: Database, policy: Policy) -> None:
    await fall(database, Severity.WARNING, policy)
    await carry(database, PAGED_AT)
    later = PAGED_AT + 5 * MINUTE
    worse = a_symptom("check:0", "silent:host=0", Severity.CRITICAL)
    await database.write(lambda db: desk.raise_(db, [worse], later))
    assert "anna" in await carry(database, later + timedelta(seconds=10))
    states = [page.state for page in await database.read(lambda db: outbox.pages_of(db, 1))]
    assert "pending" not in states, "nothing is left for the morning"


async def test_a_critical_job_that_joins_pages_at_once(database: Database) -> None:
    await fall(database, Severity.WARNING, ALONE)
    await carry(database, PAGED_AT)
    later = PAGED_AT + 5 * MINUTE
    other = a_symptom("check:9", "silent:host=0", Severity.CRITICAL)
    await database.write(lambda db: desk.raise_(db, [other], later))
    assert await carry(database, later + timedelta(seconds=10)) == ["anna"]


async def test_a_fall_from_critical_and_a_rise_again_page_at_once(database: Database) -> None:
    """What people were told once does not count as known while everything waits for the morning."""
    await fall(database, Severity.CRITICAL, ALONE)
    assert await carry(database, PAGED_AT) == ["anna"]
    mild = a_symptom("check:0", "silent:host=0", Severity.WARNING)
    quiet_until = PAGED_AT + 2 * MINUTE
    await database.write(lambda db: desk.snooze(db, 1, "ben", PAGED_AT, quiet_until))
    await database.write(lambda db: desk.raise_(db, [mild], PAGED_AT))
    assert await carry(database, quiet_until) == []
    assert set(await held_of(database)) == {"held until 03 May 04:00 UTC: quiet hours of Anna"}
    later = quiet_until + 5 * MINUTE
    await database.write(lambda db: desk.raise_(db, [replace(mild, severity=Severity.CRITICAL)], later))
    assert await carry(database, later + timedelta(seconds=10)) == ["anna"]


async def test_a_later_contact_waits_for_the_end_of_quiet_hours_too(database: Database) -> None:
    await fall(database, Severity.WARNING, ALONE)
    early = replace(ANNA, quiet_hours=QuietHours.parse("03:02-04:00"))
    await database.write(lambda db: desk.define_person(db, early))
    assert await carry(database, PAGED_AT) == ["anna"]
    assert await carry(database, PAGED_AT + 5 * MINUTE) == []
    assert "call" in await carry(database, MORNING)


async def test_a_contact_that_answers_again_gets_nothing_before_the_end_of_quiet_hours(
    database: Database,
) -> None:
    await fall(database, Severity.WARNING)
    assert await carry(database, PAGED_AT, Unreachable("503")) != []
    contact = ANNA.contacts[0]
    release = PAGED_AT + MINUTE
    assert not await database.write(lambda db: leases.release(db, contact.kind, contact.mark, release))
    assert not await database.write(lambda db: leases.probe(db, contact.kind, contact.mark, release))


async def test_a_storm_of_warnings_waits_and_its_critical_pages_go_out(database: Database) -> None:
    await fall(database, Severity.WARNING, ALONE, jobs=9)
    critical = [a_symptom(f"check:2{n}", f"silent:host=2{n}", Severity.CRITICAL) for n in range(9)]
    early = replace(ANNA, quiet_hours=None)
    await database.write(lambda db: desk.define_person(db, early))
    await database.write(lambda db: escalator.sweep(db, PAGED_AT))
    await database.write(lambda db: desk.define_person(db, ANNA))
    await database.write(lambda db: desk.raise_(db, critical, NOW))
    assert await carry(database, PAGED_AT) == ["anna"], "one digest"
    pages = await database.read(lambda db: [page for n in range(1, 19) for page in outbox.pages_of(db, n)])
    states = {(page.severity, page.state, page.not_before) for page in pages if page.person == "anna"}
    assert states == {
        (Severity.WARNING, "pending", MORNING),
        (Severity.CRITICAL, "delivered", None),
    }


async def test_news_of_warnings_waits_too(database: Database) -> None:
    await fall(database, Severity.WARNING, ALONE)
    early = replace(ANNA, quiet_hours=QuietHours.parse("03:02-04:00"))
    await database.write(lambda db: desk.define_person(db, early))
    await carry(database, PAGED_AT)
    other = a_symptom("check:9", "silent:host=0", Severity.WARNING)
    later = PAGED_AT + 3 * MINUTE
    await database.write(lambda db: desk.raise_(db, [other], later))
    await carry(database, later + timedelta(seconds=10))
    news = [page for page in await database.read(lambda db: outbox.pages_of(db, 1)) if page.kind == "update"]
    assert [(page.state, page.not_before) for page in news] == [("pending", MORNING)]


async def test_the_page_does_not_name_who_sleeps(database: Database) -> None:
    await fall(database, Severity.WARNING)
    await database.write(lambda db: escalator.sweep(db, PAGED_AT))
    phone = Pager(Accepted())
    courier = courier_of(database, phone, PAGED_AT)
    await courier.dispatch()
    await courier.settle(10)
    ((_, notice),) = phone.notices
    assert "Anna" not in notice.text.splitlines()[-1].partition("If nobody answers")[0]


async def test_an_edit_of_quiet_hours_applies_to_what_waits(database: Database) -> None:
    await fall(database, Severity.WARNING)
    await carry(database, PAGED_AT)
    await database.write(lambda db: desk.define_person(db, replace(ANNA, name="Anna A.")))
    assert await carry(database, PAGED_AT + MINUTE) == [], "her hours are the same"
    await database.write(lambda db: desk.define_person(db, replace(ANNA, quiet_hours=None)))
    assert await carry(database, PAGED_AT + MINUTE) == ["anna"]


async def test_who_goes_on_call_while_a_step_waits_is_paged_soon(database: Database) -> None:
    await fall(database, Severity.WARNING, ALONE)
    await carry(database, PAGED_AT)
    awake = replace(ANNA, quiet_hours=None)
    await database.write(lambda db: desk.define_person(db, awake))
    assert await carry(database, PAGED_AT + next_page.LOOK_AGAIN) == ["anna"]


async def test_a_page_says_when_the_next_one_goes_out_after_quiet_hours(database: Database) -> None:
    policy = Policy("ops", (Step(("ben",), 10 * MINUTE), Step(("anna",), 10 * MINUTE)))
    await fall(database, Severity.WARNING, policy)
    await database.write(lambda db: escalator.sweep(db, PAGED_AT))
    phone = Pager(Accepted())
    courier = courier_of(database, phone, PAGED_AT)
    await courier.dispatch()
    await courier.settle(10)
    ((_, notice),) = phone.notices
    assert "If nobody answers, Anna is paged at 04:00 UTC." in notice.text


async def test_whoever_asks_for_the_next_page_reaches_somebody_who_has_no_quiet_hours(
    database: Database,
) -> None:
    await fall(database, Severity.WARNING, ALONE)
    assert await carry(database, PAGED_AT) == []
    await database.write(lambda db: desk.page_next(db, 1, "cleo", PAGED_AT + MINUTE))
    assert await carry(database, PAGED_AT + MINUTE) == ["ben"]
    assert (await incident_of(database)).step == 2


async def test_a_request_for_the_next_page_waits_if_everybody_has_quiet_hours(database: Database) -> None:
    await fall(database, Severity.WARNING, Policy("ops", (Step(("anna",), 10 * MINUTE),)))
    await carry(database, PAGED_AT)
    await database.write(lambda db: desk.page_next(db, 1, "cleo", PAGED_AT + MINUTE))
    assert await carry(database, PAGED_AT + MINUTE) == []
    assert (await incident_of(database)).step == 0
