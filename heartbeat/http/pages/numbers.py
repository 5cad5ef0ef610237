"""The numbers that the last runs of a check reported: a row and a line for each name. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from statistics import median_low
from typing import Final

from alerting import times
from heartbeat.checks.finished_run import OWN, FinishedRun, written
from heartbeat.measurements.history import Day

RUNS: Final = 30
"""Number of runs that are looked at."""
DAYS: Final = 14
"""Days that the table by day has."""
MOST_NAMES: Final = 10
"""Reported numbers that the table by day has."""
WIDTH, HEIGHT = 120, 24
"""The size of a line in its own units."""


@dataclass(frozen=True, slots=True)
class Row:
    """One number: its last value and when it came, its extremes and median in the last runs, and its line."""

    name: str
    last: str
    at: datetime
    lowest: str
    median: str
    highest: str
    line: str
    words: str


def of(runs: Sequence[FinishedRun]) -> list[Row]:
    """Return a row for each number that these runs reported. They come oldest first; the last orders the names."""
    names = dict.fromkeys(name for run in reversed(runs) for name in _reported(run))
    return [_row(name, runs) for name in names]


@dataclass(frozen=True, slots=True)
class DayRow:
    """The values of one number on one day."""

    day: date
    name: str
    count: int
    lowest: str
    median: str
    highest: str


def by_day(history: Mapping[str, Mapping[date, Day]], names: Sequence[str]) -> list[DayRow]:
    """Return a row for each day and number, newest day first: of these numbers first, then of those of each run."""
    shown = [name for name in (*names[:MOST_NAMES], *OWN) if name in history]
    days = sorted({day for name in shown for day in history[name]}, reverse=True)
    return [
        DayRow(day, name, of.count, written(of.low), written(of.middle), written(of.high))
        for day in days
        for name in shown
        if day in history[name]
        for of in [history[name][day].whole]
    ]


def _reported(run: FinishedRun) -> Mapping[str, float]:
    """Return the numbers but for those that every run has: the duration has a drawing of its own."""
    return {name: value for name, value in run.values.items() if name not in OWN}


def _row(name: str, runs: Sequence[FinishedRun]) -> Row:
    having = [(place, run) for place, run in enumerate(runs) if name in run.values]
    values = [run.values[name] for _, run in having]
    low, high = min(values), max(values)
    last, lowest, highest = written(values[-1]), written(low), written(high)
    if low == high:
        words = f"{times.count(len(values), 'value')}, all {last}"
    else:
        words = f"{times.count(len(values), 'value')} from {lowest} to {highest}, the last {last}"
    points = [(place, run.values[name]) for place, run in having]
    line = _line(points, len(runs), low, high)
    return Row(name, last, having[-1][1].at, lowest, written(median_low(values)), highest, line, words)


def _line(points: Sequence[tuple[int, float]], places: int, low: float, high: float) -> str:
    """Return the line through the values of runs. Runs without the number are passed over."""
    step = WIDTH / max(places - 1, 1)
    drawn = [(round(place * step, 1), _height(value, low, high)) for place, value in points]
    if len(drawn) == 1:
        # A single value is a dash in its place.
        x, y = drawn[0]
        drawn = [(x - 3, y), (x, y)] if x > 0 else [(x, y), (x + 3, y)]
    return "M" + "L".join(f"{x:g} {y:g}" for x, y in drawn)


def _height(value: float, low: float, high: float) -> float:
    # Halves, because the difference of two large numbers may be infinite.
    span = high / 2 - low / 2
    share = (value / 2 - low / 2) / span if span else 0.5
    return round(1 + (HEIGHT - 2) * (1 - share), 1)
