"""The SQL of incidents, their symptoms and timelines.

Locks are taken in the order of the cause key, so that two transactions over many incidents never block each other.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, ScalarSelect, Select, bindparam, case, func, select, update

from alerting.incident import Entry, Facts, Incident, RaisedSymptom, State, Symptom
from alerting.severity import Severity
from alerting.sql import among, earliest, insert_many, update_many
from alerting.tables import incidents, symptoms, timeline

SEVERITIES = tuple(Severity)
_COLUMNS = tuple(incidents.c.keys())
_FACTS = tuple(field.name for field in fields(Facts))
_INSTANTS = frozenset(field.name for field in fields(Facts) if "datetime" in str(field.type))
_GOING_ON = incidents.c.next_at.is_not(None)
"""By a constraint, exactly the resolved incidents have no next action. An index finds the others."""


def lock_open(db: Connection, cause_keys: Collection[str]) -> dict[str, Incident]:
    """Return the open incidents of these causes, locked until the transaction ends."""
    query = (
        select(incidents)
        .where(among(db, incidents.c.cause_key, cause_keys), incidents.c.state != State.RESOLVED)
        .order_by(incidents.c.cause_key)
        .with_for_update()
    )
    return {row.cause_key: incident_of(row) for row in db.execute(query)}


def open_of(db: Connection, cause_key: str) -> Incident | None:
    """Return the open incident of this cause, not locked."""
    query = select(incidents).where(incidents.c.cause_key == cause_key, incidents.c.state != State.RESOLVED)
    row = db.execute(query).one_or_none()
    return None if row is None else incident_of(row)


def lock(db: Connection, ids: Collection[int]) -> dict[int, Incident]:
    """Return these incidents by number, locked until the transaction ends."""
    query = select(incidents).where(among(db, incidents.c.id, ids))
    query = query.order_by(incidents.c.cause_key).with_for_update()
    return {row.id: incident_of(row) for row in db.execute(query)}


def claim_due(db: Connection, now: datetime, limit: int) -> list[Incident]:
    """Lock and return up to `limit` due incidents, worst first, without those that others have locked."""
    claimed: list[Incident] = []
    for rank, first in enumerate(db.execute(select(*_first_actions())).one()):
        if first is None or first > now or len(claimed) >= limit:
            continue
        query = (
            select(incidents)
            .where(incidents.c.severity_rank == rank, incidents.c.next_at <= now)
            .order_by(incidents.c.next_at)
            .limit(limit - len(claimed))
            .with_for_update(skip_locked=True)
        )
        claimed += [incident_of(row) for row in db.execute(query).all()]
    return claimed


def claim_to_tell(db: Connection, now: datetime, limit: int) -> list[Incident]:
    """Lock and return up to `limit` incidents whose news is due, without those that others have locked."""
    query = (
        select(incidents)
        .where(incidents.c.tell_at <= now)
        .order_by(incidents.c.tell_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return [incident_of(row) for row in db.execute(query)]


def next_due(db: Connection) -> datetime | None:
    """Return the time of the next action or news of any incident."""
    firsts = db.execute(select(*_first_actions(), earliest(incidents.c.tell_at))).one()
    return min((at for at in firsts if at is not None), default=None)


def _first_actions() -> list[ScalarSelect[datetime]]:
    """Return the earliest next action of each severity, worst severity first."""
    ranks = range(len(SEVERITIES))
    return [earliest(incidents.c.next_at, incidents.c.severity_rank == rank) for rank in ranks]


def insert_incidents(db: Connection, new: Iterable[Incident]) -> dict[str, int]:
    """Open incidents and return their numbers by cause, without causes that somebody else has opened meanwhile."""
    by_cause = {incident.cause_key: incident for incident in new}
    rows = [_incident_row(incident) for _, incident in sorted(by_cause.items())]
    clause = f"ON CONFLICT (cause_key) WHERE state <> '{State.RESOLVED}' DO NOTHING"
    opened = insert_many(db, incidents, rows, on_conflict=clause, returning=("id", "cause_key"))
    return {cause_key: number for number, cause_key in opened}


def save(db: Connection, changed: Iterable[Incident]) -> None:
    """Write the columns of incidents that can change."""
    update_many(db, incidents, [{"id": incident.id, **_mutable_row(incident)} for incident in changed])


def raised_of(db: Connection, keys: Collection[str]) -> list[RaisedSymptom]:
    """Return the raised symptoms of these keys."""
    query = select(symptoms).where(among(db, symptoms.c.key, keys), symptoms.c.cleared_at.is_(None))
    return [_symptom(row) for row in db.execute(query)]


def symptoms_of(db: Connection, incident_ids: Collection[int]) -> dict[int, list[RaisedSymptom]]:
    """Return all symptoms of each incident, cleared ones included, in the order in which they were raised."""
    query = select(symptoms).where(among(db, symptoms.c.incident_id, incident_ids)).order_by(symptoms.c.id)
    by_incident: dict[int, list[RaisedSymptom]] = {incident_id: [] for incident_id in incident_ids}
    for row in db.execute(query):
        by_incident[row.incident_id].append(_symptom(row))
    return by_incident


def had_cleared(db: Connection, incident_ids: Collection[int], keys: Collection[str]) -> set[tuple[int, str]]:
    """Return (incident, key) for those of these keys that have cleared in an incident before."""
    query = select(symptoms.c.incident_id, symptoms.c.key).where(
        among(db, symptoms.c.incident_id, incident_ids),
        among(db, symptoms.c.key, keys),
        symptoms.c.cleared_at.is_not(None),
    )
    return {(row.incident_id, row.key) for row in db.execute(query)}


def insert_symptoms(db: Connection, raised: Iterable[tuple[int, Symptom]], now: datetime) -> None:
    """Write raised symptoms, each with the number of its incident."""
    rows = [
        {
            "incident_id": incident_id,
            "key": symptom.key,
            "title": symptom.title,
            "cause": symptom.cause,
            "severity_rank": symptom.severity.rank,
            "facts": facts_to_json(symptom.facts),
            "raised_at": now,
            "held_until": symptom.hold.until if symptom.hold else None,
        }
        for incident_id, symptom in raised
    ]
    insert_many(db, symptoms, rows)


def refresh_symptoms(db: Connection, renewed: Iterable[tuple[int, Symptom]]) -> None:
    """Write the cause and facts of raised symptoms, by the symptom's number."""
    rows = [{"id": number, "cause": s.cause, "facts": facts_to_json(s.facts)} for number, s in renewed]
    update_many(db, symptoms, rows)


def clear_symptoms(db: Connection, cleared: Iterable[tuple[int, str]], now: datetime) -> None:
    """Clear symptoms by number, each with its reason."""
    rows = [{"id": number, "cleared_at": now, "cleared_why": why} for number, why in cleared]
    update_many(db, symptoms, rows, where="symptoms.cleared_at IS NULL")


def rename_symptoms(db: Connection, keys: Mapping[str, str]) -> None:
    """Write the new key of each old one."""
    if keys:
        renamed = update(symptoms).where(symptoms.c.key == bindparam("old")).values(key=bindparam("new"))
        db.execute(renamed, [{"old": old, "new": new} for old, new in keys.items()])


def still_raised(db: Connection, incident_ids: Collection[int]) -> dict[int, datetime | None]:
    """Return by incident the end of the hold of its raised symptoms, None if one is not held.

    Incidents without a raised symptom are left out.
    """
    count, held = func.count(), func.count(symptoms.c.held_until)
    first = func.min(symptoms.c.held_until, type_=symptoms.c.held_until.type)
    query = (
        select(symptoms.c.incident_id, count, held, first)
        .where(among(db, symptoms.c.incident_id, incident_ids), symptoms.c.cleared_at.is_(None))
        .group_by(symptoms.c.incident_id)
    )
    return {row[0]: row[3] if row[1] == row[2] else None for row in db.execute(query)}


def hold_symptoms(db: Connection, held: Iterable[tuple[int, datetime | None]]) -> None:
    """Write the end of the hold of symptoms, by number."""
    update_many(db, symptoms, [{"id": number, "held_until": until} for number, until in held])


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


def lately_about(db: Connection, key: str, limit: int) -> list[Incident]:
    """Return the last incidents of this symptom, newest first."""
    # Few numbers, straight from the end of the index: a job that has failed each hour for a year is in thousands.
    numbers = select(symptoms.c.incident_id).where(symptoms.c.key == key).distinct()
    newest = numbers.order_by(symptoms.c.incident_id.desc()).limit(limit).subquery()
    query = select(incidents).join(newest, incidents.c.id == newest.c.incident_id)
    query = query.order_by(incidents.c.id.desc())
    return [incident_of(row) for row in db.execute(query)]


def newest_entries(db: Connection, limit: int) -> list[int]:
    """Return the numbers of the last lines of all timelines, newest first."""
    return list(db.execute(select(timeline.c.id).order_by(timeline.c.id.desc()).limit(limit)).scalars())


def timeline_ends(db: Connection, incident_ids: Collection[int]) -> dict[int, tuple[int, int]]:
    """Return by incident the number of lines of its timeline, and the id of the last."""
    query = (
        select(timeline.c.incident_id, func.count(), func.max(timeline.c.id))
        .where(among(db, timeline.c.incident_id, incident_ids))
        .group_by(timeline.c.incident_id)
    )
    return {row[0]: (row[1], row[2]) for row in db.execute(query)}


def load(db: Connection, incident_id: int) -> Incident | None:
    """Return an incident, not locked."""
    row = db.execute(select(incidents).where(incidents.c.id == incident_id)).one_or_none()
    return None if row is None else incident_of(row)


def opened_at(db: Connection, incident_id: int) -> datetime | None:
    """Return the time at which an incident opened, None if there is none of this number."""
    at: datetime | None = db.execute(
        select(incidents.c.opened_at).where(incidents.c.id == incident_id)
    ).scalar()
    return at


def load_many(db: Connection, ids: Collection[int]) -> dict[int, Incident]:
    """Return these incidents by number, not locked."""
    rows = db.execute(select(incidents).where(among(db, incidents.c.id, ids)))
    return {row.id: incident_of(row) for row in rows}


def count(db: Connection) -> dict[State, int]:
    """Count the incidents that are not resolved, by state."""
    query = select(incidents.c.state, func.count()).where(_GOING_ON).group_by(incidents.c.state)
    return {State(state): count for state, count in db.execute(query)}


def going_on(db: Connection, limit: int, offset: int = 0) -> list[Incident]:
    """Return incidents that are not resolved: unanswered ones first, then by severity, then the oldest first."""
    answered = case((incidents.c.state == State.OPEN, 0), else_=1)
    order = (answered, incidents.c.severity_rank, incidents.c.opened_at, incidents.c.id)
    # Only the numbers are sorted: a whole row holds a policy.
    numbers = select(incidents.c.id).where(_GOING_ON).order_by(*order).limit(limit).offset(offset)
    query = select(incidents).where(incidents.c.id.in_(numbers)).order_by(*order)
    return [incident_of(row) for row in db.execute(query)]


def past(db: Connection, limit: int, older_than: int | None = None) -> list[Incident]:
    """Return resolved incidents, newest first; those with a number below `older_than`."""
    return [incident_of(row) for row in db.execute(_newest(limit, older_than).where(~_GOING_ON))]


def newest(db: Connection, *, open_only: bool, limit: int, older_than: int | None = None) -> list[Incident]:
    """Return incidents, all or those that are not resolved, newest first; those with a number below `older_than`."""
    query = _newest(limit, older_than)
    return [incident_of(row) for row in db.execute(query.where(_GOING_ON) if open_only else query)]


def _newest(limit: int, older_than: int | None) -> Select[Any]:
    query = select(incidents).order_by(incidents.c.id.desc()).limit(limit)
    return query if older_than is None else query.where(incidents.c.id < older_than)


def facts_to_json(facts: Facts) -> dict[str, Any]:
    """Return facts as JSON for a row."""
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name in _FACTS
        if (value := getattr(facts, name))
    }


def facts_from_json(stored: Mapping[str, Any]) -> Facts:
    """Return the facts of a row."""
    facts: dict[str, Any] = {
        name: datetime.fromisoformat(value) if name in _INSTANTS else value
        for name, value in stored.items()
        if name in _FACTS
    }
    return Facts(**facts)


def incident_of(row: Row[Any]) -> Incident:
    """Return the incident of a whole row: most columns are fields of the same name."""
    values = dict(zip(_COLUMNS, row, strict=True))
    values |= {"state": State(values["state"]), "severity": SEVERITIES[values.pop("severity_rank")]}
    return Incident(**values)


def _symptom(row: Row[Any]) -> RaisedSymptom:
    return RaisedSymptom(
        id=row.id,
        incident_id=row.incident_id,
        key=row.key,
        title=row.title,
        cause=row.cause,
        severity=SEVERITIES[row.severity_rank],
        facts=facts_from_json(row.facts),
        raised_at=row.raised_at,
        cleared_at=row.cleared_at,
        cleared_why=row.cleared_why,
        held_until=row.held_until,
    )


def _mutable_row(incident: Incident) -> dict[str, Any]:
    return {
        "state": incident.state.value,
        "severity_rank": incident.severity.rank,
        "occurrence": incident.occurrence,
        "step": incident.step,
        "next_at": incident.next_at,
        "tell_at": incident.tell_at,
        "told_at": incident.told_at,
        "acknowledged_by": incident.acknowledged_by,
        "acknowledged_at": incident.acknowledged_at,
        "resolved_by": incident.resolved_by,
        "resolved_at": incident.resolved_at,
    }


def _incident_row(incident: Incident) -> dict[str, Any]:
    return {
        "cause_key": incident.cause_key,
        "title": incident.title,
        "cause": incident.cause,
        "policy": incident.policy,
        "opened_at": incident.opened_at,
        "installation": incident.installation,
        **_mutable_row(incident),
    }
