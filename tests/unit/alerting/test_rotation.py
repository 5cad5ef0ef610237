"""Rotations: who is on call, hand-overs on the clock on the wall, hours and weekdays, and overrides."""

import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import FrameType

import pytest

from alerting.rotation import Change, Layer, Length, Override, Rotation, Shift, Window, on_call, shifts
from tests.unit.alerting import rotation_oracle


def wall(text: str) -> datetime:
    """Return a time on the wall: "2026-11-02T09:00"."""
    return datetime.fromisoformat(text)


HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MONDAY = wall("2026-11-02T09:00")
WEEKLY = Layer(("anna", "ben", "cleo"), Length.parse("1w"), MONDAY)
INFRA = Rotation("infra", "Europe/Berlin", (WEEKLY,))
SAMPLE = range(40)


def berlin(text: str) -> datetime:
    """Return an instant by its offset: "2026-11-02T09:00+01:00"."""
    return datetime.fromisoformat(text).astimezone(UTC)


FIRST = berlin("2026-11-02T09:00+01:00")


def with_overrides(*overrides: Override) -> Rotation:
    return replace(INFRA, overrides=overrides)


@pytest.mark.parametrize(
    ("at", "people"),
    [
        ("2026-11-02T08:59:59+01:00", ()),
        ("2026-11-02T09:00+01:00", ("anna",)),
        ("2026-11-09T08:59:59+01:00", ("anna",)),
        ("2026-11-09T09:00+01:00", ("ben",)),
        ("2026-11-16T09:00+01:00", ("cleo",)),
        ("2026-11-23T09:00+01:00", ("anna",)),
        ("2027-04-05T08:59:59+02:00", ("anna",)),
        ("2027-04-05T09:00+02:00", ("ben",)),
    ],
)
def test_people_take_turns_and_hand_over_by_the_clock_on_the_wall(at: str, people: tuple[str, ...]) -> None:
    assert on_call(INFRA, berlin(at)) == people


@pytest.mark.parametrize(
    ("shift", "start", "hand_overs"),
    [
        ("1d", wall("2026-11-02T09:00"), ["2026-11-03T09:00", "2026-11-04T09:00"]),
        ("12h", wall("2026-11-02T08:00"), ["2026-11-02T20:00", "2026-11-03T08:00"]),
        ("1mo", wall("2027-01-31T09:00"), ["2027-02-28T09:00", "2027-03-31T09:00", "2027-04-30T09:00"]),
        ("3mo", wall("2026-11-30T00:00"), ["2027-02-28T00:00", "2027-05-30T00:00"]),
        ("10d", wall("2026-11-02T00:00"), ["2026-11-12T00:00"]),
    ],
)
def test_a_shift_may_have_any_length(shift: str, start: datetime, hand_overs: list[str]) -> None:
    layer = Layer(("anna", "ben"), Length.parse(shift), start)
    last = datetime.fromisoformat(hand_overs[-1])
    parts = shifts(Rotation("r", "UTC", (layer,)), start.replace(tzinfo=UTC), last.replace(tzinfo=UTC) + HOUR)
    assert [f"{part.start:%Y-%m-%dT%H:%M}" for part in parts[1:]] == hand_overs
    assert str(Length.parse(shift)) == shift


def test_what_is_no_length_of_a_shift_is_refused() -> None:
    for text in ("", "0d", "1y", "1 week", "w", "-1d", "1h30m"):
        with pytest.raises(ValueError, match="is no length of a shift; write for example 12h, 1d, 1w or 1mo"):
            Length.parse(text)


def test_a_layer_with_hours_and_weekdays_leaves_the_rest_to_the_next_one() -> None:
    office = Window((0, 1, 2, 3, 4), 9 * HOUR, 17 * HOUR)
    day = Layer(("dan",), Length.parse("1d"), MONDAY, (office,))
    both = replace(INFRA, layers=(day, WEEKLY))
    assert on_call(both, berlin("2026-11-03T08:59+01:00")) == ("anna",)
    assert on_call(both, berlin("2026-11-03T09:00+01:00")) == ("dan",)
    assert on_call(both, berlin("2026-11-03T17:00+01:00")) == ("anna",)
    assert on_call(both, berlin("2026-11-07T12:00+01:00")) == ("anna",)
    assert on_call(replace(INFRA, layers=(day,)), berlin("2026-11-07T12:00+01:00")) == ()


def test_hours_over_midnight_belong_to_the_day_on_which_they_begin() -> None:
    night = Window((4,), 22 * HOUR, 30 * HOUR)
    fridays = replace(INFRA, layers=(replace(WEEKLY, only=(night,)),))
    parts = shifts(fridays, berlin("2026-11-02T09:00+01:00"), berlin("2026-11-09T09:00+01:00"))
    (on,) = [part for part in parts if part.people]
    assert (on.start, on.end) == (berlin("2026-11-06T22:00+01:00"), berlin("2026-11-07T06:00+01:00"))


def test_hours_begin_the_first_time_and_end_the_last_time_that_the_clock_shows_them() -> None:
    window = Window(opens=2 * HOUR + HOUR / 2, closes=2 * HOUR + HOUR * 3 / 4)
    layer = Layer(("anna",), Length.parse("1d"), wall("2026-01-01T00:00"), (window,))
    nights = Rotation("nights", "Europe/Berlin", (layer,))
    autumn = shifts(nights, berlin("2026-10-25T00:00+02:00"), berlin("2026-10-25T12:00+01:00"))
    assert [(part.start, part.end) for part in autumn if part.people] == [
        (berlin("2026-10-25T02:30+02:00"), berlin("2026-10-25T02:45+01:00"))
    ]
    spring = shifts(nights, berlin("2027-03-28T00:00+01:00"), berlin("2027-03-28T12:00+02:00"))
    assert not [part for part in spring if part.people]


def test_a_hand_over_that_the_clock_skips_happens_at_the_skip() -> None:
    layer = Layer(("anna", "ben"), Length.parse("1d"), wall("2026-03-28T02:30"))
    parts = shifts(
        Rotation("r", "Europe/Berlin", (layer,)),
        berlin("2026-03-29T00:00+01:00"),
        berlin("2026-03-29T12:00+02:00"),
    )
    assert (parts[0].end, parts[0].people) == (berlin("2026-03-29T03:00+02:00"), ("anna",))


def test_the_shifts_of_a_span_name_the_times_without_anybody() -> None:
    start, end = FIRST - DAY, FIRST + 8 * DAY
    assert shifts(INFRA, start, end) == [
        Shift(start, FIRST, ()),
        Shift(FIRST, FIRST + 7 * DAY, ("anna",)),
        Shift(FIRST + 7 * DAY, end, ("ben",)),
    ]


def test_somebody_may_take_a_shift_join_it_or_stand_in_for_one_person() -> None:
    start, end = FIRST + DAY, FIRST + 2 * DAY
    for override, people in (
        (Override(Change.REPLACE, start, end, on="dan"), ("dan",)),
        (Override(Change.ADD, start, end, on="dan"), ("anna", "dan")),
        (Override(Change.REPLACE, start, end, on="dan", off="anna"), ("dan",)),
        (Override(Change.REPLACE, start, end, on="dan", off="ben"), ("anna",)),
    ):
        changed = with_overrides(override)
        assert on_call(changed, start - HOUR) == ("anna",)
        assert on_call(changed, start) == people
        assert on_call(changed, end) == ("anna",)


def test_somebody_on_leave_is_replaced_by_their_substitute_or_by_the_next_in_turn() -> None:
    start, end = FIRST, FIRST + 14 * DAY
    next_in_turn = with_overrides(Override(Change.REMOVE, start, end, off="anna"))
    assert [part.people for part in shifts(next_in_turn, start, end)] == [("ben",)]
    substitute = with_overrides(Override(Change.REMOVE, start, end, on="dan", off="anna"))
    assert [part.people for part in shifts(substitute, start, end)] == [("dan",), ("ben",)]
    away_too = with_overrides(
        Override(Change.REMOVE, start, end, on="dan", off="anna"),
        Override(Change.REMOVE, start, end, off="dan"),
    )
    assert on_call(away_too, start) == ("ben",)
    each_other = with_overrides(
        Override(Change.REMOVE, start, end, on="dan", off="anna"),
        Override(Change.REMOVE, start, end, on="anna", off="dan"),
    )
    assert on_call(each_other, start) == ("ben",)


def test_nobody_on_leave_is_put_on_call_by_an_override() -> None:
    leave = Override(Change.REMOVE, FIRST, FIRST + DAY, off="dan")
    take = Override(Change.REPLACE, FIRST, FIRST + DAY, on="dan")
    assert on_call(with_overrides(leave, take), FIRST) == ("anna",)


def test_a_rotation_whose_people_are_all_away_has_nobody_on_call() -> None:
    away = [Override(Change.REMOVE, FIRST, FIRST + DAY, off=name) for name in WEEKLY.people]
    assert on_call(with_overrides(*away), FIRST) == ()


def test_a_newer_override_wins() -> None:
    first, second = (Override(Change.REPLACE, FIRST, FIRST + DAY, on=name) for name in ("ben", "cleo"))
    assert on_call(with_overrides(first, second), FIRST) == ("cleo",)


def test_the_members_of_a_rotation_are_all_who_may_be_on_call() -> None:
    changed = with_overrides(Override(Change.ADD, FIRST, FIRST + DAY, on="dan"))
    assert (changed.people, changed.members) == (["anna", "ben", "cleo"], ["anna", "ben", "cleo", "dan"])


def calls_of(work: Callable[[], object]) -> int:
    """Return how many functions of Python are called by some work."""
    calls = 0

    def count(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event == "call"

    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(None)
    return calls


def test_each_override_is_looked_at_once_for_the_shifts_of_a_span() -> None:
    swaps = [
        Override(Change.REPLACE, FIRST + n * HOUR, FIRST + (n + 1) * HOUR, on=("dan", "eve")[n % 2])
        for n in range(1000)
    ]
    planned: list[Shift] = []
    calls = calls_of(lambda: planned.extend(shifts(with_overrides(*swaps), FIRST, FIRST + 1000 * HOUR)))
    assert len(planned) == 1000
    assert calls < 60 * len(planned)


def test_the_hours_of_a_layer_are_looked_for_once_for_the_shifts_of_a_span() -> None:
    quarters = tuple(Window(opens=n * HOUR, closes=n * HOUR + HOUR / 4) for n in range(20))
    layer = Layer(("anna", "ben"), Length.parse("1w"), MONDAY, quarters)
    planned: list[Shift] = []
    calls = calls_of(
        lambda: planned.extend(shifts(replace(INFRA, layers=(layer, layer, layer)), FIRST, FIRST + 30 * DAY))
    )
    assert len(planned) == 30 * 40
    assert calls < 60 * len(planned)


@pytest.mark.parametrize("seed", SAMPLE)
def test_every_minute_of_a_random_rotation_across_a_change_of_the_clock_is_right(seed: int) -> None:
    assert rotation_oracle.differences(seed) == []
