"""A person as a form has them: every field is text, as it was typed. Pure.

A secret address is not in the form. A row of it keeps the one that there is as long as nothing is typed in its place.
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
_NAMES = {"name": "Name", "timezone": "Time zone", "contacts": "Contacts", "slug": "Slug"}


@dataclass(frozen=True, slots=True)
class Row:
    """One contact. `keeps` is the place of the contact whose secret address it keeps while `address` is empty."""

    kind: str = ""
    address: str = ""
    keeps: int | None = None

    @property
    def blank(self) -> bool:
        """Whether nobody has written anything into it."""
        return not self.kind and not self.address


@dataclass(frozen=True, slots=True)
class Card:
    """What stands in the form."""

    slug: str = ""
    name: str = ""
    timezone: str = "UTC"
    rows: tuple[Row, ...] = (Row(),)

    @classmethod
    def typed(cls, form: FormData, slug: str | None = None) -> Self:
        """What somebody has typed. Of a person that there is, the `slug` stays."""
        lists = (form.getlist("kind"), form.getlist("address"), form.getlist("keeps"))
        found = tuple(
            Row(_said(kind), _said(address), int(kept) if kept.isascii() and kept.isdigit() else None)
            for kind, address, kept in zip_longest(*(map(str, some) for some in lists), fillvalue="")
        )
        said = {name: _said(form.get(name, "")) for name in ("slug", "name", "timezone")}
        return cls(**(said if slug is None else said | {"slug": slug}), rows=found or (Row(),))

    @classmethod
    def of(cls, person: Person, is_secret: Callable[[Contact], bool]) -> Self:
        """The form of a person that there is."""
        found = [
            Row(one.kind, "", place) if is_secret(one) else Row(one.kind, one.address)
            for place, one in enumerate(person.contacts)
        ]
        return cls(person.id, person.name, person.timezone, tuple(found) or (Row(),))

    def after(self, do: str) -> Self:
        """The form once a button about its rows is pressed."""
        return replace(self, rows=form_rows.apply(self.rows, do, Row()))

    def given(self, before: Person | None) -> dict[str, object]:
        """The same as the API takes it. Raises ValueError where a row does not say what it is."""
        contacts: list[dict[str, str | None]] = []
        kept: dict[str, list[int]] = {}
        for number, row in enumerate(self.rows, 1):
            if row.blank:
                continue
            if not row.kind:
                raise ValueError(f"Contact {number}: choose by what it is reached.")
            keeps = _kept(row, before)
            if keeps is not None:
                kept.setdefault(row.kind, []).append(keeps)
                _in_order(number, row.kind, kept[row.kind], before)
            contacts.append({row.kind: None if keeps is not None else row.address})
        words: dict[str, object] = {"name": self.name or None, "timezone": self.timezone or None}
        return words | {"contacts": contacts}

    def wrong(self, problems: Iterable[str]) -> list[tuple[str, str]]:
        """Each problem with the field that it is about, in the form's own words; a contact is `contact-2`."""
        places = [place for place, row in enumerate(self.rows) if not row.blank]
        return [self._wrong(said, places) for said in problems]

    def _wrong(self, said: str, places: Sequence[int]) -> tuple[str, str]:
        found = _CONTACT.fullmatch(said)
        if found is not None and int(found[1]) < len(places):
            place = places[int(found[1])]
            return f"contact-{place}", f"Contact {place + 1}: {found[2]}"
        if said.startswith("Contact "):
            return f"contact-{int(said.split()[1].rstrip(':')) - 1}", said
        name, _, rest = said.partition(": ")
        if name in _NAMES:
            return name, f"{_NAMES[name]}: {rest}"
        return ("slug" if "cannot be a name" in said else ""), said


def _kept(row: Row, before: Person | None) -> int | None:
    """The place of the contact that this row keeps as it is."""
    there = before.contacts if before else ()
    place = row.keeps
    keeps = place is not None and not row.address and place < len(there) and there[place].kind == row.kind
    return place if keeps else None


def _in_order(number: int, kind: str, kept: Sequence[int], before: Person | None) -> None:
    # What is kept is named by its kind alone, and is then the first of that kind: another one would be meant.
    same = [place for place, one in enumerate(before.contacts if before else ()) if one.kind == kind]
    if list(kept) != same[: len(kept)]:
        raise ValueError(
            f"Contact {number}: of several secret addresses by {kind} only the first can be kept, in their order; "
            "write this one anew."
        )


def _said(given: Any) -> str:
    return str(given).strip()
