"""The SQL of public status pages: how the checks behind them stand, and what has changed since one last looked."""

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Text, cast, func, select

from heartbeat.status.health import Bearing
from heartbeat.tables import checks, transitions


def bearings(db: Connection) -> Sequence[Bearing]:
    """Every check, counted by its labels and its state."""
    labels = cast(checks.c.labels, Text)
    since = func.min(checks.c.since, type_=checks.c.since.type)
    query = select(labels, checks.c.state, func.count(), since).group_by(labels, checks.c.state)
    return [Bearing(json.loads(text), state, count, at) for text, state, count, at in db.execute(query)]


def mark(db: Connection) -> tuple[Any, ...]:
    """What is different as soon as a page may have to say something else; costs next to nothing."""
    return (db.execute(select(func.max(transitions.c.id))).scalar(),)
