"""Ends incidents: once a recovery has settled, or when a person resolves them.

Each function works inside the caller's transaction.
"""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import Connection

from alerting import grouping, outbox, store, symptom_store, timeline, times
from alerting import incident as life
from alerting.incident import Entry, Incident, Pace, RaisedSymptom, State
from alerting.notice import NoticeKind
from alerting.tell import tell


def clear(
    db: Connection,
    cleared: Sequence[tuple[RaisedSymptom, str]],
    now: datetime,
    pace: Pace,
    by: str | None = None,
) -> None:
    """Clear symptoms, each with its reason. An incident without any left is recovering, or over if `by` somebody."""
    entries = [
        Entry(symptom.incident_id, now, "cleared", f"{symptom.title}: {reason}", by)
        for symptom, reason in cleared
    ]
    take_out(db, cleared, entries, now, pace, by)


def take_out(
    db: Connection,
    cleared: Sequence[tuple[RaisedSymptom, str]],
    entries: Sequence[Entry],
    now: datetime,
    pace: Pace,
    by: str | None = None,
) -> None:
    """Clear symptoms as `clear` does, with these lines in their timelines."""
    if not cleared:
        return
    incidents = store.lock(db, {symptom.incident_id for symptom, _ in cleared})
    symptom_store.clear_symptoms(db, [(symptom.id, reason) for symptom, reason in cleared], now)
    timeline.write(db, entries)
    standing = symptom_store.standing(db, incidents, now)
    store.save(
        db, [grouping.recovered(incidents[number], left, now, pace) for number, left in standing.items()]
    )
    well = [
        incident
        for number, incident in incidents.items()
        # What waits in an incident that is recovering is no part of that recovery.
        if number not in standing and incident.state is not State.RESOLVED and not incident.recovering
    ]
    if by is not None:
        end(db, well, by, cleared[0][1], now)
    elif pace.settling:
        store.save(db, [life.recovering(incident, now, pace) for incident in well])
    else:
        _end_recovered(db, [life.recovering(incident, now, pace) for incident in well], now)


def settle(db: Connection, now: datetime, limit: int) -> int:
    """End up to `limit` incidents whose recovery has settled. Return how many."""
    settled = store.claim_settled(db, now, limit)
    _end_recovered(db, settled, now)
    return len(settled)


def settle_these(db: Connection, incident_ids: Collection[int], now: datetime) -> None:
    """End those of these incidents whose recovery has settled."""
    locked = store.lock(db, incident_ids).values()
    _end_recovered(
        db,
        [incident for incident in locked if incident.settles_at is not None and incident.settles_at <= now],
        now,
    )


def end(
    db: Connection,
    incidents: Sequence[Incident],
    by: str,
    ending: str,
    now: datetime,
    by_person: str | None = None,
) -> None:
    """End incidents, and tell everybody who has a page of them, in the words `ending`. `by_person` knows already."""
    _end(db, [(life.ended(incident, by, now), ending) for incident in incidents], now, by_person)


def _end_recovered(db: Connection, incidents: Sequence[Incident], now: datetime) -> None:
    _end(
        db,
        [
            (life.ended(incident, life.BY_ITSELF, now), _settled_words(incident, now))
            for incident in incidents
        ],
        now,
    )


def _settled_words(incident: Incident, now: datetime) -> str:
    since = incident.recovered_at or now
    stayed = f", and has stayed so for {times.duration(now - since)}" if since < now else ""
    return f"recovered at {since:%H:%M} UTC{stayed}"


def _end(
    db: Connection, ended: Sequence[tuple[Incident, str]], now: datetime, by_person: str | None = None
) -> None:
    if not ended:
        return
    store.save(db, [incident for incident, _ in ended])
    timeline.write(
        db,
        [Entry(one.id, now, State.RESOLVED.value, ending, one.resolved_by) for one, ending in ended],
    )
    outbox.supersede(db, [incident.id for incident, _ in ended], tuple(NoticeKind))
    tell(db, NoticeKind.RECOVERED, ended, now, by_person)
