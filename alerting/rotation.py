"""Rotations: who is on call, and when. Pure.

A rotation has layers. In a layer people take turns: each has one shift, then hands over to the next. Another layer
follows a calendar. The first layer that has somebody on call at a time decides. Overrides change that for a span: a
swap, a cover, a leave. Only `on_call` knows who is on call. `shifts` asks it at each instant at which the answer may
change, so that a preview, a calendar and a page at night agree.

Shifts and hours are kept on the clock on the wall of the rotation's zone. Shifts follow each other without a hole,
also where the clock is put forward or back.
"""

import re
from bisect import bisect_right, insort
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from itertools import pairwise
from operator import itemgetter
from typing import Any, Final, Self
from zoneinfo import ZoneInfo

from alerting import calendar_layer, times, wall_clock
from alerting.calendar_layer import CalendarLayer
from alerting.origin import Origin

WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
EVER: Final = datetime.min.replace(tzinfo=UTC)
NEVER_ENDS: Final = datetime.max.replace(tzinfo=UTC)
_DAY: Final = timedelta(days=1)
_MINUTE: Final = timedelta(minutes=1)
_LENGTH: Final = re.compile(r"([1-9]\d{0,3})(mo|[hdw])", re.ASCII)


class Unit(StrEnum):
    """The unit of a shift's length."""

    HOUR = "h"
    DAY = "d"
    WEEK = "w"
    MONTH = "mo"


_FIXED: Final = {Unit.HOUR: timedelta(hours=1), Unit.DAY: _DAY, Unit.WEEK: timedelta(weeks=1)}


@dataclass(frozen=True, slots=True)
class Length:
    """The length of a shift on the clock on the wall, such as 12 hours, a day or a month."""

    count: int
    unit: Unit

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the length in a text such as "12h", "1d", "2w" or "1mo". Raises ValueError with one sentence."""
        match = _LENGTH.fullmatch(text)
        if match is None:
            raise ValueError(f"{text[:40]!r} is no length of a shift; write for example 12h, 1d, 1w or 1mo.")
        return cls(int(match[1]), Unit(match[2]))

    def __str__(self) -> str:
        """Return the text that `parse` reads."""
        return f"{self.count}{self.unit.value}"

    def after(self, start: datetime, turns: int) -> datetime:
        """Return the time on the wall at which turn number `turns` begins, if number 0 begins at `start`.

        A month without the day of `start` hands over on its last day.
        """
        if self.unit is not Unit.MONTH:
            return start + turns * self.count * _FIXED[self.unit]
        years, month = divmod(start.month - 1 + turns * self.count, 12)
        following = date(start.year + years + (month == 11), (month + 1) % 12 + 1, 1)
        return start.replace(
            year=start.year + years, month=month + 1, day=min(start.day, (following - _DAY).day)
        )

    def turn_at(self, start: datetime, wall: datetime) -> int:
        """Return the number of the turn that this time on the wall belongs to."""
        if self.unit is not Unit.MONTH:
            return (wall - start) // (self.count * _FIXED[self.unit])
        months = (wall.year - start.year) * 12 + wall.month - start.month
        turn = months // self.count
        return turn if self.after(start, turn) <= wall else turn - 1


@dataclass(frozen=True, slots=True)
class Window:
    """A part of some weekdays (Monday is 0), from `opens` to `closes` after midnight, which may be on the next day.

    Where the clock shows its beginning twice, it opens the first time. Where it shows its end twice, it closes the last
    time.
    """

    days: tuple[int, ...] = tuple(range(7))
    opens: timedelta = timedelta()
    closes: timedelta = _DAY

    def on(self, day: date, zone: ZoneInfo) -> tuple[datetime, datetime] | None:
        """Return the window that opens on this day, None if none does."""
        if day.weekday() not in self.days:
            return None
        midnight = datetime.combine(day, time())
        return wall_clock.first(midnight + self.opens, zone), wall_clock.last(midnight + self.closes, zone)


@dataclass(frozen=True, slots=True)
class Layer:
    """People who take turns from `start` on, which is a time on the wall. Before it nobody is on call.

    With windows in `only`, whoever has the turn is on call within them alone.
    """

    people: tuple[str, ...]
    shift: Length
    start: datetime
    only: tuple[Window, ...] = ()
    open_spans: tuple[tuple[datetime, datetime], ...] | None = field(default=None, compare=False, repr=False)
    """Its windows in a span, joined and in order, so that they are looked for once."""

    def within(self, start: datetime, end: datetime, zone: ZoneInfo) -> Self:
        """Return the layer for questions about a span alone."""
        return replace(self, open_spans=_union(openings(self.only, start, end, zone))) if self.only else self

    def turn(self, at: datetime, zone: ZoneInfo) -> int:
        """Return the number of the shift at an instant, negative before the first."""
        turn = self.shift.turn_at(self.start, wall_clock.shown(at, zone))
        while wall_clock.first(self.shift.after(self.start, turn + 1), zone) <= at:
            turn += 1  # The clock was put back after the hand-over.
        return turn

    def on_call(self, at: datetime, zone: ZoneInfo, present: Callable[[str], str]) -> list[str]:
        """Return whoever has the turn at an instant, or else comes next.

        `present` returns a person, or who stands in for them, or nobody.
        """
        if not self.is_open(at, zone):
            return []
        turn, count = self.turn(at, zone), len(self.people)
        turns = (self.people[(turn + place) % count] for place in range(count))
        name = next((on for person in turns if (on := present(person))), "")
        return [name] if name else []

    def is_open(self, at: datetime, zone: ZoneInfo) -> bool:
        """Return whether anybody can be on call at an instant."""
        if self.open_spans is not None:
            place = bisect_right(self.open_spans, at, key=itemgetter(0)) - 1
            is_open = place >= 0 and at < self.open_spans[place][1]
        else:
            is_open = not self.only or is_within(self.only, at, zone)
        return is_open and self.turn(at, zone) >= 0

    def edges(self, start: datetime, end: datetime, zone: ZoneInfo) -> Iterator[datetime]:
        """Yield the instants of a span at which somebody else may be on call."""
        for turn in range(max(self.turn(start, zone), 0), self.turn(end, zone) + 1):
            yield wall_clock.first(self.shift.after(self.start, turn), zone)
        for opens, closes in openings(self.only, start, end, zone):
            yield opens
            yield closes


def is_within(windows: Sequence[Window], at: datetime, zone: ZoneInfo) -> bool:
    """Return whether an instant is in one of the windows."""
    return any(opens <= at < closes for opens, closes in openings(windows, at, at, zone))


def openings(
    windows: Sequence[Window], start: datetime, end: datetime, zone: ZoneInfo
) -> Iterator[tuple[datetime, datetime]]:
    """Yield the windows that may touch a span. One lasts two days at most, and a zone may skip or repeat a part."""
    day, final = (wall_clock.shown(at, zone).date() for at in (start, end))
    day -= 3 * _DAY
    while day <= final + _DAY:
        for window in windows:
            if opening := window.on(day, zone):
                yield opening
        day += _DAY


def _union(spans: Iterable[tuple[datetime, datetime]]) -> tuple[tuple[datetime, datetime], ...]:
    """Return what spans cover, in order, those that overlap or touch as one."""
    union: list[tuple[datetime, datetime]] = []
    for start, end in sorted(spans):
        if union and start <= union[-1][1]:
            start, end = union[-1][0], max(end, union.pop()[1])
        union.append((start, end))
    return tuple(union)


class Change(StrEnum):
    """What an override does."""

    REPLACE = "replace"
    ADD = "add"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True)
class Override:
    """A change of a rotation from `start` until `end`: `on` goes on call, and `off` goes off call.

    `replace` without `off` puts `on` in place of everybody. `remove` without `on` leaves it to whoever comes next in
    the layer. A removed person is not on call at all, also not by another override: that is a leave.
    """

    change: Change
    start: datetime
    end: datetime
    on: str = ""
    off: str = ""
    id: int = 0

    def holds(self, at: datetime) -> bool:
        """Return whether it is in force at an instant."""
        return self.start <= at < self.end


@dataclass(frozen=True, slots=True)
class Rotation:
    """A named list of layers, the one that decides first, in the wall-clock time of an IANA zone.

    `overrides` are no part of its definition, oldest first.
    """

    name: str
    timezone: str
    layers: tuple[Layer | CalendarLayer, ...]
    origin: Origin = field(default=Origin.FILE, compare=False)
    overrides: tuple[Override, ...] = field(default=(), compare=False, repr=False)

    @property
    def zone(self) -> ZoneInfo:
        """The time zone."""
        return times.zone(self.timezone)

    @property
    def people(self) -> list[str]:
        """The names in its layers, each once."""
        return list(dict.fromkeys(name for layer in self.layers for name in layer.people))

    @property
    def named(self) -> list[str]:
        """The names in its own layers, each once: those that calendars name come and go."""
        own = (layer for layer in self.layers if isinstance(layer, Layer))
        return list(dict.fromkeys(name for layer in own for name in layer.people))

    @property
    def calendars(self) -> list[CalendarLayer]:
        """Its layers that follow a calendar."""
        return [layer for layer in self.layers if isinstance(layer, CalendarLayer)]

    @property
    def about_calendar(self) -> str:
        """The subject to which the encrypted address of a calendar is bound."""
        return f"rotation {self.name} calendar"

    @property
    def members(self) -> list[str]:
        """The names of all who may be on call by it, overrides included, each once."""
        stand_ins = [override.on for override in self.overrides if override.on]
        return list(dict.fromkeys([*self.people, *stand_ins]))

    def without_strangers(self, people: Collection[str]) -> "Rotation":
        """Return the rotation as it is if only these people exist: whoever comes next takes the turns of the others."""
        known = (one for one in self.overrides if not one.on or one.on in people)
        gone = (
            Override(Change.REMOVE, EVER, NEVER_ENDS, off=name) for name in self.people if name not in people
        )
        overrides = (*gone, *known)
        return self if overrides == self.overrides else replace(self, overrides=overrides)


@dataclass(frozen=True, slots=True)
class Shift:
    """A span with the same people on call; with none, nobody is."""

    start: datetime
    end: datetime
    people: tuple[str, ...]


def on_call(rotation: Rotation, at: datetime) -> tuple[str, ...]:
    """Return the names of the people on call at an instant; none if nobody is."""
    overrides = [override for override in rotation.overrides if override.holds(at)]
    away = {override.off: override.on for override in overrides if override.change is Change.REMOVE}
    names = _by_layers(rotation, at, away)
    for override in overrides:
        on = _present(override.on, away)
        match override.change:
            case Change.ADD if on:
                names = [*names, on]
            case Change.REPLACE if on and override.off:
                names = [on if name == override.off else name for name in names]
            case Change.REPLACE if on:
                names = [on]
    return tuple(dict.fromkeys(names))


def shifts(rotation: Rotation, start: datetime, end: datetime) -> list[Shift]:
    """Return the shifts from `start` until `end`, without a hole: a shift of nobody has no people."""
    edges = {start, end}
    for layer in rotation.layers:
        edges.update(layer.edges(start, end, rotation.zone))
    for override in rotation.overrides:
        edges.update((override.start, override.end))
    inside = sorted(edge for edge in edges if start <= edge <= end)
    layers = tuple(layer.within(start, end, rotation.zone) for layer in rotation.layers)
    parts = _in_force(replace(rotation, layers=layers), inside[:-1])
    spans = zip(parts, pairwise(inside), strict=True)
    return _joined([Shift(edge, then, on_call(part, edge)) for part, (edge, then) in spans])


def _in_force(rotation: Rotation, instants: Iterable[datetime]) -> Iterator[Rotation]:
    """Yield the rotation with the overrides that hold at each of these instants, which are in order."""
    to_come = sorted(enumerate(rotation.overrides), key=lambda each: each[1].start, reverse=True)
    holding: list[tuple[int, Override]] = []
    for at in instants:
        while to_come and to_come[-1][1].start <= at:
            insort(holding, to_come.pop(), key=itemgetter(0))
        holding = [each for each in holding if each[1].holds(at)]
        yield replace(rotation, overrides=tuple(override for _, override in holding))


def _joined(parts: Sequence[Shift]) -> list[Shift]:
    """Return shifts in which neighbours with the same people are one."""
    whole: list[Shift] = []
    for part in parts:
        if whole and whole[-1].people == part.people:
            part = Shift(whole.pop().start, part.end, part.people)
        whole.append(part)
    return whole


def _by_layers(rotation: Rotation, at: datetime, away: Mapping[str, str]) -> list[str]:
    """Return who is on call by the first layer that has somebody."""
    for layer in rotation.layers:
        if names := layer.on_call(at, rotation.zone, lambda name: _present(name, away)):
            return names
    return []


def _present(name: str, away: Mapping[str, str]) -> str:
    """Return the person, or who stands in for them; empty if nobody does."""
    seen = set()
    while name in away and name not in seen:
        seen.add(name)
        name = away[name]
    return "" if name in away else name


def layers_to_json(layers: Sequence[Layer | CalendarLayer]) -> list[dict[str, object]]:
    """Return layers as JSON for a row, hours in minutes after midnight."""
    return [
        calendar_layer.to_json(layer)
        if isinstance(layer, CalendarLayer)
        else {
            "people": list(layer.people),
            "shift": str(layer.shift),
            "start": layer.start.isoformat(),
            "only": windows_to_json(layer.only),
        }
        for layer in layers
    ]


def layers_from_json(layers: Sequence[Mapping[str, Any]]) -> tuple[Layer | CalendarLayer, ...]:
    """Return the layers of a row. The reverse of `layers_to_json`."""
    return tuple(
        calendar_layer.from_json(layer)
        if "ical" in layer
        else Layer(
            tuple(layer["people"]),
            Length.parse(layer["shift"]),
            datetime.fromisoformat(layer["start"]),
            windows_from_json(layer["only"]),
        )
        for layer in layers
    )


def windows_to_json(windows: Sequence[Window]) -> list[dict[str, object]]:
    """Return windows as JSON, hours in minutes after midnight."""
    return [
        {"days": list(window.days), "opens": window.opens // _MINUTE, "closes": window.closes // _MINUTE}
        for window in windows
    ]


def windows_from_json(windows: Sequence[Mapping[str, Any]]) -> tuple[Window, ...]:
    """Return windows from JSON. The reverse of `windows_to_json`."""
    return tuple(
        Window(tuple(window["days"]), window["opens"] * _MINUTE, window["closes"] * _MINUTE)
        for window in windows
    )
