"""Silences out. One sweep is one transaction over a bounded batch of checks whose `wake_at` has come."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from alerting import commit
from heartbeat import check, store, transitions
from heartbeat.check import Change, Check
from heartbeat.checks import symptoms
from heartbeat.pings import store as pings

BATCH = 1000
PARKED = timedelta(minutes=5)
"""A check that cannot be judged (a row that no code understands) is looked at again after this time."""
NAMED = 10
"""Checks that one line of the log names."""

log = logging.getLogger(__name__)


def sweep(db: Connection, now: datetime, limit: int = BATCH) -> int:
    """Judge up to `limit` due checks; how many were looked at."""
    due = store.claim_due(db, now, limit)
    decided = [(_judged(before, now), before) for before in due]
    downs = [(change, before) for change, before in decided if change.told is not None]
    store.move_wake(db, [change.check for change, _ in decided if change.told is None])
    if downs:
        store.save(db, [change.check for change, _ in downs])
        transitions.write(db, [(change, before, now) for change, before in downs])
        bodies = pings.last_bodies(db, [before.id for _, before in downs])
        symptoms.raise_(
            db,
            [symptoms.of_change(change, before, body=bodies.get(before.id)) for change, before in downs],
            now,
        )
        commit.then(db, lambda: _tell([change.check for change, _ in downs]))
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
