"""Nobody is offered what they may not do: whoever follows every link and looks at every form meets no refusal."""

from urllib.parse import urljoin, urlsplit

import httpx
import pytest
from starlette.routing import compile_path

from heartbeat.actor import Role
from heartbeat.app import System
from heartbeat.http import console
from heartbeat.status import editor
from heartbeat.status.announcement import AnnouncementFields, Kind, Status
from tests.unit.access.conftest import PASSWORD, add
from tests.unit.conftest import NOW, somebody
from tests.unit.http.conftest import SetClock, fall_silent, make_check, ping, visitor
from tests.unit.http.markup import sound
from tests.unit.status.conftest import PAGE, define

MOST = 200
ELSEWHERE = ("/v1/", "/status/", "/static/", "/ping/")
"""Addresses that are no pages of the console."""


def least_role(path: str) -> Role:
    """The least role that a form's address declares."""
    every = {pattern: role for room in console.ROOMS for pattern, (role, _) in room.ACTING.items()}
    found: list[Role] = [role for pattern, role in every.items() if compile_path(pattern)[0].fullmatch(path)]
    return found[0] if found else Role.VIEWER


@pytest.fixture
async def lived(system: System, clock: SetClock) -> System:
    """A system with something of everything."""
    await define(system, PAGE)
    check = await make_check(system, labels={"component": "cpu", "region": "us"})
    await ping(system, check)
    await fall_silent(system, clock, check)
    for title, publish in (("A draft", False), ("Published", True)):
        one = AnnouncementFields(Kind.INCIDENT, title, Status.INVESTIGATING, "We look.", NOW)
        made = await system.context.database.write(
            lambda db, one=one: editor.make(db, somebody("anna"), "public", one, NOW)  # type: ignore[misc]
        )
        if publish:
            await system.context.database.write(
                lambda db, made=made: editor.publish(db, somebody("anna"), made.id, NOW)  # type: ignore[misc]
            )
    return system


@pytest.mark.parametrize("role", list(Role))
async def test_nobody_is_offered_what_they_may_not_do(lived: System, role: Role) -> None:
    await lived.context.database.write(lambda db: add(db, "reader", role))
    seen: dict[str, int] = {}
    offered: list[tuple[str, str]] = []
    async with visitor(lived, accept="text/html") as reader:
        await reader.post("/sign-in", data={"name": "reader", "password": PASSWORD})
        left = ["/"]
        while left and len(seen) < MOST:
            here = left.pop(0)
            answer = await reader.get(here)
            seen[here] = answer.status_code
            if answer.status_code == httpx.codes.OK and "html" in answer.headers["content-type"]:
                found = sound(answer.text)
                offered += [(here, urlsplit(urljoin(here, form)).path) for form in found.forms]
                left += [one for one in _pages(found.links, here) if one not in seen and one not in left]
    assert len(seen) > 15
    assert {path: status for path, status in seen.items() if status >= httpx.codes.BAD_REQUEST} == {}
    assert [(at, to) for at, to in offered if not role.may(least_role(to))] == []


def _pages(links: list[str], here: str) -> list[str]:
    found = [urlsplit(urljoin(here, link)) for link in links]
    inside = [one for one in found if not one.netloc and not one.path.startswith(ELSEWHERE)]
    # One address of each path is enough: lists lead to themselves in many ways.
    return list({one.path: one.path + (f"?{one.query}" if one.query else "") for one in inside}.values())
