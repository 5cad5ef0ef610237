"""Announcements on the console: write, preview, publish and update them.

One press drafts an announcement from an incident, in customers' words. A view never publishes anything.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection
from starlette.responses import Response

from alerting import desk
from heartbeat.actor import Role
from heartbeat.definitions import store as definition_store
from heartbeat.definitions.status_page import StatusPage
from heartbeat.http.console.announcements import fields
from heartbeat.http.console.request import ConsoleRequest, Route
from heartbeat.http.pages import render
from heartbeat.status import announcement as life
from heartbeat.status import drafting, editor, store
from heartbeat.status.announcement import (
    Announcement,
    AnnouncementFields,
    AnnouncementKind,
    Impact,
    InvalidAnnouncement,
    Status,
)
from heartbeat.status.editor import NoAnnouncement, NoPage
from heartbeat.status.health import Health
from heartbeat.status.publish import html
from heartbeat.status.subscribers import store as subscriber_store

LISTED = 50
"""Announcements in the list."""
HEALTHS = (Health.DELAYED, Health.PARTLY, Health.STOPPED)
IMPACTS = (Impact.NONE, Impact.MINOR, Impact.MAJOR, Impact.CRITICAL)
_HOUR = timedelta(hours=1)


async def overview(request: ConsoleRequest) -> Response:
    """Show all status pages, and the newest announcements: drafts, open and past."""

    def read(db: Connection) -> dict[str, Any]:
        announcements = store.listed(db, limit=LISTED)
        return {
            "pages": definition_store.status_pages_of(db),
            "subscribers": subscriber_store.by_page(db),
            "drafts": [each for each in announcements if each.published_at is None],
            "open": [each for each in announcements if each.open],
            "past": [each for each in announcements if each.published_at and not each.open],
        }

    return request.show("announcements/list.html", **await request.read(read))


async def write(request: ConsoleRequest) -> Response:
    """Show an empty form."""
    slug, kind = request.slug, AnnouncementKind.INCIDENT
    if request.http.query_params.get("kind") == AnnouncementKind.MAINTENANCE:
        kind = AnnouncementKind.MAINTENANCE
    try:
        page, open_ = await request.read(lambda db: (editor.page_of(db, slug), store.open_of(db, slug)))
    except NoPage as error:
        return request.not_found(str(error))
    begins = request.now.replace(second=0, microsecond=0)
    if kind is AnnouncementKind.MAINTENANCE:
        begins = begins.replace(minute=0) + 24 * _HOUR
    blank = Announcement(
        id=0,
        page=slug,
        kind=kind,
        title="",
        status=Status.INVESTIGATING if kind is AnnouncementKind.INCIDENT else Status.SCHEDULED,
        impact=Impact.MINOR,
        starts_at=begins,
        ends_at=begins + _HOUR if kind is AnnouncementKind.MAINTENANCE else None,
        made_at=request.now,
        changed_at=request.now,
    )
    return request.show("announcements/form.html", **_form(page, blank, open_))


async def make(request: ConsoleRequest) -> Response:
    """Save a draft, and show its preview."""
    slug = request.slug
    kind = (
        AnnouncementKind.MAINTENANCE
        if request.form.get("kind") == AnnouncementKind.MAINTENANCE
        else AnnouncementKind.INCIDENT
    )
    return await _act(
        request, lambda db: editor.make(db, request.actor, slug, _fields_typed(request, kind), request.now)
    )


async def show_announcement(request: ConsoleRequest) -> Response:
    """Show one announcement: its preview, and the forms that change it."""
    number = request.number

    def read(db: Connection) -> tuple[Announcement, StatusPage, list[Announcement]]:
        announcement = editor.announcement_of(db, number)
        page = editor.page_of(db, announcement.page)
        return announcement, page, store.open_of(db, announcement.page)

    try:
        announcement, page, open_ = await request.read(read)
    except (NoAnnouncement, NoPage) as error:
        return request.not_found(str(error))
    preview = html.preview(page, announcement, open_, request.now)
    return request.show("announcements/page.html", preview=preview, **_form(page, announcement, open_))


async def change(request: ConsoleRequest) -> Response:
    """Change a draft, or anything but the messages of a published announcement."""
    number = request.number

    def work(db: Connection) -> Announcement:
        announcement = editor.announcement_of(db, number)
        fields_ = _fields_typed(request, announcement.kind, announcement)
        return editor.change(db, request.actor, number, fields_, request.now)

    return await _act(request, work)


async def ask_publish(request: ConsoleRequest) -> Response:
    """Ask before publishing."""
    consequence = "Customers see it at once, and subscribers get it by mail. You cannot take it back."
    return await _ask(request, "Publish {}?", consequence, "Publish", "first")


async def publish(request: ConsoleRequest) -> Response:
    """Publish a draft."""
    return await _act(request, lambda db: editor.publish(db, request.actor, request.number, request.now))


async def update(request: ConsoleRequest) -> Response:
    """Publish an update."""
    number, message = request.number, _text(request, "body")

    def work(db: Connection) -> Announcement:
        # Components that the reader left alone stay as they are, even if somebody else has changed them meanwhile.
        typed = fields.typed(request.form, ())
        affected = typed if fields.changed(request.form, typed) else None
        return editor.update(
            db, request.actor, number, _status(request), message, request.now, affected=affected
        )

    return await _act(request, work)


async def ask_discard(request: ConsoleRequest) -> Response:
    """Ask before discarding a draft."""
    consequence = "No customer has seen it. You cannot restore it."
    return await _ask(request, "Discard the draft {}?", consequence, "Discard it", "danger")


async def discard(request: ConsoleRequest) -> Response:
    """Discard a draft."""
    try:
        await request.write(lambda db: editor.discard(db, request.actor, request.number, request.now))
    except NoAnnouncement as error:
        return request.not_found(str(error))
    except InvalidAnnouncement as error:
        return _refused(request, error)
    return render.see_other("/status-pages")


async def announce(request: ConsoleRequest) -> Response:
    """Draft an announcement from an incident."""
    number, slug = request.number, _text(request, "page")
    return await _act(
        request, lambda db: drafting.from_incident(db, request.actor, slug, number, request.now)
    )


async def choose_page(request: ConsoleRequest) -> Response:
    """Ask which status page the draft is for."""
    number = request.number

    def read(db: Connection) -> tuple[Any, dict[str, StatusPage]]:
        return desk.dossier(db, number), definition_store.status_pages_of(db)

    dossier, pages = await request.read(read)
    if dossier is None:
        return request.not_found(f"There is no incident {number}.")
    return request.show("announcements/choose_page.html", incident=dossier.incident, pages=pages)


READING: Mapping[str, Route] = {
    "/status-pages": (Role.VIEWER, overview),
    "/status-pages/{slug}/write": (Role.RESPONDER, write),
    "/announcements/{number:int}": (Role.VIEWER, show_announcement),
    "/announcements/{number:int}/publish": (Role.RESPONDER, ask_publish),
    "/announcements/{number:int}/discard": (Role.RESPONDER, ask_discard),
    "/incidents/{number:int}/announce": (Role.RESPONDER, choose_page),
}
ACTING: Mapping[str, Route] = {
    "/status-pages/{slug}/write": (Role.RESPONDER, make),
    "/announcements/{number:int}": (Role.RESPONDER, change),
    "/announcements/{number:int}/publish": (Role.RESPONDER, publish),
    "/announcements/{number:int}/update": (Role.RESPONDER, update),
    "/announcements/{number:int}/discard": (Role.RESPONDER, discard),
    "/incidents/{number:int}/announce": (Role.RESPONDER, announce),
}


async def _ask(request: ConsoleRequest, question: str, consequence: str, action: str, kind: str) -> Response:
    number = request.number
    try:
        announcement = await request.read(lambda db: editor.announcement_of(db, number))
    except NoAnnouncement as error:
        return request.not_found(str(error))
    return request.show(
        "confirm.html",
        question=question.format(announcement.title),
        consequences=[consequence],
        action=action,
        kind=kind,
        back=f"/announcements/{number}",
    )


async def _act(request: ConsoleRequest, work: Callable[[Connection], Announcement]) -> Response:
    """Run `work`, then show the announcement that it returns."""
    try:
        announcement = await request.write(work)
    except (NoAnnouncement, NoPage) as error:
        return request.not_found(str(error))
    except InvalidAnnouncement as error:
        return _refused(request, error)
    return render.see_other(f"/announcements/{announcement.id}")


def _refused(request: ConsoleRequest, error: InvalidAnnouncement) -> Response:
    message = f"{error} Go back: what you typed is still there."
    return render.error_page(request.http, 422, "Nothing was changed", message)


def _form(page: StatusPage, announcement: Announcement, open_: list[Announcement]) -> dict[str, Any]:
    return {
        "page": page,
        "announcement": announcement,
        "others": [other for other in open_ if other.id != announcement.id],
        "lines": fields.lines(announcement.affected),
        "fingerprint": fields.fingerprint(announcement.affected),
        "healths": HEALTHS if announcement.kind is AnnouncementKind.INCIDENT else (Health.MAINTENANCE,),
        "impacts": IMPACTS,
        "statuses": life.next_statuses(announcement),
    }


def _fields_typed(
    request: ConsoleRequest, kind: AnnouncementKind, current: Announcement | None = None
) -> AnnouncementFields:
    impact = str(request.form.get("impact", ""))
    return AnnouncementFields(
        kind=kind,
        title=_text(request, "title").strip(),
        status=_status(request),
        body=_text(request, "body") or "-",
        starts_at=_instant(request, "starts_at"),
        ends_at=_instant(request, "ends_at") if kind is AnnouncementKind.MAINTENANCE else None,
        impact=Impact(impact) if impact in list(IMPACTS) else None,
        affected=fields.typed(request.form, current.affected if current else ()),
        unrelated=tuple(
            int(text)
            for text in map(str, request.form.getlist("unrelated"))
            if text.isdigit() and len(text) < 19
        ),
    )


def _status(request: ConsoleRequest) -> Status:
    text = str(request.form.get("status", ""))
    return Status(text) if text in list(Status) else Status.INVESTIGATING


def _text(request: ConsoleRequest, name: str) -> str:
    return str(request.form.get(name, "")).replace("\0", "").replace("\r\n", "\n")


def _instant(request: ConsoleRequest, name: str) -> datetime:
    try:
        return datetime.fromisoformat(str(request.form.get(name, ""))).replace(tzinfo=UTC)
    except ValueError:
        raise InvalidAnnouncement(f"{name}: must be a date and a time, such as 2026-05-02T08:30.") from None
