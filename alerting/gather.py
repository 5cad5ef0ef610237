"""Symptoms find their incidents: which they join, what they open, and how long they are held.

Each function works inside the caller's transaction, as in `desk`, which is the door to this room.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from alerting import escalation, logbook, notice, roster, store
from alerting import incident as life
from alerting.escalation import Policy
from alerting.incident import Hold, Incident, RaisedSymptom, State, Symptom
from alerting.store import Entry

HELD = "held"
"""The kind of a timeline's line that tells until when nobody is paged, or that this is so no longer."""


def join(db: Connection, fresh: Sequence[Symptom], now: datetime, gathering: timedelta) -> None:
    """Each of these symptoms joins the open incident of its cause, or opens it."""
    opened, standing = _homes(db, fresh, now, gathering)
    homes = opened | standing
    numbers = [incident.id for incident in standing.values()]
    before = store.had_cleared(db, numbers, [s.key for s in fresh]) if numbers else set()
    store.insert_symptoms(db, [(homes[s.cause_key].id, s) for s in fresh], now)
    entries = [
        Entry(homes[s.cause_key].id, now, "down", f"{s.title} {s.facts.why or s.cause}") for s in fresh
    ]
    for symptom in fresh:
        if symptom.cause_key in standing:
            incident = homes[symptom.cause_key]
            recurred = (incident.id, symptom.key) in before
            homes[symptom.cause_key], entry = _joined(incident, symptom, recurred, now, gathering)
            entries += entry
    store.save(db, [homes[cause_key] for cause_key in standing])
    titles = {one.id: one.title for one in opened.values()}
    logbook.opened(db, titles)
    logbook.write(db, [*entries, *_held(opened.values(), fresh, now)])


def foresee(
    db: Connection, symptom: Symptom, now: datetime, gathering: timedelta
) -> tuple[Incident, list[RaisedSymptom]]:
    """What `join` would make of a symptom: its incident (number 0 where it would be opened), and all that is wrong in
    it. Nothing is written and nothing is locked."""
    fresh = RaisedSymptom(
        id=0,
        incident_id=0,
        key=symptom.key,
        title=symptom.title,
        cause=symptom.cause,
        severity=symptom.severity,
        facts=symptom.facts,
        raised_at=now,
        cleared_at=None,
        cleared_why=None,
        held_until=_until(symptom.hold),
    )
    standing = store.open_of(db, symptom.cause_key)
    if standing is None:
        policy = escalation.in_force(roster.load_policies(db), symptom.policy)
        return _opened(symptom, policy, now, life.pages_at(now, fresh.held_until, gathering)), [fresh]
    recurred = bool(store.had_cleared(db, [standing.id], [symptom.key]))
    joined, _ = _joined(standing, symptom, recurred, now, gathering)
    return joined, [*store.symptoms_of(db, [standing.id])[standing.id], fresh]


def hold(
    db: Connection, holds: Mapping[str, Hold | None], now: datetime, gathering: timedelta
) -> dict[str, int]:
    """From now on each of these symptoms is held until then, or no longer. What does not stand raised is passed over.

    Of an incident that has paged nothing is held that was not held before: nobody silences what rings already.
    Gives back the incident of each symptom that could therefore not be held.
    """
    standing = [one for one in store.raised_of(db, holds) if one.key in holds]
    homes = store.lock(db, {one.incident_id for one in standing})
    may = [one for one in standing if life.waits(homes[one.incident_id]) or one.held_until is not None]
    moved = [(one, holds[one.key]) for one in may if one.held_until != _until(holds[one.key])]
    store.hold_symptoms(db, [(one.id, _until(held)) for one, held in moved])
    symptoms = store.symptoms_of(db, {one.incident_id for one, _ in moved})
    after = [_moved(homes[number], symptoms[number], now, gathering) for number in sorted(symptoms)]
    ends = {held.until: held for _, held in moved if held is not None}
    store.save(db, after)
    logbook.write(db, [entry for one in after for entry in _told(homes[one.id], one, ends, now)])
    late = [one for one in standing if one not in may and holds[one.key] is not None]
    return {one.key: one.incident_id for one in late if homes[one.incident_id].state is State.OPEN}


def recovered(
    homes: Mapping[int, Incident], left: Mapping[int, datetime | None], now: datetime, gathering: timedelta
) -> list[Incident]:
    """Incidents that have lost symptoms and go on: those who were paged are told of it, and what is left of an
    incident that nobody was paged for may be held for longer. `left` is until when all of it is."""
    after = []
    for number, one in homes.items():
        if number not in left or one.state is State.RESOLVED:
            continue
        soon, next_at, held_until = now + gathering, one.next_at, left[number]
        tell_at = one.tell_at if one.told_at is None else min(one.tell_at or soon, soon)
        if life.waits(one) and next_at is not None and held_until is not None:
            next_at = max(next_at, held_until)
        if (tell_at, next_at) != (one.tell_at, one.next_at):
            after.append(replace(one, tell_at=tell_at, next_at=next_at))
    return after


def reopened(incident: Incident, again: life.Reopened) -> Incident:
    """The incident at the start of its next occurrence."""
    return replace(
        incident,
        state=State.OPEN,
        occurrence=again.occurrence,
        step=0,
        next_at=again.next_at,
        acknowledged_by=None,
        acknowledged_at=None,
    )


def _homes(
    db: Connection, fresh: Sequence[Symptom], now: datetime, gathering: timedelta
) -> tuple[dict[str, Incident], dict[str, Incident]]:
    """By cause, the incidents that these symptoms belong to: those opened just now, and those that stood open."""
    wanted = {symptom.cause_key for symptom in fresh}
    standing = store.lock_open(db, wanted)
    policies = roster.load_policies(db)
    new: dict[str, Incident] = {}
    for symptom in sorted(fresh, key=lambda s: s.severity.rank):
        if symptom.cause_key in standing:
            continue
        at = life.pages_at(now, _until(symptom.hold), gathering)
        if symptom.cause_key not in new:
            policy = escalation.in_force(policies, symptom.policy)
            new[symptom.cause_key] = _opened(symptom, policy, now, at)
        elif (known := new[symptom.cause_key]).next_at is None or at < known.next_at:
            new[symptom.cause_key] = replace(known, next_at=at)
    numbers = store.insert_incidents(db, new.values()) if new else {}
    if len(numbers) < len(new):
        standing |= store.lock_open(db, new.keys() - numbers.keys())
    return {cause_key: replace(new[cause_key], id=number) for cause_key, number in numbers.items()}, standing


def _opened(symptom: Symptom, policy: Policy, now: datetime, at: datetime) -> Incident:
    return Incident(
        id=0,
        cause_key=symptom.cause_key,
        title=symptom.incident_title,
        cause=symptom.cause,
        state=State.OPEN,
        severity=symptom.severity,
        occurrence=1,
        policy=policy,
        step=0,
        opened_at=now,
        next_at=at,
    )


def _joined(
    incident: Incident, symptom: Symptom, recurred: bool, now: datetime, gathering: timedelta
) -> tuple[Incident, list[Entry]]:
    worse = min(incident.severity, symptom.severity, key=lambda severity: severity.rank)
    after = replace(incident, severity=worse)
    at = life.pages_at(now, _until(symptom.hold), gathering)
    again = life.on_join(incident, recurred, symptom.hold is not None, at)
    if again is not None:
        entry = Entry(
            incident.id,
            now,
            "reopened",
            f"paging again: {symptom.title} {notice.verb_of(symptom.cause)} {again.reason}",
        )
        held = [Entry(incident.id, now, HELD, in_words(symptom.hold))] if symptom.hold else []
        return reopened(after, again), [entry, *held]
    entries = []
    if life.waits(incident) and incident.next_at is not None and at < incident.next_at:
        after = replace(after, next_at=at)
        entries = [Entry(incident.id, now, HELD, f"held no longer: {symptom.title} is not held")]
    if incident.told_at is not None:
        after = replace(after, tell_at=min(incident.tell_at or at, at))
    return after, entries


def in_words(held: Hold) -> str:
    """A hold as a timeline tells it."""
    return f"held until {held.until:%d %b %H:%M} UTC: {held.why}"


def _held(opened: Iterable[Incident], fresh: Sequence[Symptom], now: datetime) -> list[Entry]:
    """For those who read later: why nobody is paged for an incident that has just been opened."""
    holds = {(s.cause_key, s.hold.until): s.hold for s in fresh if s.hold is not None}
    found = [(one, holds.get((one.cause_key, one.next_at))) for one in opened if one.next_at is not None]
    return [Entry(one.id, now, HELD, in_words(held)) for one, held in found if held is not None]


def _moved(one: Incident, symptoms: Sequence[RaisedSymptom], now: datetime, gathering: timedelta) -> Incident:
    """The incident after holds of its symptoms have changed: when it pages now, or tells of what has joined."""
    if life.waits(one):
        return replace(one, next_at=life.first_page_at(symptoms, now, gathering))
    if one.told_at is not None and one.tell_at is not None and one.tell_at > now + gathering:
        return replace(one, tell_at=life.news_at(symptoms, one.told_at, now, gathering))
    return one


def _told(before: Incident, after: Incident, held: Mapping[datetime, Hold], now: datetime) -> list[Entry]:
    """What the timeline says of it. `held` are the holds of its symptoms by their ends."""
    if after.next_at == before.next_at or after.next_at is None:
        return []
    why = held.get(after.next_at)
    return [Entry(after.id, now, HELD, in_words(why) if why else "held no longer")]


def _until(held: Hold | None) -> datetime | None:
    return None if held is None else held.until
