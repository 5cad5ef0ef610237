"""Walks through who is on call in a real browser: every page in light and dark, wide and on a phone, without script."""

from datetime import datetime, timedelta

from playwright.async_api import Browser, expect
from sqlalchemy import Connection

from alerting import desk
from alerting.origin import Origin
from alerting.rotation import Layer, Length, Rotation
from tests.e2e import walk as walks
from tests.e2e.acting import does
from tests.e2e.fleet import NOW
from tests.e2e.inspection import faults_of
from tests.e2e.walk import MARKS, NARROW, Place, walking

pytestmark = MARKS

chromium, place = walks.chromium, walks.place


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


@does(
    "/on-call/new-person",
    "/on-call/people/{name}/edit",
    "/on-call/new-policy",
    "/on-call/policies/{name}/default",
)
async def test_somebody_is_added_and_paged_by_a_policy_without_script(
    place: Place, chromium: Browser
) -> None:
    async with walking(place, chromium, NARROW, script=False) as walk:
        page = walk.page
        await walk.sign_in()
        await page.get_by_role("link", name="On call").click()
        await page.get_by_role("link", name="New person").click()
        await page.get_by_label("Slug").fill("anna")
        await page.get_by_label("Name").fill("Anna")
        await page.get_by_label("Time zone").fill("Europe/Berlin")
        await page.get_by_label("Contact 1: notifier").select_option("ntfy")
        await page.get_by_label("Contact 1: address").fill("nowhere")
        await page.get_by_role("button", name="Another contact").click()
        await page.get_by_label("Contact 2: notifier").select_option("slack")
        await page.get_by_label("Contact 2: address").fill("https://hooks.slack.com/services/T0/B0/X")
        await page.get_by_role("button", name="Move contact 2 up").click()
        await expect(page.get_by_label("Contact 2: address")).to_have_value("nowhere")
        await page.get_by_role("button", name="Add the person").click()
        await walk.reads("Nothing was saved.")
        await page.get_by_label("Contact 2: address").fill("https://ntfy.example.com/anna")
        await page.get_by_label("Contact 2: address").press("Enter")
        await walk.reads("No policy pages them. They can be reached through slack, then ntfy.")
        await walk.reads("Their local time is 10:41 CEST.")

        await page.get_by_role("link", name="Change").click()
        assert "services/T0/B0" not in await page.content()
        await page.get_by_role("button", name="Remove contact 2").click()
        await page.get_by_role("button", name="Save").last.click()
        await walk.reads("No policy pages them. They can be reached through slack. Their local time is")

        await page.get_by_role("link", name="On call").first.click()
        await page.get_by_role("link", name="New policy").click()
        await page.get_by_label("Slug").fill("night")
        await page.get_by_role("checkbox", name="Anna").check()
        await page.get_by_role("button", name="Another step").click()
        await (
            page.get_by_role("group", name="Step 2", exact=True)
            .get_by_role("checkbox", name="First responder")
            .check()
        )
        await page.get_by_label("Next step after").fill("10m")
        await page.get_by_role("button", name="Preview").click()
        await expect(page.locator("#preview")).to_contain_text("step 2 First responder by ntfy")
        await page.get_by_role("button", name="Add the policy").click()
        await walk.reads("Anna is paged first. 0 checks use this policy.")
        await page.get_by_role("link", name="Make it the default…").click()
        await page.get_by_role("button", name="Make night the default").click()
        await walk.reads("Anna is paged first, also for checks that name no policy.")
        await page.get_by_role("link", name="On call").first.click()
        await walk.reads("Anna is on call.")


@does(
    "/on-call/rotations/{name}/override",
    "/on-call/rotations/{name}/overrides/{number:int}/delete",
    "/on-call/rotations/{name}/swap",
    "/on-call/rotations/{name}/swaps/{number:int}/accept",
    "/on-call/rotations/{name}/swaps/{number:int}/decline",
    "/on-call/rotations/{name}/leave",
)
async def test_shifts_are_given_swapped_and_left_without_script(place: Place, chromium: Browser) -> None:
    turns = Layer(("first", "second"), Length.parse("1d"), datetime.fromisoformat("2024-01-01T09:00"))
    infra = Rotation("infra", "Europe/Berlin", (turns,), Origin.API)
    await place.system.context.database.write(lambda db: desk.define_rotation(db, infra))
    async with walking(place, chromium, NARROW, script=False) as walk:
        page = walk.page
        await walk.sign_in()
        await walk.to("/on-call")
        await walk.follow("infra")
        await walk.reads("All times here are on the clock of Europe/Berlin. No policy pages this rotation.")
        await page.get_by_role("button", name="Give the shift").first.click()
        await walk.reads("responder in place of")
        await page.get_by_role("button", name="Delete: ").first.click()
        assert await page.get_by_text("responder in place of").count() == 0

        for verb in ("Decline", "Accept"):
            await page.get_by_text("Swap two shifts").click()
            await page.get_by_label("This shift").select_option(index=0)
            await page.get_by_label("for that one").select_option(index=1)
            await walk.press("Propose")
            await page.get_by_role("button", name=f"{verb}: ").click()
        await walk.reads("responder in place of")

        await page.get_by_text("Leave", exact=True).click()
        await page.get_by_label("Who is away").select_option("second")
        await page.locator("#leave-starts").fill("2099-01-01T00:00")
        await page.locator("#leave-ends").fill("2099-01-02T00:00")
        await walk.press("Enter the leave")
        await walk.reads("Second responder is on leave")


@does(
    "/on-call/new-person",
    "/on-call/people/{name}/delete",
    "/on-call/new-policy",
    "/on-call/policies/{name}/edit",
    "/on-call/policies/{name}/delete",
)
async def test_a_policy_is_changed_and_goes_and_then_its_person_without_script(
    place: Place, chromium: Browser
) -> None:
    async with walking(place, chromium, script=False) as walk:
        page = walk.page
        await walk.sign_in()
        await walk.to("/on-call/new-person")
        await walk.fill(Slug="olga", Name="Olga")
        await page.get_by_label("Contact 1: notifier").select_option("ntfy")
        await page.get_by_label("Contact 1: address").fill("https://ntfy.example.com/olga")
        await walk.press("Add the person")
        await walk.reads("No policy pages them. They can be reached through ntfy.")
        await walk.to("/on-call/new-policy")
        await walk.fill(Slug="night")
        await page.get_by_role("checkbox", name="Olga").check()
        await walk.press("Add the policy")
        await walk.reads("Olga is paged first.")
        await walk.follow("Change")
        await page.get_by_role("checkbox", name="First responder").check()
        await page.get_by_role("button", name="Save").last.click()
        await walk.reads("First responder and Olga are paged first.")

        await walk.to("/on-call/people/olga/delete")
        await walk.press("Delete Olga")
        await walk.reads("night")
        assert (await walk.to("/on-call/people/olga")).ok, "a policy pages her"
        await walk.to("/on-call/policies/night")
        await walk.follow("Delete…")
        await walk.press("Delete night")
        await walk.is_at("/on-call")
        await walk.follow("Olga")
        await walk.follow("Delete…")
        await walk.press("Delete Olga")
        await walk.is_at("/on-call")
        assert await page.get_by_text("Olga").count() == 0


@does("/on-call/new-rotation", "/on-call/rotations/{name}/edit")
async def test_a_rotation_follows_a_calendar_and_says_what_is_wrong_with_it_without_script(
    place: Place, chromium: Browser
) -> None:
    def read_long_ago(db: Connection) -> None:
        mark = desk.rotations(db)["web"].calendars[0].mark
        desk.imported_calendars.begin(db, "web", mark, None, NOW)
        desk.imported_calendars.succeeded(db, "web", mark, [], NOW - timedelta(hours=3))
        fault = "cannot be fetched: calendar.example.com answered 404 Not Found"
        desk.imported_calendars.failed(db, "web", mark, fault, NOW)
        desk.imported_calendars.book(db, "web", mark, [], ["Max Muster", "duty@example.com"])

    async with walking(place, chromium, NARROW, script=False) as walk:
        page = walk.page
        await walk.sign_in()
        await walk.to("/on-call/new-rotation")
        await walk.fill(Slug="web")
        await walk.press("A layer from a calendar")
        await walk.press("Remove layer 1")
        await page.get_by_label("Address of the calendar (iCal)").fill("calendar")
        await walk.press("Add the rotation")
        await walk.reads("must be the address of a calendar")
        assert await faults_of(walk, "rotation-calendar-wrong") == []
        await page.get_by_label("Address of the calendar (iCal)").fill("https://192.0.43.8/hush.ics")
        await walk.press("Add the rotation")
        await walk.reads("The calendar has not been read yet. Until then, it has nobody on call.")
        await place.system.context.database.write(read_long_ago)
        await walk.to("/on-call/rotations/web")
        await walk.reads("answered 404 Not Found. Its copy, read 3 h ago, is used.")
        await walk.reads("names people who are not known here: 'Max Muster' and 'duty@example.com'.")
        assert await faults_of(walk, "rotation-calendar-failing") == []
        await walk.to("/on-call/rotations/web/edit")
        await walk.reads("Leave it empty to keep the one that is stored.")
        assert "hush" not in await page.content()
        await page.get_by_role("button", name="Save").last.click()
        await walk.reads("Its copy, read 3 h ago, is used.")


async def test_a_policy_shows_whom_it_would_page_while_one_ticks(place: Place, chromium: Browser) -> None:
    async with walking(place, chromium) as walk:
        page = walk.page
        await walk.sign_in()
        await walk.to("/on-call/new-policy")
        await page.get_by_role("checkbox", name="Second responder").check()
        preview = page.locator("#preview")
        await expect(preview).to_contain_text("step 1 again, and so on")
        await page.get_by_label("Pages them again after").fill("9d")
        await expect(preview).to_contain_text("Step 1, how long to wait: '9d' is out of range")


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
