"""Puts symptoms into their incidents, and holds them.

Each function works inside the caller's transaction, as in `desk`, which is the door to this room. `grouping` decides.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from alerting import frozen, grouping, roster, store, symptom_store, timeline
from alerting import incident as life
from alerting.incident import Entry, Hold, Incident, Pace, RaisedSymptom, State, Symptom, Wider

NOTHING_WIDER: Mapping[str, Wider] = {}


def raise_(
    db: Connection,
    symptoms: Sequence[Symptom],
    now: datetime,
    pace: Pace,
    wider: Mapping[str, Wider] = NOTHING_WIDER,
) -> None:
    """Renew symptoms that stand already, and put the others into their incidents: see `desk.raise_`."""
    _widen(db, wider, now, pace)
    by_key = {symptom.key: symptom for symptom in symptoms}
    raised = {symptom.key: symptom for symptom in symptom_store.raised_of(db, by_key)}
    _renew(db, [(earlier, by_key[key]) for key, earlier in raised.items()], now, pace)
    joining = [symptom for key, symptom in by_key.items() if key not in raised]
    if joining:
        _join(db, joining, now, pace)


def foresee(
    db: Connection, symptom: Symptom, now: datetime, pace: Pace
) -> tuple[Incident, list[RaisedSymptom]]:
    """Return the incident that `raise_` would give a symptom, with all its symptoms. Writes and locks nothing.

    The incident has the number 0 if it would be opened.
    """
    raised = grouping.raised(symptom, now)
    homes = _homes(db, [symptom], now, pace)
    earlier = homes.get(symptom.key)
    incident = store.load(db, earlier.incident_id) if earlier else store.open_of(db, symptom.cause_key)
    if incident is None:
        opened = grouping.opened([symptom], roster.load_policies(db), now, pace)
        return opened[symptom.cause_key], [raised]
    joined, _ = grouping.joined(incident, symptom, earlier, now, pace)
    others = [s for s in symptom_store.symptoms_of(db, [incident.id])[incident.id] if s.key != symptom.key]
    return joined, [*others, raised]


def hold(db: Connection, holds: Mapping[str, Hold | None], now: datetime, pace: Pace) -> dict[str, int]:
    """Hold symptoms by key, or (None) hold them no longer. Keys that are not raised are ignored.

    Symptoms that people were told of cannot be held. Return by key the incident of each of them that keeps paging.
    A consequence is held already, for as long as it is one.
    """
    found = symptom_store.raised_of(db, holds)
    raised = [symptom for symptom in found if symptom.key in holds and symptom.waits_for is None]
    locked = store.lock(db, {symptom.incident_id for symptom in raised})
    free = [symptom for symptom in raised if grouping.can_be_held(symptom)]
    ends = {key: grouping.hold_end(hold) for key, hold in holds.items()}
    moved = [symptom for symptom in free if symptom.held_until != ends[symptom.key]]
    symptom_store.hold_symptoms(db, [(symptom.id, holds[symptom.key]) for symptom in moved])
    symptoms = symptom_store.symptoms_of(db, {symptom.incident_id for symptom in moved})
    standing = symptom_store.standing(db, symptoms.keys(), now)
    by_end = {hold.until: hold for symptom in moved if (hold := holds[symptom.key]) is not None}
    incidents, entries = [], []
    for number in sorted(symptoms):
        incident = grouping.after_hold(locked[number], symptoms[number], now, pace)
        incidents.append(grouping.counted(incident, standing.get(number)))
        entries += grouping.hold_entries(locked[number], incident, by_end, now)
    store.save(db, incidents)
    timeline.write(db, entries)
    late = [symptom for symptom in raised if symptom not in free and holds[symptom.key] is not None]
    return {
        symptom.key: symptom.incident_id
        for symptom in late
        if locked[symptom.incident_id].state is State.OPEN
    }


def _widen(db: Connection, wider: Mapping[str, Wider], now: datetime, pace: Pace) -> None:
    """Give open incidents their new causes, unless another incident has them, and what they take in."""
    if not wider:
        return
    keys = {*wider, *(key for grown in wider.values() for key in (grown.cause_key, *grown.takes))}
    by_cause = {incident.cause_key: incident for incident in store.lock(db, (), keys).values()}
    grown = {
        key: grouping.widened(incident, wider[key], now)
        for key, incident in by_cause.items()
        if key in wider and wider[key].cause_key not in by_cause
    }
    store.save_causes(db, [incident for incident, _ in grown.values()])
    timeline.write(db, [entry for _, entry in grown.values()])
    taken = [
        (by_cause[other], incident)
        for key, (incident, _) in grown.items()
        for other in wider[key].takes
        if other in by_cause and by_cause[other].untold
    ]
    _take_in(db, taken, now, pace)


def _take_in(db: Connection, taken: Sequence[tuple[Incident, Incident]], now: datetime, pace: Pace) -> None:
    """Move what stands in incidents of which nobody was told into others, and end them. Nobody has a page of them."""
    if not taken:
        return
    homes = {incident.id: home for incident, home in taken}
    found = symptom_store.symptoms_of(db, homes)
    moved = [symptom for number in homes for symptom in found[number] if symptom.standing]
    symptom_store.clear_symptoms(db, [(symptom.id, grouping.TAKEN) for symptom in moved], now)
    store.save(db, [life.ended(incident, life.BY_ITSELF, now) for incident, _ in taken])
    timeline.write(db, [grouping.taken(incident, home, now) for incident, home in taken])
    symptom_store.copy_raised(db, {symptom.id: homes[symptom.incident_id].id for symptom in moved})
    grown = {home.id: home for home in homes.values()}
    for symptom in moved:
        number = homes[symptom.incident_id].id
        grown[number] = grouping.taking(grown[number], symptom, now, pace)
    save_counted(db, list(grown.values()), now)


def _renew(
    db: Connection, renewed: Sequence[tuple[RaisedSymptom, Symptom]], now: datetime, pace: Pace
) -> None:
    """Write the causes, facts and severities of symptoms that stand already, with the news of them."""
    symptom_store.refresh_symptoms(db, [(earlier.id, symptom) for earlier, symptom in renewed])
    differing = [
        (earlier, symptom)
        for earlier, symptom in renewed
        if (earlier.cause, earlier.severity) != (symptom.cause, symptom.severity)
    ]
    if not differing:
        return
    incidents = store.lock(db, {earlier.incident_id for earlier, _ in differing})
    entries = []
    for earlier, symptom in differing:
        incident, lines = grouping.renewed(incidents[earlier.incident_id], earlier, symptom, now, pace)
        incidents[incident.id] = incident
        entries += lines
    save_counted(db, list(incidents.values()), now)
    timeline.write(db, entries)


@dataclass(frozen=True, slots=True)
class _Places:
    """The incidents of symptoms, by the symptom's key: `new` are opened just now. `earlier` are rows to raise again.

    `at_home` are the keys of symptoms that continue an incident, whatever their cause is now.
    """

    incidents: Mapping[str, Incident]
    new: frozenset[int]
    earlier: Mapping[str, RaisedSymptom]
    at_home: Collection[str]


def _join(db: Connection, symptoms: Sequence[Symptom], now: datetime, pace: Pace) -> None:
    """Put each symptom into the incident in which it is at home, into the open one of its cause, or open one."""
    places = _places(db, symptoms, now, pace)
    symptoms = [
        grouping.independent(symptom) if symptom.key in places.at_home else symptom for symptom in symptoms
    ]
    number_of = {key: incident.id for key, incident in places.incidents.items()}
    incidents = {incident.id: incident for incident in places.incidents.values()}
    newcomers = [symptom for symptom in symptoms if symptom.key not in places.earlier]
    symptom_store.insert_symptoms(db, [(number_of[symptom.key], symptom) for symptom in newcomers], now)
    again = [(symptom, places.earlier[symptom.key]) for symptom in symptoms if symptom.key in places.earlier]
    symptom_store.raise_again(db, [(row.id, symptom, grouping.fallen(row, now)) for symptom, row in again])
    entries = []
    for symptom in symptoms:
        number, earlier = number_of[symptom.key], places.earlier.get(symptom.key)
        entries.append(Entry(number, now, "down", grouping.down_words(symptom, earlier, now)))
        if number not in places.new:
            incidents[number], lines = grouping.joined(incidents[number], symptom, earlier, now, pace)
            entries += lines
    save_counted(db, [incident for number, incident in incidents.items() if number not in places.new], now)
    opened = [incidents[number] for number in places.new]
    timeline.opened(db, {incident.id: incident.title for incident in opened})
    timeline.write(db, [*entries, *grouping.opening_entries(opened, symptoms, now)])


def _places(db: Connection, symptoms: Sequence[Symptom], now: datetime, pace: Pace) -> _Places:
    """Lock or open the incident of each symptom."""
    earlier = _homes(db, symptoms, now, pace)
    numbers = {row.incident_id for row in earlier.values()}
    by_cause = {symptom.cause_key for symptom in symptoms if symptom.key not in earlier}
    locked = store.lock(db, numbers, by_cause)
    # Another process may have ended one meanwhile: its symptoms find another place.
    earlier = {
        key: row for key, row in earlier.items() if grouping.home(row, locked[row.incident_id], now, pace)
    }
    places = {key: locked[row.incident_id] for key, row in earlier.items()}
    open_by_cause = {
        incident.cause_key: incident for incident in locked.values() if incident.state is not State.RESOLVED
    }
    homeless = [s for s in symptoms if s.key not in places and s.cause_key not in open_by_cause]
    open_by_cause |= _merged(db, {symptom.cause_key for symptom in homeless})
    homeless = [symptom for symptom in homeless if symptom.cause_key not in open_by_cause]
    opened, found = _opened(db, homeless, now, pace)
    open_by_cause |= opened | found
    places |= {s.key: open_by_cause[s.cause_key] for s in symptoms if s.key not in places}
    rows = symptom_store.rows_in(
        db, {key: place.id for key, place in places.items() if place.cause_key not in opened}
    )
    return _Places(places, frozenset(incident.id for incident in opened.values()), rows, earlier.keys())


def _merged(db: Connection, cause_keys: Collection[str]) -> dict[str, Incident]:
    """Return by cause the open incidents that those of these causes were merged into, locked."""
    homes = store.merged_homes(db, cause_keys) if cause_keys else {}
    locked = store.lock(db, set(homes.values())) if homes else {}
    return {
        key: locked[number] for key, number in homes.items() if locked[number].state is not State.RESOLVED
    }


def _homes(
    db: Connection, symptoms: Sequence[Symptom], now: datetime, pace: Pace
) -> dict[str, RaisedSymptom]:
    """Return by key the rows of symptoms whose recovery in an open incident has not settled. Locks nothing."""
    rows = symptom_store.cleared_in_open(db, [symptom.key for symptom in symptoms])
    incidents = store.load_many(db, {row.incident_id for row in rows}) if rows else {}
    return {row.key: row for row in rows if grouping.home(row, incidents[row.incident_id], now, pace)}


def _opened(
    db: Connection, symptoms: Sequence[Symptom], now: datetime, pace: Pace
) -> tuple[dict[str, Incident], dict[str, Incident]]:
    """Open incidents for these symptoms. Return by cause those opened, and those that somebody else has opened."""
    if not symptoms:
        return {}, {}
    new = grouping.opened(symptoms, roster.load_policies(db), now, pace)
    numbers = store.insert_incidents(db, new.values())
    missing = new.keys() - numbers.keys()
    found = (
        {incident.cause_key: incident for incident in store.lock(db, (), missing).values()} if missing else {}
    )
    return {
        cause_key: frozen.changed(new[cause_key], id=number) for cause_key, number in numbers.items()
    }, found


def save_counted(db: Connection, incidents: Sequence[Incident], now: datetime) -> None:
    """Write incidents with the severity of what stands in them."""
    if incidents:
        standing = symptom_store.standing(db, [incident.id for incident in incidents], now)
        store.save(db, [grouping.counted(incident, standing.get(incident.id)) for incident in incidents])
