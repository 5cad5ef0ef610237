"""The replacement of encryption keys: secrets sealed with another key are sealed again with the first one.

It works in bounded batches beside everything else, and can be repeated: finished secrets are skipped. Secrets that
cannot be opened stay unchanged, and are named.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import TypeVar

from sqlalchemy import Connection

from alerting import desk
from alerting.calendar_layer import CalendarLayer
from alerting.notifiers import registry
from alerting.person import Person
from alerting.rotation import Rotation
from heartbeat import audit, push_key, vault
from heartbeat.access import store as users_store
from heartbeat.actor import Actor
from heartbeat.database import Database
from heartbeat.definitions import store as definition_store
from heartbeat.vault import Unreadable, Vault

T = TypeVar("T")

BATCH = 100
"""People or users whose secrets one transaction seals again, at most."""


@dataclass(frozen=True, slots=True)
class RekeyResult:
    """The numbers of secrets that were sealed again and that needed no change, and those that cannot be opened."""

    anew: int = 0
    already: int = 0
    unreadable: tuple[str, ...] = ()

    def __add__(self, other: "RekeyResult") -> "RekeyResult":
        return RekeyResult(
            self.anew + other.anew, self.already + other.already, self.unreadable + other.unreadable
        )


class _Sealer:
    """Seals secrets again one by one, and counts them."""

    def __init__(self, keys: Vault) -> None:
        self._keys = keys
        self.result = RekeyResult()

    def __call__(self, stored: str, about: str) -> str:
        if not vault.is_sealed(stored):
            return stored
        try:
            clear = self._keys.open(stored, about)
        except Unreadable as error:
            self.result += RekeyResult(unreadable=(f"{about}: {error}",))
            return stored
        if not self._keys.is_stale(stored):
            self.result += RekeyResult(already=1)
            return stored
        self.result += RekeyResult(anew=1)
        return self._keys.seal(clear, about)


async def rotate(database: Database, keys: Vault, actor: Actor, now: datetime) -> RekeyResult:
    """Seal every secret with the first key."""
    names = await database.read(lambda db: sorted(desk.people(db)))
    result = RekeyResult()
    for batch in _batches(names):
        result += await database.write(partial(_people, keys=keys, names=batch))
    result += await database.write(partial(_rotations, keys=keys))
    result += await database.write(partial(_notifiers, keys=keys))
    result += await database.write(partial(_push_key, keys=keys))
    users = await database.read(
        lambda db: [user.id for user in users_store.every_user(db) if user.code_secret]
    )
    for numbers in _batches(users):
        result += await database.write(partial(_users, keys=keys, numbers=numbers))
    if result.anew:
        entry = {"key": keys.keys[0], "secrets encrypted anew": result.anew}
        await database.write(
            lambda db: audit.record(db, actor, "encryption.rotate", "encryption keys", now, after=entry)
        )
    return result


def stale(db: Connection, keys: Vault) -> RekeyResult:
    """Return the result that `rotate` would have. Only reads."""
    sealer = _Sealer(keys)
    for person in desk.people(db).values():
        _person(person, sealer)
    for rotation in desk.rotations(db).values():
        _calendars(rotation, sealer)
    for kind, setup in desk.notifier_settings.load(db).items():
        _settings(kind, setup.settings, sealer)
    for user in users_store.every_user(db):
        if user.code_secret:
            sealer(user.code_secret, user.about_code)
    if push_pair := push_key.stored(db):
        sealer(push_pair, push_key.ABOUT)
    return sealer.result


def _people(db: Connection, keys: Vault, names: Sequence[str]) -> RekeyResult:
    definition_store.wait_for_turn(db)
    sealer = _Sealer(keys)
    everybody = desk.people(db)
    for person in (everybody[name] for name in names if name in everybody):
        resealed = _person(person, sealer)
        if resealed != person:
            desk.reseal_person(db, person, resealed)
    return sealer.result


def _rotations(db: Connection, keys: Vault) -> RekeyResult:
    """Seal the addresses of calendars again."""
    definition_store.wait_for_turn(db)
    sealer = _Sealer(keys)
    for rotation in desk.rotations(db).values():
        resealed = _calendars(rotation, sealer)
        if resealed.layers != rotation.layers:
            desk.reseal_rotation(db, rotation, resealed)
    return sealer.result


def _notifiers(db: Connection, keys: Vault) -> RekeyResult:
    definition_store.wait_for_turn(db)
    sealer = _Sealer(keys)
    for kind, setup in desk.notifier_settings.load(db).items():
        resealed = _settings(kind, setup.settings, sealer)
        if resealed != setup.settings:
            desk.notifier_settings.put(db, kind, replace(setup, settings=resealed))
    return sealer.result


def _push_key(db: Connection, keys: Vault) -> RekeyResult:
    sealer = _Sealer(keys)
    if pair := push_key.stored(db):
        push_key.put(db, sealer(pair, push_key.ABOUT))
    return sealer.result


def _users(db: Connection, keys: Vault, numbers: Sequence[int]) -> RekeyResult:
    """Seal the secrets of second factors again."""
    users_store.wait_for_turn(db)
    sealer = _Sealer(keys)
    for number in numbers:
        user = users_store.user_by_id(db, number)
        if user is not None and user.code_secret:
            resealed = sealer(user.code_secret, user.about_code)
            if resealed != user.code_secret:
                users_store.change_user(db, number, code_secret=resealed)
    return sealer.result


def _person(person: Person, seal: Callable[[str, str], str]) -> Person:
    # Both lists may hold a contact, which stays one.
    sealed: dict[str, str] = {}
    for contact in person.all_contacts:
        sealed[contact.mark] = seal(contact.address, person.about(contact))
    return person.with_contacts(lambda contact: replace(contact, address=sealed[contact.mark]))


def _calendars(rotation: Rotation, seal: Callable[[str, str], str]) -> Rotation:
    layers = tuple(
        replace(layer, address=seal(layer.address, rotation.about_calendar))
        if isinstance(layer, CalendarLayer)
        else layer
        for layer in rotation.layers
    )
    return replace(rotation, layers=layers)


def _settings(kind: str, settings: Mapping[str, str], seal: Callable[[str, str], str]) -> dict[str, str]:
    return {name: seal(text, registry.about(kind, name)) for name, text in settings.items()}


def _batches(items: Sequence[T]) -> Iterator[Sequence[T]]:
    return (items[start : start + BATCH] for start in range(0, len(items), BATCH))
