"""The marks of unusual runs: which number of a run lies outside of its band. Pure."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

from alerting import times
from heartbeat import duration
from heartbeat.checks.finished_run import (
    BODY_SIZE,
    DURATION,
    EXIT_STATUS,
    FinishedRun,
    number,
    told_apart,
    written,
)
from heartbeat.measurements import band
from heartbeat.measurements.band import Band, Hour, hour_of

ALIKE: Final = {DURATION: 1.0, BODY_SIZE: 200.0}
"""Seconds, and bytes, that are no difference to speak of."""

ByHour = Mapping[str, Mapping[Hour, Sequence[float]]]
"""Older values of each number, by weekday and hour."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A number of a run that is unusual: its value, and the band that it lies outside of."""

    at: datetime
    name: str
    value: float
    band: Band

    @property
    def words(self) -> str:
        """The mark in words: "processed 0, usually about 4,000 at this hour of the week (unusual below 3,812)".

        A band is wider than what was seen. So its middle is called usual, and its edge the limit that it is.
        """
        name, value, when = self.name, self.value, " at this hour of the week" if self.band.weekly else ""
        side, edge = ("below", self.band.low) if value < self.band.low else ("above", self.band.high)
        limit = _rounded(name, edge, self.band.width)
        if (value < limit) != (value < edge) or value == limit:
            limit = edge
        said, limit_said = told_apart(value, limit, *_ways(name))
        usual = _said(name, _rounded(name, self.band.middle, self.band.width))
        return f"{_NAMES.get(name, name)} {said}, usually about {usual}{when} (unusual {side} {limit_said})"


_NAMES: Final = {DURATION: "took", BODY_SIZE: "output of"}


def of(runs: Sequence[FinishedRun], since: datetime, by_hour: ByHour, zone: tzinfo = UTC) -> Iterator[Mark]:
    """Yield the marks of the successful runs after `since`. The runs come oldest first, with those before as past.

    A failed run says what is wrong itself, and is not learnt from either.
    """
    past: dict[str, list[tuple[Hour, float]]] = {}
    for run in runs:
        if run.failed:
            continue
        hour = hour_of(run.at, zone)
        for name, value in run.values.items():
            known = past.setdefault(name, [])
            if run.at > since and name != EXIT_STATUS:
                usual = band.of(known, by_hour.get(name, {}), hour, ALIKE.get(name, 0.0))
                if usual is not None and not usual.holds(value):
                    yield Mark(run.at, name, value, usual)
            known.append((hour, value))


def _said(name: str, value: float) -> str:
    if name == DURATION:
        # Two minutes and more are close enough in minutes; less is not.
        return times.duration(timedelta(seconds=value)) if value >= 120 else f"{value:.3g} s"
    return f"{written(value)} bytes" if name == BODY_SIZE else written(value)


def _ways(name: str) -> Iterator[Callable[[float], str]]:
    """Yield the ways to say a number, from the shortest to the exact one."""
    yield lambda value: _said(name, value)
    if name == DURATION:
        yield lambda value: duration.in_words(timedelta(seconds=value))
    unit = {DURATION: " s", BODY_SIZE: " bytes"}.get(name, "")
    yield lambda value: f"{number(value)}{unit}"


def _rounded(name: str, value: float, width: float) -> float:
    """Return a value of a band with as many digits as the width of the band is worth."""
    if name == DURATION:
        return round(value, 1)
    return round(value, 0 if width >= 10 else 2)
