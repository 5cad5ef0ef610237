"""What the tests of the console share: a browser in which somebody has signed in, and one in which nobody has."""

from collections.abc import AsyncIterator

import httpx
import pytest

from heartbeat.app import System
from tests.unit.http.conftest import ADMIN_KEY, visitor
from tests.unit.http.markup import Markup, sound

BROWSER = {"accept": "text/html,application/xhtml+xml"}


@pytest.fixture
async def browser(system: System) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody's browser, signed in."""
    async with visitor(system, **BROWSER) as made:
        answer = await made.post("/sign-in", data={"key": ADMIN_KEY})
        assert answer.status_code == 303
        yield made


@pytest.fixture
async def stranger(system: System) -> AsyncIterator[httpx.AsyncClient]:
    """A browser in which nobody has signed in."""
    async with visitor(system, **BROWSER) as made:
        yield made


async def see(browser: httpx.AsyncClient, path: str, status: int = 200) -> Markup:
    """A page that is sound."""
    answer = await browser.get(path)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    return sound(answer.text)


async def press(browser: httpx.AsyncClient, path: str, **fields: str | list[str]) -> httpx.Response:
    """A form that is sent as the page of the overview would send it."""
    csrf = (await see(browser, "/")).fields["csrf"]
    return await browser.post(path, data={"csrf": csrf, **fields})
