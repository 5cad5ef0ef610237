"""Walks through checks: defined, changed and deleted by a form, paused and resumed, one and many; without script."""

from playwright.async_api import Browser, expect

from tests.e2e import office, walk
from tests.e2e.acting import does
from tests.e2e.inspection import faults_of
from tests.e2e.walk import MARKS, NARROW, Place, walking

pytestmark = MARKS
chromium, place = walk.chromium, office.place


@does("/new", "/checks/{slug}/edit", "/checks/{slug}/new-uuid", "/checks/{slug}/delete")
async def test_a_check_is_defined_and_what_was_typed_wrongly_is_kept(place: Place, chromium: Browser) -> None:
    async with walking(place, chromium, script=False, session=place.words["session_anna"]) as walker:
        page = walker.page
        await walker.to("/new")
        await walker.fill(Slug="mail-queue", Grace="soon", Labels="host", Description="Counts\nall of it.")
        await walker.press("Create check")
        await walker.reads("Nothing was saved.")
        await walker.reads("a check called mail-queue exists already")
        await walker.fill(Slug="Weekly Report")
        await walker.press("Create check")
        await expect(page.get_by_label("Slug")).to_have_value("Weekly Report")
        await expect(page.get_by_label("Grace")).to_have_value("soon")
        await expect(page.get_by_label("Description")).to_have_value("Counts\nall of it.")
        assert await faults_of(walker, "new-wrong") == []
        await walker.fill(Slug="weekly-report", Grace="20m", Labels="host=vault-1")
        await page.get_by_role("radio", name="Calendar event").check()
        await page.get_by_role("textbox", name="Calendar event").fill("Mon 06:00")
        await walker.press("Preview")
        await walker.reads("04 May 06:00 UTC")
        assert await faults_of(walker, "new-preview") == []
        await walker.press("Create check")
        await walker.reads("Not heard yet; first due")

        # Somebody else changes it while the form is open.
        await walker.follow("Change")
        async with walking(place, chromium, script=False, session=place.words["session_ivo"]) as other:
            await other.to("/checks/weekly-report/edit")
            await other.fill(Name="The week")
            await other.press("Save")
            await other.reads("The week")
        await walker.fill(Name="Weekly report")
        await walker.press("Save")
        await walker.reads("after you opened the form.")
        await expect(page.get_by_label("Name", exact=True)).to_have_value("Weekly report")
        await walker.press("Save")
        await expect(page.get_by_role("heading", level=1)).to_have_text("Weekly report")

        await walker.follow("Give it a new uuid…")
        await walker.reads("Pings to its old address are refused at once.")
        await walker.press("Give it a new uuid")
        await walker.is_at("/checks/weekly-report#ping")

        await walker.follow("Change")
        await walker.follow("Delete…")
        await walker.follow("Cancel")
        await walker.to("/checks/weekly-report/delete")
        await walker.press("Delete Weekly report")
        await walker.is_at("/checks")
        assert (await walker.to("/checks/weekly-report")).status == 404


@does("/checks/{slug}/rules")
async def test_a_rule_is_tried_and_then_added(place: Place, chromium: Browser) -> None:
    async with walking(place, chromium, script=False, session=place.words["session_anna"]) as walker:
        await walker.to("/checks/nightly-backup/rules")
        await walker.fill(Rule="rows > many")
        await walker.press("Try it")
        await walker.reads("column 8: Write a number or a duration")
        await walker.fill(Rule="duration < 12h")
        await walker.press("Try it")
        await walker.reads("Over the last 90 days")
        assert await faults_of(walker, "rules-tried") == []
        await walker.press("Add this rule")
        await expect(walker.page.get_by_role("listitem").filter(has_text="duration < 12h")).to_be_visible()
        await expect(walker.page.get_by_role("button", name="Add this rule")).to_have_count(0)


@does("/checks/{slug}/pause", "/checks/{slug}/resume")
async def test_one_check_is_paused_and_resumed(place: Place, chromium: Browser) -> None:
    async with walking(place, chromium, script=False, session=place.words["session_ben"]) as walker:
        await walker.to("/checks/search-reindex")
        await walker.follow("Pause…")
        await walker.reads("Nobody is paged for it while it is paused.")
        await walker.press("Pause search-reindex")
        await walker.reads("Paused since 08:41 UTC")
        await walker.press("Resume")
        await expect(walker.page.get_by_role("button", name="Resume")).to_have_count(0)


@does("/checks/{slug}/pause", "/checks/{slug}/resume", "/pause", "/resume")
async def test_checks_are_paused_and_resumed_by_thumb(place: Place, chromium: Browser) -> None:
    async with walking(place, chromium, NARROW, session=place.words["session_ben"]) as walker:
        page = walker.page
        await walker.to("/checks?q=web-app")
        # A box is ticked by its row's beginning, without opening the row.
        for name in ("eu-web-app-sweep", "us-web-app-sweep"):
            await page.get_by_role("checkbox", name=name).tap()
        await page.get_by_role("button", name="Pause…").tap()
        await page.get_by_role("button", name="Pause 2 checks").tap()
        await expect(page.get_by_role("link", name="paused 2")).to_be_visible()
        await page.get_by_role("row").filter(has_text="eu-web-app-sweep").tap()
        await page.get_by_role("button", name="Resume").tap()
        await page.get_by_role("link", name="Pause…").tap()
        await page.get_by_role("button", name="Pause eu-web-app-sweep").tap()
        await walker.reads("Paused since 08:41 UTC")
        await walker.to("/checks?q=web-app")
        for name in ("eu-web-app-sweep", "us-web-app-sweep"):
            await page.get_by_role("checkbox", name=name).tap()
        await page.get_by_role("button", name="Resume…").tap()
        await page.get_by_role("button", name="Resume 2 checks").tap()
        await expect(page.get_by_role("link", name="new 2")).to_be_visible()


@does("/pause", "/resume")
async def test_many_checks_are_paused_and_resumed_without_script(place: Place, chromium: Browser) -> None:
    async with walking(place, chromium, script=False, session=place.words["session_ben"]) as walker:
        page = walker.page
        await walker.to("/checks?q=eu-&label=component%3Dweb")
        assert not await page.get_by_role("button", name="Pause…").is_visible()
        for name in ("eu-session-cleanup", "eu-web-app-sweep"):
            await page.get_by_role("checkbox", name=name).check()
        await walker.press("Pause…")
        await walker.reads("Pause 2 checks?")
        await walker.press("Pause 2 checks")
        await walker.is_at("/checks?q=eu-&label=component%3Dweb")
        await expect(page.get_by_role("link", name="paused 2")).to_be_visible()
        for name in ("eu-session-cleanup", "eu-web-app-sweep"):
            await page.get_by_role("checkbox", name=name).check()
        await walker.press("Resume…")
        await walker.press("Resume 2 checks")
        await expect(page.get_by_role("link", name="new 2")).to_be_visible()
