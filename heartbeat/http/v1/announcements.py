"""Announcements in the API: incidents and maintenance on a status page, from the draft to the last update."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.config import JsonDict, JsonValue
from sqlalchemy import Connection

from heartbeat.definitions import entry as definition_entry
from heartbeat.http.auth import ContextDep, Responder
from heartbeat.http.problem import Unacceptable
from heartbeat.http.v1 import fields
from heartbeat.http.v1.keyed import KeyedRoute
from heartbeat.http.v1.response_models import NextNumber, ResponseModel
from heartbeat.http.v1.tags import ConditionalReadDep
from heartbeat.status import announcement as lifecycle
from heartbeat.status import drafting, editor, store
from heartbeat.status.announcement import Affected, AnnouncementFields, AnnouncementKind, Impact, Status
from heartbeat.status.health import Health

router = APIRouter(prefix="/status-pages/{name}/incidents", tags=["status pages"], route_class=KeyedRoute)

_HEALTH_BY_NAME = {
    "delayed": Health.DELAYED,
    "partly_not_working": Health.PARTLY,
    "not_working": Health.STOPPED,
    "under_maintenance": Health.MAINTENANCE,
    "working": Health.NORMAL,
}
_NAME_BY_HEALTH = {health: name for name, health in _HEALTH_BY_NAME.items()}
_EXAMPLE_AFFECTED: list[JsonValue] = [{"component": "Backups", "health": "delayed", "regions": []}]
_EXAMPLE: JsonDict = {
    "title": "Backups are delayed",
    "body": "Since 01:40 UTC backups are late. We are looking into it.",
    "affected": _EXAMPLE_AFFECTED,
}


def _health_name(text: str) -> str:
    if text not in _HEALTH_BY_NAME:
        raise ValueError(f"must be one of {', '.join(_HEALTH_BY_NAME)}")
    return text


OtherAnnouncement = Annotated[
    int, Field(ge=1, le=fields.MAX_NUMBER), fields.expects("must be the number of an announcement")
]
Markdown = Annotated[
    str, Field(max_length=lifecycle.MAX_BODY, description="Markdown."), AfterValidator(fields.without_nul)
]


class AffectedComponent(BaseModel):
    """An affected component. Without `regions`, all of its regions are affected."""

    model_config = ConfigDict(extra="forbid")

    component: Annotated[str, AfterValidator(fields.without_nul)] = Field(examples=["Backups"])
    health: Annotated[str, AfterValidator(_health_name)] = Field(default="delayed", examples=["delayed"])
    regions: list[Annotated[str, AfterValidator(fields.without_nul)]] = Field(
        default=[], max_length=definition_entry.MAX_REGIONS, examples=[[]]
    )


class AnnouncementBody(BaseModel):
    """An announcement of an incident or a maintenance. It stays a draft until it is published."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [_EXAMPLE]})

    kind: Annotated[AnnouncementKind, fields.expects("must be one of incident, maintenance")] = (
        AnnouncementKind.INCIDENT
    )
    title: Annotated[str, Field(max_length=lifecycle.MAX_TITLE), AfterValidator(fields.without_nul)] = Field(
        examples=["Backups are delayed"]
    )
    body: Markdown = Field(examples=["Since 01:40 UTC backups are late. We are looking into it."])
    status: Annotated[Status, fields.expects(f"must be one of {', '.join(Status)}")] | None = None
    impact: Annotated[Impact, fields.expects(f"must be one of {', '.join(Impact)}")] | None = Field(
        default=None,
        description="By default it follows from the worst affected component. An update that makes it worse raises it.",
    )
    starts_at: fields.Instant | None = Field(default=None, description="The start. By default now.")
    ends_at: fields.Instant | None = Field(default=None, description="The planned end of a maintenance.")
    affected: list[AffectedComponent] = Field(default=[], max_length=1000, examples=[_EXAMPLE_AFFECTED])
    not_related_to: list[OtherAnnouncement] = Field(
        default=[], max_length=lifecycle.MAX_UNRELATED, examples=[[11]]
    )

    def to_fields(self, now: datetime) -> AnnouncementFields:
        """Return the fields for the editor."""
        first = Status.INVESTIGATING if self.kind is AnnouncementKind.INCIDENT else Status.SCHEDULED
        return AnnouncementFields(
            kind=self.kind,
            title=self.title,
            status=self.status or first,
            body=self.body,
            starts_at=self.starts_at or now,
            ends_at=self.ends_at,
            impact=self.impact,
            affected=_affected(self.affected),
            unrelated=tuple(dict.fromkeys(self.not_related_to)),
        )


class DraftSource(BaseModel):
    """The source of a draft: the number of an incident or of a maintenance window."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"incident": 1}]})

    incident: int | None = Field(default=None, ge=1, le=fields.MAX_NUMBER)
    maintenance: int | None = Field(default=None, ge=1, le=fields.MAX_NUMBER)


class UpdateBody(BaseModel):
    """An update of an announcement."""

    model_config = ConfigDict(extra="forbid")

    status: Annotated[Status, fields.expects(f"must be one of {', '.join(Status)}")] = Field(
        examples=["identified"]
    )
    body: Markdown = Field(examples=["The disk of one server was full. It has room again."])
    affected: list[AffectedComponent] | None = Field(
        default=None, max_length=1000, description="By default it does not change."
    )


class RelationsBody(BaseModel):
    """The other announcements of the status page that this one is not related to."""

    model_config = ConfigDict(extra="forbid")

    not_related_to: list[OtherAnnouncement] = Field(max_length=lifecycle.MAX_UNRELATED, examples=[[2]])


class AnnouncementUpdate(ResponseModel):
    """An update of an announcement."""

    at: datetime
    status: Status
    body: str
    by: str = Field(description="The author. Customers do not see it.")
    automatic: bool


class Announcement(ResponseModel):
    """An incident or a maintenance on a status page."""

    id: int
    kind: AnnouncementKind
    title: str
    status: Status
    impact: Impact
    draft: bool = Field(description="Whether it is not published yet.")
    body: str = Field(description="The text of the first update. Empty once it is published.")
    starts_at: datetime
    ends_at: datetime | None
    published_at: datetime | None
    resolved_at: datetime | None
    affected: list[dict[str, Any]] = Field(examples=[_EXAMPLE_AFFECTED])
    not_related_to: list[int]
    incident: int | None = Field(description="The incident that it was drafted from.")
    maintenance: int | None = Field(description="The maintenance window that it was drafted from.")
    automatic: bool = Field(description="Whether the status page created it automatically.")
    updates: list[AnnouncementUpdate] = Field(description="Newest first.")
    next_statuses: list[Status] = Field(description="The possible statuses of the next update.")


class Announcements(ResponseModel):
    """Announcements, newest first."""

    incidents: list[Announcement]
    next: NextNumber


@router.get("")
async def list_announcements(
    name: fields.Slug,
    context: ContextDep,
    conditional: ConditionalReadDep,
    before: fields.Before | None = None,
    limit: fields.Limit = 50,
) -> Announcements:
    """List the announcements of a status page, newest first, with drafts."""

    def work(db: Connection) -> Announcements:
        editor.page_of(db, name)
        listed = store.listed(db, name, limit=limit + 1, below=before)
        following = listed[limit - 1].id if len(listed) > limit else None
        return Announcements(
            incidents=[_response(announcement) for announcement in listed[:limit]], next=following
        )

    return conditional.tagged(await context.database.read(work))


@router.post("", status_code=201)
async def write_announcement(
    name: fields.Slug,
    body: AnnouncementBody,
    context: ContextDep,
    actor: Responder,
    key: fields.RequestKey = "",
) -> Announcement:
    """Create a draft. Customers do not see it until it is published.

    Repeated with the same `Idempotency-Key`, it is created once.
    """
    now, request = context.clock.now(), fields.request(actor, key)
    try:
        announcement = await context.database.write(
            lambda db: editor.make(db, actor, name, body.to_fields(now), now, request)
        )
    except editor.OtherRequest as other:
        raise Unacceptable(f"Idempotency-Key: {other}") from None
    return _response(announcement)


@router.post("/draft", status_code=201)
async def draft_announcement(
    name: fields.Slug, body: DraftSource, context: ContextDep, actor: Responder
) -> Announcement:
    """Create a draft from an incident or a maintenance window, in words for customers.

    A status page has one draft for each: repeating the request returns the existing draft.
    """
    now, (incident, window) = context.clock.now(), (body.incident, body.maintenance)
    if (incident is None) == (window is None):
        raise Unacceptable("incident: send either an incident or a maintenance.")

    def work(db: Connection) -> lifecycle.Announcement:
        if incident is not None:
            return drafting.from_incident(db, actor, name, incident, now)
        return drafting.from_window(db, actor, name, window or 0, now)

    return _response(await context.database.write(work))


@router.get("/{number}")
async def show_announcement(
    name: fields.Slug, number: fields.AnnouncementNumber, context: ContextDep, conditional: ConditionalReadDep
) -> Announcement:
    """Return one announcement with all its updates."""
    return conditional.tagged(
        _response(await context.database.read(lambda db: _announcement_of(db, name, number)))
    )


@router.put("/{number}")
async def change_announcement(
    name: fields.Slug,
    number: fields.AnnouncementNumber,
    body: AnnouncementBody,
    context: ContextDep,
    actor: Responder,
) -> Announcement:
    """Replace a draft. For a published announcement, `status` and `body` do not change: add an update instead."""
    now = context.clock.now()

    def work(db: Connection) -> lifecycle.Announcement:
        _announcement_of(db, name, number)
        return editor.change(db, actor, number, body.to_fields(now), now)

    return await _write(context, work)


@router.post("/{number}/publish")
async def publish_announcement(
    name: fields.Slug, number: fields.AnnouncementNumber, context: ContextDep, actor: Responder
) -> Announcement:
    """Publish an announcement and mail its subscribers. Publishing it twice changes nothing."""
    now = context.clock.now()

    def work(db: Connection) -> lifecycle.Announcement:
        _announcement_of(db, name, number)
        return editor.publish(db, actor, number, now)

    return await _write(context, work)


@router.post("/{number}/updates")
async def update_announcement(
    name: fields.Slug,
    number: fields.AnnouncementNumber,
    body: UpdateBody,
    context: ContextDep,
    actor: Responder,
) -> Announcement:
    """Add an update with a status. Repeating the request adds it once."""
    now, affected = context.clock.now(), None if body.affected is None else _affected(body.affected)

    def work(db: Connection) -> lifecycle.Announcement:
        _announcement_of(db, name, number)
        return editor.update(db, actor, number, body.status, body.body, now, affected=affected)

    return await _write(context, work)


@router.put("/{number}/relations")
async def relate_announcement(
    name: fields.Slug,
    number: fields.AnnouncementNumber,
    body: RelationsBody,
    context: ContextDep,
    actor: Responder,
) -> Announcement:
    """Set the announcements that this one is not related to. Each of them shows it on the status page."""
    now, unrelated = context.clock.now(), tuple(dict.fromkeys(body.not_related_to))

    def work(db: Connection) -> lifecycle.Announcement:
        _announcement_of(db, name, number)
        return editor.relate(db, actor, number, unrelated, now)

    return await _write(context, work)


@router.delete("/{number}", status_code=204)
async def discard_announcement(
    name: fields.Slug, number: fields.AnnouncementNumber, context: ContextDep, actor: Responder
) -> Response:
    """Delete a draft. A published announcement cannot be deleted (422): resolve it instead."""
    now = context.clock.now()

    def work(db: Connection) -> None:
        _announcement_of(db, name, number)
        editor.discard(db, actor, number, now)

    await context.database.write(work)
    return Response(status_code=204)


async def _write(context: ContextDep, work: Any) -> Announcement:
    announcement: lifecycle.Announcement = await context.database.write(work)
    context.wake()
    return _response(announcement)


def _announcement_of(db: Connection, name: str, number: int) -> lifecycle.Announcement:
    announcement = editor.announcement_of(db, number)
    if announcement.page != name:
        raise editor.NoAnnouncement(f"There is no announcement {number}.")
    return announcement


def _affected(components: list[AffectedComponent]) -> tuple[Affected, ...]:
    return tuple(
        Affected(part.component, _HEALTH_BY_NAME[part.health], tuple(part.regions)) for part in components
    )


def _response(announcement: lifecycle.Announcement) -> Announcement:
    return Announcement(
        id=announcement.id,
        kind=announcement.kind,
        title=announcement.title,
        status=announcement.status,
        impact=announcement.impact,
        draft=announcement.published_at is None,
        body=announcement.draft,
        starts_at=announcement.starts_at,
        ends_at=announcement.ends_at,
        published_at=announcement.published_at,
        resolved_at=announcement.resolved_at,
        affected=[
            {
                "component": part.component,
                "health": _NAME_BY_HEALTH[part.health],
                "regions": list(part.regions),
            }
            for part in announcement.affected
        ],
        not_related_to=list(announcement.unrelated),
        incident=announcement.incident_id,
        maintenance=announcement.maintenance_id,
        automatic=announcement.automatic,
        updates=[
            AnnouncementUpdate(
                at=update.at, status=update.status, body=update.body, by=update.by, automatic=update.automatic
            )
            for update in announcement.updates
        ],
        next_statuses=list(lifecycle.next_statuses(announcement)),
    )
