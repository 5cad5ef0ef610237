"""The durations of the last runs as a drawing: a bar for each run, and the limit as a line. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from alerting import times
from heartbeat.checks.check import Signal
from heartbeat.http.pages.run_strip import EndedRun

RUNS = 60
"""Number of runs in the drawing."""
WIDTH, HEIGHT = 600, 100
"""The size of the drawing in its own units; the screen stretches it."""
FEWEST = 30
"""The least number of places, so that a few runs do not become broad walls."""
FAR = 3
"""A limit above this many times the longest run is not drawn, as it would flatten the bars."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One run: its place in the drawing, its result ("ok", "failed", "over", "short"), its end and its duration."""

    x: float
    y: float
    width: float
    height: float
    kind: str
    at: datetime
    took: timedelta


@dataclass(frozen=True, slots=True)
class Plot:
    """The durations of runs, oldest first. `limit_y` is the height of the limit, None if it is not drawn."""

    bars: Sequence[Bar]
    top: timedelta
    limit: timedelta | None
    limit_y: float | None
    words: str


def of(ended: Sequence[EndedRun], limit: timedelta | None, least: timedelta | None = None) -> Plot | None:
    """Return the plot of these runs, which may come in any order; None if none of them has a duration.

    `limit` and `least` are the longest and the shortest time that a run may take.
    """
    runs = sorted((ping for ping in ended if ping.duration is not None), key=lambda ping: ping.n)[-RUNS:]
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
        bars.append(Bar(x, y, width, round(height, 1), _kind(run, limit, least), run.at, _took(run)))
    limit_y = round(HEIGHT - limit / top * HEIGHT, 1) if drawn and limit is not None else None
    return Plot(bars, top, limit, limit_y, _words(runs, limit))


def _took(run: EndedRun) -> timedelta:
    return run.duration or timedelta()


def _kind(run: EndedRun, limit: timedelta | None, least: timedelta | None) -> str:
    if run.signal is Signal.FAIL:
        return "failed"
    if least is not None and _took(run) < least:
        return "short"
    return "over" if limit is not None and _took(run) > limit else "ok"


def _words(runs: Sequence[EndedRun], limit: timedelta | None) -> str:
    durations = [_took(run) for run in runs]
    shortest, longest = times.duration(min(durations)), times.duration(max(durations))
    if len(durations) == 1:
        sentence = f"The only timed run took {longest}"
    elif shortest == longest:
        sentence = f"Each of the last {len(durations)} timed runs took {longest}"
    else:
        usual = timedelta(seconds=median(duration.total_seconds() for duration in durations))
        sentence = (
            f"The last {len(durations)} timed runs took {shortest} to {longest}, "
            f"with a median of {times.duration(usual)}; the newest took {times.duration(durations[-1])}"
        )
    if limit is None:
        return f"{sentence}."
    over = sum(duration > limit for duration in durations)
    beyond = f"{over} took longer" if over else "none took longer"
    return f"{sentence}. The maximum is {times.duration(limit)}: {beyond}."
