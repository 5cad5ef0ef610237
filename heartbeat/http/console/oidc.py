"""Signing in by an OpenID Connect provider: there, and back again."""

import hmac
import json
from dataclasses import asdict
from datetime import UTC, datetime

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from heartbeat.access import newcomer, sign_in
from heartbeat.access.oidc import LASTS, Begun, Failed
from heartbeat.http import auth, page
from heartbeat.http.console.visit import local
from heartbeat.http.door import Door
from heartbeat.vault import Unreadable

COOKIE = "heartbeat-oidc"
_ABOUT = "sign-in by a provider"
_OVER = "This sign-in took too long, or did not begin in this browser: begin again."


def router(door: Door) -> APIRouter:
    """The way to the provider, and back."""
    routes = APIRouter()

    async def leave(request: Request) -> Response:
        if door.oidc is None:
            return page.error_page(request, 404, "Not here", "No provider is set up here.")
        begun, now = Begun(), door.clock.now()
        try:
            answer = RedirectResponse(await door.oidc.address(begun, now), 303)
        except Failed as failed:
            return _failed(request, failed)
        wanted = local(request.query_params.get("next", "/"))
        said = asdict(begun) | {"next": wanted, "until": (now + LASTS).timestamp()}
        _keep(door, answer, door.vault.seal(json.dumps(said), _ABOUT), int(LASTS.total_seconds()))
        return answer

    async def come_back(request: Request) -> Response:
        gate, from_, now = auth.gate_of(request), auth.whence(request), door.clock.now()
        if (refused := gate.address_may_try(from_.remote, now)) is not None:
            return page.error_page(request, 429, "Too often", refused.words)
        try:
            begun, wanted = _brought(door, request, now)
            if door.oidc is None:
                raise Failed("No provider is set up here.")
            claimed = await door.oidc.claimed(request.query_params.get("code", ""), begun, now)
            user = await door.database.write(lambda db: newcomer.welcome(db, claimed, now, from_.remote))
        except Failed as failed:
            await sign_in.refuse(gate, door.database, None, "provider", from_, now)
            return _failed(request, failed)
        answer = page.see_other(wanted)
        await auth.begin(request, answer, user, newcomer.BY)
        _keep(door, answer, "", 0)
        return answer

    routes.add_route("/sign-in/oidc", leave, methods=["GET"], include_in_schema=False)
    routes.add_route("/sign-in/oidc/back", come_back, methods=["GET"], include_in_schema=False)
    return routes


def _brought(door: Door, request: Request, now: datetime) -> tuple[Begun, str]:
    """What the browser has kept meanwhile, if the provider's answer belongs to it."""
    try:
        said = json.loads(door.vault.open(request.cookies.get(_name(door), ""), _ABOUT))
    except Unreadable:
        raise Failed(_OVER) from None
    begun = Begun(said["state"], said["nonce"], said["verifier"])
    given = request.query_params.get("state", "")
    over = now >= datetime.fromtimestamp(said["until"], UTC)
    if over or not hmac.compare_digest(begun.state.encode(), given.encode("utf-8", "replace")):
        raise Failed(_OVER)
    if "error" in request.query_params:
        raise Failed("The provider has let nobody in.")
    return begun, str(said["next"])


def _keep(door: Door, answer: Response, value: str, seconds: int) -> None:
    secure = door.public_url.startswith("https://")
    answer.set_cookie(
        _name(door), value, max_age=seconds, path="/", secure=secure, httponly=True, samesite="lax"
    )


def _name(door: Door) -> str:
    return f"__Host-{COOKIE}" if door.public_url.startswith("https://") else COOKIE


def _failed(request: Request, failed: Failed) -> Response:
    return page.error_page(request, 403, "Not signed in", str(failed))
