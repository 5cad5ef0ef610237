"""Who is on call now, in the API: as JSON, and as text for a chat bot."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from fastapi import APIRouter
from pydantic import Field
from sqlalchemy import Connection
from starlette.responses import Response

from alerting import desk, rotation, times
from alerting.crew import Crew
from alerting.rotation import AHEAD, Rotation, Shift
from heartbeat.http.auth import ContextDep
from heartbeat.http.v1.keyed import KeyedRoute
from heartbeat.http.v1.response_models import ResponseModel
from heartbeat.http.v1.tags import ConditionalReadDep

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


@dataclass(frozen=True, slots=True)
class _Current:
    """The shift of a rotation now, with the names of its people."""

    rotation: Rotation
    shift: Shift
    names: Sequence[str]

    @property
    def until(self) -> datetime | None:
        end = self.shift.end
        return end if end < self.shift.start + AHEAD else None

    @property
    def line(self) -> str:
        """The sentence of a chat bot: "infra: Anna, until Mon 09 Nov 09:00 CET"."""
        who = times.names(self.names) if self.names else "nobody"
        if self.until is None:
            return f"{self.rotation.name}: {who}"
        end, zone = self.until.astimezone(self.rotation.zone), self.rotation.timezone
        return f"{self.rotation.name}: {who}, until {end:%a %d %b %H:%M} {times.zone_name(self.until, zone)}"


@router.get("")
async def show_on_call(context: ContextDep, conditional: ConditionalReadDep) -> EverybodyOnCall:
    """Return who is on call now in each rotation, and until when."""
    now = context.clock.now()

    def work(db: Connection) -> EverybodyOnCall:
        crew = desk.crew(db)
        rotations = [
            OnCall(rotation=one.rotation.name, people=_people(one, crew), until=one.until)
            for one in _current(crew, now)
        ]
        return conditional.tagged(EverybodyOnCall(rotations=rotations))

    return await context.database.read(work)


@router.get("/text", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
async def tell_on_call(context: ContextDep) -> Response:
    """Return who is on call now as plain text, a line for each rotation. For a chat bot."""
    now = context.clock.now()
    lines = await context.database.read(lambda db: [one.line for one in _current(desk.crew(db), now)])
    return Response(
        "".join(f"{line}\n" for line in lines) or "There are no rotations.\n", media_type="text/plain"
    )


def _current(crew: Crew, now: datetime) -> list[_Current]:
    found = []
    for one in crew.rotations.values():
        shift = rotation.current(one, now)
        names = [crew.people[name].name for name in shift.people if name in crew.people]
        found.append(_Current(one, shift, names))
    return found


def _people(one: _Current, crew: Crew) -> list[OnCallPerson]:
    return [
        OnCallPerson(id=name, name=crew.people[name].name) for name in one.shift.people if name in crew.people
    ]
