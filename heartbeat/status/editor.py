"""What people write for customers. Each function works inside the caller's transaction, and is audited there.

Nothing here is told to customers but by `publish` and `update`.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from heartbeat import audit, definitions
from heartbeat.config.public import StatusPage
from heartbeat.status import announcement as life
from heartbeat.status import mailbox, store
from heartbeat.status.announcement import Affected, Announcement, NotSo, Status, Update, Wanted
from heartbeat.who import Who


class NoPage(LookupError):
    """There is no status page of this name."""


class NoAnnouncement(LookupError):
    """There is no such announcement."""


class OtherRequest(ValueError):
    """A request of this name has made something else."""


def page_of(db: Connection, slug: str) -> StatusPage:
    """The page of this name. Raises `NoPage`."""
    found = definitions.status_pages_of(db).get(slug)
    if found is None:
        raise NoPage(f"There is no status page {slug[:100]!r}.")
    return found


def known(db: Connection, number: int, *, lock: bool = False) -> Announcement:
    """The announcement of this number. Raises `NoAnnouncement`."""
    found = store.load(db, number, lock=lock)
    if found is None:
        raise NoAnnouncement(f"There is no announcement {number}.")
    return found


def make(
    db: Connection,
    who: Who,
    slug: str,
    wanted: Wanted,
    now: datetime,
    request: str | None = None,
    **source: Any,
) -> Announcement:
    """Write a draft. `source` is what it was drafted from. Raises `NoPage` and `NotSo`.

    Asked again under the same `request` it is made once. Raises `OtherRequest` where that made something else.
    """
    page = page_of(db, slug)
    right = _related(db, slug, life.judged(wanted, page))
    known = _asked_before(db, request) if request else None
    if known is not None:
        if (known.page, known.kind, known.title) != (slug, right.kind, right.title):
            raise OtherRequest("another announcement was made with this one; choose a new one.")
        return known
    draft = Announcement(
        id=0,
        page=slug,
        kind=right.kind,
        title=right.title,
        status=right.status,
        impact=right.impact or life.impact_of(right.affected),
        starts_at=right.starts_at,
        ends_at=right.ends_at,
        affected=right.affected,
        unrelated=right.unrelated,
        draft=right.body,
        made_at=now,
        changed_at=now,
        **source,
    )
    made = replace(draft, id=store.add(db, draft, request))
    audit.record(db, who, "announcement.make", target(made), now, after=shown(made))
    return made


def change(db: Connection, who: Who, number: int, wanted: Wanted, now: datetime) -> Announcement:
    """Write a draft anew; of what is published everything but what was said. Raises as `make`, and `NoAnnouncement`."""
    before = known(db, number, lock=True)
    page = page_of(db, before.page)
    if before.published_at is not None:
        # What it says and how far it has come is said by updates.
        first = Status.INVESTIGATING if before.kind is life.Kind.INCIDENT else Status.SCHEDULED
        wanted = replace(wanted, status=first, body="-")
    right = _related(db, before.page, life.judged(replace(wanted, kind=before.kind), page), number)
    after = replace(
        before,
        title=right.title,
        impact=right.impact or before.impact,
        starts_at=right.starts_at,
        ends_at=right.ends_at,
        affected=right.affected,
        unrelated=right.unrelated,
        changed_at=now,
    )
    if before.published_at is None:
        after = replace(after, status=right.status, draft=right.body)
    store.save(db, after)
    audit.record(db, who, "announcement.change", target(after), now, before=shown(before), after=shown(after))
    return after


def publish(db: Connection, who: Who, number: int, now: datetime, *, automatic: bool = False) -> Announcement:
    """Tell customers. Raises `NoAnnouncement` and `NotSo`."""
    before = known(db, number, lock=True)
    if before.published_at is not None:
        return before
    after = life.published(before, now)
    said = Update(0, now, after.status, before.draft, who.name, automatic, after.affected)
    return _say(db, who, "announcement.publish", before, after, said)


def update(
    db: Connection,
    who: Who,
    number: int,
    status: Status,
    words: str,
    now: datetime,
    *,
    affected: tuple[Affected, ...] | None = None,
    automatic: bool = False,
) -> Announcement:
    """Say something more of what is published. Raises `NoPage`, `NoAnnouncement` and `NotSo`."""
    before = known(db, number, lock=True)
    if before.updates and (status, words, who.name) == _newest(before):
        return before
    if affected is not None:
        life.about(affected, page_of(db, before.page))
    after = life.updated(before, status, now, affected)
    said = Update(0, now, status, life.body(words), who.name, automatic, after.affected)
    return _say(db, who, "announcement.update", before, after, said)


def relate(db: Connection, who: Who, number: int, unrelated: tuple[int, ...], now: datetime) -> Announcement:
    """Say which others it is not related to. Raises `NoAnnouncement` and `NotSo`."""
    before = known(db, number, lock=True)
    _all_there(db, before.page, unrelated, number)
    after = replace(before, unrelated=unrelated, changed_at=now)
    store.save(db, after)
    audit.record(db, who, "announcement.relate", target(after), now, before=shown(before), after=shown(after))
    return after


def discard(db: Connection, who: Who, number: int, now: datetime) -> Announcement:
    """Throw a draft away. What customers have read stays. Raises `NoAnnouncement` and `NotSo`."""
    before = known(db, number, lock=True)
    if before.published_at is not None:
        raise NotSo("It has been published: resolve it instead, so that customers read how it ended.")
    store.remove(db, number)
    audit.record(db, who, "announcement.discard", target(before), now, before=shown(before))
    return before


def automatic(one: Announcement) -> Announcement:
    """As it is where the page itself has written it."""
    return replace(one, automatic=True)


def target(one: Announcement) -> str:
    """What the audit log calls it."""
    return f"announcement {one.id}"


def shown(one: Announcement) -> Mapping[str, Any]:
    """It, for the audit log."""
    times = {name: getattr(one, name) for name in ("starts_at", "ends_at", "published_at", "resolved_at")}
    return {
        "page": one.page,
        "kind": one.kind.value,
        "title": one.title,
        "status": one.status.value,
        "impact": one.impact.value,
        "affected": [
            {"component": part.component, "health": part.health.value, "regions": list(part.regions)}
            for part in one.affected
        ],
        "not_related_to": list(one.unrelated),
        "draft": one.draft,
        **{name: at.isoformat() for name, at in times.items() if at is not None},
    }


def _asked_before(db: Connection, request: str) -> Announcement | None:
    """What this request has made. Of two that come at once the second waits for the first."""
    definitions.wait_for_turn(db)
    return store.asked_before(db, request)


def _newest(one: Announcement) -> tuple[Status, str, str]:
    return one.updates[0].status, one.updates[0].body, one.updates[0].by


def _say(
    db: Connection, who: Who, deed: str, before: Announcement, after: Announcement, said: Update
) -> Announcement:
    store.save(db, after)
    number = store.say(db, after.id, said)
    mailbox.queue(db, after.page, number, said.at)
    now_said = replace(said, id=number)
    audit.record(
        db, who, deed, target(after), said.at, before=shown(before), after={**shown(after), "said": said.body}
    )
    return replace(after, updates=(now_said, *before.updates))


def _related(db: Connection, slug: str, wanted: Wanted, number: int = 0) -> Wanted:
    _all_there(db, slug, wanted.unrelated, number)
    return wanted


def _all_there(db: Connection, slug: str, unrelated: tuple[int, ...], number: int) -> None:
    if number in unrelated:
        raise NotSo("not_related_to: names itself.")
    if len(unrelated) > life.MAX_UNRELATED:
        raise NotSo(f"not_related_to: names at most {life.MAX_UNRELATED}.")
    there = store.titles(db, slug, unrelated) if unrelated else {}
    for one in unrelated:
        if one not in there:
            raise NotSo(f"not_related_to: {one} is no published announcement of this page.")
