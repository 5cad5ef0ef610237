"""Calendars are fetched again and again by one process; a copy is used while one cannot be read; people are matched."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta

import httpx
import pytest

from alerting import desk
from alerting.calendar_layer import CalendarLayer
from alerting.desk import Imported
from alerting.origin import Origin
from alerting.person import Contact, Person
from alerting.rotation import Layer, Length, Rotation, on_call
from heartbeat.database import Database
from heartbeat.metrics import Metrics
from heartbeat.on_call import calendar_report
from heartbeat.on_call.calendar_watch import CalendarWatch
from tests.unit.conftest import NOW
from tests.unit.http.conftest import SetClock
from tests.unit.on_call.test_calendar_events import calendar, event

ANNA = Person("anna", "Anna", (Contact("email", "${ANNA}"),))
BEN = Person("ben", "Ben", ())
ADDRESS = "https://calendar.example.com/${SECRET}/basic.ics"
TURNS = Layer(("ben",), Length.parse("1w"), NOW.replace(tzinfo=None) - timedelta(days=9))
INFRA = Rotation("infra", "UTC", (CalendarLayer(ADDRESS), TURNS))
SECRETS = {"${ANNA}": "anna@example.com", ADDRESS: "https://calendar.example.com/hush/basic.ics"}


def shift(title: str, *lines: str) -> str:
    begins = f"DTSTART:{NOW - timedelta(hours=1):%Y%m%dT%H%M%SZ}"
    return event(begins, "DURATION:P3D", *lines).replace("SUMMARY:Anna", f"SUMMARY:{title}")


class Place:
    """A service with a rotation that follows a calendar, and the server of that calendar."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.clock = SetClock(NOW)
        self.metrics = Metrics()
        self.answer: httpx.Response | None = None
        self.asked: list[str] = []
        self.own = httpx.AsyncClient(
            transport=httpx.MockTransport(lambda request: self.answered("own", request))
        )
        self.entered = httpx.AsyncClient(
            transport=httpx.MockTransport(lambda request: self.answered("entered", request))
        )
        self._watch = self.another()

    def another(self) -> CalendarWatch:
        """Another process of the service."""
        return CalendarWatch(
            self.database,
            self.clock,
            self.metrics,
            own=self.own,
            entered=self.entered,
            fill_in=lambda text, _about: SECRETS.get(text, text),
        )

    def answered(self, client: str, request: httpx.Request) -> httpx.Response:
        self.asked.append(f"{client} {request.url}")
        assert self.answer is not None
        return self.answer

    def serves(self, *parts: str) -> None:
        self.answer = httpx.Response(200, text=calendar(*parts))

    async def watch(self, **later: float) -> None:
        self.clock.advance(**later)
        await self._watch.watch()

    async def on_call(self) -> tuple[str, ...]:
        crew = await self.database.read(desk.crew)
        return on_call(crew.rotations["infra"], self.clock.now())

    async def kept(self) -> Imported:
        (calendar,) = await self.database.read(desk.imported_calendars.load)
        return calendar

    async def problems(self) -> list[str]:
        kept = await self.kept()
        return calendar_report.problems(INFRA, {kept.mark: kept}, self.clock.now())

    @property
    def failing(self) -> float | None:
        return self.metrics.registry.get_sample_value("heartbeat_calendars_failing")


@pytest.fixture
async def place(database_url: str) -> AsyncIterator[Place]:
    database = Database(database_url)
    await database.write(lambda db: desk.install(db, [ANNA, BEN], [], {}, [INFRA]))
    made = Place(database)
    yield made
    await made.own.aclose()
    await made.entered.aclose()
    database.close()


async def test_a_calendar_says_who_is_on_call(place: Place) -> None:
    assert await place.on_call() == ("ben",)
    place.serves(shift("Duty", "ATTENDEE:mailto:anna@example.com"))
    await place.watch()
    assert await place.on_call() == ("anna",)
    assert place.asked == ["own https://calendar.example.com/hush/basic.ics"]
    assert await place.problems() == []
    await place.watch(minutes=14)
    assert len(place.asked) == 1
    place.serves()
    await place.watch(minutes=1)
    assert await place.on_call() == ("ben",)


async def test_the_copy_is_used_and_the_failure_is_told_while_a_calendar_cannot_be_read(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    place.serves(shift("Anna"))
    await place.watch()
    for answer in (
        httpx.Response(500),
        httpx.Response(200, text="<html>"),
        httpx.Response(200, text=calendar(shift("Ben"), shift("Ben", "RRULE:FREQ=MINUTELY"))),
    ):
        place.answer = answer
        await place.watch(minutes=15)
        assert await place.on_call() == ("anna",)
        assert place.failing == 1
        asked = len(place.asked)
        await place.watch(minutes=4)
        assert len(place.asked) == asked
    kept = await place.kept()
    assert (kept.failing_since, kept.read_at) == (NOW + timedelta(minutes=15), NOW)
    assert len(place.asked) == 4
    assert await place.problems() == [
        "The calendar of layer 1 repeats an event each hour, minute or second, which is refused. "
        "Its copy, read 57 min ago, is used."
    ]
    assert caplog.text.count("a calendar of the rotation infra cannot be fetched") == 1, "once, not each time"
    assert "hush" not in caplog.text
    place.serves(shift("Ben"))
    await place.watch(minutes=1)
    assert (await place.on_call(), place.failing, await place.problems()) == (("ben",), 0, [])


async def test_a_calendar_that_cannot_be_read_for_a_day_is_an_incident_until_it_can(place: Place) -> None:
    async def told() -> list[tuple[str, bool]]:
        found = await place.database.read(lambda db: desk.incidents(db))
        symptoms = await place.database.read(lambda db: desk.symptoms(db, [each.id for each in found]))
        return [
            (f"{symptom.title}: {symptom.facts.why}", symptom.standing)
            for of_incident in symptoms.values()
            for symptom in of_incident
        ]

    sentence = f"Calendar of infra: it could not be read since {NOW:%d %b %H:%M} UTC"
    place.answer = httpx.Response(404)
    await place.watch()
    await place.watch(hours=23)
    assert await told() == []
    await place.watch(hours=1)
    assert await told() == [(sentence, True)]
    await place.watch(hours=1)
    await place.another().watch()
    assert await told() == [(sentence, True)], "once, also by another process"
    place.serves(shift("Anna"))
    await place.watch(minutes=15)
    assert await told() == [(sentence, False)]


async def test_a_calendar_that_was_never_read_has_nobody_on_call(place: Place) -> None:
    place.answer = httpx.Response(404)
    await place.watch()
    assert await place.on_call() == ("ben",)
    assert await place.problems() == [
        "The calendar of layer 1 cannot be fetched: calendar.example.com answered 404 Not Found. "
        "It has never been read, so it has nobody on call."
    ]


async def test_an_unknown_name_counts_as_nobody_until_somebody_has_it(place: Place) -> None:
    place.serves(shift("Cleo"))
    await place.watch()
    assert await place.on_call() == ("ben",)
    assert await place.problems() == [
        "The calendar of layer 1 names people who are not known here: 'Cleo'. They are not on call by it."
    ]
    cleo = Person("cleo-b", "Cleo", (), origin=Origin.API)
    await place.database.write(lambda db: desk.define_person(db, cleo))
    await place.watch(seconds=30)
    assert len(place.asked) == 1
    assert (await place.on_call(), await place.problems()) == (("cleo-b",), [])
    await place.database.write(lambda db: desk.forget_person(db, "cleo-b"))
    assert await place.on_call() == ("ben",)


async def test_one_process_fetches_a_calendar(place: Place) -> None:
    place.serves(shift("Anna"))
    first, second = place.another(), place.another()
    await first.watch()
    await second.watch()
    assert len(place.asked) == 1
    mark = INFRA.calendars[0].mark

    async def turn(previous: datetime | None) -> bool:
        return await place.database.write(
            lambda db: desk.imported_calendars.begin(db, "infra", mark, previous, NOW)
        )

    assert [await turn(previous) for previous in (None, NOW - timedelta(1), NOW)] == [False, False, True]


async def test_the_calendar_of_an_entered_rotation_is_fetched_within_the_tighter_fence(place: Place) -> None:
    place.serves(shift("Anna"))
    await place.database.write(lambda db: desk.define_rotation(db, replace(INFRA, origin=Origin.API)))
    await place.watch()
    assert place.asked == ["entered https://calendar.example.com/hush/basic.ics"]


async def test_a_calendar_that_is_followed_no_longer_is_forgotten(place: Place) -> None:
    place.serves(shift("Anna"))
    await place.watch()
    await place.database.write(lambda db: desk.define_rotation(db, replace(INFRA, layers=(TURNS,))))
    await place.watch()
    assert await place.database.read(desk.imported_calendars.load) == []


async def test_another_address_begins_without_what_the_former_one_said(place: Place) -> None:
    place.serves(shift("Anna"))
    await place.watch()
    other = replace(INFRA, layers=(CalendarLayer("https://other.example.com/x"), TURNS))
    await place.database.write(lambda db: desk.define_rotation(db, other))
    assert await place.on_call() == ("ben",)
    place.answer = httpx.Response(500)
    await place.watch()
    assert await place.on_call() == ("ben",)


async def test_a_secret_that_is_not_here_is_told(place: Place) -> None:
    def missing(_text: str, _about: str) -> str:
        raise ValueError("${SECRET} is not set in the environment; set it there.")

    watch = CalendarWatch(
        place.database, place.clock, place.metrics, own=place.own, entered=place.entered, fill_in=missing
    )
    await watch.watch()
    assert (
        await place.kept()
    ).fault == "cannot be fetched: ${SECRET} is not set in the environment; set it there"
