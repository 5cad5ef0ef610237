"""Users on the console: who may sign in, invited by one-time links, with a role that can change."""

from collections.abc import Mapping
from urllib.parse import quote

from starlette.responses import Response

from heartbeat.access import account as rules
from heartbeat.access import store, users
from heartbeat.access.account import LastAdmin, Unfit, User
from heartbeat.access.users import UserExists
from heartbeat.actor import Role
from heartbeat.http.console.request import ConsoleRequest, Route
from heartbeat.http.pages import render

ONCE = "This link is shown once and works once, within 24 hours. Send it to them by a way that you trust."


async def listed(request: ConsoleRequest) -> Response:
    """Every user, and a form that invites another."""
    return await _page(request)


async def invite(request: ConsoleRequest) -> Response:
    """Make a user, and show the link by which they choose a password."""
    given = str(request.form.get("name", ""))
    try:
        name, role = rules.name(given), rules.role(str(request.form.get("role", "")))
        made, token = await request.write(lambda db: users.invite(db, request.actor, name, role, request.now))
    except (Unfit, UserExists) as wrong:
        return await _page(request, str(wrong), given, 409 if isinstance(wrong, UserExists) else 422)
    return _link(request, made, token, f"{made.name} is invited")


async def one_user(request: ConsoleRequest) -> Response:
    """One user: the role, and what can be done."""
    name = _name(request)
    found = await request.read(lambda db: store.user(db, name))
    return (
        _missing(request)
        if found is None
        else request.show("account/user.html", user=found, roles=list(Role))
    )


async def change_role(request: ConsoleRequest) -> Response:
    """Let somebody do more or less."""
    try:
        role = rules.role(str(request.form.get("role", "")))
        done = await request.write(
            lambda db: users.change_role(db, request.actor, _name(request), role, request.now)
        )
    except (Unfit, LastAdmin) as wrong:
        return _refused(request, wrong)
    return _back(request, done)


async def ask_disable(request: ConsoleRequest) -> Response:
    """Ask before somebody is kept out."""
    return await _ask(request, "Disable", "They can sign in no more, and their sign-ins end at once.")


async def disable(request: ConsoleRequest) -> Response:
    """Keep somebody out."""
    try:
        done = await request.write(lambda db: users.disable(db, request.actor, _name(request), request.now))
    except LastAdmin as wrong:
        return _refused(request, wrong)
    return _back(request, done)


async def enable(request: ConsoleRequest) -> Response:
    """Let somebody in again."""
    return _back(
        request, await request.write(lambda db: users.enable(db, request.actor, _name(request), request.now))
    )


async def ask_reset(request: ConsoleRequest) -> Response:
    """Ask before somebody's password is taken away."""
    return await _ask(
        request,
        "Reset",
        "Their password and second factor are taken away, and their sign-ins end. You get a one-time link by "
        "which they choose new ones.",
    )


async def reset(request: ConsoleRequest) -> Response:
    """Take a password away, and show the link by which another is chosen."""
    try:
        done = await request.write(lambda db: users.reset(db, request.actor, _name(request), request.now))
    except LastAdmin as wrong:
        return _refused(request, wrong)
    return _missing(request) if done is None else _link(request, *done, f"{done[0].name} is reset")


READING: Mapping[str, Route] = {
    "/users": (Role.ADMIN, listed),
    "/users/{name}": (Role.ADMIN, one_user),
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


async def _page(request: ConsoleRequest, wrong: str = "", name: str = "", status: int = 200) -> Response:
    every = await request.read(store.every_user)
    shown = name[: rules.LONGEST_NAME]
    return request.show(
        "account/users.html", status=status, users=every, roles=list(Role), wrong=wrong, name=shown
    )


async def _ask(request: ConsoleRequest, verb: str, consequence: str) -> Response:
    name = _name(request)
    found = await request.read(lambda db: store.user(db, name))
    if found is None:
        return _missing(request)
    question, back = f"{verb} {found.name}?", f"/users/{quote(found.name)}"
    action = f"{verb} {found.name}"
    return request.show(
        "confirm.html", question=question, consequences=[consequence], action=action, back=back
    )


def _link(request: ConsoleRequest, user: User, token: str, title: str) -> Response:
    secret = f"{request.context.public_url}/join/{token}"
    back = f"/users/{quote(user.name)}"
    return request.show("shown_once.html", title=title, words=ONCE, secret=secret, back=back)


def _back(request: ConsoleRequest, done: User | None) -> Response:
    return _missing(request) if done is None else render.see_other(f"/users/{quote(done.name)}")


def _refused(request: ConsoleRequest, wrong: Exception) -> Response:
    return render.error_page(request.http, 409, "Nothing was changed", str(wrong))


def _missing(request: ConsoleRequest) -> Response:
    return request.not_found(f"There is no user called {_name(request)[:100]}.")


def _name(request: ConsoleRequest) -> str:
    return str(request.http.path_params["name"]).replace("\0", "")
