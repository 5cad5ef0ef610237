"""The SQL of maintenance windows."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, delete, insert, null, or_, select, update

from heartbeat import last_numbers
from heartbeat.checks.maintenance import Kind, Phase, Window, WindowDefinition
from heartbeat.checks.maintenance import at as window_at
from heartbeat.checks.maintenance import phase as phase_of
from heartbeat.checks.tables import maintenance

_RECURS = maintenance.c.recurrence.is_not(None)


def standing(db: Connection, now: datetime) -> list[Window]:
    """Return the windows that are active or upcoming, oldest first."""
    query = select(maintenance).where(or_(maintenance.c.ends_at > now, _RECURS)).order_by(maintenance.c.id)
    windows = [window_at(_window(row), now) for row in db.execute(query)]
    return [window for window in windows if window.ends_at > now]


def listed(
    db: Connection, now: datetime, *, limit: int, phase: Phase | None = None, before: int | None = None
) -> list[Window]:
    """Return windows, newest first: all, or those of one phase. With `before`, only those with a lower number."""
    c = maintenance.c
    query = select(maintenance).order_by(c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(c.id < before)
    if phase is not None:
        times = {
            Phase.UPCOMING: c.starts_at > now,
            Phase.ACTIVE: and_(c.starts_at <= now, c.ends_at > now),
            Phase.PAST: and_(c.starts_at <= now, c.ends_at <= now),
        }
        recurring = [window_at(_window(row), now) for row in db.execute(select(maintenance).where(_RECURS))]
        numbers = [window.id for window in recurring if phase_of(window, now) is phase]
        query = query.where(or_(and_(times[phase], ~_RECURS), c.id.in_(numbers)))
    return [window_at(_window(row), now) for row in db.execute(query)]


def load(db: Connection, number: int, now: datetime) -> Window | None:
    """Return the window with this number as it is now, locked until the transaction ends."""
    query = select(maintenance).where(maintenance.c.id == number).with_for_update()
    row = db.execute(query).one_or_none()
    return None if row is None else window_at(_window(row), now)


def asked_before(db: Connection, request_key: str, now: datetime) -> Window | None:
    """Return the window that the request with this key created."""
    row = db.execute(select(maintenance).where(maintenance.c.request_key == request_key)).one_or_none()
    return None if row is None else window_at(_window(row), now)


def add(
    db: Connection, definition: WindowDefinition, by: str, now: datetime, request_key: str | None
) -> Window:
    """Insert a new window and return it."""
    fields = _fields(definition)
    stored = _stored(definition) | last_numbers.following(db, maintenance)
    statement = insert(maintenance).values(**stored, made_by=by, made_at=now, request_key=request_key)
    number = db.execute(statement.returning(maintenance.c.id)).scalar_one()
    return Window(**fields, id=number, made_by=by, made_at=now)


def save(db: Connection, number: int, definition: WindowDefinition) -> None:
    """Write the definition of a window."""
    db.execute(update(maintenance).where(maintenance.c.id == number).values(**_stored(definition)))


def remove(db: Connection, number: int) -> None:
    last_numbers.keep(db, maintenance, number)
    db.execute(delete(maintenance).where(maintenance.c.id == number))


def _fields(definition: WindowDefinition) -> dict[str, Any]:
    return {name: getattr(definition, name) for name in WindowDefinition.__slots__}


def _stored(definition: WindowDefinition) -> dict[str, Any]:
    # A JSON null would count as a recurrence.
    return _fields(definition) | {"recurrence": definition.recurrence or null()}


def _window(row: Row[Any]) -> Window:
    return Window(
        title=row.title,
        description=row.description,
        match=row.match,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        recurrence=row.recurrence,
        kind=Kind(row.kind),
        id=row.id,
        made_by=row.made_by,
        made_at=row.made_at,
    )
