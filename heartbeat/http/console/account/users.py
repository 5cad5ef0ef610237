"""Users on the console: who may sign in, invited by one-time links, with a role that can change."""

from collections.abc import Mapping
from urllib.parse import quote

from starlette.responses import Response

from heartbeat.access import account as rules
from heartbeat.access import store, users
from heartbeat.access.account import LastAdmin, Unfit, User
from heartbeat.access.users import UserExists
from heartbeat.actor import Role
from heartbeat.http.console.request import Shown, Visit
from heartbeat.http.pages import render

ONCE = "This link is shown once and works once, within 24 hours. Send it to them by a way that you trust."


async def listed(visit: Visit) -> Response:
    """Every user, and a form that invites another."""
    return await _page(visit)


async def invite(visit: Visit) -> Response:
    """Make a user, and show the link by which they choose a password."""
    given = str(visit.form.get("name", ""))
    try:
        name, role = rules.name(given), rules.role(str(visit.form.get("role", "")))
        made, token = await visit.write(lambda db: users.invite(db, visit.actor, name, role, visit.now))
    except (Unfit, UserExists) as wrong:
        return await _page(visit, str(wrong), given, 409 if isinstance(wrong, UserExists) else 422)
    return _link(visit, made, token, f"{made.name} is invited")


async def one_user(visit: Visit) -> Response:
    """One user: the role, and what can be done."""
    name = _name(visit)
    found = await visit.read(lambda db: store.user(db, name))
    return _missing(visit) if found is None else visit.show("account/user.html", user=found, roles=list(Role))


async def change_role(visit: Visit) -> Response:
    """Let somebody do more or less."""
    try:
        role = rules.role(str(visit.form.get("role", "")))
        done = await visit.write(lambda db: users.change_role(db, visit.actor, _name(visit), role, visit.now))
    except (Unfit, LastAdmin) as wrong:
        return _refused(visit, wrong)
    return _back(visit, done)


async def ask_disable(visit: Visit) -> Response:
    """Ask before somebody is kept out."""
    return await _ask(visit, "Disable", "They can sign in no more, and their sign-ins end at once.")


async def disable(visit: Visit) -> Response:
    """Keep somebody out."""
    try:
        done = await visit.write(lambda db: users.disable(db, visit.actor, _name(visit), visit.now))
    except LastAdmin as wrong:
        return _refused(visit, wrong)
    return _back(visit, done)


async def enable(visit: Visit) -> Response:
    """Let somebody in again."""
    return _back(visit, await visit.write(lambda db: users.enable(db, visit.actor, _name(visit), visit.now)))


async def ask_reset(visit: Visit) -> Response:
    """Ask before somebody's password is taken away."""
    return await _ask(
        visit,
        "Reset",
        "Their password and second factor are taken away, and their sign-ins end. You get a one-time link by "
        "which they choose new ones.",
    )


async def reset(visit: Visit) -> Response:
    """Take a password away, and show the link by which another is chosen."""
    try:
        done = await visit.write(lambda db: users.reset(db, visit.actor, _name(visit), visit.now))
    except LastAdmin as wrong:
        return _refused(visit, wrong)
    return _missing(visit) if done is None else _link(visit, *done, f"{done[0].name} is reset")


READING: Mapping[str, Shown] = {
    "/users": (Role.ADMIN, listed),
    "/users/{name}": (Role.ADMIN, one_user),
    "/users/{name}/disable": (Role.ADMIN, ask_disable),
    "/users/{name}/reset": (Role.ADMIN, ask_reset),
}
ACTING: Mapping[str, Shown] = {
    "/users": (Role.ADMIN, invite),
    "/users/{name}/role": (Role.ADMIN, change_role),
    "/users/{name}/disable": (Role.ADMIN, disable),
    "/users/{name}/enable": (Role.ADMIN, enable),
    "/users/{name}/reset": (Role.ADMIN, reset),
}


async def _page(visit: Visit, wrong: str = "", name: str = "", status: int = 200) -> Response:
    every = await visit.read(store.every_user)
    shown = name[: rules.LONGEST_NAME]
    return visit.show(
        "account/users.html", status=status, users=every, roles=list(Role), wrong=wrong, name=shown
    )


async def _ask(visit: Visit, verb: str, consequence: str) -> Response:
    name = _name(visit)
    found = await visit.read(lambda db: store.user(db, name))
    if found is None:
        return _missing(visit)
    question, back = f"{verb} {found.name}?", f"/users/{quote(found.name)}"
    action = f"{verb} {found.name}"
    return visit.show("confirm.html", question=question, consequences=[consequence], action=action, back=back)


def _link(visit: Visit, user: User, token: str, title: str) -> Response:
    secret = f"{visit.context.public_url}/join/{token}"
    back = f"/users/{quote(user.name)}"
    return visit.show("shown_once.html", title=title, words=ONCE, secret=secret, back=back)


def _back(visit: Visit, done: User | None) -> Response:
    return _missing(visit) if done is None else render.see_other(f"/users/{quote(done.name)}")


def _refused(visit: Visit, wrong: Exception) -> Response:
    return render.error_page(visit.request, 409, "Nothing was changed", str(wrong))


def _missing(visit: Visit) -> Response:
    return visit.missing(f"There is no user called {_name(visit)[:100]}.")


def _name(visit: Visit) -> str:
    return str(visit.request.path_params["name"]).replace("\0", "")
