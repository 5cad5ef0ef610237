"""What was collected in another system, in one form for all of them. Pure.

A thing is named by its id there. What has no counterpart here is a sentence in `leftovers`: nothing is dropped in
silence.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from alerting import wall_clock
from alerting.rotation import Layer, Length, Window

Record = Mapping[str, Any]
"""A thing as the other system's API returns it."""
DAY: Final = timedelta(days=1)
WEEK: Final = timedelta(weeks=1)


@dataclass(frozen=True, slots=True)
class Way:
    """A way to reach a person, by the kind of our notifier. It is used once `delay` has passed without an answer."""

    kind: str
    address: str
    delay: timedelta = timedelta()


@dataclass(frozen=True, slots=True)
class SourcePerson:
    """A person. `warnings` are the ways for what is not urgent; without any, `ways` are for that too."""

    id: str
    name: str
    email: str = ""
    timezone: str = ""
    ways: tuple[Way, ...] = ()
    warnings: tuple[Way, ...] = ()


@dataclass(frozen=True, slots=True)
class Lane:
    """People who take turns in a schedule, one at a time, in the time of a zone. Its people are ids."""

    layer: Layer
    timezone: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class SourceSchedule:
    """A schedule: levels of lanes. The first level with somebody on call decides; all of its lanes are on call."""

    id: str
    name: str
    levels: tuple[tuple[Lane, ...], ...]


@dataclass(frozen=True, slots=True)
class SourceTeam:
    id: str
    name: str
    people: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SourceStep:
    """The ids that a step pages, and the wait for an answer. They are paged together, or in turn."""

    page: tuple[str, ...]
    wait: timedelta
    round_robin: bool = False


@dataclass(frozen=True, slots=True)
class SourcePolicy:
    id: str
    name: str
    steps: tuple[SourceStep, ...]


@dataclass(slots=True)
class Collected:
    """Everything that was collected."""

    people: list[SourcePerson] = field(default_factory=list)
    schedules: list[SourceSchedule] = field(default_factory=list)
    teams: list[SourceTeam] = field(default_factory=list)
    policies: list[SourcePolicy] = field(default_factory=list)
    leftovers: list[str] = field(default_factory=list)

    def leave(self, sentence: str) -> None:
        """Note what has no counterpart."""
        if sentence not in self.leftovers:
            self.leftovers.append(sentence)


class NotAnExport(ValueError):
    """The file or the answer does not have the shape of this system. The message says what is missing."""


def records(export: Mapping[str, Any], name: str) -> list[Record]:
    """Return a list of an export. Raises `NotAnExport`."""
    listed = export.get(name, [])
    if not isinstance(listed, list) or not all(isinstance(record, dict) for record in listed):
        raise NotAnExport(f"{name}: must be a list of objects, as the API returns them.")
    return listed


def on_the_wall(instant: str, timezone: str) -> datetime:
    """Return an instant (ISO 8601, with its offset) as a time on the wall of a zone."""
    at = datetime.fromisoformat(instant)
    if at.tzinfo is None:
        return at
    return wall_clock.shown(at, ZoneInfo(timezone))


def cover(place: str, person: str, start: str, end: str) -> str:
    """Return the sentence for an override."""
    return f"{place}: {person} covers from {start} to {end}; add an override for it."


def length(seconds: float) -> Length | None:
    """Return a length of shifts; None if it is no whole number of hours."""
    hours, rest = divmod(int(seconds), 3600)
    if rest or hours < 1:
        return None
    for unit, many in (("w", 168), ("d", 24)):
        if hours % many == 0:
            return Length.parse(f"{hours // many}{unit}")
    return Length.parse(f"{hours}h")


def windows(intervals: Iterable[tuple[timedelta, timedelta]]) -> tuple[Window, ...]:
    """Return the windows of some intervals of a week, each from its start after Monday 00:00 to its end.

    An end may lie in the next week. No windows stand for the whole week.
    """
    merged = _merged(intervals)
    if any(end - start >= WEEK for start, end in merged):
        return ()
    days: dict[tuple[timedelta, timedelta], set[int]] = {}
    for start, end in merged:
        for day, opens, closes in _by_day(start, end):
            days.setdefault((opens, closes), set()).add(day % 7)
    return tuple(
        Window(tuple(sorted(of_days)), opens, closes)
        for (opens, closes), of_days in sorted(days.items(), key=lambda item: item[0])
    )


def _merged(intervals: Iterable[tuple[timedelta, timedelta]]) -> list[tuple[timedelta, timedelta]]:
    """Return intervals that neither overlap nor touch. One that reaches into the next week may touch the first."""
    merged: list[tuple[timedelta, timedelta]] = []
    for start, end in sorted((start % WEEK, start % WEEK + (end - start)) for start, end in intervals):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    if len(merged) > 1 and merged[-1][1] - WEEK >= merged[0][0]:
        _, end = merged.pop(0)
        merged[-1] = (merged[-1][0], max(merged[-1][1], end + WEEK))
    if len(merged) == 1 and merged[0][1] - merged[0][0] >= WEEK:
        return [(timedelta(), WEEK)]
    return merged


def _by_day(start: timedelta, end: timedelta) -> Iterable[tuple[int, timedelta, timedelta]]:
    """Yield the parts of an interval as a day and times after its midnight: one if it is shorter than a day."""
    while start < end:
        day = start // DAY
        until = end if end - start < DAY else min(end, (day + 1) * DAY)
        yield day, start - day * DAY, until - day * DAY
        start = until


def present(ids: Sequence[str], people: Iterable[SourcePerson]) -> bool:
    """Return whether all of these ids are people, and there is one."""
    ids_here = {person.id for person in people}
    return bool(ids) and set(ids) <= ids_here
