"""Channels in the API: rooms that several people read. A secret address goes in and never comes out."""

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field
from starlette.responses import Response

from alerting import person
from heartbeat.definitions.edit import reachability
from heartbeat.definitions.edit.people import CHANNEL, is_secret
from heartbeat.http.auth import Admin, ContextDep
from heartbeat.http.v1 import definition, fields
from heartbeat.http.v1.definition import Resource
from heartbeat.http.v1.keyed import KeyedRoute
from heartbeat.http.v1.people import Contact
from heartbeat.http.v1.response_models import ResponseModel
from heartbeat.http.v1.tags import ConditionalReadDep, PreconditionDep

router = APIRouter(prefix="/channels", tags=["people"], route_class=KeyedRoute)

Definition = Annotated[
    dict[str, Any],
    fields.definition_schema("channel"),
    fields.definition_body(
        A_room={"name": "Operations", "contacts": [{"ntfy": "https://ntfy.sh/ops-room-vK3pQ9"}]},
    ),
]


class Channel(ResponseModel):
    """A room that several people read. It is paged like a person, but counts as nobody."""

    name: str = Field(examples=["ops-room"])
    title: str = Field(description="Its name in pages.", examples=["Operations"])
    timezone: str = Field(examples=["Europe/London"])
    contacts: list[Contact] = Field(description="They are tried in this order.")
    origin: str = Field(
        description="The owner of the definition: file, or api for the API and the console.", examples=["api"]
    )


class Channels(ResponseModel):
    """Channels by name."""

    channels: list[Channel]
    next: str | None = Field(description="Pass it as `after` for the next slice; null at the end.")


def _answer(name: str, room: person.Person, _beside: object) -> Channel:
    contacts = [
        Contact(kind=contact.kind, address=None if is_secret(contact) else contact.address)
        for contact in room.contacts
    ]
    return Channel(name=name, title=room.name, timezone=room.timezone, contacts=contacts, origin=room.origin)


CHANNELS = Resource(CHANNEL, "channels", _answer)


@router.get("")
async def list_channels(
    context: ContextDep,
    conditional: ConditionalReadDep,
    after: fields.AfterName = "",
    limit: fields.Limit = 50,
) -> Channels:
    """Return the channels. A policy pages a channel by its name."""
    channels, following = await definition.listed(CHANNELS, context, conditional, after, limit)
    return Channels(channels=channels, next=following)


@router.get("/{name}")
async def show_channel(name: fields.Slug, context: ContextDep, conditional: ConditionalReadDep) -> Channel:
    """Return one channel."""
    return await definition.show(CHANNELS, name, context, conditional)


@router.put("/{name}", responses={201: {"description": "The channel is new.", "model": Channel}})
async def define_channel(
    name: fields.NewSlug,
    body: Definition,
    context: ContextDep,
    actor: Admin,
    precondition: PreconditionDep,
    response: Response,
) -> Channel:
    """Create a channel (201), or replace one as a whole.

    No person, rotation or team may have its name. Send secret addresses in clear: they are encrypted at once and never
    shown again. Null in place of an address keeps the stored one of that kind. An equal body changes nothing. Channels
    of the configuration file cannot be changed here (409).
    """
    await reachability.vet_person(context.fence, name, body)
    answer = await definition.define(CHANNELS, name, body, context, actor, precondition, response)
    context.wake()
    return answer


@router.delete("/{name}", status_code=204)
async def delete_channel(name: fields.Slug, context: ContextDep, actor: Admin) -> None:
    """Delete a channel. Refused while a policy pages it (409)."""
    await definition.delete(CHANNELS, name, context, actor)
