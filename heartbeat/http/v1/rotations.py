"""Rotations in the API: people who take turns at being on call, and their shifts."""

from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field
from sqlalchemy import Connection
from starlette.responses import Response

from alerting import desk, rotation
from heartbeat.definitions.edit import reachability
from heartbeat.definitions.edit.crew import ROTATION
from heartbeat.http.auth import Admin, ContextDep
from heartbeat.http.problem import Unacceptable
from heartbeat.http.v1 import definition, example, fields
from heartbeat.http.v1.definition import Resource
from heartbeat.http.v1.keyed import KeyedRoute
from heartbeat.http.v1.response_models import ResponseModel
from heartbeat.http.v1.tags import ConditionalReadDep, PreconditionDep

router = APIRouter(prefix="/rotations", tags=["people"], route_class=KeyedRoute)

LONGEST = timedelta(days=366)
"""The longest span whose shifts are listed at once."""
FORESEEN = timedelta(days=14)
"""The span that is listed if none is asked for."""
_EXAMPLE = {
    "timezone": "UTC",
    "layers": [{"people": ["anna", "ben"], "shift": "12h", "from": f"{example.DAY} 00:00"}],
}
Definition = Annotated[
    dict[str, Any], fields.definition_schema("rotation"), fields.definition_body(Two_turns_a_day=_EXAMPLE)
]


class Rotation(ResponseModel):
    """People who take turns at being on call."""

    name: str = Field(examples=["infra"])
    on_call: list[str] = Field(description="Those who are on call now.", examples=[["anna"]])
    people: list[str] = Field(description="All who take turns.", examples=[["anna", "ben"]])
    origin: str = Field(
        description="The owner of the definition: file, or api for the API and the console.", examples=["api"]
    )
    definition: dict[str, Any] = Field(description="The body that `PUT` takes.", examples=[_EXAMPLE])


class Rotations(ResponseModel):
    """Rotations by name."""

    rotations: list[Rotation]
    next: str | None = Field(description="Pass it as `after` for the next slice; null at the end.")


class Shift(ResponseModel):
    """A span with the same people on call. Without people, nobody is."""

    starts_at: datetime = Field(examples=[f"{example.DAY}T00:00:00Z"])
    ends_at: datetime = Field(examples=[f"{example.DAY}T12:00:00Z"])
    people: list[str] = Field(examples=[["anna"]])


class Shifts(ResponseModel):
    """The shifts of a span, one after the other without a gap, cut off at its two ends."""

    shifts: list[Shift]


def _answer(name: str, one: rotation.Rotation, now: dict[str, tuple[str, ...]]) -> Rotation:
    return Rotation(
        name=name,
        on_call=list(now.get(name, ())),
        people=one.people,
        origin=one.origin,
        definition=ROTATION.written(name, one),
    )


def _on_call(db: Connection, context: Any) -> dict[str, tuple[str, ...]]:
    now = context.clock.now()
    return {name: rotation.on_call(one, now) for name, one in desk.crew_of_rotations(db).rotations.items()}


ROTATIONS = Resource(ROTATION, "rotations", _answer, _on_call)


@router.get("")
async def list_rotations(
    context: ContextDep,
    conditional: ConditionalReadDep,
    after: fields.AfterName = "",
    limit: fields.Limit = 50,
) -> Rotations:
    """Return the rotations, each with those who are on call now. A policy pages a rotation by its name."""
    rotations, following = await definition.listed(ROTATIONS, context, conditional, after, limit)
    return Rotations(rotations=rotations, next=following)


@router.get("/{name}")
async def show_rotation(name: fields.Slug, context: ContextDep, conditional: ConditionalReadDep) -> Rotation:
    """Return one rotation."""
    return await definition.show(ROTATIONS, name, context, conditional)


@router.put("/{name}", responses={201: {"description": "The rotation is new.", "model": Rotation}})
async def define_rotation(
    name: fields.NewSlug,
    body: Definition,
    context: ContextDep,
    actor: Admin,
    precondition: PreconditionDep,
    response: Response,
) -> Rotation:
    """Create a rotation (201), or replace its layers. Its overrides stay.

    A layer may follow a calendar (`ical`), whose address is never shown again; null keeps the stored one. No person,
    channel or team may have its name. An equal body changes nothing. Rotations of the configuration file
    cannot be changed here (409).
    """
    await reachability.vet_rotation(context.fence, body)
    return await definition.define(ROTATIONS, name, body, context, actor, precondition, response)


@router.delete("/{name}", status_code=204)
async def delete_rotation(name: fields.Slug, context: ContextDep, actor: Admin) -> None:
    """Delete a rotation with its overrides. Refused while a policy pages it (409)."""
    await definition.delete(ROTATIONS, name, context, actor)


@router.get("/{name}/shifts")
async def list_shifts(
    name: fields.Slug,
    context: ContextDep,
    conditional: ConditionalReadDep,
    starts_at: fields.ShiftsFrom | None = None,
    ends_at: fields.ShiftsUntil | None = None,
) -> Shifts:
    """Return who is on call when: for the next 14 days, or for a span of up to 366 days.

    The first shift begins, and the last one ends, with the span. They may last longer.
    """
    start = starts_at or context.clock.now().replace(second=0, microsecond=0)
    end = ends_at or start + FORESEEN
    if not start < end <= start + LONGEST:
        raise Unacceptable(f"ends_at: must be later than starts_at, by at most {LONGEST.days} days.")

    def work(db: Connection) -> Shifts:
        one = desk.crew_of_rotations(db).rotations.get(name)
        if one is None:
            raise ROTATIONS.no_such(name)
        shifts = [
            Shift(starts_at=shift.start, ends_at=shift.end, people=list(shift.people))
            for shift in rotation.shifts(one, start, end)
        ]
        return conditional.tagged(Shifts(shifts=shifts))

    return await context.database.read(work)
