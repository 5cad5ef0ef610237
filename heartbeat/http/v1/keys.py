"""API keys in the API: made by the service, shown once, kept as hashes, revoked."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from heartbeat.access import account, api_key, api_key_store
from heartbeat.access import api_keys as edit
from heartbeat.access.api_key import Key as Kept
from heartbeat.http.auth import Admin, ContextDep
from heartbeat.http.problem import NoSuch
from heartbeat.http.v1 import fields, listing
from heartbeat.http.v1.response_models import ResponseModel
from heartbeat.http.v1.tags import ConditionalReadDep, tag

router = APIRouter(prefix="/keys", tags=["keys"])

Name = Annotated[str, Path(description="What the key is called.")]


class Key(ResponseModel):
    """A key of a program. The key itself is not kept, and cannot be shown."""

    name: str = Field(examples=["deploy"])
    prefix: str = Field(description="How the key begins.", examples=["hb_0pVn3v"])
    scopes: list[str] = Field(description="Some of read, write and ping.", examples=[["read", "write"]])
    role: str = Field(description="By which role it calls the API.", examples=["responder"])
    made_at: datetime
    made_by: str = Field(examples=["anna"])
    ends_at: datetime | None = Field(description="When it expires; null: never.")
    last_used_at: datetime | None = Field(
        description="When it last called the API, or a job pinged by it, to about a minute; null: never."
    )


class Keys(ResponseModel):
    """Keys by name."""

    keys: list[Key]
    next: str | None = Field(description="Give this as `after` for more; null where there is no more.")


class NewKey(Key):
    """A key that was made just now."""

    key: str = Field(
        description="The key, shown this once.", examples=["hb_0pVn3vXb9mKQz7fJ2sYhT4wLdRcE6gAu"]
    )


class Make(BaseModel):
    """A key that is wanted."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: Annotated[str, Field(description="What it is called.", examples=["deploy"])]
    scopes: Annotated[
        list[str], Field(description="Some of read, write and ping.", examples=[["read"]], max_length=3)
    ]
    role: Annotated[
        str, Field(description="What it may do where it writes: responder or admin.", examples=["responder"])
    ] = "responder"
    ends_at: fields.Instant | None = Field(default=None, description="When it expires; else never.")


@router.get("")
async def list_keys(
    context: ContextDep,
    actor: Admin,
    conditional: ConditionalReadDep,
    after: fields.AfterText = "",
    limit: fields.Limit = 50,
) -> Keys:
    """Every key by name: what it is for, how it begins and when it was last used; never the key."""
    del actor

    def work(db: Connection) -> Keys:
        every = {one.name: one for one in api_key_store.every(db)}
        found, following = listing.slice_after(every, after, limit)
        conditional.set_tag(tag((found, following)))
        return Keys(keys=[Key.model_validate(_told(one)) for one in found], next=following)

    return await context.database.read(work)


@router.post("", status_code=201)
async def make_key(asked: Make, context: ContextDep, actor: Admin) -> NewKey:
    """Make a key. It is shown in this answer and never again.

    There is one key of a name, so that asking twice makes one: the second time is refused (409). Where the first
    answer was lost, revoke the key and make another.
    """
    now = context.clock.now()
    name, scopes, role = api_key.name(asked.name), api_key.scopes(asked.scopes), account.role(asked.role)
    made, clear = await context.database.write(
        lambda db: edit.make(db, actor, name, scopes, role, asked.ends_at, now)
    )
    return NewKey.model_validate({**_told(made), "key": clear})


@router.delete("/{name}", status_code=204)
async def revoke_key(name: Name, context: ContextDep, actor: Admin) -> None:
    """The key opens nothing any more from now on, and pings by it are refused."""
    now, called = context.clock.now(), name.replace("\0", "")
    if await context.database.write(lambda db: edit.revoke(db, actor, called, now)) is None:
        raise NoSuch(f"There is no key {name[:100]!r}.")


def _told(one: Kept) -> dict[str, object]:
    names = ("name", "prefix", "made_at", "made_by", "ends_at", "last_used_at")
    told: dict[str, object] = {name: getattr(one, name) for name in names}
    return told | {"scopes": [scope.value for scope in one.scopes], "role": one.acts_as.value}
