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
from heartbeat.http.console.request import Shown, Visit
from heartbeat.http.pages import render

DIFFERENT = "password: the two new ones do not agree; type the same password twice."
NOBODY = "You came in with the admin key, by a provider or by a proxy, so that there is no password here to change."


async def look(visit: Visit) -> Response:
    """Who one is, and in which browsers one has signed in."""
    return await _page(visit)


async def change_password(visit: Visit) -> Response:
    """Choose another password: all sign-ins end, and a new one begins in this browser."""
    user = await _user(visit)
    if user is None or user.password_hash is None:
        return render.error_page(visit.request, 409, "Not for you", NOBODY)
    given, again = str(visit.form.get("new", "")), str(visit.form.get("again", ""))
    gate, from_ = auth.gate_of(visit.request), auth.whence(visit.request)
    try:
        chosen = rules.password(given, user.name)
        if given != again:
            raise Unfit(DIFFERENT)
        old = str(visit.form.get("password", ""))
        found = await sign_in.prove(gate, visit.context.database, user.name, old, from_, visit.now)
        if isinstance(found, Refused):
            wrong = "password: the one you have now is not this." if found.wait is None else found.message
            return await _page(visit, wrong, 429 if found.wait else 403)
        hashed = await gate.hasher.hashed(chosen)
    except (Unfit, Busy) as wrong_:
        return await _page(visit, str(wrong_), 422)
    await visit.write(lambda db: users.set_password(db, visit.actor, user, hashed, visit.now))
    answer = render.see_other("/account")
    await auth.begin(visit.request, answer, user, "new password")
    return answer


async def end_one(visit: Visit) -> Response:
    """Sign out in another browser."""
    user, number = await _user(visit), visit.number
    if user is not None:
        await visit.write(lambda db: sign_in.end_of(db, visit.actor, user, number, visit.now))
    return render.see_other("/account")


async def end_others(visit: Visit) -> Response:
    """Sign out in all other browsers."""
    here = await auth.present(visit.request)
    if here is not None and here.user is not None:
        user, number = here.user, here.id
        await visit.write(lambda db: sign_in.end_others(db, visit.actor, user, number, visit.now))
    return render.see_other("/account")


READING: Mapping[str, Shown] = {"/account": (Role.VIEWER, look)}
ACTING: Mapping[str, Shown] = {
    "/account/password": (Role.VIEWER, change_password),
    "/account/sign-ins/end": (Role.VIEWER, end_others),
    "/account/sign-ins/{number:int}/end": (Role.VIEWER, end_one),
}


async def _user(visit: Visit) -> User | None:
    here = await auth.present(visit.request)
    return here.user if here is not None else None


async def _page(visit: Visit, wrong: str = "", status: int = 200) -> Response:
    here = await auth.present(visit.request)
    user = here.user if here is not None else None
    facts: dict[str, Any] = {"user": user, "here": here, "wrong": wrong, "sign_ins": [], "codes_left": 0}
    if user is not None:
        limits = visit.context.ways.limits
        every = await visit.read(lambda db: store.sessions_of(db, user))
        facts["codes_left"] = await visit.read(lambda db: store.recovery_codes_left(db, user.id))
        facts["sign_ins"] = [one for one in every if life.is_valid(one, visit.now, limits, "")]
    return visit.show("account/own.html", status=status, shortest=rules.SHORTEST_PASSWORD, **facts)
