"""API keys on the console: made and shown once, seen when they were last used, revoked."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from starlette.responses import Response

from alerting.origin import Origin
from heartbeat.access import account as rules
from heartbeat.access import api_key, api_key_store, api_keys
from heartbeat.access.account import Unfit
from heartbeat.access.api_keys import KeyExists
from heartbeat.actor import Role
from heartbeat.http.console.request import ConsoleRequest, Route
from heartbeat.http.pages import render
from heartbeat.pings import keys as ping_keys

ONCE = "This key is shown once. Keep it where your program finds it and nobody else does."
LIVES = {"": "never", "30": "in 30 days", "90": "in 90 days", "365": "in a year"}
"""When a key may expire, in days."""


async def listed(request: ConsoleRequest) -> Response:
    """Every key, and a form that makes another."""
    return await _page(request)


async def make(request: ConsoleRequest) -> Response:
    """Make a key, and show it once."""
    form = request.form
    days = str(form.get("days", ""))
    ends_at = request.now + timedelta(days=int(days)) if days in LIVES and days else None
    try:
        name = api_key.name(str(form.get("name", "")).strip())
        scopes = api_key.scopes(str(scope) for scope in form.getlist("scope"))
        role = rules.role(str(form.get("role", Role.RESPONDER)))
        made, clear = await request.write(
            lambda db: api_keys.make(db, request.actor, name, scopes, role, ends_at, request.now)
        )
    except (Unfit, KeyExists) as wrong:
        return await _page(request, str(wrong), 409 if isinstance(wrong, KeyExists) else 422)
    title = f"The key {made.name}"
    return request.show("shown_once.html", title=title, words=ONCE, secret=clear, back="/keys")


async def ask_revoke(request: ConsoleRequest) -> Response:
    """Ask before a key is taken back."""
    name = _name(request)
    found = next((one for one in await request.read(api_key_store.every) if one.name == name), None)
    if found is None:
        return _missing(request)
    consequences = ["Whatever uses it is refused from that moment on."]
    if api_key.Scope.PING in found.scopes:
        consequences.append("Jobs that ping by it look silent from their next due time on.")
    return request.show(
        "confirm.html",
        question=f"Revoke the key {found.name}?",
        consequences=consequences,
        action=f"Revoke {found.name}",
        back="/keys",
    )


async def revoke(request: ConsoleRequest) -> Response:
    """Take a key back."""
    done = await request.write(lambda db: api_keys.revoke(db, request.actor, _name(request), request.now))
    return _missing(request) if done is None else render.see_other("/keys")


READING: Mapping[str, Route] = {
    "/keys": (Role.ADMIN, listed),
    "/keys/{name}/revoke": (Role.ADMIN, ask_revoke),
}
ACTING: Mapping[str, Route] = {"/keys": (Role.ADMIN, make), "/keys/{name}/revoke": (Role.ADMIN, revoke)}


async def _page(request: ConsoleRequest, wrong: str = "", status: int = 200) -> Response:
    every = await request.read(api_key_store.every)
    facts: dict[str, Any] = {"keys": every, "lives": LIVES, "wrong": wrong, "typed": _typed(request, wrong)}
    facts["ping_keys"] = [key for key in await request.read(ping_keys.listed) if key.origin != Origin.KEY]
    facts["over"] = [one.name for one in every if not api_key.is_valid(one, request.now)]
    return request.show("account/keys.html", status=status, **facts)


def _typed(request: ConsoleRequest, wrong: str) -> dict[str, Any]:
    """What the form shows: what was typed where it was wrong, else how most keys are made."""
    if not wrong:
        return {"name": "", "scopes": [api_key.Scope.READ.value], "role": "", "days": ""}
    form = request.form
    typed = {name: str(form.get(name, "")) for name in ("name", "role", "days")}
    return typed | {"scopes": form.getlist("scope")}


def _missing(request: ConsoleRequest) -> Response:
    return request.not_found(f"There is no key called {_name(request)[:100]}.")


def _name(request: ConsoleRequest) -> str:
    return str(request.http.path_params["name"]).replace("\0", "")
