"""Signing in by an OpenID Connect provider: there, and back again."""

import hmac
import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from heartbeat.access import newcomer, sign_in
from heartbeat.access.oidc import LASTS, AuthorizationRequest, ProviderUnavailable, SignInFailed
from heartbeat.http import auth
from heartbeat.http.console.account.sign_in import retry_after
from heartbeat.http.console.request import local
from heartbeat.http.context import Context
from heartbeat.http.pages import render
from heartbeat.vault import Unreadable

COOKIE = "heartbeat-oidc"
_ABOUT = "sign-in by a provider"
_OVER = "This sign-in took too long, or did not begin in this browser: begin again."


def router(context: Context) -> APIRouter:
    """The way to the provider, and back."""
    routes = APIRouter()

    async def leave(request: Request) -> Response:
        if context.oidc is None:
            return _shown(request, 404, "No provider is set up here.")
        begun, now = AuthorizationRequest(), context.clock.now()
        try:
            answer = RedirectResponse(await context.oidc.address(begun, now), 303)
        except SignInFailed as failed:
            return _failed(request, failed)
        wanted = local(request.query_params.get("next", "/"))
        said = asdict(begun) | {"next": wanted, "until": (now + LASTS).timestamp()}
        _keep(context, answer, context.vault.seal(json.dumps(said), _ABOUT), int(LASTS.total_seconds()))
        return answer

    async def come_back(request: Request) -> Response:
        gate, from_, now = auth.gate_of(request), auth.whence(request), context.clock.now()
        if (refused := gate.address_may_try(from_.remote, now)) is not None:
            return _shown(request, 429, refused.message, retry_after(refused))
        try:
            if context.oidc is None:
                raise SignInFailed("No provider is set up here.")
            begun, wanted = _brought(context, request, now)
            if "error" in request.query_params:
                # Such as access_denied, or invalid_scope, which is for the operator (RFC 6749, 4.1.2.1).
                context.oidc.complain(f"it sends back {request.query_params['error'][:100]!r}", now)
                raise SignInFailed("The provider has let nobody in.")
            claimed = await context.oidc.identity(request.query_params.get("code", ""), begun, now)
            user = await context.database.write(lambda db: newcomer.welcome(db, claimed, now, from_.remote))
        except SignInFailed as failed:
            await sign_in.refuse(gate, context.database, None, "provider", from_, now)
            return _failed(request, failed)
        answer = render.see_other(wanted)
        await auth.begin(request, answer, user, newcomer.BY)
        _keep(context, answer, "", 0)
        return answer

    routes.add_route("/sign-in/oidc", leave, methods=["GET"], include_in_schema=False)
    routes.add_route("/sign-in/oidc/back", come_back, methods=["GET"], include_in_schema=False)
    return routes


def _brought(context: Context, request: Request, now: datetime) -> tuple[AuthorizationRequest, str]:
    """What the browser has kept meanwhile, if the provider's answer belongs to it."""
    try:
        said = json.loads(context.vault.open(request.cookies.get(_name(context), ""), _ABOUT))
    except Unreadable:
        raise SignInFailed(_OVER) from None
    begun = AuthorizationRequest(said["state"], said["nonce"], said["verifier"])
    given = request.query_params.get("state", "")
    over = now >= datetime.fromtimestamp(said["until"], UTC)
    if over or not hmac.compare_digest(begun.state.encode(), given.encode("utf-8", "replace")):
        raise SignInFailed(_OVER)
    return begun, str(said["next"])


def _keep(context: Context, answer: Response, value: str, seconds: int) -> None:
    secure = context.public_url.startswith("https://")
    answer.set_cookie(
        _name(context), value, max_age=seconds, path="/", secure=secure, httponly=True, samesite="lax"
    )


def _name(context: Context) -> str:
    return f"__Host-{COOKIE}" if context.public_url.startswith("https://") else COOKIE


def _failed(request: Request, failed: SignInFailed) -> Response:
    return _shown(request, 502 if isinstance(failed, ProviderUnavailable) else 403, str(failed))


def _shown(request: Request, status: int, words: str, headers: Mapping[str, str] | None = None) -> Response:
    onward = ("/sign-in", "To the sign-in page")
    shown = render.error_page(request, status, "Not signed in", words, onward=onward)
    shown.headers.update(headers or {})
    return shown
