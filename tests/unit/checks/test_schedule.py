"""Due times of schedules: golden days on which the clock changes, an oracle for cron, and what always holds."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cache
from importlib.resources import files
from itertools import islice, takewhile
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heartbeat.checks import schedule_words
from heartbeat.checks.schedule import (
    ALIASES,
    BadSchedule,
    Cron,
    Every,
    OnCalendar,
    Schedule,
    crontab,
    due_after,
    due_from,
    from_json,
    next_slot,
    parse,
    to_json,
    upcoming,
    warnings,
)

LONDON, NEW_YORK, LORD_HOWE = "Europe/London", "America/New_York", "Australia/Lord_Howe"
SANTIAGO, HAVANA = "America/Santiago", "America/Havana"
SECOND, MINUTE, HOUR, DAY = (timedelta(seconds=n) for n in (1, 60, 3_600, 86_400))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def slots(schedule: Cron | OnCalendar, start: datetime) -> Iterator[datetime]:
    while slot := next_slot(schedule, start):
        yield slot
        start = slot


def due_texts(schedule: Schedule, since: str, n: int) -> list[str]:
    """The next `n` due times, as UTC text with the date left out where it does not change."""
    texts = [f"{due:%m-%d %H:%M}" for due in upcoming(schedule, utc(since), n)]
    return [
        text[6:] if text[:5] == last[:5] else text for text, last in zip(texts, ["", *texts], strict=False)
    ]


# --- Golden: cron when the clock changes. Transitions of 2026, all times in UTC:
# London 29 March 01:00 and 25 October 01:00; New York 8 March 07:00 and 1 November 06:00;
# Lord Howe 4 April 15:00 (02:00 back to 01:30) and 3 October 15:30 (02:00 on to 02:30).


@pytest.mark.parametrize(
    ("expression", "timezone", "since", "expected"),
    [
        # A fixed time in the skipped hour runs when the gap ends.
        ("30 1 * * *", LONDON, "2026-03-28 00:00", ["03-28 01:30", "03-29 01:00", "03-30 00:30"]),
        ("30 2 * * *", NEW_YORK, "2026-03-07 00:00", ["03-07 07:30", "03-08 07:00", "03-09 06:30"]),
        ("15 2 * * *", LORD_HOWE, "2026-10-02 00:00", ["10-02 15:45", "10-03 15:30", "10-04 15:15"]),
        ("30 1 * * *", "UTC", "2026-03-28 00:00", ["03-28 01:30", "03-29 01:30", "03-30 01:30"]),
        # Several fixed times in the skipped hour run together, once.
        ("0,30 1,2 * * *", LONDON, "2026-03-28 22:00", ["03-29 01:00", "01:30", "03-30 00:00"]),
        # A fixed time in the repeated hour runs once, in its first pass.
        ("30 1 * * *", LONDON, "2026-10-24 02:00", ["10-25 00:30", "10-26 01:30", "10-27 01:30"]),
        ("30 1 * * *", NEW_YORK, "2026-10-31 06:00", ["11-01 05:30", "11-02 06:30", "11-03 06:30"]),
        ("45 1 * * *", LORD_HOWE, "2026-04-03 15:00", ["04-04 14:45", "04-05 15:15", "04-06 15:15"]),
        # Asked within the second pass, it does not answer with the past.
        ("30 1 * * *", LONDON, "2026-10-25 01:10", ["10-26 01:30", "10-27 01:30"]),
        ("0,30 0-23 * * *", LONDON, "2026-10-25 01:10", ["10-25 02:00", "02:30"]),
        # Every 15 minutes goes on as if nothing happened.
        ("*/15 * * * *", LONDON, "2026-03-29 00:30", ["03-29 00:45", "01:00", "01:15"]),
        (
            "*/15 * * * *",
            LONDON,
            "2026-10-25 00:30",
            ["10-25 00:45", "01:00", "01:15", "01:30", "01:45", "02:00"],
        ),
        ("*/15 * * * *", NEW_YORK, "2026-03-08 06:30", ["03-08 06:45", "07:00", "07:15"]),
        ("*/15 * * * *", NEW_YORK, "2026-11-01 05:30", ["11-01 05:45", "06:00", "06:15"]),
        ("*/15 * * * *", LORD_HOWE, "2026-10-03 15:10", ["10-03 15:15", "15:30", "15:45"]),
        ("*/15 * * * *", LORD_HOWE, "2026-04-04 14:40", ["04-04 14:45", "15:00", "15:15", "15:30"]),
        # Hourly, where the clock moves by half an hour: as the wall clock shows, again in the second pass.
        ("45 * * * *", LORD_HOWE, "2026-04-04 13:50", ["04-04 14:45", "15:15", "16:15"]),
        ("0 * * * *", LORD_HOWE, "2026-04-04 13:30", ["04-04 14:00", "15:30", "16:30"]),
        ("15 * * * *", LORD_HOWE, "2026-10-03 14:00", ["10-03 14:45", "16:15", "17:15"]),
        ("*/15 2 * * *", LORD_HOWE, "2026-04-04 14:10", ["04-04 15:30", "15:45", "16:00", "16:15"]),
        # A wildcard minute in a fixed hour: left out with the hour, and repeated with it.
        ("*/30 1 * * *", LONDON, "2026-03-28 02:00", ["03-30 00:00", "00:30"]),
        (
            "*/30 1 * * *",
            LONDON,
            "2026-10-24 02:00",
            ["10-25 00:00", "00:30", "01:00", "01:30", "10-26 01:00"],
        ),
        # Zones that skip midnight.
        ("30 0 * * *", SANTIAGO, "2026-09-05 05:00", ["09-06 04:00", "09-07 03:30"]),
        ("*/30 0 * * SUN", SANTIAGO, "2026-09-05 05:00", ["09-13 03:00", "03:30"]),
        # Seconds are outside crontab(5): such a line runs whenever the wall clock matches.
        ("0 30 1 * * *", LONDON, "2026-10-24 02:00", ["10-25 00:30", "01:30", "10-26 01:30"]),
    ],
)
def test_cron_when_the_clock_changes(expression: str, timezone: str, since: str, expected: list[str]) -> None:
    assert due_texts(parse(cron=expression, timezone=timezone), since, len(expected)) == expected


@pytest.mark.parametrize(
    ("expression", "timezone", "since", "expected"),
    [
        # A time in the skipped hour is left out, whatever the pattern.
        ("*-*-* 01:30", LONDON, "2026-03-28 00:00", ["03-28 01:30", "03-30 00:30"]),
        ("*-*-* 02:15", LORD_HOWE, "2026-10-02 15:00", ["10-02 15:45", "10-04 15:15"]),
        ("*:0/30", NEW_YORK, "2026-03-08 06:10", ["03-08 06:30", "07:00", "07:30"]),
        # The second pass of the repeated hour is left out.
        ("*-*-* 01:30", LONDON, "2026-10-24 02:00", ["10-25 00:30", "10-26 01:30"]),
        ("*:0/15", LONDON, "2026-10-25 00:40", ["10-25 00:45", "02:00", "02:15"]),
        ("*:0/15", LONDON, "2026-10-25 01:10", ["10-25 02:00", "02:15"]),
        ("*:0/15", LORD_HOWE, "2026-04-04 14:40", ["04-04 14:45", "15:30", "15:45"]),
        ("hourly", "UTC", "2026-10-25 00:40", ["10-25 01:00", "02:00"]),
        # Calendars.
        ("*-*~01 12:00", "UTC", "2028-01-31 12:00", ["02-29 12:00", "03-31 12:00"]),
        ("*-05-05/7", "UTC", "2026-05-06 00:00", ["05-12 00:00", "05-19 00:00"]),
        ("*-02-29", "UTC", "2026-01-01 00:00", ["02-29 00:00"]),
        ("Mon..Fri 03:00", LONDON, "2026-11-20 04:00", ["11-23 03:00", "11-24 03:00"]),
        ("quarterly", "UTC", "2026-01-01 00:00", ["04-01 00:00", "07-01 00:00"]),
    ],
)
def test_calendar_events(expression: str, timezone: str, since: str, expected: list[str]) -> None:
    assert due_texts(parse(on_calendar=expression, timezone=timezone), since, len(expected)) == expected


@pytest.mark.parametrize(
    ("expression", "since", "expected"),
    [
        ("0 0 31 * *", "2026-01-31 00:00", ["03-31 00:00", "05-31 00:00", "07-31 00:00", "08-31 00:00"]),
        ("0 0 L * *", "2028-01-31 00:00", ["02-29 00:00", "03-31 00:00", "04-30 00:00"]),
        ("59 23 28-31 * *", "2026-02-27 00:00", ["02-28 23:59", "03-28 23:59"]),
        ("0 12 29 2 *", "2026-01-01 00:00", ["02-29 12:00", "02-29 12:00"]),
        ("0 0 13 * FRI", "2026-11-12 00:00", ["11-13 00:00", "11-20 00:00"]),
        ("@hourly", "2026-12-31 22:30", ["12-31 23:00", "01-01 00:00"]),
        ("@daily", "2026-12-30 22:30", ["12-31 00:00", "01-01 00:00"]),
        ("@midnight", "2026-12-30 22:30", ["12-31 00:00", "01-01 00:00"]),
        ("@weekly", "2026-11-23 00:00", ["11-29 00:00", "12-06 00:00"]),
        ("@monthly", "2026-11-23 00:00", ["12-01 00:00", "01-01 00:00"]),
        ("@yearly", "2026-11-23 00:00", ["01-01 00:00", "01-01 00:00"]),
        ("@annually", "2026-11-23 00:00", ["01-01 00:00", "01-01 00:00"]),
        ("@Daily", "2026-12-30 22:30", ["12-31 00:00"]),
    ],
)
def test_cron_over_the_year(expression: str, since: str, expected: list[str]) -> None:
    due = upcoming(parse(cron=expression), utc(since), len(expected))
    assert [f"{slot:%m-%d %H:%M}" for slot in due] == expected


def test_leap_days_are_years_apart() -> None:
    assert [slot.year for slot in upcoming(parse(cron="0 0 29 2 *"), utc("2090-01-01"), 3)] == [
        2092,
        2096,
        2104,
    ]


# --- The oracle: cron by brute force, minute by minute, with nothing of ours and nothing of cronsim.


def numbers(text: str, low: int, high: int) -> set[int]:
    """Return the values that a field of numbers, ranges, steps and lists names."""
    named: set[int] = set()
    for term in text.split(","):
        span, _, step = term.partition("/")
        first, _, last = span.partition("-")
        start, stop = (low, high) if span == "*" else (int(first), int(last or first))
        named |= set(range(start, stop + 1, int(step or 1)))
    return named


def matcher(expression: str) -> list[set[int]]:
    spans = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
    return [numbers(text, *span) for text, span in zip(expression.split(), spans, strict=True)]


@cache
def minutes(zone: tzinfo, start: datetime, days: int) -> list[tuple[datetime, datetime]]:
    """Each minute of some days, with what the wall clock shows then."""
    moments = [start + n * MINUTE for n in range(days * 24 * 60)]
    return [(moment, moment.astimezone(zone).replace(tzinfo=None)) for moment in moments]


def oracle(expression: str, zone: tzinfo, start: datetime, days: int) -> list[datetime]:
    """Run cron as Debian describes it.

    Wildcard jobs run when the wall clock matches. For the others the daemon keeps a clock that only moves
    forward: it catches up at once with what the wall clock skips, and waits while the wall clock repeats.
    """
    minute, hour, day, month, weekday = matcher(expression)
    texts = expression.split()
    either = not texts[2].startswith("*") and not texts[4].startswith("*")

    def matches(wall: datetime) -> bool:
        if wall.minute not in minute or wall.hour not in hour or wall.month not in month:
            return False
        in_month, in_week = (
            wall.day in day,
            not weekday.isdisjoint({wall.isoweekday(), wall.isoweekday() % 7}),
        )
        return in_month or in_week if either else in_month and in_week

    walk = minutes(zone, start, days)
    if texts[0].startswith("*") or texts[1].startswith("*"):
        return [moment for moment, wall in walk if matches(wall)]
    ran, latest = [], walk[0][1] - MINUTE
    for moment, wall in walk:
        passed = [latest + n * MINUTE for n in range(1, (wall - latest) // MINUTE + 1)]
        if any(matches(wall) for wall in passed):
            ran.append(moment)
        latest = max(latest, wall)
    return ran


def field(low: int, high: int, star: int = 1) -> st.SearchStrategy[str]:
    """A field of crontab(5); `star` gives the weight of a plain star."""
    number = st.integers(low, high)
    span = st.tuples(number, number).map(lambda ends: f"{min(ends)}-{max(ends)}")
    step = st.integers(1, high + 3).map(str)
    stepped = st.tuples(st.one_of(st.just("*"), span), step).map("/".join)
    listed = st.lists(st.one_of(number.map(str), span, stepped), min_size=1, max_size=3)
    return st.one_of(*[st.just("*")] * star, number.map(str), stepped, listed.map(",".join))


CRON_LINES = st.tuples(
    field(0, 59),
    st.one_of(field(0, 3), field(0, 23)),
    field(1, 31, star=6),
    field(1, 12, star=9),
    field(0, 7, star=6),
).map(" ".join)

CHANGES = [
    (zone, utc(day) - 36 * HOUR)
    for zone, *days in [
        (LONDON, "2026-03-29", "2026-10-25"),
        (NEW_YORK, "2026-03-08", "2026-11-01"),
        (LORD_HOWE, "2026-04-05", "2026-10-04"),
        (SANTIAGO, "2026-04-05", "2026-09-06"),
        (HAVANA, "2026-03-08", "2026-11-01"),
        ("UTC", "2028-02-29"),
    ]
    for day in days
]


@settings(max_examples=250, deadline=None)
@given(CRON_LINES, st.sampled_from(CHANGES), st.integers(0, 60 * 3_600))
def test_cron_agrees_with_brute_force(expression: str, change: tuple[str, datetime], seconds: int) -> None:
    timezone, start = change
    begin, end = start + seconds * SECOND, start + 4 * DAY
    expected = [slot for slot in oracle(expression, ZoneInfo(timezone), start, days=4) if slot > begin]
    try:
        cron = parse(cron=expression, timezone=timezone)
    except BadSchedule:
        assert not expected, "A line that is refused never runs."
        return
    assert isinstance(cron, Cron)
    actual = takewhile(lambda slot: slot < end, slots(cron, begin))
    assert list(islice(actual, 50)) == expected[:50]


# --- A ping just before its slot.


@pytest.mark.parametrize(
    ("schedule", "heard", "due"),
    [
        # Daily: up to 30 seconds.
        (Cron("0 3 * * *", "UTC"), "2026-11-23 03:00:00", "2026-11-24 03:00:00"),
        (Cron("0 3 * * *", "UTC"), "2026-11-23 02:59:59", "2026-11-24 03:00:00"),
        (Cron("0 3 * * *", "UTC"), "2026-11-23 02:59:30", "2026-11-24 03:00:00"),
        (Cron("0 3 * * *", "UTC"), "2026-11-23 02:59:29.999999", "2026-11-23 03:00:00"),
        (Cron("0 3 * * *", "UTC"), "2026-11-23 02:59:29", "2026-11-23 03:00:00"),
        (Cron("0 3 * * *", "UTC"), "2026-11-23 03:00:01", "2026-11-24 03:00:00"),
        (OnCalendar("03:00", "UTC"), "2026-11-23 02:59:30", "2026-11-24 03:00:00"),
        (OnCalendar("03:00", "UTC"), "2026-11-23 02:59:29", "2026-11-23 03:00:00"),
        # Each minute: up to 6 seconds.
        (Cron("* * * * *", "UTC"), "2026-11-23 03:00:00", "2026-11-23 03:01:00"),
        (Cron("* * * * *", "UTC"), "2026-11-23 03:00:59", "2026-11-23 03:02:00"),
        (Cron("* * * * *", "UTC"), "2026-11-23 03:00:54", "2026-11-23 03:02:00"),
        (Cron("* * * * *", "UTC"), "2026-11-23 03:00:53.999999", "2026-11-23 03:01:00"),
        (Cron("* * * * *", "UTC"), "2026-11-23 03:00:30", "2026-11-23 03:01:00"),
        (Cron("* * * * *", "UTC"), "2026-11-23 03:00:29", "2026-11-23 03:01:00"),
        # The shorter of both gaps counts: a slow run at 03:00 is not an early one at 03:01.
        (Cron("0,1 3 * * *", "UTC"), "2026-11-23 03:00:53", "2026-11-23 03:01:00"),
        (Cron("0,1 3 * * *", "UTC"), "2026-11-23 03:00:54", "2026-11-24 03:00:00"),
        (Cron("0,1 3 * * *", "UTC"), "2026-11-23 02:59:53", "2026-11-23 03:00:00"),
        (Cron("0,1 3 * * *", "UTC"), "2026-11-23 02:59:54", "2026-11-23 03:01:00"),
        # Each second: a tenth of one.
        (Cron("* * * * * *", "UTC"), "2026-11-23 03:00:00.900", "2026-11-23 03:00:02"),
        (Cron("* * * * * *", "UTC"), "2026-11-23 03:00:00.899", "2026-11-23 03:00:01"),
        # The slot into which a skipped time falls.
        (Cron("30 1 * * *", LONDON), "2026-03-29 00:59:45", "2026-03-30 00:30:00"),
        # An interval has no slots to be early for.
        (Every(HOUR), "2026-11-23 02:59:59", "2026-11-23 03:59:59"),
    ],
)
def test_a_ping_just_before_a_slot_counts_for_it(schedule: Schedule, heard: str, due: str) -> None:
    assert due_after(schedule, utc(heard)) == utc(due)


def test_a_ping_before_the_last_slot_is_the_last_one_due() -> None:
    once = parse(on_calendar="2027-01-01 12:00")
    assert due_after(once, utc("2027-01-01 11:59:00")) == utc("2027-01-01 12:00")
    assert due_after(once, utc("2027-01-01 11:59:45")) is None
    assert due_after(once, utc("2027-01-01 12:00:00")) is None


def test_a_check_never_heard_is_due_at_the_first_slot_however_near() -> None:
    assert due_from(Cron("0 3 * * *", "UTC"), utc("2026-11-23 02:59:59")) == utc("2026-11-23 03:00")
    assert due_from(Cron("0 3 * * *", "UTC"), utc("2026-11-23 03:00:00")) == utc("2026-11-24 03:00")
    assert due_from(Every(HOUR), utc("2026-11-23 02:59:59")) == utc("2026-11-23 03:59:59")


def test_times_come_in_any_zone_and_leave_in_utc() -> None:
    heard = datetime(2026, 10, 25, 0, 30, tzinfo=ZoneInfo(LONDON))  # Half an hour before the clock goes back.
    for schedule in (Every(2 * HOUR), Cron("30 1 * * *", "UTC"), OnCalendar("01:30", "UTC")):
        for due in (due_after(schedule, heard), due_from(schedule, heard), *upcoming(schedule, heard, 1)):
            assert due == utc("2026-10-25 01:30")
            assert due.tzinfo is UTC


def test_upcoming_times() -> None:
    now = utc("2026-11-23 03:00:07")
    assert upcoming(Every(HOUR), now, 2) == [now + HOUR, now + 2 * HOUR]
    assert len(upcoming(Cron("@hourly", "UTC"), now)) == 5
    assert upcoming(parse(on_calendar="2027-01-01"), now) == [utc("2027-01-01")]


# --- What always holds.

INTERVALS = st.timedeltas(SECOND, 366 * DAY).map(Every)
SLOTTED = st.one_of(
    st.builds(
        Cron,
        st.sampled_from(
            ["* * * * *", "*/7 1-3 * * *", "30 1 * * *", "0,1,30 0-2 * * 0", "@daily", "*/20 * * * * *"]
        ),
        st.sampled_from([zone for zone, _ in CHANGES]),
    ),
    st.builds(
        OnCalendar,
        st.sampled_from(["*:0/7", "01,02:00,30", "Sun 00:15", "*:*:0/20", "monthly", "*-*~01 02:00:10"]),
        st.sampled_from([zone for zone, _ in CHANGES]),
    ),
)
MOMENTS = st.builds(
    lambda change, offset: change[1] + offset, st.sampled_from(CHANGES), st.timedeltas(timedelta(), 3 * DAY)
)


@settings(max_examples=150, deadline=None)
@given(st.one_of(INTERVALS, SLOTTED), MOMENTS, st.timedeltas(timedelta(), 2 * HOUR))
def test_due_is_later_than_heard_and_never_moves_back(
    schedule: Schedule, heard: datetime, later: timedelta
) -> None:
    first, second = due_after(schedule, heard), due_after(schedule, heard + later)
    assert first
    assert second
    assert heard < first <= second
    assert (due_from(schedule, heard) or first) <= first


@settings(max_examples=100, deadline=None)
@given(SLOTTED, MOMENTS)
def test_slots_strictly_increase_and_leave_none_out(schedule: Cron | OnCalendar, start: datetime) -> None:
    listed = list(islice(slots(schedule, start), 20))
    assert [start, *listed] == sorted({start, *listed})
    assert list(slots_until(schedule, start + (listed[2] - start) / 2, listed[-1])) == [
        slot for slot in listed if slot > start + (listed[2] - start) / 2
    ]


def slots_until(schedule: Cron | OnCalendar, start: datetime, last: datetime) -> Iterator[datetime]:
    return takewhile(lambda slot: slot <= last, slots(schedule, start))


@given(st.one_of(INTERVALS, SLOTTED))
def test_stored_form_restores_the_schedule(schedule: Schedule) -> None:
    assert from_json(json.loads(json.dumps(to_json(schedule)))) == schedule


def test_stored_form() -> None:
    assert to_json(parse(every=5 * MINUTE)) == {"every": 300.0}
    assert to_json(parse(cron="@daily", timezone=LONDON)) == {"cron": "@daily", "timezone": LONDON}
    assert to_json(parse(cron="@daily", semantics="kubernetes")) == {
        "cron": "@daily",
        "timezone": "UTC",
        "semantics": "kubernetes",
    }
    assert to_json(parse(on_calendar="daily")) == {"on_calendar": "daily", "timezone": "UTC"}


@pytest.mark.parametrize(
    ("expression", "timezone", "since", "expected"),
    [
        # A CronJob leaves a skipped time out.
        ("30 1 * * *", LONDON, "2026-03-28 00:00", ["03-28 01:30", "03-30 00:30"]),
        ("30 2 * * *", NEW_YORK, "2026-03-07 00:00", ["03-07 07:30", "03-09 06:30"]),
        # It runs again when the clock repeats a time.
        ("0 1 * * *", NEW_YORK, "2026-11-01 00:00", ["11-01 05:00", "06:00", "11-02 06:00"]),
        ("30 1 * * *", LONDON, "2026-10-25 01:10", ["10-25 01:30", "10-26 01:30"]),
        # Far from a change, and every quarter of an hour, it is like cron.
        ("30 1 * * *", "UTC", "2026-03-28 00:00", ["03-28 01:30", "03-29 01:30"]),
        ("*/15 * * * *", LONDON, "2026-03-29 00:30", ["03-29 00:45", "01:00"]),
        ("@daily", LONDON, "2026-03-28 00:00", ["03-29 00:00", "23:00"]),
        # Every other day of the month, and every Monday too; to cron, Mondays that are such a day.
        ("0 3 */2 * 1", "UTC", "2026-11-01 12:00", ["11-02 03:00", "11-03 03:00", "11-05 03:00"]),
        ("0 3 */1 * 1", "UTC", "2026-11-01 12:00", ["11-02 03:00", "11-09 03:00"]),
    ],
)
def test_a_cron_job_of_kubernetes(expression: str, timezone: str, since: str, expected: list[str]) -> None:
    planned = parse(cron=expression, timezone=timezone, semantics="kubernetes")
    assert due_texts(planned, since, len(expected)) == expected
    assert from_json(to_json(planned)) == planned


@pytest.mark.parametrize(
    ("written", "fault"),
    [
        ({"every": timedelta(hours=1)}, "semantics: kubernetes goes with a cron line only, as in a CronJob."),
        ({"on_calendar": "daily"}, "semantics: kubernetes goes with a cron line only, as in a CronJob."),
        (
            {"cron": "0 0 3 * * *"},
            '"0 0 3 * * *" is no schedule of Kubernetes: write five fields without L and #',
        ),
        ({"cron": "0 3 L * *"}, '"0 3 L * *" is no schedule of Kubernetes'),
    ],
)
def test_what_kubernetes_does_not_take_is_refused(written: dict[str, Any], fault: str) -> None:
    with pytest.raises(BadSchedule) as refused:
        parse(**written, semantics="kubernetes")
    assert str(refused.value).startswith(fault)


# --- What a person wrote.


def test_expressions_are_kept_as_written() -> None:
    assert parse(every=HOUR) == Every(HOUR)
    assert parse(cron=" @Daily\n", timezone=LONDON) == Cron("@Daily", LONDON)
    assert parse(cron="0  3 * * mon", timezone=LONDON) == Cron("0  3 * * mon", LONDON)
    assert parse(on_calendar="Mon, 12:34") == OnCalendar("Mon, 12:34", "UTC")


def test_the_zone_of_a_calendar_event_goes_before_the_other() -> None:
    assert parse(on_calendar="12:34 Europe/Riga", timezone=LONDON) == OnCalendar("12:34", "Europe/Riga")
    assert parse(on_calendar="hourly UTC", timezone=LONDON) == OnCalendar("hourly", "UTC")


@pytest.mark.parametrize(
    ("written", "fault"),
    [
        ({}, "one of every, cron and on_calendar, not none of them"),
        ({"every": HOUR, "cron": "@daily"}, "not every and cron"),
        ({"every": timedelta(), "on_calendar": ""}, "not every and on_calendar"),
        ({"every": SECOND / 2}, "every 0.5 seconds is out of range: write 1 second to 366 days"),
        ({"every": timedelta()}, "out of range"),
        ({"every": -HOUR}, "out of range"),
        ({"every": 366 * DAY + SECOND}, "out of range"),
        ({"cron": "@daily", "timezone": "Mars/Olympus"}, '"Mars/Olympus" is no time zone'),
        ({"cron": "@daily", "timezone": ""}, '"" is no time zone: write for example "Europe/London"'),
        ({"cron": "@daily", "timezone": "Europe"}, '"Europe" is no time zone'),
        ({"cron": "@daily", "timezone": "../../etc/passwd"}, "is no time zone"),
        ({"cron": "@daily", "timezone": "x" * 5_000}, "is no time zone"),
        ({"cron": "", "timezone": LONDON, "now": utc("2026-10-25 00:30")}, "is not five fields"),
        ({"cron": ""}, '"" is not five fields of crontab(5)'),
        ({"cron": "0 3 * *"}, '"0 3 * *" is not five fields of crontab(5): write for example "0 3 * * *"'),
        ({"cron": "@reboot"}, "or one of @hourly, @daily"),
        ({"cron": "61 * * * *"}, '"61 * * * *" has a wrong minute: crontab(5) takes 0-59'),
        ({"cron": "0 24 * * *"}, "wrong hour"),
        ({"cron": "0 3 * * * root"}, "wrong day-of-week: crontab(5) takes 0-7 or SUN-SAT"),
        (
            {"cron": "0 0 31 4,6 *"},
            "wrong day-of-month: crontab(5) takes 1-31, L or LW, and a day that one of",
        ),
        ({"cron": "* * */20 * 1L"}, "never matches again"),
        ({"cron": "*/" + "9" * 5_000 + " * * * *"}, "too long: write at most 500 characters"),
        ({"on_calendar": ""}, "no calendar event"),
        (
            {"on_calendar": "25:00"},
            '"25:00" is no calendar event (Bad hour): "Mon..Fri 03:00" is one.',
        ),
        ({"on_calendar": "@daily"}, "no calendar event"),
        ({"on_calendar": "12:00\n13:00"}, "not several lines"),
        ({"on_calendar": "*-02-30"}, '"*-02-30" never matches again'),
        ({"on_calendar": "2020-01-01"}, "never matches again"),
        ({"on_calendar": "12:00 Europe/Pris"}, '"Europe/Pris" is no time zone'),
    ],
)
def test_a_bad_schedule_is_refused_in_one_sentence(written: dict[str, Any], fault: str) -> None:
    with pytest.raises(BadSchedule) as refused:
        parse(**written)
    sentence = str(refused.value)
    assert fault in sentence
    assert sentence.endswith(".")
    assert len(sentence) < 250


def test_a_calendar_that_is_over_is_refused() -> None:
    assert parse(on_calendar="2027-01-01", now=utc("2026-12-31"))
    with pytest.raises(BadSchedule, match="never matches again"):
        parse(on_calendar="2027-01-01", now=utc("2027-01-01"))


@settings(deadline=None)
@given(st.text("0123456789*/-,#LW MONSUJAN@:.~ü²", max_size=24))
def test_any_text_is_understood_or_refused(text: str) -> None:
    now = utc("2026-10-25 00:30")  # In the first pass of a repeated hour.
    writings: list[dict[str, Any]] = [
        {"cron": text, "timezone": LONDON},
        {"on_calendar": text, "timezone": LONDON},
        {"cron": "0 3 * * *", "timezone": text},
    ]
    for written in writings:
        try:
            schedule = parse(**written, now=now)
        except BadSchedule:
            continue
        assert due_from(schedule, now)
        assert schedule_words.in_words(schedule)
        assert isinstance(warnings(schedule), list)


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (Every(MINUTE), []),
        (Cron("*/15 */6 * */3 *", "UTC"), []),
        (Cron("5-59/10 8-18/2 * * MON-FRI", "UTC"), []),
        (Cron("@weekly", "UTC"), []),
        (Cron("*/61 * * * *", "UTC"), ['"*/61" means minute 0 of each hour, not every 61 minutes.']),
        (Cron("0 */23 * * *", "UTC"), ['"*/23" means hour 0, 23 of each day, not every 23 hours.']),
        (Cron("3,*/45 * * * *", "UTC"), ['"*/45" means minute 0, 45 of each hour, not every 45 minutes.']),
        (Cron("*/40 * * * * *", "UTC"), ['"*/40" means second 0, 40 of each minute, not every 40 seconds.']),
        (Cron("0 0 */20 * *", "UTC"), ['"*/20" means day 1, 21 of each month, not every 20 days.']),
        (Cron("1-5/9 * * * *", "UTC"), ['"1-5/9" means minute 1 of each hour, not every 9 minutes.']),
        (
            Cron("0 0 1-7 * MON", "UTC"),
            ["Cron runs when the day of month or the day of week matches, not only when both do."],
        ),
        (OnCalendar("*:0/15", "UTC"), []),
        (OnCalendar("*-02-29 12:00", "UTC"), []),
        (OnCalendar("Mon *:0/45", "UTC"), ['"0/45" means minute 0, 45 of each hour, not every 45 minutes.']),
        (
            OnCalendar("2027-*-* 12:00", "UTC"),
            ["It names years, so it ends: silence is not noticed after its last time."],
        ),
    ],
)
def test_misleading_expressions_have_warnings(schedule: Schedule, expected: list[str]) -> None:
    assert warnings(schedule) == expected


@pytest.mark.parametrize("alias", ALIASES)
def test_aliases_have_no_warnings_and_go_on_for_ever(alias: str) -> None:
    schedule = parse(cron=alias, timezone=NEW_YORK)
    assert warnings(schedule) == []
    assert len(upcoming(schedule, utc("2026-11-23"), 40)) == 40


@pytest.mark.parametrize(
    ("planned", "fields"),
    [
        (Every(timedelta(minutes=1)), "* * * * *"),
        (Every(timedelta(minutes=15)), "*/15 * * * *"),
        (Every(timedelta(minutes=40)), None),
        (Every(timedelta(seconds=90)), None),
        (Every(timedelta(seconds=30)), None),
        (Every(timedelta(hours=1)), "0 * * * *"),
        (Every(timedelta(hours=6)), "0 */6 * * *"),
        (Every(timedelta(hours=5)), None),
        (Every(timedelta(minutes=90)), None),
        (Every(timedelta(days=1)), "0 0 * * *"),
        (Every(timedelta(days=7)), "0 0 * * 0"),
        (Every(timedelta(days=2)), None),
        (Cron("15 3 * JUL WED", "UTC"), "15 3 * JUL WED"),
        (Cron("0 15 3 * * *", "UTC"), None),
        (Cron("0 3 L * *", "UTC"), None),
        (Cron("0 3 * * 5#2", "UTC"), None),
        (OnCalendar("Sun 03:00", "UTC"), None),
    ],
)
def test_a_schedule_as_a_line_of_a_crontab(planned: Schedule, fields: str | None) -> None:
    assert crontab(planned) == fields


LATER_RULES = "America/Vancouver"
"""A zone whose rules differ between releases of tzdata."""


@pytest.mark.parametrize("first", ["alerting.times", "heartbeat.checks.schedule", "heartbeat.__main__"])
@pytest.mark.parametrize("machine", ["other rules", "no rules"])
def test_the_rules_of_zones_are_those_of_the_package_tzdata_on_every_machine(
    first: str, machine: str, tmp_path: Path
) -> None:
    if machine == "other rules":
        for zone in (LATER_RULES, "Mars/Olympus"):
            (tmp_path / zone).parent.mkdir()
            (tmp_path / zone).write_bytes(files("tzdata").joinpath("zoneinfo", "Asia", "Tokyo").read_bytes())
    program = (
        f"import {first}, datetime, zoneinfo; "
        f"zone = zoneinfo.ZoneInfo('{LATER_RULES}'); "
        "print(datetime.datetime(2026, 12, 1, tzinfo=zone).utcoffset(), "
        "'Mars/Olympus' in zoneinfo.available_timezones())"
    )
    with files("tzdata").joinpath("zoneinfo", *LATER_RULES.split("/")).open("rb") as packaged:
        offset = datetime(2026, 12, 1, tzinfo=ZoneInfo.from_file(packaged)).utcoffset()
    environment = os.environ | {"PYTHONTZPATH": str(tmp_path)}
    printed = subprocess.run(
        [sys.executable, "-c", program],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert printed.stdout.strip() == f"{offset} False"
