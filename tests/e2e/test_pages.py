"""A walk through every page with Debian's Chromium: light and dark, wide and on a phone. Photographs lie in build/."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from playwright.async_api import Browser, Page, Response, async_playwright

from alerting import desk
from heartbeat import app, link, migrations
from heartbeat.app import System
from heartbeat.database import Database
from heartbeat.http import server
from heartbeat.link import Answerer
from heartbeat.settings import Settings
from tests.e2e import fleet
from tests.e2e.service import ADMIN_KEY, SECRET_KEY

pytestmark = pytest.mark.e2e

CHROMIUM = "/usr/bin/chromium"
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
SHOTS = Path("build/screenshots")
WIDE, NARROW = (1280, 800), (360, 740)
LIGHT = 100_000
"""Bytes that a page may weigh with all its assets."""

CONSOLE = {
    "overview": "/",
    "checks": "/checks",
    "check-silent": "/checks/us-daily-cpu-reset",
    "check-failed": "/checks/mail-queue",
    "check-overran": "/checks/search-reindex",
    "check-late": "/checks/billing-export",
    "check-new": "/checks/nightly-invoice",
    "check-paused": "/checks/old-importer",
    "check-hostile": "/checks/hostile",
    "check-pause": "/checks/eu-rotate-logs/pause",
    "incidents": "/incidents",
    "incident-open": "/incidents/{open}",
    "incident-acknowledged": "/incidents/{acknowledged}",
    "incident-resolved": "/incidents/{resolved}",
    "incident-resolve": "/incidents/{open}/resolve",
    "account": "/account",
    "users": "/users",
    "keys": "/keys",
    "audit": "/audit",
    "error": "/checks/not-here",
}
PUBLIC = {
    "sign-in": "/sign-in",
    "answer": "/answer/{token}",
    "answer-bad": "/answer/damaged",
    "status": "/status",
    "status-none": "/status/not-here",
}

OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
FOCUS = """() => {
    const at = document.activeElement, style = getComputedStyle(at);
    return [at.outerHTML.slice(0, 80), parseFloat(style.outlineWidth), style.outlineStyle, at === document.body];
}"""


@dataclass
class Place:
    """An installation that is served."""

    url: str
    system: System
    clock: fleet.VirtualClock
    numbers: dict[str, int] = field(default_factory=dict)

    def path(self, pattern: str) -> str:
        """An address with the numbers of this installation."""
        answerer = Answerer(self.numbers["open"], 1, "first", self.clock.now() + link.LASTS)
        return pattern.format(token=link.sign(SECRET_KEY, answerer), **self.numbers)


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The database of a morning, to be copied."""
    path = tmp_path_factory.mktemp("morning") / "heartbeat.db"

    async def live() -> None:
        async with _system(path, "http://127.0.0.1:1") as (system, clock):
            await fleet.live_through(system, clock)

    migrate(path)
    asyncio.run(live())
    return path


@pytest.fixture
async def place(lived: Path, tmp_path: Path) -> AsyncIterator[Place]:
    """The morning's installation, served on the loopback."""
    path, listener = tmp_path / "heartbeat.db", server.listening("127.0.0.1", 0)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    shutil.copy(lived, path)
    async with _system(path, url) as (system, clock):
        serving = server.configured(system.asgi)
        # It listens already, so whoever comes before it serves is answered once it does.
        task = asyncio.create_task(serving.serve([listener]))
        await system.publisher.look()
        yield Place(url, system, clock, await _numbers(system))
        serving.should_exit = True
        await task


@pytest.fixture
async def chromium() -> AsyncIterator[Browser]:
    """A browser."""
    assert os.access(CHROMIUM, os.X_OK), "this walk needs Debian's browser: apt-get install chromium"
    async with async_playwright() as play:
        browser = await play.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        yield browser
        await browser.close()


class Walk:
    """One person's way through the pages, and everything that was not as it should be."""

    def __init__(self, place: Place, page: Page) -> None:
        self.place = place
        self.page = page
        self.faults: list[str] = []
        self._weights: list[asyncio.Task[int]] = []
        page.on("pageerror", lambda error: self.faults.append(f"{page.url}: {error}"))
        page.on("request", lambda request: self._asked(request.url))
        page.on("response", self._answered)
        page.on("console", lambda said: self._said(said.type, said.text))

    async def to(self, path: str) -> int:
        """Go to a page; what it weighs with all its assets."""
        self._weights.clear()
        answer = await self.page.goto(self.place.url + self.place.path(path))
        assert answer is not None
        overflow = await self.page.evaluate(OVERFLOW)
        if overflow > 0:
            self.faults.append(f"{path} is {overflow} px wider than the window")
        return sum(await asyncio.gather(*self._weights))

    async def sign_in(self) -> None:
        """Show the admin key."""
        await self.to("/sign-in")
        await self.page.get_by_label("Admin key").fill(ADMIN_KEY)
        await self.page.get_by_role("button", name="Sign in").click()
        await self.page.wait_for_url(self.place.url + "/")

    async def reads(self, words: str) -> None:
        """Wait until the page says this."""
        await self.page.get_by_text(words).first.wait_for()

    def _asked(self, url: str) -> None:
        if not url.startswith(self.place.url):
            self.faults.append(f"{self.page.url} asks another host: {url}")

    def _answered(self, answer: Response) -> None:
        if "/live?" in answer.url:
            return  # A stream has no end.
        self._weights.append(asyncio.ensure_future(_weight(answer)))

    def _said(self, kind: str, words: str) -> None:
        # The browser notes a page that is answered 404 or 410; those we go to on purpose.
        if "Failed to load resource: the server responded with a status of 4" not in words:
            self.faults.append(f"{self.page.url}: {kind}: {words}")


@asynccontextmanager
async def walking(
    place: Place, chromium: Browser, size: tuple[int, int] = WIDE, *, dark: bool = False, script: bool = True
) -> AsyncIterator[Walk]:
    """A walk in a fresh browser context; at its end nothing may have been wrong."""
    context = await chromium.new_context(
        viewport={"width": size[0], "height": size[1]},
        color_scheme="dark" if dark else "light",
        java_script_enabled=script,
        has_touch=size == NARROW,
        device_scale_factor=2 if size == NARROW else 1,
    )
    walk = Walk(place, await context.new_page())
    yield walk
    await context.close()
    assert walk.faults == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "phone"])
async def test_every_page_is_sound_and_photographed(
    place: Place, chromium: Browser, size: tuple[int, int], dark: bool
) -> None:
    async with walking(place, chromium, size, dark=dark) as walk:
        for name, path in PUBLIC.items():
            await _photographed(walk, name, path, size, dark)
        await walk.sign_in()
        for name, path in CONSOLE.items():
            await _photographed(walk, name, path, size, dark)


async def _photographed(walk: Walk, name: str, path: str, size: tuple[int, int], dark: bool) -> None:
    weight = await walk.to(path)
    assert weight < LIGHT, f"{path} weighs {weight} bytes"
    assert await walk.page.locator("h1").count() == 1, path
    assert await walk.page.locator("main").count() == 1, path
    for details in await walk.page.locator("details").all():
        await details.evaluate("one => one.open = true")
    assert await walk.page.evaluate(OVERFLOW) <= 0, f"{path} is too wide once everything is open"
    for details in (await walk.page.locator("details").all())[1:]:
        await details.evaluate("one => one.open = false")
    shot = SHOTS / f"{name}-{'dark' if dark else 'light'}-{size[0]}.png"
    await walk.page.screenshot(path=shot, full_page=True)


async def test_whatever_has_the_focus_shows_it(place: Place, chromium: Browser) -> None:
    async with walking(place, chromium) as walk:
        await walk.sign_in()
        for path in ("/", "/checks/mail-queue", "/incidents/{open}"):
            await walk.to(path)
            seen = set()
            for _ in range(60):
                await walk.page.keyboard.press("Tab")
                what, width, style, nothing = await walk.page.evaluate(FOCUS)
                if nothing:
                    break
                seen.add(what)
                assert (style, width >= 2) == ("solid", True), what
            assert len(seen) > 8


async def test_a_row_with_the_focus_tells_when_exactly(place: Place, chromium: Browser) -> None:
    async with walking(place, chromium) as walk:
        await walk.sign_in()
        row = walk.page.get_by_role("row").filter(has_text="us-daily-cpu-reset")
        content = "one => getComputedStyle(one, '::after').content"
        assert await row.locator("time").first.evaluate(content) == "none"
        await row.get_by_role("link").focus()
        assert await row.locator("time").first.evaluate(content) == '"2026-05-02T03:03:29Z"'


async def test_a_thumb_answers_on_a_phone(place: Place, chromium: Browser) -> None:
    async with walking(place, chromium, NARROW, script=False) as walk:
        await walk.to("/answer/{token}")
        button = walk.page.get_by_role("button", name="Acknowledge")
        box = await button.bounding_box()
        assert box is not None
        assert box["height"] >= 56
        assert box["y"] + box["height"] <= NARROW[1], "the button is in sight without scrolling"
        await button.tap()
        await walk.reads("Acknowledged by First responder at 08:41 UTC; pages again at 12:41 UTC")
        assert await button.count() == 0


async def test_the_console_needs_no_script(place: Place, chromium: Browser) -> None:
    async with walking(place, chromium, script=False) as walk:
        await walk.sign_in()
        assert await walk.page.get_by_role("link", name="us-daily-cpu-reset").count() == 1
        page = walk.page

        await page.get_by_role("link", name="us-housekeeping", exact=True).click()
        await page.get_by_role("button", name="Acknowledge").click()
        await walk.reads("Acknowledged by admin at 08:41 UTC")
        await page.get_by_role("button", name="until 04 May 09:00 UTC").click()
        await walk.reads("Snoozed by admin; pages again at 04 May 09:00 UTC")
        await page.get_by_role("link", name="Resolve…").click()
        await page.get_by_role("button", name="Resolve incident").click()
        await walk.reads("Resolved by admin at 08:41 UTC")

        await page.get_by_role("link", name="Checks", exact=True).click()
        await page.get_by_role("link", name="mail-queue").click()
        await page.get_by_role("link", name="Pause").click()
        await page.get_by_role("button", name="Pause mail-queue").click()
        await walk.reads("Paused since 08:41 UTC")
        await page.get_by_role("button", name="Resume").click()
        await page.locator("summary").first.click()
        await walk.reads("4121 messages wait")
        await page.get_by_role("link", name="The whole body").first.click()
        await walk.reads("connecting to mail-2")

        await page.goto(place.url + "/")
        await page.get_by_role("button", name="Sign out").click()
        await walk.reads("Admin key")


async def test_what_is_printed_has_no_buttons(place: Place, chromium: Browser) -> None:
    async with walking(place, chromium) as walk:
        await walk.sign_in()
        await walk.page.emulate_media(media="print")
        for path in ("/", "/incidents/{open}", "/checks/mail-queue"):
            await walk.to(path)
            for button in await walk.page.locator("button, .button, nav").all():
                assert not await button.is_visible()


def migrate(path: Path) -> None:
    """Make the tables."""
    database = Database(f"sqlite:///{path}")
    migrations.migrate(database.writer)
    database.close()


@asynccontextmanager
async def _system(path: Path, url: str) -> AsyncIterator[tuple[System, fleet.VirtualClock]]:
    database, clock = Database(f"sqlite:///{path}"), fleet.VirtualClock()
    settings = Settings(public_url=url, data_dir=path.parent, admin_key=ADMIN_KEY, secret_key=SECRET_KEY)
    async with httpx.AsyncClient() as http:
        phones = {"ntfy": fleet.Phone()}
        system = app.build(settings, database=database, clock=clock, http=http, notifiers=phones)
        yield system, clock
        await system.stop()
    database.close()


async def _numbers(system: System) -> dict[str, int]:
    every = await system.door.database.read(lambda db: desk.incidents(db))
    found = {one.state.value: one.id for one in every}
    great = next(one.id for one in every if (one.title, one.state) == ("us-housekeeping", "open"))
    return found | {"open": great}


async def _weight(answer: Response) -> int:
    with suppress(Exception):  # a redirect has no body
        return len(await answer.body())
    return 0
