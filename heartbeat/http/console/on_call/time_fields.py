"""Weekdays and hours as a form has them: days to tick, and hours as text. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from starlette.datastructures import FormData

from alerting.rotation import WEEKDAYS, Window
from heartbeat.definitions.rotations import hours_of
from heartbeat.written import filled


@dataclass(frozen=True, slots=True)
class TimeFields:
    """Weekdays and hours. Without weekdays they are those of every day, without hours whole days."""

    days: tuple[str, ...] = ()
    hours: str = ""

    @classmethod
    def of(cls, window: Window) -> Self:
        """Return the fields of a window."""
        days = tuple(WEEKDAYS[day] for day in window.days)
        return cls(() if days == WEEKDAYS else days, hours_of(window))

    @classmethod
    def typed(cls, form: FormData, place: str) -> Self:
        """Return the typed fields, those whose names end with this place."""
        ticked = form.getlist(f"days-{place}")
        days = tuple(day for day in WEEKDAYS if day in ticked)
        return cls(days, str(form.get(f"hours-{place}", "")).strip())

    @property
    def blank(self) -> bool:
        """True if nothing is typed into it."""
        return not self.days and not self.hours

    def entered(self) -> dict[str, object]:
        """Return the fields as the API takes them."""
        return filled({"days": list(self.days) or None, "hours": self.hours or None})


_ALWAYS = TimeFields()


@dataclass(frozen=True, slots=True)
class HoursFields:
    """Weekdays and hours on the clock of a zone."""

    times: TimeFields = _ALWAYS
    zone: str = ""

    @classmethod
    def of(cls, windows: Sequence[Window], zone: str) -> Self:
        """Return the fields of the first window, blank if there is none."""
        return cls(TimeFields.of(windows[0]), zone) if windows else cls()

    @classmethod
    def typed(cls, form: FormData, place: str) -> Self:
        """Return the typed fields, those whose names end with this place."""
        return cls(TimeFields.typed(form, place), str(form.get(f"zone-{place}", "")).strip())

    def entered(self) -> dict[str, object]:
        """Return the fields as the API takes them, none if they are blank: a zone alone says nothing."""
        if self.times.blank:
            return {}
        return filled({**self.times.entered(), "timezone": self.zone or None})
