"""The SQL that only the API and the metrics need: many rows in few columns, and no body unasked for."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, and_, func, null, select

from heartbeat.pings.store import KEEP
from heartbeat.pings.tables import pings
from heartbeat.tables import checks, transitions


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


def pings_of(db: Connection, check_id: int, limit: int, before: int | None = None) -> list[RowMapping]:
    """The last pings of a check, newest first, with the length of each body in its stead. `before` is the one to go
    on from."""
    columns: list[Any] = [column for column in pings.c if column is not pings.c.body]
    length = func.coalesce(func.length(pings.c.body), 0).label("body_bytes")
    query = (
        select(*columns, length).where(pings.c.check_id == check_id).order_by(pings.c.n.desc()).limit(limit)
    )
    if before is not None:
        query = query.where(pings.c.n < before)
    return list(db.execute(query).mappings())


def transitions_of(db: Connection, check_id: int, limit: int, before: int | None = None) -> list[RowMapping]:
    """Changes of a check's state, newest first. `before` is the number to go on from."""
    query = (
        select(transitions)
        .where(transitions.c.check_id == check_id)
        .order_by(transitions.c.id.desc())
        .limit(limit)
    )
    if before is not None:
        query = query.where(transitions.c.id < before)
    return list(db.execute(query).mappings())


def body_of(db: Connection, check_id: int, n: int) -> bytes | None:
    """The body of ping `n` of a check; None where it had none or is not kept any more."""
    query = select(pings.c.body).where(pings.c.check_id == check_id, pings.c.n == n)
    body = db.execute(query).scalar()
    return None if body is None else bytes(body)
