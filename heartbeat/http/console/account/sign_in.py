"""Signing in to the console with name and password or with the admin key, and signing out."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from fastapi import APIRouter
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from heartbeat.access import pending_sign_in, second_factor_actions, sign_in, store
from heartbeat.access.account import User
from heartbeat.access.hasher import Busy
from heartbeat.access.sign_in import Refused
from heartbeat.http import auth, forms
from heartbeat.http.console.request import local
from heartbeat.http.context import Context
from heartbeat.http.pages import render
from heartbeat.vault import Unreadable

WRONG_KEY = "This is not the admin key. It was printed at the first start, or is set as HEARTBEAT_ADMIN_KEY."
TOO_LATE = "That took too long, or the password has changed. Sign in again."
UNREADABLE = (
    "Your second factor cannot be read: an encryption key is missing. Use a recovery code, or ask an admin."
)
NO_KEY = "The admin key no longer opens the console. Sign in by name. It still opens the API."


def router(context: Context) -> APIRouter:
    """Return the routes for signing in and out."""
    routes = APIRouter()

    async def ask(request: Request) -> Response:
        path = local(request.query_params.get("next", "/"))
        if await auth.console_actor(request) is not None:
            return render.see_other(path)
        return await _form(context, path)

    async def begin(request: Request) -> Response:
        auth.check_origin(request)
        gate, client, now = auth.gate_of(request), auth.client_of(request), context.clock.now()
        if refused := gate.address_may_try(client.remote, now):
            return await _form(context, "/", refused)
        form = await forms.read(request, forms.STRANGERS_FIELDS)
        outcome = await _method(form)(context, request, form)
        if isinstance(outcome, Refused):
            return await _form(context, local(str(form.get("next", "/"))), outcome, str(form.get("name", "")))
        return outcome

    async def end(request: Request) -> Response:
        auth.check_origin(request)
        auth.check_csrf(request, await forms.read(request, forms.STRANGERS_FIELDS))
        answer = render.see_other("/sign-in")
        await auth.end_session(request, answer)
        return answer

    routes.add_route("/sign-in", ask, methods=["GET"], include_in_schema=False)
    routes.add_route("/sign-in", begin, methods=["POST"], include_in_schema=False)
    routes.add_route("/sign-out", end, methods=["POST"], include_in_schema=False)
    return routes


def retry_after(refused: Refused | None) -> Mapping[str, str]:
    """Return the Retry-After header if there were too many attempts."""
    return {"Retry-After": str(int(refused.wait.total_seconds()))} if refused and refused.wait else {}


async def _by_password(context: Context, request: Request, form: FormData) -> Response | Refused:
    gate, client, now = auth.gate_of(request), auth.client_of(request), context.clock.now()
    name, password = str(form.get("name", "")), str(form.get("password", ""))
    try:
        proof = await sign_in.prove(gate, context.database, name, password, client, now)
    except Busy as busy:
        return Refused(str(busy), busy.WAIT)
    if isinstance(proof, Refused):
        return proof
    if proof.code_secret is not None:
        ticket = pending_sign_in.sign(context.secret_key, proof.id, proof.password_hash or "", now)
        return _code_form(local(str(form.get("next", "/"))), ticket)
    return await _begin_session(request, proof, "password", form)


async def _by_code(context: Context, request: Request, form: FormData) -> Response | Refused:
    gate, client, now = auth.gate_of(request), auth.client_of(request), context.clock.now()
    ticket, code = str(form.get("ticket", "")), str(form.get("code", ""))
    path = local(str(form.get("next", "/")))
    user = await context.database.read(lambda db: store.user_by_id(db, pending_sign_in.user_of(ticket)))
    if user is None or not pending_sign_in.is_valid(
        context.secret_key, ticket, user.password_hash or "", now
    ):
        return Refused(TOO_LATE)
    if not user.enabled:
        return await sign_in.refuse(gate, context.database, user.name, "disabled", client, now)
    if refused := await context.database.write(lambda db: gate.count_try(db, user.name, now)):
        return _code_form(path, ticket, refused)
    try:
        code_kind = await context.database.write(
            lambda db: second_factor_actions.take_code(db, user, context.vault, code, now)
        )
    except Unreadable:
        return Refused(UNREADABLE)
    if code_kind is None:
        await sign_in.refuse(gate, context.database, user.name, "code", client, now)
        words = second_factor_actions
        wrong = words.TOO_MANY_CODES if words.has_too_many_wrong(user) else words.WRONG_CODE
        return _code_form(path, ticket, Refused(wrong))
    return await _begin_session(request, user, f"password and {code_kind}", form)


def _method(form: FormData) -> Callable[[Context, Request, FormData], Awaitable[Response | Refused]]:
    if "ticket" in form:
        return _by_code
    return _by_key if "key" in form else _by_password


async def _by_key(context: Context, request: Request, form: FormData) -> Response | Refused:
    gate, client, now = auth.gate_of(request), auth.client_of(request), context.clock.now()
    if not await _takes_key(context):
        return Refused(NO_KEY)
    if not auth.is_admin_key(context, str(form.get("key", "")).strip()):
        await sign_in.refuse(gate, context.database, None, "admin key", client, now)
        return Refused(WRONG_KEY)
    return await _begin_session(request, None, "admin key", form)


async def _begin_session(request: Request, user: User | None, how: str, form: FormData) -> Response:
    answer = render.see_other(local(str(form.get("next", "/"))))
    await auth.begin_session(request, answer, user, how)
    return answer


def _code_form(path: str, ticket: str, refused: Refused | None = None) -> Response:
    error = refused.message if refused else ""
    headers = retry_after(refused)
    status = 200 if refused is None else 429 if refused.wait else 403
    return render.render(
        "account/sign_in_code.html", status=status, headers=headers, path=path, error=error, ticket=ticket
    )


async def _takes_key(context: Context) -> bool:
    return context.ways.admin_key or not await context.database.read(store.has_users)


async def _form(context: Context, path: str, refused: Refused | None = None, name: str = "") -> Response:
    has_users = await context.database.read(store.has_users)
    facts: dict[str, Any] = {
        "users": has_users,
        "by_provider": context.oidc is not None,
        "takes_key": context.ways.admin_key or not has_users,
        "name": name[:100],
        "path": path,
        "error": refused.message if refused else "",
    }
    status = 200 if refused is None else 429 if refused.wait else 403
    return render.render("account/sign_in.html", status=status, headers=retry_after(refused), **facts)
