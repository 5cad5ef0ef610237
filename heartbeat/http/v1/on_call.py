"""Who is on call now, in the API: as JSON, and as text for a chat bot."""

from datetime import datetime

from fastapi import APIRouter
from pydantic import Field
from starlette.responses import Response

from alerting import desk
from heartbeat.http.auth import ContextDep
from heartbeat.http.context import Context
from heartbeat.http.v1.keyed import KeyedRoute
from heartbeat.http.v1.response_models import ResponseModel
from heartbeat.http.v1.tags import ConditionalReadDep
from heartbeat.on_call import duty
from heartbeat.on_call.duty import Duty

router = APIRouter(prefix="/on-call", tags=["people"], route_class=KeyedRoute)


class OnCallPerson(ResponseModel):
    """A person who is on call."""

    id: str = Field(examples=["anna"])
    name: str = Field(examples=["Anna"])


class OnCall(ResponseModel):
    """Those who are on call in a rotation now."""

    rotation: str = Field(examples=["infra"])
    people: list[OnCallPerson] = Field(description="Empty if nobody is on call.")
    until: datetime | None = Field(
        description="When somebody else goes on call. Null if that is not within 32 days.",
        examples=["2026-05-02T12:00:00Z"],
    )


class EverybodyOnCall(ResponseModel):
    """Those who are on call now, by rotation."""

    rotations: list[OnCall]


@router.get("")
async def show_on_call(context: ContextDep, conditional: ConditionalReadDep) -> EverybodyOnCall:
    """Return who is on call now in each rotation, and until when."""
    rotations = [
        OnCall(
            rotation=each.rotation.name,
            people=[OnCallPerson(id=person.id, name=person.name) for person in each.people],
            until=each.until,
        )
        for each in await _duties(context)
    ]
    return conditional.tagged(EverybodyOnCall(rotations=rotations))


@router.get("/text", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
async def tell_on_call(context: ContextDep) -> Response:
    """Return who is on call now as plain text, a line for each rotation. For a chat bot."""
    now = context.clock.now()
    lines = [duty.sentence(each, now) for each in await _duties(context)] or ["There are no rotations."]
    return Response("".join(f"{line}\n" for line in lines), media_type="text/plain")


async def _duties(context: Context) -> list[Duty]:
    now = context.clock.now()
    return await context.database.read(lambda db: duty.of(desk.crew_of_rotations(db), now))
