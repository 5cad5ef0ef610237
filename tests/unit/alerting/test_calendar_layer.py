"""A layer that follows a calendar: its bookings decide, and times without one fall through to the next layer."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from alerting import calendar_layer, rotation
from alerting.calendar_layer import Booking, CalendarLayer
from alerting.rotation import Change, Layer, Length, Override, Rotation, Shift, on_call, shifts

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
BOOKED = (
    Booking(NOW, NOW + 2 * HOUR, ("anna",)),
    Booking(NOW + 2 * HOUR, NOW + 3 * HOUR, ("anna", "ben")),
    Booking(NOW + 5 * HOUR, NOW + 6 * HOUR, ("ben",)),
)
CALENDAR = CalendarLayer("https://calendar.example.com/x", BOOKED)
FALLBACK = Layer(("cleo",), Length.parse("1w"), datetime(2026, 1, 1))  # noqa: DTZ001 - on the wall
INFRA = Rotation("infra", "UTC", (CALENDAR, FALLBACK))


def hours(of: Rotation) -> list[tuple[float, float, tuple[str, ...]]]:
    found = shifts(of, NOW - HOUR, NOW + 7 * HOUR)
    return [((part.start - NOW) / HOUR, (part.end - NOW) / HOUR, part.people) for part in found]


def test_bookings_decide_and_the_rest_falls_through_to_the_next_layer() -> None:
    assert hours(INFRA) == [
        (-1, 0, ("cleo",)),
        (0, 2, ("anna",)),
        (2, 3, ("anna", "ben")),
        (3, 5, ("cleo",)),
        (5, 6, ("ben",)),
        (6, 7, ("cleo",)),
    ]
    alone = replace(INFRA, layers=(CALENDAR,))
    assert [part for part in hours(alone) if not part[2]] == [(-1, 0, ()), (3, 5, ()), (6, 7, ())]


@pytest.mark.parametrize(
    ("hour", "people"), [(-0.01, ()), (0, ("anna",)), (1.99, ("anna",)), (3, ()), (5, ("ben",)), (6, ())]
)
def test_a_booking_begins_with_its_start_and_ends_before_its_end(
    hour: float, people: tuple[str, ...]
) -> None:
    assert on_call(replace(INFRA, layers=(CALENDAR,)), NOW + hour * HOUR) == people


def test_leaves_and_covers_hold_in_a_calendar_as_well() -> None:
    leave = Override(Change.REMOVE, NOW, NOW + 9 * HOUR, off="anna")
    swap = Override(Change.REPLACE, NOW, NOW + 9 * HOUR, on="dan", off="ben")
    assert on_call(replace(INFRA, overrides=(leave,)), NOW) == ("cleo",)
    assert on_call(replace(INFRA, overrides=(leave,)), NOW + 2 * HOUR) == ("ben",)
    assert on_call(replace(INFRA, overrides=(swap,)), NOW + 2 * HOUR) == ("anna", "dan")


def test_somebody_who_is_gone_is_not_on_call_by_a_calendar() -> None:
    present = INFRA.without_strangers({"ben", "cleo"})
    assert on_call(present, NOW) == ("cleo",)
    assert on_call(present, NOW + 2 * HOUR) == ("ben",)


def test_the_people_of_a_calendar_may_be_on_call_but_are_not_named_by_the_rotation() -> None:
    assert INFRA.members == ["anna", "ben", "cleo"]
    assert INFRA.named == ["cleo"]


def test_a_row_holds_the_address_and_not_the_bookings() -> None:
    stored = rotation.layers_to_json(INFRA.layers)
    assert stored[0] == {"ical": "https://calendar.example.com/x"}
    assert rotation.layers_from_json(stored) == INFRA.layers, "bookings are no part of the definition"
    assert rotation.layers_from_json(stored)[0].people == ()
    assert calendar_layer.bookings_from_json(calendar_layer.bookings_to_json(BOOKED)) == BOOKED


def test_a_shift_begins_at_a_booking_however_the_span_is_cut() -> None:
    whole = shifts(INFRA, NOW - HOUR, NOW + 7 * HOUR)
    for cut in range(1, 47):
        at = NOW - HOUR + cut * HOUR / 6
        parts = [*shifts(INFRA, NOW - HOUR, at), *shifts(INFRA, at, NOW + 7 * HOUR)]
        joined: list[Shift] = []
        for part in parts:
            if joined and joined[-1].people == part.people:
                part = Shift(joined.pop().start, part.end, part.people)
            joined.append(part)
        assert joined == whole, at


def test_no_text_of_a_layer_shows_its_address() -> None:
    assert "example.com" not in repr(INFRA)
