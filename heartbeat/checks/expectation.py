"""The expectation of a check beyond its schedule: how often, how long, one at a time, and at which time of day. Pure.

Whether a run keeps it is decided in `breach`, and when it must have finished in `deadline`.
"""

import re
from dataclasses import dataclass
from datetime import time, timedelta
from typing import Any, Final, Self
from zoneinfo import ZoneInfo

from alerting import times
from heartbeat import duration
from heartbeat.checks import time_of_day
from heartbeat.checks.time_of_day import Window
from heartbeat.written import filled, unless

MOST_RUNS: Final = 100
"""Runs of a check that are counted, at most."""
PERIODS: Final = (timedelta(seconds=1), timedelta(days=31))
PATTERN: Final = rf"\d{{1,3}} per {duration.PATTERN}"
"""A limit of runs as a regular expression, also for JSON Schema."""
_LIMIT: Final = re.compile(r"(\d{1,3}) per (\S+)", re.ASCII)


@dataclass(frozen=True, slots=True)
class RunLimit:
    """The most runs in any period of this length."""

    runs: int
    period: timedelta

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the limit in a text such as "3 per 1h". Raises ValueError with one sentence."""
        match = _LIMIT.fullmatch(text)
        if not match:
            raise ValueError(f"{text[:40]!r} is no limit of runs; write for example 3 per 1h.")
        limit = cls(int(match[1]), duration.parse(match[2]))
        if not 1 <= limit.runs <= MOST_RUNS:
            raise ValueError(f"{text!r} is out of range; write 1 to {MOST_RUNS} runs.")
        if not PERIODS[0] <= limit.period <= PERIODS[1]:
            lengths = " to ".join(map(duration.written, PERIODS))
            raise ValueError(f"{text!r} is out of range; write a time of {lengths}.")
        return limit

    @property
    def written(self) -> str:
        """The text that `parse` reads: "3 per 1h"."""
        return f"{self.runs} per {duration.written(self.period)}"


@dataclass(frozen=True, slots=True)
class Expectation:
    """What is expected of the runs of a check, each part only if it is set.

    `timezone` is that of `finish_by` and `window`, and UTC if there is neither.
    """

    at_most: RunLimit | None = None
    min_runtime: timedelta | None = None
    one_at_a_time: bool = False
    finish_by: time | None = None
    window: Window | None = None
    timezone: str = "UTC"

    @property
    def zone(self) -> ZoneInfo:
        return times.zone(self.timezone)

    @property
    def needs_starts(self) -> bool:
        """Whether a part of it judges only runs whose start was heard."""
        return self.min_runtime is not None or self.one_at_a_time

    @property
    def judges_each_run(self) -> bool:
        """Whether every success must be judged, also one whose start was not heard."""
        return self.at_most is not None or self.window is not None


NOTHING: Final = Expectation()
"""The expectation of a check that names none."""


def written(expectation: Expectation) -> dict[str, Any]:
    """Return the expectation as a file holds it, without the zone; None for each part that is not set."""
    by, window = expectation.finish_by, expectation.window
    least, most = expectation.min_runtime, expectation.at_most
    return {
        "at_most": most and most.written,
        "min_runtime": None if least is None else duration.written(least),
        "one_at_a_time": expectation.one_at_a_time or None,
        "finish_by": None if by is None else time_of_day.written(by),
        "window": window and window.written,
    }


def to_json(expectation: Expectation) -> dict[str, Any]:
    """Return the stored form: that of a file, and the zone if it is not UTC. `from_json` restores it exactly."""
    stored = written(expectation) | {"timezone": unless(expectation.timezone, "UTC")}
    return filled(stored)


def from_json(stored: dict[str, Any]) -> Expectation:
    """Return the expectation of a stored form."""
    return Expectation(
        at_most=RunLimit.parse(stored["at_most"]) if "at_most" in stored else None,
        min_runtime=duration.parse(stored["min_runtime"]) if "min_runtime" in stored else None,
        one_at_a_time=stored.get("one_at_a_time", False),
        finish_by=time_of_day.parse(stored["finish_by"]) if "finish_by" in stored else None,
        window=Window.parse(stored["window"]) if "window" in stored else None,
        timezone=stored.get("timezone", "UTC"),
    )


def in_words(expectation: Expectation, zone: str = "") -> str:
    """Describe an expectation: "to finish by 06:00, one at a time". Empty if there is none.

    `zone` stands after the hours of a window.
    """
    by, window, most = expectation.finish_by, expectation.window, expectation.at_most
    least = expectation.min_runtime
    parts = [
        f"to finish by {time_of_day.written(by)}" if by is not None else "",
        f"only between {time_of_day.written(window.opens)} and {time_of_day.written(window.closes)}{zone}"
        if window
        else "",
        "one at a time" if expectation.one_at_a_time else "",
        f"at most {times.count(most.runs, 'run')} in {duration.in_words(most.period)}" if most else "",
        f"each at least {duration.in_words(least)}" if least is not None else "",
    ]
    return ", ".join(part for part in parts if part)
