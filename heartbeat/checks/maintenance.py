"""Maintenance windows: when nobody is paged for what is known to be worked on. Pure.

A check that turns down in a window is down, and has its incident; only the page waits for the window's end. So a
window never makes a silence unnoticed: what has not come back by then is paged for.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from alerting.incident import Hold

LONGEST = timedelta(days=30)
"""How long a window may last: one that is forgotten must not keep a check quiet for ever."""


class Phase(StrEnum):
    """Where a window stands in time."""

    UPCOMING = "upcoming"
    ACTIVE = "active"
    PAST = "past"


@dataclass(frozen=True, slots=True)
class WindowDefinition:
    """A window as somebody wants it. It is about the checks that have all labels of `match`.

    It holds from `starts_at` on and until just before `ends_at`.
    """

    title: str
    description: str
    match: dict[str, str]
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Window(WindowDefinition):
    """A window as it stands."""

    id: int
    made_by: str
    made_at: datetime


def phase(window: WindowDefinition, now: datetime) -> Phase:
    """Where a window stands at `now`."""
    if now < window.starts_at:
        return Phase.UPCOMING
    return Phase.ACTIVE if now < window.ends_at else Phase.PAST


def fits(window: WindowDefinition, labels: Mapping[str, str]) -> bool:
    """Whether a window is about a check with these labels."""
    return all(labels.get(name) == value for name, value in window.match.items())


def hold(windows: Iterable[WindowDefinition], labels: Mapping[str, str], now: datetime) -> Hold | None:
    """Until when a check with these labels is held that turns down now: the end of the last of those windows that
    follow each other without a gap; None where no window is active."""
    mine = [window for window in windows if fits(window, labels) and window.ends_at > now]
    held: Hold | None = None
    for window in sorted(mine, key=lambda one: one.starts_at):
        begun_by = now if held is None else held.until
        if window.starts_at <= begun_by < window.ends_at:
            held = Hold(window.ends_at, f"maintenance {window.title}")
    return held


def fault(wanted: WindowDefinition, now: datetime) -> str | None:
    """What is wrong with the times of a window, in one sentence."""
    if wanted.ends_at <= wanted.starts_at:
        return "ends_at: must be after starts_at."
    if wanted.ends_at <= now:
        return "ends_at: must be after now."
    if wanted.ends_at - wanted.starts_at > LONGEST:
        return f"ends_at: must be at most {LONGEST.days} days after starts_at."
    return None
