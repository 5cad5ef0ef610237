"""A gap of coverage is an incident, told days before to those who are on call now."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from alerting import desk, proof
from alerting.calendar_layer import CalendarLayer
from alerting.escalation import Policy, Step
from alerting.incident import Incident, RaisedSymptom, State
from alerting.person import Contact, Person
from alerting.rotation import Rotation
from alerting.severity import Severity
from heartbeat.checks import cause
from heartbeat.database import Database
from heartbeat.metrics import Metrics
from heartbeat.on_call.coverage_watch import CoverageWatch
from tests.unit.conftest import NOW
from tests.unit.http.conftest import SetClock

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
AHEAD = 72 * HOUR
MAIL = Contact("email", "a@example.com")
ANNA, BEN = Person("anna", "Anna", (MAIL,)), Person("ben", "Ben", (MAIL,))
OPS, DATA = (Policy(name, (Step((person,), HOUR),)) for name, person in (("ops", "anna"), ("data", "ben")))


class Place:
    """A service whose coverage is watched."""

    def __init__(self, database: Database, ahead: timedelta = AHEAD) -> None:
        self.database = database
        self.clock = SetClock(NOW)
        self.metrics = Metrics()
        self._watch = CoverageWatch(database, self.clock, self.metrics, ahead=ahead)

    async def watch(self, **later: float) -> None:
        self.clock.advance(**later)
        await self._watch.watch()

    async def prove(self, person: Person) -> None:
        at = self.clock.now()
        await self.database.write(lambda db: desk.prove(db, person.id, MAIL.mark, at))

    async def incidents(self) -> list[tuple[Incident, RaisedSymptom]]:
        """The open incidents, each with its last symptom."""
        incidents = await self.database.read(lambda db: desk.incidents(db, open_only=True))
        symptoms = await self.database.read(lambda db: desk.symptoms(db, [one.id for one in incidents]))
        return [(one, symptoms[one.id][-1]) for one in incidents]

    @property
    def covered(self) -> float | None:
        return self.metrics.registry.get_sample_value("heartbeat_covered_seconds")


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = Database(database_url)
    await opened.write(lambda db: desk.install(db, [ANNA, BEN], [OPS, DATA], {}))
    yield opened
    opened.close()


async def test_before_the_first_proof_of_all_an_unproven_contact_is_no_gap(database: Database) -> None:
    place = Place(database)
    await place.watch()
    assert await place.incidents() == []
    assert place.covered == 14 * 86_400


async def test_a_proof_that_ends_is_told_three_days_before(database: Database) -> None:
    place = Place(database)
    await place.prove(ANNA)
    await place.prove(BEN)
    await place.watch(days=(proof.LASTS - AHEAD) / DAY)
    assert await place.incidents() == []
    assert place.covered == AHEAD.total_seconds()

    await place.prove(BEN)
    await place.watch(minutes=5)
    ((incident, symptom),) = await place.incidents()
    assert (symptom.title, symptom.cause, symptom.severity) == (
        "Policy ops",
        cause.UNCOVERED,
        Severity.WARNING,
    )
    assert incident.policy.name == "ops"
    assert symptom.facts.why.endswith(": nobody on call has a proven contact (Anna)")
    assert symptom.facts.runbook == "send a test page to those on call, and let them confirm it"

    await place.prove(ANNA)
    await place.watch(minutes=5)
    ((incident, symptom),) = await place.incidents()
    assert (incident.recovering, symptom.cleared_why) == (
        True,
        "somebody with a proven contact is on call again",
    )


async def test_a_gap_that_has_begun_is_told_in_the_same_words_while_it_lasts(database: Database) -> None:
    place = Place(database)
    await place.prove(ANNA)
    await place.watch()
    ((incident, symptom),) = await place.incidents()
    assert (incident.policy.name, symptom.severity) == ("data", Severity.WARNING)
    assert symptom.facts.why.startswith("from now on: ")
    assert place.covered == 0

    words = symptom.facts.why
    await place.watch(minutes=5)
    ((again, symptom),) = await place.incidents()
    assert (again.id, symptom.facts.why) == (incident.id, words)


async def test_an_incident_that_somebody_resolved_does_not_open_again_for_the_same_gap(
    database: Database,
) -> None:
    place = Place(database)
    await place.database.write(lambda db: desk.define_policy(db, Policy("night", (Step(("nobody",), HOUR),))))
    await place.watch()
    ((incident, symptom),) = await place.incidents()
    assert symptom.facts.why.endswith(": nobody is on call")
    await place.database.write(lambda db: desk.resolve(db, incident.id, "Anna", place.clock.now()))
    await place.watch(minutes=5)
    assert await place.incidents() == []


async def test_a_policy_that_is_gone_has_no_gap(database: Database) -> None:
    place = Place(database)
    await place.prove(ANNA)
    await place.watch()
    await place.database.write(lambda db: desk.forget_policy(db, "data"))
    await place.watch(minutes=5)
    ((incident, _),) = await place.incidents()
    assert (incident.state, incident.recovering) == (State.OPEN, True)


async def test_nobody_is_told_if_that_is_wanted(database: Database) -> None:
    place = Place(database, ahead=timedelta())
    await place.prove(ANNA)
    await place.watch()
    assert await place.incidents() == []
    assert place.covered == 0


async def test_a_calendar_that_was_not_read_yet_is_no_gap(database: Database) -> None:
    place, calendar = Place(database), CalendarLayer("https://calendar.example.com/on-call.ics")
    infra = Rotation("infra", "UTC", (calendar,))
    await database.write(lambda db: desk.define_rotation(db, infra))
    await database.write(lambda db: desk.define_policy(db, replace(OPS, steps=(Step(("infra",), HOUR),))))
    await place.watch()
    assert await place.incidents() == []
    now = place.clock.now()
    await database.write(lambda db: desk.imported_calendars.begin(db, "infra", calendar.mark, None, now))
    await place.watch(seconds=5)
    assert await place.incidents() == [], "it is being read"
    fault = "cannot be fetched"
    await database.write(lambda db: desk.imported_calendars.failed(db, "infra", calendar.mark, fault, now))
    await place.watch(minutes=5)
    ((incident, _),) = await place.incidents()
    assert incident.policy.name == "ops"
