"""The SQL of lists of incidents, and of their numbers. Nothing is locked, and no drill counts."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import JSON, ColumnElement, Connection, Select, case, func, select, true, type_coerce

from alerting.incident import Incident, State
from alerting.store import GOING_ON, REAL, incident_of
from alerting.tables import incidents, symptoms


def count(db: Connection) -> dict[State, int]:
    """Count the incidents that are not resolved, by state."""
    return _counted(db, GOING_ON)


def count_standing(db: Connection, causes: Collection[str]) -> int:
    """Count the incidents that opened for one of these causes, and are neither resolved nor recovering."""
    standing = GOING_ON & incidents.c.settles_at.is_(None)
    return sum(_counted(db, standing & incidents.c.cause.in_(causes)).values())


def count_recovering(db: Connection) -> dict[State, int]:
    """Count the incidents that are recovering, by state."""
    return _counted(db, incidents.c.settles_at.is_not(None))


def _counted(db: Connection, condition: ColumnElement[bool]) -> dict[State, int]:
    query = select(incidents.c.state, func.count()).where(condition, REAL).group_by(incidents.c.state)
    return {State(state): count for state, count in db.execute(query)}


def going_on(db: Connection, limit: int, offset: int = 0) -> list[Incident]:
    """Return incidents that are not resolved: unanswered ones first, then by severity, then the oldest first."""
    return _most_urgent(db, true(), limit, offset)


def mergeable(db: Connection, incident: Incident, limit: int) -> list[Incident]:
    """Return the incidents into which one can be merged, in the order of `going_on`. None, if it is over."""
    if incident.state is State.RESOLVED:
        return []
    policy = type_coerce(incidents.c.policy, JSON)["name"].as_string()
    others = (incidents.c.id != incident.id) & (policy == incident.policy.name)
    return _most_urgent(db, others, limit)


def _most_urgent(
    db: Connection, condition: ColumnElement[bool], limit: int, offset: int = 0
) -> list[Incident]:
    answered = case((incidents.c.state == State.OPEN, 0), else_=1)
    order = (answered, incidents.c.severity_rank, incidents.c.opened_at, incidents.c.id)
    # Only the numbers are sorted: a whole row holds a policy.
    numbers = select(incidents.c.id).where(GOING_ON, REAL, condition).order_by(*order)
    query = select(incidents).where(incidents.c.id.in_(numbers.limit(limit).offset(offset))).order_by(*order)
    return [incident_of(row) for row in db.execute(query)]


def past(db: Connection, limit: int, older_than: int | None = None) -> list[Incident]:
    """Return resolved incidents, newest first; those with a number below `older_than`."""
    return [incident_of(row) for row in db.execute(_newest(limit, older_than).where(~GOING_ON))]


def newest(db: Connection, *, open_only: bool, limit: int, older_than: int | None = None) -> list[Incident]:
    """Return incidents, all or those that are not resolved, newest first; those with a number below `older_than`."""
    query = _newest(limit, older_than)
    return [incident_of(row) for row in db.execute(query.where(GOING_ON) if open_only else query)]


def _newest(limit: int, older_than: int | None) -> Select[Any]:
    query = select(incidents).where(REAL).order_by(incidents.c.id.desc()).limit(limit)
    return query if older_than is None else query.where(incidents.c.id < older_than)


def lately_about(db: Connection, key: str, limit: int) -> list[Incident]:
    """Return the last incidents of this symptom, newest first."""
    # Few numbers, straight from the end of the index: a job that has failed each hour for a year is in thousands.
    numbers = select(symptoms.c.incident_id).where(symptoms.c.key == key).distinct()
    newest = numbers.order_by(symptoms.c.incident_id.desc()).limit(limit).subquery()
    query = select(incidents).join(newest, incidents.c.id == newest.c.incident_id)
    query = query.order_by(incidents.c.id.desc())
    return [incident_of(row) for row in db.execute(query)]
