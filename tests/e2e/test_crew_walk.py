"""Walks through teams and channels in a real browser, without a line of script, on a phone."""

from playwright.async_api import Browser, expect

from tests.e2e import walk as walks
from tests.e2e.acting import does
from tests.e2e.inspection import faults_of
from tests.e2e.walk import MARKS, NARROW, Place, walking

pytestmark = MARKS

chromium, place = walks.chromium, walks.place


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
