"""Nobody is offered what they may not do: whoever follows every link and looks at every form meets no refusal."""

from urllib.parse import urljoin, urlsplit

import httpx
import pytest
from starlette.routing import compile_path

from heartbeat.actor import Role
from heartbeat.app import System
from heartbeat.http import console
from heartbeat.status import editor
from heartbeat.status.announcement import AnnouncementFields, AnnouncementKind, Status
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
    roles: list[Role] = [role for pattern, role in every.items() if compile_path(pattern)[0].fullmatch(path)]
    return roles[0] if roles else Role.VIEWER


@pytest.fixture
async def lived(system: System, clock: SetClock) -> System:
    """A system with something of everything."""
    await define(system, PAGE)
    check = await make_check(system, labels={"component": "cpu", "region": "us"})
    await ping(system, check)
    await fall_silent(system, clock, check)
    for title, publish in (("A draft", False), ("Published", True)):
        fields = AnnouncementFields(AnnouncementKind.INCIDENT, title, Status.INVESTIGATING, "We look.", NOW)
        announcement = await system.context.database.write(
            lambda db, fields=fields: editor.make(db, somebody("anna"), "public", fields, NOW)  # type: ignore[misc]
        )
        if publish:
            await system.context.database.write(
                lambda db, announcement=announcement: editor.publish(
                    db, somebody("anna"), announcement.id, NOW
                )  # type: ignore[misc]
            )
    return system


@pytest.mark.parametrize("role", list(Role))
async def test_nobody_is_offered_what_they_may_not_do(lived: System, role: Role) -> None:
    await lived.context.database.write(lambda db: add(db, "reader", role))
    statuses: dict[str, int] = {}
    offered: list[tuple[str, str]] = []
    async with visitor(lived, accept="text/html") as reader:
        await reader.post("/sign-in", data={"name": "reader", "password": PASSWORD})
        left = ["/"]
        while left and len(statuses) < MOST:
            here = left.pop(0)
            answer = await reader.get(here)
            statuses[here] = answer.status_code
            if answer.status_code == httpx.codes.OK and "html" in answer.headers["content-type"]:
                screen = sound(answer.text)
                offered += [(here, urlsplit(urljoin(here, form)).path) for form in screen.forms]
                left += [
                    path for path in _pages(screen.links, here) if path not in statuses and path not in left
                ]
    assert len(statuses) > 15
    assert {path: status for path, status in statuses.items() if status >= httpx.codes.BAD_REQUEST} == {}
    assert [(at, to) for at, to in offered if not role.may(least_role(to))] == []


def _pages(links: list[str], here: str) -> list[str]:
    urls = [urlsplit(urljoin(here, link)) for link in links]
    inside = [url for url in urls if not url.netloc and not url.path.startswith(ELSEWHERE)]
    # One address of each path is enough: lists lead to themselves in many ways.
    return list({url.path: url.path + (f"?{url.query}" if url.query else "") for url in inside}.values())
