"""The SQL of what is old enough to be forgotten: incidents that were resolved long ago, with all that hangs on them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Select, delete, select

from alerting.incident import State
from alerting.tables import attempts, incidents, pages, symptoms, timeline

AT_A_TIME = 20
"""Incidents that are taken apart together: their rows go in batches, and they themselves last."""

_TABLES = {table.name: table for table in (attempts, pages, symptoms, timeline, incidents)}


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of one table, by number."""

    table: str
    ids: Sequence[int]


def next_rows(db: Connection, before: datetime, limit: int) -> Rows | None:
    """Up to `limit` rows that may go next, what hangs on others first; None where nothing is old enough."""
    query = (
        select(incidents.c.id)
        .where(incidents.c.state == State.RESOLVED, incidents.c.resolved_at < before)
        .order_by(incidents.c.id)
        .limit(AT_A_TIME)
    )
    old = db.execute(query).scalars().all()
    for table, hanging in _hanging(old):
        if ids := db.execute(hanging.limit(limit)).scalars().all():
            return Rows(table, ids)
    return Rows("incidents", old) if old else None


def forget(db: Connection, rows: Rows) -> int:
    """Delete these rows; how many there still were. An incident that is not resolved is left alone."""
    table = _TABLES[rows.table]
    gone = delete(table).where(table.c.id.in_(rows.ids))
    if table is incidents:
        gone = gone.where(incidents.c.state == State.RESOLVED)
    return db.execute(gone).rowcount


def _hanging(old: Sequence[int]) -> Sequence[tuple[str, Select[int]]]:
    if not old:
        return ()
    of_pages = select(pages.c.id).where(pages.c.incident_id.in_(old))
    direct = [
        (one.name, select(one.c.id).where(one.c.incident_id.in_(old))) for one in (pages, symptoms, timeline)
    ]
    return [("attempts", select(attempts.c.id).where(attempts.c.page_id.in_(of_pages))), *direct]
