"""Walks through maintenance in a real browser: made from a check without script, from ticked rows with it, in the
reader's zone, changed, ended early, deleted.
"""

import re
from datetime import timedelta

from playwright.async_api import Browser, expect

from heartbeat.checks import maintenance_store
from heartbeat.checks.maintenance import WindowDefinition
from heartbeat.definitions.edit import maintenance as edit
from tests.e2e import walk as walks
from tests.e2e.acting import does
from tests.e2e.service import ADMIN_KEY
from tests.e2e.walk import MARKS, NARROW, Place, walking
from tests.unit.conftest import somebody

pytestmark = MARKS

chromium, place = walks.chromium, walks.place


async def arrange(place: Place) -> None:
    """A window that is active, one that is to come, one that is over."""
    now, anna = place.clock.now(), somebody("anna")

    async def one(title: str, match: dict[str, str], begins: float, ends: float) -> int:
        wanted = WindowDefinition(
            title, "", match, now + timedelta(hours=begins), now + timedelta(hours=ends)
        )
        made = await place.system.context.database.write(lambda db: edit.make(db, anna, wanted, now))
        return made.window.id

    place.words["active"] = await one("Kernel update", {"component": "web"}, -1, 1.4)
    place.words["upcoming"] = await one("Database move", {"region": "eu"}, 16, 20)
    place.words["past"] = await one("Disk replaced", {"region": "us"}, -30, -27)


@does("/maintenance/new", "/maintenance/{number:int}/edit", "/maintenance/{number:int}/end")
async def test_a_window_is_made_from_a_check_and_ended_without_script(
    place: Place, chromium: Browser
) -> None:
    async with walking(place, chromium, NARROW, script=False) as walk:
        page = walk.page
        await walk.sign_in()
        await walk.to("/checks/eu-web-app-sweep")
        await page.get_by_role("link", name="Maintenance…").click()
        await walk.reads("It covers 3 checks now")
        await page.get_by_role("radio", name="now, for 2 h").check()
        await page.get_by_role("checkbox", name="component web").uncheck()
        await page.get_by_role("button", name="Preview").click()
        await walk.reads("It covers 11 checks now")
        await walk.reads("10 of them were not chosen, but have the same labels.")
        await page.get_by_label("Title").fill("Kernel update")
        await page.get_by_role("button", name="Create window").click()
        await walk.reads("Nobody is paged for 11 checks until 10:41 UTC, for 2 h more.")

        await page.get_by_role("link", name="eu-web-app-sweep").click()
        await walk.reads("Under maintenance until 10:41 UTC")
        await page.get_by_role("link", name="Kernel update").click()
        await page.get_by_role("link", name="Change").click()
        await page.get_by_role("radio", name="in 30 min").check()
        await page.get_by_role("button", name="Save").click()
        await walk.reads("until 09:11 UTC, for 30 min more.")
        await page.get_by_role("link", name="End now…").click()
        await page.get_by_role("button", name="End Kernel update").click()
        await walk.reads("Began at 08:41 UTC and ended at 08:41 UTC")
        await page.get_by_role("link", name="Repeat…").click()
        await expect(page.get_by_label("Title")).to_have_value("Kernel update")


@does("/maintenance/new", "/maintenance/{number:int}/delete")
async def test_what_is_wrong_is_put_right_without_script(place: Place, chromium: Browser) -> None:
    async with walking(place, chromium, script=False) as walk:
        page = walk.page
        await walk.sign_in()
        await page.get_by_role("link", name="Maintenance", exact=True).click()
        await page.get_by_role("link", name="New maintenance").click()
        await page.get_by_label("Label", exact=True).fill("region")
        await page.get_by_label("Title").fill("Move")
        await page.get_by_role("button", name="Create window").click()
        await walk.reads("Labels: 'region' is not a label; write it as name=value.")
        await expect(page.get_by_label("Title")).to_have_value("Move")
        await page.get_by_label("Label", exact=True).fill("region=eu")
        await page.get_by_role("radio", name="at other times").check()
        await page.get_by_role("button", name="Create window").click()
        await walk.reads("Until: is empty; enter a time, or choose a length.")
        await page.get_by_label("From", exact=True).fill("2026-05-04T02:00")
        await page.get_by_label("Until", exact=True).fill("2026-05-04T06:00")
        await page.get_by_label("Time zone").fill("Europe/Berlin")
        await page.get_by_role("button", name="Create window").click()
        await walk.reads(
            "Begins at 04 May 00:00 UTC, in 15 h 18 min, and ends at 04 May 04:00 UTC, after 4 h."
        )
        await page.get_by_role("link", name="Delete…").click()
        await page.get_by_role("button", name="Delete Move").click()
        await walk.reads("No window is planned.")


async def test_ticked_rows_are_put_under_maintenance_while_one_watches(
    place: Place, chromium: Browser
) -> None:
    async with walking(place, chromium) as walk:
        page = walk.page
        await walk.sign_in()
        await walk.to("/checks?q=web-app")
        for name in ("eu-web-app-sweep", "us-web-app-sweep"):
            await page.get_by_role("checkbox", name=name).check()
        await page.get_by_role("button", name="Maintenance…").click()
        await walk.reads("Maintenance of 2 checks")
        await walk.reads("It covers 6 checks now")
        preview = page.locator("#preview")
        await expect(page.get_by_label("From", exact=True)).not_to_be_visible()
        await page.get_by_text("now, for 4 h").click()
        await expect(preview).to_contain_text("12:41 UTC: 4 h.")
        await page.get_by_role("checkbox", name="component web").uncheck()
        await expect(preview).to_contain_text("These checks have no label in common.")
        await page.get_by_role("checkbox", name="component web").check()
        await page.get_by_text("at other times").click()
        await page.get_by_label("Until", exact=True).fill("2026-05-03T10:00")
        await expect(preview).to_contain_text("10:00 UTC: 1 h 18 min.")
        await page.get_by_role("button", name="Create window").click()
        await walk.reads("Nobody is paged for 6 checks until 10:00 UTC")
        await page.get_by_role("link", name="Checks", exact=True).click()
        row = page.get_by_role("row").filter(has_text="eu-web-app-sweep")
        await expect(row).to_contain_text(re.compile("maintenance .+ until 10:00 UTC"))


async def test_clock_times_of_the_form_are_the_readers(place: Place, chromium: Browser) -> None:
    await arrange(place)
    context = await chromium.new_context(timezone_id="America/New_York", locale="en-GB")
    page = await context.new_page()
    await page.goto(f"{place.url}/sign-in")
    await page.get_by_label("Admin key").fill(ADMIN_KEY)
    await page.get_by_role("button", name="Sign in").click()
    await page.goto(place.url + place.path("/maintenance/{upcoming}/edit"))
    await expect(page.get_by_label("Time zone")).to_have_value("America/New_York")
    await expect(page.get_by_label("From", exact=True)).to_have_value("2026-05-03T20:41")
    await page.get_by_role("button", name="Save").click()
    await expect(page.locator(".sentence time").first).to_have_text(re.compile(r"20:41 GMT-4"))
    found = await place.system.context.database.read(
        lambda db: maintenance_store.load(db, place.words["upcoming"], place.clock.at)
    )
    assert found is not None
    assert found.starts_at == place.clock.now() + timedelta(hours=16), "to the second"
    await context.close()
