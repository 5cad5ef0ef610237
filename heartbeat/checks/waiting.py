"""Lets checks that turn down wait for their parents, and no longer once these are well.

Nothing here costs a statement where no check runs after another.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from alerting import desk
from alerting.desk import Move
from alerting.incident import Hold, Incident, Pace, RaisedSymptom, Symptom
from heartbeat import installation
from heartbeat.checks import dependency, parents, store, symptoms
from heartbeat.checks.check import Check, State
from heartbeat.checks.symptoms import Fall

Fallen = tuple[Fall, Symptom]
"""A check that has turned down, and its symptom."""


@dataclass(frozen=True, slots=True)
class _Parent:
    """The symptom of a parent that is down, and its incident."""

    symptom: RaisedSymptom
    incident: Incident


def waves(fallen: Sequence[Fallen]) -> list[list[Fallen]]:
    """Return checks that turn down together in waves: the symptoms of parents come before those of their children."""
    if not any(fall.previous.after for fall, _ in fallen):
        return [list(fallen)]
    return [
        [fallen[place] for place in wave] for wave in dependency.waves([fall.previous for fall, _ in fallen])
    ]


def consequences(
    db: Connection, wave: Sequence[Fallen], everybody: Sequence[Fallen], now: datetime
) -> list[Symptom]:
    """Return the symptoms of a wave. Those of checks whose parents are down join these, and wait.

    A check that was down already stays where it is: it was down before its parent, or waits as it did.
    """
    asking = [(fall.previous, symptom) for fall, symptom in wave if fall.previous.after and _was_well(fall)]
    if not asking:
        return [symptom for _, symptom in wave]
    found = _parents(db, [check for check, _ in asking], [fall.previous for fall, _ in everybody])
    until = now + dependency.LONGEST
    placed = {
        symptom.key: _placed(symptom, parent, until)
        for check, symptom in asking
        if (parent := _holding(found[check.id], symptom, now)) is not None
    }
    return [placed.get(symptom.key, symptom) for _, symptom in wave]


def fallen_again(db: Connection, fallen: Sequence[Fallen], now: datetime, pace: Pace) -> list[Fallen]:
    """Return these, with the parents of those that wait already. They go on waiting.

    A check that fails again although its parent is well has had its chance, and pages.
    """
    again = {symptom.key for fall, symptom in fallen if fall.previous.after and not _was_well(fall)}
    raised = {one.key: one for one in desk.raised(db, again) if one.held(now)} if again else {}
    desk.hold(
        db,
        {one.key: one.hold for _, one in fallen if one.key in raised and raised[one.key].waited_for},
        now,
        pace,
    )
    return [
        (fall, _with_parent(symptom, row) if (row := raised.get(symptom.key)) is not None else symptom)
        for fall, symptom in fallen
    ]


def _with_parent(symptom: Symptom, row: RaisedSymptom) -> Symptom:
    parent, well_since = row.facts.parent, row.facts.parent_well_since
    return replace(symptom, facts=replace(symptom.facts, parent=parent, parent_well_since=well_since))


def sweep(db: Connection, now: datetime, limit: int) -> int:
    """Move up to `limit` symptoms whose parents are well, or down again. Return how many were looked at."""
    pace = installation.pace(db)
    turning = {one.key: one for one in desk.turning(db, now, pace, limit)}
    if not turning:
        return 0
    numbers = symptoms.check_ids(turning)
    locked = {symptoms.key_of(check): check for check in store.lock(db, list(numbers.values()))}
    # What another process has moved or cleared since then is none of ours any more.
    current = desk.with_incidents(db, turning)
    rows = {key: row for key, (row, _) in current.items() if row == turning[key]}
    strangers = [row for key, row in rows.items() if key not in locked or locked[key].state is not State.DOWN]
    desk.forget(db, strangers)
    # A parent that moves goes first. What waits for it follows in the next round.
    moving = _moving(db, rows, current)
    mine = {key: row for key, row in rows.items() if row not in strangers and row.waits_for not in moving}
    _move(db, [(locked[key], *current[key]) for key in mine], now, pace)
    return len(turning)


def _moving(
    db: Connection,
    rows: Mapping[str, RaisedSymptom],
    current: Mapping[str, tuple[RaisedSymptom, Incident]],
) -> set[str]:
    """Return the keys of the parents that move themselves: those among the rows, and those whose turn comes later."""
    others = desk.with_incidents(
        db, {row.waits_for for row in rows.values() if row.waits_for} - current.keys()
    )
    coming = {
        key
        for key, (parent, incident) in others.items()
        if parent.waits_for is not None and incident.ended_at is not None
    }
    return {*rows, *coming}


def next_due(db: Connection) -> datetime | None:
    """Return the time at which `sweep` has something to do."""
    return desk.next_turn(db, installation.pace(db)) if desk.anything_waits(db) else None


def _move(
    db: Connection, waiting: Sequence[tuple[Check, RaisedSymptom, Incident]], now: datetime, pace: Pace
) -> None:
    own = {one.key: one for one in symptoms.of_standing(db, [(check, row) for check, row, _ in waiting], now)}
    found = _parents(db, [check for check, *_ in waiting])
    first = _checks_of(db, [row.waits_for for _, row, _ in waiting if row.waits_for])
    moves, stay = [], []
    for check, row, incident in waiting:
        symptom = own[row.key]
        until = _longest(row, check)
        parent = _holding(found[check.id], symptom, now) if until > now else None
        if row.told or (row.waited_for and parent is None) or _is_over(row, incident, now):
            stay.append(row)
        elif parent is not None:
            why = f"it waits for {parent.symptom.title} now"
            moves.append(Move(row, _placed(symptom, parent, until), why))
        else:
            moves.append(_released(row, symptom, check, first.get(row.waits_for or ""), now, pace))
    desk.forget(db, stay)
    desk.move(db, moves, now, pace)


def _longest(row: RaisedSymptom, check: Check) -> datetime:
    """Return the end of the time for which a check may wait. Neither another cause nor another parent puts it off."""
    until = min(row.raised_at, check.since) + dependency.LONGEST
    waits = row.waits_for is not None and row.held_until is not None
    return min(until, row.held_until) if waits and row.held_until else until


def _is_over(row: RaisedSymptom, incident: Incident, now: datetime) -> bool:
    """Return whether a check has waited for too long, and is a part of its incident like any other by now."""
    return not row.held(now) and incident.ended_at is None


def _released(
    row: RaisedSymptom, symptom: Symptom, check: Check, parent: Check | None, now: datetime, pace: Pace
) -> Move:
    """Return the move of a check whose parent no longer holds it: it may run now, if its parent is well."""
    if parent is None or parent.state not in (State.NEW, State.UP):
        return Move(row, symptom, "it waits for nothing any more")
    until = dependency.chance_until(check.schedule, check.grace, now, pace.settling)
    hold = Hold(until, f"{parent.name} is well, so {check.name} may run by then")
    if symptom.hold is not None and symptom.hold.until > until:
        hold = symptom.hold
    facts = replace(symptom.facts, parent=parent.name, parent_well_since=parent.since)
    waited = replace(symptom, hold=hold, facts=facts, waited_for=symptoms.key_of(parent))
    return Move(
        row,
        waited,
        f"{parent.name} is well, so it may run until {hold.until:%d %b %H:%M} UTC",
    )


def _parents(
    db: Connection, children: Sequence[Check], beside: Sequence[Check] = ()
) -> dict[int, list[_Parent]]:
    """Return the parents of each check that are down, those that fell first before the others."""
    numbers = parents.of(db, children, beside)
    keys = {symptoms.key_of_id(number) for of_one in numbers.values() for number in of_one}
    raised = {key: _Parent(*pair) for key, pair in desk.with_incidents(db, keys).items()} if keys else {}
    return {
        child: sorted(
            (raised[key] for number in of_one if (key := symptoms.key_of_id(number)) in raised),
            key=lambda parent: parent.symptom.id,
        )
        for child, of_one in numbers.items()
    }


def _holding(found: Sequence[_Parent], symptom: Symptom, now: datetime) -> _Parent | None:
    return next((one for one in found if dependency.holds(one.symptom, one.incident, symptom, now)), None)


def _placed(symptom: Symptom, parent: _Parent, until: datetime) -> Symptom:
    """Return the symptom in the incident of its parent. It waits there, unless it is more severe."""
    joined = replace(symptom, cause_key=parent.incident.cause_key, incident_title=parent.incident.title)
    if dependency.outranks(symptom, parent.symptom):
        return joined
    title = parent.symptom.title
    hold = Hold(until, f"waits for {title}")
    if symptom.hold is not None and symptom.hold.until > until:
        hold = symptom.hold
    facts = replace(symptom.facts, parent=title)
    return replace(joined, hold=hold, facts=facts, waits_for=parent.symptom.key)


def _checks_of(db: Connection, keys: Collection[str]) -> Mapping[str, Check]:
    numbers = list(symptoms.check_ids(keys).values())
    return {symptoms.key_of(check): check for check in store.load_ids(db, numbers)} if numbers else {}


def _was_well(fall: Fall) -> bool:
    return fall.previous.state is not State.DOWN
