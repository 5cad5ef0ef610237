"""Maintenance windows in the API: while one is active, nobody is paged for the checks that it is about."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field
from sqlalchemy import Connection
from starlette.responses import Response

from heartbeat.checks import maintenance, maintenance_store
from heartbeat.checks import store as check_store
from heartbeat.checks.maintenance import Phase, Window
from heartbeat.definitions import store as definition_store
from heartbeat.definitions.edit import maintenance as edit
from heartbeat.definitions.edit.maintenance import Arranged
from heartbeat.http.auth import ContextDep, Responder
from heartbeat.http.problem import NoSuch, Unacceptable
from heartbeat.http.v1 import fields
from heartbeat.http.v1.response_models import ResponseModel
from heartbeat.http.v1.tags import ConditionalReadDep, PreconditionDep, set_put_headers, tag

router = APIRouter(prefix="/maintenance", tags=["maintenance"])

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
        From_now_on={"title": "Kernel update", "match": {"region": "eu"}, "ends_at": "2026-05-02T05:00:00Z"},
    ),
]


class Ringing(ResponseModel):
    """A check whose incident pages already. A window that is made meanwhile does not silence it."""

    check: str = Field(examples=["nightly-backup"])
    incident: int = Field(examples=[12])


class Maintenance(ResponseModel):
    """A time in which nobody is paged for what is known to be worked on."""

    id: int = Field(examples=[3])
    title: str = Field(examples=["Database move"])
    description: str = Field(examples=[""])
    match: dict[str, str] = Field(
        description="It is about the checks with all of these labels.", examples=[{"host": "vault-1"}]
    )
    starts_at: datetime
    ends_at: datetime
    phase: Phase
    made_by: str = Field(examples=["anna"])
    made_at: datetime
    checks: int = Field(description="How many checks it is about.", examples=[4])


class Arrangement(Maintenance):
    """A window, and what was too late for it."""

    ringing: list[Ringing] = Field(
        description="What pages already, and goes on until somebody answers: acknowledge or snooze it."
    )


class MaintenanceWindows(ResponseModel):
    """Windows, newest made first."""

    maintenance: list[Maintenance]
    next: int | None = Field(description="Give this as `before` for more; null where there is no more.")


@router.get("")
async def list_maintenance(
    context: ContextDep,
    conditional: ConditionalReadDep,
    phase: fields.WindowPhase | None = None,
    before: fields.BeforeWindow | None = None,
    limit: fields.Limit = 50,
) -> MaintenanceWindows:
    """Maintenance windows, newest made first: all, or those that are upcoming, active or past."""
    now = context.clock.now()

    def work(db: Connection) -> MaintenanceWindows:
        found = maintenance_store.listed(db, now, limit=limit + 1, phase=phase, before=before)
        following = found[limit - 1].id if len(found) > limit else None
        shown = [_shown(db, one, now) for one in found[:limit]]
        conditional.set_tag(tag((shown, following)))
        return MaintenanceWindows(maintenance=shown, next=following)

    return await context.database.read(work)


@router.get("/{number}")
async def show_maintenance(
    number: fields.WindowNumber, context: ContextDep, conditional: ConditionalReadDep
) -> Maintenance:
    """One maintenance window."""
    now = context.clock.now()

    def work(db: Connection) -> Maintenance:
        shown = _shown(db, _known(maintenance_store.load(db, number), number), now)
        conditional.set_tag(_tag(shown))
        return shown

    return await context.database.read(work)


@router.post(
    "", status_code=201, responses={200: {"description": "It was made before.", "model": Arrangement}}
)
async def make_maintenance(
    given: Definition, context: ContextDep, actor: Responder, response: Response, key: fields.RequestKey = ""
) -> Arrangement:
    """Hold the pages for these checks until it ends.

    A check that turns down meanwhile is down and has its incident; it is paged for at the end, unless it has come
    back. An incident in which something else is wrong too pages at once. What pages already is not silenced; it
    stands in `ringing`. Asked again with the same `Idempotency-Key`, the window is made once (then 200).
    """
    now = context.clock.now()

    def work(db: Connection) -> tuple[Arrangement, bool]:
        wanted = edit.read(given, now)
        done = edit.make(db, actor, wanted, now, fields.request(actor, key))
        if not done.fresh and (done.window.title, done.window.match) != (wanted.title, wanted.match):
            raise Unacceptable("Idempotency-Key: another window was made with this one; choose a new one.")
        return _answered(db, done, now), done.fresh

    answered, fresh = await context.database.write(work)
    context.wake()
    set_put_headers(response, _tag(answered), f"{context.public_url}/v1/maintenance/{answered.id}")
    response.status_code = 201 if fresh else 200
    return answered


@router.put("/{number}")
async def change_maintenance(
    number: fields.WindowNumber,
    given: Definition,
    context: ContextDep,
    actor: Responder,
    precondition: PreconditionDep,
    response: Response,
) -> Arrangement:
    """Make it so: the whole window. What waits for its first page waits for the new end.

    Without `starts_at` it begins when it began. The same again changes nothing. What is over stays (409).
    """
    now = context.clock.now()

    def work(db: Connection) -> Arrangement:
        # Before the window is locked: whoever has the turn may want that lock.
        definition_store.wait_for_turn(db)
        before = _known(maintenance_store.load(db, number), number)
        precondition.require(_tag(_shown(db, before, now)))
        wanted = edit.read({"starts_at": before.starts_at.isoformat()} | given, now)
        done = edit.change(db, actor, number, wanted, now)
        return _answered(db, _known(done, number), now)

    answered = await context.database.write(work)
    context.wake()
    set_put_headers(response, _tag(answered), None)
    return answered


@router.post("/{number}/end")
async def end_maintenance(number: fields.WindowNumber, context: ContextDep, actor: Responder) -> Arrangement:
    """End it now: what it held is paged for. Ended twice it ends once. One that has not begun is deleted (409)."""
    now = context.clock.now()
    answered = await context.database.write(
        lambda db: _answered(db, _known(edit.end(db, actor, number, now), number), now)
    )
    context.wake()
    return answered


@router.delete("/{number}", status_code=204)
async def delete_maintenance(number: fields.WindowNumber, context: ContextDep, actor: Responder) -> None:
    """Forget it; what it held is paged for."""
    now = context.clock.now()
    _known(await context.database.write(lambda db: edit.delete(db, actor, number, now)), number)
    context.wake()


def _shown(db: Connection, one: Window, now: datetime) -> Maintenance:
    return Maintenance(**_fields(db, one, now))


def _answered(db: Connection, done: Arranged, now: datetime) -> Arrangement:
    ringing = [Ringing(check=slug, incident=number) for slug, number in sorted(done.ringing.items())]
    return Arrangement(**_fields(db, done.window, now), ringing=ringing)


def _fields(db: Connection, one: Window, now: datetime) -> dict[str, Any]:
    more = {"phase": maintenance.phase(one, now), "checks": check_store.count_with(db, one.match)}
    return {name: getattr(one, name) for name in Maintenance.model_fields if hasattr(one, name)} | more


def _tag(shown: Maintenance) -> str:
    defined = (shown.id, shown.title, shown.description, shown.match, shown.starts_at, shown.ends_at)
    return tag(defined, (shown.phase, shown.checks))


def _known(one: Any, number: int) -> Any:
    if one is None:
        raise NoSuch(f"There is no maintenance {number}.")
    return one
