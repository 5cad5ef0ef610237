"""The SQL that only the metrics need: many checks in few columns."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, and_, null, select

from heartbeat.checks.tables import checks
from heartbeat.pings.store import KEEP
from heartbeat.pings.tables import pings


@dataclass(frozen=True, slots=True)
class Vital:
    """What a metric tells of one check. `state` is the stored one."""

    slug: str
    state: str
    cause: str | None
    last_ok_at: datetime | None
    duration: float | None
    """Seconds of the run that the newest ping ended, where it ended one."""
    labels: Mapping[str, str]


def vitals(db: Connection, limit: int, *, labels: bool) -> list[Vital]:
    """Checks by slug, up to `limit`; their labels where these are wanted."""
    newest = pings.c.check_id == checks.c.id, pings.c.slot == checks.c.pings % KEEP
    query = (
        select(
            checks.c.slug,
            checks.c.state,
            checks.c.cause,
            checks.c.last_ok_at,
            pings.c.duration,
            checks.c.labels if labels else null(),
        )
        .select_from(checks.outerjoin(pings, and_(*newest)))
        .order_by(checks.c.slug)
        .limit(limit)
    )
    return [Vital(*row[:-1], row[-1] or {}) for row in db.execute(query)]
