"""What a rotation would mean in the coming days, before it is saved: who is on call, and when nobody is. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from alerting import coverage, rotation, times
from alerting.crew import Crew
from alerting.rotation import Rotation, Shift
from heartbeat.http.console.on_call import view

AHEAD = timedelta(days=14)
"""The time that is shown, from now on."""
SHOWN = 30
"""Shifts that are listed, of those within `AHEAD`."""


@dataclass(frozen=True, slots=True)
class ShiftWords:
    """A shift in words, on the clock of the rotation. Without people, nobody is on call."""

    span: str
    people: str


@dataclass(frozen=True, slots=True)
class RotationPreview:
    """The shifts of the coming days, and what there is to know of them, each in a sentence."""

    shifts: Sequence[ShiftWords]
    more: int
    """Shifts that are not listed."""
    gaps: str
    """When nobody is on call, empty if somebody always is."""
    unreached: str
    """Who is on call without a contact, empty if everybody has one."""
    unread: bool = False
    """True if a calendar counts as empty, because it has not been read yet."""


def of(planned: Rotation, crew: Crew, now: datetime) -> RotationPreview:
    """Return the preview of a rotation as it would be among the crew."""
    start = now.replace(second=0, microsecond=0)
    end = start + AHEAD
    shifts = rotation.shifts(planned, start, end)
    words = [
        ShiftWords(_span(shift, start, end, planned), times.names(view.names_of(shift.people, crew)))
        for shift in shifts
    ]
    return RotationPreview(
        words[:SHOWN],
        max(len(words) - SHOWN, 0),
        _gaps(shifts, start, end, planned),
        _unreached(shifts, crew),
        unread=not all(calendar.bookings for calendar in planned.calendars),
    )


def _span(shift: Shift, start: datetime, end: datetime, planned: Rotation) -> str:
    """Return the span of a shift: "Fri 04 Dec 09:00 to 17:00 CET". It may go on beyond what is shown."""
    return coverage.span(shift.start, shift.end if shift.end < end else None, start, planned.timezone)


def _gaps(shifts: Sequence[Shift], start: datetime, end: datetime, planned: Rotation) -> str:
    gaps = [shift for shift in shifts if not shift.people]
    if not gaps:
        return ""
    first = _span(gaps[0], start, end, planned)
    if len(gaps) == 1:
        return f"Nobody is on call {first}."
    lengths = [gap.end - gap.start for gap in gaps]
    total = times.duration(sum(lengths, timedelta()))
    return f"Nobody is on call at {len(gaps)} times, {total} in all. The first is {first}."


def _unreached(shifts: Sequence[Shift], crew: Crew) -> str:
    names = dict.fromkeys(name for shift in shifts for name in shift.people)
    silent = [
        crew.people[name].name for name in names if name in crew.people and not crew.people[name].contacts
    ]
    if not silent:
        return ""
    return (
        f"{times.names(silent)} {'has' if len(silent) == 1 else 'have'} no contact, so no page reaches them."
    )
