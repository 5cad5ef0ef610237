"""Walks through what customers are told: from an incident to the public page, planned maintenance, mail to who asks.

Without script, as everything on the console can be done.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiosmtpd.smtp import SMTP as Server
from playwright.async_api import Browser, expect

from tests.e2e import office, walk
from tests.e2e.acting import does
from tests.e2e.inspection import faults_of
from tests.e2e.office import SMTP, Settled
from tests.e2e.walk import MARKS, NARROW, Place, Walk, keep_word, served, walking
from tests.unit.alerting.notifiers.inbox import Inbox

pytestmark = MARKS
chromium, place = walk.chromium, office.place

PUBLIC = "/status/public/"
CHANGE, PUBLISH, UPDATE, DISCARD = (
    f"/announcements/{{number:int}}{deed}" for deed in ("", "/publish", "/update", "/discard")
)


async def customers_read(walker: Walk, place: Place) -> str:
    """The words of the public page as it is now; the walk goes back to where it was."""
    await place.system.beside.publisher.look()
    where = walker.page.url.removeprefix(place.url)
    await walker.to(PUBLIC)
    words = await walker.page.locator("main").inner_text()
    await walker.to(where)
    return words


@does("/incidents/{number:int}/announce", CHANGE, PUBLISH, UPDATE)
async def test_customers_are_told_of_an_incident_until_it_is_over(place: Place, chromium: Browser) -> None:
    async with walking(place, chromium, script=False, session=place.words["session_ben"]) as walker:
        page = walker.page
        await walker.to("/incidents/{acknowledged}")
        await walker.follow("Draft for the status page…")
        await walker.press("Draft for Example status")
        await walker.reads("This is a draft. Customers do not see it yet.")
        assert "Outgoing mail" not in await customers_read(walker, place)

        await walker.fill(Title="Outgoing mail is late")
        await page.get_by_label("Some sites are slow").check()
        await page.get_by_label("First message to customers").fill("Mail **waits**. We look into it.")
        await walker.press("Publish…")
        await walker.reads("Customers see it at once. You cannot take it back.")
        await expect(page.locator(".preview")).to_contain_text("Mail waits. We look into it.")
        assert await faults_of(walker, "announcement-publish") == []
        await walker.follow("Back to editing")
        await expect(page.get_by_label("Title")).to_have_value("Outgoing mail is late")
        await walker.press("Publish…")
        await walker.press("Publish")
        await walker.reads("Open, published at 08:41 UTC.")
        told = await customers_read(walker, place)
        assert "Outgoing mail is late" in told
        assert re.search(r"Not related to:? *Some sites are slow", told)

        await page.get_by_label("Status").select_option("Monitoring")
        await page.get_by_label("Message to customers").fill("It goes out again.")
        await walker.press("Publish the update…")
        await expect(page.locator(".preview")).to_contain_text("It goes out again.")
        await walker.press("Back to editing")
        await expect(page.get_by_label("Message to customers")).to_have_value("It goes out again.")
        await walker.press("Publish the update…")
        await walker.press("Publish the update")
        await expect(page.locator(".preview")).to_contain_text("It goes out again.")
        assert await faults_of(walker, "announcement-updated") == []
        await page.get_by_label("Status").select_option("Resolved")
        await page.get_by_label("Message to customers").fill("All mail is out.")
        await walker.press("Publish the update…")
        await walker.press("Publish the update")
        await walker.reads("It is over. Customers see it under past incidents.")
        assert "All mail is out." in await customers_read(walker, place)


@does("/status-pages/{slug}/write", PUBLISH, UPDATE)
async def test_maintenance_is_planned_begun_and_ended(place: Place, chromium: Browser) -> None:
    async with walking(place, chromium, script=False, session=place.words["session_ben"]) as walker:
        page = walker.page
        await walker.to("/status-pages")
        await walker.follow("Plan maintenance")
        await walker.fill(Title="Kernel update")
        await page.get_by_label("First message to customers").fill("Sites restart once.")
        await page.get_by_label("Component 1").select_option("Websites")
        await page.get_by_label("Ends").fill("2026-05-04T07:00")
        await walker.press("Save the draft and preview it")
        await walker.reads("End: a maintenance must end after it begins. Nothing was changed.")
        assert await faults_of(walker, "announcement-wrong") == []
        await expect(page.get_by_label("Title")).to_have_value("Kernel update")
        await page.get_by_label("Ends").fill("2026-05-04T09:30")
        await walker.press("Save the draft and preview it")
        await walker.reads("This is a draft. Customers do not see it yet.")
        await walker.press("Publish…")
        await walker.press("Publish")
        assert "Kernel update" in await customers_read(walker, place)
        for status, words in (("In progress", "It has begun."), ("Completed", "It is done.")):
            await page.get_by_label("Status").select_option(status)
            await page.get_by_label("Message to customers").fill(words)
            await walker.press("Publish the update…")
            await walker.press("Publish the update")
            await expect(page.locator(".preview")).to_contain_text(words)
        await walker.reads("It is over.")


@does("/status-pages/{slug}/write", DISCARD)
async def test_a_draft_is_written_and_thrown_away_by_thumb(place: Place, chromium: Browser) -> None:
    async with walking(place, chromium, NARROW, session=place.words["session_ben"]) as walker:
        page = walker.page
        await walker.to("/status-pages")
        await page.get_by_role("link", name="Report an incident").tap()
        await walker.fill(Title="Something is slow")
        await page.get_by_label("First message to customers").fill("We look into it.")
        await page.get_by_label("Component 1").select_option("Search")
        await page.get_by_role("button", name="Save the draft and preview it").tap()
        await walker.reads("This is a draft. Customers do not see it yet.")
        await page.get_by_role("link", name="Discard the draft…").tap()
        await page.get_by_role("button", name="Discard it").tap()
        await walker.is_at("/status-pages")
        assert await page.get_by_text("Something is slow").count() == 0


@pytest.fixture
def inbox() -> Inbox:
    """Customers' mail."""
    return Inbox()


@pytest_asyncio.fixture(loop_scope="module")
async def mailing(
    settled: Settled, tmp_path: Path, inbox: Inbox, request: pytest.FixtureRequest
) -> AsyncIterator[Place]:
    """The office with a mail server."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Server(inbox, hostname="mail", loop=loop), "127.0.0.1", 0)
    environment = {SMTP: f"smtp://127.0.0.1:{server.sockets[0].getsockname()[1]}?starttls=never"}
    async with served(settled.path, tmp_path, environment=environment) as made:
        made.words |= dict(settled.words)
        yield made
    server.close()
    keep_word(request, made)


async def newest(place: Place, inbox: Inbox, purpose: str) -> str:
    """The address in the newest mail that leads to this, once all mail has gone out."""
    await place.system.beside.mail_sender.round()
    words: Any = inbox.mails[-1].get_content()
    found = re.search(rf"{re.escape(place.url)}(/status/public/{purpose}/\S+)", words)
    assert found, words
    return found[1]


@does(
    "/status/{slug}/subscribe",
    "/status/{slug}/confirm/{token}",
    "/status/{slug}/unsubscribe/{token}",
)
async def test_a_customer_asks_for_mail_confirms_it_and_ends_it(
    mailing: Place, inbox: Inbox, chromium: Browser
) -> None:
    async with walking(mailing, chromium, NARROW, script=False) as walker:
        page = walker.page
        await walker.to(PUBLIC)
        # A browser lets this pass.
        await page.get_by_label("Your mail address").fill("olga@localhost")
        await walker.press("Subscribe")
        await walker.reads("Enter a mail address, such as anna@example.com.")
        assert await faults_of(walker, "subscribe-wrong") == []
        await page.go_back()
        await page.get_by_label("Your mail address").fill("olga@example.org")
        await page.get_by_role("button", name="Subscribe").tap()
        await walker.reads("Confirm your address")
        assert await faults_of(walker, "subscribe-asked") == []
        assert str(inbox.mails) == "[]"

        await walker.to(await newest(mailing, inbox, "confirm"))
        await walker.reads("Get updates from Example status by mail?")
        await page.get_by_role("button", name="Subscribe").tap()
        await walker.reads("You are subscribed")
        assert await faults_of(walker, "subscribe-confirmed") == []
        await walker.follow("Back to the status page")

        await tell(mailing, chromium)
        leave = await newest(mailing, inbox, "unsubscribe")
        assert "It is much better." in inbox.mails[-1].get_content()
        await walker.to(leave)
        await walker.reads("Stop getting updates from Example status?")
        await page.get_by_role("button", name="Unsubscribe").tap()
        await walker.reads("Your address has been deleted.")
        before = len(inbox.mails)
        await tell(mailing, chromium)
        await mailing.system.beside.mail_sender.round()
        assert len([one for one in inbox.mails[before:] if "olga" in str(one["To"])]) == 0


async def tell(place: Place, chromium: Browser) -> None:
    """Somebody publishes an update."""
    async with walking(place, chromium, session=place.words["session_ben"]) as walker:
        await walker.to("/announcements/{slow}")
        await walker.page.get_by_label("Message to customers").fill("It is much better.")
        await walker.press("Publish the update…")
        await walker.press("Publish the update")
        await walker.reads("It is much better.")
