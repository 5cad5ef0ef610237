"""The SQL of API keys: plain functions over a connection."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, delete, insert, select, text, update

from heartbeat.access.api_key import Key, Scope
from heartbeat.access.tables import api_keys
from heartbeat.actor import Role
from heartbeat.pings.tables import ping_keys

_COLUMNS = [column for column in api_keys.c if column.name != "hash"]


def wait_for_turn(db: Connection) -> None:
    """Keep others from making or revoking keys until the transaction ends. SQLite has one writer anyway."""
    if db.dialect.name == "postgresql":
        db.execute(text("LOCK TABLE api_keys IN SHARE ROW EXCLUSIVE MODE"))


def every(db: Connection) -> list[Key]:
    """Return all keys, ordered by name."""
    # A key that pings is a ping key as well, whose row records its pings.
    query = select(*_COLUMNS, ping_keys.c.last_used_at.label("pinged_at"))
    query = query.outerjoin_from(api_keys, ping_keys, ping_keys.c.hash == api_keys.c.hash)
    return [_with_latest_use(row) for row in db.execute(query.order_by(api_keys.c.name)).mappings()]


def by_hash(db: Connection, hash_: str) -> Key | None:
    """Return the key that has this hash."""
    row = db.execute(select(*_COLUMNS).where(api_keys.c.hash == hash_)).mappings().first()
    return _key(dict(row)) if row else None


def add(db: Connection, hash_: str, key: Key) -> None:
    names = ("name", "prefix", "made_at", "made_by", "ends_at", "last_used_at")
    values = {name: getattr(key, name) for name in names}
    values |= {"scopes": [scope.value for scope in key.scopes], "role": key.role.value, "hash": hash_}
    db.execute(insert(api_keys).values(**values))


def remove(db: Connection, name: str) -> None:
    db.execute(delete(api_keys).where(api_keys.c.name == name))


def touch(db: Connection, number: int, now: datetime) -> None:
    """Record that a key was used. The time only moves forward."""
    last_used_at = api_keys.c.last_used_at
    earlier = (api_keys.c.id == number) & (last_used_at.is_(None) | (last_used_at < now))
    db.execute(update(api_keys).where(earlier).values(last_used_at=now))


def _with_latest_use(row: RowMapping) -> Key:
    values = dict(row)
    uses = [at for at in (values.pop("pinged_at"), values["last_used_at"]) if at is not None]
    return _key(values | {"last_used_at": max(uses, default=None)})


def _key(row: Mapping[str, Any]) -> Key:
    scopes = tuple(Scope(scope) for scope in row["scopes"])
    return Key(**{**row, "scopes": scopes, "role": Role(row["role"])})
