"""The reader's own account: password and sessions."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection
from starlette.responses import Response

from alerting.desk import Noun
from heartbeat.access import account as rules
from heartbeat.access import session as session_rules
from heartbeat.access import sign_in, store, users
from heartbeat.access.account import Unfit, User
from heartbeat.access.hasher import Busy
from heartbeat.access.sign_in import Refused
from heartbeat.actor import Role
from heartbeat.http import auth
from heartbeat.http.console.request import ConsoleRequest, Route
from heartbeat.http.pages import render
from heartbeat.on_call import calendar_access

DIFFERENT = "password: the two entries differ. Type the same new password twice."
NOT_CURRENT = "password: this is not your current password. Nothing was changed."
NOTHING_TO_CHANGE = (
    "You signed in with the admin key, through a provider or through a proxy. Nothing was changed."
)


async def look(request: ConsoleRequest) -> Response:
    """Show the account and its sessions."""
    return await _account(request)


async def change_password(request: ConsoleRequest) -> Response:
    """Set a new password: all sessions end, and a new one begins in this browser."""
    user = await _user(request)
    if user is None or user.password_hash is None:
        return render.error_page(request.http, 409, "There is no password to change here", NOTHING_TO_CHANGE)
    password, repetition = str(request.form.get("new", "")), str(request.form.get("again", ""))
    gate, client = auth.gate_of(request.http), auth.client_of(request.http)
    try:
        normal_password = rules.password(password, user.name)
        if password != repetition:
            raise Unfit(DIFFERENT)
        old = str(request.form.get("password", ""))
        proof = await sign_in.prove(gate, request.context.database, user.name, old, client, request.now)
        if isinstance(proof, Refused):
            error = NOT_CURRENT if proof.wait is None else proof.message
            return await _account(request, error, 429 if proof.wait else 403)
        hashed = await gate.hasher.hashed(normal_password)
    except (Unfit, Busy) as problem:
        return await _account(request, str(problem), 429 if isinstance(problem, Busy) else 422)
    await request.write(lambda db: users.set_password(db, request.actor, user, hashed, request.now))
    answer = render.see_other("/account")
    await auth.begin_session(request.http, answer, user, "new password")
    return answer


async def end_session(request: ConsoleRequest) -> Response:
    """Sign out in another browser."""
    user, number = await _user(request), request.number
    if user is not None:
        await request.write(lambda db: sign_in.end_of(db, request.actor, user, number, request.now))
    return render.see_other("/account")


async def end_others(request: ConsoleRequest) -> Response:
    """Sign out in all other browsers."""
    session = await auth.current_session(request.http)
    if session is not None and session.user is not None:
        user, number = session.user, session.id
        await request.write(lambda db: sign_in.end_others(db, request.actor, user, number, request.now))
    return render.see_other("/account")


async def renew_calendar(request: ConsoleRequest) -> Response:
    """Give the calendar with the reader's own shifts a new address."""
    person = request.actor.person
    if person:
        actor, now = request.actor, request.now
        await request.write(lambda db: calendar_access.renew(db, actor, Noun.PERSON, person, now))
    return render.see_other("/account")


async def revoke_calendar(request: ConsoleRequest) -> Response:
    """Take the address of that calendar away."""
    person = request.actor.person
    if person:
        actor, now = request.actor, request.now
        await request.write(lambda db: calendar_access.revoke(db, actor, Noun.PERSON, person, now))
    return render.see_other("/account")


READING: Mapping[str, Route] = {"/account": (Role.VIEWER, look)}
ACTING: Mapping[str, Route] = {
    "/account/password": (Role.VIEWER, change_password),
    "/account/calendar": (Role.VIEWER, renew_calendar),
    "/account/calendar/revoke": (Role.VIEWER, revoke_calendar),
    "/account/sign-ins/end": (Role.VIEWER, end_others),
    "/account/sign-ins/{number:int}/end": (Role.VIEWER, end_session),
}


async def _user(request: ConsoleRequest) -> User | None:
    session = await auth.current_session(request.http)
    return session.user if session is not None else None


async def _account(request: ConsoleRequest, error: str = "", status: int = 200) -> Response:
    session = await auth.current_session(request.http)
    user = session.user if session is not None else None
    facts: dict[str, Any] = {
        "user": user,
        "session": session,
        "error": error,
        "sessions": [],
        "codes_left": 0,
        "calendar": await request.read(lambda db: _calendar(db, request)),
    }
    if user is not None:
        limits = request.context.ways.limits
        sessions = await request.read(lambda db: store.sessions_of(db, user))
        facts["codes_left"] = await request.read(lambda db: store.recovery_codes_left(db, user.id))
        facts["sessions"] = [
            each for each in sessions if session_rules.is_valid(each, request.now, limits, "")
        ]
    return request.show("account/own.html", status=status, shortest=rules.SHORTEST_PASSWORD, **facts)


def _calendar(db: Connection, request: ConsoleRequest) -> str:
    """Return the address of the reader's own calendar, empty if it has none."""
    context, person = request.context, request.actor.person
    home, secret = context.public_url, context.link_keys[0]
    return calendar_access.address_of(db, Noun.PERSON, person, home=home, secret=secret) if person else ""
