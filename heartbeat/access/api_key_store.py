"""The SQL of API keys: plain functions over a connection."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, delete, insert, select, text, update

from heartbeat.access.api_key import Key, Scope
from heartbeat.access.tables import api_keys
from heartbeat.pings.tables import ping_keys
from heartbeat.who import Role

_COLUMNS = [column for column in api_keys.c if column.name != "hash"]


def wait_for_turn(db: Connection) -> None:
    """Until the transaction ends, nobody else makes or revokes keys. SQLite has one writer anyway."""
    if db.dialect.name == "postgresql":
        db.execute(text("LOCK TABLE api_keys IN SHARE ROW EXCLUSIVE MODE"))


def every(db: Connection) -> list[Key]:
    """All keys by name."""
    # A key that pings is a ping key as well, and its pings are noted there.
    query = select(*_COLUMNS, ping_keys.c.last_used_at.label("pinged_at"))
    query = query.outerjoin_from(api_keys, ping_keys, ping_keys.c.hash == api_keys.c.hash)
    return [_either(row) for row in db.execute(query.order_by(api_keys.c.name)).mappings()]


def by_hash(db: Connection, hash_: str) -> Key | None:
    """The key that has this hash."""
    row = db.execute(select(*_COLUMNS).where(api_keys.c.hash == hash_)).mappings().first()
    return _key(dict(row)) if row else None


def add(db: Connection, hash_: str, one: Key) -> None:
    """Write a new key."""
    names = ("name", "prefix", "made_at", "made_by", "ends_at", "last_used_at")
    values = {name: getattr(one, name) for name in names}
    values |= {"scopes": [scope.value for scope in one.scopes], "role": one.role.value, "hash": hash_}
    db.execute(insert(api_keys).values(**values))


def remove(db: Connection, name: str) -> None:
    """Forget a key."""
    db.execute(delete(api_keys).where(api_keys.c.name == name))


def touch(db: Connection, number: int, now: datetime) -> None:
    """Note that a key was used; a time only moves forward."""
    seen = api_keys.c.last_used_at
    earlier = (api_keys.c.id == number) & (seen.is_(None) | (seen < now))
    db.execute(update(api_keys).where(earlier).values(last_used_at=now))


def _either(row: RowMapping) -> Key:
    """The key, used when it last called or pinged."""
    known = dict(row)
    used = [at for at in (known.pop("pinged_at"), known["last_used_at"]) if at is not None]
    return _key(known | {"last_used_at": max(used, default=None)})


def _key(row: Mapping[str, Any]) -> Key:
    known = {**row, "scopes": tuple(Scope(scope) for scope in row["scopes"]), "role": Role(row["role"])}
    return Key(**known)
