"""Recurring maintenance: rules that a window can have, and their occurrences across changes of the clock."""

import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from types import FrameType
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heartbeat.checks import recurrence, recurrence_rule
from heartbeat.checks.recurrence import Occurrence, Recurrence

LONDON = "Europe/London"


def wall(text: str) -> datetime:
    return datetime.fromisoformat(text)


SUNDAYS = Recurrence("FREQ=WEEKLY;BYDAY=SU", wall("2026-03-01T01:30"), LONDON, timedelta(hours=1))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def spans(of: Recurrence, now: str, count: int = 3) -> list[tuple[str, str]]:
    return [
        (f"{occurrence.starts_at:%m-%d %H:%M}", f"{occurrence.ends_at:%m-%d %H:%M}")
        for occurrence in recurrence.following(of, utc(now), count)
    ]


def test_occurrences_stay_at_their_time_on_the_wall_across_a_change_of_the_clock() -> None:
    nights = Recurrence("FREQ=DAILY", wall("2026-03-27T03:00"), LONDON, timedelta(hours=2))
    assert spans(nights, "2026-03-28T00:00") == [
        ("03-28 03:00", "03-28 05:00"),
        ("03-29 02:00", "03-29 04:00"),
        ("03-30 02:00", "03-30 04:00"),
    ]


def test_a_start_that_the_clock_skips_is_at_the_skip_and_keeps_its_whole_duration() -> None:
    # In London, 01:30 does not exist on 29 March: the clock goes from 01:00 to 02:00.
    assert spans(SUNDAYS, "2026-03-28T00:00", 2) == [
        ("03-29 01:00", "03-29 02:00"),
        ("04-05 00:30", "04-05 01:30"),
    ]


def test_an_occurrence_covers_an_hour_that_the_clock_shows_twice() -> None:
    # On 25 October, 01:30 comes at 00:30 UTC and again at 01:30 UTC, and 02:30 once, at 02:30 UTC.
    assert spans(SUNDAYS, "2026-10-25T00:00", 1) == [("10-25 00:30", "10-25 02:30")]


def test_the_one_under_way_comes_first_until_it_ends() -> None:
    assert recurrence.current(SUNDAYS, utc("2026-03-01T02:29:59")) == Occurrence(
        utc("2026-03-01T01:30"), utc("2026-03-01T02:30")
    )
    after = recurrence.current(SUNDAYS, utc("2026-03-01T02:30"))
    assert after is not None
    assert after.starts_at == utc("2026-03-08T01:30")


def test_what_somebody_ended_is_over_and_the_next_one_comes() -> None:
    ended = replace(SUNDAYS, since=utc("2026-03-01T02:00"))
    assert spans(ended, "2026-03-01T02:00", 1) == [("03-08 01:30", "03-08 02:30")]


@pytest.mark.parametrize(
    ("rule", "days"),
    [
        ("FREQ=DAILY;INTERVAL=2", ["03-01", "03-03", "03-05"]),
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,TH", ["03-12", "03-09", "03-23"]),
        ("FREQ=MONTHLY;BYDAY=-1FR", ["03-27", "04-24", "05-29"]),
        ("FREQ=MONTHLY;BYMONTHDAY=31", ["03-31", "05-31", "07-31"]),
        ("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=1", ["03-02", "04-01", "05-01"]),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29", ["02-29", "02-29"]),
        ("FREQ=WEEKLY;COUNT=2", ["03-01", "03-08"]),
        ("FREQ=WEEKLY;UNTIL=20260308", ["03-01", "03-08"]),
        ("FREQ=WEEKLY;UNTIL=20260308T000000Z", ["03-01"]),
        ("rrule:freq=weekly;until=20260308T013000", ["03-01", "03-08"]),
    ],
)
def test_a_rule_has_its_occurrences(rule: str, days: list[str]) -> None:
    series = Recurrence(recurrence_rule.checked(rule), wall("2026-03-01T01:30"), "UTC", timedelta(hours=1))
    occurrences = recurrence.following(series, utc("2026-03-01T00:00"), 3)
    assert {f"{occurrence.starts_at:%m-%d}" for occurrence in occurrences} == set(days)
    assert occurrences == sorted(occurrences, key=lambda occurrence: occurrence.starts_at)


@pytest.mark.parametrize(
    ("rule", "lasts", "sentence"),
    [
        ("FREQ=DAILY", timedelta(hours=24), "duration: each window must end before the next one begins."),
        ("FREQ=WEEKLY;BYDAY=SA,SU", timedelta(hours=30), "duration: each window must end before"),
        ("FREQ=MONTHLY", timedelta(days=8), "duration: must be more than nothing and at most 7 days."),
        ("FREQ=MONTHLY", timedelta(), "duration: must be more than nothing"),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", timedelta(hours=1), "rrule: has no occurrence from now on"),
        ("FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30", timedelta(hours=1), "rrule: has no occurrence from now on"),
        ("FREQ=DAILY;BYSETPOS=2", timedelta(hours=1), "rrule: has no occurrence from now on"),
        ("FREQ=DAILY;UNTIL=20260101", timedelta(hours=1), "rrule: has no occurrence from now on"),
        ("FREQ=DAILY;UNTIL=00010101T000000Z", timedelta(hours=1), "rrule: has no occurrence from now on"),
    ],
)
def test_a_recurrence_never_silences_without_an_end(rule: str, lasts: timedelta, sentence: str) -> None:
    series = Recurrence(rule, wall("2026-03-01T01:30"), "America/New_York", lasts)
    assert (recurrence.fault(series, utc("2026-03-01T00:00")) or "").startswith(sentence)


def test_an_end_at_the_end_of_all_time_is_none() -> None:
    nights = Recurrence(
        "FREQ=DAILY;UNTIL=99991231T235959Z", wall("2026-03-01T03:00"), "Asia/Tokyo", timedelta(hours=1)
    )
    assert recurrence.fault(nights, utc("2026-03-01T00:00")) is None


@pytest.mark.parametrize("starts", ["2000-01-01T01:00", "2026-03-01T01:30", "2150-01-01T01:00"])
@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=DAILY",
        "FREQ=DAILY;BYSETPOS=2",
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=WEEKLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=YEARLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-366",
        "FREQ=DAILY;COUNT=9999;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=YEARLY;COUNT=9999;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=DAILY;COUNT=9999",
    ],
)
def test_any_rule_is_judged_with_little_work(rule: str, starts: str) -> None:
    series = Recurrence(recurrence_rule.checked(rule), wall(starts), LONDON, timedelta(hours=1))
    calls = 0

    def count(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event == "call"

    sys.setprofile(count)
    try:
        recurrence.fault(series, utc("2026-03-01T00:00"))
    finally:
        sys.setprofile(None)
    # Nine years have 3,288 days, and a series that is counted since the year 2000 has 12,800.
    assert calls < 120_000


def test_a_recurrence_in_words() -> None:
    def words(rule: str) -> str:
        return Recurrence(rule, wall("2026-03-01T01:30"), LONDON, timedelta(hours=4)).words

    assert words("FREQ=WEEKLY;BYDAY=SU") == "every week on Sunday at 01:30 for 4 h, Europe/London"
    assert words("FREQ=WEEKLY;INTERVAL=2") == "every 2 weeks on Sunday at 01:30 for 4 h, Europe/London"
    assert words("FREQ=DAILY").startswith("every day at 01:30")
    assert words("FREQ=MONTHLY;BYDAY=1SU,-1FR").startswith(
        "every month on the first Sunday and the last Friday at 01:30"
    )
    assert words("FREQ=MONTHLY").startswith("every month on day 1 at")
    assert words("FREQ=YEARLY").startswith("every year on 1 March at")
    assert words("FREQ=DAILY;COUNT=3").startswith("every day, 3 times in all, at 01:30")
    assert words("FREQ=DAILY;UNTIL=20261231").startswith("every day, until 31 Dec 2026, at 01:30")
    assert words("FREQ=MONTHLY;BYMONTHDAY=-1").startswith("by the rule FREQ=MONTHLY;BYMONTHDAY=-1, at 01:30")


@given(
    zone=st.sampled_from(
        ["UTC", "Europe/London", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kathmandu"]
    ),
    start=st.datetimes(wall("2024-01-01T00:00"), wall("2036-12-31T00:00")).map(
        lambda at: at.replace(microsecond=0)
    ),
    minutes=st.integers(1, 22 * 60),
    later=st.timedeltas(timedelta(), timedelta(days=300)),
)
def test_each_occurrence_is_whole_apart_from_the_next_and_covers_its_times_on_the_wall(
    zone: str, start: datetime, minutes: int, later: timedelta
) -> None:
    series = Recurrence("FREQ=DAILY", start, zone, timedelta(minutes=minutes))
    now = start.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC) + later
    occurrences = recurrence.following(series, now, 4)
    assert len(occurrences) == 4
    assert occurrences[0].ends_at > now
    assert all(occurrence.ends_at - occurrence.starts_at >= series.duration for occurrence in occurrences)
    for occurrence, following_one in pairwise(occurrences):
        assert occurrence.ends_at < following_one.starts_at
    # A job at a time on the wall within the window finds it active.
    inside = (start + timedelta(minutes=minutes) / 2).time()
    for occurrence in occurrences:
        local = occurrence.starts_at.astimezone(ZoneInfo(zone))
        local_time = datetime.combine(local.date(), inside)
        local_time = (
            local_time if local_time >= local.replace(tzinfo=None) else local_time + timedelta(days=1)
        )
        for fold in (0, 1):
            at = local_time.replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC)
            if at.astimezone(ZoneInfo(zone)).replace(tzinfo=None) == local_time:
                assert occurrence.starts_at <= at < occurrence.ends_at
