"""How long the last runs took, drawn: a bar a run, and the limit as a line. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from alerting import times
from heartbeat.checks.check import Signal
from heartbeat.http.pages.run_strip import Heard

RUNS = 60
"""Runs that are drawn."""
WIDTH, HEIGHT = 600, 100
"""The drawing, in its own units; the page stretches it."""
FEWEST = 30
"""Places that there are at least, so that a few runs do not become broad walls."""
FAR = 3
"""A limit further than this many times the longest run is told in words: drawn, it would flatten the bars."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One run: where it is drawn, how it ended ("ok", "failed", "over"), and when and how long in facts."""

    x: float
    y: float
    width: float
    height: float
    kind: str
    at: datetime
    took: timedelta


@dataclass(frozen=True, slots=True)
class Plot:
    """The durations of runs, oldest first. `limit_y` is where the limit lies, None where it is not drawn."""

    bars: Sequence[Bar]
    top: timedelta
    limit: timedelta | None
    limit_y: float | None
    words: str

    @property
    def limit_percent(self) -> float:
        """How far below the top the limit lies, of a hundred."""
        return self.limit_y or 0.0


def of(heard: Sequence[Heard], limit: timedelta | None) -> Plot | None:
    """The plot of these runs, in any order; None where no run told its start and its end."""
    runs = sorted((ping for ping in heard if ping.duration is not None), key=lambda ping: ping.n)[-RUNS:]
    if not runs:
        return None
    longest = max(_took(run) for run in runs)
    drawn = limit is not None and limit <= max(longest, timedelta(seconds=1)) * FAR
    top = max(longest, timedelta(seconds=1), *([limit] if drawn and limit is not None else []))
    places = max(len(runs), FEWEST)
    step = WIDTH / places
    bars = []
    for place, run in enumerate(runs, places - len(runs)):
        height = max(_took(run) / top * HEIGHT, 1.0)
        x, y, width = round(place * step, 1), round(HEIGHT - height, 1), round(step * 0.75, 1)
        bars.append(Bar(x, y, width, round(height, 1), _kind(run, limit), run.at, _took(run)))
    limit_y = round(HEIGHT - limit / top * HEIGHT, 1) if drawn and limit is not None else None
    return Plot(bars, top, limit, limit_y, _words(runs, limit))


def _took(run: Heard) -> timedelta:
    return run.duration or timedelta()


def _kind(run: Heard, limit: timedelta | None) -> str:
    if run.signal is Signal.FAIL:
        return "failed"
    return "over" if limit is not None and _took(run) > limit else "ok"


def _words(runs: Sequence[Heard], limit: timedelta | None) -> str:
    took = [_took(run) for run in runs]
    shortest, longest = times.duration(min(took)), times.duration(max(took))
    if len(took) == 1:
        said = f"The one run that was timed took {longest}"
    elif shortest == longest:
        said = f"Each of the last {len(took)} timed runs took {longest}"
    else:
        usual = timedelta(seconds=median(one.total_seconds() for one in took))
        said = (
            f"The last {len(took)} timed runs took {shortest} to {longest}, "
            f"half of them up to {times.duration(usual)}; the newest took {times.duration(took[-1])}"
        )
    if limit is None:
        return f"{said}."
    over = sum(one > limit for one in took)
    beyond = f"{over} took longer" if over else "none took longer"
    return f"{said}. The maximum is {times.duration(limit)}: {beyond}."
