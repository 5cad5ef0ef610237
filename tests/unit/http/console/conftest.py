"""Shared by the tests of the console: a browser that is signed in, and one that is not."""

from collections.abc import AsyncIterator

import httpx
import pytest

from heartbeat.app import System
from heartbeat.checks.check import Check
from tests.unit.http.conftest import ADMIN_KEY, make_check, visitor
from tests.unit.http.markup import Markup, sound

BROWSER = {"accept": "text/html,application/xhtml+xml"}


@pytest.fixture
async def browser(system: System) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody's browser, signed in."""
    async with visitor(system, **BROWSER) as client:
        answer = await client.post("/sign-in", data={"key": ADMIN_KEY})
        assert answer.status_code == 303
        yield client


@pytest.fixture
async def stranger(system: System) -> AsyncIterator[httpx.AsyncClient]:
    """A browser in which nobody has signed in."""
    async with visitor(system, **BROWSER) as client:
        yield client


async def see(browser: httpx.AsyncClient, path: str, status: int = 200) -> Markup:
    """Return the screen at a path, checked for sound markup."""
    answer = await browser.get(path)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    return sound(answer.text)


async def press(browser: httpx.AsyncClient, path: str, **fields: str | list[str]) -> httpx.Response:
    """Send a form with the token of the overview."""
    csrf = (await see(browser, "/")).fields["csrf"]
    return await browser.post(path, data={"csrf": csrf, **fields})


async def make_group(system: System, *slugs: str) -> list[Check]:
    """Make jobs of one host."""
    return [await make_check(system, slug, labels={"host": "us-housekeeping"}) for slug in slugs]
