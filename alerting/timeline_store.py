"""The SQL of timelines: the lines that tell what happened in each incident."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import Connection, func, select

from alerting.incident import Entry
from alerting.sql import among, insert_many
from alerting.tables import timeline


def write(db: Connection, entries: Sequence[Entry]) -> None:
    """Add lines to timelines."""
    # Not `asdict`, which copies each value deeply: in a storm that took half of the time.
    rows = [
        {
            "incident_id": entry.incident_id,
            "at": entry.at,
            "kind": entry.kind,
            "words": entry.words,
            "by": entry.by,
        }
        for entry in entries
    ]
    insert_many(db, timeline, rows)


def timeline_of(db: Connection, incident_id: int) -> list[Entry]:
    """Return the timeline of an incident, oldest entry first."""
    query = select(timeline).where(timeline.c.incident_id == incident_id).order_by(timeline.c.id)
    return [Entry(row.incident_id, row.at, row.kind, row.words, row.by) for row in db.execute(query)]


def entries_of(
    db: Connection, incident_ids: Collection[int], kinds: Collection[str]
) -> dict[int, list[Entry]]:
    """Return by incident the entries of these kinds in its timeline, oldest first."""
    query = (
        select(timeline)
        .where(among(db, timeline.c.incident_id, incident_ids), timeline.c.kind.in_(kinds))
        .order_by(timeline.c.id)
    )
    entries: dict[int, list[Entry]] = {number: [] for number in incident_ids}
    for row in db.execute(query):
        entries[row.incident_id].append(Entry(row.incident_id, row.at, row.kind, row.words, row.by))
    return entries


def last_written(db: Connection, ids: Collection[int], kind: str | None = None) -> dict[int, datetime]:
    """Return by incident the time of the newest line of its timeline, or of its newest line of one kind."""
    query = select(timeline.c.incident_id, func.max(timeline.c.at, type_=timeline.c.at.type))
    query = query.where(among(db, timeline.c.incident_id, ids)).group_by(timeline.c.incident_id)
    rows = db.execute(query if kind is None else query.where(timeline.c.kind == kind))
    return {row[0]: row[1] for row in rows}


def newest_entries(db: Connection, limit: int) -> list[int]:
    """Return the numbers of the last lines of all timelines, newest first."""
    query = select(timeline.c.id).where(timeline.c.incident_id > 0).order_by(timeline.c.id.desc())
    return list(db.execute(query.limit(limit)).scalars())


def timeline_ends(db: Connection, incident_ids: Collection[int]) -> dict[int, tuple[int, int]]:
    """Return by incident the number of lines of its timeline, and the id of the last."""
    query = (
        select(timeline.c.incident_id, func.count(), func.max(timeline.c.id))
        .where(among(db, timeline.c.incident_id, incident_ids))
        .group_by(timeline.c.incident_id)
    )
    return {row[0]: (row[1], row[2]) for row in db.execute(query)}
