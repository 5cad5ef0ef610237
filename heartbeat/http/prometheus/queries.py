"""The SQL of the metrics: many checks, few columns."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, and_, null, select

from heartbeat.checks.tables import STATE, checks
from heartbeat.pings.store import KEEP
from heartbeat.pings.tables import pings


@dataclass(frozen=True, slots=True)
class CheckSample:
    """The values that the metrics show of one check. `state` is the stored one."""

    slug: str
    state: str
    cause: str | None
    last_ok_at: datetime | None
    duration: float | None
    """Seconds of the run that the newest ping ended, if it ended one."""
    labels: Mapping[str, str]


def samples(db: Connection, limit: int, *, labels: bool) -> list[CheckSample]:
    """Return up to `limit` checks by slug, with their labels if `labels` is set."""
    newest = pings.c.check_id == checks.c.id, pings.c.slot == checks.c.pings % KEEP
    query = (
        select(
            checks.c.slug,
            STATE,
            checks.c.cause,
            checks.c.last_ok_at,
            pings.c.duration,
            checks.c.labels if labels else null(),
        )
        .select_from(checks.outerjoin(pings, and_(*newest)))
        .order_by(checks.c.slug)
        .limit(limit)
    )
    return [CheckSample(*row[:-1], row[-1] or {}) for row in db.execute(query)]
