"""The contacts of a person or a channel as a form has them: a row each, every field as text, as typed. Pure.

A secret address is not in the form. Its row keeps the stored address until somebody types another.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from starlette.datastructures import FormData

from alerting.person import Contact, Person
from heartbeat import duration
from heartbeat.definitions.edit.people import keepable

LISTS = ("contacts", "warnings")
"""The lists of contacts, as the API names them."""
_CONTACT = re.compile(r"(?:person [^:]*?\.)?(contacts|warnings)\[(\d+)\](?:\.\S+)?: (.*)", re.DOTALL)


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


Rows = tuple[ContactFields, ...]


def typed(form: FormData) -> Rows:
    """Return the typed rows, at least one."""
    lists = (form.getlist(name) for name in ("kind", "address", "keeps", "after", "pages"))
    rows = tuple(
        ContactFields(
            kind.strip(),
            address.strip(),
            int(keeps) if keeps.isascii() and keeps.isdigit() else None,
            after.strip(),
            pages if pages in LISTS else "",
        )
        for kind, address, keeps, after, pages in zip_longest(
            *(map(str, some) for some in lists), fillvalue=""
        )
    )
    return rows or (ContactFields(),)


def of(person: Person, is_secret: Callable[[Contact], bool]) -> Rows:
    """Return the rows of the contacts that there are, at least one."""
    places = {contact.mark: place for place, contact in enumerate(person.all_contacts)}
    rows = tuple(
        ContactFields(
            contact.kind,
            "" if is_secret(contact) else contact.address,
            places[contact.mark] if is_secret(contact) else None,
            "" if contact.after is None else duration.written(contact.after),
            pages,
        )
        for contact, pages in _listed(person)
    )
    return rows or (ContactFields(),)


def entered(rows: Rows, previous: Person | None) -> dict[str, object]:
    """Return the lists as the API takes them. Raises ValueError for an incomplete row."""
    lists: dict[str, object] = {"contacts": _entered(rows, "contacts", previous)}
    if any(row.pages for row in rows if not row.blank):
        lists["warnings"] = _entered(rows, "warnings", previous)
    return lists


def located(rows: Rows, problem: str) -> tuple[str, str] | None:
    """Return a problem of a contact with its field, such as `contact-2`; None for a problem of something else."""
    if match := _CONTACT.fullmatch(problem):
        places = [place for place, row in enumerate(rows) if not row.blank and row.pages in ("", match[1])]
        if int(match[2]) < len(places):
            place = places[int(match[2])]
            return f"contact-{place}", f"Contact {place + 1}: {match[3]}"
    if problem.startswith("Contact "):
        return f"contact-{int(problem.split()[1].rstrip(':')) - 1}", problem
    return None


def _entered(rows: Rows, name: str, previous: Person | None) -> list[dict[str, str | None]]:
    """Return one of the lists as the API takes it."""
    contacts: list[dict[str, str | None]] = []
    kept_places: dict[str, list[int]] = {}
    for number, row in enumerate(rows, 1):
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


def _kept_place(row: ContactFields, previous: Person | None) -> int | None:
    """Return the place of the contact that this row keeps, or None."""
    contacts = previous.all_contacts if previous else ()
    place = row.keeps
    keeps = (
        place is not None and not row.address and place < len(contacts) and contacts[place].kind == row.kind
    )
    return place if keeps else None


def _listed(person: Person) -> Iterator[tuple[Contact, str]]:
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
