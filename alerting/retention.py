"""The SQL of deletion: incidents that were resolved long ago with all their rows, digests, changes of rotations that
are past, and what flapped endlessly.

The newest incident stays: SQLite would give its number again, and links in old pages would lead to another incident.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Select, delete, func, select

from alerting.crew_tables import overrides, swaps
from alerting.incident import State
from alerting.tables import attempts, digests, incidents, pages, symptoms, timeline

AT_A_TIME = 20
"""Incidents that are deleted together: first their rows, in batches, then they themselves."""

_FLAPS = timeline.c.kind.in_(("down", "cleared", "moved")) & timeline.c.by.is_(None)
_TABLES = {
    table.name: table for table in (attempts, pages, symptoms, timeline, incidents, digests, overrides, swaps)
}

_ENDS = (digests, digests.c.created_at), (overrides, overrides.c.ends_at), (swaps, swaps.c.asked_until)
"""The tables whose rows are deleted by their own age, with the time that they are past by."""


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
    for aged, ends in _ENDS:
        of_the_past = select(aged.c.id).where(ends < resolved_before).limit(limit)
        if numbers := db.execute(of_the_past).scalars().all():
            return Rows(aged.name, numbers)
    return None


def crowded(db: Connection, most: int) -> dict[int, int]:
    """Return the incidents whose symptoms came and went more than `most` times, each with its last line to delete."""
    crowd = select(timeline.c.incident_id).where(_FLAPS).group_by(timeline.c.incident_id)
    numbers = db.execute(crowd.having(func.count() > most)).scalars().all()
    return {number: _nth_newest(db, number, most) for number in numbers}


def up_to(db: Connection, incident_id: int, last: int, limit: int) -> Rows | None:
    """Return up to `limit` lines of an incident about symptoms that came and went, none after `last`.

    What people did and were told stays.
    """
    query = select(timeline.c.id).where(timeline.c.incident_id == incident_id, timeline.c.id <= last, _FLAPS)
    ids = db.execute(query.limit(limit)).scalars().all()
    return Rows(timeline.name, ids) if ids else None


def _nth_newest(db: Connection, incident_id: int, n: int) -> int:
    query = select(timeline.c.id).where(timeline.c.incident_id == incident_id, _FLAPS)
    return db.execute(query.order_by(timeline.c.id.desc()).offset(n).limit(1)).scalar() or 0


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
