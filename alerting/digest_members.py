"""The SQL of answers to digests: the incidents that a press on a digest's button reaches.

It reaches those of the whole storm: of the digest, and of the ones before it to the same person, each shortly after
the other. Nobody should have to press the button of every message.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Subquery, case, func, select, union

from alerting import store
from alerting.digest import LATELY
from alerting.incident import Incident, State
from alerting.sql import among
from alerting.tables import attempts, digests, incidents, pages

LONGEST_STORM = 100
"""The most digests that are taken for one storm."""


def incidents_of(db: Connection, number: int, after: int, limit: int) -> list[tuple[int, int]]:
    """Return up to `limit` incidents of a storm with a number above `after`: the number, and the paged occurrence."""
    paged = _paged(db, number)
    query = select(paged).where(paged.c.incident_id > after).order_by(paged.c.incident_id).limit(limit)
    return [(incident, occurrence) for incident, occurrence in db.execute(query)]


def recipient_of(db: Connection, number: int) -> tuple[str, datetime] | None:
    """Return the person of a digest, and when it was made; None if there is no such digest."""
    row = db.execute(
        select(digests.c.person, digests.c.created_at).where(digests.c.id == number)
    ).one_or_none()
    return (row.person, row.created_at) if row else None


def digest_states(db: Connection, number: int) -> dict[tuple[State, bool], int]:
    """Count the incidents of a storm by state, apart from those that have paged again since."""
    paged = _paged(db, number)
    c = incidents.c
    again = c.occurrence > paged.c.occurrence
    query = (
        select(c.state, again, func.count())
        .select_from(paged.join(incidents, c.id == paged.c.incident_id))
        .group_by(c.state, again)
    )
    return {(State(state), bool(newer)): count for state, newer, count in db.execute(query)}


def digest_incidents(db: Connection, number: int, limit: int, offset: int = 0) -> list[Incident]:
    """Return up to `limit` incidents of a storm: those that wait for an answer first, worst first."""
    paged = _paged(db, number)
    c = incidents.c
    query = (
        select(c.id)
        .select_from(paged.join(incidents, c.id == paged.c.incident_id))
        .order_by(case((c.state == State.OPEN, 0), else_=1), c.severity_rank, c.id)
        .limit(limit)
        .offset(offset)
    )
    worst_first = list(db.execute(query).scalars())
    loaded = store.load_many(db, worst_first)
    return [loaded[incident] for incident in worst_first]


def _paged(db: Connection, number: int) -> Subquery:
    """Return the incidents of a storm, each with the last occurrence that its digests paged for."""
    storm = _storm(db, number)
    # By attempts and by the lease that is under way: a page belongs to the last digest that took it.
    tried = select(attempts.c.page_id.label("id")).where(among(db, attempts.c.digest_id, storm))
    members = union(tried, select(pages.c.id).where(among(db, pages.c.digest_id, storm))).subquery()
    return (
        select(pages.c.incident_id, func.max(pages.c.occurrence).label("occurrence"))
        .join(members, members.c.id == pages.c.id)
        .group_by(pages.c.incident_id)
        .subquery()
    )


def _storm(db: Connection, number: int) -> list[int]:
    """Return the numbers of a digest and of those before it that belong to the same storm."""
    c = digests.c
    own = digests.alias("own")
    same: tuple[Any, ...] = (
        own.c.id == number,
        c.person == own.c.person,
        c.kind == own.c.kind,
        c.id <= number,
    )
    query = select(c.id, c.created_at).where(*same).order_by(c.id.desc()).limit(LONGEST_STORM)
    storm: list[int] = []
    later = None
    for row in db.execute(query):
        if later is not None and later - row.created_at > LATELY:
            break
        storm.append(row.id)
        later = row.created_at
    return storm
