"""The SQL of ping keys, with which jobs ping. Only their hashes are stored."""

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, select, update

from alerting.origin import Origin
from alerting.sql import insert_many
from heartbeat.pings.tables import ping_keys


@dataclass(frozen=True, slots=True)
class PingKey:
    """A ping key: its name, and its SHA-256 in hex.

    `made_at` and `made_by` are empty for keys of the configuration file. `last_used_at` is exact to about a minute.
    """

    name: str
    hash: str
    origin: Origin
    made_at: datetime | None = None
    made_by: str | None = None
    last_used_at: datetime | None = None


def listed(db: Connection, origin: Origin | None = None) -> list[PingKey]:
    """Return the ping keys by name: all, or those of one origin."""
    query = select(ping_keys).order_by(ping_keys.c.name)
    if origin is not None:
        query = query.where(ping_keys.c.origin == origin)
    rows = db.execute(query).mappings()
    return [PingKey(**{**row, "origin": Origin(row["origin"])}) for row in rows]


def names(db: Connection, hashes: Collection[str]) -> dict[str, str]:
    """Return the names of the ping keys with these hashes, by hash. Hashes of no key are left out."""
    query = select(ping_keys.c.hash, ping_keys.c.name).where(ping_keys.c.hash.in_(hashes))
    return {row.hash: row.name for row in db.execute(query)}


def add(db: Connection, key: PingKey) -> None:
    """Let jobs ping with this key."""
    db.execute(ping_keys.insert().values(**asdict(key) | {"origin": key.origin.value}))


def remove(db: Connection, name: str) -> None:
    """Remove a key. Pings with it are answered as unknown from now on."""
    db.execute(delete(ping_keys).where(ping_keys.c.name == name))


def replace(db: Connection, hashes: Mapping[str, str], origin: Origin) -> None:
    """Make these the only ping keys of an origin; `hashes` has the SHA-256 of each by its name.

    Keys of other origins stay, except those with the same name or the same hash.
    """
    last_used = {key.hash: key.last_used_at for key in listed(db)}
    same = ping_keys.c.name.in_(list(hashes)) | ping_keys.c.hash.in_(list(hashes.values()))
    db.execute(delete(ping_keys).where(same | (ping_keys.c.origin == origin)))
    rows = [
        {"name": name, "hash": hash_, "origin": origin.value, "last_used_at": last_used.get(hash_)}
        for name, hash_ in hashes.items()
    ]
    insert_many(db, ping_keys, rows)


def touch(db: Connection, used: Mapping[str, datetime]) -> None:
    """Write the last uses of keys, by their hashes. A time only moves forward."""
    for hash_, at in sorted(used.items()):
        last_used = ping_keys.c.last_used_at
        earlier = (ping_keys.c.hash == hash_) & (last_used.is_(None) | (last_used < at))
        db.execute(update(ping_keys).where(earlier).values(last_used_at=at))
