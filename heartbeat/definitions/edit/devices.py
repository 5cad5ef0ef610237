"""The devices of a person: they add and remove them themself, whoever defines the person. Browsers renew them."""

import hmac
from hashlib import sha256
from typing import Final

from sqlalchemy import Connection

from alerting import desk
from alerting.desk import Device
from alerting.notifiers.push import Subscription
from alerting.person import DEVICE, Contact, Person
from heartbeat import audit
from heartbeat.definitions import store as definition_store
from heartbeat.definitions.kind import Edit
from heartbeat.vault import Vault

MOST: Final = 10
"""Devices of one person: a page tries them one after the other."""


class Unfit(ValueError):
    """A device that cannot be added: one sentence."""


def add(edit: Edit, person: Person, name: str, subscription: Subscription) -> None:
    """Add the device whose browser has this subscription. One that is there already stays as it is. Raises `Unfit`."""
    definition_store.wait_for_turn(edit.db)
    sealed = edit.vault.seal(subscription.address, _binding(person))
    devices = desk.devices_of(edit.db, person.id)
    if not desk.add_device(edit.db, person.id, name, sealed, _hashed(subscription), edit.now):
        return
    if len(devices) >= MOST:
        raise Unfit(f"{person.name} has {MOST} devices, the most there can be. Remove one first.")
    _record(edit, person, "add_device", after={"device": name})


def remove(edit: Edit, person: Person, number: int) -> None:
    """Remove a device. One that is gone already changes nothing."""
    definition_store.wait_for_turn(edit.db)
    if name := desk.remove_device(edit.db, person.id, number):
        _record(edit, person, "remove_device", before={"device": name})


def held(db: Connection, vault: Vault, subscription: Subscription) -> list[tuple[Person, Device]]:
    """Return the devices whose browser has this subscription, with their people.

    Its keys are the proof: the browser has told them to nobody else, not even to its push service.
    """
    devices = desk.devices_at(db, _hashed(subscription))
    people = desk.people(db) if devices else {}
    pairs = [(people[device.person], device) for device in devices if device.person in people]
    return [(person, device) for person, device in pairs if _has(vault, person, device, subscription)]


def renew(edit: Edit, person: Person, device: Device, subscription: Subscription) -> None:
    """Give a device the subscription that its browser has now. It stays what it is to its person."""
    sealed = edit.vault.seal(subscription.address, _binding(person))
    if desk.renew_device(edit.db, device, sealed, _hashed(subscription)):
        _record(edit, person, "renew_device", after={"device": device.name})
    else:
        _record(edit, person, "remove_device", before={"device": device.name})


def _has(vault: Vault, person: Person, device: Device, subscription: Subscription) -> bool:
    try:
        stored = vault.open(device.contact.address, _binding(person))
    except ValueError:
        return False
    return hmac.compare_digest(stored.encode(), subscription.address.encode())


def _binding(person: Person) -> str:
    """Return the text that the address of a device is bound to."""
    return person.about(Contact(DEVICE, ""))


def _hashed(subscription: Subscription) -> str:
    return sha256(subscription.endpoint.encode()).hexdigest()


def _record(edit: Edit, person: Person, verb: str, **sides: dict[str, str]) -> None:
    audit.record(edit.db, edit.actor, f"person.{verb}", f"person {person.id}", edit.now, **sides)
