"""The marks of unusual runs: which number of a run lies outside of its band. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

from alerting import times
from heartbeat.checks.finished_run import BODY_SIZE, DURATION, EXIT_STATUS, FinishedRun, written
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
        """The mark in words: "processed 0, usually 3,812 to 4,410 at this hour of the week"."""
        low = max(self.band.low, 0.0) if self.band.middle >= 0 else self.band.low
        when = " at this hour of the week" if self.band.weekly else ""
        name, value, usual = self.name, _said(self.name, self.value), _range(self.name, low, self.band.high)
        return f"{_NAMES.get(name, name)} {value}, usually {usual}{when}"


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


def _range(name: str, low: float, high: float) -> str:
    """Return a band in words, with as many digits as its width is worth."""
    if name == DURATION:
        return f"{_said(name, round(low, 1))} to {_said(name, round(min(high, 1e9), 1))}"
    digits = 0 if high - low >= 10 else 2
    return f"{_said(name, round(low, digits))} to {_said(name, round(min(high, 1e15), digits))}"
