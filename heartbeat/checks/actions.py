"""What people do to checks and incidents by hand.

Each function works inside the caller's transaction, and writes to the audit log what it has changed.
"""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection

from alerting import desk
from alerting.incident import Acknowledged, Missing, Resolved, Snoozed, Stale
from alerting.incident import State as Life
from heartbeat import audit, installation
from heartbeat.actor import Actor
from heartbeat.checks import check, definition, history, store, symptoms
from heartbeat.checks.check import Change, Check, Cleared, State
from heartbeat.checks.definition import CheckDefinition

ChangedCheck = tuple[Check, Check]
"""A check before something was done to it, and after."""


def pause(db: Connection, name: str | UUID, actor: Actor, now: datetime) -> Check | None:
    """Expect nothing of a check until it is resumed; None where there is no such check."""
    before = _locked(db, name)
    if before is None:
        return None
    return _one(db, actor, "check.pause", check.paused(before, now, actor.name), before, now)


def resume(db: Connection, name: str | UUID, actor: Actor, now: datetime) -> Check | None:
    """Expect a paused check afresh from now on; None where there is no such check."""
    before = _locked(db, name)
    if before is None:
        return None
    return _one(db, actor, "check.resume", check.resumed(before, now), before, now)


def pause_all(db: Connection, actor: Actor, slugs: Collection[str], now: datetime) -> list[ChangedCheck]:
    """Expect nothing of these checks until they are resumed: those that were not paused, before and after."""
    return _change(db, actor, "check.pause", slugs, lambda one: check.paused(one, now, actor.name), now)


def resume_all(db: Connection, actor: Actor, slugs: Collection[str], now: datetime) -> list[ChangedCheck]:
    """Expect those of these checks that are paused afresh from now on: before and after."""
    return _change(db, actor, "check.resume", slugs, lambda one: check.resumed(one, now), now)


def delete(db: Connection, name: str | UUID, actor: Actor, now: datetime) -> Check | None:
    """End the watch over a check and forget it. Its incident says so; None where there is no such check."""
    before = _locked(db, name)
    if before is None:
        return None
    desk.clear(db, {symptoms.key_of(before): f"deleted by {actor.name}"}, now, installation.gathering(db))
    store.remove(db, [before.id])
    was = definition.written(CheckDefinition.of(before))
    audit.record(db, actor, "check.delete", f"check {before.slug}", now, before=was)
    return before


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
    """Answer an incident: quiet until `until`, by default for as long as the configuration says.

    `by` is who answers, where that is somebody else than who calls.
    """
    end = until or now + installation.acknowledge_for(db)
    outcome = desk.acknowledge(db, incident_id, by or actor.name, now, occurrence=occurrence, until=end)
    if isinstance(outcome, Acknowledged) and not outcome.repeated:
        _record_answer(db, actor, "acknowledge", outcome, now, until=outcome.until.isoformat())
    return outcome


def snooze(
    db: Connection, incident_id: int, actor: Actor, now: datetime, until: datetime, *, by: str | None = None
) -> Snoozed | Resolved | Missing:
    """Quiet until then, when it pages again. Where it is so already, nobody is told of it again."""
    outcome = desk.snooze(db, incident_id, by or actor.name, now, until)
    if isinstance(outcome, Snoozed) and not outcome.repeated:
        _record_answer(db, actor, "snooze", outcome, now, until=until.isoformat())
    return outcome


def resolve(
    db: Connection, incident_id: int, actor: Actor, now: datetime, *, by: str | None = None
) -> Resolved | Missing:
    """End an incident. Checks of it that are still down are expected afresh from now on, so that none is forgotten."""
    outcome = desk.resolve(db, incident_id, by or actor.name, now)
    if isinstance(outcome, Missing) or outcome.repeated:
        return outcome
    down = store.lock(db, list(symptoms.check_ids(outcome.keys).values()))
    cleared = Cleared(f"resolved by {outcome.by}")
    changes = [(Change(check.rearmed(one, now), cleared), one, now) for one in down]
    store.save(db, [change.check for change, *_ in changes])
    history.write(db, changes)
    _record_answer(db, actor, "resolve", outcome, now)
    return outcome


def note(
    db: Connection, incident_id: int, actor: Actor, words: str, now: datetime, *, by: str | None = None
) -> bool:
    """Add words to the timeline of an incident; False where there is no such incident."""
    noted = desk.note(db, incident_id, by or actor.name, words, now)
    if noted:
        said = {"by": by or actor.name, "words": words}
        audit.record(db, actor, "incident.note", f"incident {incident_id}", now, after=said)
    return noted


def _record_answer(
    db: Connection,
    actor: Actor,
    action: str,
    answer: Acknowledged | Snoozed | Resolved,
    now: datetime,
    **details: str,
) -> None:
    """Write to the audit log how an incident was until its answer, and how it is now."""
    previous = answer.previous
    was = {"state": previous.state.value}
    if previous.state is not Life.OPEN and previous.next_at is not None:
        was |= {"until": previous.next_at.isoformat()}
    if previous.acknowledged_by is not None:
        was |= {"by": previous.acknowledged_by}
    is_now = {"state": answer.incident.state.value, "by": answer.by, **details}
    audit.record(db, actor, f"incident.{action}", f"incident {previous.id}", now, before=was, after=is_now)


def _locked(db: Connection, name: str | UUID) -> Check | None:
    found = store.load(db, name)
    locked = store.lock(db, [found.id]) if found else []
    return locked[0] if locked else None


def _one(db: Connection, actor: Actor, action: str, change: Change, before: Check, now: datetime) -> Check:
    _write(db, [(change, before, now)], now)
    if change.check is not before:
        _record(db, actor, action, before, change.check, now)
    return change.check


def _change(
    db: Connection,
    actor: Actor,
    action: str,
    slugs: Collection[str],
    decide: Callable[[Check], Change],
    now: datetime,
) -> list[ChangedCheck]:
    decided = [(decide(before), before, now) for before in store.lock_slugs(db, slugs)]
    done = [one for one in decided if one[0].check is not one[1]]
    _write(db, done, now)
    for change, before, _ in done:
        _record(db, actor, action, before, change.check, now)
    return [(before, change.check) for change, before, _ in done]


def _record(db: Connection, actor: Actor, action: str, before: Check, after: Check, now: datetime) -> None:
    was, is_now = {"state": before.state.value}, {"state": after.state.value}
    audit.record(db, actor, action, f"check {after.slug}", now, before=was, after=is_now)


def _write(db: Connection, done: Sequence[tuple[Change, Check, datetime]], now: datetime) -> None:
    store.save(db, [change.check for change, *_ in done])
    history.write(db, done)
    cleared = {
        symptoms.key_of(before): change.event.why
        for change, before, _ in done
        if isinstance(change.event, Cleared) and before.state is State.DOWN
    }
    if cleared:
        desk.clear(db, cleared, now, installation.gathering(db))
