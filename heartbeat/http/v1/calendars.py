"""The addresses of calendars in the API: who is on call in a rotation, and the shifts of a person."""

from datetime import datetime
from typing import Any

from fastapi import APIRouter
from pydantic import Field
from sqlalchemy import Connection
from starlette.responses import Response

from alerting import desk
from alerting.desk import Feed, Noun
from heartbeat.actor import Actor
from heartbeat.http.auth import ContextDep, Responder, Viewer
from heartbeat.http.context import Context
from heartbeat.http.problem import Forbidden, NoSuch
from heartbeat.http.v1 import fields
from heartbeat.http.v1.keyed import KeyedRoute
from heartbeat.http.v1.response_models import ResponseModel
from heartbeat.http.v1.tags import ConditionalReadDep
from heartbeat.on_call import calendar_access

router = APIRouter(tags=["people"], route_class=KeyedRoute)

_NEW: dict[int | str, dict[str, Any]] = {201: {"description": "The address is new."}}


class Calendar(ResponseModel):
    """The secret address of a calendar. Whoever has it may read the calendar."""

    url: str = Field(
        description="The address, for programs that read iCalendar.",
        examples=["https://heartbeat.example.com/calendars/7.1f0c9a2b3d4e5f60.0a1b2c.ics"],
    )
    made_at: datetime
    made_by: str = Field(examples=["Anna"])


@router.get("/rotations/{name}/calendar")
async def show_rotation_calendar(
    name: fields.Slug, context: ContextDep, actor: Responder, conditional: ConditionalReadDep
) -> Calendar:
    """Return the address of a rotation's calendar. 404 if it has none."""
    return conditional.tagged(await _show(context, actor, Noun.ROTATION, name))


@router.put("/rotations/{name}/calendar", responses=_NEW)
async def make_rotation_calendar(
    name: fields.Slug, context: ContextDep, actor: Responder, response: Response
) -> Calendar:
    """Give a rotation's calendar an address (201), or return the one that it has.

    To renew an address that has leaked, delete it and make another one.
    """
    return await _make(context, actor, Noun.ROTATION, name, response)


@router.delete("/rotations/{name}/calendar", status_code=204)
async def revoke_rotation_calendar(name: fields.Slug, context: ContextDep, actor: Responder) -> None:
    """Revoke the address of a rotation's calendar: it is 404 from now on."""
    await _revoke(context, actor, Noun.ROTATION, name)


@router.get("/people/{name}/calendar")
async def show_person_calendar(
    name: fields.Slug, context: ContextDep, actor: Viewer, conditional: ConditionalReadDep
) -> Calendar:
    """Return the address of the calendar with a person's shifts. For themselves, and for admins."""
    return conditional.tagged(await _show(context, actor, Noun.PERSON, name))


@router.put("/people/{name}/calendar", responses=_NEW)
async def make_person_calendar(
    name: fields.Slug, context: ContextDep, actor: Viewer, response: Response
) -> Calendar:
    """Give the calendar with a person's shifts an address (201), or return the one that it has.

    For themselves, and for admins.
    """
    return await _make(context, actor, Noun.PERSON, name, response)


@router.delete("/people/{name}/calendar", status_code=204)
async def revoke_person_calendar(name: fields.Slug, context: ContextDep, actor: Viewer) -> None:
    """Revoke the address of the calendar with a person's shifts: it is 404 from now on."""
    await _revoke(context, actor, Noun.PERSON, name)


async def _show(context: Context, actor: Actor, noun: Noun, name: str) -> Calendar:
    def work(db: Connection) -> Feed | None:
        _require(db, actor, noun, name)
        return desk.feed_of(db, noun, name)

    feed = await context.database.read(work)
    if feed is None:
        raise _missing(noun, name)
    return _answer(context, feed)


async def _make(context: Context, actor: Actor, noun: Noun, name: str, response: Response) -> Calendar:
    now = context.clock.now()

    def work(db: Connection) -> tuple[Feed, bool]:
        _require(db, actor, noun, name)
        return calendar_access.make(db, actor, noun, name, now)

    feed, is_new = await context.database.write(work)
    response.status_code = 201 if is_new else 200
    return _answer(context, feed)


async def _revoke(context: Context, actor: Actor, noun: Noun, name: str) -> None:
    now = context.clock.now()

    def work(db: Connection) -> Feed | None:
        _require(db, actor, noun, name)
        return calendar_access.revoke(db, actor, noun, name, now)

    if await context.database.write(work) is None:
        raise _missing(noun, name)


def _require(db: Connection, actor: Actor, noun: Noun, name: str) -> None:
    """Raise `NoSuch` if there is no such person or rotation, and `Forbidden` if its address is not for the actor."""
    if not calendar_access.exists(db, noun, name):
        raise NoSuch(f"There is no {noun} {name[:100]!r}.")
    if not calendar_access.may(actor, noun, name):
        raise Forbidden("Only the person themself and admins have the address of their calendar.")


def _missing(noun: Noun, name: str) -> NoSuch:
    return NoSuch(f"The calendar of the {noun} {name[:100]!r} has no address.")


def _answer(context: Context, feed: Feed) -> Calendar:
    url = calendar_access.address(feed, home=context.public_url, secret=context.link_keys[0])
    return Calendar(url=url, made_at=feed.made_at, made_by=feed.made_by)
