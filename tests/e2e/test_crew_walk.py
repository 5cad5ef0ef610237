"""Walks through rotations, teams and channels in a real browser, without a line of script, on a phone."""

from datetime import timedelta

import httpx
from playwright.async_api import Browser, expect

from alerting import desk, escalator
from heartbeat.checks import store as check_store
from heartbeat.checks import symptoms
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


@does(
    "/on-call/new-person",
    "/on-call/new-rotation",
    "/on-call/new-team",
    "/on-call/new-channel",
    "/on-call/new-policy",
    "/new",
)
async def test_an_incident_pages_those_whom_the_console_alone_has_defined(
    place: Place, chromium: Browser
) -> None:
    async with walking(place, chromium, NARROW, script=False) as walk:
        page = walk.page
        await walk.sign_in()
        for noun, slug, name in (("person", "anna", "Anna"), ("channel", "room", "Ops room")):
            await walk.to(f"/on-call/new-{noun}")
            await walk.fill(Slug=slug, Name=name)
            await page.get_by_label("Contact 1: notifier").select_option("ntfy")
            await page.get_by_label("Contact 1: address").fill(f"https://ntfy.example.com/{slug}")
            await walk.press(f"Add the {noun}")
        await walk.to("/on-call/new-rotation")
        await walk.fill(Slug="infra")
        await page.get_by_label("Layer 1, person 1").select_option("anna")
        await page.get_by_text("Only at some times").click()
        await page.get_by_role("checkbox", name="Sun").check()
        await page.get_by_role("button", name="Another layer").click()
        await page.get_by_label("Layer 2, person 1").select_option("first")
        await walk.press("Add the rotation")
        await walk.reads("infra: Anna until 04 May 00:00 UTC, then First responder.")
        await walk.to("/on-call/new-team")
        await walk.fill(Slug="everybody")
        for name in ("First responder", "Second responder"):
            await page.get_by_role("checkbox", name=name).check()
        await walk.press("Add the team")

        await walk.to("/on-call/new-policy")
        await walk.fill(Slug="house")
        for _ in range(2):
            await page.get_by_role("button", name="Another step").click()
        steps = [page.get_by_role("group", name=f"Step {number}", exact=True) for number in (1, 2, 3)]
        await steps[0].get_by_role("checkbox", name="Second responder by").check()
        await steps[0].get_by_text("Only for some incidents").click()
        await steps[0].get_by_role("checkbox", name="warning").check()
        await steps[1].get_by_role("checkbox", name="infra").check()
        await steps[1].get_by_role("checkbox", name="Ops room").check()
        await steps[1].get_by_text("Only for some incidents").click()
        await steps[1].get_by_role("checkbox", name="critical").check()
        await steps[1].get_by_role("checkbox", name="Sun").check()
        await steps[1].get_by_label("Hours").fill("9 to 5")
        await steps[2].get_by_role("checkbox", name="everybody").check()
        await walk.press("Add the policy")
        await walk.reads("Step 2, hours: '9 to 5' are no hours")
        assert await faults_of(walk, "on-call-policy-refused") == []
        await page.get_by_label("Hours").nth(1).fill("08:00-18:00")
        await page.get_by_role("button", name="Preview").click()
        await expect(page.locator("#preview")).to_contain_text("If it is warning")
        assert await faults_of(walk, "on-call-policy-preview") == []
        await walk.press("Add the policy")
        await walk.reads("only critical, sun 08:00-18:00 UTC")

        await walk.to("/new")
        await walk.fill(Slug="payroll")
        await page.get_by_role("textbox", name="Interval").fill("1h")
        await page.get_by_label("Severity").select_option("critical")
        await page.get_by_label("Policy").select_option("house")
        await walk.press("Create check")
        number = await _fail(place, "payroll")
        await walk.to(f"/incidents/{number}")
        story = page.locator(".story")
        await expect(story).to_contain_text("Anna")
        await expect(story).to_contain_text("Ops room")
        assert await story.get_by_text("Second responder").count() == 0, "that step is for warnings"
        assert await story.get_by_text("First responder").count() == 0, "it is Sunday: Anna's layer decides"
        await _later(place, timedelta(minutes=6))
        await walk.to(f"/incidents/{number}")
        for name in ("First responder", "Second responder"):
            await expect(story).to_contain_text(name)


async def _fail(place: Place, slug: str) -> int:
    """Let a job fail, and let its incident gather and page."""
    database = place.system.context.database
    job = await database.read(lambda db: check_store.load(db, slug))
    assert job is not None
    async with httpx.AsyncClient() as client:
        assert (await client.post(f"{place.url}/ping/{job.uuid}/fail")).is_success
    await _later(place, timedelta(minutes=2))
    key = symptoms.key_of(job)
    return (await database.read(lambda db: desk.incident_of(db, [key])))[key]


async def _later(place: Place, later: timedelta) -> None:
    """Let time pass, and let the escalator page what is due then."""
    place.clock.at += later
    await place.system.context.database.write(lambda db: escalator.sweep(db, place.clock.at))
    await place.system.courier.dispatch()
    await place.system.courier.settle(5.0)


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


@does("/on-call/catch-all/edit", "/on-call/catch-all/delete")
async def test_the_catch_all_is_chosen_changed_and_goes_without_script(
    place: Place, chromium: Browser
) -> None:
    async with walking(place, chromium, NARROW, script=False) as walk:
        page = walk.page
        await walk.sign_in()
        await walk.to("/on-call")
        await walk.reads("pages go only to the terminal of the service.")
        await walk.follow("Choose a catch-all")
        await walk.press("Save")
        await walk.reads("Whom it pages: needs at least one, such as anna.")
        assert await faults_of(walk, "on-call-catch-all-refused") == []
        await page.get_by_role("checkbox", name="First responder").check()
        await walk.press("Save")
        await walk.is_at("/on-call/catch-all")
        await walk.reads("If nobody of a policy can be reached, pages go to First responder.")
        await walk.follow("Change")
        await page.get_by_role("checkbox", name="Second responder").check()
        await walk.press("Save")
        await walk.reads("pages go to First responder and Second responder.")
        await walk.follow("Delete…")
        await walk.press("Delete the catch-all")
        await walk.is_at("/on-call")
        await walk.reads("pages go only to the terminal of the service.")


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
