"""Ping keys in the API: made by the service, shown once, kept as hashes, revoked."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from heartbeat.definitions.edit import ping_keys as edit
from heartbeat.http.auth import Admin, ContextDep
from heartbeat.http.problem import NoSuch
from heartbeat.http.v1 import fields, listing
from heartbeat.http.v1.response_models import ResponseModel
from heartbeat.http.v1.tags import ConditionalReadDep, tag
from heartbeat.pings import keys

router = APIRouter(prefix="/ping-keys", tags=["ping keys"])


class PingKey(ResponseModel):
    """A key by which jobs may ping their checks by name. The key itself is not kept, and cannot be shown."""

    name: str = Field(examples=["housekeeping"])
    origin: str = Field(
        description="Who owns it: file, api, or key (an API key with the scope ping).", examples=["api"]
    )
    made_at: datetime | None = Field(description="Null for keys of the configuration file.")
    made_by: str | None = Field(examples=["anna"])
    last_used_at: datetime | None = Field(
        description="When a job last pinged a check by it, to about a minute; null: never."
    )


class PingKeys(ResponseModel):
    """Ping keys by name."""

    ping_keys: list[PingKey]
    next: str | None = Field(description="Give this as `after` for more; null where there is no more.")


class NewPingKey(PingKey):
    """A key that was made just now."""

    key: str = Field(description="The key, shown this once.", examples=["0pVn3vXb9mKQz7fJ2sYhT4wLdRcE6gAu"])
    ping_url: str = Field(
        description="Where jobs ping: `SLUG` is the name of a check.",
        examples=["https://heartbeat.example.com/ping/0pVn3vXb9mKQz7fJ2sYhT4wLdRcE6gAu/SLUG"],
    )


class PingKeyRequired(BaseModel):
    """A ping key that is wanted."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: Annotated[str, Field(description="What it is called.", examples=["housekeeping"])]


@router.get("")
async def list_ping_keys(
    context: ContextDep,
    conditional: ConditionalReadDep,
    after: fields.AfterName = "",
    limit: fields.Limit = 50,
) -> PingKeys:
    """Every ping key by name: whence it is, when and by whom it was made, when it was last used; never the key."""

    def work(db: Connection) -> PingKeys:
        every = {one.name: one for one in keys.listed(db)}
        found, following = listing.slice_after(every, after, limit)
        conditional.set_tag(tag((found, following)))
        return PingKeys(ping_keys=[PingKey.model_validate(one) for one in found], next=following)

    return await context.database.read(work)


@router.post("", status_code=201)
async def make_ping_key(asked: PingKeyRequired, context: ContextDep, actor: Admin) -> NewPingKey:
    """Make a key. It is shown in this answer and never again.

    There is one key of a name, so that asking twice makes one: the second time is refused (409). Where the first
    answer was lost, revoke the key and make another.
    """
    now = context.clock.now()
    made, key = await context.database.write(lambda db: edit.make(db, actor, asked.name, now))
    return NewPingKey(
        name=made.name,
        origin=made.origin,
        made_at=made.made_at,
        made_by=made.made_by,
        last_used_at=None,
        key=key,
        ping_url=f"{context.public_url}/ping/{key}/SLUG",
    )


@router.delete("/{name}", status_code=204)
async def revoke_ping_key(name: fields.Slug, context: ContextDep, actor: Admin) -> None:
    """Pings by this key are refused from now on. What the configuration file declares stays (409)."""
    now = context.clock.now()
    if await context.database.write(lambda db: edit.revoke(db, actor, name, now)) is None:
        raise NoSuch(f"There is no ping key {name[:100]!r}.")
