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
from heartbeat.http.console.request import ConsoleRequest, Route
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


async def pages(request: ConsoleRequest) -> Response:
    """Every status page, and what customers are told there, drafts first."""

    def read(db: Connection) -> dict[str, Any]:
        found = store.listed(db, limit=LISTED)
        return {
            "pages": definition_store.status_pages_of(db),
            "drafts": [one for one in found if one.published_at is None],
            "open": [one for one in found if one.open],
            "past": [one for one in found if one.published_at and not one.open],
        }

    return request.show("announcements/list.html", **await request.read(read))


async def write(request: ConsoleRequest) -> Response:
    """An empty form."""
    slug, kind = request.slug, Kind.INCIDENT
    if request.http.query_params.get("kind") == Kind.MAINTENANCE:
        kind = Kind.MAINTENANCE
    try:
        where, open_ = await request.read(lambda db: (editor.page_of(db, slug), store.open_of(db, slug)))
    except NoPage as missing:
        return request.not_found(str(missing))
    begins = request.now.replace(second=0, microsecond=0)
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
        made_at=request.now,
        changed_at=request.now,
    )
    return request.show("announcements/form.html", **_form(where, blank, open_))


async def make(request: ConsoleRequest) -> Response:
    """Keep a draft, and show how customers would read it."""
    slug = request.slug
    kind = Kind.MAINTENANCE if request.form.get("kind") == Kind.MAINTENANCE else Kind.INCIDENT
    return await _act(
        request, lambda db: editor.make(db, request.actor, slug, _wanted(request, kind), request.now)
    )


async def one_announcement(request: ConsoleRequest) -> Response:
    """One announcement: how customers read it, and what can be done."""
    number = request.number

    def read(db: Connection) -> tuple[Announcement, StatusPage, list[Announcement]]:
        found = editor.announcement_of(db, number)
        return found, editor.page_of(db, found.page), store.open_of(db, found.page)

    try:
        found, where, open_ = await request.read(read)
    except (NoAnnouncement, NoPage) as missing:
        return request.not_found(str(missing))
    preview = html.preview(where, found, open_, request.now)
    return request.show("announcements/page.html", preview=preview, **_form(where, found, open_))


async def change(request: ConsoleRequest) -> Response:
    """Keep what was written of a draft, or of anything but the words of what is published."""
    number = request.number

    def work(db: Connection) -> Announcement:
        before = editor.announcement_of(db, number)
        return editor.change(db, request.actor, number, _wanted(request, before.kind, before), request.now)

    return await _act(request, work)


async def ask_publish(request: ConsoleRequest) -> Response:
    """Ask before customers are told."""
    told = "Customers read it at once, and subscribers get it by mail. It cannot be taken back."
    return await _ask(request, "Publish {}?", told, "Publish", "first")


async def publish(request: ConsoleRequest) -> Response:
    """Tell customers."""
    return await _act(request, lambda db: editor.publish(db, request.actor, request.number, request.now))


async def update(request: ConsoleRequest) -> Response:
    """Say something more."""
    number, words = request.number, _text(request, "body")

    def work(db: Connection) -> Announcement:
        # What was not touched in the form stays as it is, also where somebody else has changed it meanwhile.
        chosen = fields.typed(request.form, ())
        affected = chosen if fields.touched(request.form, chosen) else None
        return editor.update(
            db, request.actor, number, _status(request), words, request.now, affected=affected
        )

    return await _act(request, work)


async def ask_discard(request: ConsoleRequest) -> Response:
    """Ask before a draft is thrown away."""
    told = "No customer has read it. It cannot be brought back."
    return await _ask(request, "Throw away the draft {}?", told, "Throw it away", "danger")


async def discard(request: ConsoleRequest) -> Response:
    """Throw a draft away."""
    try:
        await request.write(lambda db: editor.discard(db, request.actor, request.number, request.now))
    except NoAnnouncement as missing:
        return request.not_found(str(missing))
    except InvalidAnnouncement as wrong:
        return _refused(request, wrong)
    return render.see_other("/status-pages")


async def announce(request: ConsoleRequest) -> Response:
    """Draft from an incident for a status page: one press, and nothing is published."""
    number, slug = request.number, _text(request, "page")
    return await _act(
        request, lambda db: drafting.from_incident(db, request.actor, slug, number, request.now)
    )


async def announce_where(request: ConsoleRequest) -> Response:
    """For which page the draft is to be. With one page there is nothing to ask."""
    number = request.number

    def read(db: Connection) -> tuple[Any, dict[str, StatusPage]]:
        return desk.dossier(db, number), definition_store.status_pages_of(db)

    found, pages_ = await request.read(read)
    if found is None:
        return request.not_found(f"There is no incident {number}.")
    return request.show("announcements/choose_page.html", incident=found.incident, pages=pages_)


READING: Mapping[str, Route] = {
    "/status-pages": (Role.VIEWER, pages),
    "/status-pages/{slug}/write": (Role.RESPONDER, write),
    "/announcements/{number:int}": (Role.VIEWER, one_announcement),
    "/announcements/{number:int}/publish": (Role.RESPONDER, ask_publish),
    "/announcements/{number:int}/discard": (Role.RESPONDER, ask_discard),
    "/incidents/{number:int}/announce": (Role.RESPONDER, announce_where),
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
        found = await request.read(lambda db: editor.announcement_of(db, number))
    except NoAnnouncement as missing:
        return request.not_found(str(missing))
    return request.show(
        "confirm.html",
        question=question.format(found.title),
        consequences=[consequence],
        action=action,
        kind=kind,
        back=f"/announcements/{number}",
    )


async def _act(request: ConsoleRequest, work: Any) -> Response:
    """Do it, and show the announcement as it is then. What is wrong with it is told, and nothing was changed."""
    try:
        done: Announcement = await request.write(work)
    except (NoAnnouncement, NoPage) as missing:
        return request.not_found(str(missing))
    except InvalidAnnouncement as wrong:
        return _refused(request, wrong)
    return render.see_other(f"/announcements/{done.id}")


def _refused(request: ConsoleRequest, wrong: InvalidAnnouncement) -> Response:
    words = f"{wrong} Nothing was changed: go back, what you wrote is still there."
    return render.error_page(request.http, 422, "That cannot be", words)


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


def _wanted(request: ConsoleRequest, kind: Kind, before: Announcement | None = None) -> AnnouncementFields:
    impact = str(request.form.get("impact", ""))
    return AnnouncementFields(
        kind=kind,
        title=_text(request, "title").strip(),
        status=_status(request),
        body=_text(request, "body") or "-",
        starts_at=_instant(request, "starts_at"),
        ends_at=_instant(request, "ends_at") if kind is Kind.MAINTENANCE else None,
        impact=Impact(impact) if impact in list(IMPACTS) else None,
        affected=fields.typed(request.form, before.affected if before else ()),
        unrelated=tuple(
            int(one) for one in map(str, request.form.getlist("unrelated")) if one.isdigit() and len(one) < 19
        ),
    )


def _status(request: ConsoleRequest) -> Status:
    given = str(request.form.get("status", ""))
    return Status(given) if given in list(Status) else Status.INVESTIGATING


def _text(request: ConsoleRequest, name: str) -> str:
    return str(request.form.get(name, "")).replace("\0", "").replace("\r\n", "\n")


def _instant(request: ConsoleRequest, name: str) -> datetime:
    try:
        return datetime.fromisoformat(str(request.form.get(name, ""))).replace(tzinfo=UTC)
    except ValueError:
        raise InvalidAnnouncement(f"{name}: must be a date and a time, such as 2026-05-02T08:30.") from None
