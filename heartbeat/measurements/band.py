"""The band of values that are usual for a measurement of a check, learnt from its past. Pure.

It is made of the median and the median deviation, which a few odd runs do not move. A value outside is *unusual*. That
is a hint and no verdict. The band is so wide that a job that goes on as before is marked less than once in 200 runs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from math import exp, inf, log
from statistics import fmean, median
from typing import Final

RUNS: Final = 30
"""The last runs that a band is learnt from."""
FEWEST: Final = 20
"""Runs without which there is no band: too little is known of the job."""
WEEKS: Final = 4
"""Values of the same weekday and hour from which on these count."""
LAST_WEEKS: Final = 8
"""The last of these values, older ones of which say nothing any more."""
WIDTH: Final = 4.0
"""Standard deviations from the median to the edge of a band."""
MARGIN: Final = 2.5
"""Standard deviations from the most extreme of the known values to the edge of a band, at least."""
ALIKE: Final = 0.1
"""The part of the median that is no difference to speak of."""
_NORMAL: Final = 1.4826
"""The standard deviation of normal values, in median deviations."""
_NORMAL_MEAN: Final = 1.2533
"""The same, in mean deviations, for values of which more than half are equal."""

Hour = tuple[int, int]
"""A weekday, 0 for Monday, and an hour of the day."""


@dataclass(frozen=True, slots=True)
class Band:
    """The usual values of a measurement: from `low` to `high`, around `middle`.

    `weekly` is True if it is that of a weekday and hour.
    """

    low: float
    middle: float
    high: float
    weekly: bool = False

    @property
    def width(self) -> float:
        return self.high - self.low

    def holds(self, value: float) -> bool:
        return self.low <= value <= self.high


def hour_of(at: datetime, zone: tzinfo) -> Hour:
    """Return the weekday and the hour of a time, by the clocks of the job."""
    local = at.astimezone(zone)
    return local.weekday(), local.hour


def of(
    past: Sequence[tuple[Hour, float]], by_hour: Mapping[Hour, Sequence[float]], hour: Hour, alike: float = 0
) -> Band | None:
    """Return the band for a run in this hour of the week, or None while too little is known.

    `past` are the runs before it, oldest first. `by_hour` are older values by weekday and hour, one of each week.
    Values closer than `alike` are no difference to speak of.
    """
    recent = past[-RUNS:]
    if len(recent) < FEWEST:
        return None
    plain = _around([value for _, value in recent], alike)
    same = by_hour.get(hour, ())[-LAST_WEEKS:]
    if len(same) < WEEKS:
        return plain
    hours = {when: by_hour.get(when, ())[-LAST_WEEKS:] for when, _ in recent}
    usual = {when: median(values) for when, values in hours.items() if len(values) >= WEEKS}
    carried = [_carried(value, usual[when], median(same)) for when, value in recent if when in usual]
    weekly = _around([*same, *carried], alike)
    if 2 * weekly.width < plain.width:
        return replace(weekly, weekly=True)
    # The week says little about this job, and must not make it look odd.
    return replace(plain, low=min(plain.low, weekly.low), high=max(plain.high, weekly.high))


def _carried(value: float, usual_then: float, usual_now: float) -> float:
    """Return what a value of another hour of the week would be now: as far from the usual one of its hour."""
    if min(value, usual_then, usual_now) > 0:
        return value * usual_now / usual_then
    return value - usual_then + usual_now


def _around(values: Sequence[float], alike: float) -> Band:
    middle = median(values)
    # A count that is one more or less says nothing.
    one = 1.0 if all(float(value).is_integer() for value in values) else 0.0
    least = max(alike, one, ALIKE * abs(middle))
    low, high = _edges(values, middle, least)
    if min(values) > 0:
        # Times and counts vary by factors: twice as much is as far away as half as much.
        in_logs = [log(value) for value in values]
        log_low, log_high = _edges(in_logs, log(middle), ALIKE)
        low = max(low, min(exp(log_low), middle - least, min(values) - one))
        high = max(high, exp(log_high) if log_high < 700 else inf)
    return Band(low, middle, high)


def _edges(values: Sequence[float], middle: float, least: float) -> tuple[float, float]:
    distances = [abs(value - middle) for value in values]
    deviation = _NORMAL * median(distances) or _NORMAL_MEAN * fmean(distances)
    away, beyond = max(WIDTH * deviation, least), max(MARGIN * deviation, least)
    return min(middle - away, min(values) - beyond), max(middle + away, max(values) + beyond)
