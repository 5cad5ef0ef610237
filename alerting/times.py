"""Times and durations as people say them. Pure; the reader's zone is an argument."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

MOST_NAMED = 5
"""People of whom one is paged, and who are all named."""


def duration(length: timedelta) -> str:
    """Return a length of time as people say it: "250 ms", "45 s", "12 min", "4 h 38 min", "24 h", "3 days"."""
    milliseconds = max(round(length / timedelta(milliseconds=1)), 1)
    if length > timedelta() and milliseconds < 1000:
        return f"{milliseconds} ms"
    seconds = max(round(length.total_seconds()), 0)
    if seconds < 60:
        return f"{seconds} s"
    minutes = seconds // 60
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours >= 48:
        return f"{hours // 24} days"
    return f"{hours} h {minutes} min" if minutes and hours < 24 else f"{hours} h"


def ago(at: datetime, now: datetime) -> str:
    """Return the age of an instant: "24 h ago", "just now"."""
    length = now - at
    return "just now" if length < timedelta(seconds=1) else f"{duration(length)} ago"


@lru_cache(maxsize=256)
def zone(name: str) -> ZoneInfo:
    """Return the time zone of this name, UTC if there is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def instant(at: datetime, now: datetime, timezone: str) -> str:
    """Return an instant in the reader's zone, with the day unless it is today: "03:00", "02 May 03:01"."""
    local = at.astimezone(zone(timezone))
    return f"{day(local, now.astimezone(zone(timezone)))}{local:%H:%M}"


def day(at: datetime, now: datetime) -> str:
    """Return the day before a time of day: empty today, else "02 May ", in another year "02 May 2027 "."""
    if at.date() == now.date():
        return ""
    return f"{at:%d %b} " if at.year == now.year else f"{at:%d %b %Y} "


def zone_name(at: datetime, timezone: str) -> str:
    """Return the name of the reader's time zone at an instant: "BST", "UTC", "+1030"."""
    return at.astimezone(zone(timezone)).tzname() or timezone


def count(number: int, noun: str) -> str:
    """Return a count with its noun: "1 job", "1,200 jobs"."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def ordinal(number: int) -> str:
    """Return the number of a place: "1st", "2nd", "11th"."""
    suffix = "th" if 10 <= number % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{suffix}"


def names(listed: Sequence[str]) -> str:
    """Return several names as one phrase: "Ann", "Ann and Bob", "Ann, Bob and Cem"."""
    return " and ".join([", ".join(listed[:-1]), listed[-1]] if len(listed) > 1 else listed)


def people(listed: Sequence[str], draws: bool = False) -> str:
    """Return those who are paged as one phrase, with "you" last: "Ann and Bob"; if it `draws`, "Ann or you"."""
    listed = sorted(listed, key=lambda name: name == "you") if draws else listed
    if not draws or len(listed) < 2:
        return names(listed)
    if len(listed) > MOST_NAMED:
        return f"one of {len(listed)} people"
    return f"{', '.join(listed[:-1])} or {listed[-1]}"


def are(listed: Sequence[str], draws: bool = False) -> str:
    """Return the verb of that phrase."""
    if draws and len(listed) > 1:
        return "are" if "you" in listed and len(listed) <= MOST_NAMED else "is"
    return "are" if len(listed) > 1 or list(listed) == ["you"] else "is"


def paged(listed: Sequence[str], earlier: Collection[str], draws: bool = False) -> str:
    """Return who is paged, and who of them again: "Ann is paged", "Cleo is paged and you are paged again"."""
    again = [name for name in listed if name in earlier]
    first = [name for name in listed if name not in earlier]
    if draws or not (again and first):
        return f"{people(listed, draws)} {are(listed, draws)} paged{'' if first else ' again'}"
    return f"{names(first)} {are(first)} paged and {names(again)} {are(again)} paged again"


@dataclass(frozen=True, slots=True)
class Clock:
    """The time at which somebody reads, in their zone (IANA)."""

    now: datetime
    timezone: str = "UTC"

    def at(self, instant_: datetime) -> str:
        """Return an instant with its zone: "03:20 UTC", "02 May 04:01 BST"."""
        return f"{instant(instant_, self.now, self.timezone)} {zone_name(instant_, self.timezone)}"

    def between(self, first: datetime, last: datetime) -> str:
        """Return a span, with its day unless it is today, and with both days if these differ.

        "03:02 UTC to 03:17 UTC", "02 May 23:00 UTC to 03 May 01:00 UTC".
        """
        now, begun, ended = (at.astimezone(zone(self.timezone)) for at in (self.now, first, last))
        begun_on = day(begun, now) or day(begun, ended)
        begun_at = f"{begun_on}{begun:%H:%M} {zone_name(first, self.timezone)}"
        return f"{begun_at} to {day(ended, begun)}{ended:%H:%M} {zone_name(last, self.timezone)}"

    def aged(self, instant_: datetime) -> str:
        """Return an instant with its zone and its age: "03:20 UTC (8 min ago)"."""
        return f"{self.at(instant_)} ({ago(instant_, self.now)})"
