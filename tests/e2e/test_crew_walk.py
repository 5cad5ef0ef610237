"""Walks through rotations, teams and channels in a real browser, without a line of script, on a phone."""

from playwright.async_api import Browser, expect

from tests.e2e import walk as walks
from tests.e2e.acting import does
from tests.e2e.inspection import faults_of
from tests.e2e.walk import MARKS, NARROW, Place, walking

pytestmark = MARKS

chromium, place = walks.chromium, walks.place


@does(
    "/on-call/new-rotation",
    "/on-call/rotations/{name}/edit",
    "/on-call/rotations/{name}/delete",
)
async def test_a_rotation_with_two_layers_is_made_changed_and_goes_without_script(
    place: Place, chromium: Browser
) -> None:
    async with walking(place, chromium, NARROW, script=False) as walk:
        page = walk.page
        await walk.sign_in()
        await walk.to("/on-call")
        await walk.follow("New rotation")
        await walk.fill(Slug="web")
        await page.get_by_label("Time zone").fill("Europe/Berlin")
        await page.get_by_label("Layer 1, person 1").select_option("first")
        await page.get_by_label("Layer 1, person 2").select_option("second")
        await page.get_by_role("button", name="Layer 1: move person 2 up").click()
        await expect(page.get_by_label("Layer 1, person 1")).to_have_value("second")
        await page.get_by_role("button", name="Another layer").click()
        second = page.get_by_role("group", name="Layer 2", exact=True)
        await second.get_by_label("Layer 2, person 1").select_option("first")
        await second.get_by_label("Each shift").fill("often")
        await second.get_by_text("Only at some times").click()
        await second.get_by_role("checkbox", name="Sat").check()
        await second.get_by_label("Hours").fill("22:00-06:00")
        await page.get_by_role("button", name="Move layer 2 up").click()
        await walk.press("Add the rotation")
        await walk.reads("Layer 1, length of a shift: 'often' is no length of a shift")
        assert await faults_of(walk, "on-call-rotation-refused") == []
        await page.get_by_label("Each shift").first.fill("daily")
        await page.get_by_role("button", name="Preview").click()
        await expect(page.locator("#preview")).to_contain_text("Somebody is always on call.")
        assert await faults_of(walk, "on-call-rotation-preview") == []
        await walk.press("Add the rotation")
        await walk.reads("First responder, 1d each from 2026-04-27 09:00, only sat 22:00-06:00")
        await walk.reads("Second responder, First responder, 1w each from 2026-04-27 09:00")

        await walk.follow("Change")
        await page.get_by_role("button", name="Remove layer 2").click()
        await expect(page.locator("#preview")).to_contain_text("Nobody is on call")
        await page.get_by_role("button", name="Save").last.click()
        await walk.is_at("/on-call/rotations/web")
        assert await page.get_by_text("Second responder, First responder, 1w").count() == 0
        await walk.follow("Delete…")
        await walk.press("Delete web")
        await walk.is_at("/on-call")


async def test_a_rotation_shows_who_would_be_on_call_while_one_types(place: Place, chromium: Browser) -> None:
    async with walking(place, chromium) as walk:
        page = walk.page
        await walk.sign_in()
        await walk.to("/on-call/new-rotation")
        await page.get_by_label("Layer 1, person 1").select_option("second")
        preview = page.locator("#preview")
        await expect(preview).to_contain_text("Second responder from now on")
        await page.get_by_label("Each shift").fill("weakly")
        await expect(preview).to_contain_text("Layer 1, length of a shift: 'weakly' is no length of a shift")


@does(
    "/on-call/new-team",
    "/on-call/teams/{name}/edit",
    "/on-call/teams/{name}/delete",
)
async def test_a_team_is_made_changed_and_goes_without_script(place: Place, chromium: Browser) -> None:
    async with walking(place, chromium, NARROW, script=False) as walk:
        page = walk.page
        await walk.sign_in()
        await walk.to("/on-call")
        await walk.follow("New team")
        await walk.fill(Slug="first")
        await page.get_by_role("checkbox", name="First responder").check()
        await walk.press("Add the team")
        await walk.reads("Nothing was saved.")
        assert await faults_of(walk, "on-call-team-refused") == []
        await page.get_by_role("link", name="there is a person of this name").click()
        await page.get_by_label("Slug").fill("web")
        await expect(page.get_by_role("checkbox", name="First responder")).to_be_checked()
        await walk.press("Add the team")
        await walk.reads("No policy pages this team.")
        await walk.follow("Change")
        await page.get_by_role("checkbox", name="Second responder").check()
        await page.get_by_role("button", name="Save").last.click()
        await walk.reads("Second responder")
        await walk.follow("Delete…")
        await walk.press("Delete web")
        await walk.is_at("/on-call")


@does(
    "/on-call/new-channel",
    "/on-call/channels/{name}/edit",
    "/on-call/channels/{name}/delete",
    "/on-call/new-policy",
)
async def test_a_channel_is_made_and_stays_while_a_policy_pages_it_without_script(
    place: Place, chromium: Browser
) -> None:
    async with walking(place, chromium, NARROW, script=False) as walk:
        page = walk.page
        await walk.sign_in()
        await walk.to("/on-call")
        await walk.follow("New channel")
        await walk.fill(Slug="room", Name="Ops room")
        await page.get_by_label("Contact 1: notifier").select_option("ntfy")
        await page.get_by_label("Contact 1: address").fill("nowhere")
        await walk.press("Add the channel")
        await walk.reads("Nothing was saved.")
        assert await faults_of(walk, "on-call-channel-refused") == []
        await page.get_by_label("Contact 1: address").fill("https://ntfy.example.com/room")
        await walk.press("Add the channel")
        await walk.reads("No policy pages this channel, through ntfy.")
        await walk.follow("Change")
        await page.get_by_label("Name").fill("The room")
        await page.get_by_role("button", name="Save").last.click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("The room")

        await walk.to("/on-call/new-policy")
        await walk.fill(Slug="loud")
        await page.get_by_role("checkbox", name="The room").check()
        await walk.press("Add the policy")
        await walk.to("/on-call/channels/room/delete")
        await walk.press("Delete The room")
        await walk.reads("Policy loud pages room: take room out of it first.")
        await walk.to("/on-call/policies/loud/delete")
        await walk.press("Delete loud")
        await walk.to("/on-call/channels/room/delete")
        await walk.press("Delete The room")
        await walk.is_at("/on-call")
