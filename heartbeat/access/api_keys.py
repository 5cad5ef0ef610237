"""Keys for programs: made and shown once, found again by their hash, revoked. Each in the caller's transaction."""

from collections.abc import Mapping
from datetime import datetime
from secrets import token_urlsafe
from typing import Any

from sqlalchemy import Connection

from alerting.origin import Origin
from heartbeat import audit
from heartbeat.access import api_key, api_key_store, token
from heartbeat.access.account import Unfit
from heartbeat.access.api_key import Key, Scope
from heartbeat.pings import keys as ping_keys
from heartbeat.pings.keys import PingKey
from heartbeat.who import Role, Who


class Named(Exception):
    """There is a key of this name already."""


def make(
    db: Connection,
    who: Who,
    name: str,
    scopes: tuple[Scope, ...],
    role: Role,
    ends_at: datetime | None,
    now: datetime,
) -> tuple[Key, str]:
    """A new key, and the key itself in clear, which nobody sees again. Raises `Unfit` or `Named`."""
    api_key.refuse_unfit(scopes, role, ends_at, now)
    api_key_store.wait_for_turn(db)
    known = api_key_store.every(db)
    if any(one.name == name for one in known):
        raise Named(f"There is a key {name} already: revoke it first, or choose another name.")
    if len(known) >= api_key.MOST:
        raise Unfit(f"name: there are {api_key.MOST:,} keys, and can be no more.")
    clear = api_key.BEGINS + token_urlsafe(token.BYTES)
    made = Key(0, name, clear[: api_key.SHOWN], scopes, role, now, who.name, ends_at)
    api_key_store.add(db, token.hashed(clear), made)
    if Scope.PING in scopes:
        ping_keys.add(db, PingKey(_as_ping_key(name), token.hashed(clear), Origin.KEY, now, who.name))
    audit.record(db, who, "key.make", f"key {name}", now, after=shown(made))
    return made, clear


def revoke(db: Connection, who: Who, name: str, now: datetime) -> Key | None:
    """The key opens nothing any more from now on; None where there is none."""
    api_key_store.wait_for_turn(db)
    found = next((one for one in api_key_store.every(db) if one.name == name), None)
    if found is not None:
        api_key_store.remove(db, name)
        ping_keys.remove(db, _as_ping_key(name))
        audit.record(db, who, "key.revoke", f"key {name}", now, before=shown(found))
    return found


def may_be(given: str) -> bool:
    """Whether it looks like a key at all; what does not is not looked for."""
    return given.startswith(api_key.BEGINS)


def seen(db: Connection, given: str, now: datetime) -> Key | None:
    """The key, if it is one and still opens anything."""
    found = api_key_store.by_hash(db, token.hashed(given)) if may_be(given) else None
    return found if found is not None and api_key.stands(found, now) else None


def shown(one: Key) -> Mapping[str, Any]:
    """What the audit log says of a key."""
    ends = one.ends_at.isoformat() if one.ends_at else None
    return {"prefix": one.prefix, "scopes": list(one.scopes), "role": one.acts_as.value, "ends_at": ends}


def _as_ping_key(name: str) -> str:
    # No ping key that people name has a colon, so that neither can take the place of the other.
    return f"key:{name}"
