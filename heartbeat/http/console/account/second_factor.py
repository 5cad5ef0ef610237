"""The second factor of one's own account: turned on by a code of the phone, and off by the password."""

from collections.abc import Mapping
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

import pyotp
import segno
from markupsafe import Markup
from sqlalchemy import Connection
from starlette.responses import Response

from heartbeat.access import second_factor, second_factor_actions, sign_in
from heartbeat.access.account import User
from heartbeat.access.hasher import Busy
from heartbeat.access.sign_in import Refused
from heartbeat.actor import Role
from heartbeat.http import auth
from heartbeat.http.console.request import ConsoleRequest, Route
from heartbeat.http.pages import render
from heartbeat.vault import Unreadable

CODES = "Each of these works once instead of a code, when the phone is lost. They are shown once: keep them elsewhere."
_OFFER = "offer of a second factor"


async def offer(request: ConsoleRequest) -> Response:
    """Show a secret for the phone, as a picture and as text."""
    user = await _user(request)
    return _not_here(request) if user is None else _offer(request, user, pyotp.random_base32())


async def turn_on(request: ConsoleRequest) -> Response:
    """Turn it on, once the phone has shown that it has the secret."""
    user = await _user(request)
    if user is None:
        return _not_here(request)
    vault, now = request.context.vault, request.now
    try:
        # It went through the browser sealed and bound to its user, so that nothing had to be kept meanwhile.
        secret = vault.open(str(request.form.get("secret", "")), _about(user))
    except Unreadable:
        return render.see_other("/account/second-factor")
    given = str(request.form.get("code", ""))
    codes = await request.write(
        lambda db: second_factor_actions.turn_on(db, request.actor, user, vault, secret, given, now)
    )
    if codes is None:
        return _offer(request, user, secret, second_factor_actions.WRONG_CODE, 422)
    title, back = "Your second factor is on", "/account"
    return request.show("shown_once.html", title=title, words=CODES, secret="\n".join(codes), back=back)


async def ask_off(request: ConsoleRequest) -> Response:
    """Ask for the password before it is turned off."""
    user = await _user(request)
    return _not_here(request) if user is None else _ask_off(request)


async def turn_off(request: ConsoleRequest) -> Response:
    """Turn it off, for who knows the password."""
    user = await _user(request)
    if user is None:
        return _not_here(request)
    gate, from_ = auth.gate_of(request.http), auth.whence(request.http)
    given = str(request.form.get("password", ""))
    try:
        found = await sign_in.prove(gate, request.context.database, user.name, given, from_, request.now)
    except Busy as busy:
        return _ask_off(request, str(busy), 429)
    if isinstance(found, Refused):
        return _ask_off(request, found.message, 429 if found.wait else 403)

    def off(db: Connection) -> None:
        gate.forgive(db, user.name)
        second_factor_actions.turn_off(db, request.actor, user, request.now)

    await request.write(off)
    return render.see_other("/account")


READING: Mapping[str, Route] = {
    "/account/second-factor": (Role.VIEWER, offer),
    "/account/second-factor/off": (Role.VIEWER, ask_off),
}
ACTING: Mapping[str, Route] = {
    "/account/second-factor": (Role.VIEWER, turn_on),
    "/account/second-factor/off": (Role.VIEWER, turn_off),
}


async def _user(request: ConsoleRequest) -> User | None:
    """Whose second factor this is. Where there is no password, a code beside it would never be asked for."""
    here = await auth.present(request.http)
    user = here.user if here is not None else None
    return user if user is not None and user.password_hash is not None else None


def _offer(request: ConsoleRequest, user: User, secret: str, wrong: str = "", status: int = 200) -> Response:
    host = urlsplit(request.context.public_url).netloc
    drawn = BytesIO()
    segno.make(second_factor.address(secret, user.name, host)).save(
        drawn,
        kind="svg",
        scale=5,
        border=2,
        xmldecl=False,
        svgns=False,
        light="#fff",
        title="For the authenticator",
    )
    sealed = request.context.vault.seal(secret, _about(user))
    spaced = " ".join(secret[start : start + 4] for start in range(0, len(secret), 4))
    facts: dict[str, Any] = {"picture": Markup(drawn.getvalue().decode()), "secret": spaced, "sealed": sealed}  # noqa: S704  # drawn here
    return request.show("account/second_factor.html", status=status, wrong=wrong, **facts)


def _ask_off(request: ConsoleRequest, wrong: str = "", status: int = 200) -> Response:
    return request.show("account/second_factor_off.html", status=status, wrong=wrong)


def _not_here(request: ConsoleRequest) -> Response:
    words = (
        "You came in with the admin key, by a provider or by a proxy, so that there is no second factor here."
    )
    return render.error_page(request.http, 409, "Not for you", words)


def _about(user: User) -> str:
    return f"{_OFFER} {user.id}"
