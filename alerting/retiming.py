"""Moves the times of open incidents and of waiting pages after a step of the clock.

Each function works inside the caller's transaction.
"""

from datetime import datetime

from sqlalchemy import Connection

from alerting import leases, retimed_incident, store, symptom_store, timeline_store
from alerting.clock_step import Step
from alerting.incident import Incident, State


def retime_incidents(db: Connection, step: Step, number: int, limit: int) -> int | None:
    """Move the times of up to `limit` open incidents with numbers above `number`, and of their symptoms.

    Return the last number, or None if there are no more.
    """
    locked = store.lock_open(db, number, limit)
    if not locked:
        return None
    written_at = timeline_store.last_written(db, locked)
    snoozed_at = timeline_store.last_written(db, locked, State.SNOOZED.value)
    moved = [
        retimed_incident.retimed(
            incident,
            step,
            written_at.get(incident.id, incident.opened_at),
            _asked_at(incident, snoozed_at.get(incident.id)),
        )
        for incident in locked.values()
    ]
    store.save(db, [incident for incident in moved if incident != locked[incident.id]])
    symptoms = [one for of_one in symptom_store.symptoms_of(db, locked).values() for one in of_one]
    symptom_store.save_times(db, [retimed_incident.symptom_retimed(symptom, step) for symptom in symptoms])
    return max(locked)


def retime_pages(db: Connection, step: Step) -> None:
    """Move the times of pages that wait or are under way."""
    leases.retime(db, step)


def _asked_at(incident: Incident, snoozed_at: datetime | None) -> datetime | None:
    """Return when a person asked for the quiet of an incident, or None if it is not quiet."""
    if incident.state is State.SNOOZED:
        return snoozed_at or incident.opened_at
    return incident.acknowledged_at if incident.state is State.ACKNOWLEDGED else None
