"""Overrides, leaves and swaps in the API: what people change in a rotation, whoever owns its definition."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import Field
from sqlalchemy import Connection
from starlette.responses import Response

from alerting import desk
from alerting.desk import Kept
from alerting.rotation import Change, Override
from heartbeat.definitions.edit import overrides as edit
from heartbeat.http.auth import ContextDep, Responder
from heartbeat.http.problem import NoSuch
from heartbeat.http.v1 import example, fields
from heartbeat.http.v1.keyed import KeyedRoute
from heartbeat.http.v1.response_models import ResponseModel
from heartbeat.http.v1.rotations import ROTATIONS
from heartbeat.http.v1.tags import ConditionalReadDep

router = APIRouter(tags=["people"], route_class=KeyedRoute)

_START, _NOON, _END = (f"{example.DAY}T{time}:00Z" for time in ("00:00", "12:00", "23:59"))
StartsAt = Annotated[fields.Instant, Field(examples=[_START])]
EndsAt = Annotated[fields.Instant, Field(examples=[_NOON])]


class NewOverride(fields.RequestModel):
    """A change of a rotation for a span."""

    change: Change = Field(
        examples=["replace"],
        description="`replace`: `on` is on call, in place of `off` or of everybody. `add`: `on` is on call as well. "
        "`remove`: `off` is not on call; `on` stands in, or whoever comes next.",
    )
    on: str = Field("", description="The person who goes on call.", examples=["ben"])
    off: str = Field("", description="The person who goes off call.", examples=["anna"])
    starts_at: StartsAt
    ends_at: EndsAt


class NewLeave(fields.RequestModel):
    """A time in which a person is not on call in any rotation."""

    person: str = Field(examples=["anna"])
    substitute: str = Field(
        "", description="Who stands in. Without one, whoever comes next in each rotation.", examples=["ben"]
    )
    starts_at: StartsAt
    ends_at: EndsAt


class NewSwap(fields.RequestModel):
    """Two people exchange shifts, once the one who is asked accepts."""

    offered_by: str = Field(examples=["anna"])
    offered_from: StartsAt
    offered_until: EndsAt
    asked: str = Field(examples=["ben"])
    asked_from: fields.Instant = Field(examples=[_NOON])
    asked_until: fields.Instant = Field(examples=[_END])


class StoredOverride(ResponseModel):
    """An override, or a leave, which has no rotation."""

    id: int
    rotation: str | None = Field(
        description="Null for a leave: it holds in every rotation.", examples=["infra"]
    )
    change: Change
    on: str = Field(description="The person who goes on call.", examples=["ben"])
    off: str = Field(description="The person who goes off call.", examples=["anna"])
    starts_at: datetime = Field(examples=[_START])
    ends_at: datetime = Field(examples=[_END])
    made_by: str = Field(examples=["Anna"])


class StoredOverrides(ResponseModel):
    """Overrides, oldest first."""

    overrides: list[StoredOverride]


class StoredSwap(ResponseModel):
    """A proposed swap."""

    id: int
    rotation: str = Field(examples=["infra"])
    offered_by: str = Field(examples=["anna"])
    offered_from: datetime
    offered_until: datetime
    asked: str = Field(examples=["ben"])
    asked_from: datetime
    asked_until: datetime


class StoredSwaps(ResponseModel):
    """Proposed swaps, oldest first."""

    swaps: list[StoredSwap]


@router.get("/rotations/{name}/overrides")
async def list_overrides(
    name: fields.Slug, context: ContextDep, conditional: ConditionalReadDep
) -> StoredOverrides:
    """Return the overrides of a rotation that are not over, and everybody's leaves."""
    now = context.clock.now()

    def work(db: Connection) -> StoredOverrides:
        if name not in desk.rotations(db):
            raise ROTATIONS.no_such(name)
        kept = desk.overrides(db, [name], now)
        return conditional.tagged(StoredOverrides(overrides=[_override(one) for one in kept]))

    return await context.database.read(work)


@router.post(
    "/rotations/{name}/overrides",
    status_code=201,
    responses={200: {"description": "The same override already exists.", "model": StoredOverride}},
)
async def override_rotation(
    name: fields.Slug, body: NewOverride, context: ContextDep, actor: Responder, response: Response
) -> StoredOverride:
    """Change who is on call in a rotation for a span, for example to take over a shift.

    Rotations of the configuration file can be overridden as well. A repeated request creates it once (then 200).
    """
    now = context.clock.now()
    change = Override(body.change, body.starts_at, body.ends_at, on=body.on, off=body.off)
    made = await context.database.write(lambda db: edit.override(db, actor, name, change, now))
    if made is None:
        raise ROTATIONS.no_such(name)
    response.status_code = 201 if made.fresh else 200
    return _override(made.stored)


@router.delete("/overrides/{number}", status_code=204)
async def delete_override(number: fields.OverrideNumber, context: ContextDep, actor: Responder) -> None:
    """Delete an override or a leave."""
    now = context.clock.now()
    if await context.database.write(lambda db: edit.cancel(db, actor, number, now)) is None:
        raise NoSuch(f"There is no override {number}.")


@router.get("/leaves")
async def list_leaves(context: ContextDep, conditional: ConditionalReadDep) -> StoredOverrides:
    """Return the leaves that are not over."""
    now = context.clock.now()

    def work(db: Connection) -> StoredOverrides:
        leaves = [_override(kept) for kept in desk.overrides(db, [], now)]
        return conditional.tagged(StoredOverrides(overrides=leaves))

    return await context.database.read(work)


@router.post(
    "/leaves",
    status_code=201,
    responses={200: {"description": "The same leave already exists.", "model": StoredOverride}},
)
async def take_leave(
    body: NewLeave, context: ContextDep, actor: Responder, response: Response
) -> StoredOverride:
    """Take a person off call in every rotation for a span. A repeated request creates it once (then 200)."""
    now, span = context.clock.now(), (body.starts_at, body.ends_at)
    made = await context.database.write(
        lambda db: edit.leave(db, actor, body.person, body.substitute, span, now)
    )
    response.status_code = 201 if made.fresh else 200
    return _override(made.stored)


@router.get("/rotations/{name}/swaps")
async def list_swaps(name: fields.Slug, context: ContextDep, conditional: ConditionalReadDep) -> StoredSwaps:
    """Return the swaps in a rotation that nobody has answered."""

    def work(db: Connection) -> StoredSwaps:
        if name not in desk.rotations(db):
            raise ROTATIONS.no_such(name)
        return conditional.tagged(StoredSwaps(swaps=[_swap(swap) for swap in desk.proposed_swaps(db, name)]))

    return await context.database.read(work)


@router.post(
    "/rotations/{name}/swaps",
    status_code=201,
    responses={200: {"description": "The same swap is already proposed.", "model": StoredSwap}},
)
async def propose_swap(
    name: fields.Slug, body: NewSwap, context: ContextDep, actor: Responder, response: Response
) -> StoredSwap:
    """Propose that two people exchange shifts. Each must be on call for all of the span that they give away.

    Nothing changes until it is accepted. A repeated request proposes it once (then 200).
    """
    now = context.clock.now()
    swap = desk.Swap(
        name,
        body.offered_by,
        (body.offered_from, body.offered_until),
        body.asked,
        (body.asked_from, body.asked_until),
    )
    made = await context.database.write(lambda db: edit.propose(db, actor, swap, now))
    if made is None:
        raise ROTATIONS.no_such(name)
    response.status_code = 201 if made.fresh else 200
    return _swap(made.stored)


@router.post("/swaps/{number}/accept")
async def accept_swap(number: fields.SwapNumber, context: ContextDep, actor: Responder) -> StoredSwap:
    """Accept a swap: the two exchange their shifts. Only the person who is asked, or an admin, may."""
    return await _answered(number, context, actor, accept=True)


@router.post("/swaps/{number}/decline")
async def decline_swap(number: fields.SwapNumber, context: ContextDep, actor: Responder) -> StoredSwap:
    """Decline a swap, or take it back. Only the two people, or an admin, may."""
    return await _answered(number, context, actor, accept=False)


async def _answered(number: int, context: ContextDep, actor: Responder, *, accept: bool) -> StoredSwap:
    now = context.clock.now()
    swap = await context.database.write(lambda db: edit.answer(db, actor, number, accept, now))
    if swap is None:
        raise NoSuch(f"There is no swap {number}: it was answered, or its rotation is gone.")
    return _swap(swap)


def _override(kept: Kept) -> StoredOverride:
    change = kept.override
    return StoredOverride(
        id=change.id,
        rotation=kept.rotation,
        change=change.change,
        on=change.on,
        off=change.off,
        starts_at=change.start,
        ends_at=change.end,
        made_by=kept.by,
    )


def _swap(swap: desk.Swap) -> StoredSwap:
    return StoredSwap(
        id=swap.id,
        rotation=swap.rotation,
        offered_by=swap.offered_by,
        offered_from=swap.offered[0],
        offered_until=swap.offered[1],
        asked=swap.asked,
        asked_from=swap.taken[0],
        asked_until=swap.taken[1],
    )
