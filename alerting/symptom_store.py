"""The SQL of symptoms: one row for each symptom of an incident, however often it returns."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    Row,
    Select,
    and_,
    bindparam,
    case,
    false,
    func,
    literal,
    select,
    update,
)

from alerting.incident import Facts, Hold, RaisedSymptom, Standing, Symptom
from alerting.severity import Severity
from alerting.sql import Utc, among, insert_many, listed, update_many
from alerting.tables import WENT_ON, incidents, symptoms

SEVERITIES = tuple(Severity)
_FACTS = tuple(field.name for field in fields(Facts))
_CLEARED = ("cleared_at", "cleared_why")
_INSTANTS = frozenset(field.name for field in fields(Facts) if "datetime" in str(field.type))


def raised_of(db: Connection, keys: Collection[str]) -> list[RaisedSymptom]:
    """Return the raised symptoms of these keys."""
    query = select(symptoms).where(among(db, symptoms.c.key, keys), symptoms.c.cleared_at.is_(None))
    return [symptom_of(row) for row in db.execute(query)]


def symptoms_of(db: Connection, incident_ids: Collection[int]) -> dict[int, list[RaisedSymptom]]:
    """Return all symptoms of each incident, cleared ones included, in the order in which they were raised."""
    query = select(symptoms).where(among(db, symptoms.c.incident_id, incident_ids)).order_by(symptoms.c.id)
    by_incident: dict[int, list[RaisedSymptom]] = {incident_id: [] for incident_id in incident_ids}
    for row in db.execute(query):
        by_incident[row.incident_id].append(symptom_of(row))
    return by_incident


def cleared_in_open(db: Connection, keys: Collection[str]) -> list[RaisedSymptom]:
    """Return the newest row of each of these symptoms, where it has cleared in an incident that is not resolved."""
    key, wanted = listed(db, keys)
    same_key = symptoms.alias("same_key")
    # Straight from the end of the index: a job that has failed each hour for a year has thousands of rows.
    newest = (
        select(same_key.c.id)
        .where(same_key.c.key == key)
        .order_by(same_key.c.incident_id.desc(), same_key.c.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    query = (
        select(symptoms)
        .join(incidents, incidents.c.id == symptoms.c.incident_id)
        .where(
            symptoms.c.id.in_(select(newest).select_from(wanted)),
            incidents.c.next_at.is_not(None),
            symptoms.c.cleared_at.is_not(None),
        )
    )
    return [symptom_of(row) for row in db.execute(query)]


def rows_in(db: Connection, places: Mapping[str, int]) -> dict[str, RaisedSymptom]:
    """Return by key the newest row of each symptom in its incident, where it has one. `places` are by key."""
    if not places:
        return {}
    query = (
        select(symptoms)
        .where(among(db, symptoms.c.key, places), among(db, symptoms.c.incident_id, set(places.values())))
        .order_by(symptoms.c.id)
    )
    return {row.key: symptom_of(row) for row in db.execute(query) if places[row.key] == row.incident_id}


def insert_symptoms(db: Connection, raised: Iterable[tuple[int, Symptom]], now: datetime) -> None:
    """Write raised symptoms, each with the number of its incident."""
    rows = [
        {
            "incident_id": incident_id,
            "key": symptom.key,
            **_renewed_row(symptom),
            "raised_at": now,
            **_hold_row(symptom),
        }
        for incident_id, symptom in raised
    ]
    insert_many(db, symptoms, rows)


def refresh_symptoms(db: Connection, renewed: Iterable[tuple[int, Symptom]]) -> None:
    """Write what is so now of raised symptoms, by the symptom's number."""
    update_many(db, symptoms, [{"id": number, **_renewed_row(symptom)} for number, symptom in renewed])


def raise_again(db: Connection, returned: Iterable[tuple[int, Symptom, Sequence[datetime]]]) -> None:
    """Raise symptoms again that had cleared, by number, each with the times of its returns."""
    rows = [
        {
            "id": number,
            **_renewed_row(symptom),
            **_hold_row(symptom),
            "cleared_at": None,
            "cleared_why": None,
            "falls": falls,
        }
        for number, symptom, falls in returned
    ]
    update_many(db, symptoms, rows)


def clear_symptoms(db: Connection, cleared: Iterable[tuple[int, str]], now: datetime) -> None:
    """Clear symptoms by number, each with its reason."""
    rows = [{"id": number, "cleared_at": now, "cleared_why": why} for number, why in cleared]
    update_many(db, symptoms, rows, where="symptoms.cleared_at IS NULL")


def copy_raised(db: Connection, places: Mapping[int, int]) -> None:
    """Raise symptoms that have just cleared anew, as they were. `places` are incidents by the symptom's number."""
    without = ("id", "incident_id", *_CLEARED)
    rows = _rows(db, places, [column for column in symptoms.c if column.name not in without])
    insert_many(db, symptoms, [{"incident_id": places[row.pop("id")], **row} for row in rows])


def copy_untold(db: Connection, places: Mapping[int, int]) -> None:
    """Raise symptoms that have just cleared anew, as they were, in incidents whose people were told of none of them."""
    without = ("id", "incident_id", "told", *_CLEARED)
    rows = _rows(db, places, [column for column in symptoms.c if column.name not in without])
    insert_many(db, symptoms, [{"incident_id": places[row.pop("id")], **row} for row in rows])


def move(db: Connection, ids: Collection[int], target: int, why: str, now: datetime) -> None:
    """Move symptoms into another incident, whose people were told of none of them.

    Their own incident keeps a copy of each, under a key that nothing has: what stands in it has cleared for `why`. The
    row itself moves, because the newest row of a key is that of the latest incident.
    """
    rows = _rows(db, ids, [column for column in symptoms.c if column.name != "id"])
    kept = [
        {
            **{name: value for name, value in row.items() if name != "id"},
            "key": f"{WENT_ON}{row['key']}",
            "cleared_at": row["cleared_at"] or now,
            "cleared_why": row["cleared_why"] or why,
        }
        for row in rows
    ]
    insert_many(db, symptoms, kept)
    moved = update(symptoms).where(among(db, symptoms.c.id, ids))
    db.execute(moved.values(incident_id=target, told=None))


def _rows(db: Connection, ids: Collection[int], columns: Sequence[Column[Any]]) -> list[dict[str, Any]]:
    query = select(symptoms.c.id, *columns).where(among(db, symptoms.c.id, ids)).order_by(symptoms.c.id)
    return [dict(row) for row in db.execute(query).mappings()]


def standing(db: Connection, incident_ids: Collection[int], now: datetime) -> dict[int, Standing]:
    """Return by incident what stands in it, without what waits. Incidents without a raised symptom are left out."""
    if not incident_ids:
        return {}
    rows = db.execute(_standing().where(among(db, symptoms.c.incident_id, incident_ids)), {"now": now})
    return {row[0]: Standing(row[1], row[2], SEVERITIES[row[3]], row[4]) for row in rows}


@cache
def _standing() -> Select[*tuple[Any, ...]]:
    """Return a query for what stands in each incident at `now`. It is made once: that takes longer than to run it."""
    held = symptoms.c.held_until > bindparam("now", type_=Utc())
    waits = and_(symptoms.c.waits_for.is_not(None), func.coalesce(held, false()))
    rank, until = symptoms.c.severity_rank, symptoms.c.held_until
    return (
        select(
            symptoms.c.incident_id,
            func.count(),
            func.count(case((held, 1))),
            func.coalesce(func.min(case((held, None), else_=rank)), func.min(rank)),
            func.min(case((held, until)), type_=until.type),
        )
        .where(symptoms.c.cleared_at.is_(None), ~waits)
        .group_by(symptoms.c.incident_id)
    )


def write_told(db: Connection, told: Mapping[int, Sequence[str]]) -> None:
    """Write what people were told of symptoms, by number: see `RaisedSymptom.told`."""
    update_many(
        db, symptoms, [{"id": number, "told": told_to_text(causes)} for number, causes in told.items()]
    )


def told_all(db: Connection, incident_ids: Collection[int], now: datetime) -> None:
    """Write that people were told of everything that stands in these incidents and is not held."""
    comma = literal(",")
    known = func.coalesce(comma + symptoms.c.told + comma, "")
    appended = func.coalesce(symptoms.c.told + comma, "") + symptoms.c.cause
    free = symptoms.c.held_until.is_(None) | (symptoms.c.held_until <= now)
    db.execute(
        update(symptoms)
        .where(among(db, symptoms.c.incident_id, incident_ids), symptoms.c.cleared_at.is_(None), free)
        .where(func.replace(known, comma + symptoms.c.cause + comma, "") == known)
        .values(told=appended)
    )


def rename_symptoms(db: Connection, keys: Mapping[str, str]) -> None:
    """Write the new key of each old one."""
    if keys:
        renamed = update(symptoms).where(symptoms.c.key == bindparam("old")).values(key=bindparam("new"))
        db.execute(renamed, [{"old": old, "new": new} for old, new in keys.items()])


def save_times(db: Connection, moved: Iterable[RaisedSymptom]) -> None:
    """Write when symptoms were raised, cleared and returned, and until when they are held."""
    rows = [
        {
            "id": one.id,
            "raised_at": one.raised_at,
            "cleared_at": one.cleared_at,
            "falls": one.falls or None,
            "held_until": one.held_until,
        }
        for one in moved
    ]
    update_many(db, symptoms, rows)


def hold_symptoms(db: Connection, held: Iterable[tuple[int, Hold | None]]) -> None:
    """Write the hold of symptoms, by number."""
    rows = [
        {"id": number, "held_until": hold and hold.until, "held_why": hold and hold.why}
        for number, hold in held
    ]
    update_many(db, symptoms, rows)


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


def told_to_text(causes: Sequence[str]) -> str | None:
    """Return causes as a row holds them."""
    return ",".join(causes) or None


def told_of_text(text: str | None) -> tuple[str, ...]:
    """Return the causes that a row holds."""
    return tuple(text.split(",")) if text else ()


def symptom_of(row: Row[Any]) -> RaisedSymptom:
    """Return the symptom of a whole row."""
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
        told=told_of_text(row.told),
        falls=row.falls or (),
        waits_for=row.waits_for,
        waited_for=row.waited_for,
        held_why=row.held_why or "",
    )


def _hold_row(symptom: Symptom) -> dict[str, Any]:
    return {
        "held_until": symptom.hold.until if symptom.hold else None,
        "held_why": symptom.hold.why if symptom.hold else None,
        "waits_for": symptom.waits_for,
        "waited_for": symptom.waited_for,
    }


def _renewed_row(symptom: Symptom) -> dict[str, Any]:
    return {
        "title": symptom.title,
        "cause": symptom.cause,
        "severity_rank": symptom.severity.rank,
        "facts": facts_to_json(symptom.facts),
    }
