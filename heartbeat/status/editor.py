"""Changes of announcements. Each function works in the caller's transaction, and records itself in the audit log.

Only `publish` and `update` reach customers.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from heartbeat import audit, installation
from heartbeat.actor import Actor
from heartbeat.definitions import store as definition_store
from heartbeat.definitions.status_page import StatusPage
from heartbeat.status import announcement as life
from heartbeat.status import store
from heartbeat.status.announcement import (
    Affected,
    Announcement,
    AnnouncementFields,
    InvalidAnnouncement,
    Status,
    Update,
)
from heartbeat.status.subscribers import store as subscriber_store


class NoPage(LookupError):
    """No status page has this name."""


class NoAnnouncement(LookupError):
    """No announcement has this number."""


class OtherRequest(ValueError):
    """A request with this key has made another announcement."""


def page_of(db: Connection, slug: str) -> StatusPage:
    """Return the page of this name. Raises `NoPage`."""
    page = definition_store.status_pages_of(db).get(slug)
    if page is None:
        raise NoPage(f"There is no status page {slug[:100]!r}.")
    return page


def announcement_of(db: Connection, number: int, *, lock: bool = False) -> Announcement:
    """Return the announcement of this number. Raises `NoAnnouncement`."""
    announcement = store.load(db, number, lock=lock)
    if announcement is None:
        raise NoAnnouncement(f"There is no announcement {number}.")
    return announcement


def make(
    db: Connection,
    actor: Actor,
    slug: str,
    fields: AnnouncementFields,
    now: datetime,
    request: str | None = None,
    **source: Any,
) -> Announcement:
    """Make a draft. `source` names the incident or window behind it. Raises `NoPage` and `InvalidAnnouncement`.

    Calls with the same `request` make one draft. Raises `OtherRequest` if that request made something else.
    """
    page = page_of(db, slug)
    complete = life.completed(fields, page)
    _refuse_unpublished(db, slug, complete.unrelated)
    existing = _made_by_request(db, request) if request else None
    if existing is not None:
        if (existing.page, existing.kind, existing.title) != (slug, complete.kind, complete.title):
            raise OtherRequest("another announcement was made with this one; choose a new one.")
        return existing
    draft = Announcement(
        id=0,
        page=slug,
        kind=complete.kind,
        title=complete.title,
        status=complete.status,
        impact=complete.impact or life.impact_of(complete.affected),
        starts_at=complete.starts_at,
        ends_at=complete.ends_at,
        affected=complete.affected,
        unrelated=complete.unrelated,
        draft=complete.body,
        made_at=now,
        changed_at=now,
        installation=installation.name(db),
        **source,
    )
    announcement = replace(draft, id=store.add(db, draft, request))
    audit.record(db, actor, "announcement.make", target(announcement), now, after=audit_fields(announcement))
    return announcement


def change(
    db: Connection, actor: Actor, number: int, fields: AnnouncementFields, now: datetime
) -> Announcement:
    """Replace a draft, or everything but the updates of a published announcement.

    Raises `NoAnnouncement`, and what `make` raises.
    """
    announcement = announcement_of(db, number, lock=True)
    changed_ = changed(db, announcement, fields, now)
    store.save(db, changed_)
    _record(db, actor, "announcement.change", announcement, changed_, now)
    return changed_


def changed(
    db: Connection, announcement: Announcement, fields: AnnouncementFields, now: datetime
) -> Announcement:
    """Return an announcement after a change, without saving it. Raises like `change`."""
    page = page_of(db, announcement.page)
    if announcement.published_at is not None:
        # Its updates hold its status and its words.
        first = (
            Status.INVESTIGATING if announcement.kind is life.AnnouncementKind.INCIDENT else Status.SCHEDULED
        )
        fields = replace(fields, status=first, body="-")
    complete = life.completed(replace(fields, kind=announcement.kind), page)
    _refuse_unpublished(db, announcement.page, complete.unrelated, announcement.id)
    result = replace(
        announcement,
        title=complete.title,
        impact=complete.impact or announcement.impact,
        starts_at=complete.starts_at,
        ends_at=complete.ends_at,
        affected=complete.affected,
        unrelated=complete.unrelated,
        changed_at=now,
    )
    if announcement.published_at is not None:
        return result
    return replace(result, status=complete.status, draft=complete.body)


def publish(
    db: Connection, actor: Actor, number: int, now: datetime, *, automatic: bool = False
) -> Announcement:
    """Publish a draft. Raises `NoAnnouncement` and `InvalidAnnouncement`."""
    announcement = announcement_of(db, number, lock=True)
    if announcement.published_at is not None:
        return announcement
    published = life.published(announcement, now)
    entry = Update(0, now, published.status, announcement.draft, actor.name, automatic, published.affected)
    return _publish_update(db, actor, "announcement.publish", announcement, published, entry)


def update(
    db: Connection,
    actor: Actor,
    number: int,
    status: Status,
    body: str,
    now: datetime,
    *,
    affected: tuple[Affected, ...] | None = None,
    automatic: bool = False,
) -> Announcement:
    """Add an update. Raises `NoPage`, `NoAnnouncement` and `InvalidAnnouncement`."""
    announcement = announcement_of(db, number, lock=True)
    repeated = affected is None or life.of_kind(announcement.kind, affected) == announcement.affected
    if repeated and announcement.updates and (status, body, actor.name) == _newest(announcement):
        return announcement
    changed = updated(db, announcement, status, body, now, affected)
    entry = Update(0, now, status, body, actor.name, automatic, changed.affected)
    return _publish_update(db, actor, "announcement.update", announcement, changed, entry)


def updated(
    db: Connection,
    announcement: Announcement,
    status: Status,
    body: str,
    now: datetime,
    affected: tuple[Affected, ...] | None = None,
) -> Announcement:
    """Return an announcement after an update, without saving it. Raises like `update`."""
    if affected is not None:
        life.refuse_unknown(affected, page_of(db, announcement.page))
    life.body(body)
    return life.updated(announcement, status, now, affected)


def relate(
    db: Connection, actor: Actor, number: int, unrelated: tuple[int, ...], now: datetime
) -> Announcement:
    """Set the announcements it is not related to. Raises `NoAnnouncement` and `InvalidAnnouncement`."""
    announcement = announcement_of(db, number, lock=True)
    _refuse_unpublished(db, announcement.page, unrelated, number)
    changed = replace(announcement, unrelated=unrelated, changed_at=now)
    store.save(db, changed)
    _record(db, actor, "announcement.relate", announcement, changed, now)
    return changed


def discard(db: Connection, actor: Actor, number: int, now: datetime) -> Announcement:
    """Delete a draft. Raises `NoAnnouncement`, and `InvalidAnnouncement` if it is published."""
    announcement = announcement_of(db, number, lock=True)
    if announcement.published_at is not None:
        raise InvalidAnnouncement("It is published. Resolve it instead, so that customers read how it ended.")
    store.remove(db, number)
    audit.record(
        db, actor, "announcement.discard", target(announcement), now, before=audit_fields(announcement)
    )
    return announcement


def automatic(announcement: Announcement) -> Announcement:
    """Return the announcement, marked as written automatically."""
    return replace(announcement, automatic=True)


def target(announcement: Announcement) -> str:
    """Return its name in the audit log."""
    return f"announcement {announcement.id}"


def audit_fields(announcement: Announcement) -> Mapping[str, Any]:
    """Return the fields that the audit log records."""
    times = {
        name: getattr(announcement, name) for name in ("starts_at", "ends_at", "published_at", "resolved_at")
    }
    return {
        "page": announcement.page,
        "kind": announcement.kind.value,
        "title": announcement.title,
        "status": announcement.status.value,
        "impact": announcement.impact.value,
        "affected": [
            {"component": part.component, "health": part.health.value, "regions": list(part.regions)}
            for part in announcement.affected
        ],
        "not_related_to": list(announcement.unrelated),
        "draft": announcement.draft,
        **{name: at.isoformat() for name, at in times.items() if at is not None},
    }


def _made_by_request(db: Connection, request: str) -> Announcement | None:
    # Of two requests at once, the second waits for the first.
    definition_store.wait_for_turn(db)
    return store.of_request(db, request)


def _newest(announcement: Announcement) -> tuple[Status, str, str]:
    return announcement.updates[0].status, announcement.updates[0].body, announcement.updates[0].by


def _publish_update(
    db: Connection,
    actor: Actor,
    action: str,
    announcement: Announcement,
    changed: Announcement,
    entry: Update,
) -> Announcement:
    store.save(db, changed)
    number = store.add_update(db, changed.id, entry)
    subscriber_store.queue(db, changed.page, number, entry.at)
    stored = replace(entry, id=number)
    _record(db, actor, action, announcement, changed, entry.at, said=entry.body)
    return replace(changed, updates=(stored, *announcement.updates))


def _record(
    db: Connection,
    actor: Actor,
    action: str,
    announcement: Announcement,
    changed: Announcement,
    now: datetime,
    **more: str,
) -> None:
    old, new = audit_fields(announcement), {**audit_fields(changed), **more}
    audit.record(db, actor, action, target(changed), now, before=old, after=new)


def _refuse_unpublished(db: Connection, slug: str, unrelated: tuple[int, ...], number: int = 0) -> None:
    if number in unrelated:
        raise InvalidAnnouncement("not_related_to: must not name itself.")
    if len(unrelated) > life.MAX_UNRELATED:
        raise InvalidAnnouncement(f"not_related_to: must name at most {life.MAX_UNRELATED}.")
    published = store.titles(db, slug, unrelated) if unrelated else {}
    for other in unrelated:
        if other not in published:
            raise InvalidAnnouncement(f"not_related_to: {other} is no published announcement of this page.")
