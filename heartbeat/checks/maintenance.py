"""Maintenance windows: times in which checks under work do not page. Pure.

A check that turns down in a window is down, and has its incident. Only the page waits, until the window ends. So a
window never hides a silence: a check that is still down at the end pages then.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from alerting.incident import Hold

LONGEST = timedelta(days=30)
"""The longest window: a forgotten one must not silence a check for ever."""


class Phase(StrEnum):
    """The phase of a window."""

    UPCOMING = "upcoming"
    ACTIVE = "active"
    PAST = "past"


@dataclass(frozen=True, slots=True)
class WindowDefinition:
    """The definition of a window. It covers the checks that have all labels of `match`.

    It holds from `starts_at` on and until just before `ends_at`.
    """

    title: str
    description: str
    match: dict[str, str]
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Window(WindowDefinition):
    """A window in the database."""

    id: int
    made_by: str
    made_at: datetime


def phase(window: WindowDefinition, now: datetime) -> Phase:
    """Return the phase of a window at `now`."""
    if now < window.starts_at:
        return Phase.UPCOMING
    return Phase.ACTIVE if now < window.ends_at else Phase.PAST


def fits(window: WindowDefinition, labels: Mapping[str, str]) -> bool:
    """Return True if a window covers a check with these labels."""
    return all(labels.get(name) == value for name, value in window.match.items())


def hold(windows: Iterable[WindowDefinition], labels: Mapping[str, str], now: datetime) -> Hold | None:
    """Return the hold for a check with these labels that turns down now. None if no window is active.

    Windows that follow each other without a gap count as one: the hold lasts until the end of the last of them.
    """
    mine = [window for window in windows if fits(window, labels) and window.ends_at > now]
    held: Hold | None = None
    for window in sorted(mine, key=lambda window: window.starts_at):
        begun_by = now if held is None else held.until
        if window.starts_at <= begun_by < window.ends_at:
            held = Hold(window.ends_at, f"maintenance {window.title}")
    return held


def fault(window: WindowDefinition, now: datetime) -> str | None:
    """Return the fault in the times of a window, in one sentence."""
    if window.ends_at <= window.starts_at:
        return "ends_at: must be after starts_at."
    if window.ends_at <= now:
        return "ends_at: must be after now."
    if window.ends_at - window.starts_at > LONGEST:
        return f"ends_at: must be at most {LONGEST.days} days after starts_at."
    return None
