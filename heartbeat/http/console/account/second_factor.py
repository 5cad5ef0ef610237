"""The second factor of the reader's own account. A code of the phone turns it on.

The password turns it off, and has to be entered to replace it.
"""

from collections.abc import Mapping
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

import pyotp
import segno
from markupsafe import Markup
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

CODES = "If you lose your phone, each code works once instead. They are shown only once: store them somewhere safe."
NO_SECOND_FACTOR = (
    "You signed in with the admin key, through a provider or through a proxy. Nothing was changed."
)
_OFFER = "offer of a second factor"


async def offer(request: ConsoleRequest) -> Response:
    """Show a secret for the phone, as a picture and as text."""
    user = await _user(request)
    return _not_here(request) if user is None else _offer(request, user, pyotp.random_base32())


async def turn_on(request: ConsoleRequest) -> Response:
    """Turn it on if the code proves that the phone has the secret."""
    user = await _user(request)
    if user is None:
        return _not_here(request)
    vault, now = request.context.vault, request.now
    try:
        # The secret went through the browser, sealed and bound to its user, so the server stored nothing.
        secret = vault.open(str(request.form.get("secret", "")), _about(user))
    except Unreadable:
        return render.see_other("/account/second-factor")
    code = str(request.form.get("code", ""))
    # Otherwise whoever sits at an unlocked screen could exchange the phone for their own.
    if user.code_secret is not None and (refused := await _without_password(request, user)) is not None:
        error, status = refused
        return _offer(request, user, secret, error, status)
    recovery_codes = await request.write(
        lambda db: second_factor_actions.turn_on(db, request.actor, user, vault, secret, code, now)
    )
    if recovery_codes is None:
        return _offer(request, user, secret, second_factor_actions.WRONG_CODE, 422)
    title, back = "Your second factor is on", "/account"
    return request.show(
        "shown_once.html", title=title, words=CODES, secret="\n".join(recovery_codes), back=back
    )


async def ask_off(request: ConsoleRequest) -> Response:
    """Ask for the password before turning it off."""
    user = await _user(request)
    return _not_here(request) if user is None else _ask_off(request)


async def turn_off(request: ConsoleRequest) -> Response:
    """Turn it off if the password is right."""
    user = await _user(request)
    if user is None:
        return _not_here(request)
    if (refused := await _without_password(request, user)) is not None:
        return _ask_off(request, *refused)
    await request.write(lambda db: second_factor_actions.turn_off(db, request.actor, user, request.now))
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
    """Return the user of this session if they have a password: only then is a code asked for."""
    session = await auth.current_session(request.http)
    user = session.user if session is not None else None
    return user if user is not None and user.password_hash is not None else None


async def _without_password(request: ConsoleRequest, user: User) -> tuple[str, int] | None:
    """Return an error and its status unless the form has the user's password."""
    gate, client = auth.gate_of(request.http), auth.client_of(request.http)
    password = str(request.form.get("password", ""))
    try:
        proof = await sign_in.prove(gate, request.context.database, user.name, password, client, request.now)
    except Busy as busy:
        return str(busy), 429
    if isinstance(proof, Refused):
        return proof.message, 429 if proof.wait else 403
    await request.write(lambda db: gate.forgive(db, user.name))
    return None


def _offer(request: ConsoleRequest, user: User, secret: str, error: str = "", status: int = 200) -> Response:
    host = urlsplit(request.context.public_url).netloc
    picture = BytesIO()
    segno.make(second_factor.address(secret, user.name, host)).save(
        picture,
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
    facts: dict[str, Any] = {
        "picture": Markup(picture.getvalue().decode()),  # noqa: S704  # drawn here
        "secret": spaced,
        "sealed": sealed,
        "replaces": user.code_secret is not None,
    }
    return request.show("account/second_factor.html", status=status, error=error, **facts)


def _ask_off(request: ConsoleRequest, error: str = "", status: int = 200) -> Response:
    return request.show("account/second_factor_off.html", status=status, error=error)


def _not_here(request: ConsoleRequest) -> Response:
    return render.error_page(request.http, 409, "There is no second factor to change here", NO_SECOND_FACTOR)


def _about(user: User) -> str:
    return f"{_OFFER} {user.id}"
