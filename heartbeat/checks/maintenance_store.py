"""The SQL of maintenance windows."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from heartbeat.checks.maintenance import Phase, Window, WindowDefinition
from heartbeat.checks.tables import maintenance


def standing(db: Connection, now: datetime) -> list[Window]:
    """Return the windows that are active or upcoming, oldest first."""
    query = select(maintenance).where(maintenance.c.ends_at > now).order_by(maintenance.c.id)
    return [_window(row) for row in db.execute(query)]


def count_standing(db: Connection, now: datetime) -> int:
    """Count the windows that are active or upcoming."""
    query = select(func.count()).select_from(maintenance).where(maintenance.c.ends_at > now)
    return db.execute(query).scalar_one()


def listed(
    db: Connection, now: datetime, *, limit: int, phase: Phase | None = None, before: int | None = None
) -> list[Window]:
    """Return windows, newest first: all, or those of one phase. With `before`, only those with a lower number."""
    query = select(maintenance).order_by(maintenance.c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(maintenance.c.id < before)
    match phase:
        case Phase.UPCOMING:
            query = query.where(maintenance.c.starts_at > now)
        case Phase.ACTIVE:
            query = query.where(maintenance.c.starts_at <= now, maintenance.c.ends_at > now)
        case Phase.PAST:
            query = query.where(maintenance.c.starts_at <= now, maintenance.c.ends_at <= now)
    return [_window(row) for row in db.execute(query)]


def load(db: Connection, number: int) -> Window | None:
    """Return the window with this number, locked until the transaction ends."""
    query = select(maintenance).where(maintenance.c.id == number).with_for_update()
    row = db.execute(query).one_or_none()
    return None if row is None else _window(row)


def asked_before(db: Connection, request_key: str) -> Window | None:
    """Return the window that the request with this key created."""
    row = db.execute(select(maintenance).where(maintenance.c.request_key == request_key)).one_or_none()
    return None if row is None else _window(row)


def add(
    db: Connection, definition: WindowDefinition, by: str, now: datetime, request_key: str | None
) -> Window:
    """Insert a new window and return it."""
    fields = asdict(definition)
    statement = insert(maintenance).values(**fields, made_by=by, made_at=now, request_key=request_key)
    number = db.execute(statement.returning(maintenance.c.id)).scalar_one()
    return Window(**fields, id=number, made_by=by, made_at=now)


def save(db: Connection, number: int, definition: WindowDefinition) -> None:
    """Write the definition of a window."""
    fields = {name: getattr(definition, name) for name in WindowDefinition.__slots__}
    db.execute(update(maintenance).where(maintenance.c.id == number).values(**fields))


def remove(db: Connection, number: int) -> None:
    db.execute(delete(maintenance).where(maintenance.c.id == number))


def _window(row: Row[Any]) -> Window:
    return Window(
        title=row.title,
        description=row.description,
        match=row.match,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        id=row.id,
        made_by=row.made_by,
        made_at=row.made_at,
    )
