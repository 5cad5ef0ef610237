"""A finished run of a check, with its numbers: those that it reported and its own. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

DURATION: Final = "duration"
EXIT_STATUS: Final = "exit_status"
BODY_SIZE: Final = "body_size"
OWN: Final = (DURATION, EXIT_STATUS, BODY_SIZE)
"""The numbers that every run has of its own: seconds since its start, its exit status, the bytes of its body."""


@dataclass(frozen=True, slots=True)
class FinishedRun:
    """A run that has ended: when, whether it failed, its numbers by name, and its body if it was asked for."""

    at: datetime
    values: Mapping[str, float]
    failed: bool
    body: str | None = None


def values(
    reported: Mapping[str, float] | None, duration: timedelta | None, exit_status: int | None, body_size: int
) -> Mapping[str, float]:
    """Return all numbers of a run. A duration that it reports counts only if none was measured."""
    own: dict[str, float] = {BODY_SIZE: body_size}
    if duration is not None:
        own[DURATION] = duration.total_seconds()
    if exit_status is not None:
        own[EXIT_STATUS] = exit_status
    return {**reported, **own} if reported else own


def written(value: float) -> str:
    """Return a number as people read it, with up to 6 digits unless it is whole: 12,000 or 4,072.55 or 1.5e+20."""
    if abs(value) < 1e15 and value == int(value):
        return f"{int(value):,}"
    if 1e3 <= abs(value) < 1e15:
        return f"{value:,.{max(6 - len(str(abs(int(value)))), 0)}f}"
    return f"{value:.6g}"


def number(value: float) -> str:
    """Return the shortest exact text of a number: 5000 or 0.25."""
    return str(int(value)) if abs(value) < 1e15 and value == int(value) else repr(value)


def told_apart(value: float, other: float, *ways: Callable[[float], str]) -> tuple[str, str]:
    """Return two numbers in words, by the first of these ways that makes different ones differ. The last is exact."""
    told = [(way(value), way(other)) for way in ways]
    return told[0] if value == other else next((pair for pair in told if pair[0] != pair[1]), told[-1])
