"""Ping keys that the service makes. A key is shown once; what is kept is its hash."""

import secrets
from collections.abc import Callable
from datetime import datetime
from hashlib import sha256

from sqlalchemy import Connection

from alerting.origin import Origin
from heartbeat import audit
from heartbeat.actor import Actor
from heartbeat.definitions import entry as definition_entry
from heartbeat.definitions import store as definition_store
from heartbeat.definitions.edit.ownership import InUse, refuse_if_declared
from heartbeat.definitions.single import Faulty
from heartbeat.pings import keys
from heartbeat.pings.keys import PingKey

BYTES = 24
"""Of chance in a key: nobody guesses 192 bits."""


def make(
    db: Connection,
    actor: Actor,
    name: str,
    now: datetime,
    chance: Callable[[int], str] = secrets.token_urlsafe,
) -> tuple[PingKey, str]:
    """A new key, and the key itself in clear, which nobody sees again.

    Raises `Faulty` where it cannot be called so, and `InUse` where there is one of this name.
    """
    _refuse_name(name)
    definition_store.wait_for_turn(db)
    known = keys.listed(db)
    if name in {one.name for one in known}:
        raise InUse(f"There is a ping key {name} already: revoke it first, or choose another name.")
    if len(known) >= definition_entry.MAX_PING_KEYS:
        raise Faulty([f"name: there are {definition_entry.MAX_PING_KEYS:,} ping keys, and can be no more."])
    clear = chance(BYTES)
    made = PingKey(name, sha256(clear.encode()).hexdigest(), Origin.API, now, actor.name)
    keys.add(db, made)
    audit.record(db, actor, "ping_key.make", f"ping key {name}", now, after={"name": name})
    return made, clear


def revoke(db: Connection, actor: Actor, name: str, now: datetime) -> PingKey | None:
    """Pings by this key are refused from now on; None where there is none. Raises `OwnedByFile`."""
    definition_store.wait_for_turn(db)
    found = next((one for one in keys.listed(db) if one.name == name), None)
    if found is not None:
        refuse_if_declared(found, f"ping key {name}", "delete")
        if found.origin != Origin.API:
            raise InUse(f"{name} belongs to the API key {name.partition(':')[2]}: revoke that one.")
        keys.remove(db, name)
        audit.record(db, actor, "ping_key.revoke", f"ping key {name}", now, before={"name": name})
    return found


def _refuse_name(name: str) -> None:
    try:
        definition_entry.slug(name)
    except ValueError as error:
        raise Faulty([f"name: {error}"]) from None
