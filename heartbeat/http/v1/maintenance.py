"""Maintenance windows in the API: while one is active, nobody is paged for the checks that it covers."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field
from sqlalchemy import Connection
from starlette.responses import Response

from heartbeat.checks import maintenance, maintenance_store, recurrence
from heartbeat.checks import store as check_store
from heartbeat.checks.maintenance import Kind, Phase, Window
from heartbeat.checks.recurrence import FOLLOWING, Recurrence
from heartbeat.definitions import store as definition_store
from heartbeat.definitions.edit import maintenance as edit
from heartbeat.definitions.edit.maintenance import Arranged
from heartbeat.http.auth import ContextDep, Responder
from heartbeat.http.problem import NoSuch, Unacceptable
from heartbeat.http.v1 import fields
from heartbeat.http.v1.keyed import KeyedRoute
from heartbeat.http.v1.response_models import NextNumber, ResponseModel
from heartbeat.http.v1.tags import ConditionalReadDep, PreconditionDep, set_put_headers, tag

router = APIRouter(prefix="/maintenance", tags=["maintenance"], route_class=KeyedRoute)

Definition = Annotated[
    dict[str, Any],
    fields.definition_schema("maintenance"),
    fields.definition_body(
        A_night={
            "title": "Database move",
            "match": {"host": "vault-1"},
            "starts_at": "2026-05-02T01:00:00Z",
            "ends_at": "2026-05-02T05:00:00Z",
        },
        Each_Sunday={
            "title": "Patching",
            "match": {"host": "vault-1"},
            "repeats": {
                "rrule": "FREQ=WEEKLY;BYDAY=SU",
                "starts": "2026-05-03T01:00",
                "timezone": "Europe/London",
                "duration": "4h",
            },
        },
        From_now_on={"title": "Kernel update", "match": {"region": "eu"}, "ends_at": "2026-05-02T05:00:00Z"},
    ),
]


class Occurrence(ResponseModel):
    """One occurrence of a window that recurs."""

    starts_at: datetime
    ends_at: datetime


class Repeats(ResponseModel):
    """How a window recurs."""

    rrule: str = Field(examples=["FREQ=WEEKLY;BYDAY=SU"])
    starts: str = Field(
        description="The first start on the clock of the zone.", examples=["2026-05-03T01:00"]
    )
    timezone: str = Field(examples=["Europe/London"])
    duration: str = Field(examples=["4h"])
    words: str = Field(examples=["every week on Sunday at 01:00 for 4 h, Europe/London"])
    following: list[Occurrence] = Field(description="The next five occurrences, with the one under way.")


class PagingCheck(ResponseModel):
    """A check whose incident already pages. The window does not silence it."""

    check: str = Field(examples=["nightly-backup"])
    incident: int = Field(examples=[12])


class Maintenance(ResponseModel):
    """A maintenance window: a time in which nobody is paged for certain checks."""

    id: int = Field(examples=[3])
    title: str = Field(examples=["Database move"])
    description: str = Field(examples=[""])
    match: dict[str, str] = Field(
        description="It covers the checks that have all of these labels.", examples=[{"host": "vault-1"}]
    )
    starts_at: datetime
    ends_at: datetime
    phase: Phase
    made_by: str = Field(examples=["anna"])
    made_at: datetime
    kind: Kind
    checks: int = Field(description="The number of checks that it covers.", examples=[4])
    holding: list[str] = Field(
        description="While it is active: the checks that are down, and not paged for before its end.",
        examples=[["nightly-backup"]],
    )
    repeats: Repeats | None = Field(
        description="The rule of a window that recurs. Its start and end are those of the current or next occurrence."
    )


class ChangedMaintenance(Maintenance):
    """A window after a change, with the incidents that it does not silence."""

    ringing: list[PagingCheck] = Field(
        description="The checks that already page, until somebody acknowledges or snoozes their incidents."
    )


class MaintenanceWindows(ResponseModel):
    """Windows, the newest created first."""

    maintenance: list[Maintenance]
    next: NextNumber


@router.get("")
async def list_maintenance(
    context: ContextDep,
    conditional: ConditionalReadDep,
    phase: fields.WindowPhase | None = None,
    before: fields.BeforeWindow | None = None,
    limit: fields.Limit = 50,
) -> MaintenanceWindows:
    """List maintenance windows, the newest created first: all, or only upcoming, active or past ones."""
    now = context.clock.now()

    def work(db: Connection) -> MaintenanceWindows:
        windows = maintenance_store.listed(db, now, limit=limit + 1, phase=phase, before=before)
        following = windows[limit - 1].id if len(windows) > limit else None
        listed = [_response(db, window, now) for window in windows[:limit]]
        conditional.set_tag(tag((listed, following)))
        return MaintenanceWindows(maintenance=listed, next=following)

    return await context.database.read(work)


@router.get("/{number}")
async def show_maintenance(
    number: fields.WindowNumber, context: ContextDep, conditional: ConditionalReadDep
) -> Maintenance:
    """Return one maintenance window."""
    now = context.clock.now()

    def work(db: Connection) -> Maintenance:
        window = _response(db, _required(maintenance_store.load(db, number, now), number), now)
        conditional.set_tag(_tag(window))
        return window

    return await context.database.read(work)


@router.post(
    "",
    status_code=201,
    responses={200: {"description": "The window already exists.", "model": ChangedMaintenance}},
)
async def make_maintenance(
    body: Definition, context: ContextDep, actor: Responder, response: Response, key: fields.RequestKey = ""
) -> ChangedMaintenance:
    """Create a maintenance window. While it is active, nobody is paged for its checks.

    A check that turns down has its incident, as always. If it is still down when the window ends, it pages then. An
    incident with a check outside of the window pages at once. Incidents that already page are not silenced; the
    answer lists them in `ringing`. Repeated with the same `Idempotency-Key`, the window is created once (then 200).
    """
    now = context.clock.now()

    def work(db: Connection) -> tuple[ChangedMaintenance, bool]:
        definition = edit.read(body, now)
        arranged = edit.make(db, actor, definition, now, fields.request(actor, key))
        if not arranged.fresh and (arranged.window.title, arranged.window.match) != (
            definition.title,
            definition.match,
        ):
            raise Unacceptable("Idempotency-Key: another window was created with this key. Use a new one.")
        return _changed(db, arranged, now), arranged.fresh

    window, created = await context.database.write(work)
    context.wake()
    set_put_headers(response, _tag(window), f"{context.public_url}/v1/maintenance/{window.id}")
    response.status_code = 201 if created else 200
    return window


@router.put("/{number}")
async def change_maintenance(
    number: fields.WindowNumber,
    body: Definition,
    context: ContextDep,
    actor: Responder,
    precondition: PreconditionDep,
    response: Response,
) -> ChangedMaintenance:
    """Replace a maintenance window. First pages that it holds wait for the new end.

    Without `starts_at`, its start stays. Repeating the request changes nothing. A past window cannot be changed (409).
    """
    now = context.clock.now()

    def work(db: Connection) -> ChangedMaintenance:
        # Before the window is locked: the holder of the turn may need that lock.
        definition_store.wait_for_turn(db)
        current = _required(maintenance_store.load(db, number, now), number)
        precondition.require(_tag(_response(db, current, now)))
        own = {} if "repeats" in body else {"starts_at": current.starts_at.isoformat()}
        definition = edit.read(own | body, now)
        arranged = edit.change(db, actor, number, definition, now)
        return _changed(db, _required(arranged, number), now)

    window = await context.database.write(work)
    context.wake()
    set_put_headers(response, _tag(window), None)
    return window


@router.post("/{number}/end")
async def end_maintenance(
    number: fields.WindowNumber, context: ContextDep, actor: Responder
) -> ChangedMaintenance:
    """End a maintenance window now. The pages that it held are sent. Ending it twice changes nothing.

    An upcoming window cannot end (409): delete it.
    """
    now = context.clock.now()
    window = await context.database.write(
        lambda db: _changed(db, _required(edit.end(db, actor, number, now), number), now)
    )
    context.wake()
    return window


@router.delete("/{number}", status_code=204)
async def delete_maintenance(number: fields.WindowNumber, context: ContextDep, actor: Responder) -> None:
    """Delete a maintenance window. The pages that it held are sent."""
    now = context.clock.now()
    _required(await context.database.write(lambda db: edit.delete(db, actor, number, now)), number)
    context.wake()


def _response(db: Connection, window: Window, now: datetime) -> Maintenance:
    return Maintenance(**_fields(db, window, now))


def _changed(db: Connection, arranged: Arranged, now: datetime) -> ChangedMaintenance:
    ringing = [PagingCheck(check=slug, incident=number) for slug, number in sorted(arranged.ringing.items())]
    return ChangedMaintenance(**_fields(db, arranged.window, now), ringing=ringing)


def _fields(db: Connection, window: Window, now: datetime) -> dict[str, Any]:
    holding = edit.holding(db, window, now)
    derived: dict[str, Any] = {
        "holding": holding,
        "phase": maintenance.phase(window, now),
        "checks": check_store.count_with(db, window.match),
    }
    stored = {name: getattr(window, name) for name in Maintenance.model_fields if hasattr(window, name)}
    repeats = window.recurrence and _repeats(window.recurrence, now)
    return stored | derived | {"repeats": repeats}


def _repeats(rule: Recurrence, now: datetime) -> Repeats:
    following = [
        Occurrence(starts_at=occurrence.starts_at, ends_at=occurrence.ends_at)
        for occurrence in recurrence.following(rule, now, FOLLOWING)
    ]
    return Repeats(**edit.repeats(rule), words=rule.words, following=following)


def _tag(window: Maintenance) -> str:
    spans = window.starts_at, window.ends_at
    # The times of a window that recurs change by themselves, and do not keep anybody from changing it.
    rule = window.repeats and window.repeats.model_copy(update={"following": []})
    own = spans if rule is None else rule
    return tag(
        (window.id, window.title, window.description, window.match, window.kind, own),
        (window.holding, window.phase, window.checks, spans),
    )


def _required(window: Any, number: int) -> Any:
    if window is None:
        raise NoSuch(f"There is no maintenance {number}.")
    return window
