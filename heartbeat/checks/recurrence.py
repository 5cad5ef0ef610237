"""Recurring maintenance: the occurrences of a rule (RRULE of RFC 5545) on the clock on the wall of a zone. Pure.

An occurrence begins at the first instant at which the clock shows its start. Where the clock skips that time, it begins
at the skip. It ends once the clock has shown its end for the last time, and never before its whole duration is over. So
it is longer in the night in which clocks go back, and covers each job at a local time within it.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import islice, pairwise
from typing import Any, Final
from zoneinfo import ZoneInfo

from dateutil import rrule

from alerting import times, wall_clock

LONGEST = timedelta(days=7)
"""The longest occurrence."""
AHEAD: Final = timedelta(days=9 * 366)
"""How far ahead occurrences are looked for: 29 February may be eight years away."""
LONGEST_RULE: Final = 200
"""Characters of a rule."""
FOLLOWING: Final = 5
"""Occurrences that are shown ahead."""
_COMPARED: Final = 60
"""Occurrences of which each must end before the next one begins."""
_NEAR: Final = 12
"""Occurrences that are kept for a day: more than can begin in it."""
_FREQUENCIES: Final = {
    "DAILY": rrule.DAILY,
    "WEEKLY": rrule.WEEKLY,
    "MONTHLY": rrule.MONTHLY,
    "YEARLY": rrule.YEARLY,
}
_WEEKDAYS: Final = {
    "MO": rrule.MO,
    "TU": rrule.TU,
    "WE": rrule.WE,
    "TH": rrule.TH,
    "FR": rrule.FR,
    "SA": rrule.SA,
    "SU": rrule.SU,
}
_NAMES: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_DAY: Final = re.compile(r"([+-]?[1-5])?(MO|TU|WE|TH|FR|SA|SU)", re.ASCII)
_NUMBER: Final = re.compile(r"[+-]?\d{1,3}", re.ASCII)
_LISTS: Final = {"BYMONTH": (1, 12), "BYMONTHDAY": (-31, 31), "BYSETPOS": (-366, 366)}
_ONCE: Final = {"FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST", "BYDAY", *_LISTS}
_ORDINALS: Final = {1: "first", 2: "second", 3: "third", 4: "fourth", 5: "fifth", -1: "last"}
_UNITS: Final = {"DAILY": "day", "WEEKLY": "week", "MONTHLY": "month", "YEARLY": "year"}


@dataclass(frozen=True, slots=True)
class Recurrence:
    """A rule, the first start on the wall (naive), the zone, and the duration of each occurrence.

    What began before `since` is over: somebody has ended it.
    """

    rule: str
    starts: datetime
    timezone: str
    duration: timedelta
    since: datetime | None = None

    @property
    def words(self) -> str:
        """The recurrence in words: "every week on Sunday at 01:00 for 4 h, Europe/London"."""
        at = f"at {self.starts:%H:%M} for {times.duration(self.duration)}, {self.timezone}"
        return f"{_in_words(self.rule, self.starts)} {at}"


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One occurrence, in UTC."""

    starts_at: datetime
    ends_at: datetime


def checked(rule: str) -> str:
    """Return a rule as it is stored. Raises ValueError with one sentence if it is not one that a window can have."""
    text = rule.strip().upper().removeprefix("RRULE:")
    if not text or len(text) > LONGEST_RULE:
        raise ValueError("is no rule; write for example FREQ=WEEKLY;BYDAY=SU.")
    _arguments(text)
    return text


def fault(recurrence: Recurrence, now: datetime) -> str | None:
    """Return the fault in a recurrence, in one sentence."""
    if not timedelta() < recurrence.duration <= LONGEST:
        return f"duration: must be more than nothing and at most {LONGEST.days} days."
    ahead = following(recurrence, now, _COMPARED)
    if not ahead:
        return "rrule: has no occurrence from now on, within nine years."
    if any(later.starts_at <= earlier.ends_at for earlier, later in pairwise(ahead)):
        return "duration: each window must end before the next one begins."
    return None


def current(recurrence: Recurrence, now: datetime) -> Occurrence | None:
    """Return the occurrence that is under way at `now`, or else the next one. None if there is none any more."""
    return next(iter(following(recurrence, now, 1)), None)


def following(recurrence: Recurrence, now: datetime, count: int) -> list[Occurrence]:
    """Return the next occurrences from `now` on, with the one that is under way, at most `count`."""
    day = now.astimezone(UTC).date()
    near = _near(recurrence, day) if count < _NEAR // 2 else tuple(islice(_from(recurrence, day), count + 3))
    return [occurrence for occurrence in near if occurrence.ends_at > now][:count]


@lru_cache(maxsize=4096)
def _near(recurrence: Recurrence, day: date) -> tuple[Occurrence, ...]:
    """Return the first occurrences that end on a day in UTC, or later. All of a day are looked for once."""
    return tuple(islice(_from(recurrence, day), _NEAR))


def _from(recurrence: Recurrence, day: date) -> Iterator[Occurrence]:
    begin = datetime.combine(day, time(), UTC)
    zone, since = ZoneInfo(recurrence.timezone), recurrence.since
    for wall in _walls(recurrence, wall_clock.shown(begin, zone) + AHEAD):
        starts_at = wall_clock.first(wall, zone)
        end = max(starts_at + recurrence.duration, wall_clock.last(wall + recurrence.duration, zone))
        if end > begin and (since is None or starts_at >= since):
            yield Occurrence(starts_at, end)


def _walls(recurrence: Recurrence, horizon: datetime) -> Iterator[datetime]:
    """Return the starts on the wall, in their order."""
    arguments, count, until = _arguments(recurrence.rule)
    latest = horizon
    if until is not None:
        zone = ZoneInfo(recurrence.timezone)
        latest = min(horizon, wall_clock.shown(until, zone) if until.tzinfo else until)
    # Without an end of its own, a rule that never applies would be tried until the year 9999.
    walls = rrule.rrule(dtstart=recurrence.starts, until=latest, **arguments)
    return islice(iter(walls), count)


def _arguments(rule: str) -> tuple[dict[str, Any], int | None, datetime | None]:
    """Return the arguments for the library, the number of occurrences, and the last start. Raises ValueError."""
    parts = dict(_parts(rule))
    frequency = parts.get("FREQ", "")
    if frequency not in _FREQUENCIES:
        raise ValueError(f"needs FREQ, one of {', '.join(_FREQUENCIES)}.")
    arguments: dict[str, Any] = {"freq": _FREQUENCIES[frequency]}
    arguments["interval"] = _integer(parts, "INTERVAL", 1, 1, 999)
    if "WKST" in parts:
        arguments["wkst"] = _weekday(parts["WKST"], plain=True)
    if "BYDAY" in parts:
        plain = frequency in ("DAILY", "WEEKLY")
        arguments["byweekday"] = [_weekday(day, plain=plain) for day in parts["BYDAY"].split(",")]
    for name, (low, high) in _LISTS.items():
        if name in parts:
            arguments[name.lower()] = [_bounded(name, text, low, high) for text in parts[name].split(",")]
    count = _integer(parts, "COUNT", 0, 1, 9999) if "COUNT" in parts else None
    if count is not None and "UNTIL" in parts:
        raise ValueError("has COUNT and UNTIL; use one of them.")
    return arguments, count, _until(parts["UNTIL"]) if "UNTIL" in parts else None


def _parts(rule: str) -> Iterator[tuple[str, str]]:
    seen: set[str] = set()
    for part in rule.split(";"):
        name, _, value = part.partition("=")
        if name not in _ONCE or not value:
            only = ", ".join(sorted(_ONCE))
            raise ValueError(f"{part[:40]!r} cannot stand in a rule here; it may have {only}.")
        if name in seen:
            raise ValueError(f"has {name} twice.")
        seen.add(name)
        yield name, value


def _integer(parts: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    return _bounded(name, parts[name], low, high) if name in parts else default


def _bounded(name: str, text: str, low: int, high: int) -> int:
    number = (
        int(text) if _NUMBER.fullmatch(text) or (text.isascii() and text.isdigit() and len(text) < 6) else 0
    )
    if not number or not low <= number <= high:
        raise ValueError(f"{name} must have numbers from {low} to {high}, and no 0.")
    return number


def _weekday(text: str, *, plain: bool) -> Any:
    match = _DAY.fullmatch(text)
    if match is None or (plain and match[1]):
        days = "MO, TU, WE, TH, FR, SA, SU" if plain else "MO to SU, or 1SU, -1FR"
        raise ValueError(f"{text[:20]!r} is no day here; write {days}.")
    day = _WEEKDAYS[match[2]]
    return day(int(match[1])) if match[1] else day


def _until(text: str) -> datetime:
    for form in ("%Y%m%dT%H%M%SZ", "%Y%m%dT%H%M%S", "%Y%m%d"):
        try:
            at = datetime.strptime(text, form)  # noqa: DTZ007 - a time on the wall unless it ends with Z
        except ValueError:
            continue
        if form == "%Y%m%d":
            return datetime.combine(at, time.max)
        return at.replace(tzinfo=UTC) if form.endswith("Z") else at
    raise ValueError("UNTIL must be written as 20261231 or 20261231T235959Z.")


def _in_words(rule: str, starts: datetime) -> str:
    """Return the words of common rules, or else the rule itself."""
    parts = dict(_parts(rule))
    end = f", {_end_in_words(parts)}" if {"COUNT", "UNTIL"} & parts.keys() else ""
    if parts.keys() - {"FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST", "BYDAY"}:
        return f"by the rule {rule},"
    unit, interval = _UNITS[parts["FREQ"]], int(parts.get("INTERVAL", 1))
    every = f"every {unit}" if interval == 1 else f"every {interval} {unit}s"
    if "BYDAY" in parts:
        days = times.names([_day_in_words(day) for day in parts["BYDAY"].split(",")])
        return f"{every} on {days}{end}"
    on = {
        "WEEKLY": f" on {_NAMES[starts.weekday()]}",
        "MONTHLY": f" on day {starts.day}",
        "YEARLY": f" on {starts.day} {starts:%B}",
    }
    return f"{every}{on.get(parts['FREQ'], '')}{end}"


def _end_in_words(parts: Mapping[str, str]) -> str:
    if "COUNT" in parts:
        return f"{parts['COUNT']} times in all,"
    return f"until {_until(parts['UNTIL']):%d %b %Y},"


def _day_in_words(day: str) -> str:
    match = _DAY.fullmatch(day)
    assert match is not None, "the rule was checked"
    name = _NAMES[list(_WEEKDAYS).index(match[2])]
    return f"the {_ORDINALS.get(int(match[1]), match[1])} {name}" if match[1] else name


def to_json(recurrence: Recurrence | None) -> dict[str, object] | None:
    """Return a recurrence as JSON for a row."""
    if recurrence is None:
        return None
    since = {"since": recurrence.since.isoformat()} if recurrence.since is not None else {}
    return {
        "rrule": recurrence.rule,
        "starts": recurrence.starts.isoformat(),
        "timezone": recurrence.timezone,
        "duration": recurrence.duration.total_seconds(),
        **since,
    }


def from_json(stored: Mapping[str, Any]) -> Recurrence:
    """Return the recurrence of a row."""
    since = stored.get("since")
    return Recurrence(
        rule=stored["rrule"],
        starts=datetime.fromisoformat(stored["starts"]),
        timezone=stored["timezone"],
        duration=timedelta(seconds=stored["duration"]),
        since=None if since is None else datetime.fromisoformat(since),
    )
