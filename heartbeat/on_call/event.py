"""An event of a calendar that another program keeps, and why such a calendar cannot be read. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any


class Unreadable(ValueError):
    """The calendar cannot be read: the rest of a sentence that begins with "The calendar"."""


@dataclass(frozen=True, slots=True)
class Event:
    """An event: its title, and those who attend it, each with an address and a name, which may be empty."""

    start: datetime
    end: datetime
    title: str
    attendees: tuple[tuple[str, str], ...] = ()


def to_json(events: Sequence[Event]) -> list[Any]:
    """Return events as JSON."""
    return [
        [
            event.start.isoformat(),
            event.end.isoformat(),
            event.title,
            [list(each) for each in event.attendees],
        ]
        for event in events
    ]


def from_json(events: Sequence[Any]) -> list[Event]:
    """Return events from JSON. The reverse of `to_json`."""
    return [
        Event(
            datetime.fromisoformat(start),
            datetime.fromisoformat(end),
            title,
            tuple((address, name) for address, name in attendees),
        )
        for start, end, title, attendees in events
    ]
