"""One's own account: the password, and the browsers in which one has signed in."""

from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from heartbeat.access import account as rules
from heartbeat.access import session as life
from heartbeat.access import sign_in, store, users
from heartbeat.access.account import Unfit, User
from heartbeat.access.hasher import Busy
from heartbeat.access.sign_in import Refused
from heartbeat.actor import Role
from heartbeat.http import auth
from heartbeat.http.console.request import ConsoleRequest, Route
from heartbeat.http.pages import render

DIFFERENT = "password: the two new ones do not agree; type the same password twice."
NOBODY = "You came in with the admin key, by a provider or by a proxy, so that there is no password here to change."


async def look(request: ConsoleRequest) -> Response:
    """Who one is, and in which browsers one has signed in."""
    return await _page(request)


async def change_password(request: ConsoleRequest) -> Response:
    """Choose another password: all sign-ins end, and a new one begins in this browser."""
    user = await _user(request)
    if user is None or user.password_hash is None:
        return render.error_page(request.http, 409, "Not for you", NOBODY)
    given, again = str(request.form.get("new", "")), str(request.form.get("again", ""))
    gate, from_ = auth.gate_of(request.http), auth.whence(request.http)
    try:
        chosen = rules.password(given, user.name)
        if given != again:
            raise Unfit(DIFFERENT)
        old = str(request.form.get("password", ""))
        found = await sign_in.prove(gate, request.context.database, user.name, old, from_, request.now)
        if isinstance(found, Refused):
            wrong = "password: the one you have now is not this." if found.wait is None else found.message
            return await _page(request, wrong, 429 if found.wait else 403)
        hashed = await gate.hasher.hashed(chosen)
    except (Unfit, Busy) as wrong_:
        return await _page(request, str(wrong_), 422)
    await request.write(lambda db: users.set_password(db, request.actor, user, hashed, request.now))
    answer = render.see_other("/account")
    await auth.begin(request.http, answer, user, "new password")
    return answer


async def end_one(request: ConsoleRequest) -> Response:
    """Sign out in another browser."""
    user, number = await _user(request), request.number
    if user is not None:
        await request.write(lambda db: sign_in.end_of(db, request.actor, user, number, request.now))
    return render.see_other("/account")


async def end_others(request: ConsoleRequest) -> Response:
    """Sign out in all other browsers."""
    here = await auth.present(request.http)
    if here is not None and here.user is not None:
        user, number = here.user, here.id
        await request.write(lambda db: sign_in.end_others(db, request.actor, user, number, request.now))
    return render.see_other("/account")


READING: Mapping[str, Route] = {"/account": (Role.VIEWER, look)}
ACTING: Mapping[str, Route] = {
    "/account/password": (Role.VIEWER, change_password),
    "/account/sign-ins/end": (Role.VIEWER, end_others),
    "/account/sign-ins/{number:int}/end": (Role.VIEWER, end_one),
}


async def _user(request: ConsoleRequest) -> User | None:
    here = await auth.present(request.http)
    return here.user if here is not None else None


async def _page(request: ConsoleRequest, wrong: str = "", status: int = 200) -> Response:
    here = await auth.present(request.http)
    user = here.user if here is not None else None
    facts: dict[str, Any] = {"user": user, "here": here, "wrong": wrong, "sign_ins": [], "codes_left": 0}
    if user is not None:
        limits = request.context.ways.limits
        every = await request.read(lambda db: store.sessions_of(db, user))
        facts["codes_left"] = await request.read(lambda db: store.recovery_codes_left(db, user.id))
        facts["sign_ins"] = [one for one in every if life.is_valid(one, request.now, limits, "")]
    return request.show("account/own.html", status=status, shortest=rules.SHORTEST_PASSWORD, **facts)
