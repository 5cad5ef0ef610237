"""The SQL of status pages: the states of the checks behind them, and the announcements."""

import json
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, Text, and_, case, cast, delete, func, insert, or_, select, update

from heartbeat import last_numbers
from heartbeat.checks.maintenance import Window
from heartbeat.checks.tables import checks, transitions
from heartbeat.status.announcement import (
    Announcement,
    AnnouncementKind,
    Impact,
    Status,
    Update,
    affected_of,
    affected_values,
)
from heartbeat.status.health import CheckCount
from heartbeat.status.tables import announcements, updates

_PLAIN = ("page", "title", "starts_at", "ends_at", "made_at", "changed_at", "published_at", "monitoring_at")
_ALSO_PLAIN = ("resolved_at", "draft", "incident_id", "maintenance_id", "automatic", "installation")


def check_counts(db: Connection) -> Sequence[CheckCount]:
    """Count all checks by their labels and their state."""
    labels = cast(checks.c.labels, Text)
    since = func.min(checks.c.since, type_=checks.c.since.type)
    query = select(labels, checks.c.state, func.count(), since).group_by(labels, checks.c.state)
    return [CheckCount(json.loads(text), state, count, at) for text, state, count, at in db.execute(query)]


def mark(db: Connection) -> tuple[Any, ...]:
    """Return a cheap value that changes whenever the content of a page may change."""
    announcement_changes = select(func.max(announcements.c.changed_at), func.count(announcements.c.id))
    return (
        db.execute(select(func.max(transitions.c.id))).scalar(),
        db.execute(select(func.max(updates.c.id))).scalar(),
        *db.execute(announcement_changes).one(),
    )


def labels(db: Connection, ids: Collection[int] | None = None) -> list[dict[str, str]]:
    """Return the distinct sets of labels of these checks, or of all."""
    text = cast(checks.c.labels, Text)
    query = select(text).distinct()
    if ids is not None:
        query = query.where(checks.c.id.in_(ids))
    return [json.loads(labels_) for labels_ in db.execute(query).scalars()]


def load(db: Connection, number: int, *, lock: bool = False) -> Announcement | None:
    """Return an announcement; with `lock`, locked until the transaction ends."""
    query = select(announcements).where(announcements.c.id == number)
    announcements_ = _read(db, query.with_for_update() if lock else query)
    return announcements_[0] if announcements_ else None


def listed(
    db: Connection, page: str | None = None, *, limit: int, below: int | None = None
) -> list[Announcement]:
    """Return announcements of a page or of all, newest first, drafts included, with numbers under `below`."""
    query = select(announcements).order_by(announcements.c.id.desc()).limit(limit)
    if page is not None:
        query = query.where(announcements.c.page == page)
    return _read(db, query if below is None else query.where(announcements.c.id < below))


def published(db: Connection, page: str, since: datetime, limit: int) -> list[Announcement]:
    """Return the published announcements of a page that are open or ended after `since`, newest first."""
    late = or_(announcements.c.resolved_at.is_(None), announcements.c.resolved_at >= since)
    query = (
        select(announcements)
        .where(announcements.c.page == page, announcements.c.published_at.is_not(None), late)
        .order_by(announcements.c.starts_at.desc(), announcements.c.id.desc())
        .limit(limit)
    )
    return _read(db, query)


def open_of(db: Connection, page: str | None = None) -> list[Announcement]:
    """Return the published announcements that have not ended, of a page or of all."""
    query = select(announcements).where(
        announcements.c.resolved_at.is_(None), announcements.c.published_at.is_not(None)
    )
    return _read(db, query if page is None else query.where(announcements.c.page == page))


def told_during(
    db: Connection, incident_id: int, start: datetime, end: datetime, limit: int
) -> list[Announcement]:
    """Return what customers were told of an incident, oldest first: its own announcements first.

    Others count if they announced an incident that customers saw between `start` and `end`.
    """
    own = announcements.c.incident_id == incident_id
    over = announcements.c.resolved_at
    seen = and_(
        announcements.c.kind == AnnouncementKind.INCIDENT,
        announcements.c.incident_id.is_(None),
        announcements.c.published_at <= end,
        or_(over.is_(None), over >= start),
    )
    query = select(announcements).where(announcements.c.published_at.is_not(None), or_(own, seen))
    first = case((own, 0), else_=1)
    return _read(db, query.order_by(first, announcements.c.id).limit(limit))


def drafted_from(db: Connection, page: str, incident_id: int) -> int | None:
    """Return the number of the newest announcement of this page that was drafted from this incident."""
    query = select(func.max(announcements.c.id)).where(
        announcements.c.page == page, announcements.c.incident_id == incident_id
    )
    return db.execute(query).scalar()


def drafted_from_window(db: Connection, page: str, window: Window) -> int | None:
    """Return the number of the newest announcement of this page that was drafted from this window.

    An older one belongs to a deleted window, whose number SQLite gave again before 0.4.
    """
    query = select(func.max(announcements.c.id)).where(
        announcements.c.page == page,
        announcements.c.maintenance_id == window.id,
        announcements.c.made_at >= window.made_at,
    )
    if window.recurrence is not None:
        # Each of its occurrences is announced by itself.
        query = query.where(announcements.c.ends_at >= window.starts_at)
    return db.execute(query).scalar()


def of_request(db: Connection, request_key: str) -> Announcement | None:
    """Return the announcement that the request with this key made."""
    announcements_ = _read(db, select(announcements).where(announcements.c.request_key == request_key))
    return announcements_[0] if announcements_ else None


def titles(db: Connection, page: str, numbers: Collection[int]) -> dict[int, str]:
    """Return the titles of these announcements of a page, without drafts."""
    query = select(announcements.c.id, announcements.c.title).where(
        announcements.c.page == page,
        announcements.c.id.in_(numbers),
        announcements.c.published_at.is_not(None),
    )
    return {row.id: row.title for row in db.execute(query)}


def add(db: Connection, announcement: Announcement, request_key: str | None = None) -> int:
    """Add an announcement and return its number. `request_key` identifies the request that makes it."""
    row = _row(announcement) | {"request_key": request_key} | last_numbers.following(db, announcements)
    inserted = db.execute(insert(announcements).values(**row).returning(announcements.c.id))
    return int(inserted.scalar_one())


def save(db: Connection, announcement: Announcement) -> None:
    """Update the row of an announcement."""
    db.execute(
        update(announcements).where(announcements.c.id == announcement.id).values(**_row(announcement))
    )


def add_update(db: Connection, number: int, new: Update) -> int:
    """Add an update and return its number."""
    row = {"announcement_id": number, "at": new.at, "status": new.status.value, "body": new.body}
    row |= {"by": new.by, "automatic": new.automatic, "affected": affected_values(new.affected)}
    return int(db.execute(insert(updates).values(**row).returning(updates.c.id)).scalar_one())


def remove(db: Connection, number: int) -> None:
    """Delete an announcement with its updates."""
    last_numbers.keep(db, announcements, number)
    db.execute(delete(announcements).where(announcements.c.id == number))


def _read(db: Connection, query: Select[Any]) -> list[Announcement]:
    loaded = [_announcement(row) for row in db.execute(query)]
    numbers = [announcement.id for announcement in loaded]
    updates_: dict[int, list[Update]] = {number: [] for number in numbers}
    newest_first = select(updates).where(updates.c.announcement_id.in_(numbers)).order_by(updates.c.id.desc())
    for row in db.execute(newest_first) if numbers else ():
        updates_[row.announcement_id].append(_update(row))
    return [replace(announcement, updates=tuple(updates_[announcement.id])) for announcement in loaded]


def _announcement(row: Any) -> Announcement:
    plain = {name: getattr(row, name) for name in (*_PLAIN, *_ALSO_PLAIN)}
    return Announcement(
        id=row.id,
        kind=AnnouncementKind(row.kind),
        status=Status(row.status),
        impact=Impact(row.impact),
        affected=affected_of(row.affected),
        unrelated=tuple(row.unrelated),
        **plain,
    )


def _update(row: Any) -> Update:
    return Update(
        row.id, row.at, Status(row.status), row.body, row.by, row.automatic, affected_of(row.affected)
    )


def _row(announcement: Announcement) -> dict[str, Any]:
    row = {name: getattr(announcement, name) for name in (*_PLAIN, *_ALSO_PLAIN)}
    row |= {
        "kind": announcement.kind.value,
        "status": announcement.status.value,
        "impact": announcement.impact.value,
    }
    return row | {
        "affected": affected_values(announcement.affected),
        "unrelated": list(announcement.unrelated),
    }
