"""People and channels that are defined outside of the file. Secret addresses are encrypted before they are stored."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cache
from typing import Any

from sqlalchemy import Connection

from alerting import desk
from alerting.notifiers import registry
from alerting.person import Contact, Person
from heartbeat import vault
from heartbeat.definitions import entry as definition_entry
from heartbeat.definitions import export as configuration_export
from heartbeat.definitions import single as single_definition
from heartbeat.definitions.changes import CONCEALED
from heartbeat.definitions.contacts import AFTER
from heartbeat.definitions.edit.crew import refuse_shared_name, used_by
from heartbeat.definitions.kind import Edit, Kind
from heartbeat.definitions.single import Faulty, Scope
from heartbeat.vault import Vault


def read(edit: Edit, name: str, fields: Mapping[str, object]) -> Person:
    """Return the person that these fields define, which are those of the file under `people`. Raises `Faulty`.

    A secret address is given in clear and is never shown again. Null in its place keeps the stored one: the first of
    that kind that is not kept already.
    """
    return _read(edit, name, fields, single_definition.read_person)


def read_channel(edit: Edit, name: str, fields: Mapping[str, object]) -> Person:
    """Return the channel that these fields define, which are those of the file under `channels`. Raises `Faulty`."""
    return _read(edit, name, fields, single_definition.read_channel)


def _read(
    edit: Edit,
    name: str,
    fields: Mapping[str, object],
    read: Callable[[str, Mapping[str, object], Scope], Person],
) -> Person:
    people = desk.defined_people(edit.db)
    stored = people.get(name)
    scope = Scope(kinds=registry.installed().kinds, settings=desk.notifiers(edit.db))
    person = read(name, _filled(fields, stored, edit.vault), scope)
    refuse_shared_name(edit.db, name, "channel" if person.channel else "person")
    _refuse_taken(person, people)
    _refuse_file_only(person)
    known = list(stored.all_contacts) if stored else []
    return person.with_contacts(lambda contact: _sealed(person, contact, known, edit.vault))


def _refuse_taken(person: Person, people: Mapping[str, Person]) -> None:
    for other in people.values():
        if person.user and other.user == person.user and other.id != person.id:
            raise Faulty([f"user: {other.id} is the user {person.user!r} already; a user is one person."])


def _refuse_file_only(person: Person) -> None:
    for contact in person.all_contacts:
        if contact.kind in registry.kinds_that("file_only"):
            raise Faulty([f"contacts: {contact.kind} works in the configuration file only."])


def written(_name: str, person: Person) -> dict[str, Any]:
    """Return the person as `read` takes them, without secrets."""
    return configuration_export.person(
        person.with_contacts(
            lambda contact: replace(contact, address=CONCEALED) if is_secret(contact) else contact
        )
    )


def is_secret(contact: Contact) -> bool:
    """True if nobody may read the address. Addresses of kinds that are not installed count as secret."""
    return contact.kind not in _open_kinds()


def open_addresses(people: Iterable[Person]) -> dict[str, str]:
    """Return the addresses of contacts that are no secret, by the marks under which attempts name them."""
    contacts = [contact for person in people for contact in person.all_contacts]
    return {contact.mark: contact.address for contact in contacts if not is_secret(contact)}


@cache
def _open_kinds() -> frozenset[str]:
    return frozenset(
        kind for kind, notifier in registry.installed().kinds.items() if not notifier.secret_address
    )


def _filled(fields: Mapping[str, object], stored: Person | None, keys: Vault) -> Mapping[str, object]:
    """Return the fields with the addresses that are kept, in clear."""
    for name in ("contacts", "warnings"):
        contacts = fields.get(name)
        if isinstance(contacts, list):
            fields = {**fields, name: _with_kept(contacts, name, stored, keepable(stored, name), keys)}
    return fields


def keepable(stored: Person | None, name: str) -> list[Contact]:
    """Return the stored contacts that a list (`contacts` or `warnings`) may keep: its own first, then the others."""
    if stored is None:
        return []
    own = stored.warnings if name == "warnings" else stored.contacts
    marks = [contact.mark for contact in own]
    by_mark = {contact.mark: contact for contact in stored.all_contacts}
    return [by_mark.pop(mark) for mark in marks if mark in by_mark] + list(by_mark.values())


def _with_kept(
    contacts: Sequence[object], name: str, stored: Person | None, left: list[Contact], keys: Vault
) -> list[object]:
    filled: list[object] = []
    for place, contact_fields in enumerate(contacts):
        match contact_fields:
            case dict() if keeping := [
                kind for kind, at in contact_fields.items() if at is None and kind != AFTER
            ]:
                kind = keeping[0]
                same = next((contact for contact in left if contact.kind == kind), None)
                if same is None or stored is None:
                    raise Faulty([f"{name}[{place}].{kind}: there is no address to keep; write one."])
                left.remove(same)
                contact_fields = {**contact_fields, kind: _clear(stored, same, keys, f"{name}[{place}]")}
        filled.append(contact_fields)
    return filled


def _clear(person: Person, contact: Contact, keys: Vault, place: str) -> str:
    if not vault.is_sealed(contact.address):
        return contact.address
    try:
        return keys.open(contact.address, person.about(contact))
    except vault.Unreadable as error:
        raise Faulty([f"{place}.{contact.kind}: {error}"]) from None


def _sealed(person: Person, contact: Contact, known: list[Contact], keys: Vault) -> Contact:
    """Return the contact with its secret encrypted, and add it to those that are `known`.

    An equal secret is not encrypted again, so that a contact in both lists is one.
    """
    if not is_secret(contact):
        return contact
    for candidate in known:
        # One that no key opens any more is not the same: whoever enters it again must be able to.
        with suppress(Faulty):
            if candidate.kind == contact.kind and _clear(person, candidate, keys, "") == contact.address:
                return replace(contact, address=candidate.address)
    sealed = replace(contact, address=keys.seal(contact.address, person.about(contact)))
    known.append(sealed)
    return sealed


def _people(db: Connection) -> dict[str, Person]:
    return {name: person for name, person in desk.defined_people(db).items() if not person.channel}


def _channels(db: Connection) -> dict[str, Person]:
    return {name: person for name, person in desk.defined_people(db).items() if person.channel}


PERSON = Kind(
    name="person",
    plural="people",
    read=read,
    load=_people,
    put=lambda db, _name, person: desk.define_person(db, person),
    remove=desk.forget_person,
    written=written,
    limit=definition_entry.MAX_PEOPLE,
    used_by=used_by,
)
CHANNEL = Kind(
    name="channel",
    plural="channels",
    read=read_channel,
    load=_channels,
    put=lambda db, _name, channel: desk.define_person(db, channel),
    remove=desk.forget_person,
    written=written,
    limit=definition_entry.MAX_CHANNELS,
    used_by=used_by,
)
