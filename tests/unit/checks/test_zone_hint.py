"""Pings that come hours away from every slot ask for the time zone; all others ask nothing."""

from datetime import UTC, datetime, timedelta

import pytest

from heartbeat.checks import zone_hint
from heartbeat.checks.schedule import Cron, Every, OnCalendar, Schedule

DAILY = Cron("0 3 * * *", "UTC")
GRACE = timedelta(minutes=15)
DAY = timedelta(days=1)
FIRST = datetime(2026, 5, 4, 3, 0, tzinfo=UTC)


def question(
    planned: Schedule, hours: float, *, jitter: int = 0, grace: timedelta = GRACE, step: timedelta = DAY
) -> str | None:
    at = [FIRST + n * step + timedelta(hours=hours, minutes=n * jitter) for n in range(3)]
    return zone_hint.question(planned, grace, at[::-1])


@pytest.mark.parametrize(
    ("planned", "hours", "words"),
    [
        (DAILY, 5, "5 h after their slots. Is the time zone UTC right?"),
        (DAILY, 5.1, "5 h after their slots. Is the time zone UTC right?"),
        (DAILY, 5.5, "5 h 30 min after their slots. Is the time zone UTC right?"),
        (DAILY, -2, "2 h before their slots. Is the time zone UTC right?"),
        (DAILY, -1, "1 h before their slots. Is the time zone UTC right?"),
        (OnCalendar("03:00", "UTC"), 9, "9 h after their slots. Is the time zone UTC right?"),
    ],
)
def test_runs_that_are_hours_away_from_each_slot_ask_for_the_zone(
    planned: Schedule, hours: float, words: str
) -> None:
    assert question(planned, hours) == f"The last 3 runs came {words}"


def test_a_weekly_job_is_asked_too() -> None:
    assert question(Cron("0 3 * * MON", "UTC"), 5, step=7 * DAY) == (
        "The last 3 runs came 5 h after their slots. Is the time zone UTC right?"
    )


@pytest.mark.parametrize(
    ("planned", "hours", "jitter", "grace"),
    [
        (DAILY, 0, 0, GRACE),
        (DAILY, 0.5, 0, GRACE),
        (DAILY, 5, 30, GRACE),
        (DAILY, 5, 0, timedelta(hours=6)),
        (Every(DAY), 5, 0, GRACE),
        (Cron("0 */6 * * *", "UTC"), 2, 0, GRACE),
        (Cron("0 3 1 * *", "UTC"), 5, 0, GRACE),
    ],
    ids=[
        "on time",
        "a little late",
        "at any time",
        "within its grace",
        "an interval",
        "often a day",
        "no slot near",
    ],
)
def test_other_runs_ask_nothing(planned: Schedule, hours: float, jitter: int, grace: timedelta) -> None:
    assert question(planned, hours, jitter=jitter, grace=grace) is None


def test_two_runs_are_too_few() -> None:
    assert zone_hint.question(DAILY, GRACE, [FIRST + timedelta(hours=5), FIRST + timedelta(hours=29)]) is None


def test_a_change_of_the_clock_between_runs_asks_nothing_of_a_job_in_its_zone() -> None:
    berlin = Cron("0 3 * * *", "Europe/Berlin")
    heard = [datetime(2026, 3, day, hour, 1, tzinfo=UTC) for day, hour in ((30, 1), (29, 1), (28, 2))]
    assert zone_hint.question(berlin, GRACE, heard) is None


def test_runs_of_one_day_ask_nothing() -> None:
    first = FIRST + timedelta(hours=7)
    tests = [first + timedelta(seconds=20 * n) for n in range(3)]
    assert zone_hint.question(DAILY, GRACE, tests[::-1]) is None
    assert (
        zone_hint.question(DAILY, GRACE, [first + 2 * DAY, first + DAY + timedelta(seconds=9), first + DAY])
        is None
    )
