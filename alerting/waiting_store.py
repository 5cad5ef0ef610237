"""The SQL of symptoms that wait for others: which of them need no longer wait, and which must wait again."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, Select, and_, bindparam, exists, false, or_, select, update

from alerting import incident as life
from alerting.incident import Incident, Pace, RaisedSymptom, State
from alerting.sql import among
from alerting.store import incident_of
from alerting.symptom_store import raised_of, symptom_of
from alerting.tables import incidents, symptoms

_ANYTHING = select(
    or_(
        exists().where(symptoms.c.waits_for.is_not(None), symptoms.c.cleared_at.is_(None)),
        exists().where(symptoms.c.waited_for.is_not(None), symptoms.c.cleared_at.is_(None)),
    )
)


@dataclass(frozen=True, slots=True)
class Group:
    """The symptoms of one incident that wait for the same one, and when they need not any more: None if they must.

    `chained` is true if that one waits itself, so that it moves first.
    """

    waits_for: str
    incident_id: int
    released_at: datetime | None
    chained: bool = False


def anything(db: Connection) -> bool:
    """Return whether anything waits, or has waited for what is well."""
    return bool(db.execute(_ANYTHING).scalar())


def groups(db: Connection, pace: Pace) -> list[Group]:
    """Return everything that waits, what waits for one that waits itself last.

    It is over once the incident is, or once what it waits for has been well for as long as a recovery takes to settle.
    """
    found = []
    for row in db.execute(_groups()):
        released_at = None
        if row.state == State.RESOLVED:
            released_at = row.resolved_at
        elif row.raised_at is None:
            released_at = row.opened_at
        elif row.cleared_at is not None:
            released_at = life.settles_at(row.falls or (), row.cleared_at, pace)
            if row.settles_at is not None:
                released_at = max(released_at, row.settles_at)
        chained = row.chained_to is not None and row.cleared_at is None
        found.append(Group(row.waits_for, row.incident_id, released_at, chained))
    return sorted(found, key=lambda group: group.chained)


@cache
def _groups() -> Select[*tuple[Any, ...]]:
    waiting = (
        select(symptoms.c.waits_for, symptoms.c.incident_id)
        .where(symptoms.c.waits_for.is_not(None), symptoms.c.cleared_at.is_(None))
        .distinct()
        .subquery("waiting")
    )
    first = symptoms.alias("first")
    same = and_(first.c.key == waiting.c.waits_for, first.c.incident_id == waiting.c.incident_id)
    return (
        select(
            waiting.c.waits_for,
            waiting.c.incident_id,
            incidents.c.state,
            incidents.c.opened_at,
            incidents.c.resolved_at,
            incidents.c.settles_at,
            first.c.raised_at,
            first.c.cleared_at,
            first.c.falls,
            first.c.waits_for.label("chained_to"),
        )
        .select_from(waiting.join(incidents, incidents.c.id == waiting.c.incident_id).outerjoin(first, same))
        .order_by(waiting.c.incident_id, waiting.c.waits_for)
    )


def waiting_in(db: Connection, released: Collection[Group], limit: int) -> list[RaisedSymptom]:
    """Return up to `limit` symptoms of these groups, in the order in which they were raised."""
    if not released:
        return []
    of_groups = or_(
        false(),
        *(
            and_(symptoms.c.waits_for == one.waits_for, symptoms.c.incident_id == one.incident_id)
            for one in released
        ),
    )
    query = select(symptoms).where(of_groups, symptoms.c.cleared_at.is_(None)).order_by(symptoms.c.id)
    return [symptom_of(row) for row in db.execute(query.limit(limit))]


def down_again(db: Connection, limit: int) -> list[tuple[RaisedSymptom, datetime]]:
    """Return up to `limit` symptoms that have waited for one that stands again, with the time at which that fell."""
    return [(symptom_of(row), row.fell_at) for row in db.execute(_down_again(), {"most": limit})]


@cache
def _down_again() -> Select[*tuple[Any, ...]]:
    first = symptoms.alias("first")
    stands = and_(first.c.key == symptoms.c.waited_for, first.c.cleared_at.is_(None))
    return (
        select(symptoms, first.c.raised_at.label("fell_at"))
        .join(first, stands)
        .where(symptoms.c.waited_for.is_not(None), symptoms.c.cleared_at.is_(None))
        .order_by(symptoms.c.id)
        .limit(bindparam("most"))
    )


def with_incidents(db: Connection, keys: Collection[str]) -> dict[str, tuple[RaisedSymptom, Incident]]:
    """Return the raised symptoms of these keys, each with its incident."""
    raised = raised_of(db, keys)
    if not raised:
        return {}
    numbers = {symptom.incident_id for symptom in raised}
    homes = {
        row.id: incident_of(row)
        for row in db.execute(select(incidents).where(among(db, incidents.c.id, numbers)))
    }
    return {symptom.key: (symptom, homes[symptom.incident_id]) for symptom in raised}


def forget(db: Connection, numbers: Collection[int]) -> None:
    """Let symptoms of these numbers wait for nothing. Their holds stay."""
    if numbers:
        forgotten = update(symptoms).where(among(db, symptoms.c.id, numbers))
        db.execute(forgotten.values(waits_for=None, waited_for=None))
