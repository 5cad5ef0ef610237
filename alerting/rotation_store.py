"""The SQL of rotations and teams, and of what people change in a rotation: overrides, leaves and swaps."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Table, delete, insert, or_, select

from alerting import imported_calendars
from alerting.crew import Team
from alerting.crew_tables import overrides, rotations, swaps, teams
from alerting.origin import Origin
from alerting.rotation import Change, Override, Rotation
from alerting.sql import among, insert_many


@dataclass(frozen=True, slots=True)
class Kept:
    """An override as it is stored: that of a rotation, or a leave, which has none. `by` made it."""

    rotation: str | None
    override: Override
    by: str


@dataclass(frozen=True, slots=True)
class Swap:
    """A swap that was proposed: `offered_by` gives a span of their shifts to `asked`, and takes one of theirs."""

    rotation: str
    offered_by: str
    offered: tuple[datetime, datetime]
    asked: str
    taken: tuple[datetime, datetime]
    id: int = 0

    @property
    def overrides(self) -> tuple[Override, Override]:
        """The overrides that it is, once it is accepted."""
        return (
            Override(Change.REPLACE, *self.offered, on=self.asked, off=self.offered_by),
            Override(Change.REPLACE, *self.taken, on=self.offered_by, off=self.asked),
        )


def load_rotations(
    db: Connection, names: Collection[str] | None = None, origin: Origin | None = None
) -> dict[str, Rotation]:
    """Return rotations by name, with their overrides: those of these names and of this origin, or all."""
    rows = _rows(db, rotations, names, origin)
    rotations_ = {row.id: Rotation(row.id, row.timezone, row.layers, Origin(row.origin)) for row in rows}
    if not rotations_:
        return {}
    changes = kept(db, rotations_ if names is not None else None)
    return {
        name: replace(rotation, overrides=_of(name, changes))
        for name, rotation in imported_calendars.filled(db, rotations_).items()
    }


def load_teams(
    db: Connection, names: Collection[str] | None = None, origin: Origin | None = None
) -> dict[str, Team]:
    """Return teams by name: those of these names and of this origin, or all."""
    rows = _rows(db, teams, names, origin)
    return {row.id: Team(row.id, tuple(row.people), Origin(row.origin)) for row in rows}


def kept(db: Connection, names: Collection[str] | None = None, since: datetime | None = None) -> list[Kept]:
    """Return overrides, oldest first, with every leave: of these rotations, or of all; that end after `since`."""
    query = select(overrides).order_by(overrides.c.id)
    if names is not None:
        query = query.where(or_(overrides.c.rotation.is_(None), overrides.c.rotation.in_(names)))
    if since is not None:
        query = query.where(overrides.c.ends_at > since)
    return [_kept(row) for row in db.execute(query)]


def put_rotations(db: Connection, defined: Iterable[Rotation]) -> None:
    """Write rotations, replacing those of the same names. Their overrides stay."""
    rows = [
        {"id": one.name, "timezone": one.timezone, "layers": one.layers, "origin": one.origin.value}
        for one in defined
    ]
    _replace(db, rotations, rows)


def put_teams(db: Connection, defined: Iterable[Team]) -> None:
    """Write teams, replacing those of the same names."""
    rows = [{"id": team.name, "people": list(team.people), "origin": team.origin.value} for team in defined]
    _replace(db, teams, rows)


def remove_rotations(db: Connection, names: Collection[str] = (), origin: Origin | None = None) -> None:
    """Delete the rotations of these names, and all of this origin."""
    db.execute(delete(rotations).where(among(db, rotations.c.id, names) | (rotations.c.origin == origin)))


def remove_teams(db: Connection, names: Collection[str] = (), origin: Origin | None = None) -> None:
    """Delete the teams of these names, and all of this origin."""
    db.execute(delete(teams).where(among(db, teams.c.id, names) | (teams.c.origin == origin)))


def forget_changes(db: Connection, rotation: str) -> None:
    """Delete the overrides and swaps of a rotation that is no more."""
    for table in (overrides, swaps):
        db.execute(delete(table).where(table.c.rotation == rotation))


def forget_strangers(db: Connection) -> None:
    """Delete the overrides and swaps of rotations that are no more."""
    for table in (overrides, swaps):
        db.execute(delete(table).where(table.c.rotation.not_in(select(rotations.c.id))))


def add_override(
    db: Connection, rotation: str | None, override: Override, by: str, now: datetime
) -> Override:
    """Write an override, or a leave in all rotations, and return it with its number."""
    row = {
        "rotation": rotation,
        "change": override.change.value,
        "on_call": override.on or None,
        "off_call": override.off or None,
        "starts_at": override.start,
        "ends_at": override.end,
        "made_by": by,
        "made_at": now,
    }
    (number,) = db.execute(insert(overrides).values(row)).inserted_primary_key or (0,)
    return replace(override, id=number)


def remove_override(db: Connection, number: int) -> Kept | None:
    """Delete an override and return it, None if there is none of this number."""
    query = select(overrides).where(overrides.c.id == number).with_for_update()
    row = db.execute(query).first()
    if row is None:
        return None
    db.execute(delete(overrides).where(overrides.c.id == number))
    return _kept(row)


def proposed_swaps(db: Connection, rotation: str | None = None) -> list[Swap]:
    """Return the swaps that nobody has answered, oldest first: of a rotation, or of all."""
    query = select(swaps).order_by(swaps.c.id)
    if rotation is not None:
        query = query.where(swaps.c.rotation == rotation)
    return [_swap(row) for row in db.execute(query)]


def propose_swap(db: Connection, swap: Swap, by: str, now: datetime) -> Swap:
    """Write a proposed swap and return it with its number."""
    row = {
        "rotation": swap.rotation,
        "offered_by": swap.offered_by,
        "offered_from": swap.offered[0],
        "offered_until": swap.offered[1],
        "asked": swap.asked,
        "asked_from": swap.taken[0],
        "asked_until": swap.taken[1],
        "made_by": by,
        "made_at": now,
    }
    (number,) = db.execute(insert(swaps).values(row)).inserted_primary_key or (0,)
    return replace(swap, id=number)


def answer_swap(db: Connection, number: int) -> Swap | None:
    """Delete a proposed swap and return it, None if it was answered."""
    row = db.execute(select(swaps).where(swaps.c.id == number).with_for_update()).first()
    if row is None:
        return None
    db.execute(delete(swaps).where(swaps.c.id == number))
    return _swap(row)


def _rows(
    db: Connection, table: Table, names: Collection[str] | None, origin: Origin | None
) -> Iterable[Row[Any]]:
    if names is not None and not names:
        return ()
    query = select(table).order_by(table.c.id)
    if names is not None:
        query = query.where(among(db, table.c.id, names))
    if origin is not None:
        query = query.where(table.c.origin == origin)
    return db.execute(query)


def _replace(db: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
    db.execute(delete(table).where(among(db, table.c.id, [row["id"] for row in rows])))
    insert_many(db, table, rows)


def _of(rotation: str, changes: Iterable[Kept]) -> tuple[Override, ...]:
    return tuple(one.override for one in changes if one.rotation in (None, rotation))


def _kept(row: Row[Any]) -> Kept:
    override = Override(
        Change(row.change), row.starts_at, row.ends_at, row.on_call or "", row.off_call or "", row.id
    )
    return Kept(row.rotation, override, row.made_by)


def _swap(row: Row[Any]) -> Swap:
    offered, taken = (row.offered_from, row.offered_until), (row.asked_from, row.asked_until)
    return Swap(row.rotation, row.offered_by, offered, row.asked, taken, row.id)
