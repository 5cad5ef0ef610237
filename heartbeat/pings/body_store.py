"""The SQL of the bodies of pings: their bytes, and their removal. Readers find them, a few checks at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Integer, bindparam, cast, func, select, update

from heartbeat.checks.tables import checks
from heartbeat.pings.tables import pings


@dataclass(frozen=True, slots=True)
class Body:
    """A kept body: the ping that it came with, and its bytes."""

    check_id: int
    slot: int
    n: int
    size: int


def last_of_next(db: Connection, after: int, many: int) -> int | None:
    """Return the number of the last one of the next `many` checks after a number. None if there are none."""
    following = select(checks.c.id).where(checks.c.id > after).order_by(checks.c.id).limit(many).subquery()
    return db.execute(select(func.max(following.c.id))).scalar()


def sizes(db: Connection, after: int, last: int) -> list[tuple[int, int, int]]:
    """Return the bytes of the bodies of these checks: (check, minute since 1970, bytes) for each that has any."""
    minute = _minute(db)
    query = (
        select(pings.c.check_id, minute, func.sum(func.length(pings.c.body)))
        .where(*_of(after, last))
        .group_by(pings.c.check_id, minute)
    )
    return [(row[0], row[1], int(row[2])) for row in db.execute(query)]


def older(db: Connection, after: int, last: int, before: datetime) -> list[Body]:
    """Return the bodies of these checks that came before a time, the oldest first."""
    query = (
        select(pings.c.check_id, pings.c.slot, pings.c.n, func.length(pings.c.body))
        .where(*_of(after, last), pings.c.at < before)
        .order_by(pings.c.at, pings.c.check_id, pings.c.n)
    )
    return [Body(*row) for row in db.execute(query)]


def remove(db: Connection, bodies: Sequence[Body]) -> None:
    """Remove these bodies. Their pings stay, and so do bodies that have taken their places since."""
    same = [pings.c[name] == bindparam(f"the_{name}") for name in ("check_id", "slot", "n")]
    rows = [{"the_check_id": body.check_id, "the_slot": body.slot, "the_n": body.n} for body in bodies]
    db.execute(update(pings).where(*same).values(body=None), rows)


def slug_of(db: Connection, check_id: int) -> str:
    """Return the slug of a check, empty if it is deleted."""
    return db.execute(select(checks.c.slug).where(checks.c.id == check_id)).scalar() or ""


def _of(after: int, last: int) -> tuple[ColumnElement[bool], ...]:
    return pings.c.check_id > after, pings.c.check_id <= last, pings.c.body.is_not(None)


def _minute(db: Connection) -> ColumnElement[int]:
    if db.dialect.name == "postgresql":
        return cast(func.floor(func.extract("epoch", pings.c.at) / 60), Integer)
    return cast(func.strftime("%s", pings.c.at), Integer) // 60
