"""The view behind a one-time link: it creates the first user, or lets an invited user choose a password.

GET shows the form and never uses the link up, because mail scanners and chats follow links. POST uses it up.
"""

from http import HTTPStatus
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from heartbeat.access import account, users
from heartbeat.access.account import Unfit, User
from heartbeat.access.hasher import Busy
from heartbeat.access.users import BY_LINK, LinkGone
from heartbeat.http import auth, forms
from heartbeat.http.context import Context
from heartbeat.http.pages import render

_PRIVATE = {"X-Robots-Tag": "noindex"}
DIFFERENT = "password: the two entries differ. Type the same password twice."


def router(context: Context) -> APIRouter:
    """Return the routes of one-time links."""
    routes = APIRouter()

    async def look(request: Request) -> Response:
        token, now = request.path_params["token"], context.clock.now()
        try:
            invited = await context.database.read(lambda db: users.link_is_for(db, token, now))
        except LinkGone as error:
            return _link_gone(request, error)
        return _form(invited)

    async def act(request: Request) -> Response:
        auth.check_origin(request)
        token, now = request.path_params["token"], context.clock.now()
        try:
            invited = await context.database.read(lambda db: users.link_is_for(db, token, now))
        except LinkGone as error:
            return _link_gone(request, error)
        form = await forms.read(request, forms.STRANGERS_FIELDS)
        password, repetition = str(form.get("password", "")), str(form.get("again", ""))
        name_typed = str(form.get("name", ""))
        try:
            name = invited.name if invited else account.new_name(name_typed)
            normal_password = account.password(password, name)
            if password != repetition:
                raise Unfit(DIFFERENT)
            hashed = await auth.gate_of(request).hasher.hashed(normal_password)
        except (Unfit, Busy) as error:
            return _form(invited, str(error), name_typed, 422 if isinstance(error, Unfit) else 429)
        remote = auth.client_of(request).remote
        try:
            if invited is None:
                user = await context.database.write(
                    lambda db: users.make_first(db, token, name, hashed, now, remote)
                )
            else:
                user = await context.database.write(lambda db: users.accept(db, token, hashed, now, remote))
        except LinkGone as error:
            return _link_gone(request, error)
        answer = render.see_other("/")
        await auth.begin_session(request, answer, user, BY_LINK)
        return answer

    routes.add_route("/join/{token}", look, methods=["GET"], include_in_schema=False)
    routes.add_route("/join/{token}", act, methods=["POST"], include_in_schema=False)
    return routes


def _form(invited: User | None, error: str = "", name: str = "", status: int = 200) -> Response:
    facts: dict[str, Any] = {"invited": invited, "name": name[: account.LONGEST_NAME], "error": error}
    facts["shortest"] = account.SHORTEST_PASSWORD
    return render.render("account/invitation.html", status=status, headers=_PRIVATE, **facts)


def _link_gone(request: Request, error: LinkGone) -> Response:
    response = render.error_page(request, HTTPStatus.GONE, "This link no longer works", str(error))
    response.headers.update(_PRIVATE)
    return response
