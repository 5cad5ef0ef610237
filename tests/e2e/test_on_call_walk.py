"""Walks through who is on call in a real browser: every page in light and dark, wide and on a phone, without script."""

from playwright.async_api import Browser, expect

from tests.e2e import walk as walks
from tests.e2e.walk import MARKS, NARROW, Place, walking

pytestmark = MARKS

chromium, lived, place = walks.chromium, walks.lived, walks.place


async def test_who_is_on_call_is_found_without_script(place: Place, chromium: Browser) -> None:
    async with walking(place, chromium, NARROW, script=False) as walk:
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
    async with walking(place, chromium, NARROW) as walk:
        await walk.sign_in()
        for link in await walk.page.get_by_role("navigation", name="Pages").get_by_role("link").all():
            box = await link.bounding_box()
            assert box is not None
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= NARROW[0]
            assert box["height"] >= 36


async def test_who_would_be_paged_is_told_in_the_readers_zone(place: Place, chromium: Browser) -> None:
    async with walking(place, chromium) as walk:
        await walk.sign_in()
        await walk.to("/checks/eu-web-app-sweep")
        said = walk.page.get_by_text("If it fell silent now")
        await expect(said.locator("time")).to_have_count(1)
