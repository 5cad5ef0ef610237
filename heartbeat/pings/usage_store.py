"""The SQL of how much pings have used of their limits: one small row for each limit, and for each key."""

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import Connection, delete, select, update

from alerting.sql import insert_many
from heartbeat.checks import store as checks
from heartbeat.pings.creation import HOUR
from heartbeat.pings.tables import ping_usage
from heartbeat.pings.usage import BODIES, CREATED, Used, of_key

_REPLACE = (
    "ON CONFLICT (subject) DO UPDATE SET count = excluded.count, since = excluded.since, key = excluded.key"
)


def load(db: Connection, subjects: Collection[str] | None = None) -> dict[str, Used]:
    """Return what is used, by subject: of these, or of all. Subjects of which nothing was used are left out."""
    query = select(ping_usage)
    if subjects is not None:
        query = query.where(ping_usage.c.subject.in_(subjects))
    return {subject: Used(count, since, key) for subject, count, since, key in db.execute(query)}


def lock(db: Connection, subjects: Collection[str], now: datetime) -> dict[str, Used]:
    """Return what is used of these subjects. Other transactions that use them wait until this one ends."""
    _insert(db, dict.fromkeys(subjects, Used(0, now)), "ON CONFLICT (subject) DO NOTHING")
    query = select(ping_usage).where(ping_usage.c.subject.in_(subjects)).order_by(ping_usage.c.subject)
    rows = db.execute(query.with_for_update())
    return {subject: Used(count, since, key) for subject, count, since, key in rows}


def put(db: Connection, used: Mapping[str, Used]) -> None:
    """Write what is used, by subject."""
    _insert(db, used, _REPLACE)


def recount(db: Connection, now: datetime) -> None:
    """Count the checks that pings created again: some were deleted or defined since. Forget the hours that are over."""
    used = lock(db, [CREATED], now)[CREATED]
    count = checks.count_created_by_pings(db)
    if count != used.count:
        put(db, {CREATED: Used(count, used.since, used.key)})
    over = ping_usage.c.subject.startswith(of_key("")) & (ping_usage.c.since < now - HOUR)
    db.execute(delete(ping_usage).where(over))


def add_bodies(db: Connection, size: int, key: str) -> None:
    """Add the bytes of bodies that were stored. `key` is the name of the key that most of them came with."""
    changed = {"count": ping_usage.c.count + size, "key": key}
    # Without a row, nothing was measured yet, and there is nothing to add to.
    db.execute(update(ping_usage).where(ping_usage.c.subject == BODIES).values(changed))


def measured_bodies(db: Connection, size: int, counted: int, now: datetime) -> None:
    """Write the measured bytes of all bodies in place of `counted`. What was added meanwhile stays added."""
    used = lock(db, [BODIES], now)[BODIES]
    put(db, {BODIES: Used(size + max(used.count - counted, 0), now, used.key)})


def _insert(db: Connection, used: Mapping[str, Used], on_conflict: str) -> None:
    rows = [
        {"subject": subject, "count": part.count, "since": part.since, "key": part.key}
        for subject, part in sorted(used.items())
    ]
    insert_many(db, ping_usage, rows, on_conflict=on_conflict)
