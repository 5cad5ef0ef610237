"""Every address of the service, and who can call it: nobody, each role, each scope of a key.

An address that nothing declares fails here, so that none is forgotten.
"""

import re
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from heartbeat.access import api_key, api_keys
from heartbeat.access.api_key import Scope
from heartbeat.actor import Role
from heartbeat.app import System
from heartbeat.http import app as http_app
from heartbeat.http import auth, console
from tests.unit.access.conftest import PASSWORD, ROOT, add
from tests.unit.conftest import NOW
from tests.unit.http.conftest import visitor
from tests.unit.http.markup import Markup

OPEN = {
    "/readyz",
    "/sign-in",
    "/sign-in/oidc",
    "/sign-in/oidc/back",
    "/static/{name}",
    # Their right to come in stands in the address itself.
    "/join/{token}",
    "/answer/{token}",
    "/answer/digest/{token}",
    "/answer/test/{token}",
    "/calendars/{token}.ics",
    # The notifier verifies what its provider signs.
    "/callbacks/{notifier}",
    # A device proves itself by the keys of its old subscription.
    "/callbacks/push/renewal",
}
"""Addresses without credentials. Pings and /livez never reach the web framework."""
OWN_WAY = {"/metrics", "/sign-out"}
"""Addresses with their own authentication. Single tests below cover them."""

Address = tuple[str, str, Role]


def api(web: FastAPI) -> Iterator[Address]:
    """Every address of the API, and the least role that it declares."""
    for route in iter_route_contexts(web.routes):
        path = str(getattr(route, "path", ""))
        if path.startswith("/v1"):
            dependant: Any = getattr(route, "dependant", None)
            for method in getattr(route, "methods", None) or ():
                yield method, path, _declared(dependant, method, path)


def pages() -> Mapping[tuple[str, str], Role]:
    """Every page of the console, and the least role that it declares."""
    roles: dict[tuple[str, str], Role] = {}
    for room in console.ROOMS:
        roles |= {("GET", path): role for path, (role, _) in room.READING.items()}
        roles |= {("POST", path): role for path, (role, _) in room.ACTING.items()}
    return roles


def _declared(dependant: Any, method: str, path: str) -> Role:
    needed, left = [], [dependant]
    while left:
        dependant = left.pop()
        needed += [auth.REQUIRED_ROLES[dependant.call]] if dependant.call in auth.REQUIRED_ROLES else []
        left += dependant.dependencies
    # The whole API wants somebody who is known, as the next test proves; that is all that looking wants.
    assert needed or method in ("GET", "HEAD"), f"{method} {path} declares no role"
    return max([Role.VIEWER, *needed], key=list(Role).index)


def filled(path: str) -> str:
    """Return an address with parameters that name nothing."""
    return re.sub(r"{[^}]+}", "99999", path)


@pytest.fixture
def web(system: System) -> FastAPI:
    return http_app.build(system.context)


@pytest.fixture
async def browsers(system: System) -> AsyncIterator[Mapping[Role, httpx.AsyncClient]]:
    """A browser for each role."""
    by_role = {}
    for role in Role:
        await system.context.database.write(lambda db, role=role: add(db, f"a-{role}", role))  # type: ignore[misc]
        by_role[role] = visitor(system, accept="text/html")
        answer = await by_role[role].post("/sign-in", data={"name": f"a-{role}", "password": PASSWORD})
        assert answer.status_code == 303
    yield by_role
    for browser in by_role.values():
        await browser.aclose()


PROGRAMS: Mapping[str, tuple[tuple[Scope, ...], Role, Role | None]] = {
    "read": ((Scope.READ,), Role.ADMIN, Role.VIEWER),
    "write": ((Scope.WRITE,), Role.RESPONDER, Role.RESPONDER),
    "write-all": ((Scope.READ, Scope.WRITE), Role.ADMIN, Role.ADMIN),
    "ping": ((Scope.PING,), Role.ADMIN, None),
}
"""Keys by name: their scopes, the role that was chosen, and the one by which they call the API."""


def test_every_address_declares_its_role(web: FastAPI) -> None:
    declared = {path for _, path in pages()} | {path for _, path, _ in api(web)} | OPEN | OWN_WAY
    paths = {str(getattr(route, "path", "")) for route in iter_route_contexts(web.routes)}
    assert {path for path in paths if not path.startswith("/status")} - declared == set()
    assert len(pages()) > 30
    assert len(list(api(web))) > 40


async def test_every_address_needs_credentials(
    system: System, web: FastAPI, client: httpx.AsyncClient
) -> None:
    for method, path, _ in api(web):
        answer = await client.request(method, filled(path))
        assert answer.status_code == 401, (method, path)
    for method, path in pages():
        answer = await client.request(method, filled(path))
        assert answer.status_code == 303, (method, path)
        assert answer.headers["location"].startswith("/sign-in?next=")
    assert (await client.get("/metrics")).status_code == 401
    assert (await client.post("/sign-out")).status_code == 403


async def test_open_addresses_need_no_credentials(client: httpx.AsyncClient) -> None:
    for path in (
        "/livez",
        "/readyz",
        "/sign-in",
        "/static/1",
        "/join/1",
        "/answer/1",
        "/calendars/1.ics",
        "/callbacks/1",
        "/status",
        "/ping/1/1",
    ):
        assert (await client.get(path)).status_code not in (303, 401, 403), path


@pytest.mark.parametrize("name", PROGRAMS)
async def test_a_key_can_call_what_its_scopes_allow(system: System, web: FastAPI, name: str) -> None:
    scopes, chosen, role = PROGRAMS[name]
    make = lambda db: api_keys.make(db, ROOT, name, scopes, chosen, None, NOW)  # noqa: E731
    _, clear = await system.context.database.write(make)
    async with visitor(system, Authorization=f"Bearer {clear}") as program:
        for method, path, needed in _deletions_last(api(web)):
            answer = await program.request(method, filled(path))
            allowed = role is not None and role.may(needed)
            assert (answer.status_code not in (401, 403)) is allowed, (method, path, answer.text)
        assert (await program.get("/metrics")).status_code == (200 if role else 403)
        assert (await program.get("/")).status_code == 303


@pytest.mark.parametrize("role", Role)
async def test_a_browser_reads_the_api_by_its_role_and_never_writes_to_it(
    web: FastAPI, browsers: Mapping[Role, httpx.AsyncClient], role: Role
) -> None:
    for method, path, needed in api(web):
        answer = await browsers[role].request(method, filled(path))
        if method in ("GET", "HEAD"):
            assert (answer.status_code not in (401, 403)) is role.may(needed), (method, path)
        else:
            assert answer.status_code == 401, (method, path)


@pytest.mark.parametrize("role", Role)
async def test_a_page_opens_to_the_roles_that_it_declares(
    browsers: Mapping[Role, httpx.AsyncClient], role: Role
) -> None:
    browser = browsers[role]
    csrf = Markup((await browser.get("/account")).text).fields["csrf"]
    for (method, path), needed in pages().items():
        if path == "/live":
            # A stream that does not end; its role is the least there is, and the one before it was asked.
            assert needed is Role.VIEWER
            continue
        data = {"csrf": csrf} if method == "POST" else None
        answer = await browser.request(method, filled(path), data=data)
        location = answer.headers.get("location", "")
        assert not location.startswith("/sign-in"), (method, path)
        refused = answer.status_code == 403 and "has the role" in answer.text
        assert refused is not role.may(needed), (method, path, answer.status_code)
        if method == "POST":
            assert (await browser.request(method, filled(path), data={})).status_code == 403, path


def _deletions_last(addresses: Iterator[Address]) -> list[Address]:
    """Sort deletions last, so that a key does not revoke itself first."""
    return sorted(addresses, key=lambda address: address[0] == "DELETE")


def test_a_key_for_pings_alone_reads_nothing() -> None:
    assert not api_key.Key(1, "a", "hb_", (Scope.PING,), Role.ADMIN, NOW, "root").reads


DOCUMENTED: Mapping[Role, Mapping[str, str]] = {
    Role.RESPONDER: {
        "incidents": "answer incidents",
        "checks": "pause and resume checks",
        "pause": "pause and resume checks",
        "resume": "pause and resume checks",
        "maintenance": "maintenance windows",
        "rotations": "overrides, leaves and swaps",
        "overrides": "overrides, leaves and swaps",
        "leaves": "overrides, leaves and swaps",
        "swaps": "overrides, leaves and swaps",
        "announcements": "announcements",
        "status-pages": "announcements",
        "people": "test pages",
    },
    Role.ADMIN: {
        "checks": "change checks",
        "new": "change checks",
        "new-person": "people",
        "people": "people",
        "new-policy": "policies",
        "new-rotation": "rotations",
        "new-team": "teams",
        "new-channel": "channels",
        "policies": "policies",
        "catch-all": "catch-all",
        "rotations": "rotations",
        "teams": "teams",
        "channels": "channels",
        "notifiers": "notifiers",
        "status-pages": "status pages",
        "configuration": "apply a configuration",
        "users": "users",
        "keys": "API keys",
        "ping-keys": "ping keys",
        "encryption": "encryption keys",
        "audit": "audit log",
    },
}
"""The words of the table of roles for what stands first in an address."""


def test_the_table_of_roles_is_complete(web: FastAPI) -> None:
    lines = (Path(__file__).parents[3] / "docs/access.md").read_text().splitlines()
    rows = {role: next(line for line in lines if line.startswith(f"| `{role}` |")) for role in DOCUMENTED}
    addresses = [(path, role) for (_, path), role in pages().items()] + [
        (path, role) for _, path, role in api(web)
    ]
    for path, role in addresses:
        if role is not Role.VIEWER:
            thing = next(part for part in path.split("/") if part not in ("", "v1", "on-call"))
            assert DOCUMENTED[role][thing] in rows[role], path
