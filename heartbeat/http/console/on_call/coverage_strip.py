"""The coming 14 days of a rotation as a strip: its shifts, and the times at which a page may not arrive. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from itertools import pairwise

from alerting import coverage, rotation, times, wall_clock
from alerting.coverage import Gap, Lack
from alerting.rotation import Rotation

WIDTH = 336
"""Units of the drawing: one an hour."""
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Band:
    """A part of the strip. `kind` is "sure", "unproven" or "nobody", and `words` say what it stands for."""

    kind: str
    x: float
    width: float
    words: str


@dataclass(frozen=True, slots=True)
class Strip:
    """The strip of one policy that pages the rotation. `midnights` are where its days begin, `last` is
    the day on which it ends, and `words` stand in for the drawing.
    """

    policy: str
    bands: Sequence[Band]
    midnights: Sequence[float]
    last: str
    words: str


def of(policy: str, of: Rotation, gaps: Sequence[Gap], names: Mapping[str, str], now: datetime) -> Strip:
    """Return the strip of a policy with these gaps. `names` are those of the people, by their name in a policy."""
    end = now + coverage.AHEAD
    shifts = rotation.shifts(of, now, end)
    edges = {now, end, *(shift.start for shift in shifts)}
    for gap in gaps:
        edges.update((gap.start, gap.end or end))
    bands = []
    for start, then in pairwise(sorted(edge for edge in edges if now <= edge <= end)):
        lack = next((gap.lack for gap in gaps if gap.start <= start < (gap.end or end)), None)
        people = next(shift.people for shift in shifts if shift.start <= start < shift.end)
        on_call = times.names([names.get(person, person) for person in people]) or "nobody"
        words = f"{coverage.span(start, then, now, of.timezone)}: {on_call}"
        words += f" ({lack.value})" if lack and people else ""
        bands.append(Band(_kind(lack), _x(start, now), _x(then, now) - _x(start, now), words))
    midnights = [_x(at, now) for at in _midnights(of, now, end)]
    last = f"{wall_clock.shown(end, of.zone):%a %d %b}"
    return Strip(policy, bands, midnights, last, _words(policy, gaps))


def _kind(lack: Lack | None) -> str:
    if lack is None:
        return "sure"
    return "unproven" if lack is Lack.UNPROVEN else "nobody"


def _words(policy: str, gaps: Sequence[Gap]) -> str:
    told = f"{times.count(len(gaps), 'gap')}, the first {gaps[0].start:%d %b %H:%M} UTC" if gaps else "no gap"
    return f"Coverage of {policy} over the coming 14 days: {told}"


def _x(at: datetime, now: datetime) -> float:
    return round((at - now) / coverage.AHEAD * WIDTH, 2)


def _midnights(of: Rotation, now: datetime, end: datetime) -> list[datetime]:
    today = wall_clock.shown(now, of.zone).date()
    days = (today + number * _DAY for number in range(1, coverage.AHEAD // _DAY + 2))
    found = (wall_clock.first(datetime.combine(day, time()), of.zone) for day in days)
    return [at for at in found if at < end]
