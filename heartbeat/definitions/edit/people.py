"""People who are defined outside of the file. Their secret addresses are encrypted before they are written."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection

from alerting import desk
from alerting.notifiers import registry
from alerting.person import Contact, Person
from heartbeat import audit, vault
from heartbeat.actor import Actor
from heartbeat.definitions import entry as definition_entry
from heartbeat.definitions import export as configuration_export
from heartbeat.definitions import single as single_definition
from heartbeat.definitions import store as definition_store
from heartbeat.definitions.changes import CONCEALED
from heartbeat.definitions.edit.ownership import InUse, refuse_if_declared
from heartbeat.definitions.single import Around, Faulty
from heartbeat.vault import Vault


def read(db: Connection, keys: Vault, name: str, given: Mapping[str, object]) -> Person:
    """Whom these fields define, which are those that the file has under `people`. Raises `Faulty`.

    A secret address is given in clear and is never shown again. Null in its place keeps the one that there is:
    the first of that kind that is not kept already.
    """
    kept = desk.people(db).get(name)
    around = Around(kinds=registry.installed().kinds, settings=desk.notifiers(db))
    found = single_definition.read_person(name, _filled(given, kept, keys), around)
    return replace(found, contacts=tuple(_sealed(found, one, kept, keys) for one in found.contacts))


def define(db: Connection, actor: Actor, wanted: Person, now: datetime) -> Person | None:
    """Make the person so, or add them. The same once more changes nothing. Raises `OwnedByFile`.

    Gives back the person as they were, None where they are new.
    """
    definition_store.wait_for_turn(db)
    everybody = desk.people(db)
    before = everybody.get(wanted.id)
    refuse_if_declared(before, f"person {wanted.id}", "change")
    if before is None and len(everybody) >= definition_entry.MAX_PEOPLE:
        raise Faulty(
            [f"person {wanted.id}: there are {definition_entry.MAX_PEOPLE:,} people, and can be no more."]
        )
    if before != wanted:
        desk.define_person(db, wanted)
        deed, was = ("make", None) if before is None else ("change", written(before))
        audit.record(
            db, actor, f"person.{deed}", f"person {wanted.id}", now, before=was, after=written(wanted)
        )
    return before


def delete(db: Connection, actor: Actor, name: str, now: datetime) -> Person | None:
    """Forget a person; None where there is none. Raises `OwnedByFile`, and `InUse` where a policy pages them."""
    definition_store.wait_for_turn(db)
    before = desk.people(db).get(name)
    if before is not None:
        refuse_if_declared(before, f"person {name}", "delete")
        paging = [policy.name for policy in desk.policies(db).values() if name in policy.targets]
        if paging:
            raise InUse(f"Policy {paging[0]} pages {name}: take {name} out of it first.")
        desk.forget_person(db, name)
        audit.record(db, actor, "person.delete", f"person {name}", now, before=written(before))
    return before


def written(one: Person) -> dict[str, Any]:
    """The person as `read` takes them, without secrets."""
    open_ = [replace(c, address=CONCEALED) if is_secret(c) else c for c in one.contacts]
    return configuration_export.person(replace(one, contacts=tuple(open_)))


def is_secret(contact: Contact) -> bool:
    """Whether the address is one that nobody may read. Of a kind that is not installed nothing is known."""
    return contact.kind not in _open_kinds()


@cache
def _open_kinds() -> frozenset[str]:
    return frozenset(
        kind for kind, notifier in registry.installed().kinds.items() if not notifier.secret_address
    )


def _filled(given: Mapping[str, object], kept: Person | None, keys: Vault) -> Mapping[str, object]:
    """With the addresses that are to be kept, in clear."""
    contacts = given.get("contacts")
    if not isinstance(contacts, list):
        return given
    left = list(kept.contacts) if kept else []
    filled = []
    for place, one in enumerate(contacts):
        match one:
            case dict() if len(one) == 1 and None in one.values():
                (kind,) = one
                same = next((contact for contact in left if contact.kind == kind), None)
                if same is None or kept is None:
                    raise Faulty([f"contacts[{place}].{kind}: there is no address to keep; write one."])
                left.remove(same)
                one = {kind: _clear(kept, same, keys, place)}
        filled.append(one)
    return {**given, "contacts": filled}


def _clear(person: Person, contact: Contact, keys: Vault, place: int) -> str:
    if not vault.is_sealed(contact.address):
        return contact.address
    try:
        return keys.open(contact.address, person.about(contact))
    except vault.Unreadable as error:
        raise Faulty([f"contacts[{place}].{contact.kind}: {error}"]) from None


def _sealed(person: Person, contact: Contact, kept: Person | None, keys: Vault) -> Contact:
    """The contact as it is written down; what is kept of the same address already is not encrypted anew."""
    if not is_secret(contact):
        return contact
    for known in kept.contacts if kept else ():
        # One that no key opens any more is not the same: whoever enters it again must be able to.
        with suppress(Faulty):
            if known.kind == contact.kind and _clear(person, known, keys, 0) == contact.address:
                return known
    return replace(contact, address=keys.seal(contact.address, person.about(contact)))
