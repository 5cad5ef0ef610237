"""A page by push, from a silence to *delivered*: the browser reads it, and its service worker confirms it."""

import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest

from alerting import desk, escalator
from alerting.notifiers.push import Push, subscription
from alerting.origin import Origin
from alerting.person import Contact, Person
from heartbeat import app
from heartbeat.app import System
from heartbeat.database import Database
from heartbeat.definitions.edit import devices
from heartbeat.definitions.kind import Edit
from heartbeat.settings import Settings
from tests.push_service import SubscribedBrowser, sender_of
from tests.unit.conftest import NOW, somebody
from tests.unit.http.conftest import OPS, SetClock, fall_silent, make_check, visitor

pytestmark = pytest.mark.parametrize("kind", ["sqlite", "postgres"])

ENDPOINT = "https://192.0.43.8/send/phone"
FIRST = Person("first", "First responder", (Contact("console", "terminal"),), origin=Origin.API)


class PushService(httpx.AsyncBaseTransport):
    """The push service of one browser, and the browser, which alone can read what comes."""

    def __init__(self) -> None:
        self.browser = SubscribedBrowser(ENDPOINT)
        self.messages: list[dict[str, Any]] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        assert str(request.url) == ENDPOINT
        assert sender_of(request.headers["authorization"]).claims["aud"] == "https://192.0.43.8"
        self.messages.append(json.loads(self.browser.read(await request.aread())))
        return httpx.Response(201, stream=httpx.ByteStream(b""))


@pytest.fixture
def phone() -> PushService:
    return PushService()


@pytest.fixture
async def system(
    kind: str,
    make_database_url: Callable[[str], str],
    settings: Settings,
    clock: SetClock,
    phone: PushService,
) -> AsyncIterator[System]:
    """A system whose one person has added a phone before their terminal."""
    database = Database(make_database_url(kind))
    async with httpx.AsyncClient(transport=phone) as http:
        built = app.build(settings, database=database, clock=clock, http=http)
        await database.write(lambda db: desk.install(db, [FIRST], [OPS], {}))
        to = subscription(phone.browser.subscription)
        author, vault = somebody("first"), built.context.vault
        await database.write(
            lambda db: devices.add(Edit(db, author, NOW, vault), FIRST, "Chrome on Android", to)
        )
        yield built
        await built.stop()
    database.close()


async def page(system: System, clock: SetClock) -> int:
    """Let a job fall silent and page for it; the incident."""
    incident = await fall_silent(system, clock, await make_check(system))
    await tick(system, clock, seconds=10)
    return incident


async def tick(system: System, clock: SetClock, *, seconds: float) -> None:
    """Let time pass, and everything happen that is due then."""
    clock.advance(seconds=seconds)
    await system.context.database.write(lambda db: escalator.sweep(db, clock.now()))
    await system.courier.dispatch()
    await system.courier.settle(10)


async def story(system: System, incident: int) -> tuple[list[tuple[str, str | None]], list[str]]:
    """The attempts with their receipts, and what the timeline says of pages."""
    dossier = await system.context.database.read(lambda db: desk.dossier(db, incident))
    assert dossier is not None
    words = [entry.words for entry in dossier.timeline if entry.words.startswith("page to")]
    return [(attempt.via, attempt.receipt) for attempt in dossier.attempts], words


async def shown(system: System, message: dict[str, Any]) -> None:
    """The service worker has shown a message, and says so (static/worker.js)."""
    async with visitor(system) as worker:
        answer = await worker.post("/callbacks/push", content=json.dumps({"arrived": message["id"]}))
    assert answer.status_code == 200


async def test_a_page_that_the_device_has_shown_is_delivered_and_stays_there(
    system: System, clock: SetClock, phone: PushService, capsys: pytest.CaptureFixture[str]
) -> None:
    incident = await page(system, clock)
    (message,) = phone.messages
    assert message["title"].startswith("ERROR job silent")
    assert message["answer"].startswith("answer/")
    await shown(system, message)
    attempts, words = await story(system, incident)
    assert attempts == [("push", "delivered")]
    assert words == [
        "page to First responder by push: accepted (201 Created)",
        "page to First responder by push: delivered",
    ]
    await tick(system, clock, seconds=Push.receipt_within.total_seconds() + 1)
    assert (await story(system, incident))[0] == [("push", "delivered")]
    assert "job silent" not in capsys.readouterr().out, "the terminal is the next contact"
    async with visitor(system, accept="application/json") as worker:
        answered = await worker.post(f"/{message['answer']}")
    assert answered.json()["words"].startswith("Acknowledged by First responder.")


async def test_a_page_that_no_device_has_shown_moves_on_to_the_next_contact(
    system: System, clock: SetClock, phone: PushService, capsys: pytest.CaptureFixture[str]
) -> None:
    incident = await page(system, clock)
    await tick(system, clock, seconds=Push.receipt_within.total_seconds() - 1)
    assert (await story(system, incident))[0] == [("push", None)]
    await tick(system, clock, seconds=2)
    attempts, words = await story(system, incident)
    assert attempts == [("push", "missing"), ("console", None)]
    assert "page to First responder by push: no receipt in time; it goes to console" in words
    assert "job silent" in capsys.readouterr().out
    assert len(phone.messages) == 1


async def test_a_receipt_that_comes_late_is_kept_and_pages_nobody_again(
    system: System, clock: SetClock, phone: PushService
) -> None:
    incident = await page(system, clock)
    await tick(system, clock, seconds=Push.receipt_within.total_seconds() + 1)
    await shown(system, phone.messages[0])
    await tick(system, clock, seconds=1)
    assert (await story(system, incident))[0] == [("push", "delivered"), ("console", None)]


async def test_an_invented_receipt_delivers_nothing(
    system: System, clock: SetClock, phone: PushService
) -> None:
    incident = await page(system, clock)
    await shown(system, {"id": "invented"})
    await tick(system, clock, seconds=Push.receipt_within.total_seconds() + 1)
    assert (await story(system, incident))[0] == [("push", "missing"), ("console", None)]
