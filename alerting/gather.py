"""Symptoms find their incidents: which they join, what they open, and how long they are held.

Each function works inside the caller's transaction, as in `desk`, which is the door to this room. What it decides is
decided in `grouping`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from alerting import grouping, logbook, roster, store
from alerting.incident import Entry, Hold, Incident, RaisedSymptom, State, Symptom


def join(db: Connection, fresh: Sequence[Symptom], now: datetime, gathering: timedelta) -> None:
    """Each of these symptoms joins the open incident of its cause, or opens it."""
    opened, standing = _homes(db, fresh, now, gathering)
    homes = opened | standing
    numbers = [incident.id for incident in standing.values()]
    before = store.had_cleared(db, numbers, [s.key for s in fresh]) if numbers else set()
    store.insert_symptoms(db, [(homes[s.cause_key].id, s) for s in fresh], now)
    entries = [
        Entry(homes[s.cause_key].id, now, "down", f"{s.title} {s.facts.why or s.words.word}") for s in fresh
    ]
    for symptom in fresh:
        if symptom.cause_key in standing:
            incident = homes[symptom.cause_key]
            recurred = (incident.id, symptom.key) in before
            homes[symptom.cause_key], entry = grouping.joined(incident, symptom, recurred, now, gathering)
            entries += entry
    store.save(db, [homes[cause_key] for cause_key in standing])
    titles = {one.id: one.title for one in opened.values()}
    logbook.opened(db, titles)
    logbook.write(db, [*entries, *grouping.opening_entries(opened.values(), fresh, now)])


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
    after = [
        grouping.after_hold(homes[number], symptoms[number], now, gathering) for number in sorted(symptoms)
    ]
    by_end = {hold.until: hold for symptom in moved if (hold := holds[symptom.key]) is not None}
    store.save(db, after)
    logbook.write(
        db, [entry for one in after for entry in grouping.hold_entries(homes[one.id], one, by_end, now)]
    )
    late = [symptom for symptom in raised if symptom not in free and holds[symptom.key] is not None]
    return {one.key: one.incident_id for one in late if homes[one.incident_id].state is State.OPEN}


def _homes(
    db: Connection, fresh: Sequence[Symptom], now: datetime, gathering: timedelta
) -> tuple[dict[str, Incident], dict[str, Incident]]:
    """By cause, the incidents that these symptoms belong to: those opened just now, and those that stood open."""
    standing = store.lock_open(db, {symptom.cause_key for symptom in fresh})
    homeless = [symptom for symptom in fresh if symptom.cause_key not in standing]
    new = grouping.opened(homeless, roster.load_policies(db), now, gathering)
    numbers = store.insert_incidents(db, new.values()) if new else {}
    if len(numbers) < len(new):
        standing |= store.lock_open(db, new.keys() - numbers.keys())
    return {cause_key: replace(new[cause_key], id=number) for cause_key, number in numbers.items()}, standing
