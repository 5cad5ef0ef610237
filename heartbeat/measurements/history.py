"""The history of a number of a check: its lowest, middle and highest value in each hour and each day, in UTC. Pure.

Middles are medians. They are exact up to `OF_HOUR` values in an hour and `OF_DAY` in a day. Of more, every second one
counts, then every fourth, and so on.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, Self

OF_HOUR: Final = 60
OF_DAY: Final = 240
"""Values of which the median is taken, at most."""
KEPT_DAYS: Final = 400
"""Days for which the history is kept."""


@dataclass(frozen=True, slots=True)
class Spread:
    """How many values there were in a time, and the lowest, the middle and the highest of them."""

    count: int
    low: float
    middle: float
    high: float


@dataclass(frozen=True, slots=True)
class Sample:
    """Values of a time, in their order: all of them, or each `stride`-th if they are many."""

    values: tuple[float, ...] = ()
    stride: int = 1

    def taken(self, value: float, before: int, most: int) -> Self:
        """Return the sample with the next value, which `before` others have preceded."""
        if before % self.stride:
            return self
        values = (*self.values, value)
        if len(values) <= most:
            return replace(self, values=values)
        return replace(self, values=values[::2], stride=2 * self.stride)


@dataclass(frozen=True, slots=True)
class Day:
    """A day of a number. The sample of the day, and of its newest hour, are there while values may come."""

    whole: Spread
    hours: Mapping[int, Spread]
    sample: Sample | None = None
    hour: int = -1
    of_hour: Sample = field(default=Sample())


def day_of(at: datetime) -> date:
    """Return the day of a time, in UTC."""
    return at.astimezone(UTC).date()


def hours(days: Mapping[date, Day]) -> Iterator[tuple[datetime, Spread]]:
    """Yield the hours with values, oldest first, each with the time at which it begins."""
    for day, of_day in sorted(days.items(), key=lambda item: item[0]):
        midnight = datetime.combine(day, time(), UTC)
        for hour, spread in sorted(of_day.hours.items()):
            yield midnight + timedelta(hours=hour), spread


def added(day: Day | None, values: Iterable[tuple[datetime, float]]) -> Day | None:
    """Return a day with further values of it, in their order. None if there are none at all."""
    for at, value in values:
        day = _added(day, at.astimezone(UTC).hour, value)
    return day


def _added(day: Day | None, hour: int, value: float) -> Day:
    if day is None:
        sample = Sample((value,))
        return Day(_only(value), {hour: _only(value)}, sample, hour, sample)
    of_day = day.sample and day.sample.taken(value, day.whole.count, OF_DAY)
    whole = _with(day.whole, value, of_day)
    if hour not in day.hours:
        hours = {**day.hours, hour: _only(value)}
        newest = (hour, Sample((value,))) if hour > day.hour else (day.hour, day.of_hour)
        return Day(whole, hours, of_day, *newest)
    # A value that comes after its hour does not move the middle: the sample of that hour is gone.
    of_hour = day.of_hour.taken(value, day.hours[hour].count, OF_HOUR) if hour == day.hour else None
    hours = {**day.hours, hour: _with(day.hours[hour], value, of_hour)}
    return Day(whole, hours, of_day, day.hour, of_hour or day.of_hour)


def _only(value: float) -> Spread:
    return Spread(1, value, value, value)


def _with(spread: Spread, value: float, sample: Sample | None) -> Spread:
    middle = median(sample.values) if sample and sample.values else spread.middle
    return Spread(spread.count + 1, min(spread.low, value), middle, max(spread.high, value))


def median(values: Sequence[float]) -> float:
    """Return the median. The mean of two values does not overflow, as that of `statistics` does."""
    ordered = sorted(values)
    half = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[half]
    low, high = ordered[half - 1], ordered[half]
    return low if low == high else low / 2 + high / 2
