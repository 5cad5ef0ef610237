"""The rotations and teams of heartbeat.yaml: read from their fields, and written as these. Pure."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Final

from alerting.calendar_layer import CalendarLayer
from alerting.crew import Team
from alerting.escalation import ANY, Condition
from alerting.notifiers.settings import web_address
from alerting.person import OPERATOR
from alerting.rotation import WEEKDAYS, Layer, Length, Rotation, Window
from alerting.severity import Severity
from alerting.working_hours import WorkingHours
from heartbeat import vault
from heartbeat.checks import time_of_day
from heartbeat.definitions import entry, rotation_schema
from heartbeat.definitions.document import Node
from heartbeat.written import Inline, filled, one_or_more, unless

NAMED: Final = ("people", "channels", "rotations", "teams")
"""The sections of all that a step can name."""
OWN_NAME: Final = "is the service's own name for its terminal; choose another."
YEARS: Final = (2000, 2100)
_DAYS: Final = re.compile(rotation_schema.DAYS)
_BEGINS: Final = re.compile(rotation_schema.BEGINS, re.ASCII)
_MINUTE: Final = timedelta(minutes=1)
_WHOLE: Final = Window()
_ALL_DAY: Final = "00:00-24:00"
_WEBCAL: Final = ("webcal", "webcals")
_CALENDAR: Final = "https://calendar.example.com/infra.ics"
_EXAMPLE: Final = "{people: [anna, ben], shift: 1w, from: 2026-11-02 09:00}"
# These stand in where what is written is wrong, so that the rest can be judged. They never leave this room.
_SOME_SHIFT: Final = Length.parse("1w")
_SOME_START: Final = datetime(2026, 1, 1)  # noqa: DTZ001 - a time on the wall


def rotation(
    name: str, node: Node, timezone: str, known: Callable[[str], str], fill_in: Callable[[str], str]
) -> Rotation:
    """Return the rotation. `known` converts the name of a person. Problems are reported.

    `fill_in` resolves the references in the address of a calendar, only to see that it is an address.
    """
    node.only(rotation_schema.ROTATION["properties"], "a rotation")
    layers = entry.some(node.need("layers", f"[{_EXAMPLE}]"), entry.MAX_LAYERS, "layers", _EXAMPLE)
    return Rotation(
        name,
        node.read("timezone", entry.zone, timezone),
        tuple(_layer(layer, known, fill_in) for layer in layers),
    )


def team(name: str, node: Node, known: Callable[[str], str]) -> Team:
    """Return the team. `known` converts the name of a person. Problems are reported."""
    people = tuple(
        person.as_(known, "") for person in entry.some(node, entry.MAX_PAGED, "people", "[anna, ben]")
    )
    if len(people) > len(set(people)):
        node.report("names somebody twice.")
    return Team(name, people)


def report_shared_names(root: Node) -> None:
    """Report names that two of people, channels, rotations and teams have: a step could mean either."""
    first: dict[str, str] = {}
    for section in NAMED:
        for name, node in root.entries(section).items():
            if name == OPERATOR.id:
                node.report(OWN_NAME)
            elif (other := first.setdefault(name, section)) != section:
                node.report(f"is a name in `{other}` as well; a step could mean either, so choose another.")


def condition(node: Node, timezone: str) -> Condition:
    """Return what a step is meant for. Problems are reported."""
    node.only(rotation_schema.CONDITION["properties"], "only")
    severities = node.get("severity")
    chosen = (
        [item.as_(entry.severity, Severity.CRITICAL) for item in severities.items()] if severities else []
    )
    hours = _limits([_window(node)])
    zone = node.read("timezone", entry.zone, timezone)
    return Condition(tuple(dict.fromkeys(chosen)), hours, zone if hours else "UTC")


def working_hours(node: Node, timezone: str) -> WorkingHours | None:
    """Return the hours for which warnings wait, None if that is all the time. Problems are reported."""
    node.only(rotation_schema.WORKING_HOURS["properties"], "warnings_wait_for")
    if not node.get("days") and not node.get("hours"):
        node.report("names no hours; write for example {days: mon-fri, hours: 09:00-17:00}.")
    hours = _limits([_window(node)])
    zone = node.read("timezone", entry.zone, timezone)
    return WorkingHours(hours, zone) if hours else None


def written_hours(hours: WorkingHours | None) -> Inline | None:
    """Return the fields of working hours, None if there are none."""
    if hours is None:
        return None
    return Inline({**_written_window(hours.windows[0]), "timezone": hours.timezone})


def hours_in_words(hours: WorkingHours) -> str:
    """Return working hours as words: "mon-fri 09:00-17:00 Europe/London"."""
    return " ".join([*_text_of(hours.windows[0]), hours.timezone])


def written_condition(only: Condition) -> Inline | None:
    """Return the fields of a condition, None if there is none."""
    if only == ANY:
        return None
    severities = (
        one_or_more(tuple(severity.value for severity in only.severities)) if only.severities else None
    )
    hours = _written_window(only.windows[0]) if only.windows else {}
    return Inline(filled({"severity": severities, **hours, "timezone": only.timezone if hours else None}))


def condition_in_words(only: Condition) -> str:
    """Return a condition as words: "critical, mon-fri 09:00-17:00 Europe/London". Empty if there is none."""
    hours = " ".join([*_text_of(only.windows[0]), only.timezone]) if only.windows else ""
    return ", ".join(filter(None, [" or ".join(only.severities), hours]))


def written(rotation: Rotation) -> dict[str, Any]:
    """Return the fields of a rotation, as in a file that names no time zone for all."""
    return filled(
        {
            "timezone": unless(rotation.timezone, "UTC"),
            "layers": [
                Inline({"ical": layer.address}) if isinstance(layer, CalendarLayer) else _written_layer(layer)
                for layer in rotation.layers
            ],
        }
    )


def in_words(layer: Layer | CalendarLayer, names: Mapping[str, str] = MappingProxyType({})) -> str:
    """Return a layer as one line: "anna, ben, 1w each from 2026-11-02 09:00, only mon-fri 09:00-17:00".

    Those who have a name in `names` are called by it.
    """
    if isinstance(layer, CalendarLayer):
        is_open = layer.address != entry.CONCEALED and not vault.is_sealed(layer.address)
        return f"the calendar {layer.address}" if is_open else "a calendar, whose address is secret"
    only = " and ".join(" ".join(_text_of(window)) for window in layer.only)
    people = ", ".join(names.get(person, person) for person in layer.people)
    turns = f"{people}, {layer.shift} each from {layer.start:%Y-%m-%d %H:%M}"
    return f"{turns}, only {only}" if only else turns


def hours_of(window: Window) -> str:
    """Return the hours of a window, such as "09:00-17:00", empty if it is all day."""
    hours = f"{_clock(window.opens)}-{_clock(window.closes)}"
    return "" if hours == _ALL_DAY else hours


def _layer(node: Node, known: Callable[[str], str], fill_in: Callable[[str], str]) -> Layer | CalendarLayer:
    if isinstance(node.value, dict) and "ical" in node.value:
        node.only(rotation_schema.CALENDAR["properties"], "a layer with `ical`")
        return CalendarLayer(node.need("ical", _CALENDAR).as_(lambda text: _address(text, fill_in), ""))
    node.only(rotation_schema.LAYER["properties"], "a layer")
    turns = entry.some(node.need("people", "[anna, ben]"), entry.MAX_TURNS, "people", "anna")
    only = node.get("only")
    windows: list[Node] = []
    if only is not None:
        windows = [only] if isinstance(only.value, dict) else only.items()
        entry.at_most(only, entry.MAX_WINDOWS, "windows")
        for window in windows:
            window.only(rotation_schema.WINDOW["properties"], "only")
    return Layer(
        people=tuple(person.as_(known, "") for person in turns),
        shift=node.need("shift", "1w").as_(_shift, _SOME_SHIFT),
        start=node.need("from", "2026-11-02 09:00").as_(_begins, _SOME_START),
        only=_limits([_window(window) for window in windows]),
    )


def _limits(windows: Sequence[Window]) -> tuple[Window, ...]:
    """Return the windows, none if one of them is all the time."""
    return () if _WHOLE in windows else tuple(windows)


def web(address: str) -> str:
    """Return the address of a calendar for the web: it may be written as webcal://."""
    scheme, mark, rest = address.partition("://")
    return f"https{mark}{rest}" if scheme.lower() in _WEBCAL else address


def _address(text: str, fill_in: Callable[[str], str]) -> str:
    """Return the address of a calendar as it is written. No sentence shows it."""
    address = entry.line(entry.MAX_ADDRESS)(text)
    if web_address(web(fill_in(address))) is None:
        raise ValueError(f"must be the address of a calendar, such as {_CALENDAR}.")
    return address


def _shift(text: str) -> Length:
    return Length.parse(rotation_schema.WORDS.get(text, text))


def _begins(text: str) -> datetime:
    """Return the time on the wall in a text such as "2026-11-02 09:00"."""
    try:
        if not _BEGINS.fullmatch(text):
            raise ValueError
        begins = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{entry.quoted(text)} is no time; write for example 2026-11-02 09:00.") from None
    first, last = YEARS
    if not first <= begins.year <= last:
        raise ValueError(f"{entry.quoted(text)} is out of range; write a year from {first} to {last}.")
    return begins


def _window(node: Node) -> Window:
    days = node.get("days")
    chosen = {day for item in days.items() for day in item.as_(_weekdays, ())} if days else set(_WHOLE.days)
    opens, closes = node.read("hours", _hours, (_WHOLE.opens, _WHOLE.closes))
    return Window(tuple(sorted(chosen)), opens, closes)


def _weekdays(text: str) -> tuple[int, ...]:
    """Return the weekdays in a text such as "mon-fri" or "sat"; "fri-mon" goes over the end of the week."""
    if not _DAYS.fullmatch(text):
        raise ValueError(f"{entry.quoted(text)} is no weekday; write for example mon-fri or [sat, sun].")
    first, _, last = text.partition("-")
    start = WEEKDAYS.index(first)
    count = (WEEKDAYS.index(last or first) - start) % 7 + 1
    return tuple((start + place) % 7 for place in range(count))


def _hours(text: str) -> tuple[timedelta, timedelta]:
    if text == _ALL_DAY:
        return _WHOLE.opens, _WHOLE.closes
    try:
        window = time_of_day.Window.parse(text)
    except ValueError:
        sentence = "are no hours; write two different times of day, such as 09:00-17:00."
        raise ValueError(f"{entry.quoted(text)} {sentence}") from None
    opens = timedelta(hours=window.opens.hour, minutes=window.opens.minute)
    return opens, opens + window.length


def _written_layer(layer: Layer) -> dict[str, Any]:
    only = [Inline(_written_window(window)) for window in layer.only]
    return filled(
        {
            "people": one_or_more(layer.people),
            "shift": str(layer.shift),
            "from": f"{layer.start:%Y-%m-%d %H:%M}",
            "only": (only[0] if len(only) == 1 else only) or None,
        }
    )


def _written_window(window: Window) -> dict[str, Any]:
    return filled({"days": unless(_days(window.days), "mon-sun"), "hours": hours_of(window) or None})


def _text_of(window: Window) -> Iterator[str]:
    for value in _written_window(window).values():
        yield value if isinstance(value, str) else ", ".join(value)


def _days(days: tuple[int, ...]) -> Any:
    """Return weekdays as they are written: "mon-fri", or a list."""
    if len(days) > 1 and days == tuple(range(days[0], days[-1] + 1)):
        return f"{WEEKDAYS[days[0]]}-{WEEKDAYS[days[-1]]}"
    return one_or_more(tuple(WEEKDAYS[day] for day in days))


def _clock(after_midnight: timedelta) -> str:
    minutes = after_midnight // _MINUTE
    minutes = minutes if minutes == 24 * 60 else minutes % (24 * 60)
    return f"{minutes // 60:02}:{minutes % 60:02}"
