"""What a condition of a rule finds in hours of which only the lowest, middle and highest values are kept. Pure.

Nothing is known there of bodies, and of the order of the values in an hour.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final, TypeAlias

from heartbeat.checks.finished_run import FinishedRun
from heartbeat.checks.rule import (
    KEPT,
    RUNS,
    Body,
    Condition,
    Eta,
    Finding,
    Limit,
    OfMedian,
    OfWeekday,
    Trend,
    find,
    needs_of,
)
from heartbeat.measurements.history import Spread

Hour: TypeAlias = tuple[datetime, Spread]
"""The time at which an hour begins, and its values."""
HALF: Final = timedelta(minutes=30)


def findings(condition: Condition, hours: Sequence[Hour]) -> list[tuple[datetime, Finding]]:
    """Return what a condition finds in each of these hours, which come oldest first."""
    match condition:
        case Body():
            return []
        case Limit() | OfMedian():
            return list(_by_extremes(condition, hours))
        case _:
            return list(_by_middles(condition, hours))


def method(condition: Condition) -> str:
    """Return how hours are judged, as the end of a sentence: "by the median of each hour"."""
    is_alone = isinstance(condition, Limit | OfMedian)
    return f"by the {'lowest and highest value' if is_alone else 'median'} of each hour"


def middles(hours: Sequence[Hour]) -> list[tuple[datetime, float]]:
    """Return the middle value of each hour, with the middle of the hour."""
    return [(at + HALF, spread.middle) for at, spread in hours]


def _by_extremes(condition: Limit | OfMedian, hours: Sequence[Hour]) -> Iterator[tuple[datetime, Finding]]:
    """Judge the highest and the lowest value of each hour. The runs before are as many as there were."""
    earlier: deque[FinishedRun] = deque(maxlen=RUNS[1])
    for at, spread in hours:
        high, middle, low = (
            FinishedRun(at, {condition.name: value}, False)
            for value in (spread.high, spread.middle, spread.low)
        )
        found = [find(condition, [*earlier, run]) for run in (high, low)]
        yield at, next((finding for finding in found if not finding.kept), KEPT)
        earlier.extend([low, *[middle] * min(spread.count - 2, RUNS[1]), high][: spread.count])


def _by_middles(
    condition: Trend | Eta | OfWeekday, hours: Sequence[Hour]
) -> Iterator[tuple[datetime, Finding]]:
    """Judge the middle value of each hour, as if it was that of one run."""
    values = middles(hours)
    runs = [FinishedRun(at, {condition.name: value}, False) for at, value in values]
    for number, (at, _) in enumerate(hours, 1):
        yield (
            at,
            find(condition, runs[max(number - needs_of(condition), 0) : number], {condition.name: values}),
        )
