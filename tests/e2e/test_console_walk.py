"""Walks through the console in a real browser: looking for checks, pausing many, making one, answering by a key, seeing
a page change by itself.
"""

import asyncio
from datetime import timedelta

from playwright.async_api import Browser, Page, expect

from heartbeat.checks import blindness_store, checker, deadline
from heartbeat.checks import store as check_store
from heartbeat.checks.check import State
from tests.e2e import walk as walks
from tests.e2e.inspection import faults_of
from tests.e2e.service import ADMIN_KEY
from tests.e2e.walk import MARKS, Place, walking

pytestmark = MARKS

chromium, place = walks.chromium, walks.place

SOON = 20_000
"""Milliseconds within which a change must be seen, on a machine that is busy."""


async def live(page: Page) -> None:
    """Wait until the page is told of changes."""
    await expect(page.locator("#live")).to_have_text("live")


async def test_axe_finds_nothing_on_the_keys(place: Place, chromium: Browser) -> None:
    async with walking(place, chromium) as walk:
        await walk.sign_in()
        await walk.to("/checks")
        await walk.page.keyboard.press("?")
        assert await faults_of(walk, "keyboard") == []


async def test_looking_for_checks_without_script(place: Place, chromium: Browser) -> None:
    async with walking(place, chromium, script=False) as walk:
        page = walk.page
        await walk.sign_in()
        await page.get_by_role("link", name="Checks", exact=True).click()
        await page.get_by_role("searchbox", name="Search the checks").fill("daily")
        await page.get_by_role("button", name="Search").click()
        await expect(page.get_by_role("rowheader")).to_have_count(2)
        await page.get_by_role("combobox", name="Label").select_option("region=us")
        await page.get_by_role("button", name="Search").click()
        await expect(page.get_by_role("rowheader")).to_have_text(
            ["us-daily-cpu-reset us-housekeepinguscpu-allowance"]
        )
        assert page.url.endswith("/checks?q=daily&label=region%3Dus")
        await page.get_by_role("link", name="up 0").click()
        await walk.reads("No up check matches.")
        await page.get_by_role("link", name="Show all 28 checks").click()
        await page.get_by_role("link", name="late 1").click()
        await expect(page.get_by_role("rowheader")).to_have_count(1)
        await walk.reads("billing-export")


async def test_the_box_above_ticks_the_whole_page(place: Place, chromium: Browser) -> None:
    async with walking(place, chromium) as walk:
        await walk.sign_in()
        await walk.to("/checks?state=down")
        await walk.page.get_by_role("checkbox", name="Tick all on this page").check()
        await walk.page.get_by_role("button", name="Pause…").click()
        await walk.reads("Pause 7 checks?")


async def test_a_schedule_is_previewed_while_one_types(place: Place, chromium: Browser) -> None:
    async with walking(place, chromium) as walk:
        page = walk.page
        await walk.sign_in()
        await walk.to("/new")
        cron = page.get_by_role("textbox", name="Cron line")
        await cron.fill("0 4 * * *")
        await walk.reads("Due at 04:00 every day, UTC.")
        await expect(page.get_by_role("radio", name="Cron line")).to_be_checked()
        await cron.fill("0 99 * * *")
        await walk.reads("has a wrong hour")
        await expect(cron).to_have_value("0 99 * * *")
        await expect(cron).to_be_focused()


async def test_the_keys_lead_to_an_acknowledgement(place: Place, chromium: Browser) -> None:
    async with walking(place, chromium) as walk:
        page = walk.page
        await walk.sign_in()
        await live(page)
        await page.keyboard.press("ArrowDown")
        await expect(page.get_by_role("link", name="us-housekeeping", exact=True)).to_be_focused()
        await page.keyboard.press("a")
        row = page.get_by_role("row").filter(has=page.get_by_role("link", name="us-housekeeping", exact=True))
        await expect(row).to_contain_text("acknowledged")
        assert page.url == place.url + "/", "it stays on the page"
        await expect(page.locator("#said")).to_contain_text("us-housekeeping")

        await page.keyboard.press("j")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/incidents/*")
        await page.keyboard.press("a")
        await walk.reads("Acknowledged by")

        await page.keyboard.press("/")
        await page.wait_for_url("**/checks#q")
        await expect(page.locator("#q")).to_be_focused()
        await page.keyboard.type("a?/j")
        await expect(page.locator("#q")).to_have_value("a?/j")
        await page.keyboard.press("Tab")
        await page.keyboard.press("Tab")
        await page.keyboard.press("?")
        await expect(page.get_by_role("dialog", name="Keyboard")).to_be_visible()
        await page.keyboard.press("Escape")
        await expect(page.get_by_role("dialog", name="Keyboard")).not_to_be_visible()


async def test_a_page_changes_by_itself_and_keeps_what_the_reader_does(
    place: Place, chromium: Browser
) -> None:
    async with walking(place, chromium) as walk:
        page = walk.page
        await walk.sign_in()
        await walk.to("/checks")
        await live(page)
        await page.evaluate(
            "window.unloaded = false; addEventListener('pagehide', () => { unloaded = true; })"
        )
        await page.get_by_role("checkbox", name="eu-disk-quota").check()
        await page.locator("#q").fill("half typ")
        await _fall_silent(place, "eu-web-app-sweep")
        row = page.get_by_role("row").filter(has_text="eu-web-app-sweep")
        await expect(row).to_contain_text("silent", timeout=SOON)
        await expect(page.get_by_role("heading", level=1)).not_to_contain_text("7 checks are down")
        await expect(page.locator("#q")).to_have_value("half typ")
        await expect(page.locator("#q")).to_be_focused()
        assert await page.locator("input:checked").evaluate_all("all => all.map((one) => one.value)") == [
            "eu-disk-quota"
        ]
        assert await page.evaluate("unloaded === false"), "it was not loaded again"


async def test_an_open_body_stays_open_when_a_ping_comes(place: Place, chromium: Browser) -> None:
    async with walking(place, chromium) as walk:
        page = walk.page
        await walk.sign_in()
        await walk.to("/checks/mail-queue")
        await live(page)
        before = await page.locator(".pings > li").nth(1).get_attribute("id")
        await page.locator(f"#{before} summary").click()
        one = await place.system.context.database.read(lambda db: check_store.load(db, "mail-queue"))
        assert one is not None
        answer = await page.request.get(f"{place.url}/ping/{one.uuid}")
        assert answer.ok
        await expect(page.locator("h1 + .sentence")).to_contain_text("Last heard", timeout=SOON)
        assert await page.locator(f"#{before} details").evaluate("one => one.open")


async def test_a_stop_of_the_service_is_said_and_a_stream_does_not_hold_it(
    place: Place, chromium: Browser
) -> None:
    async with walking(place, chromium) as walk:
        await walk.sign_in()
        await live(walk.page)
        place.system.context.live.close()
        await expect(walk.page.locator("#live")).to_have_text("not live: reloads every 30 s")
        walk.faults.clear()  # The browser notes the refusal, which is what was asked for.


async def test_times_are_the_readers_with_utc_beside(place: Place, chromium: Browser) -> None:
    context = await chromium.new_context(timezone_id="Asia/Kathmandu", locale="en-GB")
    page = await context.new_page()
    await page.goto(f"{place.url}/sign-in")
    await page.get_by_label("Admin key").fill(ADMIN_KEY)
    await page.get_by_role("button", name="Sign in").click()
    await page.goto(place.url + place.path("/incidents/{open}"))
    since = page.locator(".sentence time").first
    await expect(since).to_have_text("09:00 GMT+5:45")
    beside = await since.evaluate("one => getComputedStyle(one, '::after').content")
    assert beside in ('" (" "03:15 UTC" ")"', '" (03:15 UTC)"')
    assert await since.get_attribute("title") == "03 May 09:00:00 GMT+5:45, 2026-05-03 03:15:00 UTC"
    await context.close()


async def test_a_line_is_copied(place: Place, chromium: Browser) -> None:
    async with walking(place, chromium) as walk:
        await walk.sign_in()
        await walk.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        await walk.to("/checks/mail-queue")
        await walk.page.get_by_role("button", name="Copy").first.click()
        await expect(walk.page.locator("#said")).to_have_text("Copied")
        copied = await walk.page.evaluate("navigator.clipboard.readText()")
        assert copied.startswith('curl -fsS -m 10 --retry 5 --retry-connrefused "http://127.0.0.1:')
        assert "Copy" not in copied


async def _fall_silent(place: Place, slug: str) -> None:
    """Let a check miss its time: the clock goes on, and somebody looks once."""
    database = place.system.context.database
    one = await database.read(lambda db: check_store.load(db, slug))
    assert one is not None
    assert one.state is State.UP
    at = (deadline.of(one) or place.clock.at) + timedelta(seconds=1)
    place.clock.at = max(place.clock.at, at)
    # Nobody beats in this time, and yet every ping could be heard.
    await database.write(blindness_store.forget_beats)
    await database.write(lambda db: checker.sweep(db, place.clock.at))
    await asyncio.sleep(0)
