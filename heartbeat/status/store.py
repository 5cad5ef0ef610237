"""The SQL of public status pages: how the checks behind them stand, and what customers are told."""

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, Text, cast, delete, func, insert, or_, select, update

from heartbeat.status.announcement import Affected, Announcement, Impact, Kind, Status, Update
from heartbeat.status.health import Bearing, Health
from heartbeat.status.tables import announcements, updates
from heartbeat.tables import checks, transitions

_PLAIN = ("page", "title", "starts_at", "ends_at", "made_at", "changed_at", "published_at", "monitoring_at")
_ALSO_PLAIN = ("resolved_at", "draft", "incident_id", "maintenance_id", "automatic")


def bearings(db: Connection) -> Sequence[Bearing]:
    """Every check, counted by its labels and its state."""
    labels = cast(checks.c.labels, Text)
    since = func.min(checks.c.since, type_=checks.c.since.type)
    query = select(labels, checks.c.state, func.count(), since).group_by(labels, checks.c.state)
    return [Bearing(json.loads(text), state, count, at) for text, state, count, at in db.execute(query)]


def mark(db: Connection) -> tuple[Any, ...]:
    """What is different as soon as a page may have to say something else; costs next to nothing."""
    told = select(func.max(announcements.c.changed_at), func.count(announcements.c.id))
    return (
        db.execute(select(func.max(transitions.c.id))).scalar(),
        db.execute(select(func.max(updates.c.id))).scalar(),
        *db.execute(told).one(),
    )


def labels(db: Connection, ids: Collection[int] | None = None) -> list[dict[str, str]]:
    """What is written on these checks, or on all: each set of labels once."""
    text = cast(checks.c.labels, Text)
    query = select(text).distinct()
    return [
        json.loads(one)
        for one in db.execute(query if ids is None else query.where(checks.c.id.in_(ids))).scalars()
    ]


def load(db: Connection, number: int, *, lock: bool = False) -> Announcement | None:
    """One announcement; locked until the transaction ends, if so wanted."""
    query = select(announcements).where(announcements.c.id == number)
    found = _read(db, query.with_for_update() if lock else query)
    return found[0] if found else None


def listed(
    db: Connection, page: str | None = None, *, limit: int, before: int | None = None
) -> list[Announcement]:
    """Announcements of a page or of all, newest first, drafts among them. `before` is the number to go on from."""
    query = select(announcements).order_by(announcements.c.id.desc()).limit(limit)
    if page is not None:
        query = query.where(announcements.c.page == page)
    return _read(db, query if before is None else query.where(announcements.c.id < before))


def told(db: Connection, page: str, since: datetime, limit: int) -> list[Announcement]:
    """What customers of a page are told: all that is open, and what was over after `since`. Newest first."""
    late = or_(announcements.c.resolved_at.is_(None), announcements.c.resolved_at >= since)
    query = (
        select(announcements)
        .where(announcements.c.page == page, announcements.c.published_at.is_not(None), late)
        .order_by(announcements.c.starts_at.desc(), announcements.c.id.desc())
        .limit(limit)
    )
    return _read(db, query)


def open_of(db: Connection, page: str | None = None) -> list[Announcement]:
    """Everything that is published and not over, of a page or of all."""
    query = select(announcements).where(
        announcements.c.resolved_at.is_(None), announcements.c.published_at.is_not(None)
    )
    return _read(db, query if page is None else query.where(announcements.c.page == page))


def drafted_from(db: Connection, page: str, incident_id: int) -> int | None:
    """The newest announcement of this page that was drafted from this incident."""
    query = select(func.max(announcements.c.id)).where(
        announcements.c.page == page, announcements.c.incident_id == incident_id
    )
    return db.execute(query).scalar()


def drafted_from_window(db: Connection, page: str, window_id: int) -> int | None:
    """The newest announcement of this page that was drafted from this window of maintenance."""
    query = select(func.max(announcements.c.id)).where(
        announcements.c.page == page, announcements.c.maintenance_id == window_id
    )
    return db.execute(query).scalar()


def asked_before(db: Connection, request_key: str) -> Announcement | None:
    """The announcement that a request of this name has made."""
    found = _read(db, select(announcements).where(announcements.c.request_key == request_key))
    return found[0] if found else None


def titles(db: Connection, page: str, numbers: Collection[int]) -> dict[int, str]:
    """What those announcements of a page are called that are published."""
    query = select(announcements.c.id, announcements.c.title).where(
        announcements.c.page == page,
        announcements.c.id.in_(numbers),
        announcements.c.published_at.is_not(None),
    )
    return {row.id: row.title for row in db.execute(query)}


def add(db: Connection, one: Announcement, request_key: str | None = None) -> int:
    """Write a new announcement; its number. `request_key`: the name of the request that makes it."""
    row = _row(one) | {"request_key": request_key}
    made = db.execute(insert(announcements).values(**row).returning(announcements.c.id))
    return int(made.scalar_one())


def save(db: Connection, one: Announcement) -> None:
    """Write what may change in it."""
    db.execute(update(announcements).where(announcements.c.id == one.id).values(**_row(one)))


def say(db: Connection, number: int, said: Update) -> int:
    """Add an update; its number."""
    row = {"announcement_id": number, "at": said.at, "status": said.status.value, "body": said.body}
    row |= {"by": said.by, "automatic": said.automatic, "affected": _written(said.affected)}
    return int(db.execute(insert(updates).values(**row).returning(updates.c.id)).scalar_one())


def remove(db: Connection, number: int) -> None:
    """Delete an announcement with all that was said."""
    db.execute(delete(announcements).where(announcements.c.id == number))


def _read(db: Connection, query: Select[Any]) -> list[Announcement]:
    found = [_announcement(row) for row in db.execute(query)]
    numbers = [one.id for one in found]
    said: dict[int, list[Update]] = {number: [] for number in numbers}
    newest_first = select(updates).where(updates.c.announcement_id.in_(numbers)).order_by(updates.c.id.desc())
    for row in db.execute(newest_first) if numbers else ():
        said[row.announcement_id].append(_update(row))
    return [replace(one, updates=tuple(said[one.id])) for one in found]


def _announcement(row: Any) -> Announcement:
    plain = {name: getattr(row, name) for name in (*_PLAIN, *_ALSO_PLAIN)}
    return Announcement(
        id=row.id,
        kind=Kind(row.kind),
        status=Status(row.status),
        impact=Impact(row.impact),
        affected=_affected(row.affected),
        unrelated=tuple(row.unrelated),
        **plain,
    )


def _update(row: Any) -> Update:
    return Update(
        row.id, row.at, Status(row.status), row.body, row.by, row.automatic, _affected(row.affected)
    )


def _row(one: Announcement) -> dict[str, Any]:
    row = {name: getattr(one, name) for name in (*_PLAIN, *_ALSO_PLAIN)}
    row |= {"kind": one.kind.value, "status": one.status.value, "impact": one.impact.value}
    return row | {"affected": _written(one.affected), "unrelated": list(one.unrelated)}


def _written(affected: Iterable[Affected]) -> list[dict[str, Any]]:
    return [
        {"component": one.component, "health": one.health.name, "regions": list(one.regions)}
        for one in affected
    ]


def _affected(written: Iterable[dict[str, Any]]) -> tuple[Affected, ...]:
    return tuple(Affected(one["component"], Health[one["health"]], tuple(one["regions"])) for one in written)
