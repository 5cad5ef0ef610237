"""Walks through the console without script, by thumb and by keyboard; and names that can be read at every width."""

from playwright.async_api import Browser

from tests.e2e import walk as walks
from tests.e2e.inspection import PAPER
from tests.e2e.walk import MARKS, NARROW, OVERFLOW, Place, walking

pytestmark = MARKS
chromium, lived, place = walks.chromium, walks.lived, walks.place

FOCUS = """() => {
    const at = document.activeElement, style = getComputedStyle(at);
    return [at.outerHTML.slice(0, 80), parseFloat(style.outlineWidth), style.outlineStyle, at === document.body];
}"""
CUT = """(longest) => [...document.querySelectorAll(".list tbody th a")]
    .filter((one) => one.textContent.length <= longest)
    .filter((one) => one.getBoundingClientRect().right > one.closest("th").getBoundingClientRect().right + 0.5)
    .map((one) => one.textContent)"""
OVER = """() => [...document.querySelectorAll(".list tbody td")]
    .filter((one) => getComputedStyle(one).overflow === "visible" && one.scrollWidth > one.clientWidth + 1)
    .map((one) => one.closest("tr").textContent.trim())"""
NAME = 19
"""Characters of a name that can always be read: the longest of the morning's jobs that is not hostile has as many."""


async def test_names_can_be_read_at_every_width(place: Place, chromium: Browser) -> None:
    async with walking(place, chromium) as walk:
        await walk.sign_in()
        for path in ("/", "/checks", "/incidents"):
            await walk.to(path)
            for width in (360, 560, 641, 718, 760, 761, 900, 901, 1024, 1280):
                await walk.page.set_viewport_size({"width": width, "height": 900})
                assert await walk.page.evaluate(CUT, NAME) == [], (path, width)
                assert await walk.page.evaluate(OVER) == [], (path, width)
                assert await walk.page.evaluate(OVERFLOW) <= 0, (path, width)
            await walk.page.set_viewport_size({"width": PAPER[0], "height": PAPER[1]})
            await walk.page.emulate_media(media="print")
            assert await walk.page.evaluate(CUT, NAME) == [], f"{path} on paper"
            await walk.page.emulate_media(media="screen")


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
        await page.get_by_role("button", name="until 09:00 UTC").click()
        await walk.reads("Snoozed by admin; pages again at 09:00 UTC")
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
