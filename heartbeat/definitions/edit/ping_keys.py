"""Ping keys that the service makes. A key is shown once, and only its hash is stored."""

import secrets
from collections.abc import Callable, Mapping
from hashlib import sha256

from sqlalchemy import Connection

from alerting.origin import Origin
from heartbeat.definitions import entry as definition_entry
from heartbeat.definitions import kind as kinds
from heartbeat.definitions.kind import Edit, InUse, Kind
from heartbeat.definitions.single import Faulty
from heartbeat.pings import keys
from heartbeat.pings.keys import PingKey

BYTES = 24
"""Random bytes of a key: nobody guesses 192 bits."""


def make(edit: Edit, name: str, chance: Callable[[int], str] = secrets.token_urlsafe) -> tuple[PingKey, str]:
    """Add a key, and return it with its text in clear, which is shown this once.

    Raises `Faulty` if it cannot have this name, and `InUse` if another key has it.
    """
    clear = chance(BYTES)

    def refuse_existing(previous: PingKey | None) -> None:
        if previous is not None:
            raise InUse(f"There is a ping key {name} already: revoke it first, or choose another name.")

    defined = kinds.define(edit, PING_KEY, name, {"key": clear}, refuse_existing)
    return defined.current, clear


def _read(edit: Edit, name: str, fields: Mapping[str, object]) -> PingKey:
    try:
        definition_entry.slug(name)
    except ValueError as error:
        raise Faulty([f"name: {error}"]) from None
    hashed = sha256(str(fields["key"]).encode()).hexdigest()
    return PingKey(name, hashed, Origin.API, edit.now, edit.actor.name)


def _load(db: Connection) -> dict[str, PingKey]:
    return {key.name: key for key in keys.listed(db)}


def _used_by(db: Connection, name: str) -> str | None:
    if _load(db)[name].origin == Origin.API:
        return None
    return f"{name} belongs to the API key {name.partition(':')[2]}: revoke that one."


PING_KEY = Kind(
    name="ping key",
    plural="ping keys",
    read=_read,
    load=_load,
    put=lambda db, _name, key: keys.add(db, key),
    remove=keys.remove,
    written=lambda name, _key: {"name": name},
    limit=definition_entry.MAX_PING_KEYS,
    used_by=_used_by,
    deletion="revoke",
)
