"""A schedule in English, such as "every 15 minutes" or "at 03:00, Monday to Friday". Pure.

Only the ordinary forms of crontab(5) are spoken, and only where the words are exact. Every other expression is quoted
as it is written.
"""

import re
from collections.abc import Sequence
from typing import Final

from alerting import times
from heartbeat.checks import expectation, schedule
from heartbeat.checks.expectation import Expectation
from heartbeat.checks.schedule import Cron, Every, Schedule

MOST_TIMES: Final = 6
"""Times of a day that are listed, at most."""

_DAYS: Final = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_MONTHS: Final = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_DAILY_EVENT: Final = re.compile(r"(?:\*-\*-\* )?(\d\d?):(\d\d)(?::00)?")
_EVERYWHERE: Final = re.compile(r"every( \d+)? (second|minute)s?(, \d+ seconds? past the minute)?")
_TIME: Final = re.compile(r"\b\d\d:\d\d\b")
_STEP: Final = re.compile(r"\*/(\d+)")
_RANGE: Final = re.compile(r"(\w+)-(\w+)")


def in_words(planned: Schedule) -> str:
    """Describe a schedule in English if that is short and exact, else quote the expression."""
    if isinstance(planned, Every):
        return f"every {schedule.period_in_words(planned.period)}"
    if isinstance(planned, Cron):
        words = _cron(schedule.fields_of(planned.expression)) or f'cron "{planned.expression}"'
        # An interval that restarts each hour means the same in every zone.
        placed = words if _EVERYWHERE.fullmatch(words) else f"{words}, {planned.timezone}"
        return f"{placed}, as Kubernetes runs it" if planned.kubernetes else placed
    if daily := _DAILY_EVENT.fullmatch(planned.expression):
        return f"at {daily[1]:0>2}:{daily[2]} every day, {planned.timezone}"
    return f'OnCalendar "{planned.expression}", {planned.timezone}'


def with_expectation(planned: Schedule, expected: Expectation) -> str:
    """Describe a schedule and what is expected of its runs: "at 01:30 every day, Europe/London, to finish by 06:00"."""
    clock = expected.window is not None and isinstance(planned, Every)
    placed = f" ({expected.timezone})" if clock else ""
    return ", ".join(filter(None, [in_words(planned), expectation.in_words(expected, placed)]))


def _cron(fields: Sequence[str]) -> str:
    """Return the words for five or six fields, empty if they are not an ordinary form."""
    if len(fields) == 6:
        return _with_seconds(fields[0], fields[1:])
    minute, hour, day, month, weekday = fields
    clock, each_day = _times(minute, hour)
    days = _days(day, month, weekday)
    if not clock or days is None:
        return ""
    if not days:
        return f"{clock} every day" if each_day else clock
    return f"{clock}{days}"


def _with_seconds(second: str, others: Sequence[str]) -> str:
    """Return the words for six fields, of which the first has seconds."""
    if interval := _interval(second):
        every = "every second" if interval == 1 else f"every {interval} seconds"
        return every if set(others) == {"*"} else ""
    seconds, words = _values(second, 0, 59), _cron(others)
    if len(seconds) != 1 or not words or seconds == [0]:
        return words if seconds == [0] else ""
    if words.startswith("at ") and _TIME.search(words):
        return _TIME.sub(rf"\g<0>:{seconds[0]:02}", words)
    return f"{words}, {times.count(seconds[0], 'second')} past the minute"


def _times(minute: str, hour: str) -> tuple[str, bool]:
    """Return the times of a day in words, and whether they are single times, which need "every day"."""
    interval = _interval(minute) if hour == "*" or not minute[0].isdigit() else 0
    if interval:
        words = "every minute" if interval == 1 else f"every {interval} minutes"
        return _within_hours(words, hour, last=60 - interval), False
    minutes = _values(minute, 0, 59)
    if len(minutes) == 1 and (hour == "*" or _STEP.fullmatch(hour) or _RANGE.fullmatch(hour)):
        return _hourly(minutes[0], hour), False
    if hour == "*":
        listed = _listed([str(value) for value in minutes])
        return (f"at {listed} minutes past every hour" if 0 < len(minutes) <= MOST_TIMES else ""), False
    hours = _values(hour, 0, 23)
    if not 0 < len(hours) * len(minutes) <= MOST_TIMES:
        return "", False
    return f"at {_listed([f'{h:02}:{m:02}' for h in hours for m in minutes])}", True


def _interval(minute: str) -> int:
    """Return the minutes between two times if they are even also across the hour, else 0."""
    if minute == "*":
        return 1
    step = _STEP.fullmatch(minute)
    values = list(range(0, 60, int(step[1]))) if step and int(step[1]) else _values(minute, 0, 59)
    size = 60 // len(values) if values else 0
    return size if len(values) > 1 and values == list(range(0, 60, size)) else 0


def _within_hours(words: str, hour: str, last: int) -> str:
    if hour == "*":
        return words
    hours = _values(hour, 0, 23)
    if not hours or hours != list(range(hours[0], hours[-1] + 1)):
        return ""
    return f"{words} from {hours[0]:02}:00 to {hours[-1]:02}:{last:02}"


def _hourly(minute: int, hour: str) -> str:
    past = f" at {minute} {'minute' if minute == 1 else 'minutes'} past" if minute else ""
    if hour == "*":
        return f"every hour{past}" if minute else "at the start of every hour"
    if step := _STEP.fullmatch(hour):
        size = int(step[1])
        return f"every {size} hours{past}" if size > 1 and 24 % size == 0 else ""
    hours = _values(hour, 0, 23)
    return f"every hour from {hours[0]:02}:{minute:02} to {hours[-1]:02}:{minute:02}" if hours else ""


def _days(day: str, month: str, weekday: str) -> str | None:
    """Return the days in words, empty for every day. None if they are not an ordinary form."""
    months = [] if month == "*" else _values(month, 1, 12, _MONTHS)
    if month != "*" and not months:
        return None
    names = _listed([_MONTHS[value - 1] for value in months])
    if day == "*" and weekday == "*":
        return f" every day in {names}" if names else ""
    if day == "*":
        weekdays = _weekdays(weekday)
        return weekdays and weekdays + (f" in {names}" if names else "")
    dates = ["last day"] if day.upper() == "L" else [_ordinal(value) for value in _values(day, 1, 31)]
    if weekday != "*" or not 0 < len(dates) <= MOST_TIMES:
        return None
    return f" on the {_listed(dates)} of {names or 'every month'}"


def _weekdays(weekday: str) -> str | None:
    """Return days of the week in words, or None. A week begins on Monday in words."""
    values = _values(weekday, 0, 7, _DAYS, base=-1)
    days = sorted({(value - 1) % 7 for value in values})
    if not days:
        return None
    names = [_DAYS[(value + 1) % 7] for value in days]
    if len(names) > 2 and days == list(range(days[0], days[-1] + 1)):
        return f", {names[0]} to {names[-1]}"
    return f" every {_listed(names)}"


def _values(text: str, low: int, high: int, names: Sequence[str] = (), base: int = 0) -> list[int]:
    """Return the numbers that a field lists, in order; empty if it has anything but numbers, names and ranges."""
    values: set[int] = set()
    for part in text.split(","):
        ends = _RANGE.fullmatch(part)
        first, last = (_number(end, names, base) for end in (ends.groups() if ends else (part, part)))
        if first is None or last is None or not low <= first <= last <= high:
            return []
        values.update(range(first, last + 1))
    return sorted(values)


def _number(text: str, names: Sequence[str], base: int) -> int | None:
    if text.isascii() and text.isdigit():
        return int(text)
    short = [name[:3].upper() for name in names]
    return short.index(text.upper()) + 1 + base if len(text) == 3 and text.upper() in short else None


def _ordinal(number: int) -> str:
    suffix = "th" if 10 < number < 14 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{suffix}"


def _listed(words: Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
