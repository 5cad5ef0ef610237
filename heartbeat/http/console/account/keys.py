"""API keys on the console: list, create and revoke."""

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

ONCE = "This key is shown only once. Store it where only your program can read it."
LIFETIMES = {"": "never", "30": "in 30 days", "90": "in 90 days", "365": "in a year"}
"""The lifetimes of a key: days, and words for the form."""
DEFAULTS: Mapping[str, Any] = {"name": "", "scopes": [api_key.Scope.READ.value], "role": "", "days": ""}
"""The fields of an empty form."""


async def listed(request: ConsoleRequest) -> Response:
    """Show all keys, and the form that creates one."""
    return await _keys(request)


async def make(request: ConsoleRequest) -> Response:
    """Create a key, and show it once."""
    form = request.form
    days = str(form.get("days", ""))
    ends_at = request.now + timedelta(days=int(days)) if days in LIFETIMES and days else None
    try:
        name = api_key.name(str(form.get("name", "")).strip())
        scopes = api_key.scopes(str(scope) for scope in form.getlist("scope"))
        role = rules.role(str(form.get("role", Role.RESPONDER)))
        key, secret = await request.write(
            lambda db: api_keys.make(db, request.actor, name, scopes, role, ends_at, request.now)
        )
    except (Unfit, KeyExists) as error:
        return await _keys(request, str(error), 409 if isinstance(error, KeyExists) else 422)
    title = f"API key {key.name}"
    return request.show("shown_once.html", title=title, words=ONCE, secret=secret, back="/keys")


async def ask_revoke(request: ConsoleRequest) -> Response:
    """Ask before a key is revoked."""
    name = _name(request)
    key = next((key for key in await request.read(api_key_store.every) if key.name == name), None)
    if key is None:
        return _missing(request)
    consequences = ["Programs that use it are refused at once."]
    if api_key.Scope.PING in key.scopes:
        consequences.append("Jobs that ping with it look silent from their next due time.")
    return request.show(
        "confirm.html",
        question=f"Revoke the key {key.name}?",
        consequences=consequences,
        action=f"Revoke {key.name}",
        back="/keys",
    )


async def revoke(request: ConsoleRequest) -> Response:
    """Revoke a key."""
    revoked = await request.write(lambda db: api_keys.revoke(db, request.actor, _name(request), request.now))
    return _missing(request) if revoked is None else render.see_other("/keys")


READING: Mapping[str, Route] = {
    "/keys": (Role.ADMIN, listed),
    "/keys/{name}/revoke": (Role.ADMIN, ask_revoke),
}
ACTING: Mapping[str, Route] = {"/keys": (Role.ADMIN, make), "/keys/{name}/revoke": (Role.ADMIN, revoke)}


async def _keys(request: ConsoleRequest, error: str = "", status: int = 200) -> Response:
    keys = await request.read(api_key_store.every)
    facts: dict[str, Any] = {"keys": keys, "lifetimes": LIFETIMES, "error": error}
    facts["typed"] = _typed(request) if error else DEFAULTS
    facts["ping_keys"] = [key for key in await request.read(ping_keys.listed) if key.origin != Origin.KEY]
    facts["expired"] = [key.name for key in keys if not api_key.is_valid(key, request.now)]
    return request.show("account/keys.html", status=status, **facts)


def _typed(request: ConsoleRequest) -> Mapping[str, Any]:
    form = request.form
    typed = {name: str(form.get(name, "")) for name in ("name", "role", "days")}
    return typed | {"scopes": form.getlist("scope")}


def _missing(request: ConsoleRequest) -> Response:
    return request.not_found(f"There is no key called {_name(request)[:100]}.")


def _name(request: ConsoleRequest) -> str:
    return str(request.http.path_params["name"]).replace("\0", "")
