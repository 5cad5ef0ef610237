"""A limit that pings have reached is an incident of the default policy, until there is room again."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy import Connection

from alerting import desk, escalator
from alerting.composing import Composer
from alerting.escalation import Policy, Step
from alerting.incident import State
from alerting.notice import Links, Notice
from alerting.origin import Origin
from alerting.person import Contact, Person
from heartbeat import installation
from heartbeat.checks import cause, surroundings
from heartbeat.checks import store as checks
from heartbeat.checks.check import Signal
from heartbeat.database import Database
from heartbeat.metrics import Metrics
from heartbeat.pings import keys, lanes
from heartbeat.pings.arrival import Arrival, BySlug
from heartbeat.pings.creation import CreationLimit
from heartbeat.pings.keys import PingKey
from heartbeat.pings.limit_watch import LimitWatch
from tests.unit.conftest import NOW
from tests.unit.http.conftest import SetClock

ANNA = Person("anna", "Anna", (Contact("console", "terminal"),))
OPS, REST = (Policy(name, (Step(("anna",), timedelta(minutes=5)),)) for name in ("ops", "aside"))
SECRET = "0123456789abcdef" * 4
"""The hash of the ping key."""


class Place:
    """A service with so many checks to create, whose pings come with the key of a deployment."""

    def __init__(self, database: Database, in_all: int) -> None:
        self.database = database
        self.clock = SetClock(NOW)
        self.metrics = Metrics()
        self.limit = CreationLimit(in_all)
        self._watch = LimitWatch(database, self.clock, self.metrics, self.limit, 1_000)

    async def ping(self, *slugs: str) -> None:
        at = self.clock.now()
        arrivals = [
            Arrival(BySlug(SECRET, slug, create=True), Signal.SUCCESS, at, "GET", "192.0.2.7", "")
            for slug in slugs
        ]
        await self.database.write(lambda db: lanes.hear(db, arrivals, self.limit))

    async def watch(self, **later: float) -> None:
        self.clock.advance(**later)
        await self._watch.watch()

    async def pages(self) -> list[Notice]:
        """The notices of the incidents that page now."""
        now = self.clock.now()

        def work(db: Connection) -> list[Notice]:
            escalator.sweep(db, now)
            composer = Composer(surroundings.of, cause.in_words, lambda _incident, _person: Links("", ""))
            (contact,) = ANNA.contacts
            dossiers = [desk.dossier(db, incident.id) for incident in desk.incidents(db)]
            waiting = [page for dossier in dossiers if dossier for page in dossier.pages]
            sends = composer.sends(db, [(page, ANNA, contact) for page in waiting], lambda _: False, now)
            return [send.notice for send in sends]

        return await self.database.write(work)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = Database(database_url)
    await opened.write(lambda db: desk.install(db, [ANNA], [OPS, REST], {}))
    await opened.write(lambda db: installation.remember(db, "policy", "ops"))
    await opened.write(lambda db: keys.add(db, PingKey("deploy", SECRET, Origin.FILE)))
    yield opened
    opened.close()


async def test_the_limit_in_all_is_told_with_the_key_and_what_to_do(database: Database) -> None:
    place = Place(database, in_all=2)
    await place.ping("job-1")
    await place.watch()
    assert await database.read(desk.incidents) == []
    await place.ping("job-2", "job-3")
    await place.watch()
    await place.watch(seconds=30)

    (page,) = await place.pages()
    assert page.title == "WARNING Checks created by pings at the limit (heartbeat)"
    assert list(page.lines) == [
        "Checks created by pings: 2 of 2, the last with the ping key deploy; noticed 03:00 UTC (30 s ago)",
        "About: Pings for new names are refused (422). Known checks are heard as ever.",
        "Runbook: delete checks that nobody needs, define the others, or raise HEARTBEAT_PING_CHECKS_LIMIT",
        "You are first on call (ops). If nobody answers, you are paged again at 03:05 UTC.",
    ]
    assert SECRET not in str(page)


async def test_the_incident_ends_once_there_is_room_again(database: Database) -> None:
    place = Place(database, in_all=2)
    await place.ping("job-1", "job-2", "job-3")
    await place.watch()
    await place.watch(seconds=30)
    (incident,) = await database.read(lambda db: desk.incidents(db, open_only=True))
    assert not incident.recovering

    first = await database.read(lambda db: checks.load(db, "job-1"))
    assert first is not None
    await database.write(lambda db: checks.remove(db, [first.id]))
    await place.watch(seconds=30)
    (incident,) = await database.read(desk.incidents)
    assert incident.recovering
    (symptom,) = (await database.read(lambda db: desk.symptoms(db, [incident.id])))[incident.id]
    assert symptom.cleared_why == "there is room again"

    await place.ping("job-3")
    await place.watch(seconds=30)
    (incident,) = await database.read(desk.incidents)
    assert (incident.state, incident.recovering) == (State.OPEN, False)


async def test_a_key_that_creates_many_checks_is_told_until_its_hour_is_over(database: Database) -> None:
    place = Place(database, in_all=500)
    await place.ping(*(f"job-{number}" for number in range(150)))
    await place.watch()
    await place.watch(seconds=30)
    (page,) = await place.pages()
    assert page.title == "WARNING Checks created in an hour at the limit (heartbeat)"
    assert "100 with the ping key deploy" in page.lines[0]
    await place.watch(hours=1)
    (incident,) = await database.read(desk.incidents)
    assert incident.recovering


async def test_the_default_policy_hears_of_a_limit(database: Database) -> None:
    place = Place(database, in_all=1)
    await place.ping("job-1")
    await place.watch()
    (incident,) = await database.read(desk.incidents)
    assert incident.policy.name == "ops"
    await place.watch(seconds=30)
    assert len(await database.read(desk.incidents)) == 1


async def test_no_check_by_ping_is_a_wish_and_no_trouble(database: Database) -> None:
    place = Place(database, in_all=0)
    await place.ping("job-1")
    assert await place._watch.watch() == []


async def test_a_scrape_has_the_limits(database: Database) -> None:
    place = Place(database, in_all=2)
    registry = place.metrics.registry
    for name, is_reached in (("job-1", 0), ("job-2", 1)):
        await place.ping(name)
        await place.watch()
        assert registry.get_sample_value("heartbeat_limit_reached", {"limit": "checks"}) == is_reached
    assert registry.get_sample_value("heartbeat_checks_created_by_pings") == 2
    assert registry.get_sample_value("heartbeat_limit_reached", {"limit": "checks_an_hour"}) == 0
