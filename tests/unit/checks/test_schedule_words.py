"""Schedules in English: the ordinary forms are spoken, and all others are quoted."""

from datetime import time, timedelta

import pytest

from heartbeat.checks.expectation import Expectation
from heartbeat.checks.schedule import Cron, Every, OnCalendar, Schedule
from heartbeat.checks.schedule_words import in_words, with_expectation
from heartbeat.checks.time_of_day import Window

LONDON = "Europe/London"
MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("schedule", "description"),
    [
        (Every(timedelta(seconds=1)), "every second"),
        (Every(5 * MINUTE), "every 5 minutes"),
        (Every(90 * MINUTE), "every 90 minutes"),
        (Every(60 * MINUTE), "every hour"),
        (Every(timedelta(days=366)), "every 366 days"),
        (Every(timedelta(seconds=1.5)), "every 1.5 seconds"),
        (OnCalendar("*-*-* 03:00:00", LONDON), "at 03:00 every day, Europe/London"),
        (OnCalendar("3:00", LONDON), "at 03:00 every day, Europe/London"),
        (OnCalendar("Mon..Fri 03:00", "UTC"), 'OnCalendar "Mon..Fri 03:00", UTC'),
    ],
)
def test_intervals_and_daily_events_are_spoken(schedule: Schedule, description: str) -> None:
    assert in_words(schedule) == description


@pytest.mark.parametrize(
    ("expression", "description"),
    [
        ("* * * * *", "every minute"),
        ("*/1 * * * *", "every minute"),
        ("*/15 * * * *", "every 15 minutes"),
        ("0,30 * * * *", "every 30 minutes"),
        ("0,15,30,45 * * * *", "every 15 minutes"),
        ("*/15 9-17 * * *", "every 15 minutes from 09:00 to 17:45, Europe/London"),
        ("*/15 9 * * *", "every 15 minutes from 09:00 to 09:45, Europe/London"),
        ("* 8-9 * * MON-FRI", "every minute from 08:00 to 09:59, Monday to Friday, Europe/London"),
        ("*/30 * * * 6", "every 30 minutes every Saturday, Europe/London"),
        ("0 * * * *", "at the start of every hour, Europe/London"),
        ("@hourly", "at the start of every hour, Europe/London"),
        ("7 * * * *", "every hour at 7 minutes past, Europe/London"),
        ("1 * * * *", "every hour at 1 minute past, Europe/London"),
        ("5,35 * * * *", "at 5 and 35 minutes past every hour, Europe/London"),
        ("0 */2 * * *", "every 2 hours, Europe/London"),
        ("15 */6 * * *", "every 6 hours at 15 minutes past, Europe/London"),
        ("15 9-17 * * 1-5", "every hour from 09:15 to 17:15, Monday to Friday, Europe/London"),
        ("0 3 * * *", "at 03:00 every day, Europe/London"),
        ("@daily", "at 00:00 every day, Europe/London"),
        ("@MIDNIGHT", "at 00:00 every day, Europe/London"),
        ("0 6,12,18 * * *", "at 06:00, 12:00 and 18:00 every day, Europe/London"),
        ("0,30 3 * * *", "at 03:00 and 03:30 every day, Europe/London"),
        ("10,40 3,4 * * *", "at 03:10, 03:40, 04:10 and 04:40 every day, Europe/London"),
        ("30 3 * * MON-FRI", "at 03:30, Monday to Friday, Europe/London"),
        ("30 3 * * 1,3,5", "at 03:30 every Monday, Wednesday and Friday, Europe/London"),
        ("30 3 * * 0,6", "at 03:30 every Saturday and Sunday, Europe/London"),
        ("30 3 * * 7", "at 03:30 every Sunday, Europe/London"),
        ("30 3 * * sun", "at 03:30 every Sunday, Europe/London"),
        ("@weekly", "at 00:00 every Sunday, Europe/London"),
        ("0 3 1 * *", "at 03:00 on the 1st of every month, Europe/London"),
        ("0 3 2,15,22 * *", "at 03:00 on the 2nd, 15th and 22nd of every month, Europe/London"),
        ("0 3 11-13 * *", "at 03:00 on the 11th, 12th and 13th of every month, Europe/London"),
        ("0 0 L * *", "at 00:00 on the last day of every month, Europe/London"),
        ("@yearly", "at 00:00 on the 1st of January, Europe/London"),
        ("0 3 1 1,4,7,10 *", "at 03:00 on the 1st of January, April, July and October, Europe/London"),
        ("* * * * * *", "every second"),
        ("*/10 * * * * *", "every 10 seconds"),
        ("0 */5 * * * *", "every 5 minutes"),
        ("30 */5 * * * *", "every 5 minutes, 30 seconds past the minute"),
        ("1 * * * * *", "every minute, 1 second past the minute"),
        ("15 0 * * * *", "at the start of every hour, 15 seconds past the minute, Europe/London"),
        ("30 0 3 * * *", "at 03:00:30 every day, Europe/London"),
        ("5 0,30 3 * * MON-FRI", "at 03:00:05 and 03:30:05, Monday to Friday, Europe/London"),
        ("0 3 * JUN *", "at 03:00 every day in June, Europe/London"),
        ("0 3 * 6-8 MON", "at 03:00 every Monday in June, July and August, Europe/London"),
    ],
)
def test_the_ordinary_cron_lines_are_spoken(expression: str, description: str) -> None:
    assert in_words(Cron(expression, LONDON)) == description


@pytest.mark.parametrize(
    "expression",
    [
        "*/7 * * * *",
        "*/45 * * * *",
        "*/7 1-5 * * *",
        "0 */5 * * *",
        "5-59/10 * * * *",
        "0 0 1 * MON",
        "0 3 */2 * *",
        "0 3 * */3 *",
        "0 3 * * 5#2",
        "0 3 * * MON#1",
        "0 3 LW * *",
        "*/15 9,11 * * *",
        "0,10,20,35 3,4 * * *",
        "0 3 * * FRI-SUN",
        "*/10 0 3 * * *",
        "0,5 0 3 * * *",
        "30 */7 * * * *",
    ],
)
def test_other_cron_lines_stay_as_they_are_written(expression: str) -> None:
    assert in_words(Cron(expression, "UTC")) == f'cron "{expression}", UTC'


@pytest.mark.parametrize(
    ("planned", "expected", "words"),
    [
        (
            Cron("0 0 * * *", "Europe/London"),
            Expectation(finish_by=time(6), timezone="Europe/London"),
            "at 00:00 every day, Europe/London, to finish by 06:00",
        ),
        (
            Every(timedelta(days=1)),
            Expectation(window=Window(time(22), time(4)), timezone="Asia/Tokyo"),
            "every day, only between 22:00 and 04:00 (Asia/Tokyo)",
        ),
        (Every(timedelta(hours=1)), Expectation(), "every hour"),
        (Every(timedelta(hours=1)), Expectation(one_at_a_time=True), "every hour, one at a time"),
    ],
)
def test_a_schedule_is_said_with_what_is_expected_of_its_runs(
    planned: Schedule, expected: Expectation, words: str
) -> None:
    assert with_expectation(planned, expected) == words
