"""The SQL of calendars that layers of rotations follow: what was read of each last, and whether it can be read now."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, func, select, update

from alerting.calendar_layer import Booking, CalendarLayer
from alerting.crew_tables import imported_calendars as table
from alerting.rotation import Rotation
from alerting.sql import among, insert_many

_STATE = [column for column in table.c if column.name not in ("events", "bookings")]


@dataclass(frozen=True, slots=True)
class Imported:
    """A calendar as it was read last at `read_at`, without its events.

    `strangers` are the names of coming events that nobody has. `fault` says why it cannot be read, and since when.
    """

    rotation: str
    mark: str
    tried_at: datetime
    strangers: tuple[str, ...] = ()
    read_at: datetime | None = None
    failing_since: datetime | None = None
    fault: str | None = None


def load(db: Connection, rotation: str | None = None) -> list[Imported]:
    """Return the calendars of a rotation, or of all."""
    query = select(*_STATE).order_by(table.c.rotation, table.c.mark)
    if rotation is not None:
        query = query.where(table.c.rotation == rotation)
    return [_imported(row) for row in db.execute(query)]


def unread(db: Connection, rotations: Iterable[Rotation]) -> set[str]:
    """Return the names of rotations with a calendar that was never read, and has not failed either."""
    known = {
        (calendar.rotation, calendar.mark) for calendar in load(db) if calendar.read_at or calendar.fault
    }
    return {
        rotation.name
        for rotation in rotations
        if any((rotation.name, layer.mark) not in known for layer in rotation.calendars)
    }


def contents(
    db: Connection,
) -> Iterator[tuple[str, str, Sequence[Any], tuple[Booking, ...], tuple[str, ...]]]:
    """Yield the rotation and the mark of each calendar, its events as JSON, its shifts, and the unknown names."""
    columns = table.c.rotation, table.c.mark, table.c.events, table.c.bookings, table.c.strangers
    for row in db.execute(select(*columns)).all():
        yield row.rotation, row.mark, row.events, row.bookings, tuple(row.strangers)


def filled(db: Connection, rotations: Mapping[str, Rotation]) -> dict[str, Rotation]:
    """Return rotations whose calendars have the bookings that were read last."""
    following = [name for name, rotation in rotations.items() if rotation.calendars]
    if not following:
        return dict(rotations)
    columns = table.c.rotation, table.c.mark, table.c.bookings
    query = select(*columns).where(among(db, table.c.rotation, following))
    bookings = {(row.rotation, row.mark): row.bookings for row in db.execute(query)}
    return {name: _filled(rotation, bookings) for name, rotation in rotations.items()}


def begin(db: Connection, rotation: str, mark: str, previous: datetime | None, now: datetime) -> bool:
    """Take the turn to read a calendar that was tried last at `previous`. Return False if another process has it."""
    if previous is None:
        row = {
            "rotation": rotation,
            "mark": mark,
            "tried_at": now,
            "events": [],
            "bookings": (),
            "strangers": [],
        }
        clause = "ON CONFLICT DO NOTHING"
        return bool(list(insert_many(db, table, [row], on_conflict=clause, returning=("mark",))))
    changed = update(table).where(
        table.c.rotation == rotation, table.c.mark == mark, table.c.tried_at == previous
    )
    return db.execute(changed.values(tried_at=now)).rowcount == 1


def succeeded(db: Connection, rotation: str, mark: str, events: Sequence[Any], now: datetime) -> None:
    """Record the events of a calendar that was read."""
    values = {"events": list(events), "read_at": now, "failing_since": None, "fault": None}
    db.execute(update(table).where(table.c.rotation == rotation, table.c.mark == mark).values(values))


def failed(db: Connection, rotation: str, mark: str, fault: str, now: datetime) -> None:
    """Record why a calendar could not be read. What was read last stays."""
    values = {"failing_since": func.coalesce(table.c.failing_since, now), "fault": fault}
    db.execute(update(table).where(table.c.rotation == rotation, table.c.mark == mark).values(values))


def book(
    db: Connection, rotation: str, mark: str, bookings: Sequence[Booking], strangers: Sequence[str]
) -> None:
    """Write the shifts that the events of a calendar are."""
    values = {"bookings": tuple(bookings), "strangers": list(strangers)}
    db.execute(update(table).where(table.c.rotation == rotation, table.c.mark == mark).values(values))


def readdress(db: Connection, rotation: str, old: str, new: str) -> None:
    """Give a calendar the mark of its address as it is stored now."""
    db.execute(update(table).where(table.c.rotation == rotation, table.c.mark == old).values(mark=new))


def forget(db: Connection, calendars: Collection[tuple[str, str]]) -> None:
    """Delete calendars by rotation and mark."""
    for rotation, mark in calendars:
        db.execute(delete(table).where(table.c.rotation == rotation, table.c.mark == mark))


def _filled(rotation: Rotation, bookings: Mapping[tuple[str, str], tuple[Booking, ...]]) -> Rotation:
    if not rotation.calendars:
        return rotation
    layers = tuple(
        replace(layer, bookings=bookings.get((rotation.name, layer.mark), ()))
        if isinstance(layer, CalendarLayer)
        else layer
        for layer in rotation.layers
    )
    return replace(rotation, layers=layers)


def _imported(row: Row[Any]) -> Imported:
    return Imported(
        row.rotation,
        row.mark,
        row.tried_at,
        tuple(row.strangers),
        row.read_at,
        row.failing_since,
        row.fault,
    )
