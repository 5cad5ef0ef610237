"""Ping keys in the API: made by the service, shown once, stored as hashes, revoked."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from heartbeat.definitions.edit import ping_keys as edit
from heartbeat.definitions.edit.ping_keys import PING_KEY
from heartbeat.definitions.kind import Edit
from heartbeat.http.auth import Admin, ContextDep
from heartbeat.http.v1 import definition, fields
from heartbeat.http.v1.definition import Resource
from heartbeat.http.v1.keyed import KeyedRoute
from heartbeat.http.v1.response_models import ResponseModel
from heartbeat.http.v1.tags import ConditionalReadDep

router = APIRouter(prefix="/ping-keys", tags=["ping keys"], route_class=KeyedRoute)


class PingKey(ResponseModel):
    """A key with which jobs ping their checks by name. Only its hash is stored, so it cannot be shown again."""

    name: str = Field(examples=["housekeeping"])
    origin: str = Field(
        description="The owner: file, api, or key (an API key with the scope ping).", examples=["api"]
    )
    made_at: datetime | None = Field(description="Null for keys of the configuration file.")
    made_by: str | None = Field(examples=["anna"])
    last_used_at: datetime | None = Field(
        description="The time of the last ping with it, to about a minute; null if never used."
    )


class PingKeys(ResponseModel):
    """Ping keys by name."""

    ping_keys: list[PingKey]
    next: str | None = Field(description="Pass it as `after` for the next slice; null at the end.")


class NewPingKey(PingKey):
    """A new key."""

    key: str = Field(
        description="The key, shown only this once.", examples=["0pVn3vXb9mKQz7fJ2sYhT4wLdRcE6gAu"]
    )
    ping_url: str = Field(
        description="The address to ping. Put the name of a check for `SLUG`.",
        examples=["https://heartbeat.example.com/ping/0pVn3vXb9mKQz7fJ2sYhT4wLdRcE6gAu/SLUG"],
    )


class PingKeyWanted(BaseModel):
    """The name of a new ping key."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: Annotated[str, Field(description="The name of the key.", examples=["housekeeping"])]


PING_KEYS = Resource(PING_KEY, "ping-keys", lambda _name, key, _beside: PingKey.model_validate(key))


@router.get("")
async def list_ping_keys(
    context: ContextDep,
    conditional: ConditionalReadDep,
    after: fields.AfterName = "",
    limit: fields.Limit = 50,
) -> PingKeys:
    """Return the ping keys by name, with their origin, author and last use; never the key."""
    ping_keys, following = await definition.listed(PING_KEYS, context, conditional, after, limit)
    return PingKeys(ping_keys=ping_keys, next=following)


@router.post("", status_code=201)
async def make_ping_key(body: PingKeyWanted, context: ContextDep, actor: Admin) -> NewPingKey:
    """Make a key. This response shows it, and nothing shows it again.

    A name has one key, so a repeated request is refused (409). If the first response was lost, revoke the key and
    make another.
    """
    now = context.clock.now()
    ping_key, text = await context.database.write(
        lambda db: edit.make(Edit(db, actor, now, context.vault), body.name)
    )
    return NewPingKey(
        name=ping_key.name,
        origin=ping_key.origin,
        made_at=ping_key.made_at,
        made_by=ping_key.made_by,
        last_used_at=None,
        key=text,
        ping_url=f"{context.public_url}/ping/{text}/SLUG",
    )


@router.delete("/{name}", status_code=204)
async def revoke_ping_key(name: fields.Slug, context: ContextDep, actor: Admin) -> None:
    """Revoke a key: pings with it are refused from now on. Keys of the configuration file stay (409)."""
    await definition.delete(PING_KEYS, name, context, actor)
