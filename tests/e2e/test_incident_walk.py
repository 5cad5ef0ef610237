"""Walks through answering an incident: on the console without script, by thumb on a phone, and too late."""

import re
from datetime import timedelta

from playwright.async_api import Browser, expect
from sqlalchemy import Connection

from alerting import escalator
from heartbeat.checks import actions
from tests.e2e import office, walk
from tests.e2e.acting import does
from tests.e2e.fleet import NOW
from tests.e2e.inspection import faults_of
from tests.e2e.walk import MARKS, NARROW, Place, walking
from tests.unit.conftest import somebody

pytestmark = MARKS
chromium, place = walk.chromium, office.place

ACKNOWLEDGE, NOTE, SNOOZE, RESOLVE, PAGE_NEXT = (
    f"/incidents/{{number:int}}/{deed}" for deed in ("acknowledge", "note", "snooze", "resolve", "page-next")
)
TAKE_OVER, UNACKNOWLEDGE, REASSIGN = (
    f"/incidents/{{number:int}}/{deed}" for deed in ("take-over", "unacknowledge", "reassign")
)
MERGE, SPLIT = (f"/incidents/{{number:int}}/{deed}" for deed in ("merge", "split"))
ANSWER = "/incidents/answer"


@does(ACKNOWLEDGE, NOTE, SNOOZE, RESOLVE, PAGE_NEXT)
async def test_an_incident_is_answered_without_script(place: Place, chromium: Browser) -> None:
    async with walking(place, chromium, script=False, session=place.words["session_ben"]) as walker:
        await walker.to("/")
        await walker.follow("us-housekeeping")
        await walker.press("Acknowledge")
        await walker.reads("Acknowledged by ben at 08:41 UTC")
        assert await walker.page.get_by_role("button", name="Acknowledge", exact=True).count() == 0

        await walker.fill(Note="   ")
        await walker.press("Add note")
        await walker.reads("A note needs at least one word")
        assert await faults_of(walker, "note-wrong") == []
        await walker.page.go_back()
        await walker.fill(Note="The data centre is on it.\nThey call back at ten.")
        await walker.press("Add note")
        await walker.reads("The data centre is on it.")

        await walker.press("Snooze 1 h")
        await walker.reads("Snoozed by ben; pages again at 09:41 UTC")
        await walker.press("Snooze 4 h")
        await walker.reads("Snoozed by ben; pages again at 12:41 UTC")
        await walker.press("Snooze until 09:00 UTC")
        await walker.reads("Snoozed by ben; pages again at 09:00 UTC")
        assert await faults_of(walker, "incident-answered") == []
        await walker.page.get_by_role("button", name=re.compile("^Page .+ now$")).click()
        await walker.reads("ben asked to page the next person now")
        await walker.follow("Resolve…")
        await walker.follow("Cancel")
        await walker.follow("Resolve…")
        await walker.reads("Paging stops, and everybody who was paged gets a message.")
        await walker.press("Resolve incident {open}".format(**place.words))
        await walker.reads("Resolved by ben at 08:41 UTC")
        assert await walker.page.get_by_role("link", name="Resolve…").count() == 0


@does(TAKE_OVER, UNACKNOWLEDGE, REASSIGN, ANSWER)
async def test_incidents_change_hands_without_script(place: Place, chromium: Browser) -> None:
    async with walking(place, chromium, script=False, session=place.words["session_ben"]) as walker:
        await walker.to("/incidents")
        for row in await walker.page.locator(".picks tbody input").all():
            await row.check()
        assert await faults_of(walker, "incidents-ticked") == []
        await walker.press("Take over")
        await walker.reads("acknowledged by ben until")
        assert await faults_of(walker, "incidents-answered") == []
        await walker.to("/incidents/{open}")
        await walker.press("Unacknowledge")
        await walker.reads("ben withdrew the acknowledgement")
        await walker.follow("Reassign…")
        await walker.fill(**{"Reassign to": "nobody"})
        await walker.press("Reassign")
        await walker.reads("Nobody can be paged as nobody")
        assert await faults_of(walker, "reassign-wrong") == []
        await walker.page.go_back()
        await walker.fill(**{"Reassign to": "first"})
        await walker.press("Reassign")
        await walker.reads("ben reassigned it to First responder")
        await place.system.context.database.write(lambda db: _acknowledge(db, place))
        await walker.to("/incidents/{open}")
        await walker.press("Take over")
        await walker.reads("acknowledged by ben, who took over from anna")


@does(MERGE, SPLIT)
async def test_incidents_are_split_and_merged_without_script(place: Place, chromium: Browser) -> None:
    async with walking(place, chromium, script=False, session=place.words["session_ben"]) as walker:
        await walker.to("/incidents/{open}")
        await walker.follow("Split…")
        await walker.press("Split")
        await walker.reads("Split off: tick at least one job. Nothing was changed.")
        assert await faults_of(walker, "split-wrong") == []
        await walker.page.get_by_role("checkbox").first.check()
        await walker.press("Split")
        await walker.reads("split from incident {open} by ben".format(**place.words))
        await walker.follow("Merge…")
        await walker.page.get_by_role("radio", name=f"{place.words['open']}:").check()
        await walker.press("Merge")
        await walker.reads("was merged into this one by ben")


@does(ACKNOWLEDGE, NOTE, SNOOZE)
async def test_an_incident_is_answered_by_thumb(place: Place, chromium: Browser) -> None:
    async with walking(place, chromium, NARROW, session=place.words["session_ben"]) as walker:
        page = walker.page
        await walker.to("/")
        # The whole row can be pressed, not only the name in it.
        await page.get_by_role("row").filter(has_text="us-housekeeping").first.tap(position={"x": 8, "y": 60})
        await page.wait_for_url("**/incidents/*")
        for name in ("Acknowledge", "Snooze 1 h"):
            button = page.get_by_role("button", name=name)
            box = await button.bounding_box()
            assert box is not None
            assert box["height"] >= 44
            await button.tap()
            await expect(page.locator("h1 + .sentence")).to_contain_text("by ben")
        await page.get_by_label("Note").tap()
        await page.keyboard.type("I drive there.")
        await page.get_by_role("button", name="Add note").tap()
        await expect(page.locator(".story > li").first).to_contain_text("I drive there.")


@does("/answer/{token}")
async def test_the_link_of_a_page_answers_and_says_what_has_become_of_it(
    place: Place, chromium: Browser
) -> None:
    async with walking(place, chromium, NARROW, script=False) as walker:
        await walker.to("/answer/{answer}")
        await walker.page.get_by_role("button", name="Acknowledge").tap()
        await walker.reads("You have it until 12:41 UTC.")
        assert await faults_of(walker, "answer-given") == []
        await walker.page.get_by_text("Add a note").tap()
        await walker.fill(Note="I am on it.")
        await walker.press("Add note")
        await walker.reads("I am on it.")
        await walker.press("Snooze 1 h")
        await walker.reads("Snoozed by First responder; pages again at 09:41 UTC")
        await walker.page.get_by_text("Resolve incident").first.tap()
        await walker.reads("Each is expected again from now on")
        await walker.page.get_by_role("link", name="Open incident").tap()
        await walker.reads("Sign in")


@does(ACKNOWLEDGE)
async def test_what_has_moved_on_is_not_acknowledged_by_an_old_page(place: Place, chromium: Browser) -> None:
    async with walking(place, chromium, script=False, session=place.words["session_ben"]) as walker:
        await walker.to("/incidents/{open}")
        place.clock.at = NOW + timedelta(hours=5)
        await place.system.context.database.write(lambda db: _page_again(db, place))
        await walker.press("Acknowledge")
        await walker.reads("has paged again since you opened it, so nothing was changed.")
        assert await faults_of(walker, "incident-moved-on") == []
        await walker.to("/incidents/{open}")
        await walker.press("Acknowledge")
        await walker.reads("Acknowledged by ben at 13:41 UTC")


def _page_again(db: Connection, place: Place) -> None:
    """Somebody has acknowledged it meanwhile, and that is over."""
    actions.acknowledge(db, place.words["open"], somebody("anna"), NOW)
    escalator.sweep(db, place.clock.at)


def _acknowledge(db: Connection, place: Place) -> None:
    actions.acknowledge(db, place.words["open"], somebody("anna"), NOW)
