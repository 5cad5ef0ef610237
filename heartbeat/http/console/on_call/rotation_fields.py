"""A rotation as a form has it: every field is text, as typed. Pure.

A layer is a row, with rows inside: the people in turn, and the times in which one of them is on call.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Final, Self

from starlette.datastructures import FormData

from alerting.calendar_layer import CalendarLayer
from alerting.rotation import Layer, Rotation
from heartbeat.definitions import rotation_schema
from heartbeat.definitions.entry import MAX_LAYERS, MAX_WINDOWS
from heartbeat.http.console import form_rows
from heartbeat.http.console.on_call import names
from heartbeat.http.console.on_call.time_fields import TimeFields
from heartbeat.written import filled

TURN, TIME = "turn", "time"
"""The rows inside of a layer, as their buttons name them."""
CALENDAR: Final = "add:calendar"
"""The button that adds a layer which follows a calendar."""
HANDOVER: Final = "09:00"
"""The time of day at which new layers hand over."""
_WORDS: Final = {length: word for word, length in rotation_schema.WORDS.items()}
_LAYER: Final = re.compile(
    r"layers\[(\d+)\](?:\.(\w+))?(?:\[(\d+)\])?(?:\.(\w+))?(?:\[\d+\])?: (.*)", re.DOTALL
)
_FIELDS: Final = {
    "people": ("people", "people"),
    "shift": ("shift", "length of a shift"),
    "from": ("day", "first shift"),
    "ical": ("ical", "address of the calendar"),
}
"""The field of the form, and its name in sentences, by the field of the API."""


@dataclass(frozen=True, slots=True)
class CalendarFields:
    """The calendar that a layer follows: its address, or the mark of the stored one, which nobody sees again."""

    address: str = ""
    mark: str = ""

    def entered(self, previous: Rotation | None) -> dict[str, object]:
        """Return the fields as the API takes them. A stored address is as it is stored."""
        kept = {layer.mark: layer.address for layer in previous.calendars} if previous else {}
        return {"ical": self.address or kept.get(self.mark, "")}


@dataclass(frozen=True, slots=True)
class LayerFields:
    """A layer: the names of the people in turn, the length of a shift, the day and the time of the first one.

    A turn is empty where nobody was chosen. A layer that follows a calendar has nothing else.
    """

    turns: tuple[str, ...] = ()
    shift: str = "weekly"
    day: str = ""
    at: str = HANDOVER
    times: tuple[TimeFields, ...] = (TimeFields(),)
    calendar: CalendarFields | None = None

    @classmethod
    def of(cls, layer: Layer | CalendarLayer) -> Self:
        """Return the fields of a layer."""
        if isinstance(layer, CalendarLayer):
            return cls(calendar=CalendarFields(mark=layer.mark))
        shift = str(layer.shift)
        return cls(
            layer.people,
            shift=_WORDS.get(shift, shift),
            day=f"{layer.start:%Y-%m-%d}",
            at=f"{layer.start:%H:%M}",
            times=tuple(map(TimeFields.of, layer.only)) or (TimeFields(),),
        )

    @classmethod
    def typed(cls, form: FormData, place: int) -> Self:
        """Return the typed fields of the layer at this place."""
        if f"ical-{place}" in form:
            address, mark = (str(form.get(f"{field}-{place}", "")).strip() for field in ("ical", "mark"))
            return cls(calendar=CalendarFields(address, mark))
        count = form_rows.count(form, f"times-{place}", MAX_WINDOWS)
        shift, day, at = (str(form.get(f"{field}-{place}", "")).strip() for field in ("shift", "day", "at"))
        times = tuple(TimeFields.typed(form, f"{place}-{number}") for number in range(count))
        return cls(names.written(form, f"people-{place}"), shift=shift, day=day, at=at, times=times)

    @property
    def people(self) -> tuple[str, ...]:
        """The names of the people in turn."""
        return tuple(filter(None, self.turns))

    @property
    def places(self) -> tuple[str, ...]:
        """The people in turn with places for more: two at least, and one at the end."""
        return (*self.people, *[""] * max(2 - len(self.people), 1))

    @property
    def limited(self) -> bool:
        """True if somebody is on call at some times only."""
        return not all(time.blank for time in self.times)

    def pressed(self, rows: str, button: str) -> Self:
        """Return the layer once a button about its people or its times is pressed."""
        if rows == TIME:
            return replace(self, times=form_rows.apply(self.times, button, TimeFields())[:MAX_WINDOWS])
        return replace(self, turns=form_rows.apply(self.turns, button, ""))

    def entered(self, previous: Rotation | None) -> dict[str, object]:
        """Return the fields as the API takes them."""
        if self.calendar is not None:
            return self.calendar.entered(previous)
        return filled(
            {
                "people": list(self.people),
                "shift": self.shift,
                "from": f"{self.day} {self.at}".strip(),
                "only": [time.entered() for time in self.times if not time.blank] or None,
            }
        )


@dataclass(frozen=True, slots=True)
class RotationFields:
    """The fields of the form."""

    slug: str = ""
    timezone: str = "UTC"
    layers: tuple[LayerFields, ...] = (LayerFields(),)

    @classmethod
    def blank(cls, timezone: str, now: datetime) -> Self:
        """Return the form of a new rotation: its first shift has begun, so that somebody is on call at once."""
        return cls(timezone=timezone, layers=(LayerFields(day=f"{_last_monday(now.date())}"),))

    @classmethod
    def typed(cls, form: FormData, slug: str | None = None) -> Self:
        """Return the typed fields. An existing rotation keeps its `slug`."""
        name, timezone = (str(form.get(field, "")).strip() for field in ("slug", "timezone"))
        count = form_rows.count(form, "layers", MAX_LAYERS)
        layers = tuple(LayerFields.typed(form, place) for place in range(count))
        return cls(name if slug is None else slug, timezone, layers)

    @classmethod
    def of(cls, rotation: Rotation) -> Self:
        """Return the form of an existing rotation."""
        return cls(rotation.name, rotation.timezone, tuple(map(LayerFields.of, rotation.layers)))

    def pressed(self, do: str) -> Self:
        """Return the form once a button about its layers, or about what is in one, is pressed."""
        if do == CALENDAR:
            return replace(self, layers=(*self.layers, LayerFields(calendar=CalendarFields()))[:MAX_LAYERS])
        match form_rows.within(do):
            case (rows, place, button) if place < len(self.layers):
                layers = list(self.layers)
                layers[place] = layers[place].pressed(rows, button)
                return replace(self, layers=tuple(layers))
            case None:
                # Layers of one rotation mostly hand over together.
                blank = LayerFields(day=self.layers[-1].day, at=self.layers[-1].at)
                return replace(self, layers=form_rows.apply(self.layers, do, blank)[:MAX_LAYERS])
        return self

    def entered(self, previous: Rotation | None) -> dict[str, object]:
        """Return the fields as the API takes them."""
        return {
            "timezone": self.timezone or None,
            "layers": [layer.entered(previous) for layer in self.layers],
        }

    def located(self, problems: Iterable[str]) -> list[tuple[str, str]]:
        """Return each problem with its field, in the form's own words: `people-0`, `hours-0-1`."""
        return [self._located(problem) for problem in problems]

    def _located(self, problem: str) -> tuple[str, str]:
        match = _LAYER.fullmatch(problem)
        if match is not None and int(match[1]) < len(self.layers):
            return self._of_layer(int(match[1]), match[2] or "", match[3], match[4] or "", match[5])
        field, _, rest = problem.partition(": ")
        return ("timezone", f"Time zone: {rest}") if field == "timezone" else names.of_slug(problem)

    def _of_layer(
        self, place: int, field: str, item: str | None, inner: str, sentence: str
    ) -> tuple[str, str]:
        """Return a problem of a layer with its field. `item` is the number of the time in which it has `inner`."""
        title = f"Layer {place + 1}"
        if field == "only":
            filled = [number for number, time in enumerate(self.layers[place].times) if not time.blank]
            number = filled[int(item or 0)]
            label = f", {inner}" if inner else ""
            return f"hours-{place}-{number}", f"{title}, times {number + 1}{label}: {sentence}"
        name, label = _FIELDS.get(field, ("layer", ""))
        return f"{name}-{place}", f"{title}, {label}: {sentence}" if label else f"{title}: {sentence}"


def _last_monday(day: date) -> date:
    """Return the last Monday before a day. On the day itself its hand-over may be still to come."""
    return day - timedelta(days=(day.weekday() - 1) % 7 + 1)
