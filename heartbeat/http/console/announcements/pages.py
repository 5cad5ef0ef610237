"""Announcements on the console: write, preview, publish and update them.

One press drafts an announcement from an incident, in customers' words. A view never publishes anything.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

from sqlalchemy import Connection
from starlette.responses import Response

from alerting import desk
from alerting.notifiers.email import Email
from heartbeat.actor import Role
from heartbeat.definitions import store as definition_store
from heartbeat.definitions.status_page import StatusPage
from heartbeat.http.console.announcements import fields
from heartbeat.http.console.announcements.fields import Filled
from heartbeat.http.console.request import ConsoleRequest, Route
from heartbeat.http.pages import render
from heartbeat.status import announcement as life
from heartbeat.status import drafting, editor, in_force, standing, store
from heartbeat.status.announcement import (
    Announcement,
    AnnouncementKind,
    Impact,
    InvalidAnnouncement,
    Status,
    Update,
)
from heartbeat.status.editor import NoAnnouncement, NoPage
from heartbeat.status.health import Health
from heartbeat.status.publish import html
from heartbeat.status.publish.snapshot import Snapshot
from heartbeat.status.subscribers import store as subscriber_store

LISTED = 50
"""Announcements in the list."""
HEALTHS = (Health.DELAYED, Health.PARTLY, Health.STOPPED, Health.NORMAL)
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
    kind = _kind(str(request.http.query_params.get("kind", "")))
    try:
        page, open_ = await request.read(lambda db: _page_and_open(db, request.slug))
    except NoPage as error:
        return request.not_found(str(error))
    blank = _blank(request, kind)
    return request.show("announcements/form.html", **_form(page, blank, open_, fields.of_announcement(blank)))


async def make(request: ConsoleRequest) -> Response:
    """Save a draft, and show its preview."""
    kind, filled = _kind(str(request.form.get("kind", ""))), fields.of_form(request.form)

    def work(db: Connection) -> Announcement:
        wanted = fields.announcement_fields(filled, kind)
        return editor.make(db, request.actor, request.slug, wanted, request.now)

    async def again(problem: str) -> Response:
        page, open_ = await request.read(lambda db: _page_and_open(db, request.slug))
        facts = _form(page, _blank(request, kind), open_, filled)
        return request.show("announcements/form.html", status=422, problem=problem, **facts)

    return await _act(request, work, again)


async def show_announcement(request: ConsoleRequest) -> Response:
    """Show one announcement: its preview, and the forms that change it."""
    return await _show(request)


async def change(request: ConsoleRequest) -> Response:
    """Change a draft, or the details of a published announcement: first show it as customers will read it, and ask."""
    step, seen = str(request.form.get("do", "")), str(request.form.get("seen", ""))

    def work(db: Connection) -> Announcement:
        announcement = editor.announcement_of(db, request.number, lock=True)
        is_seen = step == "change" and seen in ("", announcement.changed_at.isoformat())
        if announcement.published_at is not None and not is_seen:
            raise _Changed
        wanted = fields.details(request.form, announcement)
        return editor.change(db, request.actor, announcement.id, wanted, request.now)

    if step == "edit":
        return await _show(request, of_details=True)
    again = partial(_show, request, of_details=True)
    try:
        return await _act(request, work, again, then="/publish" if step == "publish" else "")
    except _Changed:
        return await _ask_change(request)


async def _ask_change(request: ConsoleRequest) -> Response:
    def preview(db: Connection) -> tuple[str, dict[str, Any]]:
        announcement = editor.announcement_of(db, request.number)
        wanted = fields.details(request.form, announcement)
        changed = editor.changed(db, announcement, wanted, request.now)
        return announcement.changed_at.isoformat(), _as_customers_read_it(db, changed, request)

    try:
        seen, facts = await request.read(preview)
    except InvalidAnnouncement as error:
        return await _show(request, fields.problem(error), of_details=True)
    return request.show(
        "announcements/publish.html", step="change", typed=_typed(request), seen=seen, **facts
    )


async def ask_publish(request: ConsoleRequest) -> Response:
    """Show a draft as customers will read it, and ask before publishing."""
    number = request.number

    def read(db: Connection) -> tuple[Announcement, dict[str, Any]]:
        announcement = editor.announcement_of(db, number)
        return announcement, _as_customers_read_it(db, html.as_published(announcement, request.now), request)

    try:
        announcement, facts = await request.read(read)
    except (NoAnnouncement, NoPage) as error:
        return request.not_found(str(error))
    if announcement.published_at is not None:
        return render.see_other(f"/announcements/{number}")
    seen = announcement.changed_at.isoformat()
    return request.show("announcements/publish.html", step="publish", typed=(), seen=seen, **facts)


async def publish(request: ConsoleRequest) -> Response:
    """Publish a draft, if it is still as it was shown."""
    number, seen = request.number, str(request.form.get("seen", ""))

    def work(db: Connection) -> Announcement:
        announcement = editor.announcement_of(db, number, lock=True)
        if seen and announcement.published_at is None and seen != announcement.changed_at.isoformat():
            raise _Changed
        return editor.publish(db, request.actor, number, request.now)

    try:
        return await _act(request, work, partial(_show, request))
    except _Changed:
        return await ask_publish(request)


async def update(request: ConsoleRequest) -> Response:
    """Publish an update. First show the announcement with it, as customers will read it, and ask."""
    number, filled, step = request.number, fields.of_form(request.form), str(request.form.get("do", ""))
    # Components that the reader left alone stay as they are, even if somebody else has changed them meanwhile.
    affected = filled.affected if fields.changed(request.form, filled.affected) else None
    status = fields.status(filled.status)

    def preview(db: Connection) -> dict[str, Any]:
        announcement = editor.announcement_of(db, number)
        updated = editor.updated(db, announcement, status, filled.body, request.now, affected)
        entry = Update(0, request.now, status, filled.body, "", affected=updated.affected)
        whole = replace(updated, updates=(entry, *announcement.updates))
        return _as_customers_read_it(db, whole, request)

    def work(db: Connection) -> Announcement:
        return editor.update(db, request.actor, number, status, filled.body, request.now, affected=affected)

    if step == "edit":
        return await _show(request)
    again = partial(_show, request)
    if step != "preview":
        return await _act(request, work, again)
    try:
        facts = await request.read(preview)
    except (NoAnnouncement, NoPage) as error:
        return request.not_found(str(error))
    except InvalidAnnouncement as error:
        return await again(fields.problem(error))
    return request.show("announcements/publish.html", step="update", typed=_typed(request), seen="", **facts)


async def ask_discard(request: ConsoleRequest) -> Response:
    """Ask before discarding a draft."""
    number = request.number
    try:
        announcement = await request.read(lambda db: editor.announcement_of(db, number))
    except NoAnnouncement as error:
        return request.not_found(str(error))
    return request.show(
        "confirm.html",
        question=f"Discard the draft {announcement.title}?",
        consequences=["No customer has seen it. You cannot restore it."],
        action="Discard it",
        back=f"/announcements/{number}",
    )


async def discard(request: ConsoleRequest) -> Response:
    """Discard a draft."""
    try:
        await request.write(lambda db: editor.discard(db, request.actor, request.number, request.now))
    except NoAnnouncement as error:
        return request.not_found(str(error))
    except InvalidAnnouncement as error:
        return await _show(request, fields.problem(error))
    return render.see_other("/status-pages")


async def announce(request: ConsoleRequest) -> Response:
    """Draft an announcement from an incident."""
    number, slug = request.number, fields.text(request.form, "page")

    async def refused(problem: str) -> Response:
        return render.error_page(request.http, 422, "Nothing was changed", problem)

    return await _act(
        request, lambda db: drafting.from_incident(db, request.actor, slug, number, request.now), refused
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


class _Changed(Exception):
    """Somebody has changed the draft since it was shown."""


async def _act(
    request: ConsoleRequest,
    work: Callable[[Connection], Announcement],
    again: Callable[[str], Awaitable[Response]],
    then: str = "",
) -> Response:
    """Run `work`, then show the announcement that it returns, or what follows there. With a problem, ask `again`."""
    try:
        announcement = await request.write(work)
    except (NoAnnouncement, NoPage) as error:
        return request.not_found(str(error))
    except InvalidAnnouncement as error:
        return await again(fields.problem(error))
    return render.see_other(f"/announcements/{announcement.id}{then}")


def _typed(request: ConsoleRequest) -> list[tuple[str, Any]]:
    """Return what was typed, for the hidden fields of a question."""
    return [item for item in request.form.multi_items() if item[0] not in ("csrf", "do", "seen")]


async def _show(request: ConsoleRequest, problem: str = "", *, of_details: bool = False) -> Response:
    """Show an announcement. A form that was sent keeps what was typed: the one of its details, or of an update."""

    def read(db: Connection) -> tuple[Announcement, list[Announcement], Snapshot, str]:
        announcement = editor.announcement_of(db, request.number)
        shown = html.as_published(announcement, request.now)
        snapshot = _snapshot(db, shown, request)
        # Here and not in the event loop: long Markdown takes a while.
        return announcement, store.open_of(db, announcement.page), snapshot, html.preview(snapshot, shown)

    try:
        announcement, open_, snapshot, preview = await request.read(read)
    except (NoAnnouncement, NoPage) as error:
        return request.not_found(str(error))
    stored = fields.of_announcement(announcement)
    sent = fields.of_form(request.form, announcement) if "body" in request.form or of_details else stored
    facts = _form(snapshot.page, announcement, open_, sent if of_details else stored)
    return request.show(
        "announcements/page.html",
        status=422 if problem else 200,
        preview=preview,
        overtaken=in_force.overtaken(announcement, snapshot.rows, snapshot.recoveries),
        problem=problem,
        news=stored if of_details else sent,
        **facts,
    )


def _as_customers_read_it(
    db: Connection, announcement: Announcement, request: ConsoleRequest
) -> dict[str, Any]:
    """Return an announcement and the headline of its status page, as they will be, and the number of mails."""
    snapshot = _snapshot(db, announcement, request)
    page = snapshot.page
    subscribers = subscriber_store.by_page(db).get(page.slug) if Email.kind in desk.notifiers(db) else None
    return {
        "page": page,
        "announcement": announcement,
        "headline": snapshot.headline,
        "preview": html.preview(snapshot, announcement),
        "mails": subscribers.confirmed if subscribers else 0,
    }


def _snapshot(db: Connection, announcement: Announcement, request: ConsoleRequest) -> Snapshot:
    """Return the status page with this announcement and the open ones."""
    page, open_ = _page_and_open(db, announcement.page)
    shown = (announcement, *(other for other in open_ if other.id != announcement.id))
    stands = standing.at(db, page, store.check_counts(db), shown, request.now)
    return Snapshot(page, request.now, stands.rows, "", shown, recoveries=stands.recoveries)


def _page_and_open(db: Connection, slug: str) -> tuple[StatusPage, list[Announcement]]:
    return editor.page_of(db, slug), store.open_of(db, slug)


def _kind(written: str) -> AnnouncementKind:
    maintenance = written == AnnouncementKind.MAINTENANCE
    return AnnouncementKind.MAINTENANCE if maintenance else AnnouncementKind.INCIDENT


def _blank(request: ConsoleRequest, kind: AnnouncementKind) -> Announcement:
    """Return a new announcement with the times that its form proposes."""
    begins, ends = request.now.replace(second=0, microsecond=0), None
    if kind is AnnouncementKind.MAINTENANCE:
        begins = begins.replace(minute=0) + 24 * _HOUR
        ends = begins + _HOUR
    return Announcement(
        id=0,
        page=request.slug,
        kind=kind,
        title="",
        status=Status.INVESTIGATING if kind is AnnouncementKind.INCIDENT else Status.SCHEDULED,
        impact=Impact.MINOR,
        starts_at=begins,
        ends_at=ends,
        made_at=request.now,
        changed_at=request.now,
    )


def _form(
    page: StatusPage, announcement: Announcement, open_: list[Announcement], filled: Filled
) -> dict[str, Any]:
    return {
        "page": page,
        "announcement": announcement,
        "filled": filled,
        "others": [other for other in open_ if other.id != announcement.id],
        "healths": HEALTHS if announcement.kind is AnnouncementKind.INCIDENT else (Health.MAINTENANCE,),
        "impacts": fields.IMPACTS,
        "statuses": life.next_statuses(announcement),
    }
