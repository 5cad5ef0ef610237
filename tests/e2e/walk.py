"""Walking: an installation that is served on the loopback, Debian's Chromium, and one person's way through the pages.

A module of walks imports the fixtures that it uses; its tests and they share one event loop (`pytestmark = MARKS`).
"""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import (
    Browser,
    BrowserContext,
    CDPSession,
    ConsoleMessage,
    Error,
    Page,
    Request,
    Response,
    async_playwright,
)

from alerting import desk
from heartbeat import app, migrations, signed_link
from heartbeat.app import System
from heartbeat.database import Database
from heartbeat.http import server
from heartbeat.settings import Settings
from heartbeat.signed_link import Answerer
from tests.e2e import fleet
from tests.e2e.acting import left_undone
from tests.e2e.service import ADMIN_KEY, SECRET_KEY

MARKS = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

CHROMIUM = "/usr/bin/chromium-headless-shell"
WHOLE_CHROMIUM = "/usr/bin/chromium"
"""The browser that also shows notifications. It takes twice the time."""
ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
WIDE, NARROW = (1280, 800), (360, 740)
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
NOWHERE = "http://127.0.0.1:9"
"""An address at which nobody listens."""


@dataclass
class Place:
    """An installation that is served. `words` fill in its addresses."""

    url: str
    system: System
    clock: fleet.VirtualClock
    words: dict[str, Any] = field(default_factory=dict)
    acted: set[str] = field(default_factory=set)
    """The addresses to which forms were sent."""

    def path(self, pattern: str) -> str:
        """An address with the numbers of this installation."""
        return pattern.format(**self.words)


@pytest.fixture(scope="session")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The database of a morning, to be copied."""
    path = tmp_path_factory.mktemp("morning") / "heartbeat.db"

    async def live() -> None:
        async with system_at(path, NOWHERE) as (system, clock):
            await fleet.live_through(system, clock)

    migrate(path)
    asyncio.run(live())
    return path


@pytest_asyncio.fixture(loop_scope="module")
async def place(lived: Path, tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Place]:
    """The morning's installation, served on the loopback: a copy for one test, which does what it says."""
    async with served(lived, tmp_path) as made:
        made.words |= await _numbers(made)
        yield made
    keep_word(request, made)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chromium() -> AsyncIterator[Browser]:
    """A browser."""
    async with browser(CHROMIUM) as launched:
        yield launched


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def whole_chromium() -> AsyncIterator[Browser]:
    """A browser that shows notifications."""
    async with browser(WHOLE_CHROMIUM) as launched:
        yield launched


@asynccontextmanager
async def browser(path: str) -> AsyncIterator[Browser]:
    """Launch the browser at this path."""
    assert os.access(path, os.X_OK), f"this walk needs a browser: apt-get install {Path(path).name}"
    async with async_playwright() as play:
        launched = await play.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        yield launched
        await launched.close()


class Walk:
    """One person's way through the pages, and everything that was not as it should be."""

    def __init__(self, place: Place, page: Page, chromium: CDPSession, *, script: bool) -> None:
        self.place = place
        self.page = page
        self.script = script
        self.faults: list[str] = []
        self._chromium = chromium
        self._weights: list[asyncio.Task[int]] = []
        page.on("pageerror", lambda error: self.faults.append(f"{page.url}: {error}"))
        page.on("request", self._asked)
        page.on("response", self._answered)
        page.on("console", self._said)

    async def let_run(self, script: bool) -> None:
        """Let pages run their scripts from now on, or not. (Who inspects one runs a script in it.)"""
        await self._chromium.send("Emulation.setScriptExecutionDisabled", {"value": not script})

    async def to(self, path: str) -> Response:
        """Go to a page."""
        answer = await self.page.goto(self.place.url + self.place.path(path))
        assert answer is not None
        overflow = await self.page.evaluate(OVERFLOW)
        if overflow > 0:
            self.faults.append(f"{path} is {overflow} px wider than the window")
        return answer

    async def weight(self) -> int:
        """Bytes on the line of the page that is shown, with all its assets."""
        return sum(await asyncio.gather(*self._weights))

    async def sign_in(self) -> None:
        """Show the admin key."""
        await self.to("/sign-in")
        await self.page.get_by_label("Admin key").fill(ADMIN_KEY)
        await self.page.get_by_role("button", name="Sign in").click()
        await self.page.wait_for_url(self.place.url + "/")

    async def press(self, name: str) -> None:
        """Press the button of this name."""
        await self.page.get_by_role("button", name=name, exact=True).click()

    async def follow(self, name: str) -> None:
        """Follow the link of this name."""
        await self.page.get_by_role("link", name=name, exact=True).first.click()

    async def fill(self, **fields: str) -> None:
        """Fill in fields by their labels, whose words are joined by underscores."""
        for label, text in fields.items():
            await self.page.get_by_label(label.replace("_", " "), exact=True).fill(text)

    async def is_at(self, path: str) -> None:
        """Wait until the browser is at this address."""
        await self.page.wait_for_url(self.place.url + self.place.path(path))

    async def reads(self, words: str) -> None:
        """Wait until the page says this."""
        await self.page.get_by_text(words).first.wait_for()

    def _asked(self, request: Request) -> None:
        if request.is_navigation_request():
            self._weights.clear()
        if request.method == "POST":
            self.place.acted.add(urlsplit(request.url).path)
        if not request.url.startswith(self.place.url):
            self.faults.append(f"{self.page.url} asks another host: {request.url}")

    def _answered(self, answer: Response) -> None:
        if "/live?" in answer.url:
            return  # A stream has no end.
        self._weights.append(asyncio.ensure_future(_weight(answer)))

    def _said(self, said: ConsoleMessage) -> None:
        # The browser notes a page that is answered 404 or 502; those we go to on purpose. Its assets must be there.
        # It asks for the icon of what is no page, such as the body of a ping.
        itself = said.location["url"] in (self.page.url, f"{self.place.url}/favicon.ico")
        if not (itself and "Failed to load resource: the server responded with a status of" in said.text):
            self.faults.append(f"{self.page.url}: {said.type}: {said.text}")


@asynccontextmanager
async def walking(
    place: Place,
    chromium: Browser,
    size: tuple[int, int] = WIDE,
    *,
    dark: bool = False,
    script: bool = True,
    session: str = "",
) -> AsyncIterator[Walk]:
    """A walk in a fresh browser context; at its end nothing may have been wrong. Who has a session is signed in."""
    context: BrowserContext = await chromium.new_context(
        viewport={"width": size[0], "height": size[1]},
        color_scheme="dark" if dark else "light",
        has_touch=size == NARROW,
        device_scale_factor=2 if size == NARROW else 1,
    )
    if session:
        await context.add_cookies([{"name": "heartbeat", "value": session, "url": place.url}])
    page = await context.new_page()
    walk = Walk(place, page, await context.new_cdp_session(page), script=script)
    await walk.let_run(script)
    yield walk
    await context.close()
    assert not walk.faults, "\n".join(walk.faults)


@asynccontextmanager
async def served(database: Path, home: Path, below: str = "", **settings: Any) -> AsyncIterator[Place]:
    """A copy of a database, served on the loopback `below` a path, with its status pages published."""
    path, listener = home / "heartbeat.db", server.listening("127.0.0.1", 0)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}{below}"
    shutil.copy(database, path)
    async with system_at(path, url, **settings) as (system, clock):
        serving = server.configured(system.asgi)
        # It listens already, so whoever comes before it serves is answered once it does.
        task = asyncio.create_task(serving.serve([listener]))
        await system.beside.publisher.look()
        yield Place(url, system, clock)
        serving.should_exit = True
        await task


def keep_word(request: pytest.FixtureRequest, place: Place) -> None:
    """Fail where the test that asks for this place has not done what it says that it does."""
    name = request.node.originalname
    undone = left_undone(name, place.acted)
    assert not undone, f"{name} says that it does {undone}"


def migrate(path: Path) -> None:
    """Make the tables."""
    database = Database(f"sqlite:///{path}")
    migrations.migrate(database.writer)
    database.close()


@asynccontextmanager
async def system_at(
    path: Path, url: str, *, outside: httpx.AsyncBaseTransport | None = None, **settings: Any
) -> AsyncIterator[tuple[System, fleet.VirtualClock]]:
    """The whole system over a database, at an instant that stands still. Its sends go `outside`, if that is given."""
    database, clock = Database(f"sqlite:///{path}"), fleet.VirtualClock()
    known = Settings(
        public_url=url, data_dir=path.parent, admin_key=ADMIN_KEY, secret_key=SECRET_KEY, **settings
    )
    async with httpx.AsyncClient(transport=outside) as http:
        phones = {"ntfy": fleet.Phone()}
        system = app.build(known, database=database, clock=clock, http=http, notifiers=phones)
        yield system, clock
        await system.stop()
    database.close()


async def _numbers(place: Place) -> Mapping[str, Any]:
    """What the addresses of the morning's pages are filled in with."""
    every = await place.system.context.database.read(lambda db: desk.incidents(db))
    found: dict[str, Any] = {one.state.value: one.id for one in every}
    great = next(one.id for one in every if (one.title, one.state) == ("us-housekeeping", "open"))
    answerer = Answerer(great, 1, "first", place.clock.now() + signed_link.LASTS)
    return found | {"open": great, "token": signed_link.sign(SECRET_KEY, answerer)}


async def _weight(answer: Response) -> int:
    with suppress(Error):  # What was left before it was all there has no size.
        return (await answer.request.sizes())["responseBodySize"]
    return 0
