"""Times of day and windows, also in the nights in which clocks change."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heartbeat.checks import time_of_day
from heartbeat.checks.time_of_day import SKEW, Window

MINUTE = timedelta(minutes=1)
ZONES = (
    "UTC",
    "Europe/London",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "America/Santiago",
)
CHANGES = [
    datetime(2026, 3, 29, 1, tzinfo=UTC),
    datetime(2026, 10, 25, 1, tzinfo=UTC),
    datetime(2026, 3, 8, 7, tzinfo=UTC),
    datetime(2026, 11, 1, 6, tzinfo=UTC),
    datetime(2026, 4, 4, 15, tzinfo=UTC),
    datetime(2026, 10, 3, 15, 30, tzinfo=UTC),
    datetime(2026, 9, 6, 4, tzinfo=UTC),
    datetime(2026, 4, 5, 3, tzinfo=UTC),
]
zones = st.sampled_from(ZONES).map(ZoneInfo)
times = st.builds(time, st.integers(0, 23), st.integers(0, 59))
windows = st.builds(Window, times, times).filter(lambda window: window.opens != window.closes)
moments = st.builds(
    lambda change, minutes: change + minutes * MINUTE,
    st.sampled_from(CHANGES),
    st.integers(-2 * 1440, 2 * 1440),
)


def berlin(text: str) -> datetime:
    """The moment of a local time in Berlin; with "+", the second time that the clock shows it."""
    local = datetime.fromisoformat(text.rstrip("+")).replace(
        tzinfo=ZoneInfo("Europe/Berlin"), fold=text.endswith("+")
    )
    return local.astimezone(UTC)


@pytest.mark.parametrize(
    ("text", "meant"), [("06:00", time(6)), ("6:05", time(6, 5)), ("00:00", time()), ("23:59", time(23, 59))]
)
def test_a_time_of_day_is_read(text: str, meant: time) -> None:
    assert time_of_day.parse(text) == meant


@pytest.mark.parametrize(
    "text", ["", "6", "24:00", "06:60", "6 am", "06:00:00", "\u0660\u0666:00", "06:00\n"]
)
def test_other_text_is_no_time_of_day(text: str) -> None:
    with pytest.raises(ValueError, match=r'is no time of day; write for example "06:00"\.$'):
        time_of_day.parse(text)


@pytest.mark.parametrize(
    "text", ["", "01:00", "01:00-", "01:00-03:00-05:00", "01:00 to 03:00", "24:00-01:00"]
)
def test_other_text_is_no_window(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no window; write two times of day"):
        Window.parse(text)


@pytest.mark.parametrize("text", ["01:00-01:00", "00:00-24:00"])
def test_a_window_has_a_length(text: str) -> None:
    with pytest.raises(ValueError, match="is a window of no length; write two different times of day"):
        Window.parse(text)


@given(windows)
def test_a_window_is_read_as_it_was_written(window: Window) -> None:
    assert Window.parse(window.written) == window


def test_a_window_may_be_written_with_spaces_and_close_at_midnight() -> None:
    assert Window.parse("22:00 - 24:00") == Window(time(22), time())


@pytest.mark.parametrize(
    ("since", "expected"),
    [
        ("2026-05-04T05:59", "2026-05-04T06:00"),
        ("2026-05-04T06:00", "2026-05-05T06:00"),
        ("2026-05-04T22:00", "2026-05-05T06:00"),
        ("2026-03-28T22:00", "2026-03-29T06:00"),
    ],
)
def test_the_next_time_of_day_is_strictly_later(since: str, expected: str) -> None:
    assert time_of_day.next_after(time(6), berlin(since), ZoneInfo("Europe/Berlin")) == berlin(expected)


def test_a_skipped_time_of_day_comes_when_the_gap_ends() -> None:
    since = berlin("2026-03-29T01:00")
    assert time_of_day.next_after(time(2, 30), since, ZoneInfo("Europe/Berlin")) == berlin("2026-03-29T03:00")


def test_a_repeated_time_of_day_comes_twice() -> None:
    zone, night = ZoneInfo("Europe/Berlin"), "2026-10-25T02:30"
    first = time_of_day.next_after(time(2, 30), berlin("2026-10-25T01:00"), zone)
    assert first == berlin(night)
    assert time_of_day.next_after(time(2, 30), first, zone) == berlin(f"{night}+")


@given(moments, times, zones)
def test_the_next_time_of_day_agrees_with_a_walk_over_every_minute(
    since: datetime, at: time, zone: ZoneInfo
) -> None:
    walked = since.replace(second=0)
    while True:
        before, walked = walked.astimezone(zone), walked + MINUTE
        local = walked.astimezone(zone)
        skipped = local.replace(tzinfo=None) - before.replace(tzinfo=None) > MINUTE
        in_gap = skipped and any(
            (before.replace(tzinfo=None) + k * MINUTE).time() == at
            for k in range(1, int((local.replace(tzinfo=None) - before.replace(tzinfo=None)) / MINUTE))
        )
        if (local.hour, local.minute) == (at.hour, at.minute) or in_gap:
            break
    assert time_of_day.next_after(at, since, zone) == walked


@pytest.mark.parametrize(
    ("at", "within"),
    [
        ("2026-05-04T00:59", False),
        ("2026-05-04T01:00", True),
        ("2026-05-04T03:00", True),
        ("2026-05-04T03:01", False),
    ],
)
def test_a_window_holds_what_lies_between_its_ends(at: str, within: bool) -> None:
    assert time_of_day.is_within(Window.parse("01:00-03:00"), berlin(at), ZoneInfo("Europe/Berlin")) is within


@pytest.mark.parametrize(
    ("at", "within"), [("T21:59", False), ("T22:00", True), ("T23:59", True), ("T12:00", False)]
)
def test_a_window_may_go_over_midnight(at: str, within: bool) -> None:
    window = Window.parse("22:00-04:00")
    assert time_of_day.is_within(window, berlin(f"2026-05-04{at}"), ZoneInfo("Europe/Berlin")) is within
    early = [berlin(f"2026-05-05T{hour}") for hour in ("00:30", "04:00", "04:01")]
    assert [time_of_day.is_within(window, moment, ZoneInfo("Europe/Berlin")) for moment in early] == [
        True,
        True,
        False,
    ]


def test_the_clock_of_a_job_may_be_half_a_minute_off() -> None:
    window, zone = Window.parse("01:00-03:00"), ZoneInfo("UTC")
    opens, closes = datetime(2026, 5, 4, 1, tzinfo=UTC), datetime(2026, 5, 4, 3, tzinfo=UTC)
    second = timedelta(seconds=1)
    ends = (opens - SKEW, closes + SKEW)
    assert all(time_of_day.is_within(window, at, zone) for at in ends)
    assert not time_of_day.is_within(window, ends[0] - second, zone)
    assert not time_of_day.is_within(window, ends[1] + second, zone)


def test_a_window_is_no_shorter_in_the_night_in_which_the_clock_skips_a_part_of_it() -> None:
    # Cron runs 02:30 at 03:00 in this night, and the job takes its usual twenty minutes.
    window, zone = Window.parse("01:00-03:00"), ZoneInfo("Europe/Berlin")
    assert time_of_day.is_within(window, berlin("2026-03-29T03:20"), zone)
    assert time_of_day.is_within(window, berlin("2026-03-29T04:00"), zone)
    assert not time_of_day.is_within(window, berlin("2026-03-29T04:01"), zone)


def test_a_window_that_the_clock_skips_as_a_whole_opens_when_the_gap_ends() -> None:
    window, zone = Window.parse("02:00-02:45"), ZoneInfo("Europe/Berlin")
    assert time_of_day.is_within(window, berlin("2026-03-29T03:30"), zone)
    assert not time_of_day.is_within(window, berlin("2026-03-29T01:50"), zone)


def test_a_window_holds_both_passes_of_a_repeated_hour() -> None:
    window, zone = Window.parse("01:00-02:30"), ZoneInfo("Europe/Berlin")
    for at in ("2026-10-25T02:15", "2026-10-25T02:45", "2026-10-25T02:15+"):
        assert time_of_day.is_within(window, berlin(at), zone), at
    assert not time_of_day.is_within(window, berlin("2026-10-25T02:45+"), zone)


@given(windows, moments, zones)
def test_whatever_the_clock_on_the_wall_shows_within_a_window_is_within_it(
    window: Window, at: datetime, zone: ZoneInfo
) -> None:
    shown = at.astimezone(zone).time().replace(second=0)
    over_midnight = window.closes < window.opens
    inside = (
        shown >= window.opens or shown <= window.closes
        if over_midnight
        else window.opens <= shown <= window.closes
    )
    if inside:
        assert time_of_day.is_within(window, at, zone)


@given(windows, moments, zones, st.floats(0, 1))
def test_a_window_lasts_its_whole_length_in_every_night(
    window: Window, since: datetime, zone: ZoneInfo, part: float
) -> None:
    opens = time_of_day.next_after(window.opens, since, zone)
    assert time_of_day.is_within(window, opens + part * window.length, zone)


@given(windows, moments, zones)
def test_a_moment_within_a_window_is_less_than_a_window_and_a_change_of_the_clock_after_its_opening(
    window: Window, at: datetime, zone: ZoneInfo
) -> None:
    if time_of_day.is_within(window, at, zone):
        longest = window.length + timedelta(hours=1) + 2 * SKEW
        assert time_of_day.next_after(window.opens, at - longest - MINUTE, zone) <= at + SKEW
