"""The SQL of lists of incidents: those that go on, worst first and counted, and those that are past, newest first."""

from typing import Any

from sqlalchemy import Connection, Select, case, func, select

from alerting.incident import Incident, State
from alerting.store import incident_of
from alerting.tables import incidents

_GOING_ON = incidents.c.next_at.is_not(None)
"""Without a next action an incident is resolved, as a constraint says; so an index finds the few among the many."""


def count(db: Connection) -> dict[State, int]:
    """How many incidents are not resolved, by state."""
    query = select(incidents.c.state, func.count()).where(_GOING_ON).group_by(incidents.c.state)
    return {State(state): count for state, count in db.execute(query)}


def going_on(db: Connection, limit: int, offset: int = 0) -> list[Incident]:
    """Incidents that are not resolved: those that nobody has answered first, then by severity, the oldest first."""
    answered = case((incidents.c.state == State.OPEN, 0), else_=1)
    place = (answered, incidents.c.severity_rank, incidents.c.opened_at, incidents.c.id)
    # Only the numbers are sorted: a whole row holds a policy.
    numbers = select(incidents.c.id).where(_GOING_ON).order_by(*place).limit(limit).offset(offset)
    query = select(incidents).where(incidents.c.id.in_(numbers)).order_by(*place)
    return [incident_of(row) for row in db.execute(query)]


def past(db: Connection, limit: int, before: int | None = None) -> list[Incident]:
    """Incidents that are resolved, newest first. `before` is the number to go on from."""
    return [incident_of(row) for row in db.execute(_newest(limit, before).where(~_GOING_ON))]


def newest(db: Connection, *, open_only: bool, limit: int, before: int | None = None) -> list[Incident]:
    """Incidents, all or those that are not resolved, newest first. `before` is the number to go on from."""
    query = _newest(limit, before)
    return [incident_of(row) for row in db.execute(query.where(_GOING_ON) if open_only else query)]


def _newest(limit: int, before: int | None) -> Select[Any]:
    query = select(incidents).order_by(incidents.c.id.desc()).limit(limit)
    return query if before is None else query.where(incidents.c.id < before)
