"""Signing in through an OpenID Connect provider: the redirect to it, and the callback."""

import hmac
import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from heartbeat.access import newcomer, sign_in, store, token
from heartbeat.access.oidc import LASTS, AuthorizationRequest, ProviderUnavailable, SignInFailed
from heartbeat.http import auth
from heartbeat.http.console.account.sign_in import retry_after
from heartbeat.http.console.request import local
from heartbeat.http.context import Context
from heartbeat.http.pages import render
from heartbeat.vault import Unreadable

COOKIE = "heartbeat-oidc"
NO_PROVIDER = "No sign-in provider is configured."
_ABOUT = "sign-in by a provider"
_EXPIRED = "This sign-in took too long, or began in another browser. Start again."


def router(context: Context) -> APIRouter:
    """Return the routes to the provider and back."""
    routes = APIRouter()

    async def leave(request: Request) -> Response:
        if context.oidc is None:
            return _not_signed_in(request, 404, NO_PROVIDER)
        authorization, now = AuthorizationRequest(), context.clock.now()
        try:
            answer = RedirectResponse(await context.oidc.address(authorization, now), 303)
        except SignInFailed as error:
            return _failed(request, error)
        path = local(request.query_params.get("next", "/"))
        cookie = asdict(authorization) | {"next": path, "until": (now + LASTS).timestamp()}
        sealed = context.vault.seal(json.dumps(cookie), _ABOUT)
        auth.set_cookie(context, answer, COOKIE, sealed, int(LASTS.total_seconds()))
        return answer

    async def come_back(request: Request) -> Response:
        gate, client, now = auth.gate_of(request), auth.client_of(request), context.clock.now()
        if (refused := gate.address_may_try(client.remote, now)) is not None:
            return _not_signed_in(request, 429, refused.message, retry_after(refused))
        try:
            if context.oidc is None:
                raise SignInFailed(NO_PROVIDER)
            authorization, path = _pending(context, request, now)
            # Before the exchange: two browsers that come back at the same moment are not both let in.
            await _use_up(context, authorization.state, now)
            if "error" in request.query_params:
                # For example access_denied, or invalid_scope, which the operator must see (RFC 6749, 4.1.2.1).
                context.oidc.complain(
                    f"it answers with the error {request.query_params['error'][:100]!r}", now
                )
                raise SignInFailed("The provider refused the sign-in.")
            identity = await context.oidc.identity(request.query_params.get("code", ""), authorization, now)
            user = await context.database.write(lambda db: newcomer.welcome(db, identity, now, client.remote))
        except SignInFailed as error:
            await sign_in.refuse(gate, context.database, None, "provider", client, now)
            return _failed(request, error)
        answer = render.see_other(path)
        await auth.begin_session(request, answer, user, newcomer.BY)
        auth.set_cookie(context, answer, COOKIE, "", 0)
        return answer

    routes.add_route("/sign-in/oidc", leave, methods=["GET"], include_in_schema=False)
    routes.add_route("/sign-in/oidc/back", come_back, methods=["GET"], include_in_schema=False)
    return routes


def _pending(context: Context, request: Request, now: datetime) -> tuple[AuthorizationRequest, str]:
    """Return the request that the browser's cookie holds and the path to open next, if the callback matches it."""
    try:
        cookie = json.loads(context.vault.open(auth.cookie(request, COOKIE), _ABOUT))
    except Unreadable:
        raise SignInFailed(_EXPIRED) from None
    authorization = AuthorizationRequest(cookie["state"], cookie["nonce"], cookie["verifier"])
    state = request.query_params.get("state", "")
    expired = now >= datetime.fromtimestamp(cookie["until"], UTC)
    if expired or not hmac.compare_digest(authorization.state.encode(), state.encode("utf-8", "replace")):
        raise SignInFailed(_EXPIRED)
    return authorization, str(cookie["next"])


async def _use_up(context: Context, state: str, now: datetime) -> None:
    """Raise `SignInFailed` if this state was used before, at any replica."""
    used = token.hashed(f"{_ABOUT}\n{state}")
    if not await context.database.write(lambda db: store.use_up(db, used, now + LASTS)):
        raise SignInFailed(_EXPIRED)


def _failed(request: Request, error: SignInFailed) -> Response:
    return _not_signed_in(request, 502 if isinstance(error, ProviderUnavailable) else 403, str(error))


def _not_signed_in(
    request: Request, status: int, message: str, headers: Mapping[str, str] | None = None
) -> Response:
    onward = ("/sign-in", "To the sign-in page")
    response = render.error_page(request, status, "Not signed in", message, onward=onward)
    response.headers.update(headers or {})
    return response
