"""The SQL of how much pings have used of their limits: one small row for each limit, and for each key."""

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import Connection, delete, select

from alerting.sql import insert_many
from heartbeat.checks import store as checks
from heartbeat.pings.creation import HOUR, IN_ALL, Used, of_key
from heartbeat.pings.tables import ping_usage

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
    used = lock(db, [IN_ALL], now)[IN_ALL]
    count = checks.count_created_by_pings(db)
    if count != used.count:
        put(db, {IN_ALL: Used(count, used.since, used.key)})
    over = ping_usage.c.subject.startswith(of_key("")) & (ping_usage.c.since < now - HOUR)
    db.execute(delete(ping_usage).where(over))


def _insert(db: Connection, used: Mapping[str, Used], on_conflict: str) -> None:
    rows = [
        {"subject": subject, "count": part.count, "since": part.since, "key": part.key}
        for subject, part in sorted(used.items())
    ]
    insert_many(db, ping_usage, rows, on_conflict=on_conflict)
