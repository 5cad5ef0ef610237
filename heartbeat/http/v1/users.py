"""Users in the API: who may sign in, and by which role. A password never passes through here."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from heartbeat.access import account, store
from heartbeat.access import users as edit
from heartbeat.access.account import User as Kept
from heartbeat.http.auth import Admin, ContextDep
from heartbeat.http.context import Context
from heartbeat.http.problem import NoSuch
from heartbeat.http.v1 import fields, listing
from heartbeat.http.v1.response_models import ResponseModel
from heartbeat.http.v1.tags import ConditionalReadDep, tag

router = APIRouter(prefix="/users", tags=["users"])

Name = Annotated[str, Path(description="What the user is called.")]


class User(ResponseModel):
    """Somebody who may sign in."""

    name: str = Field(examples=["anna"])
    role: str = Field(description="viewer, responder or admin.", examples=["responder"])
    state: str = Field(description="active, invited or disabled.", examples=["active"])
    second_factor: bool = Field(description="Whether a code is wanted beside the password.")
    made_at: datetime
    made_by: str = Field(examples=["anna"])
    last_in_at: datetime | None = Field(description="When they last signed in; null: never.")


class Users(ResponseModel):
    """Users by name."""

    users: list[User]
    next: str | None = Field(description="Give this as `after` for more; null where there is no more.")


class Invited(User):
    """A user, and the link by which they choose a password."""

    link: str = Field(
        description="A one-time link for them, shown this once.",
        examples=["https://heartbeat.example.com/join/0pVn3vXb9mKQz7fJ2sYhT4wLdRcE6gAu"],
    )
    link_ends_at: datetime


class Invite(BaseModel):
    """A user who is wanted."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: Annotated[str, Field(description="What they sign in as.", examples=["bob"])]
    role: Annotated[str, Field(description="viewer, responder or admin.", examples=["responder"])]


class NewRole(BaseModel):
    """What a user may do from now on."""

    model_config = ConfigDict(extra="forbid", strict=True)

    role: Annotated[str, Field(description="viewer, responder or admin.", examples=["viewer"])]


@router.get("")
async def list_users(
    context: ContextDep,
    actor: Admin,
    conditional: ConditionalReadDep,
    after: fields.AfterText = "",
    limit: fields.Limit = 50,
) -> Users:
    """Every user by name."""
    del actor

    def work(db: Connection) -> Users:
        every = {one.name: one for one in store.every_user(db)}
        found, following = listing.slice_after(every, after, limit)
        told = [_told(one) for one in found]
        conditional.set_tag(tag((told, following)))
        return Users(users=[User.model_validate(one) for one in told], next=following)

    return await context.database.read(work)


@router.post("", status_code=201)
async def invite_user(asked: Invite, context: ContextDep, actor: Admin) -> Invited:
    """Make a user, who chooses a password by the one-time link of this answer. A name is taken once (409)."""
    now = context.clock.now()
    name, role = account.name(asked.name), account.role(asked.role)
    made, token = await context.database.write(lambda db: edit.invite(db, actor, name, role, now))
    return _invited(context, made, token, now)


@router.post("/{name}/role")
async def change_role(name: Name, asked: NewRole, context: ContextDep, actor: Admin) -> User:
    """Let them do more or less. Their sign-ins end. The last admin stays one (409)."""
    now, role = context.clock.now(), account.role(asked.role)
    return _there(
        name, await context.database.write(lambda db: edit.change_role(db, actor, _tidy(name), role, now))
    )


@router.post("/{name}/disable")
async def disable_user(name: Name, context: ContextDep, actor: Admin) -> User:
    """Let them in no more. Their sign-ins end. The last admin stays (409)."""
    now = context.clock.now()
    return _there(name, await context.database.write(lambda db: edit.disable(db, actor, _tidy(name), now)))


@router.post("/{name}/enable")
async def enable_user(name: Name, context: ContextDep, actor: Admin) -> User:
    """Let them in again."""
    now = context.clock.now()
    return _there(name, await context.database.write(lambda db: edit.enable(db, actor, _tidy(name), now)))


@router.post("/{name}/reset")
async def reset_user(name: Name, context: ContextDep, actor: Admin) -> Invited:
    """Take their password and second factor away, and answer a one-time link by which they choose new ones.

    Asked again, it makes another link, and the one before is over.
    """
    now = context.clock.now()
    done = await context.database.write(lambda db: edit.reset(db, actor, _tidy(name), now))
    if done is None:
        raise _missing(name)
    return _invited(context, *done, now)


def _told(one: Kept) -> dict[str, object]:
    told: dict[str, object] = {"name": one.name, "role": one.role.value, "state": one.state}
    told |= {"second_factor": one.code_secret is not None, "last_in_at": one.last_in_at}
    return told | {"made_at": one.made_at, "made_by": one.made_by}


def _invited(context: Context, one: Kept, token: str, now: datetime) -> Invited:
    link = {"link": f"{context.public_url}/join/{token}", "link_ends_at": now + edit.LINK_LASTS}
    return Invited.model_validate({**_told(one), **link})


def _there(name: str, one: Kept | None) -> User:
    if one is None:
        raise _missing(name)
    return User.model_validate(_told(one))


def _missing(name: str) -> NoSuch:
    return NoSuch(f"There is no user {name[:100]!r}.")


def _tidy(name: str) -> str:
    return name.replace("\0", "")
