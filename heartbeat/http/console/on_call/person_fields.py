"""A person as a form has them: every field is text, as typed. Pure.

A secret address is not in the form. Its row keeps the stored address until somebody types another.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Any, Self

from starlette.datastructures import FormData

from alerting.person import Contact, Person
from heartbeat.http.console import form_rows

_CONTACT = re.compile(r"(?:person [^:]*?\.)?contacts\[(\d+)\](?:\.\S+)?: (.*)", re.DOTALL)
_NAMES = {"name": "Name", "timezone": "Time zone", "user": "User", "contacts": "Contacts", "slug": "Slug"}


@dataclass(frozen=True, slots=True)
class ContactFields:
    """A contact. `keeps` is the place of the contact whose secret address it keeps while `address` is empty."""

    kind: str = ""
    address: str = ""
    keeps: int | None = None

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
    rows: tuple[ContactFields, ...] = (ContactFields(),)

    @classmethod
    def typed(cls, form: FormData, slug: str | None = None) -> Self:
        """Return the typed fields. An existing person keeps their `slug`."""
        lists = (form.getlist("kind"), form.getlist("address"), form.getlist("keeps"))
        rows = tuple(
            ContactFields(
                _stripped(kind),
                _stripped(address),
                int(keeps) if keeps.isascii() and keeps.isdigit() else None,
            )
            for kind, address, keeps in zip_longest(*(map(str, some) for some in lists), fillvalue="")
        )
        texts = {name: _stripped(form.get(name, "")) for name in ("slug", "name", "timezone", "user")}
        return cls(**(texts if slug is None else texts | {"slug": slug}), rows=rows or (ContactFields(),))

    @classmethod
    def of(cls, person: Person, is_secret: Callable[[Contact], bool]) -> Self:
        """Return the form of an existing person."""
        rows = [
            ContactFields(contact.kind, "", place)
            if is_secret(contact)
            else ContactFields(contact.kind, contact.address)
            for place, contact in enumerate(person.contacts)
        ]
        return cls(person.id, person.name, person.timezone, person.user, tuple(rows) or (ContactFields(),))

    def pressed(self, do: str) -> Self:
        """Return the form once a button about its rows is pressed."""
        return replace(self, rows=form_rows.apply(self.rows, do, ContactFields()))

    def entered(self, previous: Person | None) -> dict[str, object]:
        """Return the fields as the API takes them. Raises ValueError for an incomplete row."""
        contacts: list[dict[str, str | None]] = []
        kept_places: dict[str, list[int]] = {}
        for number, row in enumerate(self.rows, 1):
            if row.blank:
                continue
            if not row.kind:
                raise ValueError(f"Contact {number}: choose a notifier.")
            keeps = _kept_place(row, previous)
            if keeps is not None:
                kept_places.setdefault(row.kind, []).append(keeps)
                _in_order(number, row.kind, kept_places[row.kind], previous)
            contacts.append({row.kind: None if keeps is not None else row.address})
        texts: dict[str, object] = {
            "name": self.name or None,
            "timezone": self.timezone or None,
            "user": self.user or None,
        }
        return texts | {"contacts": contacts}

    def located(self, problems: Iterable[str]) -> list[tuple[str, str]]:
        """Return each problem with its field, in the form's own words. A contact is `contact-2`."""
        places = [place for place, row in enumerate(self.rows) if not row.blank]
        return [self._located(problem, places) for problem in problems]

    def _located(self, problem: str, places: Sequence[int]) -> tuple[str, str]:
        match = _CONTACT.fullmatch(problem)
        if match is not None and int(match[1]) < len(places):
            place = places[int(match[1])]
            return f"contact-{place}", f"Contact {place + 1}: {match[2]}"
        if problem.startswith("Contact "):
            return f"contact-{int(problem.split()[1].rstrip(':')) - 1}", problem
        name, _, rest = problem.partition(": ")
        if name in _NAMES:
            return name, f"{_NAMES[name]}: {rest}"
        return ("slug" if "cannot be a name" in problem else ""), problem


def _kept_place(row: ContactFields, previous: Person | None) -> int | None:
    """Return the place of the contact that this row keeps, or None."""
    contacts = previous.contacts if previous else ()
    place = row.keeps
    keeps = (
        place is not None and not row.address and place < len(contacts) and contacts[place].kind == row.kind
    )
    return place if keeps else None


def _in_order(number: int, kind: str, kept_places: Sequence[int], previous: Person | None) -> None:
    # What is kept is named by its kind alone, and is then the first of that kind: another one would be meant.
    same = [
        place for place, contact in enumerate(previous.contacts if previous else ()) if contact.kind == kind
    ]
    if list(kept_places) != same[: len(kept_places)]:
        raise ValueError(
            f"Contact {number}: enter this address again. "
            f"Only the first secret {kind} addresses can be kept, in their order."
        )


def _stripped(value: Any) -> str:
    return str(value).strip()
