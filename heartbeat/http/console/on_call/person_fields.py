"""A person as a form has them: every field is text, as typed. Pure.

A secret address is not in the form. Its row keeps the stored address until somebody types another.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Any, Self

from starlette.datastructures import FormData

from alerting.person import Contact, Person
from heartbeat import duration
from heartbeat.definitions.edit.people import keepable
from heartbeat.http.console import form_rows

_CONTACT = re.compile(r"(?:person [^:]*?\.)?(contacts|warnings)\[(\d+)\](?:\.\S+)?: (.*)", re.DOTALL)
_TEXTS = ("slug", "name", "timezone", "user", "quiet_hours")
_NAMES = {
    "quiet_hours": "Quiet hours",
    "name": "Name",
    "timezone": "Time zone",
    "user": "User",
    "contacts": "Contacts",
    "slug": "Slug",
}
LISTS = ("contacts", "warnings")
"""The lists of contacts, as the API names them."""


@dataclass(frozen=True, slots=True)
class ContactFields:
    """A contact. `keeps` is the place of the contact whose secret address it keeps while `address` is empty.

    `pages` is the only list that it belongs to, or empty if it is in both.
    """

    kind: str = ""
    address: str = ""
    keeps: int | None = None
    after: str = ""
    pages: str = ""

    @property
    def blank(self) -> bool:
        """True if nothing is typed into it."""
        return not self.kind and not self.address


@dataclass(frozen=True, slots=True)
class PersonFields:
    """The fields of the form."""

    slug: str = ""
    name: str = ""
    timezone: str = "UTC"
    user: str = ""
    quiet_hours: str = ""
    rows: tuple[ContactFields, ...] = (ContactFields(),)

    @classmethod
    def typed(cls, form: FormData, slug: str | None = None) -> Self:
        """Return the typed fields. An existing person keeps their `slug`."""
        lists = (form.getlist(name) for name in ("kind", "address", "keeps", "after", "pages"))
        rows = tuple(
            ContactFields(
                _stripped(kind),
                _stripped(address),
                int(keeps) if keeps.isascii() and keeps.isdigit() else None,
                _stripped(after),
                pages if pages in LISTS else "",
            )
            for kind, address, keeps, after, pages in zip_longest(
                *(map(str, some) for some in lists), fillvalue=""
            )
        )
        texts = {name: _stripped(form.get(name, "")) for name in _TEXTS}
        return cls(**(texts if slug is None else texts | {"slug": slug}), rows=rows or (ContactFields(),))

    @classmethod
    def of(cls, person: Person, is_secret: Callable[[Contact], bool]) -> Self:
        """Return the form of an existing person."""
        places = {contact.mark: place for place, contact in enumerate(person.all_contacts)}
        rows = [
            ContactFields(
                contact.kind,
                "" if is_secret(contact) else contact.address,
                places[contact.mark] if is_secret(contact) else None,
                "" if contact.after is None else duration.written(contact.after),
                pages,
            )
            for contact, pages in _rows(person)
        ]
        quiet_hours = str(person.quiet_hours) if person.quiet_hours else ""
        texts = (person.id, person.name, person.timezone, person.user, quiet_hours)
        return cls(*texts, tuple(rows) or (ContactFields(),))

    def pressed(self, do: str) -> Self:
        """Return the form once a button about its rows is pressed."""
        return replace(self, rows=form_rows.apply(self.rows, do, ContactFields()))

    def entered(self, previous: Person | None) -> dict[str, object]:
        """Return the fields as the API takes them. Raises ValueError for an incomplete row."""
        lists: dict[str, object] = {"contacts": self._listed("contacts", previous)}
        if any(row.pages for row in self._filled):
            lists["warnings"] = self._listed("warnings", previous)
        texts: dict[str, object] = {
            "name": self.name or None,
            "timezone": self.timezone or None,
            "user": self.user or None,
            "quiet_hours": self.quiet_hours or None,
        }
        return texts | lists

    @property
    def _filled(self) -> list[ContactFields]:
        return [row for row in self.rows if not row.blank]

    def _listed(self, name: str, previous: Person | None) -> list[dict[str, str | None]]:
        """Return one of the lists as the API takes it."""
        contacts: list[dict[str, str | None]] = []
        kept_places: dict[str, list[int]] = {}
        for number, row in enumerate(self.rows, 1):
            if row.blank or row.pages not in ("", name):
                continue
            if not row.kind:
                raise ValueError(f"Contact {number}: choose a notifier.")
            keeps = _kept_place(row, previous)
            if keeps is not None:
                kept_places.setdefault(row.kind, []).append(keeps)
                _in_order(number, row.kind, kept_places[row.kind], name, previous)
            contacts.append(
                {row.kind: None if keeps is not None else row.address}
                | ({"after": row.after} if row.after else {})
            )
        return contacts

    def located(self, problems: Iterable[str]) -> list[tuple[str, str]]:
        """Return each problem with its field, in the form's own words. A contact is `contact-2`."""
        located = [self._located(problem) for problem in problems]
        # What is wrong with a contact of both lists is told once.
        return list(dict.fromkeys(located))

    def _located(self, problem: str) -> tuple[str, str]:
        if match := _CONTACT.fullmatch(problem):
            rows = enumerate(self.rows)
            places = [place for place, row in rows if not row.blank and row.pages in ("", match[1])]
            if int(match[2]) < len(places):
                place = places[int(match[2])]
                return f"contact-{place}", f"Contact {place + 1}: {match[3]}"
        if problem.startswith("Contact "):
            return f"contact-{int(problem.split()[1].rstrip(':')) - 1}", problem
        name, _, rest = problem.partition(": ")
        if name in _NAMES:
            return name, f"{_NAMES[name]}: {rest}"
        return ("slug" if "cannot be a name" in problem else ""), problem


def _kept_place(row: ContactFields, previous: Person | None) -> int | None:
    """Return the place of the contact that this row keeps, or None."""
    contacts = previous.all_contacts if previous else ()
    place = row.keeps
    keeps = (
        place is not None and not row.address and place < len(contacts) and contacts[place].kind == row.kind
    )
    return place if keeps else None


def _rows(person: Person) -> Iterator[tuple[Contact, str]]:
    """Yield the contacts with the only list that each belongs to, or nothing if both hold it in the same order."""
    shared = [contact for contact in person.contacts if contact in person.warnings]
    if not person.warnings or shared != [contact for contact in person.warnings if contact in shared]:
        shared = []
    left = list(person.warnings)
    for contact in person.contacts:
        if contact not in shared:
            yield contact, "contacts" if person.warnings else ""
            continue
        while left[0] != contact:
            yield left.pop(0), "warnings"
        yield left.pop(0), ""
    for contact in left:
        yield contact, "warnings"


def _in_order(number: int, kind: str, kept_places: Sequence[int], name: str, previous: Person | None) -> None:
    # What is kept is named by its kind alone, and is then the first of that kind: another one would be meant.
    everything = previous.all_contacts if previous else ()
    same = [everything.index(contact) for contact in keepable(previous, name) if contact.kind == kind]
    if list(kept_places) != same[: len(kept_places)]:
        raise ValueError(
            f"Contact {number}: enter this address again. "
            f"Only the first secret {kind} addresses can be kept, in their order."
        )


def _stripped(value: Any) -> str:
    return str(value).strip()
