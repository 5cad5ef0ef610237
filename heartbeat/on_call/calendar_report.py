"""The state of the calendars that a rotation follows, in words. Pure."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from alerting import times
from alerting.calendar_layer import CalendarLayer
from alerting.desk import Imported
from alerting.rotation import Rotation

NAMED = 5
"""Names that nobody has, of which a sentence has the first ones."""


def problems(rotation: Rotation, calendars: Mapping[str, Imported], now: datetime) -> list[str]:
    """Return a sentence for each calendar that cannot be read, and for each that names somebody unknown.

    `calendars` are those that were read, by mark.
    """
    return [
        sentence
        for title, layer in _layers(rotation)
        if (calendar := calendars.get(layer.mark))
        for sentence in _problems(title, calendar, now)
    ]


def notes(rotation: Rotation, calendars: Mapping[str, Imported], now: datetime) -> list[str]:
    """Return a sentence for each calendar that can be read, and for each that has not been read yet."""
    found = []
    for title, layer in _layers(rotation):
        calendar = calendars.get(layer.mark)
        if calendar is None or not (calendar.read_at or calendar.fault):
            found.append(f"{title} has not been read yet. Until then, it has nobody on call.")
        elif calendar.read_at and not calendar.fault:
            found.append(f"{title} was read {times.ago(calendar.read_at, now)}.")
    return found


def _layers(rotation: Rotation) -> Iterator[tuple[str, CalendarLayer]]:
    for place, layer in enumerate(rotation.layers, 1):
        if isinstance(layer, CalendarLayer):
            title = "The calendar" if len(rotation.layers) == 1 else f"The calendar of layer {place}"
            yield title, layer


def _problems(title: str, calendar: Imported, now: datetime) -> Iterator[str]:
    if calendar.fault:
        used = (
            f"Its copy, read {times.ago(calendar.read_at, now)}, is used."
            if calendar.read_at
            else "It has never been read, so it has nobody on call."
        )
        yield f"{title} {calendar.fault}. {used}"
    if calendar.strangers:
        named = [repr(name) for name in calendar.strangers[:NAMED]]
        if more := len(calendar.strangers) - NAMED:
            named += [f"{more} more"] if more > 0 else []
        yield f"{title} names people who are not known here: {times.names(named)}. They are not on call by it."
