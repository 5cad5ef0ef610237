"""The SQL of devices that people have added to be paged on: contacts beside the defined ones, whoever defines a person.

An address is encrypted. A hash of where it leads says whether a device is there already.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from alerting.crew_tables import devices, people
from alerting.person import DEVICE, Contact, Person
from alerting.sql import among


@dataclass(frozen=True, slots=True)
class Device:
    """A device of a person; `name` says which, such as "Chrome on Android"."""

    id: int
    person: str
    name: str
    contact: Contact
    added_at: datetime


def of(db: Connection, person: str | None = None) -> list[Device]:
    """Return the devices of a person, or of everybody, in the order of paging: the first added one first."""
    query = select(devices).order_by(devices.c.id)
    if person is not None:
        query = query.where(devices.c.person == person)
    return [_device(row) for row in db.execute(query)]


def contacts(db: Connection, names: Collection[str] | None = None) -> dict[str, list[Contact]]:
    """Return the devices of these people as contacts, or those of everybody."""
    query = select(devices.c.person, devices.c.address).order_by(devices.c.id)
    if names is not None:
        query = query.where(among(db, devices.c.person, names))
    by_person: dict[str, list[Contact]] = {}
    for person, address in db.execute(query):
        by_person.setdefault(person, []).append(Contact(DEVICE, address))
    return by_person


def add(db: Connection, person: str, name: str, address: str, endpoint_hash: str, now: datetime) -> bool:
    """Add a device. Return False if the person has it already."""
    same = (devices.c.person == person) & (devices.c.endpoint_hash == endpoint_hash)
    if db.execute(select(devices.c.id).where(same)).scalar():
        return False
    values = {"person": person, "name": name, "address": address, "endpoint_hash": endpoint_hash}
    db.execute(insert(devices).values(**values, added_at=now))
    return True


def at(db: Connection, endpoint_hash: str) -> list[Device]:
    """Return the devices whose address leads there, one of each person who has added it."""
    query = select(devices).where(devices.c.endpoint_hash == endpoint_hash).order_by(devices.c.id)
    return [_device(row) for row in db.execute(query)]


def renew(db: Connection, device: Device, address: str, endpoint_hash: str) -> bool:
    """Give a device another address. If its person has that one already, the device is removed: return False then."""
    this = devices.c.id == device.id
    same = (devices.c.person == device.person) & (devices.c.endpoint_hash == endpoint_hash) & ~this
    if db.execute(select(devices.c.id).where(same)).scalar():
        db.execute(delete(devices).where(this))
        return False
    db.execute(update(devices).where(this).values(address=address, endpoint_hash=endpoint_hash))
    return True


def remove(db: Connection, person: str, number: int) -> str | None:
    """Remove a device of a person. Return its name, or None if they have no such device."""
    own = (devices.c.person == person) & (devices.c.id == number)
    name = db.execute(select(devices.c.name).where(own)).scalar()
    db.execute(delete(devices).where(own))
    return name


def readdress(db: Connection, previous: Person, current: Person) -> None:
    """Write the addresses of devices that are encrypted anew."""
    for old, new in zip(previous.contacts, current.contacts, strict=True):
        if old.kind == DEVICE and old != new:
            db.execute(update(devices).where(devices.c.address == old.address).values(address=new.address))


def forget_strangers(db: Connection) -> None:
    """Delete the devices of people who do not exist."""
    db.execute(delete(devices).where(devices.c.person.not_in(select(people.c.id))))


def _device(row: Row[Any]) -> Device:
    return Device(row.id, row.person, row.name, Contact(DEVICE, row.address), row.added_at)
