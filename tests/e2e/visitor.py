"""A person at a real browser, and everything that was not as it should be on their way."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

from playwright.async_api import Browser, Page, Response, ViewportSize, expect

SHOTS = Path("build/screenshots")
PHOTOGRAPHED = os.environ.get("PHOTOGRAPHS") != "no"
"""Photographs are a quarter of the work, and for whoever looks at them: `PHOTOGRAPHS=no` leaves them out."""
WIDE, NARROW = ViewportSize(width=1280, height=800), ViewportSize(width=360, height=740)
SCHEMES: tuple[Literal["dark", "light"], ...] = ("dark", "light")
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
SOON = 20_000
"""Milliseconds within which a page must be there, on a machine that is busy."""


class Visitor:
    """One browser of one person. Nothing of it is shared with another."""

    def __init__(self, page: Page, home: str) -> None:
        self.page = page
        self.home = home
        self.faults: list[str] = []
        page.on("pageerror", lambda error: self.faults.append(f"{page.url}: {error}"))
        page.on("console", lambda said: self._said(said.type, said.text))

    async def to(self, path: str) -> int:
        """Go to a page, of ours or by a whole address; the status of what it ends at."""
        answer = await self.page.goto(path if "://" in path else self.home + path)
        assert answer is not None
        return answer.status

    async def fill(self, **fields: str) -> None:
        """Fill in fields by their labels, whose words are joined by underscores."""
        for label, text in fields.items():
            await self.page.get_by_label(label.replace("_", " ")).first.fill(text)

    async def press(self, name: str) -> None:
        """Press a button."""
        await self.page.get_by_role("button", name=name, exact=True).click()

    async def sends(self, name: str) -> Response:
        """Press a button that sends a form; what it ends at."""
        async with self.page.expect_navigation() as going:
            await self.press(name)
        answer = await going.value
        assert answer is not None
        return answer

    async def follow(self, name: str) -> None:
        """Follow a link."""
        await self.page.get_by_role("link", name=name, exact=True).click()

    async def reads(self, words: str) -> None:
        """Wait until the page says this."""
        await expect(self.page.locator("body")).to_contain_text(words, timeout=SOON)

    async def is_at(self, path: str) -> None:
        """Wait until the browser is at this address of ours."""
        await self.page.wait_for_url(self.home + path, timeout=SOON)

    async def sign_in(self, name: str, password: str) -> Response:
        """Give name and password; what is answered in the end."""
        await self.to("/sign-in")
        await self.fill(Name=name, Password=password)
        return await self.sends("Sign in")

    async def photograph(self, name: str) -> None:
        """Keep what is seen, light and dark, wide and on a phone; nothing may be wider than the window."""
        for size in (NARROW, WIDE):
            await self.page.set_viewport_size(size)
            assert await self.page.evaluate(OVERFLOW) <= 0, f"{name} is too wide at {size['width']}"
            for scheme in SCHEMES:
                await self.page.emulate_media(color_scheme=scheme)
                shot = SHOTS / f"{name}-{scheme}-{size['width']}.png"
                if PHOTOGRAPHED:
                    await self.page.screenshot(path=shot, full_page=True)

    def _said(self, kind: str, words: str) -> None:
        # The browser notes a page that is answered with an error; those we go to on purpose.
        if "Failed to load resource: the server responded with a status of" not in words:
            self.faults.append(f"{self.page.url}: {kind}: {words}")


@asynccontextmanager
async def visiting(chromium: Browser, home: str) -> AsyncIterator[Visitor]:
    """Somebody with a fresh browser; at the end nothing may have been wrong on the way."""
    context = await chromium.new_context(ignore_https_errors=True, viewport=WIDE)
    context.set_default_timeout(SOON)
    visitor = Visitor(await context.new_page(), home)
    yield visitor
    await context.close()
    assert visitor.faults == []
