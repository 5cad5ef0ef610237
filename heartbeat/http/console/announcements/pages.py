"""The console's pages of what customers are told: write, preview, publish, update, resolve, tell apart.

A draft comes from an incident by one press, in customers' words. Nothing is published by looking at it.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection
from starlette.responses import Response

from alerting import desk
from heartbeat.actor import Role
from heartbeat.definitions import store as definition_store
from heartbeat.definitions.status_page import StatusPage
from heartbeat.http.console.announcements import fields
from heartbeat.http.console.request import Shown, Visit
from heartbeat.http.pages import render
from heartbeat.status import announcement as life
from heartbeat.status import drafting, editor, store
from heartbeat.status.announcement import (
    Announcement,
    AnnouncementFields,
    Impact,
    InvalidAnnouncement,
    Kind,
    Status,
)
from heartbeat.status.editor import NoAnnouncement, NoPage
from heartbeat.status.health import Health
from heartbeat.status.publish import html

LISTED = 50
HEALTHS = (Health.DELAYED, Health.PARTLY, Health.STOPPED)
IMPACTS = (Impact.NONE, Impact.MINOR, Impact.MAJOR, Impact.CRITICAL)
_HOUR = timedelta(hours=1)


async def pages(visit: Visit) -> Response:
    """Every status page, and what customers are told there, drafts first."""

    def read(db: Connection) -> dict[str, Any]:
        found = store.listed(db, limit=LISTED)
        return {
            "pages": definition_store.status_pages_of(db),
            "drafts": [one for one in found if one.published_at is None],
            "open": [one for one in found if one.open],
            "past": [one for one in found if one.published_at and not one.open],
        }

    return visit.show("announcements/list.html", **await visit.read(read))


async def write(visit: Visit) -> Response:
    """An empty form."""
    slug, kind = visit.slug, Kind.INCIDENT
    if visit.request.query_params.get("kind") == Kind.MAINTENANCE:
        kind = Kind.MAINTENANCE
    try:
        where, open_ = await visit.read(lambda db: (editor.page_of(db, slug), store.open_of(db, slug)))
    except NoPage as missing:
        return visit.missing(str(missing))
    begins = visit.now.replace(second=0, microsecond=0)
    if kind is Kind.MAINTENANCE:
        begins = begins.replace(minute=0) + 24 * _HOUR
    blank = Announcement(
        id=0,
        page=slug,
        kind=kind,
        title="",
        status=Status.INVESTIGATING if kind is Kind.INCIDENT else Status.SCHEDULED,
        impact=Impact.MINOR,
        starts_at=begins,
        ends_at=begins + _HOUR if kind is Kind.MAINTENANCE else None,
        made_at=visit.now,
        changed_at=visit.now,
    )
    return visit.show("announcements/form.html", **_form(where, blank, open_))


async def make(visit: Visit) -> Response:
    """Keep a draft, and show how customers would read it."""
    slug = visit.slug
    kind = Kind.MAINTENANCE if visit.form.get("kind") == Kind.MAINTENANCE else Kind.INCIDENT
    return await _act(visit, lambda db: editor.make(db, visit.actor, slug, _wanted(visit, kind), visit.now))


async def one_announcement(visit: Visit) -> Response:
    """One announcement: how customers read it, and what can be done."""
    number = visit.number

    def read(db: Connection) -> tuple[Announcement, StatusPage, list[Announcement]]:
        found = editor.announcement_of(db, number)
        return found, editor.page_of(db, found.page), store.open_of(db, found.page)

    try:
        found, where, open_ = await visit.read(read)
    except (NoAnnouncement, NoPage) as missing:
        return visit.missing(str(missing))
    preview = html.preview(where, found, open_, visit.now)
    return visit.show("announcements/page.html", preview=preview, **_form(where, found, open_))


async def change(visit: Visit) -> Response:
    """Keep what was written of a draft, or of anything but the words of what is published."""
    number = visit.number

    def work(db: Connection) -> Announcement:
        before = editor.announcement_of(db, number)
        return editor.change(db, visit.actor, number, _wanted(visit, before.kind, before), visit.now)

    return await _act(visit, work)


async def ask_publish(visit: Visit) -> Response:
    """Ask before customers are told."""
    told = "Customers read it at once, and subscribers get it by mail. It cannot be taken back."
    return await _ask(visit, "Publish {}?", told, "Publish", "first")


async def publish(visit: Visit) -> Response:
    """Tell customers."""
    return await _act(visit, lambda db: editor.publish(db, visit.actor, visit.number, visit.now))


async def update(visit: Visit) -> Response:
    """Say something more."""
    number, words = visit.number, _text(visit, "body")

    def work(db: Connection) -> Announcement:
        # What was not touched in the form stays as it is, also where somebody else has changed it meanwhile.
        chosen = fields.typed(visit.form, ())
        affected = chosen if fields.touched(visit.form, chosen) else None
        return editor.update(db, visit.actor, number, _status(visit), words, visit.now, affected=affected)

    return await _act(visit, work)


async def ask_discard(visit: Visit) -> Response:
    """Ask before a draft is thrown away."""
    told = "No customer has read it. It cannot be brought back."
    return await _ask(visit, "Throw away the draft {}?", told, "Throw it away", "danger")


async def discard(visit: Visit) -> Response:
    """Throw a draft away."""
    try:
        await visit.write(lambda db: editor.discard(db, visit.actor, visit.number, visit.now))
    except NoAnnouncement as missing:
        return visit.missing(str(missing))
    except InvalidAnnouncement as wrong:
        return _refused(visit, wrong)
    return render.see_other("/status-pages")


async def announce(visit: Visit) -> Response:
    """Draft from an incident for a status page: one press, and nothing is published."""
    number, slug = visit.number, _text(visit, "page")
    return await _act(visit, lambda db: drafting.from_incident(db, visit.actor, slug, number, visit.now))


async def announce_where(visit: Visit) -> Response:
    """For which page the draft is to be. With one page there is nothing to ask."""
    number = visit.number

    def read(db: Connection) -> tuple[Any, dict[str, StatusPage]]:
        return desk.dossier(db, number), definition_store.status_pages_of(db)

    found, pages_ = await visit.read(read)
    if found is None:
        return visit.missing(f"There is no incident {number}.")
    return visit.show("announcements/choose_page.html", incident=found.incident, pages=pages_)


READING: Mapping[str, Shown] = {
    "/status-pages": (Role.VIEWER, pages),
    "/status-pages/{slug}/write": (Role.RESPONDER, write),
    "/announcements/{number:int}": (Role.VIEWER, one_announcement),
    "/announcements/{number:int}/publish": (Role.RESPONDER, ask_publish),
    "/announcements/{number:int}/discard": (Role.RESPONDER, ask_discard),
    "/incidents/{number:int}/announce": (Role.RESPONDER, announce_where),
}
ACTING: Mapping[str, Shown] = {
    "/status-pages/{slug}/write": (Role.RESPONDER, make),
    "/announcements/{number:int}": (Role.RESPONDER, change),
    "/announcements/{number:int}/publish": (Role.RESPONDER, publish),
    "/announcements/{number:int}/update": (Role.RESPONDER, update),
    "/announcements/{number:int}/discard": (Role.RESPONDER, discard),
    "/incidents/{number:int}/announce": (Role.RESPONDER, announce),
}


async def _ask(visit: Visit, question: str, consequence: str, action: str, kind: str) -> Response:
    number = visit.number
    try:
        found = await visit.read(lambda db: editor.announcement_of(db, number))
    except NoAnnouncement as missing:
        return visit.missing(str(missing))
    return visit.show(
        "confirm.html",
        question=question.format(found.title),
        consequences=[consequence],
        action=action,
        kind=kind,
        back=f"/announcements/{number}",
    )


async def _act(visit: Visit, work: Any) -> Response:
    """Do it, and show the announcement as it is then. What is wrong with it is told, and nothing was changed."""
    try:
        done: Announcement = await visit.write(work)
    except (NoAnnouncement, NoPage) as missing:
        return visit.missing(str(missing))
    except InvalidAnnouncement as wrong:
        return _refused(visit, wrong)
    return render.see_other(f"/announcements/{done.id}")


def _refused(visit: Visit, wrong: InvalidAnnouncement) -> Response:
    words = f"{wrong} Nothing was changed: go back, what you wrote is still there."
    return render.error_page(visit.request, 422, "That cannot be", words)


def _form(where: StatusPage, one: Announcement, open_: list[Announcement]) -> dict[str, Any]:
    return {
        "page": where,
        "one": one,
        "others": [other for other in open_ if other.id != one.id],
        "lines": fields.lines(one.affected),
        "shown": fields.mark(one.affected),
        "healths": HEALTHS if one.kind is Kind.INCIDENT else (Health.MAINTENANCE,),
        "impacts": IMPACTS,
        "statuses": life.next_statuses(one),
    }


def _wanted(visit: Visit, kind: Kind, before: Announcement | None = None) -> AnnouncementFields:
    impact = str(visit.form.get("impact", ""))
    return AnnouncementFields(
        kind=kind,
        title=_text(visit, "title").strip(),
        status=_status(visit),
        body=_text(visit, "body") or "-",
        starts_at=_instant(visit, "starts_at"),
        ends_at=_instant(visit, "ends_at") if kind is Kind.MAINTENANCE else None,
        impact=Impact(impact) if impact in list(IMPACTS) else None,
        affected=fields.typed(visit.form, before.affected if before else ()),
        unrelated=tuple(
            int(one) for one in map(str, visit.form.getlist("unrelated")) if one.isdigit() and len(one) < 19
        ),
    )


def _status(visit: Visit) -> Status:
    given = str(visit.form.get("status", ""))
    return Status(given) if given in list(Status) else Status.INVESTIGATING


def _text(visit: Visit, name: str) -> str:
    return str(visit.form.get(name, "")).replace("\0", "").replace("\r\n", "\n")


def _instant(visit: Visit, name: str) -> datetime:
    try:
        return datetime.fromisoformat(str(visit.form.get(name, ""))).replace(tzinfo=UTC)
    except ValueError:
        raise InvalidAnnouncement(f"{name}: must be a date and a time, such as 2026-05-02T08:30.") from None
