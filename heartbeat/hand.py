"""What people do to checks and incidents by hand. Each function works inside the caller's transaction."""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection

from alerting import desk
from alerting.incident import Acknowledged, Missing, Resolved, Snoozed, Stale
from heartbeat import audit, check, checker, store
from heartbeat.check import Change, Check, Cleared, State
from heartbeat.who import Who

Deed = tuple[Check, Check]
"""A check before something was done to it, and after."""


def pause(db: Connection, name: str | UUID, by: str, now: datetime) -> Check | None:
    """Expect nothing of a check until it is resumed; None where there is no such check."""
    before = _locked(db, name)
    if before is None:
        return None
    change = check.paused(before, now, by)
    _write(db, [(change, before, now)], now)
    return change.check


def resume(db: Connection, name: str | UUID, now: datetime) -> Check | None:
    """Expect a paused check afresh from now on; None where there is no such check."""
    before = _locked(db, name)
    if before is None:
        return None
    change = check.resumed(before, now)
    _write(db, [(change, before, now)], now)
    return change.check


def pause_all(db: Connection, slugs: Collection[str], by: str, now: datetime) -> list[Deed]:
    """Expect nothing of these checks until they are resumed: those that were not paused, before and after."""
    return _change(db, slugs, lambda one: check.paused(one, now, by), now)


def resume_all(db: Connection, slugs: Collection[str], now: datetime) -> list[Deed]:
    """Expect those of these checks that are paused afresh from now on: before and after."""
    return _change(db, slugs, lambda one: check.resumed(one, now), now)


def delete(db: Connection, name: str | UUID, by: str, now: datetime) -> Check | None:
    """End the watch over a check and forget it. Its incident says so; None where there is no such check."""
    before = _locked(db, name)
    if before is None:
        return None
    desk.clear(db, {checker.symptom_key(before): f"deleted by {by}"}, now, store.gathering(db))
    store.remove(db, [before.id])
    return before


def acknowledge(
    db: Connection,
    incident_id: int,
    by: str,
    now: datetime,
    *,
    occurrence: int | None = None,
    until: datetime | None = None,
) -> Acknowledged | Stale | Resolved | Missing:
    """Answer an incident: quiet until `until`, by default for as long as the configuration says."""
    end = until or now + store.acknowledge_for(db)
    return desk.acknowledge(db, incident_id, by, now, occurrence=occurrence, until=end)


def resolve(db: Connection, incident_id: int, by: str, now: datetime) -> Resolved | Missing:
    """End an incident. Checks of it that are still down are expected afresh from now on, so that none is forgotten."""
    outcome = desk.resolve(db, incident_id, by, now)
    if isinstance(outcome, Resolved) and outcome.keys:
        ids = [int(key.removeprefix("check:")) for key in outcome.keys]
        before = store.lock(db, ids)
        changes = [Change(check.rearmed(one, now), Cleared(f"resolved by {by}")) for one in before]
        store.save(db, [change.check for change in changes])
        store.write_transitions(db, [(c, one, now) for c, one in zip(changes, before, strict=True)])
    return outcome


def write_down(
    db: Connection,
    who: Who,
    number: int,
    outcome: Acknowledged | Snoozed | Resolved | Stale | Missing,
    by: str,
    now: datetime,
) -> None:
    """Keep in the audit log that somebody has answered an incident, in the same transaction. What changed nothing
    is no change. `by` is the name in the timeline, where that is not the caller's."""
    match outcome:
        case Acknowledged(again=False, until=until):
            deed, more = "acknowledge", {"until": until.isoformat()}
        case Snoozed(until=until):
            deed, more = "snooze", {"until": until.isoformat()}
        case Resolved(again=False):
            deed, more = "resolve", {}
        case _:
            return
    audit.record(db, who, f"incident.{deed}", f"incident {number}", now, after={"by": by} | more)


def _locked(db: Connection, name: str | UUID) -> Check | None:
    found = store.load(db, name)
    locked = store.lock(db, [found.id]) if found else []
    return locked[0] if locked else None


def _change(
    db: Connection, slugs: Collection[str], decide: Callable[[Check], Change], now: datetime
) -> list[Deed]:
    decided = [(decide(before), before, now) for before in store.lock_slugs(db, slugs)]
    done = [one for one in decided if one[0].check is not one[1]]
    _write(db, done, now)
    return [(before, change.check) for change, before, _ in done]


def _write(db: Connection, done: Sequence[tuple[Change, Check, datetime]], now: datetime) -> None:
    store.save(db, [change.check for change, *_ in done])
    store.write_transitions(db, done)
    cleared = {
        checker.symptom_key(before): change.told.why
        for change, before, _ in done
        if isinstance(change.told, Cleared) and before.state is State.DOWN
    }
    if cleared:
        desk.clear(db, cleared, now, store.gathering(db))
