"""Silences out. One sweep is one transaction over a bounded batch of checks whose `wake_at` has come."""

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from alerting import after_commit, desk
from alerting.clock_step import Step
from heartbeat import installation
from heartbeat.checks import blindness_store, history, life, placing, retiming, store, symptoms
from heartbeat.checks.blindness import Blind
from heartbeat.checks.check import Change, Check, Cleared, Raised, Unheard
from heartbeat.checks.symptoms import Fall

BATCH = 1000
PARKED = timedelta(minutes=5)
"""The time until a check that cannot be judged (its row is broken) is judged again."""
NAMED = 10
"""Checks that one log line names, at most."""

LastBodies = Callable[[Connection, Collection[int]], Mapping[int, bytes]]
"""Returns the body of the last ping of each of these checks, where it has one."""

log = logging.getLogger(__name__)


def no_bodies(_db: Connection, _check_ids: Collection[int]) -> Mapping[int, bytes]:
    """Return no body of any ping."""
    return {}


def sweep(db: Connection, now: datetime, limit: int = BATCH, last_bodies: LastBodies = no_bodies) -> int:
    """Judge up to `limit` due checks and return how many. `last_bodies` returns the bodies of their last pings.

    None is judged while no process can hear pings.
    """
    sight = blindness_store.sight(db, now)
    due = [] if sight.lost else store.claim_due(db, now, limit)
    decisions = [(_judged(job, now, sight.spans), job) for job in due]
    events = [(change, previous) for change, previous in decisions if change.event is not None]
    store.move_wake(db, [change.check for change, _ in decisions if change.event is None])
    if events:
        store.save(db, [change.check for change, _ in events])
        history.write(db, [(change, previous, now) for change, previous in events])
    unheard = [change.event.span for change, _ in events if isinstance(change.event, Unheard)]
    blindness_store.count(db, unheard)
    downs = [(change, previous) for change, previous in events if isinstance(change.event, Raised)]
    if downs:
        bodies = last_bodies(db, [previous.id for _, previous in downs])
        falls = [Fall(change, previous, bodies.get(previous.id)) for change, previous in downs]
        placing.raise_(db, falls, now)
        after_commit.then(db, lambda: _log_downs([change.check for change, _ in downs]))
    return len(due)


def retime(db: Connection, step: Step, number: int, limit: int = BATCH) -> int | None:
    """Move the times of up to `limit` checks with numbers above `number` after a step of the clock.

    Return the last number, or None if there are no more.
    """
    # Without a step, as on a database that no clock was watched on, only times in the future are wrong.
    locked = store.lock_after(db, number, limit, later_than=None if step.length else step.after)
    decisions = [(_retimed(job, step), job) for job in locked]
    store.save(db, [change.check for change, previous in decisions if change.check != previous])
    events = [(change, previous) for change, previous in decisions if isinstance(change.event, Cleared)]
    if events:
        history.write(db, [(change, previous, step.after) for change, previous in events])
        cleared = {symptoms.key_of(previous): retiming.MISJUDGED for _, previous in events}
        desk.clear(db, cleared, step.after, installation.pace(db))
    return locked[-1].id if locked else None


def _retimed(job: Check, step: Step) -> Change:
    try:
        return retiming.retimed(job, step)
    except Exception:
        # As in `_judged`.
        log.exception("the times of check %s cannot be moved", job.slug)
        return Change(job)


def _log_downs(downs: Sequence[Check]) -> None:
    """Log one line for all checks that turned down in one transaction: a storm must not fill a disk."""
    slugs = [job.slug for job in downs[:NAMED]]
    more = f" and {len(downs) - NAMED} more" if len(downs) > NAMED else ""
    extra = {
        "event": "down",
        "count": len(downs),
        **({"check": slugs[0]} if len(downs) == 1 else {"checks": slugs}),
    }
    log.info("down: %s%s", ", ".join(slugs), more, extra=extra)


def _judged(due: Check, now: datetime, blind: Sequence[Blind]) -> Change:
    try:
        return life.on_due(due, now, blind)
    except Exception:
        # One check that cannot be judged must not keep the others from being judged.
        log.exception("check %s cannot be judged; next try in %s", due.slug, PARKED)
        return Change(replace(due, wake_at=now + PARKED))
