"""Quiet hours on the clock on the wall, also where it is put forward or back."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerting.quiet_hours import LONGEST, QuietHours

LONDON = ZoneInfo("Europe/London")
NIGHT = QuietHours.parse("22:00-07:00")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("instant", "until"),
    [
        ("2026-01-10T21:59:59", None),
        ("2026-01-10T22:00", "2026-01-11T07:00"),
        ("2026-01-11T06:59:59", "2026-01-11T07:00"),
        ("2026-01-11T07:00", None),
        ("2026-07-10T20:59", None),
        ("2026-07-10T21:00", "2026-07-11T06:00"),
        ("2026-03-28T23:00", "2026-03-29T06:00"),
        ("2026-10-24T22:00", "2026-10-25T07:00"),
    ],
)
def test_the_night_ends_by_the_clock_on_the_wall(instant: str, until: str | None) -> None:
    assert NIGHT.until(at(instant), LONDON) == (at(until) if until else None)


def test_an_end_that_is_shown_twice_is_the_last_one() -> None:
    early = QuietHours.parse("22:00-01:30")
    assert early.until(at("2026-10-25T00:45"), LONDON) == at("2026-10-25T01:30")


def test_an_end_that_is_skipped_is_the_instant_of_the_skip() -> None:
    early = QuietHours.parse("22:00-01:30")
    assert early.until(at("2026-03-29T00:45"), LONDON) == at("2026-03-29T01:00")


@pytest.mark.parametrize(
    "text", ["22:00", "22-7", "25:00-07:00", "07:00-07:00", "06:00-22:01", "", "22:00-24:00"]
)
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="write"):
        QuietHours.parse(text)


@pytest.mark.parametrize("text", ["22:00-07:00", "00:00-06:30", "06:00-22:00"])
def test_hours_are_written_as_they_are_read(text: str) -> None:
    assert str(QuietHours.parse(text)) == text
    assert str(QuietHours.parse("9:00-17:00")) == "09:00-17:00"


@given(
    st.sampled_from(
        ["Europe/London", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "America/Havana"]
    ),
    st.integers(0, 14 * 366 * 24 * 60),
    st.integers(0, 1439),
    st.integers(1, int(LONGEST.total_seconds() // 60)),
)
def test_everybody_is_awake_at_the_end_and_soon(zone: str, minutes: int, begins: int, length: int) -> None:
    """However the clock is put, no hours last longer than themselves and one change of the clock."""
    here = ZoneInfo(zone)
    clock = [f"{minute // 60 % 24:02}:{minute % 60:02}" for minute in (begins, begins + length)]
    hours = QuietHours.parse("-".join(clock))
    instant = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    until = hours.until(instant, here)
    assert until is None or instant < until <= instant + hours.length + timedelta(hours=1)
    assert until is None or hours.until(until, here) is None
