"""Walks by thumb through the links of a digest and of a test page, the button that sends one, and a typed code."""

import re

import pytest
from playwright.async_api import Browser

from alerting import desk
from alerting.origin import Origin
from alerting.person import Contact, Person
from heartbeat import signed_link
from heartbeat.signed_link import DigestAnswerer, TestedContact
from tests.e2e import office, walk
from tests.e2e.acting import does
from tests.e2e.fleet import NOW
from tests.e2e.inspection import faults_of
from tests.e2e.service import SECRET_KEY
from tests.e2e.walk import MARKS, NARROW, Place, walking
from tests.unit.http.callbacks.test_digest_link import a_storm

pytestmark = MARKS
chromium, place = walk.chromium, office.place

HOSTS = 30


@does("/answer/digest/{token}")
async def test_one_press_answers_a_whole_storm(place: Place, chromium: Browser) -> None:
    number = await place.system.context.database.write(lambda db: a_storm(db, HOSTS, NOW))
    token = signed_link.sign_digest(SECRET_KEY, DigestAnswerer(number, "first", NOW + signed_link.LASTS))
    async with walking(place, chromium, NARROW, script=False) as walker:
        await walker.to(f"/answer/digest/{token}")
        assert await faults_of(walker, "digest") == []
        await walker.page.locator("button.first").tap()
        await walker.reads("acknowledged.")
        assert await faults_of(walker, "digest-answered") == []


@does("/answer/test/{token}")
async def test_a_test_page_is_proven_by_thumb(place: Place, chromium: Browser) -> None:
    people = await place.system.context.database.read(desk.people)
    contact = people["first"].contacts[0]
    token = signed_link.sign_test(SECRET_KEY, TestedContact("first", contact.mark, NOW))
    async with walking(place, chromium, NARROW, script=False) as walker:
        await walker.to(f"/answer/test/{token}")
        assert await faults_of(walker, "test-page") == []
        await walker.page.get_by_role("button", name="I got it").tap()
        await walker.reads("You said so at")
        assert await faults_of(walker, "test-page-proven") == []


@does("/on-call/people/{name}/test-page")
async def test_a_test_page_is_sent_from_the_console(place: Place, chromium: Browser) -> None:
    async with walking(place, chromium, NARROW, script=False, session=place.words["session_ben"]) as walker:
        await walker.to("/on-call/people/first")
        await walker.press("Send a test page")
        await walker.reads("test page")


@does("/on-call/people/{name}/contacts/{mark}/verify", "/on-call/people/{name}/contacts/{mark}/confirm")
async def test_a_code_is_sent_and_typed_by_thumb(
    place: Place, chromium: Browser, capsys: pytest.CaptureFixture[str]
) -> None:
    olga = Person("olga", "Olga", (Contact("console", "terminal"),), origin=Origin.API)
    await place.system.context.database.write(lambda db: desk.define_person(db, olga))
    session = place.words["session_anna"]
    async with walking(place, chromium, NARROW, script=False, session=session) as walker:
        page = walker.page
        await walker.to("/on-call/people/olga")
        await page.get_by_role("button", name="Send a code by console").tap()
        await walker.reads("A code was sent just now")
        assert await faults_of(walker, "code-sent") == []
        found = re.search(r"(\d{6}) is the code for Olga", capsys.readouterr().out)
        assert found is not None
        wrong = f"{(int(found[1]) + 1) % 10**6:06}"
        await page.get_by_role("textbox", name="Code by console").fill(wrong)
        await page.get_by_role("button", name="Confirm").tap()
        await walker.reads("Nothing was changed: 4 tries are left.")
        assert await faults_of(walker, "code-mistyped") == []
        await page.get_by_role("textbox", name="Code by console").fill(f"{found[1][:3]} {found[1][3:]}")
        await page.get_by_role("textbox", name="Code by console").press("Enter")
        await walker.reads("a test page or a code arrived.")
        assert await faults_of(walker, "code-proven") == []
