"""Walks through the console without script, by thumb and by keyboard; and names that can be read at every width."""

from playwright.async_api import Browser

from tests.e2e import office
from tests.e2e import walk as walks
from tests.e2e.inspection import PAPER
from tests.e2e.walk import MARKS, NARROW, OVERFLOW, Place, walking

pytestmark = MARKS
chromium, place = walks.chromium, office.place

FOCUS = """() => {
    const at = document.activeElement, style = getComputedStyle(at);
    return [at.outerHTML.slice(0, 80), parseFloat(style.outlineWidth), style.outlineStyle, at === document.body];
}"""
CUT = """(longest) => [...document.querySelectorAll(".list tbody th a, .list tbody th .held time")]
    .filter((one) => one.textContent.length <= longest)
    .filter((one) => one.getBoundingClientRect().right > one.closest("th").getBoundingClientRect().right + 0.5)
    .map((one) => one.textContent)"""
OVER = """() => [...document.querySelectorAll(".list tbody td")]
    .filter((one) => getComputedStyle(one).overflow === "visible" && one.scrollWidth > one.clientWidth + 1)
    .map((one) => one.closest("tr").textContent.trim())"""
NAME = 19
"""Characters of a name that can always be read: the longest of the morning's jobs that is not hostile has as many."""


async def test_names_can_be_read_at_every_width(place: Place, chromium: Browser) -> None:
    async with walking(place, chromium, session=place.words["session_anna"]) as walk:
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
    async with walking(place, chromium, session=place.words["session_anna"]) as walk:
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
    async with walking(place, chromium, session=place.words["session_anna"]) as walk:
        await walk.to("/")
        row = walk.page.get_by_role("row").filter(has_text="us-daily-cpu-reset")
        content = "one => getComputedStyle(one, '::after').content"
        assert await row.locator("time").first.evaluate(content) == "none"
        await row.get_by_role("link").focus()
        assert await row.locator("time").first.evaluate(content) == '"2026-05-02T03:03:29Z"'
        # On a phone as well, and within the window.
        await walk.page.set_viewport_size({"width": NARROW[0], "height": NARROW[1]})
        await row.get_by_role("link").focus()
        assert await walk.page.evaluate(OVERFLOW) <= 0


async def test_the_button_of_an_answer_is_in_sight_without_scrolling(place: Place, chromium: Browser) -> None:
    async with walking(place, chromium, NARROW, script=False) as walk:
        await walk.to("/answer/{answer}")
        box = await walk.page.get_by_role("button", name="Acknowledge").bounding_box()
        assert box is not None
        assert box["height"] >= 56
        assert box["y"] + box["height"] <= NARROW[1]


async def test_bodies_are_opened_and_read_without_script(place: Place, chromium: Browser) -> None:
    async with walking(place, chromium, script=False, session=place.words["session_anna"]) as walk:
        await walk.to("/checks/mail-queue")
        await walk.page.locator("summary").first.click()
        await walk.reads("4121 messages wait")
        await walk.follow("The whole body")
        await walk.reads("connecting to mail-2")
