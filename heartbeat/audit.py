"""The audit log: every change that somebody made, with who, what, before, after and whence. Only ever added to."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select

from heartbeat.actor import Actor
from heartbeat.tables import audit


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One change. `target` names what was changed ("check daily-cpu-reset"); `before` is None where it was made,
    `after` where it was deleted. Neither ever holds a secret."""

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
    """Write a change down, in the transaction that makes it. `before` and `after` are JSON-able."""
    row: dict[str, Any] = {"actor": actor.name, "via": actor.via, "remote": actor.remote}
    row |= {"action": action, "target": target, "at": now}
    db.execute(insert(audit).values(**row, before=before, after=after))


def record_all(
    db: Connection, made: Iterable[tuple[Actor, str, str, Mapping[str, Any]]], now: datetime
) -> None:
    """Write down, all at once, what was made: by whom, by which action, what it is called, and what it is."""
    rows = [
        {"actor": actor.name, "via": actor.via, "remote": actor.remote, "action": action, "target": target}
        | {"at": now, "before": None, "after": after}
        for actor, action, target, after in made
    ]
    if rows:
        db.execute(insert(audit), rows)


def listed(db: Connection, *, limit: int, before: int | None = None, target: str = "") -> list[AuditEntry]:
    """Changes, newest first. `before` is the number to go on from; `target` narrows to one thing."""
    query = select(audit).order_by(audit.c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(audit.c.id < before)
    if target:
        query = query.where(audit.c.target == target)
    return [AuditEntry(**row) for row in db.execute(query).mappings()]
