"""The state of the calendars that a rotation follows, in words. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from alerting import times
from alerting.calendar_layer import CalendarLayer
from alerting.desk import Imported
from alerting.incident import Facts, Symptom
from alerting.rotation import Rotation
from alerting.severity import Severity
from heartbeat.checks import cause

READ = "it can be read again, or is followed no longer"
"""Why the symptom of a rotation is over."""
PATIENCE = timedelta(days=1)
"""The time for which a calendar cannot be read until that is an incident."""
_PREFIX = "calendar:"
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
    sentences = []
    for title, layer in _layers(rotation):
        calendar = calendars.get(layer.mark)
        if calendar is None or not (calendar.read_at or calendar.fault):
            sentences.append(f"{title} has not been read yet. Until then, it has nobody on call.")
        elif calendar.read_at and not calendar.fault:
            sentences.append(f"{title} was read {times.ago(calendar.read_at, now)}.")
    return sentences


def symptom(
    rotation: str, calendars: Sequence[Imported], now: datetime, policy: str | None, installation: str | None
) -> Symptom:
    """Return the symptom of a rotation whose calendars cannot be read for long. Its policy is the default one."""
    first = min(calendar.failing_since or now for calendar in calendars)
    return Symptom(
        key=f"{_PREFIX}{rotation}",
        cause_key=f"{cause.UNREAD}:{policy or ''}:{cause.OF_SERVICE}",
        incident_title=cause.key_title(cause.OF_SERVICE),
        title=f"Calendar of {rotation}",
        cause=cause.UNREAD,
        words=cause.in_words(cause.UNREAD),
        severity=Severity.WARNING,
        policy=policy,
        installation=installation,
        facts=Facts(
            since=now,
            why=f"it could not be read since {times.Clock(now).at(first)}",
            description="Changes in it are not seen, so the wrong person may be on call.",
            runbook=f"open the rotation {rotation} on the console, which says why",
        ),
    )


def old(calendars: Iterable[Imported], now: datetime) -> dict[str, list[Imported]]:
    """Return the calendars that cannot be read for `PATIENCE`, by rotation."""
    by_rotation: dict[str, list[Imported]] = {}
    for calendar in calendars:
        if calendar.failing_since and now - calendar.failing_since >= PATIENCE:
            by_rotation.setdefault(calendar.rotation, []).append(calendar)
    return by_rotation


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
