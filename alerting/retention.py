"""The SQL of deletion by age: incidents that were resolved long ago with all their rows, and digests.

The newest incident stays: SQLite would give its number again, and links in old pages would lead to another incident.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Select, delete, func, select

from alerting.incident import State
from alerting.tables import attempts, digests, incidents, pages, symptoms, timeline

AT_A_TIME = 20
"""Incidents that are deleted together: first their rows, in batches, then they themselves."""

_TABLES = {table.name: table for table in (attempts, pages, symptoms, timeline, incidents, digests)}


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of a table, by number."""

    table: str
    ids: Sequence[int]


def next_rows(db: Connection, resolved_before: datetime, limit: int) -> Rows | None:
    """Return up to `limit` rows to delete next, children before parents; None if nothing is old enough."""
    query = (
        select(incidents.c.id)
        .where(
            incidents.c.state == State.RESOLVED,
            incidents.c.resolved_at < resolved_before,
            incidents.c.id < select(func.max(incidents.c.id)).scalar_subquery(),
        )
        .order_by(incidents.c.id)
        .limit(AT_A_TIME)
    )
    old = db.execute(query).scalars().all()
    for table, children in _children(old):
        if ids := db.execute(children.limit(limit)).scalars().all():
            return Rows(table, ids)
    if old:
        return Rows("incidents", old)
    of_the_past = select(digests.c.id).where(digests.c.created_at < resolved_before).limit(limit)
    numbers = db.execute(of_the_past).scalars().all()
    return Rows("digests", numbers) if numbers else None


def forget(db: Connection, rows: Rows) -> int:
    """Delete rows and return how many still existed. An incident that is not resolved stays."""
    table = _TABLES[rows.table]
    statement = delete(table).where(table.c.id.in_(rows.ids))
    if table is incidents:
        statement = statement.where(incidents.c.state == State.RESOLVED)
    return db.execute(statement).rowcount


def _children(old: Sequence[int]) -> Sequence[tuple[str, Select[int]]]:
    if not old:
        return ()
    of_pages = select(pages.c.id).where(pages.c.incident_id.in_(old))
    direct = [
        (table.name, select(table.c.id).where(table.c.incident_id.in_(old)))
        for table in (pages, symptoms, timeline)
    ]
    return [("attempts", select(attempts.c.id).where(attempts.c.page_id.in_(of_pages))), *direct]
