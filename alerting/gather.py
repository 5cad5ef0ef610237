"""Symptoms find their incidents: which they join, what they open, and how long they are held.

Each function works inside the caller's transaction, as in `desk`, which is the door to this room. What it decides is
decided in `grouping`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from alerting import grouping, roster, store, timeline
from alerting.incident import Entry, Hold, Incident, RaisedSymptom, State, Symptom


def join(db: Connection, symptoms: Sequence[Symptom], now: datetime, gathering: timedelta) -> None:
    """Each of these symptoms joins the open incident of its cause, or opens it."""
    opened, joined = _homes(db, symptoms, now, gathering)
    homes = opened | joined
    numbers = [incident.id for incident in joined.values()]
    cleared = store.had_cleared(db, numbers, [s.key for s in symptoms]) if numbers else set()
    store.insert_symptoms(db, [(homes[s.cause_key].id, s) for s in symptoms], now)
    entries = [
        Entry(homes[s.cause_key].id, now, "down", f"{s.title} {s.facts.why or s.words.word}")
        for s in symptoms
    ]
    for symptom in symptoms:
        if symptom.cause_key in joined:
            incident = homes[symptom.cause_key]
            recurred = (incident.id, symptom.key) in cleared
            homes[symptom.cause_key], lines = grouping.joined(incident, symptom, recurred, now, gathering)
            entries += lines
    store.save(db, [homes[cause_key] for cause_key in joined])
    timeline.opened(db, {incident.id: incident.title for incident in opened.values()})
    timeline.write(db, [*entries, *grouping.opening_entries(opened.values(), symptoms, now)])


def foresee(
    db: Connection, symptom: Symptom, now: datetime, gathering: timedelta
) -> tuple[Incident, list[RaisedSymptom]]:
    """What `join` would make of a symptom: its incident (number 0 where it would be opened), and all that is wrong in
    it. Nothing is written and nothing is locked."""
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
    """From now on each of these symptoms is held until then, or no longer. What does not stand raised is passed over.

    Of an incident that has paged nothing is held that was not held before: nobody silences what rings already.
    Gives back the incident of each symptom that could therefore not be held.
    """
    raised = [symptom for symptom in store.raised_of(db, holds) if symptom.key in holds]
    homes = store.lock(db, {symptom.incident_id for symptom in raised})
    free = [symptom for symptom in raised if grouping.can_be_held(symptom, homes[symptom.incident_id])]
    ends = {key: grouping.hold_end(hold) for key, hold in holds.items()}
    moved = [symptom for symptom in free if symptom.held_until != ends[symptom.key]]
    store.hold_symptoms(db, [(symptom.id, ends[symptom.key]) for symptom in moved])
    symptoms = store.symptoms_of(db, {symptom.incident_id for symptom in moved})
    by_end = {hold.until: hold for symptom in moved if (hold := holds[symptom.key]) is not None}
    incidents, entries = [], []
    for number in sorted(symptoms):
        incident = grouping.after_hold(homes[number], symptoms[number], now, gathering)
        incidents.append(incident)
        entries += grouping.hold_entries(homes[number], incident, by_end, now)
    store.save(db, incidents)
    timeline.write(db, entries)
    late = [symptom for symptom in raised if symptom not in free and holds[symptom.key] is not None]
    return {
        symptom.key: symptom.incident_id for symptom in late if homes[symptom.incident_id].state is State.OPEN
    }


def _homes(
    db: Connection, symptoms: Sequence[Symptom], now: datetime, gathering: timedelta
) -> tuple[dict[str, Incident], dict[str, Incident]]:
    """Return by cause the incidents of these symptoms: those opened just now, and those that were open already."""
    open_already = store.lock_open(db, {symptom.cause_key for symptom in symptoms})
    homeless = [symptom for symptom in symptoms if symptom.cause_key not in open_already]
    new = grouping.opened(homeless, roster.load_policies(db), now, gathering)
    numbers = store.insert_incidents(db, new.values()) if new else {}
    if len(numbers) < len(new):
        open_already |= store.lock_open(db, new.keys() - numbers.keys())
    opened = {cause_key: replace(new[cause_key], id=number) for cause_key, number in numbers.items()}
    return opened, open_already
