"""What people do to checks and incidents by hand.

Each function works inside the caller's transaction, and writes to the audit log what it has changed.
"""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection

from alerting import desk
from alerting.incident import Acknowledged, Incident, Missing, Resolved, Snoozed, Stale
from alerting.incident import State as Life
from heartbeat import audit, check, installation, store, transitions
from heartbeat.check import Change, Check, Cleared, State
from heartbeat.checks import symptoms
from heartbeat.config import CheckDefinition, export
from heartbeat.who import Who

_BECOMES = {"acknowledge": Life.ACKNOWLEDGED, "snooze": Life.SNOOZED, "resolve": Life.RESOLVED}

Deed = tuple[Check, Check]
"""A check before something was done to it, and after."""


def pause(db: Connection, name: str | UUID, who: Who, now: datetime) -> Check | None:
    """Expect nothing of a check until it is resumed; None where there is no such check."""
    before = _locked(db, name)
    if before is None:
        return None
    return _one(db, who, "check.pause", check.paused(before, now, who.name), before, now)


def resume(db: Connection, name: str | UUID, who: Who, now: datetime) -> Check | None:
    """Expect a paused check afresh from now on; None where there is no such check."""
    before = _locked(db, name)
    if before is None:
        return None
    return _one(db, who, "check.resume", check.resumed(before, now), before, now)


def pause_all(db: Connection, who: Who, slugs: Collection[str], now: datetime) -> list[Deed]:
    """Expect nothing of these checks until they are resumed: those that were not paused, before and after."""
    return _change(db, who, "check.pause", slugs, lambda one: check.paused(one, now, who.name), now)


def resume_all(db: Connection, who: Who, slugs: Collection[str], now: datetime) -> list[Deed]:
    """Expect those of these checks that are paused afresh from now on: before and after."""
    return _change(db, who, "check.resume", slugs, lambda one: check.resumed(one, now), now)


def delete(db: Connection, name: str | UUID, who: Who, now: datetime) -> Check | None:
    """End the watch over a check and forget it. Its incident says so; None where there is no such check."""
    before = _locked(db, name)
    if before is None:
        return None
    desk.clear(db, {symptoms.key_of(before): f"deleted by {who.name}"}, now, installation.gathering(db))
    store.remove(db, [before.id])
    was = export.check(CheckDefinition.of(before))
    audit.record(db, who, "check.delete", f"check {before.slug}", now, before=was)
    return before


def acknowledge(
    db: Connection,
    incident_id: int,
    who: Who,
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
    named, before = by or who.name, desk.held(db, incident_id)
    outcome = desk.acknowledge(db, incident_id, named, now, occurrence=occurrence, until=end)
    if isinstance(outcome, Acknowledged) and not outcome.again:
        _note_answer(db, who, "acknowledge", before, now, by=named, until=outcome.until.isoformat())
    return outcome


def snooze(
    db: Connection, incident_id: int, who: Who, now: datetime, until: datetime, *, by: str | None = None
) -> Snoozed | Resolved | Missing:
    """Quiet until then, when it pages again. Where it is so already, nobody is told of it again."""
    named, before = by or who.name, desk.held(db, incident_id)
    standing = before is not None and (before.state, before.next_at) == (Life.SNOOZED, until)
    outcome = desk.snooze(db, incident_id, named, now, until)
    if isinstance(outcome, Snoozed) and not standing:
        _note_answer(db, who, "snooze", before, now, by=named, until=until.isoformat())
    return outcome


def resolve(
    db: Connection, incident_id: int, who: Who, now: datetime, *, by: str | None = None
) -> Resolved | Missing:
    """End an incident. Checks of it that are still down are expected afresh from now on, so that none is forgotten."""
    named, stood = by or who.name, desk.held(db, incident_id)
    outcome = desk.resolve(db, incident_id, named, now)
    if isinstance(outcome, Resolved) and outcome.keys:
        before = store.lock(db, list(symptoms.check_ids(outcome.keys).values()))
        changes = [Change(check.rearmed(one, now), Cleared(f"resolved by {named}")) for one in before]
        store.save(db, [change.check for change in changes])
        transitions.write(db, [(c, one, now) for c, one in zip(changes, before, strict=True)])
    if isinstance(outcome, Resolved) and not outcome.again:
        _note_answer(db, who, "resolve", stood, now, by=named)
    return outcome


def note(
    db: Connection, incident_id: int, who: Who, words: str, now: datetime, *, by: str | None = None
) -> bool:
    """Add words to the timeline of an incident; False where there is no such incident."""
    noted = desk.note(db, incident_id, by or who.name, words, now)
    if noted:
        said = {"by": by or who.name, "words": words}
        audit.record(db, who, "incident.note", f"incident {incident_id}", now, after=said)
    return noted


def _note_answer(
    db: Connection, who: Who, deed: str, before: Incident | None, now: datetime, **after: str
) -> None:
    """Write down how an incident stood and how it does now, which its answer says."""
    assert before is not None, "what was answered was there"
    was = {"state": before.state.value}
    if before.state is not Life.OPEN and before.next_at is not None:
        was |= {"until": before.next_at.isoformat()}
    if before.acknowledged_by is not None:
        was |= {"by": before.acknowledged_by}
    is_now = {"state": _BECOMES[deed].value, **after}
    audit.record(db, who, f"incident.{deed}", f"incident {before.id}", now, before=was, after=is_now)


def _locked(db: Connection, name: str | UUID) -> Check | None:
    found = store.load(db, name)
    locked = store.lock(db, [found.id]) if found else []
    return locked[0] if locked else None


def _one(db: Connection, who: Who, action: str, change: Change, before: Check, now: datetime) -> Check:
    _write(db, [(change, before, now)], now)
    if change.check is not before:
        _record(db, who, action, before, change.check, now)
    return change.check


def _change(
    db: Connection,
    who: Who,
    action: str,
    slugs: Collection[str],
    decide: Callable[[Check], Change],
    now: datetime,
) -> list[Deed]:
    decided = [(decide(before), before, now) for before in store.lock_slugs(db, slugs)]
    done = [one for one in decided if one[0].check is not one[1]]
    _write(db, done, now)
    for change, before, _ in done:
        _record(db, who, action, before, change.check, now)
    return [(before, change.check) for change, before, _ in done]


def _record(db: Connection, who: Who, action: str, before: Check, after: Check, now: datetime) -> None:
    was, is_now = {"state": before.state.value}, {"state": after.state.value}
    audit.record(db, who, action, f"check {after.slug}", now, before=was, after=is_now)


def _write(db: Connection, done: Sequence[tuple[Change, Check, datetime]], now: datetime) -> None:
    store.save(db, [change.check for change, *_ in done])
    transitions.write(db, done)
    cleared = {
        symptoms.key_of(before): change.told.why
        for change, before, _ in done
        if isinstance(change.told, Cleared) and before.state is State.DOWN
    }
    if cleared:
        desk.clear(db, cleared, now, installation.gathering(db))
