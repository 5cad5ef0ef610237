"""The SQL of former slugs: the names that renamed checks had before, by which their jobs may still ping."""

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import Connection, delete, select

from alerting.sql import among, insert_many
from heartbeat.checks.tables import checks, former_slugs


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
    db.execute(delete(former_slugs).where(among(db, former_slugs.c.check_id, formerly)))
    rows = [{"slug": slug, "check_id": number} for number, slugs in formerly.items() for slug in slugs]
    insert_many(db, former_slugs, rows)
