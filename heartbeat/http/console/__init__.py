"""The console: what people see and do in a browser. Each room says which role each of its pages wants."""

from fastapi import APIRouter

from heartbeat.http import page
from heartbeat.http.console import (
    account,
    announcements,
    answer,
    arrange,
    audit,
    bulk,
    checks,
    define,
    factor,
    incidents,
    join,
    keys,
    maintenance,
    oidc,
    on_call,
    one_check,
    people,
    policies,
    sign_in,
    stream,
    users,
)
from heartbeat.http.console.visit import signed_in
from heartbeat.http.door import Door

ROOMS = (
    checks,
    bulk,
    define,
    one_check,
    incidents,
    maintenance,
    arrange,
    on_call,
    people,
    policies,
    announcements,
    stream,
    account,
    factor,
    users,
    keys,
    audit,
)


def router(door: Door) -> APIRouter:
    """Every page of the console, and the signed links' pages."""
    routes = APIRouter()
    for room in ROOMS:
        for path, (role, shown) in room.READING.items():
            routes.add_route(path, signed_in(door, shown, role), methods=["GET"], include_in_schema=False)
        for path, (role, shown) in room.ACTING.items():
            routes.add_route(path, signed_in(door, shown, role), methods=["POST"], include_in_schema=False)
    routes.add_route("/static/{name}", page.static, methods=["GET"], include_in_schema=False)
    routes.include_router(sign_in.router(door))
    routes.include_router(join.router(door))
    routes.include_router(oidc.router(door))
    routes.include_router(answer.router(door))
    return routes
