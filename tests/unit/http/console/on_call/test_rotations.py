"""The screen of a rotation: a month of who is on call, and the changes that people make, without a line of script."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from alerting import desk, rotation
from alerting.calendar_layer import CalendarLayer
from alerting.escalation import Policy, Step
from alerting.origin import Origin
from alerting.person import Contact, Person
from alerting.rotation import Layer, Length, Rotation
from heartbeat.app import System
from heartbeat.http.console.on_call import month
from tests.unit.http.conftest import SetClock
from tests.unit.http.console.conftest import press, see

DAY = timedelta(days=1)
NEW_YEAR = datetime(2024, 1, 1, 9, tzinfo=UTC).replace(tzinfo=None)
"""A Monday, on the clock of a rotation."""
HERE = "/on-call/rotations/infra"
ANNA, BEN = (
    Person(name.lower(), name, (Contact("email", f"{name}@example.com"),), "UTC", Origin.API)
    for name in ("Anna", "Ben")
)


@pytest.fixture
async def infra(system: System, clock: SetClock) -> Rotation:
    """A rotation of two people, a day each from 09:00 on the clock of Berlin, which a policy pages."""
    begins = (clock.now() - 3 * DAY).replace(hour=9, minute=0, second=0, microsecond=0, tzinfo=None)
    layer = Layer(("anna", "ben"), Length.parse("1d"), begins)
    made = Rotation("infra", "Europe/Berlin", (layer,), Origin.API)

    def define(db: object) -> None:
        for person in (ANNA, BEN):
            desk.define_person(db, person)  # type: ignore[arg-type]
        desk.define_rotation(db, made)  # type: ignore[arg-type]
        desk.define_policy(db, Policy("night", (Step(("infra",), DAY / 24),), Origin.API))  # type: ignore[arg-type]

    await system.context.database.write(define)
    return made


async def on_call(system: System, clock: SetClock) -> tuple[str, ...]:
    crew = await system.context.database.read(desk.crew)
    return rotation.on_call(crew.rotations["infra"], clock.now())


async def test_a_month_shows_who_is_on_call_each_day(
    system: System, browser: httpx.AsyncClient, clock: SetClock, infra: Rotation
) -> None:
    screen = await see(browser, HERE)
    assert "infra: Ben until" in screen.words or "infra: Anna until" in screen.words
    assert "09:00 Ben" in screen.words
    assert "09:00 Anna" in screen.words
    assert "All times here are on the clock of Europe/Berlin. Paged by night." in screen.words
    later = await see(browser, f"{HERE}?month=2026-02")
    assert "February 2026" in later.words
    assert (await see(browser, f"{HERE}?month=nonsense")).words == screen.words
    assert HERE in (await see(browser, "/on-call")).links
    await see(browser, "/on-call/rotations/nothing", 404)


async def test_the_coming_days_are_drawn_with_their_gaps(
    system: System, browser: httpx.AsyncClient, clock: SetClock, infra: Rotation
) -> None:
    screen = await see(browser, HERE)
    assert 'aria-label="Coverage of night over the coming 14 days: no gap"' in screen.html
    assert "somebody with a contact is always on call. Nobody has confirmed a test page yet" in screen.words
    await system.context.database.write(lambda db: desk.prove(db, "anna", ANNA.contacts[0].mark, clock.now()))
    screen = await see(browser, HERE)
    assert "days: 7 gaps, the first" in screen.html
    assert "and 2 more gaps" in screen.words
    assert "Ben (nobody on call has a proven contact)" in screen.html


async def coming(system: System, browser: httpx.AsyncClient, *layers: Layer) -> str:
    """The coming shifts on the screen of a rotation of these layers."""
    made = Rotation("infra", "UTC", layers, Origin.API)
    await system.context.database.write(lambda db: desk.define_rotation(db, made))
    words = (await see(browser, HERE)).words
    return words[words.index("Coming shifts") : words.index("Other changes")]


async def test_a_shift_that_has_no_end_says_so_and_cannot_be_taken_as_a_whole(
    system: System, browser: httpx.AsyncClient, clock: SetClock, infra: Rotation
) -> None:
    alone = Layer(("anna",), Length.parse("1w"), NEW_YEAR)
    shown = await coming(system, browser, alone)
    assert shown == "Coming shifts from now on: Anna has no end: change a part of it below "
    day = (clock.now() + 2 * DAY).date()
    fields = {"starts": f"{day}T18:00", "ends": f"{day}T20:00", "on": "ben", "off": "", "change": "replace"}
    assert (await press(browser, f"{HERE}/override", **fields)).status_code == 303
    shown = await coming(system, browser, alone)
    assert "now until Sun 05 May 18:00 UTC: Anna" in shown
    assert "Sun 05 May 18:00 to 20:00 UTC: Ben" in shown
    assert "from Sun 05 May 20:00 UTC on: Anna has no end" in shown


async def test_a_shift_that_ends_beyond_the_view_has_its_own_end(
    system: System, browser: httpx.AsyncClient, infra: Rotation
) -> None:
    halves = Layer(("anna", "ben"), Length.parse("26w"), NEW_YEAR)
    assert "Coming shifts now until Mon 01 Jul 09:00 UTC: Anna" in await coming(system, browser, halves)
    weeks = Layer(("anna", "ben"), Length.parse("1w"), NEW_YEAR)
    shown = await coming(system, browser, weeks)
    assert "Mon 01 Jul 09:00 to Mon 08 Jul 09:00 UTC: Anna" in shown
    assert "Mon 08 Jul" not in shown.partition("to Mon 08 Jul 09:00 UTC")[2], "it begins after the view"
    assert "no end" not in shown


async def test_a_shift_is_given_and_taken_back(
    system: System, browser: httpx.AsyncClient, clock: SetClock, infra: Rotation
) -> None:
    (person,) = await on_call(system, clock)
    other = "ben" if person == "anna" else "anna"
    shift = f"{clock.now().isoformat()} {(clock.now() + DAY / 24).isoformat()} {person}"
    answer = await press(browser, f"{HERE}/override", shift=shift, on=other)
    assert (answer.status_code, answer.headers["location"]) == (303, HERE)
    assert await on_call(system, clock) == (other,)
    screen = await see(browser, HERE)
    assert f"{other.capitalize()} in place of {person.capitalize()} by admin" in screen.words
    (kept,) = await system.context.database.read(desk.overrides)
    await press(browser, f"{HERE}/overrides/{kept.override.id}/delete")
    assert await on_call(system, clock) == (person,)
    answer = await press(browser, f"{HERE}/overrides/{kept.override.id}/delete")
    assert answer.status_code == 409
    assert "Somebody else has answered or deleted it meanwhile." in answer.text


async def test_any_span_is_changed_on_the_clock_of_the_rotation(
    system: System, browser: httpx.AsyncClient, clock: SetClock, infra: Rotation
) -> None:
    day = f"{clock.now() + 2 * DAY:%Y-%m-%d}"
    fields = {"starts": f"{day}T18:00", "ends": f"{day}T20:00", "on": "anna", "off": "", "change": "add"}
    assert (await press(browser, f"{HERE}/override", **fields)).status_code == 303
    (kept,) = await system.context.database.read(desk.overrides)
    assert (kept.override.start.astimezone(infra.zone).hour, kept.override.on) == (18, "anna")
    assert "Anna as well by admin" in (await see(browser, HERE)).words


@pytest.mark.parametrize(
    ("path", "fields", "problem"),
    [
        ("override", {"shift": "soon", "on": "anna"}, "shift: choose one of the coming shifts."),
        ("override", {"starts": "", "ends": "", "on": "anna"}, "starts: choose a day and a time."),
        (
            "override",
            {"starts": "0001-01-01T00:00", "ends": "9999-12-31T23:59", "on": "anna"},
            "starts: choose a day between 2000 and 2200.",
        ),
        (
            "override",
            {"shift": "0001-01-01T00:00+14:00 9999-12-31T23:00-12:00 ben", "on": "anna"},
            "shift: choose one of the coming shifts.",
        ),
        ("swap", {"offered": "", "asked": ""}, "shift: choose one of the coming shifts."),
        ("leave", {"person": "anna", "starts": "2024-01-01T00:00", "ends": "2024-01-02T00:00"}, "is past"),
    ],
)
async def test_what_cannot_be_is_said_and_nothing_is_changed(
    system: System,
    browser: httpx.AsyncClient,
    infra: Rotation,
    path: str,
    fields: dict[str, str],
    problem: str,
) -> None:
    answer = await press(browser, f"{HERE}/{path}", **fields)
    assert answer.status_code == 422
    assert "Nothing was changed." in answer.text
    assert problem in answer.text
    assert await system.context.database.read(desk.overrides) == []


async def test_two_people_swap_once_the_other_one_accepts(
    system: System, browser: httpx.AsyncClient, clock: SetClock, infra: Rotation
) -> None:
    first, second = rotation.shifts(infra, clock.now() + DAY, clock.now() + 4 * DAY)[1:3]
    offered, asked = (
        f"{one.start.isoformat()} {one.end.isoformat()} {one.people[0]}" for one in (first, second)
    )
    assert (await press(browser, f"{HERE}/swap", offered=offered, asked=asked)).status_code == 303
    assert " gives " in (await see(browser, HERE)).words
    (swap,) = await system.context.database.read(lambda db: desk.proposed_swaps(db, "infra"))
    assert (await press(browser, f"{HERE}/swaps/{swap.id}/accept")).status_code == 303
    crew = await system.context.database.read(desk.crew)
    assert rotation.on_call(crew.rotations["infra"], first.start) == second.people
    assert (await press(browser, f"{HERE}/swaps/{swap.id}/decline")).status_code == 409


async def test_a_leave_lets_whoever_comes_next_stand_in(
    system: System, browser: httpx.AsyncClient, clock: SetClock, infra: Rotation
) -> None:
    day = clock.now() + 2 * DAY
    fields = {"person": "anna", "starts": f"{day:%Y-%m-%dT00:00}", "ends": f"{day + 5 * DAY:%Y-%m-%dT00:00}"}
    assert (await press(browser, f"{HERE}/leave", **fields)).status_code == 303
    assert "Anna is on leave by admin" in (await see(browser, HERE)).words
    crew = await system.context.database.read(desk.crew)
    assert rotation.on_call(crew.rotations["infra"], day + 3 * DAY) == ("ben",)


async def test_a_gap_of_its_policies_is_said(
    system: System, browser: httpx.AsyncClient, clock: SetClock, infra: Rotation
) -> None:
    day = clock.now() + 2 * DAY
    for person in ("anna", "ben"):
        fields = {"person": person, "starts": f"{day:%Y-%m-%dT00:00}", "ends": f"{day + DAY:%Y-%m-%dT00:00}"}
        await press(browser, f"{HERE}/leave", **fields)
    assert ": nobody is on call" in (await see(browser, HERE)).words


def test_a_calendar_has_whole_weeks_and_a_shift_in_each_day_that_it_touches(infra: Rotation) -> None:
    (layer,) = infra.layers
    assert isinstance(layer, Layer)
    weeks = month.weeks(infra, layer.start.date().replace(day=1), {"anna": "Anna"})
    assert {len(week) for week in weeks} == {7}
    assert [day.day.weekday() for day in weeks[0]] == list(range(7))
    after = [day for week in weeks for day in week if day.day > layer.start.date()]
    assert {len(day.parts) for day in after} == {2}
    assert {day.parts[0].since for day in after} == {None}
    assert {part.people for day in after for part in day.parts} == {("Anna",), ("ben",)}


async def test_nobody_sees_the_address_of_a_calendar_that_the_file_has_in_clear(
    system: System, browser: httpx.AsyncClient
) -> None:
    layers = CalendarLayer("https://calendar.example.com/hush"), CalendarLayer("${WEB_CALENDAR}")
    web = Rotation("web", "UTC", layers)
    await system.context.database.write(lambda db: desk.define_rotation(db, web))
    screen = await see(browser, "/on-call/rotations/web")
    assert "a calendar, whose address is secret" in screen.words
    assert "the calendar ${WEB_CALENDAR}" in screen.words
    assert "hush" not in screen.words
