"""Users on the console: list, invite, change the role, disable and reset."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from starlette.responses import Response

from alerting import desk
from heartbeat.access import account as rules
from heartbeat.access import store, users
from heartbeat.access.account import LastAdmin, Unfit, User
from heartbeat.access.users import UserExists
from heartbeat.actor import Role
from heartbeat.http.console.request import ConsoleRequest, Route
from heartbeat.http.pages import render

ONCE = (
    "This link is shown only once. It works once, within 24 hours. Send it through a channel that you trust."
)

_DISABLING = (
    "They can no longer sign in, and their sign-ins end at once. Their API keys no longer open the API, but jobs can "
    "still ping with them: revoke such keys under API keys."
)


async def listed(request: ConsoleRequest) -> Response:
    """Show all users, and the form that invites one."""
    return await _users(request)


async def invite(request: ConsoleRequest) -> Response:
    """Create a user, and show the link for choosing a password."""
    name_typed = str(request.form.get("name", ""))
    try:
        name, role = rules.new_name(name_typed), rules.role(str(request.form.get("role", "")))
        user, token = await request.write(lambda db: users.invite(db, request.actor, name, role, request.now))
    except (Unfit, UserExists) as error:
        return await _users(request, str(error), name_typed, 409 if isinstance(error, UserExists) else 422)
    return _link(request, user, token, f"{user.name} is invited")


async def show_user(request: ConsoleRequest) -> Response:
    """Show one user, with the form for the role."""
    name = _name(request)
    user, person = await request.read(lambda db: (store.user(db, name), desk.person_of_user(db, name)))
    if user is None:
        return _missing(request)
    return request.show("account/user.html", user=user, person=person, roles=list(Role))


async def change_role(request: ConsoleRequest) -> Response:
    """Change the role of a user."""
    try:
        role = rules.role(str(request.form.get("role", "")))
        user = await request.write(
            lambda db: users.change_role(db, request.actor, _name(request), role, request.now)
        )
    except (Unfit, LastAdmin) as error:
        return _refused(request, error)
    return _back(request, user)


async def ask_disable(request: ConsoleRequest) -> Response:
    """Ask before a user is disabled."""
    return await _ask(request, "Disable", _DISABLING)


async def disable(request: ConsoleRequest) -> Response:
    """Disable a user."""
    try:
        user = await request.write(lambda db: users.disable(db, request.actor, _name(request), request.now))
    except LastAdmin as error:
        return _refused(request, error)
    return _back(request, user)


async def enable(request: ConsoleRequest) -> Response:
    """Enable a disabled user."""
    return _back(
        request, await request.write(lambda db: users.enable(db, request.actor, _name(request), request.now))
    )


async def ask_reset(request: ConsoleRequest) -> Response:
    """Ask before a user's password is removed."""
    return await _ask(
        request,
        "Reset",
        "Their password and second factor are removed, and their sign-ins end. You get a one-time link with "
        "which they choose new ones.",
    )


async def reset(request: ConsoleRequest) -> Response:
    """Remove a user's password, and show the link for choosing a new one."""
    try:
        user_and_token = await request.write(
            lambda db: users.reset(db, request.actor, _name(request), request.now)
        )
    except LastAdmin as error:
        return _refused(request, error)
    if user_and_token is None:
        return _missing(request)
    user, token = user_and_token
    return _link(request, user, token, f"{user.name} is reset")


READING: Mapping[str, Route] = {
    "/users": (Role.ADMIN, listed),
    "/users/{name}": (Role.ADMIN, show_user),
    "/users/{name}/disable": (Role.ADMIN, ask_disable),
    "/users/{name}/reset": (Role.ADMIN, ask_reset),
}
ACTING: Mapping[str, Route] = {
    "/users": (Role.ADMIN, invite),
    "/users/{name}/role": (Role.ADMIN, change_role),
    "/users/{name}/disable": (Role.ADMIN, disable),
    "/users/{name}/enable": (Role.ADMIN, enable),
    "/users/{name}/reset": (Role.ADMIN, reset),
}


async def _users(request: ConsoleRequest, error: str = "", name: str = "", status: int = 200) -> Response:
    facts: dict[str, Any] = {"users": await request.read(store.every_user), "roles": list(Role)}
    return request.show(
        "account/users.html", status=status, error=error, name=name[: rules.LONGEST_NAME], **facts
    )


async def _ask(request: ConsoleRequest, verb: str, consequence: str) -> Response:
    name = _name(request)
    user = await request.read(lambda db: store.user(db, name))
    if user is None:
        return _missing(request)
    action, back = f"{verb} {user.name}", f"/users/{quote(user.name)}"
    return request.show(
        "confirm.html", question=f"{action}?", consequences=[consequence], action=action, back=back
    )


def _link(request: ConsoleRequest, user: User, token: str, title: str) -> Response:
    secret = f"{request.context.public_url}/join/{token}"
    back = f"/users/{quote(user.name)}"
    return request.show("shown_once.html", title=title, words=ONCE, secret=secret, back=back)


def _back(request: ConsoleRequest, user: User | None) -> Response:
    return _missing(request) if user is None else render.see_other(f"/users/{quote(user.name)}")


def _refused(request: ConsoleRequest, error: Exception) -> Response:
    return render.error_page(request.http, 409, "Nothing was changed", str(error))


def _missing(request: ConsoleRequest) -> Response:
    return request.not_found(f"There is no user called {_name(request)[:100]}.")


def _name(request: ConsoleRequest) -> str:
    return str(request.http.path_params["name"]).replace("\0", "")
