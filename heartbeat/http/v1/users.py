"""Users in the API: invite them, change their roles, disable and reset them. Passwords never pass through here."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from heartbeat.access import account, store
from heartbeat.access import users as edit
from heartbeat.access.account import User as StoredUser
from heartbeat.http.auth import Admin, ContextDep
from heartbeat.http.context import Context
from heartbeat.http.problem import NoSuch
from heartbeat.http.v1 import fields, listing
from heartbeat.http.v1.keyed import KeyedRoute
from heartbeat.http.v1.response_models import NextName, ResponseModel
from heartbeat.http.v1.tags import ConditionalReadDep, tag

router = APIRouter(prefix="/users", tags=["users"], route_class=KeyedRoute)

Name = Annotated[str, Path(description="The name of the user.")]


class User(ResponseModel):
    """A user, who can sign in."""

    name: str = Field(examples=["anna"])
    role: str = Field(description="viewer, responder or admin.", examples=["responder"])
    state: str = Field(description="active, invited or disabled.", examples=["active"])
    second_factor: bool = Field(description="Whether signing in also needs a code.")
    made_at: datetime
    made_by: str = Field(examples=["anna"])
    last_in_at: datetime | None = Field(description="The last sign-in. Null: never.")


class Users(ResponseModel):
    """Users by name."""

    users: list[User]
    next: NextName


class InvitedUser(User):
    """A user, with the link to choose a password."""

    link: str = Field(
        description="The one-time link for the user. Only this answer shows it.",
        examples=["https://heartbeat.example.com/join/0pVn3vXb9mKQz7fJ2sYhT4wLdRcE6gAu"],
    )
    link_ends_at: datetime


class Invitation(BaseModel):
    """The user to invite."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: Annotated[str, Field(description="The name to sign in with.", examples=["bob"])]
    role: Annotated[str, Field(description="viewer, responder or admin.", examples=["responder"])]


class NewRole(BaseModel):
    """The new role of a user."""

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
    """List users by name."""
    del actor

    def work(db: Connection) -> Users:
        by_name = {user.name: user for user in store.every_user(db)}
        listed, following = listing.slice_after(by_name, after, limit)
        users = [_fields(user) for user in listed]
        conditional.set_tag(tag((users, following)))
        return Users(users=[User.model_validate(user) for user in users], next=following)

    return await context.database.read(work)


@router.post("", status_code=201)
async def invite_user(body: Invitation, context: ContextDep, actor: Admin) -> InvitedUser:
    """Invite a user. The answer has a one-time link to choose a password. A name that exists is refused (409)."""
    now = context.clock.now()
    name, role = account.new_name(body.name), account.role(body.role)
    user, token = await context.database.write(lambda db: edit.invite(db, actor, name, role, now))
    return _invited(context, user, token, now)


@router.post("/{name}/role")
async def change_role(name: Name, body: NewRole, context: ContextDep, actor: Admin) -> User:
    """Change the role of a user. Their sign-ins end. The last admin must stay an admin (409)."""
    now, role = context.clock.now(), account.role(body.role)
    return _response(
        name,
        await context.database.write(lambda db: edit.change_role(db, actor, _without_nul(name), role, now)),
    )


@router.post("/{name}/disable")
async def disable_user(name: Name, context: ContextDep, actor: Admin) -> User:
    """Disable a user. Their sign-ins end. The last admin cannot be disabled (409)."""
    now = context.clock.now()
    return _response(
        name, await context.database.write(lambda db: edit.disable(db, actor, _without_nul(name), now))
    )


@router.post("/{name}/enable")
async def enable_user(name: Name, context: ContextDep, actor: Admin) -> User:
    """Enable a disabled user."""
    now = context.clock.now()
    return _response(
        name, await context.database.write(lambda db: edit.enable(db, actor, _without_nul(name), now))
    )


@router.post("/{name}/reset")
async def reset_user(name: Name, context: ContextDep, actor: Admin) -> InvitedUser:
    """Remove the password and the second factor of a user. The answer has a one-time link to choose new ones.

    Repeating the request creates a new link, and the previous link expires.
    """
    now = context.clock.now()
    user_and_token = await context.database.write(lambda db: edit.reset(db, actor, _without_nul(name), now))
    if user_and_token is None:
        raise _missing(name)
    return _invited(context, *user_and_token, now)


def _fields(user: StoredUser) -> dict[str, object]:
    return {
        "name": user.name,
        "role": user.role.value,
        "state": user.state,
        "second_factor": user.code_secret is not None,
        "last_in_at": user.last_in_at,
        "made_at": user.made_at,
        "made_by": user.made_by,
    }


def _invited(context: Context, user: StoredUser, token: str, now: datetime) -> InvitedUser:
    link = {"link": f"{context.public_url}/join/{token}", "link_ends_at": now + edit.LINK_LASTS}
    return InvitedUser.model_validate({**_fields(user), **link})


def _response(name: str, user: StoredUser | None) -> User:
    if user is None:
        raise _missing(name)
    return User.model_validate(_fields(user))


def _missing(name: str) -> NoSuch:
    return NoSuch(f"There is no user {name[:100]!r}.")


def _without_nul(name: str) -> str:
    return name.replace("\0", "")
