"""The events of a calendar that another program writes (iCalendar, RFC 5545): repeated ones as the times they have.

A calendar is foreign text, which can ask for any amount of work. What repeats each hour, minute or second is refused,
and so is what has too many events. The rest is bounded by the process that runs this, see `calendar_process`: only
`calendar_reader` imports this room. Pure.

A repeated event begins and ends by the clock on the wall of its zone, as shifts do: one from 22:00 to 06:00 lasts 7
hours in the night in which clocks are put forward. All-day events, and times without a zone, are on the clock of the
rotation.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import islice
from typing import Any, Final

from dateutil import rrule
from icalendar import Calendar

from heartbeat.on_call.event import Event, Unreadable

MOST_ENTRIES: Final = 10_000
"""Events that a calendar may have, each repeated one once."""
MOST_EVENTS: Final = 2_000
"""Events within the span that is read, at most."""
MOST_COUNTED: Final = 100_000
"""Times of one repeated event that are counted from its first one on, at most."""
LONGEST_TEXT: Final = 100
"""Characters that are kept of a title, a name and an address."""
MOST_ATTENDEES: Final = 10
"""Attendees of an event that are read."""
Entry = Any
"""An event as the library has it. Its types leave open what a property is."""
_DAY: Final = timedelta(days=1)
_FREQUENCIES: Final = {
    "DAILY": rrule.DAILY,
    "WEEKLY": rrule.WEEKLY,
    "MONTHLY": rrule.MONTHLY,
    "YEARLY": rrule.YEARLY,
}
_WEEKDAYS: Final = dict(zip(("MO", "TU", "WE", "TH", "FR", "SA", "SU"), rrule.weekdays, strict=True))
_WEEKDAY: Final = re.compile(r"([+-]?\d{1,2})?(MO|TU|WE|TH|FR|SA|SU)", re.ASCII)
_LISTS: Final = {
    "BYMONTH": "bymonth",
    "BYMONTHDAY": "bymonthday",
    "BYYEARDAY": "byyearday",
    "BYWEEKNO": "byweekno",
    "BYSETPOS": "bysetpos",
    "BYHOUR": "byhour",
    "BYMINUTE": "byminute",
    "BYSECOND": "bysecond",
}
_KNOWN: Final = {"FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST", "BYDAY", *_LISTS}
_TOO_OFTEN: Final = re.compile(r"FREQ\s*=\s*(SECONDLY|MINUTELY|HOURLY)", re.IGNORECASE)
_FOLD: Final = re.compile(r"\r?\n[ \t]")
_NEEDED: Final = ("DTSTART", "DTEND", "DURATION", "RRULE", "EXDATE", "RDATE", "RECURRENCE-ID")
_DECLINED: Final = "DECLINED"
_THINGS: Final = frozenset({"ROOM", "RESOURCE"})


@dataclass(frozen=True, slots=True)
class _Times:
    """The first time of an entry on the wall of its zone, and its length there."""

    wall: datetime
    length: timedelta
    zone: tzinfo

    def at(self, wall: datetime) -> tuple[datetime, datetime]:
        """Return the span that begins at this time on the wall."""
        return _instant(wall, self.zone), _instant(wall + self.length, self.zone)


def read(text: str, zone: tzinfo, start: datetime, end: datetime) -> list[Event]:
    """Return the events that touch a span, the first one first. `zone` is that of the rotation. Raises `Unreadable`."""
    if _TOO_OFTEN.search(_FOLD.sub("", text)):
        raise Unreadable("repeats an event each hour, minute or second, which is refused")
    entries = [entry for entry in _entries(text) if _sound(entry)]
    moved = _moved(entries, zone)
    events: list[Event] = []
    for entry in _newest(entries, zone):
        if str(entry.get("STATUS", "")).upper() == "CANCELLED":
            continue
        gone = moved.get(_uid(entry), set()) if "RECURRENCE-ID" not in entry else set()
        for begins, ends in _readable(entry, zone, end):
            if begins not in gone and begins < ends and begins < end and start < ends:
                events.append(Event(begins, ends, _text(entry.get("SUMMARY", "")), tuple(_attendees(entry))))
                if len(events) > MOST_EVENTS:
                    raise Unreadable(f"has more than {MOST_EVENTS:,} events in the span that is read")
    return sorted(events, key=lambda event: (event.start, event.end, event.title))


def _readable(entry: Entry, zone: tzinfo, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Yield the spans of an event as `_spans` does. Whatever its text does to the library is told in one sentence."""
    try:
        yield from _spans(entry, zone, end)
    except Unreadable:
        raise
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        raise Unreadable(f"has an event {_named(entry)} that cannot be read") from None


def _entries(text: str) -> list[Entry]:
    try:
        calendars = Calendar.from_ical(text, multiple=True)
    except (ValueError, KeyError, IndexError, AttributeError, TypeError):
        raise Unreadable("is no calendar (iCalendar)") from None
    if not calendars:
        raise Unreadable("is no calendar (iCalendar)")
    entries = [entry for calendar in calendars for entry in calendar.walk("VEVENT")]
    if len(entries) > MOST_ENTRIES:
        raise Unreadable(f"has more than {MOST_ENTRIES:,} events")
    return entries


def _sound(entry: Entry) -> bool:
    """Return True. Raises `Unreadable` for an event of which something that matters cannot be read."""
    for name, _problem in entry.errors:
        if name in _NEEDED:
            raise Unreadable(f"has an event {_named(entry)} whose {name} cannot be read")
    if "EXRULE" in entry:
        raise Unreadable(f"has an event {_named(entry)} with EXRULE, which is not read")
    if "DTSTART" not in entry:
        raise Unreadable(f"has an event {_named(entry)} without DTSTART")
    return True


def _newest(entries: Iterable[Entry], zone: tzinfo) -> Iterator[Entry]:
    """Yield each event once: of two with the same UID for the same time, the one with the higher SEQUENCE."""
    newest: dict[object, Entry] = {}
    for place, entry in enumerate(entries):
        uid = _uid(entry)
        key = (uid, _replaced(entry, zone)) if uid else place
        if key not in newest or _sequence(entry) >= _sequence(newest[key]):
            newest[key] = entry
    yield from newest.values()


def _moved(entries: Iterable[Entry], zone: tzinfo) -> Mapping[str, set[datetime]]:
    """Return the times of repeated events that others replace, by UID."""
    moved: dict[str, set[datetime]] = defaultdict(set)
    for entry in entries:
        if (replaced := _replaced(entry, zone)) is not None:
            moved[_uid(entry)].add(replaced)
    return moved


def _replaced(entry: Entry, zone: tzinfo) -> datetime | None:
    """Return the time of the repeated event that this one replaces."""
    stamp = entry.get("RECURRENCE-ID")
    if stamp is None:
        return None
    if str(stamp.params.get("RANGE", "")).upper() == "THISANDFUTURE":
        raise Unreadable(
            f"changes {_named(entry)} from one time on (RANGE=THISANDFUTURE), which is not read; end the event there, "
            "and add another one"
        )
    wall, place = _wall(entry, stamp.dt, zone)
    return _instant(wall, place)


def _spans(entry: Entry, zone: tzinfo, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Yield the spans of an event until `end`, repeated ones in no order."""
    times = _times(entry, zone)
    first = times.at(times.wall)
    if "RRULE" not in entry and "RDATE" not in entry:
        stop = entry.get("DTEND")
        # Its end may be in another zone.
        yield first if stop is None else (first[0], _instant(*_wall(entry, stop.dt, zone)))
        return
    spans = {first}
    horizon = end.astimezone(times.zone).replace(tzinfo=None) + _DAY
    for rule in _listed(entry.get("RRULE")):
        spans.update(times.at(wall) for wall in _walls(entry, rule, times, horizon))
    days, instants = _dates(entry, "EXDATE", zone)
    more_days, more = _dates(entry, "RDATE", zone)
    spans.update(times.at(datetime.combine(day, times.wall.time())) for day in more_days)
    spans.update(times.at(at.astimezone(times.zone).replace(tzinfo=None)) for at in more)
    for begins, ends in spans:
        if begins not in instants and begins.astimezone(times.zone).date() not in days:
            yield begins, ends


def _times(entry: Entry, zone: tzinfo) -> _Times:
    begins = entry["DTSTART"].dt
    wall, place = _wall(entry, begins, zone)
    if "DTEND" in entry:
        stop, elsewhere = _wall(entry, entry["DTEND"].dt, zone)
        if elsewhere is not place:
            stop = _instant(stop, elsewhere).astimezone(place).replace(tzinfo=None)
        return _Times(wall, stop - wall, place)
    if "DURATION" in entry and isinstance(entry["DURATION"].dt, timedelta):
        return _Times(wall, entry["DURATION"].dt, place)
    return _Times(wall, timedelta() if isinstance(begins, datetime) else _DAY, place)


def _walls(entry: Entry, rule: Any, times: _Times, horizon: datetime) -> Iterator[datetime]:
    """Yield the times on the wall of a rule, until the horizon."""
    fields = {str(name).upper(): _listed(values) for name, values in rule.items()}
    if unknown := sorted(fields.keys() - _KNOWN):
        raise Unreadable(f"repeats {_named(entry)} by {unknown[0]}, which is not read")
    frequency = _FREQUENCIES.get(str(fields.get("FREQ", [""])[0]).upper())
    if frequency is None:
        raise Unreadable(f"repeats {_named(entry)} by a rule without FREQ")
    arguments: dict[str, Any] = {"interval": max(int(fields.get("INTERVAL", [1])[0]), 1)}
    if "WKST" in fields:
        arguments["wkst"] = _weekday(entry, fields["WKST"][0])
    if "BYDAY" in fields:
        arguments["byweekday"] = [_weekday(entry, day) for day in fields["BYDAY"]]
    for name, argument in _LISTS.items():
        if name in fields:
            arguments[argument] = [int(number) for number in fields[name]]
    latest = min([horizon, *(_until(until, times) for until in fields.get("UNTIL", ()))])
    try:
        walls = rrule.rrule(frequency, dtstart=times.wall, until=latest, **arguments)
    except (ValueError, TypeError):
        raise Unreadable(f"repeats {_named(entry)} by a rule that cannot be read") from None
    count = int(fields["COUNT"][0]) if "COUNT" in fields else None
    for number, wall in enumerate(islice(iter(walls), count)):
        if number >= MOST_COUNTED:
            raise Unreadable(f"repeats {_named(entry)} more than {MOST_COUNTED:,} times")
        yield wall


def _weekday(entry: Entry, text: object) -> Any:
    match = _WEEKDAY.fullmatch(str(text).upper())
    if match is None or match[1] in ("0", "+0", "-0"):
        raise Unreadable(f"repeats {_named(entry)} on a day that cannot be read")
    day = _WEEKDAYS[match[2]]
    return day(int(match[1])) if match[1] else day


def _until(until: date, times: _Times) -> datetime:
    """Return the last time on the wall at which an event may begin. A day counts as a whole."""
    if not isinstance(until, datetime):
        return datetime.combine(until, time.max)
    return until.astimezone(times.zone).replace(tzinfo=None) if until.tzinfo else until


def _dates(entry: Entry, name: str, zone: tzinfo) -> tuple[set[date], set[datetime]]:
    """Return the days and the instants of a list of dates."""
    days: set[date] = set()
    instants: set[datetime] = set()
    for dates in _listed(entry.get(name)):
        for each in dates.dts:
            # A period counts from its beginning: an event has one length.
            at = each.dt[0] if isinstance(each.dt, tuple) else each.dt
            if isinstance(at, datetime):
                instants.add(_instant(*_wall(entry, at, zone)))
            else:
                days.add(at)
    return days, instants


def _wall(entry: Entry, at: object, zone: tzinfo) -> tuple[datetime, tzinfo]:
    """Return a date or a time on the wall, and its zone."""
    if isinstance(at, datetime):
        if at.tzinfo is None and _lacks_zone(entry):
            raise Unreadable(f"has an event {_named(entry)} in a time zone that is not known")
        return at.replace(tzinfo=None), at.tzinfo or zone
    if isinstance(at, date):
        return datetime.combine(at, time()), zone
    raise Unreadable(f"has an event {_named(entry)} whose times cannot be read")


def _lacks_zone(entry: Entry) -> bool:
    """Return whether an event names a zone that the library did not find."""
    stamps = [entry.get(name) for name in ("DTSTART", "DTEND", "RECURRENCE-ID")]
    return any(
        "TZID" in stamp.params and isinstance(stamp.dt, datetime) and stamp.dt.tzinfo is None
        for stamp in stamps
        if stamp is not None
    )


def _instant(wall: datetime, zone: tzinfo) -> datetime:
    """Return the first instant at which the clock of a zone shows a time. A skipped one is as long after the skip."""
    try:
        return wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    except OverflowError:
        raise Unreadable("has an event beyond the year 9999") from None


def _attendees(entry: Entry) -> Iterator[tuple[str, str]]:
    for attendee in _listed(entry.get("ATTENDEE"))[:MOST_ATTENDEES]:
        params = getattr(attendee, "params", {})
        if str(params.get("PARTSTAT", "")).upper() == _DECLINED:
            continue
        if str(params.get("CUTYPE", "")).upper() in _THINGS:
            continue
        address = str(attendee)
        if address.lower().startswith("mailto:"):
            address = address[len("mailto:") :]
        yield _text(address), _text(params.get("CN", ""))


def _named(entry: Entry) -> str:
    return repr(_text(entry.get("SUMMARY", ""))[:60])


def _text(value: object) -> str:
    return " ".join(str(value).split())[:LONGEST_TEXT]


def _uid(entry: Entry) -> str:
    return str(entry.get("UID", ""))


def _sequence(entry: Entry) -> int:
    try:
        return int(entry.get("SEQUENCE", 0))
    except (TypeError, ValueError):
        return 0


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]
