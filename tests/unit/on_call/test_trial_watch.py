"""Test pages come each week in waking hours, and whoever confirms none is told of."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from alerting import delivery, desk
from alerting.escalation import Policy, Step
from alerting.incident import Incident, RaisedSymptom
from alerting.person import Contact, Person
from alerting.proof import Proof
from heartbeat.actor import Actor
from heartbeat.checks import cause
from heartbeat.database import Database
from heartbeat.metrics import Metrics
from heartbeat.on_call import trial_round, trial_watch
from heartbeat.on_call.trial_watch import TrialWatch
from tests.unit.http.conftest import SetClock

HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(days=7)
MAIL, SMS = Contact("email", "a@example.com"), Contact("sms", "+440000000000")
ANNA = Person("anna", "Anna", (MAIL, SMS))
BEN = Person("ben", "Ben", (MAIL,), "Australia/Sydney")
CLEO = Person("cleo", "Cleo", (MAIL,))
OPS = Policy("ops", (Step(("anna",), HOUR), Step(("ben",), HOUR)))
MONDAY = datetime.fromisoformat("2026-11-30T09:00:00+00:00")


class Place:
    """A service that sends test pages, each of which a provider accepts by mail and refuses by SMS."""

    def __init__(self, database: Database, every: timedelta = WEEK) -> None:
        self.database = database
        self.clock = SetClock(MONDAY)
        self.metrics = Metrics()
        self.fails = False
        self._rounds = TrialWatch(database, self.clock, self.metrics, self._send, every=every)

    async def _send(self, name: str, actor: Actor) -> None:
        if self.fails:
            raise ConnectionError
        now, person = self.clock.now(), {"anna": ANNA, "ben": BEN, "cleo": CLEO}[name]
        answers = {"email": ("accepted", "250 OK"), "sms": ("refused", "no such number")}
        results = [(contact, *answers[contact.kind]) for contact in person.contacts]
        await self.database.write(lambda db: desk.record_test_page(db, person, results, now))

    async def look(self, **later: float) -> list[str]:
        self.clock.advance(**later)
        return await self._rounds.watch()

    async def confirm(self, person: Person) -> None:
        now = self.clock.now()
        await self.database.write(lambda db: desk.prove(db, person.id, MAIL.mark, now))

    async def incidents(self) -> list[tuple[Incident, RaisedSymptom]]:
        incidents = await self.database.read(lambda db: desk.incidents(db, open_only=True))
        symptoms = await self.database.read(lambda db: desk.symptoms(db, [one.id for one in incidents]))
        return [(one, symptoms[one.id][-1]) for one in incidents]


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = Database(database_url)
    await opened.write(lambda db: desk.install(db, [ANNA, BEN, CLEO], [OPS], {}))
    yield opened
    opened.close()


async def test_everybody_whom_a_policy_may_page_gets_one_each_week_in_waking_hours(
    database: Database,
) -> None:
    place = Place(database)
    assert await place.look() == []
    assert await place.look(days=1) == []  # Tuesday 09:00, too early for Anna
    assert await place.look(hours=1) == ["anna"]
    assert await place.look(hours=1) == []
    assert await place.look(hours=12, minutes=30) == ["ben"]  # Wednesday 10:30 in Sydney
    assert await place.look(days=5) == []
    assert await place.look(days=1, hours=10, minutes=25) == []  # Tuesday 09:55
    assert await place.look(minutes=5) == ["anna"]


async def test_nobody_is_paged_at_the_weekend_or_at_night() -> None:
    last = MONDAY - 2 * WEEK
    due = [
        hour
        for hour in range(7 * 24)
        if trial_round.is_due(ANNA, last, MONDAY.replace(hour=0) + hour * HOUR, WEEK)
    ]
    assert due == [24 * day + hour for day in range(5) for hour in range(10, 16)]


async def test_a_process_that_dies_before_it_sends_leaves_the_person_due(database: Database) -> None:
    place = Place(database)
    await place.look()
    place.fails = True
    with pytest.raises(ConnectionError):
        await place.look(days=1, hours=1)
    place.fails = False
    assert await place.look(minutes=5) == []  # claimed by the one that died
    assert await place.look(minutes=25) == ["anna"]


async def test_a_clock_that_was_years_ahead_holds_no_test_page_back(database: Database) -> None:
    place = Place(database)
    place.clock.advance(days=700)
    await place.look()
    place.clock.at = MONDAY
    await place.look()
    assert await place.look(days=1, hours=1) == ["anna"]


def test_a_claim_outlasts_the_sending_of_all_that_are_claimed_at_once() -> None:
    assert trial_watch.CLAIM >= trial_watch.AT_ONCE * delivery.LEASE


async def test_who_confirms_none_is_told_of_until_they_do(database: Database) -> None:
    place = Place(database)
    await place.look()
    await place.confirm(BEN)
    assert await place.look(days=1, hours=1) == ["anna"]
    await place.look(hours=23)
    assert await place.incidents() == []

    await place.look(hours=1)
    ((incident, symptom),) = await place.incidents()
    assert (symptom.title, symptom.cause) == ("Test page to Anna", cause.UNCONFIRMED)
    assert symptom.facts.why == (
        "sent at 01 Dec 10:00 UTC (email: accepted, sms: refused (no such number)), and not confirmed since"
    )
    assert place.metrics.registry.get_sample_value("heartbeat_unconfirmed_people") == 1

    await place.confirm(ANNA)
    await place.look(minutes=5)
    ((incident, symptom),) = await place.incidents()
    assert (incident.recovering, symptom.cleared_why) == (True, "a test page is confirmed")


async def test_before_the_first_proof_of_all_nobody_is_told_of(database: Database) -> None:
    place = Place(database)
    await place.look()
    await place.look(days=1, hours=1)
    await place.look(days=1, hours=1)
    assert await place.incidents() == []


async def test_a_resolved_incident_opens_again_for_the_next_test_page_only(database: Database) -> None:
    place = Place(database)
    await place.look()
    await place.confirm(BEN)
    await place.look(days=1, hours=1)
    await place.look(days=1)
    ((incident, _),) = await place.incidents()
    await place.database.write(lambda db: desk.resolve(db, incident.id, "Cleo", place.clock.now()))
    await place.look(minutes=5)
    assert await place.incidents() == []
    assert "anna" in await place.look(days=6)
    await place.look(days=1)
    assert [symptom.title for _, symptom in await place.incidents()] == ["Test page to Anna"]


def test_any_confirmed_contact_is_enough() -> None:
    sent = Proof(MONDAY, "accepted", "", None)
    proofs = {("anna", MAIL.mark): replace(sent, proven_at=MONDAY + HOUR), ("anna", SMS.mark): sent}
    assert trial_round.unconfirmed(ANNA, proofs, MONDAY + WEEK) is None
    late = proofs | {("anna", MAIL.mark): replace(sent, proven_at=MONDAY - HOUR)}
    assert trial_round.unconfirmed(ANNA, late, MONDAY + WEEK) is not None
