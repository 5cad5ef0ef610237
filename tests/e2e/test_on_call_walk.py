"""Walks through who is on call in a real browser: every page in light and dark, wide and on a phone, without script."""

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, expect

from tests.e2e import test_pages as pages
from tests.e2e.test_pages import Place, walking

pytestmark = pytest.mark.e2e

chromium, lived, place = pages.chromium, pages.lived, pages.place

SHOTS = {
    "on-call": "/on-call",
    "on-call-person": "/on-call/people/first",
    "on-call-policy": "/on-call/policies/ops",
}


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("size", [pages.WIDE, pages.NARROW], ids=["wide", "phone"])
async def test_pages_of_who_is_on_call_are_sound_and_photographed(
    place: Place, chromium: Browser, size: tuple[int, int], dark: bool
) -> None:
    async with walking(place, chromium, size, dark=dark) as walk:
        await walk.sign_in()
        found = []
        for name, path in SHOTS.items():
            assert await walk.to(path) < pages.LIGHT
            assert await walk.page.locator("h1").count() == 1, path
            told = await Axe().run(walk.page)
            found += [(path, one["id"], one["nodes"][0]["html"][:120]) for one in told.response["violations"]]
            shot = pages.SHOTS / f"{name}-{'dark' if dark else 'light'}-{size[0]}.png"
            await walk.page.screenshot(path=shot, full_page=True)
        assert found == []


async def test_who_is_on_call_is_found_without_script(place: Place, chromium: Browser) -> None:
    async with walking(place, chromium, pages.NARROW, script=False) as walk:
        page = walk.page
        await walk.sign_in()
        await page.get_by_role("link", name="On call").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("First responder is on call.")
        await page.get_by_role("link", name="ops", exact=True).click()
        await walk.reads("If something fell silent now and nobody answered:")
        await page.get_by_role("link", name="Second responder").first.click()
        await walk.reads("last delivered")
        await page.get_by_role("link", name="API manual").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("API")


async def test_every_page_of_the_navigation_is_in_sight_on_a_phone(place: Place, chromium: Browser) -> None:
    async with walking(place, chromium, pages.NARROW) as walk:
        await walk.sign_in()
        for link in await walk.page.get_by_role("navigation", name="Pages").get_by_role("link").all():
            box = await link.bounding_box()
            assert box is not None
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= pages.NARROW[0]
            assert box["height"] >= 36


async def test_who_would_be_paged_is_told_in_the_readers_zone(place: Place, chromium: Browser) -> None:
    async with walking(place, chromium) as walk:
        await walk.sign_in()
        await walk.to("/checks/eu-web-app-sweep")
        said = walk.page.get_by_text("If it fell silent now")
        await expect(said.locator("time")).to_have_count(1)
