"""The limit of all kept bodies: the oldest are removed first, and their pings stay."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from datetime import timedelta

import pytest
from sqlalchemy import Connection

from alerting import desk
from alerting.origin import Origin
from heartbeat.checks.check import Check, Signal, State
from heartbeat.database import Database
from heartbeat.metrics import Metrics
from heartbeat.pings import body_limit, body_usage, keys, store, usage_store
from heartbeat.pings.arrival import Arrival, BySlug, ByUuid, PingResult
from heartbeat.pings.body_limit import BodyLimit, Measured
from heartbeat.pings.creation import CreationLimit
from heartbeat.pings.ingest import Ingest
from heartbeat.pings.keys import PingKey
from heartbeat.pings.limit_watch import LimitWatch
from heartbeat.pings.usage import BODIES, REMOVED, Used
from tests.unit.conftest import NOW, a_check
from tests.unit.http.conftest import SetClock

Insert = Callable[[Connection, list[Check]], dict[str, Check]]
LIMIT = 10_000


@pytest.fixture(autouse=True)
def _quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body_limit, "PAUSE", 0)
    monkeypatch.setattr(body_limit, "CHECKS", 1)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = Database(database_url)
    yield opened
    opened.close()


class Place:
    """A service with two jobs that send output."""

    def __init__(self, database: Database, jobs: dict[str, Check]) -> None:
        self.database = database
        self.jobs = jobs
        self.clock = SetClock(NOW)
        self.metrics = Metrics()
        self.line = Ingest(database)
        self.limit = BodyLimit(database, self.clock, self.metrics, LIMIT)

    async def send(self, name: str, minute: float, size: int) -> None:
        """Let a job send output so many minutes after the beginning."""
        at = NOW + timedelta(minutes=minute)
        target = ByUuid(self.jobs[name].uuid.hex)
        ping = Arrival(target, Signal.SUCCESS, at, "POST", "192.0.2.7", "", b"x" * size if size else None)
        assert await self.line.hear(ping) is PingResult.HEARD

    async def keep(self) -> int:
        await self.line.settle()
        return await self.limit.keep()

    async def kept(self, name: str) -> list[int]:
        """The bytes of the output of each ping of a job, newest first."""
        pings = await self.database.read(lambda db: store.last_pings(db, self.jobs[name].id))
        return [len(ping.body or b"") for ping in pings]

    async def used(self, subject: str) -> Used | None:
        return (await self.database.read(usage_store.load)).get(subject)


@pytest.fixture
async def place(database: Database, insert: Insert) -> Place:
    well = [a_check(name, state=State.UP, last_ok_at=NOW) for name in ("large", "small")]
    place = Place(database, await database.write(lambda db: insert(db, well)))
    await place.keep()
    return place


async def test_the_oldest_bodies_are_removed_and_their_pings_stay(place: Place) -> None:
    for minute in range(12):
        await place.send("large", minute, 1_000)
        await place.send("small", minute, 0 if minute else 100)
    assert await place.keep() == 4
    assert await place.kept("large") == [1_000] * 9 + [0] * 3
    assert await place.kept("small") == [0] * 12
    assert await place.used(BODIES) == Used(9_000, NOW)
    assert await place.used(REMOVED) == Used(4, NOW, "large")
    assert place.metrics.registry.get_sample_value("heartbeat_removed_bodies_total") == 4


async def test_nothing_is_removed_below_the_limit(place: Place) -> None:
    for minute in range(9):
        await place.send("large", minute, 1_000)
    assert await place.keep() == 0
    assert await place.kept("large") == [1_000] * 9


async def test_bodies_of_one_minute_are_removed_only_as_far_as_needed(place: Place) -> None:
    for _ in range(12):
        await place.send("large", 0, 1_000)
    assert await place.keep() == 3
    assert sorted(await place.kept("large")) == [0] * 3 + [1_000] * 9


async def test_the_oldest_of_one_minute_go_first_wherever_they_are_stored(place: Place) -> None:
    # A check has 100 places, and its pings go round in them: the last 5 of these take those of the first 5.
    for second in range(105):
        await place.send("large", second / 120, 0 if second < 93 else 1_000)
    assert await place.keep() == 3
    assert (await place.kept("large"))[:13] == [1_000] * 9 + [0] * 4


async def test_the_bodies_that_others_have_replaced_are_no_reason_to_remove_any(place: Place) -> None:
    for minute in range(store.KEEP + 50):
        await place.send("small", minute, 90)
    await place.line.settle()
    assert (await place.used(BODIES) or Used(0, NOW)).count == 150 * 90
    assert await place.keep() == 0
    assert (await place.used(BODIES) or Used(0, NOW)).count == store.KEEP * 90


async def test_the_bytes_are_measured_once_a_day_in_any_case(place: Place) -> None:
    await place.send("large", 0, 1_000)
    await place.line.settle()
    await place.database.write(lambda db: usage_store.put(db, {BODIES: Used(3, NOW)}))
    await place.keep()
    assert await place.used(BODIES) == Used(3, NOW)
    place.clock.advance(days=1)
    await place.keep()
    assert await place.used(BODIES) == Used(1_000, NOW + timedelta(days=1))


async def test_what_comes_while_bodies_are_measured_stays_counted(place: Place) -> None:
    await place.database.write(lambda db: usage_store.add_bodies(db, 700, "ci"))
    await place.database.write(lambda db: usage_store.measured_bodies(db, 200, 500, NOW))
    assert await place.used(BODIES) == Used(400, NOW, "ci")


async def test_pings_that_are_refused_count_no_bytes(place: Place) -> None:
    ping = Arrival(BySlug("a key", "x"), Signal.SUCCESS, NOW, "POST", "", "", b"x" * 50_000)
    assert await place.line.hear(ping) is PingResult.UNKNOWN
    await place.line.settle()
    assert await place.used(BODIES) == Used(0, NOW)


async def test_bytes_that_could_not_be_added_are_added_later_and_logged_once(
    place: Place, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(body_usage, "EVERY", 0)
    line = body_usage.BodyUsage(place.database)
    ping = Arrival(BySlug("aa", "x"), Signal.SUCCESS, NOW, "POST", "", "", b"x" * 50)
    with monkeypatch.context() as away:
        away.setattr(place.database, "write", None)
        for _ in range(3):
            line.note([ping])
            await line.settle()
        assert len(caplog.messages) == 1
        away.setattr(body_usage, "REPEATED", 0)
        line.note([])
        await line.settle()
        assert len(caplog.messages) == 2
    line.note([ping])
    await line.settle()
    assert await place.used(BODIES) == Used(200, NOW)


def test_the_minute_that_makes_enough_room() -> None:
    measured = Measured(Counter({10: 500, 12: 300, 11: 200}))
    minutes = [measured.last_minute(excess).minute for excess in (1, 500, 501, 700, 701)]
    assert minutes == [10, 10, 11, 11, 12]


async def test_the_limit_of_bodies_is_an_incident_for_a_day(place: Place) -> None:
    await place.database.write(lambda db: keys.add(db, PingKey("ci", "aa", Origin.FILE)))
    watch = LimitWatch(place.database, place.clock, place.metrics, CreationLimit(), 1_000)
    arrivals = [
        Arrival(BySlug("aa", "large"), Signal.SUCCESS, NOW, "POST", "", "", b"x" * 1_000) for _ in range(12)
    ]
    await asyncio.gather(*(place.line.hear(arrival) for arrival in arrivals))
    await place.keep()
    await watch.watch()
    (incident,) = await place.database.read(desk.incidents)
    (symptom,) = (await place.database.read(lambda db: desk.symptoms(db, [incident.id])))[incident.id]
    assert symptom.title == "Kept output of jobs"
    assert symptom.facts.why == (
        "1,000 MB, the oldest was removed; most of it is of check large, and came lately with the ping key ci"
    )
    place.clock.advance(hours=23)
    await watch.watch()
    assert not (await place.database.read(desk.incidents))[0].recovering
    place.clock.advance(hours=1)
    await watch.watch()
    assert (await place.database.read(desk.incidents))[0].recovering


async def test_an_incident_of_bodies_that_somebody_resolved_stays_resolved(place: Place) -> None:
    watch = LimitWatch(place.database, place.clock, place.metrics, CreationLimit(), 1_000)
    await place.database.write(lambda db: usage_store.put(db, {REMOVED: Used(4, NOW, "large")}))
    await watch.watch()
    (incident,) = await place.database.read(desk.incidents)
    place.clock.advance(hours=1)
    await place.database.write(lambda db: desk.resolve(db, incident.id, "Anna", place.clock.now()))
    await watch.watch()
    assert await place.database.read(lambda db: desk.incidents(db, open_only=True)) == []
