"""A person or a channel as a form has them: every field is text, as typed. Pure."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import ClassVar, Self

from starlette.datastructures import FormData

from alerting.person import Contact, Person
from heartbeat.http.console import form_rows
from heartbeat.http.console.on_call import contact_rows, names
from heartbeat.http.console.on_call.contact_rows import ContactFields

_NAMES = {
    "quiet_hours": "Quiet hours",
    "name": "Name",
    "timezone": "Time zone",
    "user": "User",
    "contacts": "Contacts",
}


@dataclass(frozen=True, slots=True)
class ChannelFields:
    """The fields of the form of a channel."""

    TEXTS: ClassVar[tuple[str, ...]] = ("name", "timezone")
    """The fields of one line, by their names in the API."""

    slug: str = ""
    name: str = ""
    timezone: str = "UTC"
    rows: tuple[ContactFields, ...] = (ContactFields(),)

    @classmethod
    def typed(cls, form: FormData, slug: str | None = None) -> Self:
        """Return the typed fields. What exists already keeps its `slug`."""
        texts = {name: str(form.get(name, "")).strip() for name in ("slug", *cls.TEXTS)}
        return cls(**(texts if slug is None else texts | {"slug": slug}), rows=contact_rows.typed(form))

    @classmethod
    def of(cls, person: Person, is_secret: Callable[[Contact], bool]) -> Self:
        """Return the form of a person or a channel that exists."""
        texts = {name: str(getattr(person, name) or "") for name in cls.TEXTS}
        return cls(slug=person.id, **texts, rows=contact_rows.of(person, is_secret))

    def pressed(self, do: str) -> Self:
        """Return the form once a button about its rows is pressed."""
        return replace(self, rows=form_rows.apply(self.rows, do, ContactFields()))

    def entered(self, previous: Person | None) -> dict[str, object]:
        """Return the fields as the API takes them. Raises ValueError for an incomplete row."""
        texts: dict[str, object] = {name: getattr(self, name) or None for name in self.TEXTS}
        return texts | contact_rows.entered(self.rows, previous)

    def located(self, problems: Iterable[str]) -> list[tuple[str, str]]:
        """Return each problem with its field, in the form's own words. A contact is `contact-2`."""
        located = [contact_rows.located(self.rows, problem) or _located(problem) for problem in problems]
        # What is wrong with a contact of both lists is told once.
        return list(dict.fromkeys(located))


@dataclass(frozen=True, slots=True)
class PersonFields(ChannelFields):
    """The fields of the form of a person, who can have more than a channel."""

    TEXTS: ClassVar[tuple[str, ...]] = ("name", "timezone", "user", "quiet_hours")

    user: str = ""
    quiet_hours: str = ""


def _located(problem: str) -> tuple[str, str]:
    field, _, rest = problem.partition(": ")
    if field in _NAMES:
        return field, f"{_NAMES[field]}: {rest}"
    return names.of_slug(problem)
