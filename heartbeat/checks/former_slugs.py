"""The SQL of former slugs: the names that renamed checks had before, by which their jobs may still ping."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, delete, select, update

from alerting.sql import among, insert_many
from heartbeat.checks.tables import checks, former_slugs

EXACT: Final = timedelta(minutes=1)
"""A later ping than this is written as the last one: not each one costs a write."""


def uuids(db: Connection, slugs: Collection[str]) -> dict[str, str]:
    """Return the uuids of the checks that had these slugs, as 32 hex digits, by former slug."""
    query = select(former_slugs.c.slug, checks.c.uuid).join(checks, checks.c.id == former_slugs.c.check_id)
    return {row.slug: row.uuid.hex for row in db.execute(query.where(former_slugs.c.slug.in_(slugs)))}


def owners(db: Connection, slugs: Collection[str]) -> dict[str, str]:
    """Return the present slugs of the checks that had these slugs, by former slug."""
    query = select(former_slugs.c.slug, checks.c.slug.label("owner"))
    query = query.join(checks, checks.c.id == former_slugs.c.check_id).where(former_slugs.c.slug.in_(slugs))
    return {row.slug: row.owner for row in db.execute(query)}


def replace(db: Connection, formerly: Mapping[int, Sequence[str]]) -> None:
    """Make these the only former slugs of checks, by the checks' ids. No other check may have one of them."""
    if not formerly:
        return
    slugs = {slug for slugs in formerly.values() for slug in slugs}
    last_heard = heard(db, slugs) if slugs else {}
    db.execute(delete(former_slugs).where(among(db, former_slugs.c.check_id, formerly)))
    rows = [
        {"slug": slug, "check_id": number, "last_heard_at": last_heard.get(slug)}
        for number, slugs in formerly.items()
        for slug in slugs
    ]
    insert_many(db, former_slugs, rows)


def heard(db: Connection, slugs: Collection[str]) -> dict[str, datetime]:
    """Return when a job last pinged by each of these former slugs. Those without a ping are left out."""
    query = select(former_slugs.c.slug, former_slugs.c.last_heard_at).where(
        among(db, former_slugs.c.slug, slugs), former_slugs.c.last_heard_at.is_not(None)
    )
    return {row.slug: row.last_heard_at for row in db.execute(query)}


def touch(db: Connection, slugs: Collection[str], at: datetime) -> None:
    """Write that jobs pinged by these former slugs. A time only moves forward."""
    last = former_slugs.c.last_heard_at
    earlier = former_slugs.c.slug.in_(slugs) & (last.is_(None) | (last <= at - EXACT))
    db.execute(update(former_slugs).where(earlier).values(last_heard_at=at))
