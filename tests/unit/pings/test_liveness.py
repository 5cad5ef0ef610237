"""A process that takes pings beats; a gap in the beats of all is noticed, excuses checks, and is told once."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy import Connection, select

from alerting import desk, escalator
from alerting.composing import Composer
from alerting.escalation import Policy, Step
from alerting.incident import State as Life
from alerting.notice import Links, Notice, NoticeKind
from alerting.person import Contact, Person
from heartbeat import installation
from heartbeat.checks import blindness_report, blindness_store, cause, checker, surroundings
from heartbeat.checks import store as checks
from heartbeat.checks.blindness import Why
from heartbeat.checks.check import Check, Signal, State
from heartbeat.checks.tables import beats
from heartbeat.database import Database, Unavailable
from heartbeat.metrics import Metrics
from heartbeat.pings import lanes
from heartbeat.pings.arrival import Arrival, ByUuid
from heartbeat.pings.liveness import Liveness
from tests.unit.conftest import NOW, a_check
from tests.unit.http.conftest import SetClock

PHONE, MACHINE = Contact("console", "terminal"), Contact("pagerduty", "key")
ANNA, BEN = Person("anna", "Anna", (MACHINE, PHONE)), Person("ben", "Ben", (PHONE,))
OPS = Policy("ops", (Step(("anna",), timedelta(minutes=5)), Step(("ben",), timedelta(minutes=5))))
MINUTES = timedelta(minutes=1)


class Place:
    """A service with checks that are due every five minutes, and processes that take pings."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.clock = SetClock(NOW)
        self.refused = False
        self.sees = False
        """True while a process beats all along."""

    def process(self) -> Liveness:
        return Liveness(
            self.database, self.clock, Metrics(), now=self.clock.now, refused=lambda: self.refused
        )

    async def watch(self, *slugs: str) -> None:
        await self.database.write(lambda db: checks.insert(db, [a_check(slug) for slug in slugs]))

    async def ping(self, *slugs: str) -> None:
        now = self.clock.now()

        def hear(db: Connection) -> object:
            found = [check for slug in slugs if (check := checks.load(db, slug))]
            return lanes.hear(
                db,
                [Arrival(ByUuid(check.uuid.hex), Signal.SUCCESS, now, "GET", "", "") for check in found],
            )

        await self.database.write(hear)

    async def judge(self, **later: float) -> list[Check]:
        """Let time pass, judge what is due, tell what is to be told, and return all checks."""
        self.clock.advance(**later)
        now = self.clock.now()
        if self.sees:
            latest = {"at": now, "elapsed": self.clock.elapsed()}
            await self.database.write(lambda db: db.execute(beats.update().values(**latest)))
        await self.database.write(lambda db: checker.sweep(db, now))
        await self.database.write(lambda db: blindness_report.sweep(db, now))
        return await self.database.read(lambda db: checks.listed(db, limit=100))

    async def states(self, **later: float) -> dict[str, State]:
        return {check.slug: check.state for check in await self.judge(**later)}

    async def notices(self) -> list[tuple[str, Notice]]:
        """All notices that wait, each with its person."""
        now = self.clock.now()

        def work(db: Connection) -> list[tuple[str, Notice]]:
            escalator.sweep(db, now)
            composer = Composer(surroundings.of, cause.in_words, lambda _incident, _person: Links("", ""))
            dossiers = [desk.dossier(db, incident.id) for incident in desk.incidents(db)]
            waiting = [page for dossier in dossiers if dossier for page in dossier.pages]
            addressed = [(page, ANNA, PHONE) for page in waiting]
            sends = composer.sends(db, addressed, lambda _: False, now)
            return [(page.person, send.notice) for page, send in zip(waiting, sends, strict=True)]

        return await self.database.write(work)


@pytest.fixture
async def place(database_url: str) -> AsyncIterator[Place]:
    opened = Database(database_url)
    await opened.write(lambda db: desk.install(db, [ANNA, BEN], [OPS], {}))
    await opened.write(lambda db: installation.remember(db, "policy", "ops"))
    yield Place(opened)
    opened.close()


async def test_one_small_row_a_process_is_all_that_beats_write(place: Place) -> None:
    one, other = place.process(), place.process()
    for _ in range(5):
        place.clock.advance(seconds=1)
        assert await one.beat() is None
        assert await other.beat() is None
    assert len(await place.database.read(lambda db: db.execute(select(beats)).all())) == 2


async def test_nothing_is_judged_until_sight_has_returned(place: Place) -> None:
    await place.watch("job")
    await place.process().beat()
    assert await place.states(hours=1) == {"job": State.NEW}
    span = await place.process().beat()
    assert span is not None
    assert (span.length, span.why) == (60 * MINUTES, Why.ENDED)
    assert await place.states() == {"job": State.UNKNOWN}


async def test_checks_without_any_beat_are_judged_as_ever(place: Place) -> None:
    await place.watch("job")
    assert await place.states(hours=1) == {"job": State.DOWN}


async def test_a_planned_stop_is_blindness_too(place: Place) -> None:
    first = place.process()
    await first.beat()
    await first.rest(5.0)
    place.clock.advance(minutes=2)
    span = await place.process().beat()
    assert span is not None
    assert span.why == Why.STOPPED


async def test_a_stop_right_after_a_standstill_hides_none_of_it(place: Place) -> None:
    first = place.process()
    await first.beat()
    place.clock.advance(minutes=10)
    await first.rest(5.0)
    await place.process().beat()
    (span,) = await place.database.read(lambda db: blindness_store.listed(db, NOW))
    assert span.length == timedelta(minutes=10)
    assert span.why == Why.STOOD_STILL


async def test_a_process_that_takes_over_in_time_sees_for_the_one_that_stops(place: Place) -> None:
    first, second = place.process(), place.process()
    await first.beat()
    await second.beat()
    await first.rest(5.0)
    place.clock.advance(seconds=1)
    assert await second.beat() is None


async def test_two_processes_that_see_again_note_one_blindness(place: Place) -> None:
    one, other = place.process(), place.process()
    await one.beat()
    await other.beat()
    place.clock.advance(minutes=2)
    await one.beat()
    await other.beat()
    assert len(await place.database.read(lambda db: blindness_store.listed(db, NOW))) == 1


async def test_a_database_that_was_away_is_named(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    process = place.process()
    await process.beat()
    with monkeypatch.context() as away:

        async def fail(_work: object) -> None:
            raise Unavailable("disk I/O error")

        away.setattr(place.database, "write_pings", fail)
        place.clock.advance(minutes=1)
        assert await process.beat() is None
    place.clock.advance(minutes=1)
    span = await process.beat()
    assert span is not None
    assert span.why == "nothing could be stored (disk I/O error)"


async def test_refused_pings_of_neighbouring_seconds_are_one_blindness(place: Place) -> None:
    process = place.process()
    await process.beat()
    place.refused = True
    for _ in range(4):
        place.clock.advance(seconds=1)
        await process.beat()
    (span,) = await place.database.read(lambda db: blindness_store.listed(db, NOW))
    assert (span.began_at, span.length, span.why) == (NOW, timedelta(seconds=4), Why.REFUSED)


async def blind_for_ten_minutes(place: Place, *slugs: str) -> None:
    await place.watch(*slugs)
    await place.ping(*slugs)
    await place.process().beat()
    place.clock.advance(minutes=10)
    await place.process().beat()
    place.sees = True


async def test_jobs_that_speak_again_page_nobody_and_dead_ones_page_within_the_bound(place: Place) -> None:
    jobs = [f"job-{n}" for n in range(20)]
    await blind_for_ten_minutes(place, *jobs, "dead")
    assert set((await place.states()).values()) == {State.UNKNOWN}
    await place.ping(*jobs)
    assert await place.states(minutes=5) == dict.fromkeys(jobs, State.UP) | {"dead": State.UNKNOWN}
    await place.ping(*jobs)
    assert (await place.states(minutes=1))["dead"] is State.DOWN
    assert [
        one.title for one in await place.database.read(lambda db: desk.incidents(db, open_only=True))
    ] == ["dead"]


async def test_one_notice_says_what_happened_and_wakes_nobody(place: Place) -> None:
    await blind_for_ten_minutes(place, "backup", "report")
    await place.judge()
    await place.ping("report")
    await place.judge(seconds=59)
    assert await place.notices() == []
    await place.judge(minutes=5, seconds=1)
    await place.judge()
    ((person, notice),) = [one for one in await place.notices() if one[1].kind is NoticeKind.RECOVERED]
    assert (person, notice.kind, notice.ack_url) == ("anna", NoticeKind.RECOVERED, None)
    assert not notice.fine
    assert notice.title == "heartbeat could not hear pings for 10 min"
    assert notice.lines == (
        "From 03:00 UTC to 03:10 UTC, because heartbeat was not running, and nobody had stopped it.",
        "2 checks were due then and not heard, so nobody was paged then.",
        "Not heard since: backup.",
        "1 check is down by now, and pages as silent.",
    )
    incidents = {one.title: one for one in await place.database.read(desk.incidents)}
    assert incidents.keys() == {"heartbeat", "backup", "report"}, "both fell silent since"
    incident = incidents["heartbeat"]
    assert (incident.state, incident.severity.value, incident.title) == (Life.RESOLVED, "info", "heartbeat")


async def test_a_notice_that_all_were_heard_again_waits_no_longer_than_a_minute(place: Place) -> None:
    await blind_for_ten_minutes(place, "backup")
    await place.judge()
    await place.ping("backup")
    await place.judge(seconds=59)
    assert await place.notices() == []
    await place.judge(seconds=1)
    ((_, notice),) = await place.notices()
    assert (
        notice.lines[1] == "1 check was due then and not heard, so nobody was paged then. It was heard since."
    )


async def test_a_notice_waits_for_checks_whose_deadline_comes_after_sight_has_returned(place: Place) -> None:
    await place.database.write(lambda db: checks.insert(db, [a_check("patient", grace=12 * MINUTES)]))
    await place.ping("patient")
    await place.process().beat()
    place.clock.advance(minutes=10)
    await place.process().beat()
    place.sees = True
    assert await place.states(minutes=6) == {"patient": State.UP}
    assert await place.notices() == [], "its ping was lost at 03:05, and its grace lasts until 03:17"
    assert await place.states(minutes=2) == {"patient": State.UNKNOWN}
    await place.judge(minutes=10)
    ((_, notice),) = await place.notices()
    assert notice.lines[1:3] == (
        "1 check was due then and not heard, so nobody was paged then.",
        "Not heard since: patient.",
    )


async def test_a_short_stop_that_cost_nothing_is_told_to_nobody(place: Place) -> None:
    await place.watch("backup")
    process = place.process()
    await process.beat()
    await process.rest(5.0)
    place.clock.advance(seconds=20)
    process = place.process()
    await process.beat()
    place.sees = True
    await place.judge(minutes=2)
    assert await place.notices() == []


async def test_a_restored_database_says_nothing_of_the_time_since_its_copy(place: Place) -> None:
    await place.process().beat()
    await place.database.write(blindness_store.forget_beats)
    place.clock.advance(days=1)
    assert await place.process().beat() is None


async def test_blind_times_are_bounded(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blindness_store, "KEPT", 5)
    process = place.process()
    await process.beat()
    for _ in range(12):
        place.clock.advance(minutes=1)
        await process.beat()
    await place.judge(minutes=2)
    kept = await place.database.read(lambda db: blindness_store.listed(db, NOW))
    assert len(kept) == 5


async def test_processes_that_are_gone_are_forgotten(place: Place) -> None:
    for _ in range(3):
        await place.process().beat()
        place.clock.advance(days=2)
    assert len(await place.database.read(lambda db: db.execute(select(beats)).all())) == 1
