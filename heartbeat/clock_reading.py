"""Readings of the clock beside the time that has passed, and the step between two of them. Pure."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from alerting.clock_step import NEVER, Step

NOTICED = timedelta(seconds=0.5)
"""A step that is shorter goes unnoticed. Time services correct as much without a step."""
LONG = timedelta(hours=1)
CALM = 86_400.0
"""Seconds after a step of at least `LONG` during which nothing is deleted by its age."""
ABSENCE = timedelta(days=30)
"""A machine that was away for longer may have a wrong clock: nothing is deleted by its age at first."""


@dataclass(frozen=True, slots=True)
class Reading:
    """The clock showed `at` when `elapsed` seconds had passed since the start `boot` of the machine.

    `error` is how far `at` may be off.
    """

    at: datetime
    elapsed: float
    boot: str
    error: timedelta = timedelta()

    def follows(self, earlier: "Reading") -> bool:
        """Return True if the time between the two is known: the machine has not started again."""
        return self.boot == earlier.boot and self.elapsed >= earlier.elapsed


@dataclass(frozen=True, slots=True)
class Witness:
    """The last reading of the clock. Times from `known_since` on were written by the clock as it is set now.

    `stepped_at` is when the clock was last set by far, or came back from a long absence: see `Reading.elapsed`. `steps`
    is by how much it was set in all, as far as is known.
    """

    reading: Reading
    known_since: datetime
    stepped_at: float | None = None
    steps: timedelta = timedelta()

    def seen(self, reading: Reading) -> "tuple[Witness, Step | None]":
        """Return the witness after another reading, and the step of the clock in between."""
        step = step_between(self.reading, reading, self.known_since)
        steps = self.steps + step.length if step else self.steps
        if not reading.follows(self.reading):
            absent = step is not None or reading.at - self.reading.at > ABSENCE
            return Witness(reading, reading.at, reading.elapsed if absent else None, steps), step
        if step is None:
            return replace(self, reading=reading), None
        far = abs(step.length) >= LONG
        known_since = self.known_since + step.length
        return Witness(reading, known_since, reading.elapsed if far else self.stepped_at, steps), step

    def calm(self, elapsed: float) -> bool:
        """Return True if the clock has been right for a day, as far as is known."""
        return self.stepped_at is None or elapsed - self.stepped_at >= CALM


def between(at: datetime, sent: float, received: float, boot: str) -> Reading:
    """Return the reading of a clock that answered `at`, some time between two moments."""
    half = timedelta(seconds=(received - sent) / 2)
    return Reading(at + half, received, boot, half)


def step_between(earlier: Reading, later: Reading, known_since: datetime = NEVER) -> Step | None:
    """Return the step of the clock between two readings, or None if nobody set it as far as is known.

    After another start of the machine, or on another machine, only a step back can be noticed, and the time in between
    is unknown.
    """
    if not later.follows(earlier):
        if later.at >= earlier.at - NOTICED - later.error:
            return None
        return Step(earlier.at, later.at, later.at)
    would_show = earlier.at + timedelta(seconds=later.elapsed - earlier.elapsed)
    if abs(later.at - would_show) <= NOTICED + earlier.error + later.error:
        return None
    return Step(would_show, later.at, later.at - (would_show - earlier.at), known_since)
