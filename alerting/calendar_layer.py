"""A layer of a rotation whose shifts are the events of a calendar that another program keeps. Pure.

The calendar is fetched elsewhere. Here it is a list of bookings: spans without overlaps, each with those on call.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any, Self
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Booking:
    """A span in which these people are on call, by their names in the configuration."""

    start: datetime
    end: datetime
    people: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CalendarLayer:
    """A layer that follows the calendar at an address, which may be a secret, stored as those of contacts are.

    `bookings` are what was read of it last, in their order. They are no part of its definition.
    """

    address: str = field(repr=False)
    bookings: tuple[Booking, ...] = field(default=(), compare=False, repr=False)

    @property
    def mark(self) -> str:
        """The mark under which the calendar is kept: a hash of its address as it is stored."""
        return mark(self.address)

    @property
    def people(self) -> tuple[str, ...]:
        """The names in its bookings, each once."""
        return tuple(dict.fromkeys(name for booking in self.bookings for name in booking.people))

    def within(self, _start: datetime, _end: datetime, _zone: ZoneInfo) -> Self:
        """Return the layer for questions about a span alone: its bookings are in order as they are."""
        return self

    def on_call(self, at: datetime, _zone: ZoneInfo, present: Callable[[str], str]) -> list[str]:
        """Return those on call at an instant. `present` returns a person, or who stands in for them, or nobody."""
        place = bisect_right(self.bookings, at, key=lambda booking: booking.start) - 1
        if place < 0 or self.bookings[place].end <= at:
            return []
        return [name for person in self.bookings[place].people if (name := present(person))]

    def edges(self, start: datetime, end: datetime, _zone: ZoneInfo) -> Iterator[datetime]:
        """Yield the instants of a span at which somebody else may be on call."""
        first = max(bisect_right(self.bookings, start, key=lambda booking: booking.start) - 1, 0)
        for booking in self.bookings[first:]:
            if booking.start > end:
                return
            yield booking.start
            yield booking.end


def mark(address: str) -> str:
    """Return the mark of an address as it is stored."""
    return sha256(address.encode()).hexdigest()[:16]


def bookings_to_json(bookings: Sequence[Booking]) -> list[list[object]]:
    """Return bookings as JSON for a row."""
    return [
        [booking.start.isoformat(), booking.end.isoformat(), list(booking.people)] for booking in bookings
    ]


def bookings_from_json(stored: Sequence[Sequence[Any]]) -> tuple[Booking, ...]:
    """Return the bookings of a row. The reverse of `bookings_to_json`."""
    return tuple(
        Booking(datetime.fromisoformat(start), datetime.fromisoformat(end), tuple(people))
        for start, end, people in stored
    )


def to_json(layer: CalendarLayer) -> dict[str, object]:
    """Return a layer as JSON for the row of its rotation."""
    return {"ical": layer.address}


def from_json(stored: Mapping[str, Any]) -> CalendarLayer:
    """Return the layer of a row, without its bookings. The reverse of `to_json`."""
    return CalendarLayer(stored["ical"])
