"""What customers are told, in the API: incidents and maintenance of a status page, from draft to end."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.config import JsonDict, JsonValue
from sqlalchemy import Connection

from heartbeat.http.auth import ContextDep, Responder
from heartbeat.http.problem import Unacceptable
from heartbeat.http.v1 import fields
from heartbeat.http.v1.response_models import ResponseModel
from heartbeat.http.v1.tags import ConditionalReadDep
from heartbeat.status import announcement as life
from heartbeat.status import drafting, editor, store
from heartbeat.status.announcement import Affected, AnnouncementFields, Impact, Kind, Status
from heartbeat.status.health import Health

router = APIRouter(prefix="/status-pages/{name}/incidents", tags=["status pages"])

_HOW = {
    "delayed": Health.DELAYED,
    "partly_not_working": Health.PARTLY,
    "not_working": Health.STOPPED,
    "under_maintenance": Health.MAINTENANCE,
    "working": Health.NORMAL,
}
_SAID = {health: name for name, health in _HOW.items()}
_EXAMPLE_AFFECTED: list[JsonValue] = [{"component": "Backups", "health": "delayed", "regions": []}]
_EXAMPLE: JsonDict = {
    "title": "Backups are delayed",
    "body": "Since 01:40 UTC backups are late. We are looking into it.",
    "affected": _EXAMPLE_AFFECTED,
}


def _how(text: str) -> str:
    if text not in _HOW:
        raise ValueError(f"must be one of {', '.join(_HOW)}")
    return text


def _clean(text: str) -> str:
    if "\0" in text:
        raise ValueError("must not have NUL characters, which no database keeps")
    return text


Others = Annotated[
    int, Field(ge=1, le=fields.MAX_NUMBER), fields.expects("must be the number of an announcement")
]
Words = Annotated[str, Field(max_length=life.MAX_BODY, description="Markdown."), AfterValidator(_clean)]


class Part(BaseModel):
    """A component that it is about, in which regions; everywhere where none is named."""

    model_config = ConfigDict(extra="forbid")

    component: Annotated[str, AfterValidator(_clean)] = Field(examples=["Backups"])
    health: Annotated[str, AfterValidator(_how)] = Field(default="delayed", examples=["delayed"])
    regions: list[Annotated[str, AfterValidator(_clean)]] = Field(default=[], max_length=50, examples=[[]])


class Write(BaseModel):
    """An incident or a maintenance for customers. It stays a draft until it is published."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [_EXAMPLE]})

    kind: Annotated[Kind, fields.expects("must be one of incident, maintenance")] = Kind.INCIDENT
    title: Annotated[str, Field(max_length=life.MAX_TITLE), AfterValidator(_clean)] = Field(
        examples=["Backups are delayed"]
    )
    body: Words = Field(examples=["Since 01:40 UTC backups are late. We are looking into it."])
    status: Annotated[Status, fields.expects(f"must be one of {', '.join(Status)}")] | None = None
    impact: Annotated[Impact, fields.expects(f"must be one of {', '.join(Impact)}")] | None = Field(
        default=None, description="From the worst of what is affected, where it is left out."
    )
    starts_at: fields.Instant | None = Field(default=None, description="Since when; now by default.")
    ends_at: fields.Instant | None = Field(default=None, description="The planned end of a maintenance.")
    affected: list[Part] = Field(default=[], max_length=1000, examples=[_EXAMPLE_AFFECTED])
    not_related_to: list[Others] = Field(default=[], max_length=life.MAX_UNRELATED, examples=[[11]])

    def wanted(self, now: datetime) -> AnnouncementFields:
        """It, as the editor takes it."""
        first = Status.INVESTIGATING if self.kind is Kind.INCIDENT else Status.SCHEDULED
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


class Draft(BaseModel):
    """Draft from what is known inside: the number of an incident, or of a maintenance window."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"incident": 1}]})

    incident: int | None = Field(default=None, ge=1, le=fields.MAX_NUMBER)
    maintenance: int | None = Field(default=None, ge=1, le=fields.MAX_NUMBER)


class Say(BaseModel):
    """Say something more."""

    model_config = ConfigDict(extra="forbid")

    status: Annotated[Status, fields.expects(f"must be one of {', '.join(Status)}")] = Field(
        examples=["identified"]
    )
    body: Words = Field(examples=["The disk of one server was full. It has room again."])
    affected: list[Part] | None = Field(
        default=None, max_length=1000, description="As before, where left out."
    )


class Relate(BaseModel):
    """Say which others of this page it is not related to."""

    model_config = ConfigDict(extra="forbid")

    not_related_to: list[Others] = Field(max_length=life.MAX_UNRELATED, examples=[[2]])


class Told(ResponseModel):
    """What was said at an instant."""

    at: datetime
    status: Status
    body: str
    by: str = Field(description="Not shown to customers.")
    automatic: bool


class Announcement(ResponseModel):
    """An incident or a maintenance as customers are told of it."""

    id: int
    kind: Kind
    title: str
    status: Status
    impact: Impact
    draft: bool = Field(description="Whether nobody has published it yet.")
    body: str = Field(description="What will be said first; empty once it is published.")
    starts_at: datetime
    ends_at: datetime | None
    published_at: datetime | None
    resolved_at: datetime | None
    affected: list[dict[str, Any]] = Field(examples=[_EXAMPLE_AFFECTED])
    not_related_to: list[int]
    incident: int | None = Field(description="The incident inside that it was drafted from.")
    maintenance: int | None = Field(description="The maintenance window that it was drafted from.")
    automatic: bool = Field(description="Whether the page has written it by itself.")
    updates: list[Told] = Field(description="Newest first.")
    next_statuses: list[Status] = Field(description="What its next update may say.")


class Announcements(ResponseModel):
    """Announcements, newest first."""

    incidents: list[Announcement]
    next: int | None = Field(description="Give this as `before` for more; null where there is no more.")


@router.get("")
async def list_announcements(
    name: fields.Slug,
    context: ContextDep,
    conditional: ConditionalReadDep,
    before: fields.Before | None = None,
    limit: fields.Limit = 50,
) -> Announcements:
    """What customers of this page are and were told, newest first, with drafts."""

    def work(db: Connection) -> Announcements:
        editor.page_of(db, name)
        found = store.listed(db, name, limit=limit + 1, below=before)
        following = found[limit - 1].id if len(found) > limit else None
        return Announcements(incidents=[_shown(one) for one in found[:limit]], next=following)

    return conditional.tagged(await context.database.read(work))


@router.post("", status_code=201)
async def write_announcement(
    name: fields.Slug, asked: Write, context: ContextDep, actor: Responder, key: fields.RequestKey = ""
) -> Announcement:
    """Write a draft. Customers read nothing of it until it is published.

    Asked again with the same `Idempotency-Key`, it is written once.
    """
    now, request = context.clock.now(), fields.request(actor, key)
    try:
        made = await context.database.write(
            lambda db: editor.make(db, actor, name, asked.wanted(now), now, request)
        )
    except editor.OtherRequest as other:
        raise Unacceptable(f"Idempotency-Key: {other}") from None
    return _shown(made)


@router.post("/draft", status_code=201)
async def draft_announcement(
    name: fields.Slug, asked: Draft, context: ContextDep, actor: Responder
) -> Announcement:
    """A draft from an incident inside, or from a maintenance window, in customers' words.

    Of one incident, or window, a page has one draft: asked again, that is the answer.
    """
    now, (incident, window) = context.clock.now(), (asked.incident, asked.maintenance)
    if (incident is None) == (window is None):
        raise Unacceptable("incident: name either an incident or a maintenance.")

    def work(db: Connection) -> life.Announcement:
        if incident is not None:
            return drafting.from_incident(db, actor, name, incident, now)
        return drafting.from_window(db, actor, name, window or 0, now)

    return _shown(await context.database.write(work))


@router.get("/{number}")
async def show_announcement(
    name: fields.Slug, number: fields.Number, context: ContextDep, conditional: ConditionalReadDep
) -> Announcement:
    """One announcement with everything that was said."""
    return conditional.tagged(_shown(await context.database.read(lambda db: _of(db, name, number))))


@router.put("/{number}")
async def change_announcement(
    name: fields.Slug, number: fields.Number, asked: Write, context: ContextDep, actor: Responder
) -> Announcement:
    """Write a draft anew. Of what is published, `status` and `body` are left alone: say more by an update."""
    now = context.clock.now()

    def work(db: Connection) -> life.Announcement:
        _of(db, name, number)
        return editor.change(db, actor, number, asked.wanted(now), now)

    return await _done(context, work)


@router.post("/{number}/publish")
async def publish_announcement(
    name: fields.Slug, number: fields.Number, context: ContextDep, actor: Responder
) -> Announcement:
    """Tell customers, and mail the subscribers. What is published already stays as it is."""
    now = context.clock.now()

    def work(db: Connection) -> life.Announcement:
        _of(db, name, number)
        return editor.publish(db, actor, number, now)

    return await _done(context, work)


@router.post("/{number}/updates")
async def update_announcement(
    name: fields.Slug, number: fields.Number, asked: Say, context: ContextDep, actor: Responder
) -> Announcement:
    """Say something more, and how far it has come. The same words once more are said once."""
    now, affected = context.clock.now(), None if asked.affected is None else _affected(asked.affected)

    def work(db: Connection) -> life.Announcement:
        _of(db, name, number)
        return editor.update(db, actor, number, asked.status, asked.body, now, affected=affected)

    return await _done(context, work)


@router.put("/{number}/relations")
async def relate_announcement(
    name: fields.Slug, number: fields.Number, asked: Relate, context: ContextDep, actor: Responder
) -> Announcement:
    """Say which others it is not related to. Both of them say so on the page."""
    now, unrelated = context.clock.now(), tuple(dict.fromkeys(asked.not_related_to))

    def work(db: Connection) -> life.Announcement:
        _of(db, name, number)
        return editor.relate(db, actor, number, unrelated, now)

    return await _done(context, work)


@router.delete("/{number}", status_code=204)
async def discard_announcement(
    name: fields.Slug, number: fields.Number, context: ContextDep, actor: Responder
) -> Response:
    """Throw a draft away. What customers have read stays (422): resolve it instead."""
    now = context.clock.now()

    def work(db: Connection) -> None:
        _of(db, name, number)
        editor.discard(db, actor, number, now)

    await context.database.write(work)
    return Response(status_code=204)


async def _done(context: ContextDep, work: Any) -> Announcement:
    found: life.Announcement = await context.database.write(work)
    context.wake()
    return _shown(found)


def _of(db: Connection, name: str, number: int) -> life.Announcement:
    found = editor.announcement_of(db, number)
    if found.page != name:
        raise editor.NoAnnouncement(f"There is no announcement {number}.")
    return found


def _affected(parts: list[Part]) -> tuple[Affected, ...]:
    return tuple(Affected(one.component, _HOW[one.health], tuple(one.regions)) for one in parts)


def _shown(one: life.Announcement) -> Announcement:
    return Announcement(
        id=one.id,
        kind=one.kind,
        title=one.title,
        status=one.status,
        impact=one.impact,
        draft=one.published_at is None,
        body=one.draft,
        starts_at=one.starts_at,
        ends_at=one.ends_at,
        published_at=one.published_at,
        resolved_at=one.resolved_at,
        affected=[
            {"component": part.component, "health": _SAID[part.health], "regions": list(part.regions)}
            for part in one.affected
        ],
        not_related_to=list(one.unrelated),
        incident=one.incident_id,
        maintenance=one.maintenance_id,
        automatic=one.automatic,
        updates=[
            Told(at=said.at, status=said.status, body=said.body, by=said.by, automatic=said.automatic)
            for said in one.updates
        ],
        next_statuses=list(life.next_statuses(one)),
    )
