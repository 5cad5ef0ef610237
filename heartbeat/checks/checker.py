"""Silences out. One sweep is one transaction over a bounded batch of checks whose `wake_at` has come."""

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from alerting import after_commit
from heartbeat.checks import check, history, store, symptoms
from heartbeat.checks.check import Change, Check

BATCH = 1000
PARKED = timedelta(minutes=5)
"""A check that cannot be judged (a row that no code understands) is looked at again after this time."""
NAMED = 10
"""Checks that one line of the log names."""

LastBodies = Callable[[Connection, Collection[int]], Mapping[int, bytes]]
"""Returns the body of the last ping of each of these checks, where it has one."""

log = logging.getLogger(__name__)


def no_bodies(_db: Connection, _check_ids: Collection[int]) -> Mapping[int, bytes]:
    """Return no body of any ping."""
    return {}


def sweep(db: Connection, now: datetime, limit: int = BATCH, last_bodies: LastBodies = no_bodies) -> int:
    """Judge up to `limit` due checks and return how many. `last_bodies` returns the bodies of their last pings."""
    due = store.claim_due(db, now, limit)
    decided = [(_judged(before, now), before) for before in due]
    downs = [(change, before) for change, before in decided if change.event is not None]
    store.move_wake(db, [change.check for change, _ in decided if change.event is None])
    if downs:
        store.save(db, [change.check for change, _ in downs])
        history.write(db, [(change, before, now) for change, before in downs])
        bodies = last_bodies(db, [before.id for _, before in downs])
        symptoms.raise_(
            db,
            [symptoms.of_change(change, before, body=bodies.get(before.id)) for change, before in downs],
            now,
        )
        after_commit.then(db, lambda: _tell([change.check for change, _ in downs]))
    return len(due)


def _tell(downs: Sequence[Check]) -> None:
    """One line for all that turned down in one transaction: a storm must not fill a disk."""
    shown = ", ".join(one.slug for one in downs[:NAMED])
    more = f" and {len(downs) - NAMED} more" if len(downs) > NAMED else ""
    slugs = [one.slug for one in downs[:NAMED]]
    extra = {
        "event": "down",
        "count": len(downs),
        **({"check": slugs[0]} if len(downs) == 1 else {"checks": slugs}),
    }
    log.info("down: %s%s", shown, more, extra=extra)


def _judged(before: Check, now: datetime) -> Change:
    try:
        return check.on_due(before, now)
    except Exception:
        log.exception("check %s cannot be judged; it is parked for %s", before.slug, PARKED)
        return Change(replace(before, wake_at=now + PARKED))
