"""Encryption keys replaced: every secret that another key has sealed is sealed anew with the first one.

It works in bounded batches beside everything else, and can be repeated: what is done is not done again. What
cannot be opened stays as it is and is named.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import TypeVar

from sqlalchemy import Connection

from alerting import desk
from alerting.notifiers import registry
from alerting.person import Contact, Person
from heartbeat import audit, vault
from heartbeat.access import store as users_store
from heartbeat.actor import Actor
from heartbeat.database import Database
from heartbeat.definitions import store as definition_store
from heartbeat.vault import Unreadable, Vault

T = TypeVar("T")

BATCH = 100
"""People or users whose secrets one transaction seals anew, at most."""


@dataclass(frozen=True, slots=True)
class RekeyResult:
    """What came of it: how many secrets were sealed anew, how many were so already, and which cannot be opened."""

    anew: int = 0
    already: int = 0
    unreadable: tuple[str, ...] = ()

    def __add__(self, other: "RekeyResult") -> "RekeyResult":
        return RekeyResult(
            self.anew + other.anew, self.already + other.already, self.unreadable + other.unreadable
        )


class _Sealer:
    """Seals anew one by one, and keeps count."""

    def __init__(self, keys: Vault) -> None:
        self._keys = keys
        self.done = RekeyResult()

    def __call__(self, kept: str, about: str) -> str:
        if not vault.is_sealed(kept):
            return kept
        try:
            clear = self._keys.open(kept, about)
        except Unreadable as error:
            self.done += RekeyResult(unreadable=(f"{about}: {error}",))
            return kept
        if not self._keys.is_stale(kept):
            self.done += RekeyResult(already=1)
            return kept
        self.done += RekeyResult(anew=1)
        return self._keys.seal(clear, about)


async def rotate(database: Database, keys: Vault, actor: Actor, now: datetime) -> RekeyResult:
    """Seal everything with the first key."""
    names = await database.read(lambda db: sorted(desk.people(db)))
    done = RekeyResult()
    for batch in _batches(names):
        done += await database.write(partial(_people, keys=keys, names=batch))
    done += await database.write(partial(_notifiers, keys=keys))
    users = await database.read(lambda db: [one.id for one in users_store.every_user(db) if one.code_secret])
    for numbers in _batches(users):
        done += await database.write(partial(_users, keys=keys, numbers=numbers))
    if done.anew:
        await database.write(partial(_written_down, actor=actor, done=done, key=keys.keys[0], now=now))
    return done


def stale(db: Connection, keys: Vault) -> RekeyResult:
    """What `rotate` would do. Only reads."""
    sealer = _Sealer(keys)
    for person in desk.people(db).values():
        _person(person, sealer)
    for kind, setup in desk.notifier_settings.load(db).items():
        _settings(kind, setup.settings, sealer)
    for user in users_store.every_user(db):
        if user.code_secret:
            sealer(user.code_secret, user.about_code)
    return sealer.done


def _people(db: Connection, keys: Vault, names: Sequence[str]) -> RekeyResult:
    definition_store.wait_for_turn(db)
    sealer = _Sealer(keys)
    everybody = desk.people(db)
    for person in (everybody[name] for name in names if name in everybody):
        after = _person(person, sealer)
        if after != person:
            desk.define_person(db, after)
    return sealer.done


def _notifiers(db: Connection, keys: Vault) -> RekeyResult:
    definition_store.wait_for_turn(db)
    sealer = _Sealer(keys)
    for kind, setup in desk.notifier_settings.load(db).items():
        after = _settings(kind, setup.settings, sealer)
        if after != setup.settings:
            desk.notifier_settings.put(db, kind, replace(setup, settings=after))
    return sealer.done


def _users(db: Connection, keys: Vault, numbers: Sequence[int]) -> RekeyResult:
    """The secrets of second factors."""
    users_store.wait_for_turn(db)
    sealer = _Sealer(keys)
    for number in numbers:
        user = users_store.user_by_id(db, number)
        if user is not None and user.code_secret:
            after = sealer(user.code_secret, user.about_code)
            if after != user.code_secret:
                users_store.change_user(db, number, code_secret=after)
    return sealer.done


def _person(person: Person, seal: Callable[[str, str], str]) -> Person:
    def anew(contact: Contact) -> Contact:
        return replace(contact, address=seal(contact.address, person.about(contact)))

    return replace(person, contacts=tuple(map(anew, person.contacts)))


def _settings(kind: str, settings: Mapping[str, str], seal: Callable[[str, str], str]) -> dict[str, str]:
    return {name: seal(text, registry.about(kind, name)) for name, text in settings.items()}


def _written_down(db: Connection, actor: Actor, done: RekeyResult, key: str, now: datetime) -> None:
    after = {"key": key, "secrets encrypted anew": done.anew}
    audit.record(db, actor, "encryption.rotate", "encryption keys", now, after=after)


def _batches(every: Sequence[T]) -> Iterator[Sequence[T]]:
    return (every[start : start + BATCH] for start in range(0, len(every), BATCH))
