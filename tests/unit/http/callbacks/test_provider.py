"""The whole way of a page through a provider that answers back: sent, called back about, and shown."""

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from alerting import desk
from alerting.escalation import Policy, Step
from alerting.person import Contact, Person
from heartbeat import app, audit
from heartbeat.app import System
from heartbeat.database import Database
from heartbeat.http import limits
from heartbeat.http.callbacks import provider
from heartbeat.settings import Settings
from tests.unit.http.callbacks.pager import SIGNATURE, signature
from tests.unit.http.conftest import (
    ADMIN_KEY,
    SetClock,
    escalate,
    fall_silent,
    make_check,
    refuse_database,
    visitor,
)

SECRET = "what-the-pager-company-signs-with"
ANNA = Person("anna", "Anna", (Contact("pager", "1"), Contact("pager", "2")))
OPS = Policy("ops", (Step(("anna",), timedelta(minutes=5)),))
ADDRESS = "/callbacks/pager"


@pytest.fixture
def _installed(tmp_path: Path, plug_in: Callable[[Path], None]) -> None:
    """The pager is installed as a plugin."""
    metadata = tmp_path / "pager-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: pager\nVersion: 1.0\n")
    entry = "pager = tests.unit.http.callbacks.pager:Pager"
    (metadata / "entry_points.txt").write_text(f"[heartbeat.notifiers]\n{entry}\n")
    plug_in(tmp_path)


@pytest.fixture(autouse=True)
def _hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not known is looked up again at once."""
    monkeypatch.setattr(provider, "RETRY_AFTER", 0.01)


class Company:
    """The provider: it accepts every message under an id of its own."""

    def __init__(self) -> None:
        self.messages: list[Any] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.messages.append(json.loads(request.content))
        return httpx.Response(200, json={"id": f"m{len(self.messages)}"})


@pytest.fixture
def company() -> Company:
    """The provider."""
    return Company()


@pytest.fixture
async def system(
    _installed: None,
    kind: str,
    make_database_url: Callable[[str], str],
    settings: Settings,
    clock: SetClock,
    company: Company,
) -> AsyncIterator[System]:
    """A system that pages Anna by the pager, which is set up with a secret."""
    database = Database(make_database_url(kind))
    settings = replace(settings, environment={"PAGER_SECRET": SECRET})
    async with httpx.AsyncClient(transport=httpx.MockTransport(company)) as http:
        made = app.build(settings, database=database, clock=clock, http=http)
        setup = {"pager": {"secret": "${PAGER_SECRET}"}}
        await database.write(lambda db: desk.install(db, [ANNA], [OPS], setup))
        yield made
        await made.stop()
    database.close()


async def page_anna(system: System, clock: SetClock, slug: str = "job") -> None:
    """A check falls silent and Anna is paged for it."""
    await fall_silent(system, clock, await make_check(system, slug))
    await escalate(system, clock)
    await carry(system)


async def carry(system: System) -> None:
    """Send what is due."""
    await system.courier.dispatch()
    await system.courier.settle(10)


async def call(client: httpx.AsyncClient, *events: dict[str, str], secret: str = SECRET) -> httpx.Response:
    """The provider calls back about these events."""
    body = json.dumps(events).encode()
    return await client.post(ADDRESS, content=body, headers={SIGNATURE: signature(secret, body)})


async def pages_of(admin: httpx.AsyncClient, number: int = 1) -> Any:
    """The pages of an incident, as the API tells of them."""
    return (await admin.get(f"/v1/incidents/{number}")).json()["pages"]


async def console_of(system: System, admin: httpx.AsyncClient) -> str:
    """The incident's page on the console, as an admin sees it."""
    async with visitor(system, accept="text/html") as browser:
        await browser.post("/sign-in", data={"key": ADMIN_KEY})
        return " ".join((await browser.get("/incidents/1")).text.split())


async def test_the_providers_id_is_shown_by_the_api_and_the_console(
    system: System, clock: SetClock, admin: httpx.AsyncClient
) -> None:
    await page_anna(system, clock)
    [page] = await pages_of(admin)
    [attempt] = page["attempts"]
    assert (attempt["via"], attempt["outcome"], attempt["provider_id"]) == ("pager", "accepted", "m1")
    assert attempt["receipt"] is attempt["receipt_said"] is attempt["receipt_at"] is None
    words = " ".join((await console_of(system, admin)).split())
    assert ": accepted <q>queued</q> id <bdi>m1</bdi></span>" in words


async def test_a_delivery_is_shown(
    system: System, clock: SetClock, admin: httpx.AsyncClient, client: httpx.AsyncClient
) -> None:
    await page_anna(system, clock)
    clock.advance(seconds=5)
    answer = await call(client, {"id": "m1", "status": "delivered"})
    assert (answer.status_code, answer.text) == (200, "OK")
    [attempt] = (await pages_of(admin))[0]["attempts"]
    assert attempt["receipt"] == "delivered"
    assert attempt["receipt_at"] == "2024-05-03T03:06:15Z"
    html = await console_of(system, admin)
    assert "page to Anna by pager: delivered" in html
    assert '<span class="attempt delivered">' in html


async def test_an_undelivered_page_reaches_the_next_contact(
    system: System, clock: SetClock, admin: httpx.AsyncClient, client: httpx.AsyncClient, company: Company
) -> None:
    await page_anna(system, clock)
    failed = {"id": "m1", "status": "failed", "reason": "switched off"}
    assert (await call(client, failed)).status_code == 200
    assert (await call(client, failed)).status_code == 200
    await carry(system)
    assert [message["to"] for message in company.messages] == ["1", "2"]
    [page] = await pages_of(admin)
    assert page["state"] == "delivered"
    receipts = [
        (attempt["provider_id"], attempt["receipt"], attempt["receipt_said"]) for attempt in page["attempts"]
    ]
    assert receipts == [("m1", "undelivered", "switched off"), ("m2", None, None)]
    html = await console_of(system, admin)
    assert "undelivered <q>switched off</q>" in html
    assert "page to Anna by pager: undelivered (switched off)" in html


@pytest.mark.parametrize(("by", "name"), [("Ben at his phone", "Ben at his phone"), ("", "Anna")])
async def test_an_answer_at_the_provider_acknowledges_once(
    system: System, clock: SetClock, admin: httpx.AsyncClient, client: httpx.AsyncClient, by: str, name: str
) -> None:
    await page_anna(system, clock)
    pressed = {"id": "m1", "status": "pressed", "by": by}
    for _ in range(2):
        assert (await call(client, pressed)).status_code == 200
    incident = (await admin.get("/v1/incidents/1")).json()
    assert (incident["state"], incident["acknowledged_by"]) == ("acknowledged", name)
    assert [one["kind"] for one in incident["timeline"]].count("acknowledged") == 1
    deeds = await system.context.database.read(lambda db: audit.listed(db, limit=10))
    answers = [(one.actor, one.via, one.target) for one in deeds if one.action == "incident.acknowledge"]
    assert answers == [(name, "callback pager", "incident 1")]


async def test_an_answer_to_an_earlier_occurrence_changes_nothing(
    system: System, clock: SetClock, admin: httpx.AsyncClient, client: httpx.AsyncClient
) -> None:
    await page_anna(system, clock)
    until = (clock.now() + timedelta(minutes=10)).isoformat()
    assert (await admin.post("/v1/incidents/1/snooze", json={"until": until})).is_success
    clock.advance(minutes=10)
    await escalate(system, clock)
    assert (await call(client, {"id": "m1", "status": "pressed"})).status_code == 200
    incident = (await admin.get("/v1/incidents/1")).json()
    assert (incident["state"], incident["occurrence"]) == ("open", 2)


async def test_a_call_that_the_provider_has_not_signed_changes_nothing(
    system: System, clock: SetClock, admin: httpx.AsyncClient, client: httpx.AsyncClient
) -> None:
    await page_anna(system, clock)
    before = (await admin.get("/v1/incidents/1")).json()
    for status in ("delivered", "failed", "pressed"):
        answer = await call(client, {"id": "m1", "status": status, "reason": ""}, secret="guessed")
        assert (answer.status_code, answer.text) == (403, f"{SIGNATURE} does not fit the body.")
    assert (await client.post(ADDRESS)).status_code == 403
    assert (await admin.get("/v1/incidents/1")).json() == before


async def test_a_call_that_cannot_be_read_is_refused(client: httpx.AsyncClient) -> None:
    answer = await call(client, {"id": "m1", "status": "bewildered"})
    assert (answer.status_code, answer.text) == (400, "The body must be a list of events.")


async def test_a_call_about_an_unknown_message_is_answered_and_changes_nothing(
    system: System, clock: SetClock, admin: httpx.AsyncClient, client: httpx.AsyncClient
) -> None:
    await page_anna(system, clock)
    before = (await admin.get("/v1/incidents/1")).json()
    for event in ({"status": "delivered"}, {"status": "failed", "reason": "lost"}, {"status": "pressed"}):
        assert (await call(client, {"id": "m77", **event})).status_code == 200
    assert (await admin.get("/v1/incidents/1")).json() == before


async def test_a_call_about_many_unknown_messages_waits_once(
    system: System, clock: SetClock, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []

    class Counting:
        @staticmethod
        async def sleep(seconds: float) -> None:
            pauses.append(seconds)

    monkeypatch.setattr(provider, "asyncio", Counting)
    await page_anna(system, clock)
    assert (await call(client, {"id": "m1", "status": "delivered"})).status_code == 200
    assert pauses == []
    events = [{"id": f"unknown-{number}", "status": "delivered"} for number in range(200)]
    assert (await call(client, *events)).status_code == 200
    assert len(pauses) == provider.LOOKUPS - 1


async def test_a_call_that_comes_before_its_attempt_is_written_counts(
    system: System,
    clock: SetClock,
    admin: httpx.AsyncClient,
    client: httpx.AsyncClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The courier writes down what was accepted while the callback waits for its second look."""
    await fall_silent(system, clock, await make_check(system))
    await escalate(system, clock)

    class Waiting:
        @staticmethod
        async def sleep(_seconds: float) -> None:
            await carry(system)

    monkeypatch.setattr(provider, "asyncio", Waiting)
    assert (await call(client, {"id": "m1", "status": "delivered"})).status_code == 200
    assert (await pages_of(admin))[0]["attempts"][0]["receipt"] == "delivered"


@pytest.mark.parametrize("path", ["/callbacks/slack", "/callbacks/nothing", "/callbacks/", "/callbacks"])
async def test_a_notifier_without_receipts_has_no_address(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.post(path, content=b"[]")).status_code == 404


async def test_a_notifier_that_is_not_set_up_has_no_address(
    system: System, client: httpx.AsyncClient
) -> None:
    await system.context.database.write(lambda db: desk.install(db, [ANNA], [OPS], {}))
    assert (await call(client, {"id": "m1", "status": "delivered"})).status_code == 404


async def test_only_posts_are_taken(client: httpx.AsyncClient) -> None:
    assert (await client.get(ADDRESS)).status_code == 405


async def test_a_body_has_its_limit(client: httpx.AsyncClient) -> None:
    for body in (b"x" * (limits.CALLBACK_LIMIT + 1), _pieces(limits.CALLBACK_LIMIT + 1)):
        answer = await client.post(ADDRESS, content=body)
        assert answer.status_code == 413
        assert answer.text == "The body is too large. This address accepts at most 64 kB."
    assert (await client.post(ADDRESS, content=b"x" * limits.CALLBACK_LIMIT)).status_code == 403


def _pieces(size: int) -> Any:
    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, size, 1_000):
            yield b"x" * min(1_000, size - start)

    return pieces()


async def test_the_provider_is_asked_to_call_again_while_the_database_is_away(
    system: System, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_database(system, monkeypatch)
    answer = await call(client, {"id": "m1", "status": "delivered"})
    assert answer.status_code == 503
    assert answer.headers["retry-after"]
