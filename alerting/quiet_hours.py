"""The hours in which a person is not paged for what is not critical. Pure.

They are kept each day on the clock on the wall of the person's zone. Where that clock shows their beginning twice,
they begin the first time; where it shows their end twice, they end the last time.
"""

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final, Self
from zoneinfo import ZoneInfo

from alerting import wall_clock

PATTERN: Final = r"(?:[01]?\d|2[0-3]):[0-5]\d-(?:[01]?\d|2[0-3]):[0-5]\d"
"""Quiet hours as a regular expression, also for JSON Schema."""
LONGEST: Final = timedelta(hours=16)
_DAY: Final = timedelta(days=1)
_HOURS: Final = re.compile(PATTERN, re.ASCII)


@dataclass(frozen=True, slots=True)
class QuietHours:
    """A part of each day, over midnight if it ends before it begins."""

    begins: time
    ends: time

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the hours in a text such as "22:00-07:00". Raises ValueError with one sentence."""
        if not _HOURS.fullmatch(text):
            raise ValueError(f"{text[:40]!r} are no hours; write two times of day, for example 22:00-07:00.")
        hours = cls(*(time.fromisoformat(part.zfill(5)) for part in text.split("-")))
        if not timedelta() < hours.length <= LONGEST:
            most = f"{LONGEST // timedelta(hours=1)} hours"
            raise ValueError(f"{text!r} is out of range; write more than nothing and at most {most}.")
        return hours

    def __str__(self) -> str:
        """Return the text that `parse` reads."""
        return f"{self.begins:%H:%M}-{self.ends:%H:%M}"

    @property
    def length(self) -> timedelta:
        """The time between the two on a day without a change of the clock."""
        begins, ends = (datetime.combine(date.min, at) for at in (self.begins, self.ends))
        return (ends - begins) % _DAY

    def until(self, at: datetime, zone: ZoneInfo) -> datetime | None:
        """Return the end of the hours that an instant lies in, None if it lies in none."""
        today = wall_clock.shown(at, zone).date()
        for day in (today - _DAY, today):
            begins = datetime.combine(day, self.begins)
            ends = wall_clock.last(begins + self.length, zone)
            if wall_clock.first(begins, zone) <= at < ends:
                return ends
        return None
