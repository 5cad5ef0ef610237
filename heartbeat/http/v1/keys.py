"""API keys in the API: create, list and revoke them. A key is shown once and stored as a hash."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from heartbeat.access import account, api_key, api_key_store
from heartbeat.access import api_keys as edit
from heartbeat.access.api_key import Key as StoredKey
from heartbeat.http.auth import Admin, ContextDep
from heartbeat.http.problem import NoSuch
from heartbeat.http.v1 import fields, listing
from heartbeat.http.v1.keyed import KeyedRoute
from heartbeat.http.v1.response_models import NextName, ResponseModel
from heartbeat.http.v1.tags import ConditionalReadDep, tag

router = APIRouter(prefix="/keys", tags=["keys"], route_class=KeyedRoute)

Name = Annotated[str, Path(description="The name of the key.")]


class Key(ResponseModel):
    """An API key. The key itself is not stored and cannot be shown."""

    name: str = Field(examples=["deploy"])
    prefix: str = Field(description="The first characters of the key.", examples=["hb_0pVn3v"])
    scopes: list[str] = Field(description="Some of read, write and ping.", examples=[["read", "write"]])
    role: str = Field(description="The role with which it calls the API.", examples=["responder"])
    made_at: datetime
    made_by: str = Field(examples=["anna"])
    ends_at: datetime | None = Field(description="Its expiry. Null: never.")
    last_used_at: datetime | None = Field(
        description="Its last use by a program or a job, to about a minute. Null: never."
    )


class Keys(ResponseModel):
    """Keys by name."""

    keys: list[Key]
    next: NextName


class NewKey(Key):
    """A new key."""

    key: str = Field(
        description="The key. Only this answer shows it.", examples=["hb_0pVn3vXb9mKQz7fJ2sYhT4wLdRcE6gAu"]
    )


class KeyRequest(BaseModel):
    """The key to create."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: Annotated[str, Field(description="Its name.", examples=["deploy"])]
    scopes: Annotated[
        list[str], Field(description="Some of read, write and ping.", examples=[["read"]], max_length=3)
    ]
    role: Annotated[
        str, Field(description="Its role if it may write: responder or admin.", examples=["responder"])
    ] = "responder"
    ends_at: fields.Instant | None = Field(
        default=None, description="Its expiry. By default it never expires."
    )


@router.get("")
async def list_keys(
    context: ContextDep,
    actor: Admin,
    conditional: ConditionalReadDep,
    after: fields.AfterText = "",
    limit: fields.Limit = 50,
) -> Keys:
    """List keys by name, without the keys themselves."""
    del actor

    def work(db: Connection) -> Keys:
        by_name = {key.name: key for key in api_key_store.every(db)}
        listed, following = listing.slice_after(by_name, after, limit)
        conditional.set_tag(tag((listed, following)))
        return Keys(keys=[Key.model_validate(_fields(key)) for key in listed], next=following)

    return await context.database.read(work)


@router.post("", status_code=201)
async def make_key(body: KeyRequest, context: ContextDep, actor: Admin) -> NewKey:
    """Create an API key. Only this answer shows it.

    A name has one key: a repeated request is refused (409). If you lost the answer, revoke the key and create another.
    """
    now = context.clock.now()
    name, scopes, role = api_key.name(body.name), api_key.scopes(body.scopes), account.role(body.role)
    stored, key = await context.database.write(
        lambda db: edit.make(db, actor, name, scopes, role, body.ends_at, now)
    )
    return NewKey.model_validate({**_fields(stored), "key": key})


@router.delete("/{name}", status_code=204)
async def revoke_key(name: Name, context: ContextDep, actor: Admin) -> None:
    """Revoke an API key. Requests and pings with it are refused from now on."""
    now, clean_name = context.clock.now(), name.replace("\0", "")
    if await context.database.write(lambda db: edit.revoke(db, actor, clean_name, now)) is None:
        raise NoSuch(f"There is no key {name[:100]!r}.")


def _fields(stored: StoredKey) -> dict[str, object]:
    names = ("name", "prefix", "made_at", "made_by", "ends_at", "last_used_at")
    fields_of_key: dict[str, object] = {name: getattr(stored, name) for name in names}
    return fields_of_key | {"scopes": [scope.value for scope in stored.scopes], "role": stored.acts_as.value}
