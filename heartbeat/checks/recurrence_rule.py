"""The rule of a recurrence (RRULE of RFC 5545): its text, and the days on which it applies. Pure.

A rule divides time into periods: days, weeks, months or years. It looks at each day of a period once, so that the work
for a span is bounded by the days in it, also for a rule that never applies.
"""

import re
from calendar import monthrange
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from itertools import count as numbers
from typing import Final

from alerting import times

LONGEST: Final = 200
"""Characters of a rule."""
_ONE_DAY: Final = timedelta(days=1)
_WEEKDAYS: Final = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_NAMES: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_DAY: Final = re.compile(r"([+-]?[1-5])?(MO|TU|WE|TH|FR|SA|SU)", re.ASCII)
_NUMBER: Final = re.compile(r"[+-]?\d{1,5}", re.ASCII)
_BOUNDS: Final = {"BYMONTH": (1, 12), "BYMONTHDAY": (-31, 31), "BYSETPOS": (-366, 366)}
_PARTS: Final = {"FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST", "BYDAY", *_BOUNDS}
_ORDINALS: Final = {1: "first", 2: "second", 3: "third", 4: "fourth", 5: "fifth", -1: "last"}


class Frequency(StrEnum):
    """The length of a rule's periods."""

    DAILY = "DAILY"
    WEEKLY = "WEEKLY"
    MONTHLY = "MONTHLY"
    YEARLY = "YEARLY"


_UNITS: Final = {
    Frequency.DAILY: "day",
    Frequency.WEEKLY: "week",
    Frequency.MONTHLY: "month",
    Frequency.YEARLY: "year",
}


@dataclass(frozen=True, slots=True)
class Weekday:
    """A weekday (Monday is 0), or the `nth` one of its month or year, from the end if negative. 0 means each."""

    weekday: int
    nth: int = 0

    @property
    def words(self) -> str:
        """The day in words: "Sunday", "the first Sunday"."""
        name = _NAMES[self.weekday]
        return f"the {_ORDINALS.get(self.nth, self.nth)} {name}" if self.nth else name


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule that a window can have. What is empty does not restrict the days."""

    text: str
    frequency: Frequency
    interval: int
    months: tuple[int, ...]
    month_days: tuple[int, ...]
    weekdays: tuple[Weekday, ...]
    positions: tuple[int, ...]
    week_start: int
    count: int | None
    until: datetime | None
    """The last start: on the wall if it has no zone."""

    def days(self, first: date, since: date, last: date) -> Iterator[date]:
        """Yield the days on which it applies from `since` until `last`, in order, if it begins on `first`.

        A rule with COUNT counts all days from `first` on, also those before `since`.
        """
        left = self.count
        for period in self._periods(first, first if left is not None else max(first, since), last):
            for day in self._chosen(period, first):
                if left == 0 or day > last:
                    return
                left = None if left is None else left - 1
                if day >= since:
                    yield day

    def words(self, first: date) -> str:
        """Return common rules in words ("every week on Sunday"), and others as they are written."""
        if self.months or self.month_days or self.positions:
            return f"by the rule {self.text},"
        unit = _UNITS[self.frequency]
        every = f"every {unit}" if self.interval == 1 else f"every {self.interval} {unit}s"
        on = {
            Frequency.WEEKLY: f" on {_NAMES[first.weekday()]}",
            Frequency.MONTHLY: f" on day {first.day}",
            Frequency.YEARLY: f" on {first.day} {first:%B}",
        }.get(self.frequency, "")
        if self.weekdays:
            on = f" on {times.names([day.words for day in self.weekdays])}"
        return f"{every}{on}{self._end_in_words()}"

    def _end_in_words(self) -> str:
        if self.count is not None:
            return f", {self.count} times in all,"
        return f", until {self.until:%d %b %Y}," if self.until is not None else ""

    def _periods(self, first: date, since: date, last: date) -> Iterator[tuple[date, date]]:
        """Yield the beginning and the end of each period from the one of `since` on, until `last`."""
        elapsed = self._number(since, first)
        for number in numbers(elapsed - elapsed % self.interval, self.interval):
            begin = self._beginning(number, first)
            if begin > last:
                return
            yield begin, self._beginning(number + 1, first)

    def _number(self, day: date, first: date) -> int:
        """Return the number of the period of a day. That of `first` is 0."""
        match self.frequency:
            case Frequency.DAILY:
                return (day - first).days
            case Frequency.WEEKLY:
                return (day - self._week(first)).days // 7
            case Frequency.MONTHLY:
                return (day.year - first.year) * 12 + day.month - first.month
            case Frequency.YEARLY:
                return day.year - first.year

    def _beginning(self, number: int, first: date) -> date:
        """Return the first day of a period."""
        match self.frequency:
            case Frequency.DAILY:
                return first + number * _ONE_DAY
            case Frequency.WEEKLY:
                return self._week(first) + 7 * number * _ONE_DAY
            case Frequency.MONTHLY:
                years, month = divmod(first.month - 1 + number, 12)
                return date(first.year + years, month + 1, 1)
            case Frequency.YEARLY:
                return date(first.year + number, 1, 1)

    def _week(self, day: date) -> date:
        return day - (day.weekday() - self.week_start) % 7 * _ONE_DAY

    def _chosen(self, period: tuple[date, date], first: date) -> Sequence[date]:
        """Return the days of a period on which the rule applies, none before `first`."""
        begin, end = period
        if self.frequency is Frequency.WEEKLY:
            begin = max(begin, first)  # Positions count from the first day on.
        days = [begin + number * _ONE_DAY for number in range((end - begin).days)]
        days = [day for day in days if self._applies(day, first)]
        if self.positions:
            places = {place - 1 if place > 0 else len(days) + place for place in self.positions}
            days = [days[place] for place in sorted(places) if 0 <= place < len(days)]
        return [day for day in days if day >= first]

    def _applies(self, day: date, first: date) -> bool:
        if self.months and day.month not in self.months:
            return False
        if self.month_days and not _is_among(self.month_days, day.day, monthrange(day.year, day.month)[1]):
            return False
        if self.weekdays:
            return any(self._falls_on(weekday, day) for weekday in self.weekdays)
        return bool(self.month_days) or self._repeats(first, day)

    def _repeats(self, first: date, day: date) -> bool:
        """Return whether the rule applies on a day if it names neither days of the month nor weekdays."""
        match self.frequency:
            case Frequency.DAILY:
                return True
            case Frequency.WEEKLY:
                return day.weekday() == first.weekday()
            case Frequency.MONTHLY:
                return day.day == first.day
            case Frequency.YEARLY:
                return day.day == first.day and (bool(self.months) or day.month == first.month)

    def _falls_on(self, weekday: Weekday, day: date) -> bool:
        if day.weekday() != weekday.weekday:
            return False
        if not weekday.nth:
            return True
        if self.frequency is Frequency.MONTHLY or self.months:
            place, length = day.day, monthrange(day.year, day.month)[1]
        else:
            place, length = day.timetuple().tm_yday, date(day.year, 12, 31).timetuple().tm_yday
        return weekday.nth in ((place - 1) // 7 + 1, -((length - place) // 7 + 1))


def _is_among(chosen: Sequence[int], place: int, length: int) -> bool:
    """Return whether a place is chosen, also as counted from the end."""
    return place in chosen or place - length - 1 in chosen


def checked(text: str) -> str:
    """Return a rule as it is stored. Raises ValueError with one sentence if it is not one that a window can have."""
    text = text.strip().upper().removeprefix("RRULE:")
    if not text or len(text) > LONGEST:
        raise ValueError("is no rule; write for example FREQ=WEEKLY;BYDAY=SU.")
    return read(text).text


@lru_cache(maxsize=1024)
def read(text: str) -> Rule:
    """Return the rule of a text as `checked` returns it. Raises ValueError with one sentence."""
    parts = dict(_parts(text))
    if parts.get("FREQ", "") not in list(Frequency):
        raise ValueError(f"needs FREQ, one of {', '.join(Frequency)}.")
    if "COUNT" in parts and "UNTIL" in parts:
        raise ValueError("has COUNT and UNTIL; use one of them.")
    frequency = Frequency(parts["FREQ"])
    plain = frequency in (Frequency.DAILY, Frequency.WEEKLY)
    return Rule(
        text=text,
        frequency=frequency,
        interval=_integer("INTERVAL", parts.get("INTERVAL", "1"), 1, 999),
        months=_list(parts, "BYMONTH"),
        month_days=_list(parts, "BYMONTHDAY"),
        weekdays=tuple(_weekday(day, plain=plain) for day in _listed(parts, "BYDAY")),
        positions=_list(parts, "BYSETPOS"),
        week_start=_weekday(parts.get("WKST", "MO"), plain=True).weekday,
        count=_integer("COUNT", parts["COUNT"], 1, 9999) if "COUNT" in parts else None,
        until=_until(parts["UNTIL"]) if "UNTIL" in parts else None,
    )


def _parts(rule: str) -> Iterator[tuple[str, str]]:
    seen: set[str] = set()
    for part in rule.split(";"):
        name, _, value = part.partition("=")
        if name not in _PARTS or not value:
            only = ", ".join(sorted(_PARTS))
            raise ValueError(f"{part[:40]!r} cannot stand in a rule here; it may have {only}.")
        if name in seen:
            raise ValueError(f"has {name} twice.")
        seen.add(name)
        yield name, value


def _listed(parts: Mapping[str, str], name: str) -> list[str]:
    return parts[name].split(",") if name in parts else []


def _list(parts: Mapping[str, str], name: str) -> tuple[int, ...]:
    low, high = _BOUNDS[name]
    return tuple(_integer(name, text, low, high) for text in _listed(parts, name))


def _integer(name: str, text: str, low: int, high: int) -> int:
    number = int(text) if _NUMBER.fullmatch(text) else 0
    if not number or not low <= number <= high:
        raise ValueError(f"{name} must have numbers from {low} to {high}, and no 0.")
    return number


def _weekday(text: str, *, plain: bool) -> Weekday:
    match = _DAY.fullmatch(text)
    if match is None or (plain and match[1]):
        days = "MO, TU, WE, TH, FR, SA, SU" if plain else "MO to SU, or 1SU, -1FR"
        raise ValueError(f"{text[:20]!r} is no day here; write {days}.")
    return Weekday(_WEEKDAYS.index(match[2]), int(match[1] or 0))


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
