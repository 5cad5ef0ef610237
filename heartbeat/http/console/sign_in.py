"""Signing in to the console with the admin key, and signing out."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from heartbeat.http import auth, page
from heartbeat.http.console.visit import FORM_FIELDS, local
from heartbeat.http.door import Door

WRONG = "This is not the admin key. It was printed at the first start, or is what HEARTBEAT_ADMIN_KEY says."
TOO_OFTEN = "There were too many tries from this address. Wait a minute, then try again."


def router(door: Door) -> APIRouter:
    """The form, its answer, and the way out."""
    routes = APIRouter()

    async def ask(request: Request) -> Response:
        wanted = local(request.query_params.get("next", "/"))
        if auth.page_actor(request) is not None:
            return page.see_other(wanted)
        return _form(wanted)

    async def begin(request: Request) -> Response:
        form = await request.form(max_files=0, max_fields=FORM_FIELDS)
        wanted = local(str(form.get("next", "/")))
        if not auth.may_try(request):
            return _form(wanted, TOO_OFTEN, 429)
        if not auth.key_matches(door, str(form.get("key", "")).strip()):
            return _form(wanted, WRONG, 403)
        answer = page.see_other(wanted)
        auth.sign_in(door, answer)
        return answer

    async def end(request: Request) -> Response:
        auth.check_csrf(request, await request.form(max_files=0, max_fields=FORM_FIELDS))
        answer = page.see_other("/sign-in")
        auth.sign_out(answer)
        return answer

    routes.add_route("/sign-in", ask, methods=["GET"], include_in_schema=False)
    routes.add_route("/sign-in", begin, methods=["POST"], include_in_schema=False)
    routes.add_route("/sign-out", end, methods=["POST"], include_in_schema=False)
    return routes


def _form(wanted: str, wrong: str = "", status: int = 200) -> Response:
    return page.render("sign_in.html", status=status, wanted=wanted, wrong=wrong)
