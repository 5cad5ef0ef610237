"""A check around an incident as rows of text: its state and its numbers, one character for each stretch of time. Pure.

Text survives where a drawing does not: in a wiki, a ticket, a mail.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from statistics import median_low
from typing import Final

from alerting import times
from heartbeat.checks.check import State
from heartbeat.checks.finished_run import BODY_SIZE, DURATION, EXIT_STATUS, FinishedRun, written
from heartbeat.checks.history import Transition

COLUMNS: Final = 72
"""The most characters of a row."""
PERIODS: Final = 12
"""Runs before the incident that a plot shows, at least."""
MOST_NUMBERS: Final = 6
"""Numbers of a check that are drawn."""
LONGEST_NAME: Final = 20
LONGEST_RUN: Final = 1e9
"""Seconds. A job may report any number as the time that its run took."""
LEGEND: Final = "· well, █ down, ? not known, = paused. Each number is the median of its column."
_WIDTHS: Final = tuple(
    timedelta(minutes=minutes)
    for minutes in (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 2880, 7200, 14400, 43200, 144000)
)
_LEVELS: Final = "▁▂▃▄▅▆▇█"
_MARKS: Final = {State.DOWN: "█", State.UNKNOWN: "?", State.PAUSED: "=", State.UP: "·"}
"""The characters of states, worst first. Before its first state a check has none."""


@dataclass(frozen=True, slots=True)
class Span:
    """The time that a plot shows: `count` columns of one width, from `start` on."""

    start: datetime
    width: timedelta
    count: int

    @property
    def end(self) -> datetime:
        """The end of the last column."""
        return self.start + self.width * self.count

    def column(self, at: datetime) -> int:
        """Return the column of an instant, which may lie outside of the plot."""
        return (at - self.start) // self.width


def span_of(start: datetime, end: datetime, period: timedelta | None, now: datetime) -> Span:
    """Return the span around an incident: as long before it as it took, or some runs of the check, and a bit after."""
    lead = max(end - start, (period or timedelta()) * PERIODS, timedelta(minutes=30))
    first, last = start - lead, min(end + lead / 4, now)
    width = next((width for width in _WIDTHS if (last - first) / width < COLUMNS), _WIDTHS[-1])
    midnight = first.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    begin = midnight + (first - midnight) // width * width
    return Span(begin, width, min((last - begin) // width + 1, COLUMNS))


def rows(
    span: Span,
    changes: Iterable[Transition],
    runs: Sequence[FinishedRun],
    hours: Mapping[str, Sequence[tuple[datetime, float]]],
) -> Iterator[str]:
    """Yield the rows: the time, the state, then each number that the runs reported.

    `changes` may come in any order. `hours` are the middle values of the hours of each number; they count for the
    time before the first of `runs`.
    """
    yield _row("", f"from {span.start:%d %b %Y %H:%M} UTC, {times.duration(span.width)} each", "").rstrip()
    yield _row("state", _states(span, sorted(changes, key=lambda change: change.at)), "")
    numbers = {name: _columns(span, values) for name, values in _values(runs, hours).items()}
    drawn = {name: columns for name, columns in numbers.items() if columns}
    for name in sorted(drawn, key=lambda name: (name != DURATION, name))[:MOST_NUMBERS]:
        yield _number(span, name, drawn[name])


def _values(
    runs: Sequence[FinishedRun], hours: Mapping[str, Sequence[tuple[datetime, float]]]
) -> dict[str, list[tuple[datetime, float]]]:
    """Return the values of each number with their times."""
    since = min((run.at for run in runs), default=datetime.max.replace(tzinfo=UTC))
    values = {name: [(at, value) for at, value in of if at < since] for name, of in hours.items()}
    for run in runs:
        for name, value in run.values.items():
            values.setdefault(name, []).append((run.at, value))
    return {name: of for name, of in values.items() if name not in (EXIT_STATUS, BODY_SIZE)}


def _columns(span: Span, values: Iterable[tuple[datetime, float]]) -> dict[int, float]:
    by_column: dict[int, list[float]] = {}
    for at, value in values:
        if 0 <= (column := span.column(at)) < span.count:
            by_column.setdefault(column, []).append(value)
    return {column: median_low(of) for column, of in by_column.items()}


def _number(span: Span, name: str, columns: Mapping[int, float]) -> str:
    low, high = min(columns.values()), max(columns.values())
    bottom, top = min(low, 0.0), max(high, 0.0)
    drawn = (
        " " if (value := columns.get(n)) is None else _level(value, bottom, top) for n in range(span.count)
    )
    extent = _written(name, low) if low == high else f"{_written(name, low)} to {_written(name, high)}"
    return _row("run time" if name == DURATION else name, "".join(drawn), extent)


def _level(value: float, bottom: float, top: float) -> str:
    if bottom == top:
        return _LEVELS[0]
    # Halves, because the difference of two numbers may be none.
    place = (value / 2 - bottom / 2) / (top / 2 - bottom / 2)
    return _LEVELS[min(int(place * len(_LEVELS)), len(_LEVELS) - 1)]


def _written(name: str, value: float) -> str:
    return (
        times.duration(timedelta(seconds=min(max(value, 0), LONGEST_RUN)))
        if name == DURATION
        else written(value)
    )


def _row(name: str, drawn: str, extent: str) -> str:
    short = name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"
    return f"{short:<{LONGEST_NAME}} {drawn}{'  ' if extent else ''}{extent}"


def _states(span: Span, changes: Sequence[Transition]) -> str:
    """Return the worst state of each column."""
    worst = list(_MARKS)
    columns: list[int | None] = [None] * span.count
    for change, following in pairwise([*changes, None]):
        if change is None or change.state not in _MARKS:
            continue
        first = max(span.column(change.at), 0)
        last = span.count - 1 if following is None else min(span.column(following.at), span.count - 1)
        for column in range(first, last + 1):
            rank, previous = worst.index(change.state), columns[column]
            columns[column] = rank if previous is None else min(previous, rank)
    return "".join(" " if rank is None else _MARKS[worst[rank]] for rank in columns)
