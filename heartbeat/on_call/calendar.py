"""Who is on call as a calendar that other programs read (iCalendar, RFC 5545). Pure.

Its events are the shifts that `rotation.shifts` finds, which asks `on_call` as a preview and a page at night do. A time
is written on the clock of its rotation, and in UTC where that clock shows it twice: a reader would take the first one.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from alerting import rotation, times, wall_clock
from alerting.rotation import Rotation, Shift
from heartbeat.safe_text import harmless

MONTHS_AHEAD = 4
"""A calendar ends with the third month after the present one, so at least 89 days ahead."""
MOST = 1_000
"""Shifts of a rotation in a calendar, at most: the first ones."""
REFRESH = timedelta(hours=1)
"""The time after which other programs are asked to fetch it again."""
LINE = 75
"""Bytes of a line, at most (RFC 5545, 3.1)."""
_DAY = timedelta(days=1)
_STEP = timedelta(days=7)
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Event:
    """A span in a calendar. `about` tells it from all others that begin at the same time."""

    start: datetime
    end: datetime
    title: str
    about: str
    rotation: str
    timezone: str


def of_rotation(turns: Rotation, names: Mapping[str, str], now: datetime) -> list[Event]:
    """Return the shifts of a rotation, from the beginning of the last month on. `names` are those of the people."""

    def title(people: tuple[str, ...]) -> str:
        return f"{times.names([names.get(person, person) for person in people])} on call ({turns.name})"

    return [
        Event(shift.start, shift.end, title(shift.people), turns.name, turns.name, turns.timezone)
        for shift in _shifts(turns, lambda people: people, now)
    ]


def of_person(person: str, rotations: Iterable[Rotation], now: datetime) -> list[Event]:
    """Return the shifts of a person in all rotations, the first one first."""
    events = [
        Event(
            shift.start,
            shift.end,
            f"On call: {turns.name}",
            f"{turns.name}-{person}",
            turns.name,
            turns.timezone,
        )
        for turns in rotations
        if person in turns.members
        for shift in _shifts(turns, lambda people: (person,) if person in people else (), now)
    ]
    return sorted(events, key=lambda event: (event.start, event.rotation))


def written(title: str, events: Sequence[Event], made_at: datetime, *, home: str, installation: str) -> str:
    """Return a calendar as text. `home` is the public address, and `installation` the random name of this one."""
    refresh = f"PT{REFRESH // timedelta(hours=1)}H"
    zones = {event.timezone: times.zone(event.timezone) for event in events if event.timezone != "UTC"}
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//heartbeat//on call//EN",
        "CALSCALE:GREGORIAN",
        "METHOD:PUBLISH",
        f"NAME:{_text(title)}",
        f"X-WR-CALNAME:{_text(title)}",
        f"REFRESH-INTERVAL;VALUE=DURATION:{refresh}",
        f"X-PUBLISHED-TTL:{refresh}",
    ]
    for name, zone in sorted(zones.items()):
        own = [event for event in events if event.timezone == name]
        first, last = min(event.start for event in own), max(event.end for event in own)
        lines += ["BEGIN:VTIMEZONE", f"TZID:{name}", *_observances(zone, first, last), "END:VTIMEZONE"]
    for event in events:
        lines += [
            "BEGIN:VEVENT",
            f"UID:{_utc(event.start)}-{event.about}@{installation}",
            f"DTSTAMP:{_utc(made_at)}",
            f"DTSTART{_at(event.start, event.timezone)}",
            f"DTEND{_at(event.end, event.timezone)}",
            f"SUMMARY:{_text(event.title)}",
            f"URL:{home}/on-call/rotations/{event.rotation}",
            "TRANSP:TRANSPARENT",
            "END:VEVENT",
        ]
    lines.append("END:VCALENDAR")
    return "".join(f"{_folded(line)}\r\n" for line in lines)


def _shifts(
    turns: Rotation, whom: Callable[[tuple[str, ...]], tuple[str, ...]], now: datetime
) -> list[Shift]:
    """Return the shifts in which somebody is `whom`, neighbours with the same people as one, at most `MOST`.

    The span begins and ends with a month: what lasts for ever keeps its beginning while the month lasts.
    """
    first = wall_clock.shown(now, turns.zone).date().replace(day=1)
    start, end = (_midnight(day, turns.zone) for day in (_month(first, -1), _month(first, MONTHS_AHEAD)))
    shifts: list[Shift] = []
    # Week by week: a rotation whose shifts are short has more of them than are wanted.
    while start < end and len(shifts) <= MOST:
        until = min(start + _STEP, end)
        for shift in rotation.shifts(turns, start, until):
            people = whom(shift.people)
            if people and shifts and shifts[-1].end == shift.start and shifts[-1].people == people:
                shifts[-1] = Shift(shifts[-1].start, shift.end, people)
            elif people:
                shifts.append(Shift(shift.start, shift.end, people))
        start = until
    return shifts[:MOST]


def _month(first: date, later: int) -> date:
    """Return the first day of the month so many months after the one that begins with `first`."""
    years, month = divmod(first.month - 1 + later, 12)
    return date(first.year + years, month + 1, 1)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return wall_clock.first(datetime.combine(day, time()), zone)


def _observances(zone: ZoneInfo, first: datetime, last: datetime) -> Iterator[str]:
    """Yield the offsets of a zone in a span: the one at its beginning, and each one that follows."""
    at = first - _DAY
    yield from _observance(zone, datetime(1970, 1, 1, tzinfo=UTC), at, at)
    while at < last:
        following = at + _DAY
        if _state(zone, following) != _state(zone, at):
            change = _change(zone, at, following)
            yield from _observance(zone, change, at, following)
        at = following


def _observance(zone: ZoneInfo, begins: datetime, before: datetime, after: datetime) -> Iterator[str]:
    """Yield an offset, that at `after`, which begins on the clock that still has the offset at `before`."""
    old, new = before.astimezone(zone), after.astimezone(zone)
    kind = "DAYLIGHT" if new.dst() else "STANDARD"
    wall = (begins + (old.utcoffset() or timedelta())).replace(tzinfo=None)
    yield f"BEGIN:{kind}"
    yield f"DTSTART:{wall:%Y%m%dT%H%M%S}"
    yield f"TZOFFSETFROM:{_offset(old)}"
    yield f"TZOFFSETTO:{_offset(new)}"
    yield f"TZNAME:{new.tzname()}"
    yield f"END:{kind}"


def _change(zone: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """Return the first instant at which the clock is as it is at `after`, to the second."""
    state = _state(zone, before)
    while after - before > _SECOND:
        middle = before + (after - before) // 2
        before, after = (middle, after) if _state(zone, middle) == state else (before, middle)
    return after.replace(microsecond=0)


def _state(zone: ZoneInfo, at: datetime) -> tuple[timedelta | None, str | None]:
    local = at.astimezone(zone)
    return local.utcoffset(), local.tzname()


def _offset(local: datetime) -> str:
    seconds = int((local.utcoffset() or timedelta()).total_seconds())
    hours, rest = divmod(abs(seconds), 3600)
    minutes, left = divmod(rest, 60)
    return f"{'-' if seconds < 0 else '+'}{hours:02}{minutes:02}{f'{left:02}' if left else ''}"


def _at(instant: datetime, timezone: str) -> str:
    """Return the parameters and the value of a time."""
    zone = times.zone(timezone)
    wall = wall_clock.shown(instant.replace(microsecond=0), zone)
    if timezone == "UTC" or wall_clock.first(wall, zone) != wall_clock.last(wall, zone):
        return f":{_utc(instant)}"
    return f";TZID={timezone}:{wall:%Y%m%dT%H%M%S}"


def _utc(instant: datetime) -> str:
    return f"{instant.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def _text(text: str) -> str:
    """Return a text as a value (RFC 5545, 3.3.11)."""
    for character in ("\\", ";", ","):
        text = text.replace(character, f"\\{character}")
    return " ".join(harmless(text).split())


def _folded(line: str) -> str:
    """Return a line in parts of at most `LINE` bytes, none of which begins within a character."""
    parts, size = [""], 0
    for character in line:
        width = len(character.encode())
        if size + width > LINE:
            parts.append("")
            # The space before a part that goes on.
            size = 1
        parts[-1] += character
        size += width
    return "\r\n ".join(parts)
