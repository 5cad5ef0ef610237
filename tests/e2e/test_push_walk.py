"""The browser as a pager, in Chromium: a device is added, shows pages and answers them, and knows its last state.

Chromium runs without a push service. So `PushManager.subscribe` returns a subscription of the test's own, and what the
push service of the test has decrypted is delivered by the browser's debugger. No system shows the notification, so the
press of its button is dispatched in the service worker. A lost connection is a `fetch` there that fails. All else is
real: the permission, the page's script, the service worker, its notifications and its requests. The installation lives
below a path.
"""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Self

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, CDPSession, Page, Worker, expect
from sqlalchemy import Connection

from heartbeat.access import sign_in
from heartbeat.access import store as accounts
from heartbeat.access.account import User
from heartbeat.access.session import Limits
from heartbeat.access.sign_in import Client
from heartbeat.actor import Role
from heartbeat.http.callbacks import provider
from tests.e2e import walk as walks
from tests.e2e.acting import does
from tests.e2e.fleet import NOW
from tests.e2e.inspection import faults_of
from tests.e2e.walk import MARKS, Place, Walk, keep_word, served, walking
from tests.push_service import SubscribedBrowser, sender_of

pytestmark = MARKS

whole_chromium, lived = walks.whole_chromium, walks.lived

ENDPOINT = "https://192.0.43.8/send/phone"
"""An address of the internet. Nothing goes there: the push service of the test takes what is sent."""
BELOW = "/heartbeat"
OWN_PAGE = "/on-call/people/first"
SUBSCRIBE = """(subscription) => {
  PushManager.prototype.subscribe = async function (options) {
    const key = String.fromCharCode(...new Uint8Array(options.applicationServerKey));
    window.name = btoa(key).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
    return JSON.parse(subscription);
  };
}"""
SHOWN = """async () => (await (await navigator.serviceWorker.ready).getNotifications()).map((one) => ({
  title: one.title, body: one.body, tag: one.tag, stays: one.requireInteraction, silent: one.silent,
  actions: one.actions.map((action) => action.title),
}))"""
PRESS = """async ([tag, action]) => {
  const [notification] = await self.registration.getNotifications({ tag });
  const event = new NotificationEvent("notificationclick", { notification, action });
  const done = new Promise((resolve) => { event.waitUntil = resolve; });
  self.dispatchEvent(event);
  await done;
}"""


RENEW = """async (subscription) => {
  PushManager.prototype.subscribe = async function (options) {
    self.subscribedWith = options.applicationServerKey;
    return JSON.parse(subscription);
  };
  const event = new ExtendableEvent("pushsubscriptionchange");
  const done = new Promise((resolve) => { event.waitUntil = resolve; });
  self.dispatchEvent(event);
  await done;
}"""


class PushService(httpx.AsyncBaseTransport):
    """The push service of one browser, which reads what only the browser can read."""

    def __init__(self) -> None:
        self.browser = SubscribedBrowser(ENDPOINT)
        self.messages: list[dict[str, Any]] = []
        self.senders: list[str] = []
        self.status = 201

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        assert str(request.url) == self.browser.endpoint
        self.senders.append(sender_of(request.headers["authorization"]).public_key)
        self.messages.append(json.loads(self.browser.read(await request.aread())))
        return httpx.Response(self.status, stream=httpx.ByteStream(b""))


@pytest.fixture
def push_service() -> PushService:
    return PushService()


@pytest_asyncio.fixture(loop_scope="module")
async def place(
    lived: Path, tmp_path: Path, request: pytest.FixtureRequest, push_service: PushService
) -> AsyncIterator[Place]:
    """The morning's installation below a path, with the session of its first responder."""
    async with served(lived, tmp_path, BELOW, outside=push_service) as made:
        made.words |= await walks._numbers(made)
        made.words["session"] = await made.system.context.database.write(_first_responder)
        yield made
    made.acted = {path.removeprefix(BELOW) for path in made.acted}
    keep_word(request, made)


def _first_responder(db: Connection) -> str:
    user = accounts.add_user(db, User(0, "first", Role.RESPONDER, NOW, "set-up"))
    lasts = Limits(idle=timedelta(hours=12), longest=timedelta(hours=24))
    return sign_in.begin(db, user, "password", Client("203.0.113.9", "Chromium"), NOW, lasts)


@dataclass(frozen=True)
class Delivery:
    """Delivers messages to the service worker of a place, as the browser's push service would."""

    debugger: CDPSession
    place: Place
    registration: str

    @classmethod
    async def to(cls, page: Page, place: Place) -> Self:
        """Find the service worker."""
        debugger = await page.context.new_cdp_session(page)
        found: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        def note(event: dict[str, Any]) -> None:
            for one in event["registrations"]:
                if one["scopeURL"] == f"{place.url}/" and not found.done():
                    found.set_result(one["registrationId"])

        debugger.on("ServiceWorker.workerRegistrationUpdated", note)
        await debugger.send("ServiceWorker.enable")
        return cls(debugger, place, await found)

    async def deliver(self, message: dict[str, Any]) -> None:
        to = {"origin": origin_of(self.place), "registrationId": self.registration}
        await self.debugger.send("ServiceWorker.deliverPushMessage", {**to, "data": json.dumps(message)})


def origin_of(place: Place) -> str:
    return place.url.removesuffix(BELOW)


async def shown(page: Page, check: Callable[[list[dict[str, Any]]], bool]) -> list[dict[str, Any]]:
    """Wait until the notifications that the service worker shows are as they should be, and return them."""
    async with asyncio.timeout(60):
        notifications: list[dict[str, Any]] = await page.evaluate(SHOWN)
        while not check(notifications):
            await asyncio.sleep(0.05)
            notifications = await page.evaluate(SHOWN)
    return notifications


@does(
    "/on-call/people/{name}/devices",
    "/on-call/people/{name}/devices/{number:int}/remove",
    "/on-call/people/{name}/test-page",
)
async def test_a_device_rings_is_answered_and_knows_its_last_state(
    place: Place, whole_chromium: Browser, push_service: PushService, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, provider.__name__)
    async with walking(place, whole_chromium, session=place.words["session"]) as walk:
        page, context = walk.page, walk.page.context
        await context.grant_permissions(["notifications"], origin=origin_of(place))
        await walk.to(OWN_PAGE)
        await page.evaluate(SUBSCRIBE, push_service.browser.subscription)
        await walk.press("Ring me here")
        await walk.reads("added 08:41 UTC")
        subscribed_with = await page.evaluate("window.name")
        (worker,) = context.service_workers
        assert worker.url == f"{place.url}/static/worker.js"

        await walk.press("Send a test page")
        await walk.reads("Test page sent")
        assert push_service.senders == [subscribed_with]
        (message,) = push_service.messages
        push = await Delivery.to(page, place)
        await push.deliver(message)
        (test,) = await shown(page, bool)
        assert test["title"] == "TEST page for First responder: nothing is wrong"
        assert test["body"].startswith("This tests push for First responder")
        assert (test["stays"], test["silent"], test["actions"]) == (True, False, ["I got it", "Open"])
        await worker.evaluate(PRESS, [message["tag"], "answer"])
        (answered,) = await shown(page, lambda those: [one["stays"] for one in those] == [False])
        assert answered["body"] == "Thank you. heartbeat now knows that pages reach you here."
        assert (answered["silent"], answered["actions"]) == (True, ["Open"])
        await walk.to(OWN_PAGE)
        await walk.reads("Proven 08:41 UTC: a test page or a code arrived.")
        assert await faults_of(walk, "on-call-own-device") == []

        await an_answer_elsewhere_ends_the_ringing(walk, push, message)
        await an_incident_is_acknowledged_by_the_button(walk, push, worker, message)
        await the_last_state_is_shown_with_its_age(walk, worker)
        await the_browser_renews_its_subscription(walk, worker, push_service, subscribed_with)
        await walk.to(OWN_PAGE)
        await walk.press("Remove")
        await expect(page.get_by_text("Chrome on Linux")).to_have_count(0)
        # Only pages of incidents are kept, so the receipt of a test page is that of an unknown message.
        assert [one.message for one in caplog.records if getattr(one, "event", "") == "unknown receipts"]


async def an_answer_elsewhere_ends_the_ringing(walk: Walk, push: Delivery, message: dict[str, Any]) -> None:
    """A page rings until somebody else has it. The notice of that takes its place, in silence."""
    page = page_of(walk.place, message, "heartbeat/1")
    await push.deliver(page)
    await shown(walk.page, lambda those: {"heartbeat/1"} <= {one["tag"] for one in those if one["stays"]})
    told = page | {"title": "Acknowledged by Ben", "answer": "", "stays": False, "rings": False}
    await push.deliver(told)
    notifications = await shown(
        walk.page, lambda those: not any(one["stays"] for one in those if one["tag"] == "heartbeat/1")
    )
    (now,) = [one for one in notifications if one["tag"] == "heartbeat/1"]
    assert (now["title"], now["silent"], now["actions"]) == ("Acknowledged by Ben", True, ["Open"])


async def an_incident_is_acknowledged_by_the_button(
    walk: Walk, push: Delivery, worker: Worker, message: dict[str, Any]
) -> None:
    """The button needs no sign-in, and says what the service says."""
    await push.deliver(page_of(walk.place, message, "heartbeat/2"))
    await shown(walk.page, lambda those: any(one["stays"] for one in those if one["tag"] == "heartbeat/2"))
    await worker.evaluate(PRESS, ["heartbeat/2", "answer"])
    notifications = await shown(walk.page, lambda those: not any(one["stays"] for one in those))
    (now,) = [one for one in notifications if one["tag"] == "heartbeat/2"]
    assert now["body"].startswith("Acknowledged by First responder. No more pages until ")
    await walk.to("/incidents/{open}")
    await walk.reads("Acknowledged by First responder")


async def the_browser_renews_its_subscription(
    walk: Walk, worker: Worker, push_service: PushService, key: str
) -> None:
    """The device goes on with its proof, though nobody is signed in and heartbeat was away at first."""
    push_service.browser = SubscribedBrowser("https://192.0.43.8/send/renewed")
    await worker.evaluate("() => { self.fetch = async () => { throw new TypeError('no connection'); }; }")
    cookies = await walk.page.context.cookies()
    await walk.page.context.clear_cookies()
    await worker.evaluate(RENEW, push_service.browser.subscription)
    assert await worker.evaluate("self.subscribedWith") == key
    device = "async () => (await recall('device')).old?.endpoint ?? null"
    assert await worker.evaluate(device) == ENDPOINT
    await worker.evaluate("() => { delete self.fetch; }")
    await walk.to("/sign-in")
    async with asyncio.timeout(60):
        while await worker.evaluate(device):  # noqa: ASYNC110  # as above
            await asyncio.sleep(0.05)
    await walk.page.context.add_cookies(cookies)  # type: ignore[arg-type]  # they are those that were read
    await walk.to(OWN_PAGE)
    await walk.reads("Proven 08:41 UTC")
    walk.place.clock.at += timedelta(minutes=1)
    before = len(push_service.messages)
    await walk.press("Send a test page")
    await walk.reads("Test page sent")
    assert len(push_service.messages) == before + 1


def page_of(place: Place, message: dict[str, Any], tag: str) -> dict[str, Any]:
    """Return a page of the open incident as a push message, made of that of a test page."""
    links = {"answer": f"answer/{place.words['token']}", "open": f"incidents/{place.words['open']}"}
    words = {"title": "CRITICAL us-housekeeping: 4 of 11 jobs silent", "label": "Acknowledge"}
    return message | links | words | {"tag": tag, "id": tag}


async def the_last_state_is_shown_with_its_age(walk: Walk, worker: Worker) -> None:
    """Without a connection, every view is the last sentence of the overview with its age, until a sign-out."""
    page = walk.page
    await walk.to("/")
    sentence = await page.locator("h1").inner_text()
    async with asyncio.timeout(60):
        while await worker.evaluate("async () => (await recall('state'))?.sentence") != sentence:  # noqa: ASYNC110  # as above
            await asyncio.sleep(0.05)
    await worker.evaluate("() => { self.fetch = async () => { throw new TypeError('no connection'); }; }")
    for path in ("/", "/incidents"):
        answer = await page.goto(walk.place.url + path)
        assert answer is not None
        assert answer.status == 503
        await expect(page.get_by_role("heading", level=1)).to_have_text("No connection to heartbeat")
        await walk.reads("This may have changed since.")
        await expect(page.locator("q")).to_have_text(sentence)
        await walk.reads("Acknowledged by Ben")
    assert await faults_of(walk, "no-connection") == []
    await worker.evaluate("() => { delete self.fetch; }")
    await worker.evaluate("async () => { await forget(); }")
    assert await worker.evaluate("async () => (await recall('state')) ?? null") is None
