"""Actions of people on checks and incidents.

Each function works in the caller's transaction, and records its change in the audit log.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from sqlalchemy import Connection

from alerting import desk
from alerting.answer import Acknowledged, Missing, Resolved, Snoozed, Stale
from alerting.handover import AllWell, HandedOn, Nobody, Reassigned, Withdrawn
from alerting.incident import State as Life
from alerting.regrouping import Merged, Split, Unmergeable
from heartbeat import audit, installation
from heartbeat.actor import Actor
from heartbeat.checks import definition, history, life, store, symptoms
from heartbeat.checks.check import Change, Check, Cleared, State
from heartbeat.checks.definition import CheckDefinition

ANSWERED_AT_ONCE = 100
"""Incidents that one request can answer."""
_Outcome = TypeVar("_Outcome")
ChangedCheck = tuple[Check, Check]
"""A check as it was, and as it is now."""


def pause(db: Connection, name: str | UUID, actor: Actor, now: datetime) -> Check | None:
    """Expect nothing of a check until it is resumed. Return it as it is now, or None if it does not exist."""
    previous = _locked(db, name)
    if previous is None:
        return None
    return _apply(db, actor, "check.pause", life.paused(previous, now, actor.name), previous, now)


def resume(db: Connection, name: str | UUID, actor: Actor, now: datetime) -> Check | None:
    """Expect a paused check again from now on. Return it as it is now, or None if it does not exist."""
    previous = _locked(db, name)
    if previous is None:
        return None
    return _apply(db, actor, "check.resume", life.resumed(previous, now), previous, now)


def pause_all(db: Connection, actor: Actor, slugs: Collection[str], now: datetime) -> list[ChangedCheck]:
    """Pause the checks with these slugs. Return those that were not paused yet."""
    return _apply_to_all(
        db, actor, "check.pause", slugs, lambda job, _: life.paused(job, now, actor.name), now
    )


def resume_all(db: Connection, actor: Actor, slugs: Collection[str], now: datetime) -> list[ChangedCheck]:
    """Resume the checks with these slugs. Return those that were paused."""
    return _apply_to_all(
        db, actor, "check.resume", slugs, lambda job, place: life.resumed(job, now, place), now
    )


def renew_uuid(db: Connection, name: str | UUID, actor: Actor, uuid: UUID, now: datetime) -> Check | None:
    """Give a check this uuid in place of its own. Return it as it is now, or None if it does not exist."""
    previous = _locked(db, name)
    if previous is None:
        return None
    store.renew_uuid(db, previous.id, uuid)
    # The audit log has neither uuid: viewers of it could ping.
    audit.record(db, actor, "check.renew_uuid", f"check {previous.slug}", now, after={"uuid": "a new one"})
    return replace(previous, uuid=uuid)


def delete(db: Connection, name: str | UUID, actor: Actor, now: datetime) -> Check | None:
    """Delete a check and clear its symptom. Return the check, or None if it does not exist."""
    deleted = _locked(db, name)
    if deleted is None:
        return None
    reason = f"deleted by {actor.name}"
    symptoms.end(db, [deleted], reason, now, installation.pace(db), by=actor.name)
    store.remove(db, [deleted.id])
    was = definition.written(CheckDefinition.of(deleted))
    audit.record(db, actor, "check.delete", f"check {deleted.slug}", now, before=was)
    return deleted


def acknowledge(
    db: Connection,
    incident_id: int,
    actor: Actor,
    now: datetime,
    *,
    by: str | None = None,
    occurrence: int | None = None,
    until: datetime | None = None,
) -> Acknowledged | Stale | Resolved | Missing:
    """Acknowledge an incident until `until`, by default for the configured time.

    `by` is the person who answers, if that is not the actor.
    """
    end = until or now + installation.acknowledge_for(db)
    name, person = answerer(db, actor, by)
    outcome = desk.acknowledge(db, incident_id, name, now, occurrence=occurrence, until=end, by_person=person)
    if isinstance(outcome, Acknowledged) and not outcome.repeated:
        _record_answer(db, actor, "acknowledge", outcome, now, until=outcome.until.isoformat())
    return outcome


def acknowledge_digest(
    db: Connection, digest: int, after: int, actor: Actor, now: datetime
) -> desk.DigestAnswer:
    """Acknowledge some incidents of a digest, those with numbers above `after`, for the configured time."""
    until = now + installation.acknowledge_for(db)
    name, person = answerer(db, actor)
    answer = desk.acknowledge_digest(db, digest, after, name, now, until=until, by_person=person)
    if answer.acknowledged:
        entry = {"incidents": answer.acknowledged, "until": until.isoformat()}
        audit.record(db, actor, "incident.acknowledge", f"digest {digest}", now, after=entry)
    return answer


def take_over(
    db: Connection,
    incident_id: int,
    actor: Actor,
    now: datetime,
    *,
    by: str | None = None,
    occurrence: int | None = None,
    until: datetime | None = None,
) -> Acknowledged | Stale | Resolved | Missing:
    """Acknowledge an incident like `acknowledge`, also in place of the person who has it."""
    end = until or now + installation.acknowledge_for(db)
    name, person = answerer(db, actor, by)
    outcome = desk.take_over(db, incident_id, name, now, occurrence=occurrence, until=end, by_person=person)
    if isinstance(outcome, Acknowledged) and not outcome.repeated:
        _record_answer(db, actor, "take_over", outcome, now, until=outcome.until.isoformat())
    return outcome


def withdraw(
    db: Connection, incident_id: int, actor: Actor, now: datetime, *, by: str | None = None
) -> Withdrawn | Resolved | Missing:
    """Withdraw the acknowledgement or the snooze of an incident: it pages again, from the first step of its policy."""
    name, person = answerer(db, actor, by)
    outcome = desk.withdraw(db, incident_id, name, now, by_person=person)
    if isinstance(outcome, Withdrawn) and not outcome.repeated:
        _record_answer(db, actor, "unacknowledge", outcome, now)
    return outcome


def reassign(
    db: Connection, incident_id: int, to: str, actor: Actor, now: datetime, *, by: str | None = None
) -> Reassigned | Nobody | Resolved | AllWell | Missing:
    """Page `to` now, and the policy from its first step if they do not answer."""
    name, person = answerer(db, actor, by)
    outcome = desk.reassign(db, incident_id, to, name, now, by_person=person)
    if isinstance(outcome, Reassigned) and not outcome.repeated:
        _record_answer(db, actor, "reassign", outcome, now, to=to)
    return outcome


def merge(
    db: Connection, incident_id: int, into: int, actor: Actor, now: datetime, *, by: str | None = None
) -> Merged | Unmergeable | Missing:
    """Merge an incident into another one of the same policy."""
    name, person = answerer(db, actor, by)
    outcome = desk.merge(db, incident_id, into, name, now, installation.pace(db), by_person=person)
    if isinstance(outcome, Merged) and not outcome.repeated:
        was, is_now = {"state": outcome.previous.state.value}, {"state": "resolved", "by": name, "into": into}
        audit.record(db, actor, "incident.merge", f"incident {incident_id}", now, before=was, after=is_now)
    return outcome


def split(
    db: Connection,
    incident_id: int,
    keys: Collection[str],
    actor: Actor,
    now: datetime,
    *,
    by: str | None = None,
) -> tuple[Split, int] | Unmergeable | Missing:
    """Split symptoms off into an incident of their own. Return it with its number."""
    name, _ = answerer(db, actor, by)
    outcome = desk.split(db, incident_id, keys, name, now, installation.pace(db))
    if isinstance(outcome, tuple):
        of_split, number = outcome
        entry = {"by": name, "into": number, "jobs": [symptom.title for symptom in of_split.moved]}
        audit.record(db, actor, "incident.split", f"incident {incident_id}", now, after=entry)
    return outcome


def answer_each(
    db: Connection, numbers: Collection[int], answer: Callable[[int], _Outcome]
) -> Mapping[int, _Outcome]:
    """Answer several incidents in one transaction, and return the outcome of each by its number."""
    desk.lock(db, numbers)
    return {number: answer(number) for number in numbers}


def snooze(
    db: Connection, incident_id: int, actor: Actor, now: datetime, until: datetime, *, by: str | None = None
) -> Snoozed | Resolved | Missing:
    """Snooze an incident: it pages again at `until`. Repeating the same snooze changes and records nothing."""
    name, person = answerer(db, actor, by)
    outcome = desk.snooze(db, incident_id, name, now, until, by_person=person)
    if isinstance(outcome, Snoozed) and not outcome.repeated:
        _record_answer(db, actor, "snooze", outcome, now, until=until.isoformat())
    return outcome


def resolve(
    db: Connection, incident_id: int, actor: Actor, now: datetime, *, by: str | None = None
) -> Resolved | Missing:
    """Resolve an incident. Its checks that are still down are expected again from now on, so that none is forgotten."""
    name, person = answerer(db, actor, by)
    outcome = desk.resolve(db, incident_id, name, now, by_person=person)
    if isinstance(outcome, Missing) or outcome.repeated:
        return outcome
    down = store.lock(db, list(symptoms.check_ids(outcome.keys).values()))
    cleared = Cleared(f"resolved by {outcome.by}")
    changes = [(Change(life.rearmed(job, now, place), cleared), job, now) for place, job in enumerate(down)]
    store.save(db, [change.check for change, *_ in changes])
    history.write(db, changes)
    _record_answer(db, actor, "resolve", outcome, now)
    return outcome


def page_next(
    db: Connection, incident_id: int, actor: Actor, now: datetime, *, by: str | None = None
) -> HandedOn | Resolved | AllWell | Missing:
    """Page the next step of an incident's policy now. Repeating it before the page changes and records nothing."""
    outcome = desk.page_next(db, incident_id, answerer(db, actor, by)[0], now)
    if isinstance(outcome, HandedOn) and not outcome.repeated:
        _record_answer(db, actor, "page_next", outcome, now)
    return outcome


def note(
    db: Connection, incident_id: int, actor: Actor, text: str, now: datetime, *, by: str | None = None
) -> bool:
    """Add a note to the timeline of an incident. Return False if the incident does not exist."""
    name, _ = answerer(db, actor, by)
    noted = desk.note(db, incident_id, name, text, now)
    if noted:
        entry = {"by": name, "words": text}
        audit.record(db, actor, "incident.note", f"incident {incident_id}", now, after=entry)
    return noted


def answerer(db: Connection, actor: Actor, by: str | None = None) -> tuple[str, str | None]:
    """Return the name of who answers, and the person that this is: the actor, or the person or user called `by`."""
    if not by or by == actor.name:
        return actor.name, actor.person or None
    people = desk.people(db)
    called = [person for person in people.values() if person.name == by]
    person = people.get(by) or desk.person_of_user(db, by) or (called[0] if len(called) == 1 else None)
    return (person.name, person.id) if person else (by, None)


def _record_answer(
    db: Connection,
    actor: Actor,
    action: str,
    answer: Acknowledged | HandedOn | Reassigned | Resolved | Snoozed | Withdrawn,
    now: datetime,
    **details: str,
) -> None:
    """Record an incident in the audit log, before and after its answer. The drill is not recorded."""
    previous = answer.previous
    if desk.is_drill(previous.id):
        return
    was = {"state": previous.state.value}
    if previous.state is not Life.OPEN and previous.next_at is not None:
        was |= {"until": previous.next_at.isoformat()}
    if previous.acknowledged_by is not None:
        was |= {"by": previous.acknowledged_by}
    is_now = {"state": answer.incident.state.value, "by": answer.by, **details}
    audit.record(db, actor, f"incident.{action}", f"incident {previous.id}", now, before=was, after=is_now)


def _locked(db: Connection, name: str | UUID) -> Check | None:
    unlocked = store.load(db, name)
    locked = store.lock(db, [unlocked.id]) if unlocked else []
    return locked[0] if locked else None


def _apply(
    db: Connection, actor: Actor, action: str, change: Change, previous: Check, now: datetime
) -> Check:
    _save(db, actor, [(change, previous, now)], now)
    if change.check is not previous:
        _record_state(db, actor, action, previous, change.check, now)
    return change.check


def _apply_to_all(
    db: Connection,
    actor: Actor,
    action: str,
    slugs: Collection[str],
    decide: Callable[[Check, int], Change],
    now: datetime,
) -> list[ChangedCheck]:
    decisions = [(decide(job, place), job, now) for place, job in enumerate(store.lock_slugs(db, slugs))]
    changes = [(change, previous, at) for change, previous, at in decisions if change.check is not previous]
    _save(db, actor, changes, now)
    for change, previous, _ in changes:
        _record_state(db, actor, action, previous, change.check, now)
    return [(previous, change.check) for change, previous, _ in changes]


def _record_state(
    db: Connection, actor: Actor, action: str, previous: Check, current: Check, now: datetime
) -> None:
    was, is_now = {"state": previous.state.value}, {"state": current.state.value}
    audit.record(db, actor, action, f"check {current.slug}", now, before=was, after=is_now)


def _save(
    db: Connection, actor: Actor, changes: Sequence[tuple[Change, Check, datetime]], now: datetime
) -> None:
    store.save(db, [change.check for change, *_ in changes])
    history.write(db, changes)
    cleared = {
        symptoms.key_of(previous): change.event.why
        for change, previous, _ in changes
        if isinstance(change.event, Cleared) and previous.state is State.DOWN
    }
    if cleared:
        desk.clear(db, cleared, now, installation.pace(db), by=actor.name)
