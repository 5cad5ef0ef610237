"""The devices of a person: they add and remove them themself, whoever defines the person."""

from hashlib import sha256
from typing import Final

from alerting import desk
from alerting.notifiers.push import Subscription
from alerting.person import DEVICE, Contact, Person
from heartbeat import audit
from heartbeat.definitions import store as definition_store
from heartbeat.definitions.kind import Edit

MOST: Final = 10
"""Devices of one person: a page tries them one after the other."""


class Unfit(ValueError):
    """A device that cannot be added: one sentence."""


def add(edit: Edit, person: Person, name: str, subscription: Subscription) -> None:
    """Add the device whose browser has this subscription. One that is there already stays as it is. Raises `Unfit`."""
    definition_store.wait_for_turn(edit.db)
    sealed = edit.vault.seal(subscription.address, person.about(Contact(DEVICE, "")))
    devices = desk.devices_of(edit.db, person.id)
    endpoint_hash = sha256(subscription.endpoint.encode()).hexdigest()
    if not desk.add_device(edit.db, person.id, name, sealed, endpoint_hash, edit.now):
        return
    if len(devices) >= MOST:
        raise Unfit(f"{person.name} has {MOST} devices, the most there can be. Remove one first.")
    _record(edit, person, "add_device", after={"device": name})


def remove(edit: Edit, person: Person, number: int) -> None:
    """Remove a device. One that is gone already changes nothing."""
    definition_store.wait_for_turn(edit.db)
    if name := desk.remove_device(edit.db, person.id, number):
        _record(edit, person, "remove_device", before={"device": name})


def _record(edit: Edit, person: Person, verb: str, **sides: dict[str, str]) -> None:
    audit.record(edit.db, edit.actor, f"person.{verb}", f"person {person.id}", edit.now, **sides)
