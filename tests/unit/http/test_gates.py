"""Every address of the service, and who may come in by it: nobody, each role, each scope of a key.

An address that nothing declares fails here, so that none is forgotten.
"""

import re
from collections.abc import AsyncIterator, Iterator, Mapping
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
    # The notifier verifies what its provider signs.
    "/callbacks/{notifier}",
}
"""What wants no credentials. Pings and /livez never reach the web framework."""
OWN_WAY = {"/metrics", "/sign-out"}
"""What asks in a way of its own, tried one by one below."""

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
    found: dict[tuple[str, str], Role] = {}
    for room in console.ROOMS:
        found |= {("GET", path): role for path, (role, _) in room.READING.items()}
        found |= {("POST", path): role for path, (role, _) in room.ACTING.items()}
    return found


def _declared(dependant: Any, method: str, path: str) -> Role:
    needed, left = [], [dependant]
    while left:
        one = left.pop()
        needed += [auth.REQUIRED_ROLES[one.call]] if one.call in auth.REQUIRED_ROLES else []
        left += one.dependencies
    # The whole API wants somebody who is known, as the next test proves; that is all that looking wants.
    assert needed or method in ("GET", "HEAD"), f"{method} {path} declares no role"
    return max([Role.VIEWER, *needed], key=list(Role).index)


def filled(path: str) -> str:
    """An address with names and numbers of nothing that there is."""
    return re.sub(r"{[^}]+}", "99999", path)


@pytest.fixture
def web(system: System) -> FastAPI:
    return http_app.build(system.context)


@pytest.fixture
async def browsers(system: System) -> AsyncIterator[Mapping[Role, httpx.AsyncClient]]:
    """A browser for each role."""
    made = {}
    for role in Role:
        await system.context.database.write(lambda db, role=role: add(db, f"a-{role}", role))  # type: ignore[misc]
        made[role] = visitor(system, accept="text/html")
        answer = await made[role].post("/sign-in", data={"name": f"a-{role}", "password": PASSWORD})
        assert answer.status_code == 303
    yield made
    for one in made.values():
        await one.aclose()


PROGRAMS: Mapping[str, tuple[tuple[Scope, ...], Role, Role | None]] = {
    "read": ((Scope.READ,), Role.ADMIN, Role.VIEWER),
    "write": ((Scope.WRITE,), Role.RESPONDER, Role.RESPONDER),
    "write-all": ((Scope.READ, Scope.WRITE), Role.ADMIN, Role.ADMIN),
    "ping": ((Scope.PING,), Role.ADMIN, None),
}
"""Keys by name: their scopes, the role that was chosen, and the one by which they call the API."""


def test_every_address_says_who_may_come_in(web: FastAPI) -> None:
    declared = {path for _, path in pages()} | {path for _, path, _ in api(web)} | OPEN | OWN_WAY
    found = {str(getattr(route, "path", "")) for route in iter_route_contexts(web.routes)}
    assert {path for path in found if not path.startswith("/status")} - declared == set()
    assert len(pages()) > 30
    assert len(list(api(web))) > 40


async def test_nobody_comes_in_without_credentials(
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


async def test_what_is_open_wants_none(client: httpx.AsyncClient) -> None:
    for path in (
        "/livez",
        "/readyz",
        "/sign-in",
        "/static/1",
        "/join/1",
        "/answer/1",
        "/callbacks/1",
        "/status",
        "/ping/1/1",
    ):
        assert (await client.get(path)).status_code not in (303, 401, 403), path


@pytest.mark.parametrize("name", PROGRAMS)
async def test_a_key_opens_what_its_scopes_say(system: System, web: FastAPI, name: str) -> None:
    scopes, chosen, role = PROGRAMS[name]
    make = lambda db: api_keys.make(db, ROOT, name, scopes, chosen, None, NOW)  # noqa: E731
    _, clear = await system.context.database.write(make)
    async with visitor(system, Authorization=f"Bearer {clear}") as program:
        for method, path, needed in _last_the_most(api(web)):
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
        there = answer.headers.get("location", "")
        assert not there.startswith("/sign-in"), (method, path)
        refused = answer.status_code == 403 and "has the role" in answer.text
        assert refused is not role.may(needed), (method, path, answer.status_code)
        if method == "POST":
            assert (await browser.request(method, filled(path), data={})).status_code == 403, path


def _last_the_most(found: Iterator[Address]) -> list[Address]:
    """What deletes comes last, so that a key does not revoke what is asked for afterwards."""
    return sorted(found, key=lambda one: one[0] == "DELETE")


def test_a_key_for_pings_alone_reads_nothing() -> None:
    assert not api_key.Key(1, "a", "hb_", (Scope.PING,), Role.ADMIN, NOW, "root").reads
