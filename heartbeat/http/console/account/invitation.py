"""The page behind a one-time link: the first user is made there, and whoever was invited chooses a password.

GET shows and never uses the link up, because mail scanners and chats follow links; POST does.
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
from heartbeat.http import auth
from heartbeat.http.console.request import FORM_FIELDS
from heartbeat.http.context import Context
from heartbeat.http.pages import render

_PRIVATE = {"X-Robots-Tag": "noindex"}
DIFFERENT = "password: the two do not agree; type the same password twice."


def router(context: Context) -> APIRouter:
    """The page behind a one-time link."""
    routes = APIRouter()

    async def look(request: Request) -> Response:
        token, now = request.path_params["token"], context.clock.now()
        try:
            invited = await context.database.read(lambda db: users.link_is_for(db, token, now))
        except LinkGone as gone:
            return _gone(request, gone)
        return _form(invited)

    async def act(request: Request) -> Response:
        auth.check_origin(request)
        token, now = request.path_params["token"], context.clock.now()
        form = await request.form(max_files=0, max_fields=FORM_FIELDS)
        given, again = str(form.get("password", "")), str(form.get("again", ""))
        asked = str(form.get("name", ""))
        try:
            invited = await context.database.read(lambda db: users.link_is_for(db, token, now))
        except LinkGone as gone:
            return _gone(request, gone)
        try:
            name = invited.name if invited else account.name(asked)
            chosen = account.password(given, name)
            if given != again:
                raise Unfit(DIFFERENT)
            hashed = await auth.gate_of(request).hasher.hashed(chosen)
        except (Unfit, Busy) as wrong:
            return _form(invited, str(wrong), asked, 422 if isinstance(wrong, Unfit) else 429)
        remote = auth.whence(request).remote
        try:
            if invited is None:
                user = await context.database.write(
                    lambda db: users.make_first(db, token, name, hashed, now, remote)
                )
            else:
                user = await context.database.write(lambda db: users.accept(db, token, hashed, now, remote))
        except LinkGone as gone:
            return _gone(request, gone)
        answer = render.see_other("/")
        await auth.begin(request, answer, user, BY_LINK)
        return answer

    routes.add_route("/join/{token}", look, methods=["GET"], include_in_schema=False)
    routes.add_route("/join/{token}", act, methods=["POST"], include_in_schema=False)
    return routes


def _form(invited: User | None, wrong: str = "", name: str = "", status: int = 200) -> Response:
    shown: dict[str, Any] = {"invited": invited, "name": name[: account.LONGEST_NAME], "wrong": wrong}
    shown["shortest"] = account.SHORTEST_PASSWORD
    return render.render("account/invitation.html", status=status, headers=_PRIVATE, **shown)


def _gone(request: Request, gone: LinkGone) -> Response:
    shown = render.error_page(request, HTTPStatus.GONE, "This link is over", str(gone))
    shown.headers.update(_PRIVATE)
    return shown
