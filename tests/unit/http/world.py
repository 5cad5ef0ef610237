"""An installation with one of everything that can be changed.

Each numbered thing has the number 1: an incident, a window, a draft, another sign-in of Anna. Announcement 2 is
published.
"""

import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import httpx
from sqlalchemy import Connection

from heartbeat.access import sign_in
from heartbeat.access.sign_in import Client
from heartbeat.actor import Role
from heartbeat.app import System
from heartbeat.checks.schedule import Every
from tests.unit.access.conftest import PASSWORD, add
from tests.unit.http.conftest import (
    ADMIN_KEY,
    SECRET_KEY,
    SetClock,
    fall_silent,
    make_check,
    visitor,
)
from tests.unit.http.markup import Markup
from tests.unit.status.conftest import PAGE, define

NEW_PASSWORD = "another horse battery"
DAILY = Every(timedelta(days=1))
WORDS = {"title": "Resets are late", "body": "We look into it."}
MOVE: dict[str, Any] = {"title": "Move", "match": {"host": "a"}, "ends_at": "2024-05-03T05:00:00Z"}
AT = "/v1/status-pages/public/incidents"
SOLE_PAGE: dict[str, Any] = {"title": "Sole", "components": [{"name": "Mail", "match": {"service": "mail"}}]}
HOOK = "https://hooks.slack.com/services/T0/B0/xyz"
CHECKS_FILE = b"checks: {nightly: {every: 5m, grace: 5m}}"
ANNOUNCED = {
    "status": "investigating",
    "impact": "minor",
    "health": "DELAYED",
    "component": "CPU allowance",
    "starts_at": "2024-05-03T03:00",
}
NTFY = {"token": "tk_a-token-of-the-tests"}
SECRETS = (PASSWORD, NEW_PASSWORD, HOOK, NTFY["token"], ADMIN_KEY, SECRET_KEY)
MAIL = {"smtp": "smtp://mail.example.com", "from": "hb@example.com"}


@dataclass
class World:
    """The installation, a program with the admin key, the browser of Anna (an admin), and a stranger."""

    system: System
    program: httpx.AsyncClient
    browser: httpx.AsyncClient
    stranger: httpx.AsyncClient
    clock: SetClock

    async def csrf(self) -> str:
        """Return the token that forms of Anna must send."""
        return Markup((await self.browser.get("/account")).text).fields["csrf"]

    async def write(self, work: Callable[[Connection], Any]) -> Any:
        """Write to the database directly."""
        return await self.system.context.database.write(work)


@dataclass(frozen=True)
class _Kept:
    """The world as it was built first: a copy of its SQLite database, its time, and the cookies of Anna's browser."""

    database: sqlite3.Connection
    at: datetime
    cookies: dict[str, str]


_kept: list[_Kept] = []


@asynccontextmanager
async def furnished(system: System, clock: SetClock) -> AsyncIterator[World]:
    """Build the world, or put back the one that was built first, in a tenth of the time."""
    key = {"Authorization": f"Bearer {ADMIN_KEY}"}
    async with visitor(system, **key) as program, visitor(system) as browser, visitor(system) as stranger:
        world = World(system, program, browser, stranger, clock)
        with closing(sqlite3.connect(str(system.context.database.writer.url.database))) as file:
            if _kept:
                _kept[0].database.backup(file)
                clock.at = _kept[0].at
                browser.cookies.update(_kept[0].cookies)
            else:
                await _people(world)
                await _definitions(world)
                await _watch(world)
                await _announcements(world)
                copy = sqlite3.connect(":memory:", check_same_thread=False)
                file.backup(copy)
                _kept.append(_Kept(copy, clock.at, dict(browser.cookies)))
        yield world


async def _people(world: World) -> None:
    now = world.clock.now()

    def work(db: Connection) -> None:
        anna = add(db, "anna")
        add(db, "bob", Role.RESPONDER)
        add(db, "gone", disabled_at=now)
        # Another browser of Anna's, whose sign-in has the number 1.
        sign_in.begin(db, anna, "password", Client("192.0.2.1"), now, world.system.context.ways.limits)

    await world.write(work)
    signed_in = await world.browser.post("/sign-in", data={"name": "anna", "password": PASSWORD})
    assert signed_in.status_code == 303


async def _definitions(world: World) -> None:
    for method, path, body in (
        ("PUT", "/v1/people/ben", {"contacts": [{"console": "terminal"}]}),
        ("PUT", "/v1/policies/night", {"steps": [{"page": "first", "wait": "5m"}]}),
        ("PUT", "/v1/notifiers/email", MAIL),
        ("POST", "/v1/ping-keys", {"name": "house"}),
        ("POST", "/v1/keys", {"name": "deploy", "scopes": ["read"]}),
    ):
        answer = await world.program.request(method, path, json=body)
        assert answer.is_success, answer.text


async def _watch(world: World) -> None:
    await make_check(world.system, "job", schedule=DAILY, labels={"host": "a"})
    await make_check(world.system, "resting", schedule=DAILY)
    assert (await world.program.post("/v1/checks/resting/pause")).is_success
    silent = await make_check(world.system, "silent", labels={"component": "cpu", "region": "us"})
    assert await fall_silent(world.system, world.clock, silent) == 1
    assert (await world.program.post("/v1/maintenance", json=MOVE)).json()["id"] == 1


async def _announcements(world: World) -> None:
    await define(world.system, PAGE)
    assert (await world.program.put("/v1/status-pages/sole", json=SOLE_PAGE)).is_success
    numbers = [(await world.program.post(AT, json=WORDS)).json()["id"] for _ in range(2)]
    assert numbers == [1, 2]
    assert (await world.program.post(f"{AT}/2/publish")).is_success
