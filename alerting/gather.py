"""Puts symptoms into their incidents, and holds them.

Each function works inside the caller's transaction, as in `desk`, which is the door to this room. `grouping` decides.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from alerting import grouping, roster, store, timeline
from alerting.incident import Entry, Hold, Incident, RaisedSymptom, State, Symptom


def join(db: Connection, symptoms: Sequence[Symptom], now: datetime, gathering: timedelta) -> None:
    """Put each symptom into the open incident of its cause, or open one."""
    opened, joined = _incidents_of(db, symptoms, now, gathering)
    incidents = opened | joined
    numbers = [incident.id for incident in joined.values()]
    cleared = store.had_cleared(db, numbers, [s.key for s in symptoms]) if numbers else set()
    store.insert_symptoms(db, [(incidents[s.cause_key].id, s) for s in symptoms], now)
    entries = [
        Entry(incidents[s.cause_key].id, now, "down", f"{s.title} {s.facts.why or s.words.word}")
        for s in symptoms
    ]
    for symptom in symptoms:
        if symptom.cause_key in joined:
            incident = incidents[symptom.cause_key]
            recurred = (incident.id, symptom.key) in cleared
            incident, lines = grouping.joined(incident, symptom, recurred, now, gathering)
            incidents[symptom.cause_key] = incident
            entries += lines
    store.save(db, [incidents[cause_key] for cause_key in joined])
    timeline.opened(db, {incident.id: incident.title for incident in opened.values()})
    timeline.write(db, [*entries, *grouping.opening_entries(opened.values(), symptoms, now)])


def foresee(
    db: Connection, symptom: Symptom, now: datetime, gathering: timedelta
) -> tuple[Incident, list[RaisedSymptom]]:
    """Return the incident that `join` would give a symptom, with all its symptoms. Writes and locks nothing.

    The incident has the number 0 if it would be opened.
    """
    raised = grouping.raised(symptom, now)
    incident = store.open_of(db, symptom.cause_key)
    if incident is None:
        opened = grouping.opened([symptom], roster.load_policies(db), now, gathering)
        return opened[symptom.cause_key], [raised]
    recurred = bool(store.had_cleared(db, [incident.id], [symptom.key]))
    joined, _ = grouping.joined(incident, symptom, recurred, now, gathering)
    return joined, [*store.symptoms_of(db, [incident.id])[incident.id], raised]


def hold(
    db: Connection, holds: Mapping[str, Hold | None], now: datetime, gathering: timedelta
) -> dict[str, int]:
    """Hold symptoms by key, or (None) hold them no longer. Keys that are not raised are ignored.

    An incident that has paged is not silenced: its symptoms cannot be held, unless they were held already.
    Return by key the incident of each symptom that could therefore not be held.
    """
    raised = [symptom for symptom in store.raised_of(db, holds) if symptom.key in holds]
    locked = store.lock(db, {symptom.incident_id for symptom in raised})
    free = [symptom for symptom in raised if grouping.can_be_held(symptom, locked[symptom.incident_id])]
    ends = {key: grouping.hold_end(hold) for key, hold in holds.items()}
    moved = [symptom for symptom in free if symptom.held_until != ends[symptom.key]]
    store.hold_symptoms(db, [(symptom.id, ends[symptom.key]) for symptom in moved])
    symptoms = store.symptoms_of(db, {symptom.incident_id for symptom in moved})
    by_end = {hold.until: hold for symptom in moved if (hold := holds[symptom.key]) is not None}
    incidents, entries = [], []
    for number in sorted(symptoms):
        incident = grouping.after_hold(locked[number], symptoms[number], now, gathering)
        incidents.append(incident)
        entries += grouping.hold_entries(locked[number], incident, by_end, now)
    store.save(db, incidents)
    timeline.write(db, entries)
    late = [symptom for symptom in raised if symptom not in free and holds[symptom.key] is not None]
    return {
        symptom.key: symptom.incident_id
        for symptom in late
        if locked[symptom.incident_id].state is State.OPEN
    }


def _incidents_of(
    db: Connection, symptoms: Sequence[Symptom], now: datetime, gathering: timedelta
) -> tuple[dict[str, Incident], dict[str, Incident]]:
    """Return by cause the incidents of these symptoms: those just opened, and those that were open already."""
    open_already = store.lock_open(db, {symptom.cause_key for symptom in symptoms})
    homeless = [symptom for symptom in symptoms if symptom.cause_key not in open_already]
    new = grouping.opened(homeless, roster.load_policies(db), now, gathering)
    numbers = store.insert_incidents(db, new.values()) if new else {}
    if len(numbers) < len(new):
        open_already |= store.lock_open(db, new.keys() - numbers.keys())
    opened = {cause_key: replace(new[cause_key], id=number) for cause_key, number in numbers.items()}
    return opened, open_already
