"""Making, finding and revoking API keys, in the caller's transaction. A key is shown once, when it is made."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from secrets import token_urlsafe
from typing import Any

from sqlalchemy import Connection

from alerting.origin import Origin
from heartbeat import audit
from heartbeat.access import api_key, api_key_store, store, token
from heartbeat.access.account import Unfit
from heartbeat.access.api_key import Key, Scope
from heartbeat.actor import Actor, Role
from heartbeat.pings import keys as ping_keys
from heartbeat.pings.keys import PingKey


class KeyExists(Exception):
    """A key of this name already exists."""


def make(
    db: Connection,
    actor: Actor,
    name: str,
    scopes: tuple[Scope, ...],
    role: Role,
    ends_at: datetime | None,
    now: datetime,
) -> tuple[Key, str]:
    """Make a key; return it and its text, which is not stored. Raises `Unfit` or `KeyExists`."""
    api_key.refuse_unfit(scopes, role, ends_at, now)
    api_key_store.wait_for_turn(db)
    existing = api_key_store.every(db)
    if any(key.name == name for key in existing):
        raise KeyExists(f"A key named {name} already exists. Revoke it first, or choose another name.")
    if len(existing) >= api_key.MOST:
        raise Unfit(f"name: there can be no more than {api_key.MOST:,} keys. Revoke one that nobody uses.")
    clear = api_key.BEGINS + token_urlsafe(token.BYTES)
    # A key that another key makes belongs to the same user.
    key = Key(0, name, clear[: api_key.PREFIX_LENGTH], scopes, role, now, actor.user or actor.name, ends_at)
    api_key_store.add(db, token.hashed(clear), key)
    if Scope.PING in scopes:
        ping_keys.add(db, PingKey(_as_ping_key(name), token.hashed(clear), Origin.KEY, now, key.made_by))
    audit.record(db, actor, "key.make", f"key {name}", now, after=audit_fields(key))
    return key, clear


def revoke(db: Connection, actor: Actor, name: str, now: datetime) -> Key | None:
    """Remove the key of this name and return it, or None if there is none."""
    api_key_store.wait_for_turn(db)
    key = next((key for key in api_key_store.every(db) if key.name == name), None)
    if key is not None:
        api_key_store.remove(db, name)
        ping_keys.remove(db, _as_ping_key(name))
        audit.record(db, actor, "key.revoke", f"key {name}", now, before=audit_fields(key))
    return key


def may_be_key(text: str) -> bool:
    """Return True if the text starts like a key, so that it is worth a query."""
    return text.startswith(api_key.BEGINS)


def valid_key(db: Connection, text: str, now: datetime) -> Key | None:
    """Return the key with this text as it is valid now: with no higher role than the user who made it.

    Return None if there is none, or if it has expired or its user is disabled. A key that was made with the admin key
    or by a user of a proxy belongs to no user here.
    """
    key = api_key_store.by_hash(db, token.hashed(text)) if may_be_key(text) else None
    if key is None or not api_key.is_valid(key, now):
        return None
    maker = store.user(db, key.made_by)
    if maker is None:
        return key
    return replace(key, role=min(key.role, maker.role, key=list(Role).index)) if maker.enabled else None


def audit_fields(key: Key) -> Mapping[str, Any]:
    """Return the fields of a key that the audit log records."""
    ends = key.ends_at.isoformat() if key.ends_at else None
    return {"prefix": key.prefix, "scopes": list(key.scopes), "role": key.acts_as.value, "ends_at": ends}


def _as_ping_key(name: str) -> str:
    # Names that people choose have no colon, so the two can never collide.
    return f"key:{name}"
