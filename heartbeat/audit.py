"""The audit log: every change with its actor, its origin, and the state before and after. Entries never change."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select

from heartbeat.actor import Actor
from heartbeat.tables import audit


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One change. `target` names the changed thing ("check daily-cpu-reset").

    `before` is None if the thing was created, `after` if it was deleted. Neither ever holds a secret.
    """

    id: int
    at: datetime
    actor: str
    via: str
    remote: str
    action: str
    target: str
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None


def record(
    db: Connection,
    actor: Actor,
    action: str,
    target: str,
    now: datetime,
    *,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    """Record a change, in the transaction that makes it. `before` and `after` are JSON."""
    row: dict[str, Any] = {"actor": actor.name, "via": actor.proof, "remote": actor.remote}
    row |= {"action": action, "target": target, "at": now}
    db.execute(insert(audit).values(**row, before=before, after=after))


def record_all(
    db: Connection, created: Iterable[tuple[Actor, str, str, Mapping[str, Any]]], now: datetime
) -> None:
    """Record created things in one statement, each as (actor, action, target, state)."""
    rows = [
        {"actor": actor.name, "via": actor.proof, "remote": actor.remote, "action": action, "target": target}
        | {"at": now, "before": None, "after": state}
        for actor, action, target, state in created
    ]
    if rows:
        db.execute(insert(audit), rows)


def newest(db: Connection, target: str) -> int | None:
    """Return the id of the newest entry about this thing, or None."""
    return db.execute(select(func.max(audit.c.id)).where(audit.c.target == target)).scalar()


def last_definition(db: Connection, target: str) -> AuditEntry | None:
    """Return the newest entry by which this thing was made or changed, or None. `target` begins with its noun."""
    noun = target.partition(" ")[0]
    query = select(audit).where(
        # What was made for it, such as the address of its calendar, is recorded under its name too.
        audit.c.target == target,
        audit.c.action.in_((f"{noun}.make", f"{noun}.change")),
    )
    query = query.order_by(audit.c.id.desc()).limit(1)
    row = db.execute(query).mappings().one_or_none()
    return AuditEntry(**row) if row else None


def listed(db: Connection, *, limit: int, before: int | None = None, target: str = "") -> list[AuditEntry]:
    """Return entries, newest first. With `before`, only those with a lower id; with `target`, only those about it."""
    query = select(audit).order_by(audit.c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(audit.c.id < before)
    if target:
        query = query.where(audit.c.target == target)
    return [AuditEntry(**row) for row in db.execute(query).mappings()]
