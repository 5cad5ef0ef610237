"""Times of day in a zone, such as 06:00 in Europe/London, and the windows between two of them, as moments. Pure.

Where the clock skips a time of day, that time comes when the gap ends, as cron has it. Where the clock shows it twice,
it comes twice.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Final, Self
from zoneinfo import ZoneInfo

SKEW: Final = timedelta(seconds=30)
"""The clocks of jobs differ: a ping this long before or after a window is still in it."""
PATTERN: Final = r"(?:[01]?\d|2[0-3]):[0-5]\d"
"""A time of day as a regular expression, also for JSON Schema."""
WINDOW_PATTERN: Final = rf"{PATTERN}\s*-\s*(?:{PATTERN}|24:00)"
_TIME: Final = re.compile(PATTERN, re.ASCII)
_WINDOW: Final = re.compile(WINDOW_PATTERN, re.ASCII)
_DAY: Final = timedelta(days=1)
_MINUTE: Final = timedelta(minutes=1)
_NEAR: Final = range(-2, 3)
"""Days around a moment, in its zone: a zone has once skipped a whole day, and a window lasts nearly one."""


def parse(text: str) -> time:
    """Return the time of day in a text such as "06:00". Raises ValueError with one sentence."""
    if not _TIME.fullmatch(text):
        raise ValueError(f'{text[:40]!r} is no time of day; write for example "06:00".')
    return time.fromisoformat(text.zfill(5))


def written(at: time) -> str:
    """Return the text that `parse` reads: "06:00"."""
    return f"{at:%H:%M}"


@dataclass(frozen=True, slots=True)
class Window:
    """A part of each day, over midnight if it closes before it opens."""

    opens: time
    closes: time

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the window in a text such as "22:00-04:00". Raises ValueError with one sentence."""
        if not _WINDOW.fullmatch(text):
            raise ValueError(
                f'{text[:40]!r} is no window; write two times of day, for example "01:00-03:00".'
            )
        opens, closes = (part.strip() for part in text.split("-"))
        window = cls(parse(opens), time() if closes == "24:00" else parse(closes))
        if window.opens == window.closes:
            raise ValueError(f"{text!r} is a window of no length; write two different times of day.")
        return window

    @property
    def written(self) -> str:
        """The text that `parse` reads: "22:00-04:00"."""
        return f"{written(self.opens)}-{written(self.closes)}"

    @property
    def length(self) -> timedelta:
        """The time between the two on a day without a change of the clock."""
        return (datetime.combine(date.min, self.closes) - datetime.combine(date.min, self.opens)) % _DAY


def next_after(at: time, since: datetime, zone: ZoneInfo) -> datetime:
    """Return the first moment after `since` at which it is this time of day in the zone."""
    day = since.astimezone(zone).date()
    return min(moment for near in _days(day) for moment in _moments(near, at, zone) if moment > since)


def is_within(window: Window, at: datetime, zone: ZoneInfo) -> bool:
    """Return whether a moment is in the window of some day, give or take `SKEW`.

    The window lasts at least as long as on any other day, also if the clock skips a part of it. It opens the first
    time that the clock shows its beginning, and closes the last time that the clock shows its end.
    """
    day = at.astimezone(zone).date()
    return any(opens - SKEW <= at <= closes + SKEW for opens, closes in _openings(window, day, zone))


@lru_cache(maxsize=4096)
def _openings(window: Window, day: date, zone: ZoneInfo) -> tuple[tuple[datetime, datetime], ...]:
    """Return the first and the last moment of the windows around a day."""
    return tuple((_first(near, window, zone), _last(near, window, zone)) for near in _days(day))


def _first(day: date, window: Window, zone: ZoneInfo) -> datetime:
    return _moments(day, window.opens, zone)[0]


def _last(day: date, window: Window, zone: ZoneInfo) -> datetime:
    closing_day = day if window.closes > window.opens else day + _DAY
    return max(_moments(closing_day, window.closes, zone)[-1], _first(day, window, zone) + window.length)


def _days(day: date) -> Iterator[date]:
    return (day + near * _DAY for near in _NEAR)


@lru_cache(maxsize=4096)
def _moments(day: date, at: time, zone: ZoneInfo) -> tuple[datetime, ...]:
    """Return the moments at which it is this time on a day: one, or two if the clock repeats it."""
    wall = datetime.combine(day, at)
    while _moment(wall, zone, 1) < _moment(wall, zone, 0):
        wall += _MINUTE
    first, second = _moment(wall, zone, 0), _moment(wall, zone, 1)
    return (first,) if first == second else (first, second)


def _moment(wall: datetime, zone: ZoneInfo, fold: int) -> datetime:
    return wall.replace(tzinfo=zone, fold=fold).astimezone(UTC)
