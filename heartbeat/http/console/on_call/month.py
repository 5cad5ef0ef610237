"""A month of a rotation as a calendar shows it. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from alerting import rotation, wall_clock
from alerting.rotation import Rotation, Shift

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a day: who is on call, by name, and since when if that is not midnight. Without people, nobody is."""

    since: time | None
    people: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Day:
    """A day of the calendar. `inside` is False for days of the months beside it."""

    day: date
    inside: bool
    parts: tuple[Part, ...]


def first_day(text: str, today: date) -> date:
    """Return the first day of a month such as "2026-12", of the present one if the text is none."""
    try:
        first = date.fromisoformat(f"{text}-01")
    except ValueError:
        return today.replace(day=1)
    return first if abs(first.year - today.year) <= 5 else today.replace(day=1)


def before(first: date) -> date:
    """Return the first day of the month before."""
    return (first - _DAY).replace(day=1)


def after(first: date) -> date:
    """Return the first day of the month after."""
    return (first + 31 * _DAY).replace(day=1)


def weeks(of: Rotation, first: date, names: Mapping[str, str]) -> list[list[Day]]:
    """Return the weeks of the month that begins with `first`, from Monday to Sunday, on the clock of the rotation.

    `names` are those of the people, by their name in the configuration.
    """
    monday, end = first - first.weekday() * _DAY, after(first)
    count = -(-(end - monday).days // 7)
    last = monday + 7 * count * _DAY
    shifts = rotation.shifts(of, _midnight(of, monday), _midnight(of, last))
    days = [
        Day(day, day.month == first.month, _parts(of, day, shifts, names))
        for day in (monday + number * _DAY for number in range(7 * count))
    ]
    return [days[place : place + 7] for place in range(0, len(days), 7)]


def _midnight(of: Rotation, day: date) -> datetime:
    return wall_clock.first(datetime.combine(day, time()), of.zone)


def _parts(of: Rotation, day: date, shifts: Sequence[Shift], names: Mapping[str, str]) -> tuple[Part, ...]:
    begins, ends = _midnight(of, day), _midnight(of, day + _DAY)
    return tuple(
        Part(
            wall_clock.shown(shift.start, of.zone).time() if shift.start > begins else None,
            tuple(names.get(person, person) for person in shift.people),
        )
        for shift in shifts
        if shift.start < ends and begins < shift.end
    )
