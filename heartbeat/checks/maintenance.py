"""Maintenance windows and silences: times in which certain checks do not page. Pure.

A check that turns down in a window is down, and has its incident. Only the page waits, until the window ends. So a
window never hides a silence: a check that is still down at the end pages then. A window that recurs is, at any
time, the window of the occurrence that is under way, or of the next one.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeVar

from alerting.incident import Hold
from heartbeat.checks import recurrence
from heartbeat.checks.recurrence import Recurrence

LONGEST = timedelta(days=30)
"""The longest window: a forgotten one must not silence a check for ever."""
LONGEST_SILENCE = timedelta(days=7)


class Kind(StrEnum):
    """What a window is: planned work, or a silence, by which somebody stops pages that are no use now."""

    MAINTENANCE = "maintenance"
    SILENCE = "silence"


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
    recurrence: Recurrence | None = field(default=None, kw_only=True)
    kind: Kind = field(default=Kind.MAINTENANCE, kw_only=True)
    """The title of a silence is its reason."""

    @property
    def why(self) -> str:
        """Why a page is held: "maintenance Database move"."""
        return f"{self.kind} {self.title}"


_Window = TypeVar("_Window", bound=WindowDefinition)


@dataclass(frozen=True, slots=True)
class Window(WindowDefinition):
    """A window in the database."""

    id: int
    made_by: str
    made_at: datetime


def at(window: _Window, now: datetime) -> _Window:
    """Return a window as it is at `now`: one that recurs has the times of its occurrence then. The last one stays."""
    if window.recurrence is None:
        return window
    occurrence = recurrence.current(window.recurrence, now)
    if occurrence is None:
        return window
    return replace(window, starts_at=occurrence.starts_at, ends_at=occurrence.ends_at)


def ended(window: _Window, now: datetime) -> _Window:
    """Return a window that is active without the rest of it. One that recurs goes on with its next occurrence."""
    if window.recurrence is None:
        return replace(window, ends_at=now)
    return at(replace(window, ends_at=now, recurrence=replace(window.recurrence, since=now)), now)


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
            held = Hold(window.ends_at, window.why)
    return held


def fault(window: WindowDefinition, now: datetime) -> str | None:
    """Return the fault in the times of a window, in one sentence."""
    if window.kind is Kind.SILENCE and (sentence := _silence_fault(window, now)):
        return sentence
    if window.recurrence is not None:
        problem = recurrence.fault(window.recurrence, now)
        return problem and f"repeats.{problem}"
    if window.ends_at <= window.starts_at:
        return "ends_at: must be after starts_at."
    if window.ends_at <= now:
        return "ends_at: must be after now."
    if window.ends_at - window.starts_at > LONGEST:
        return f"ends_at: must be at most {LONGEST.days} days after starts_at."
    return None


def _silence_fault(window: WindowDefinition, now: datetime) -> str | None:
    """Return the fault of a silence. It begins when somebody asks for it, and ends soon."""
    if window.recurrence is not None:
        return "repeats: a silence does not repeat; make it a maintenance window."
    if window.starts_at > now:
        return "starts_at: a silence begins now; make it a maintenance window."
    if window.ends_at - now > LONGEST_SILENCE:
        return f"ends_at: a silence ends within {LONGEST_SILENCE.days} days."
    return None
