"""The whole way of a page through Opsgenie: an alert there, its acknowledgement there, and what comes late or twice."""

import json
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest

from alerting import desk
from alerting.escalation import Policy, Step
from alerting.person import Contact, Person
from heartbeat import app
from heartbeat.app import System
from heartbeat.database import Database
from heartbeat.http.callbacks import provider
from heartbeat.settings import Settings
from tests.unit.http.callbacks.test_provider import page_anna
from tests.unit.http.conftest import SetClock, escalate

KEY, TOKEN = "0f1e2d3c-aaaa-bbbb-cccc-0123456789ab", "a-token-that-nobody-guesses"
ANNA = Person("anna", "Anna", (Contact("opsgenie", KEY),))
OPS = Policy("ops", (Step(("anna",), timedelta(minutes=5)),))


class Opsgenie:
    """The API: each alert that is opened has an id of its own, as long as it is not closed."""

    def __init__(self) -> None:
        self.actions: list[str] = []
        self.alerts = 0
        self.open = False

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            data = {"isSuccess": True, "status": "done", "alertId": f"alert-{self.alerts}"}
            return streamed(200, {"data": data})
        action = (re.findall(r"/(notes|acknowledge|close)$", request.url.path) or ["create"])[0]
        self.actions.append(action)
        self.alerts += action == "create" and not self.open
        self.open = action != "close"
        return streamed(202, {"requestId": "r"})


def streamed(status: int, document: object) -> httpx.Response:
    """An answer that is read piece by piece, as one from the network."""
    return httpx.Response(status, stream=httpx.ByteStream(json.dumps(document).encode()))


@pytest.fixture
def opsgenie() -> Opsgenie:
    return Opsgenie()


@pytest.fixture
async def system(
    kind: str,
    make_database_url: Callable[[str], str],
    settings: Settings,
    clock: SetClock,
    opsgenie: Opsgenie,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[System]:
    """A system that pages Anna by Opsgenie, whose webhook has the token."""
    monkeypatch.setattr(provider, "RETRY_AFTER", 0.01)
    database = Database(make_database_url(kind))
    settings = replace(settings, environment={"TOKEN": TOKEN})
    async with httpx.AsyncClient(transport=httpx.MockTransport(opsgenie)) as http:
        made = app.build(settings, database=database, clock=clock, http=http)
        setup = {"opsgenie": {"callback_token": "${TOKEN}"}}
        await database.write(lambda db: desk.install(db, [ANNA], [OPS], setup))
        yield made
        await made.stop()
    database.close()


async def carry(system: System) -> None:
    """Send what is due."""
    await system.courier.dispatch()
    await system.courier.settle(10)


async def report(client: httpx.AsyncClient, alert: str, by: str, token: str = TOKEN) -> int:
    """Opsgenie reports that somebody has acknowledged an alert there."""
    body = {"action": "Acknowledge", "alert": {"alertId": alert, "alias": "x", "username": by}}
    headers = {"X-Heartbeat-Token": token}
    answer = await client.post("/callbacks/opsgenie", content=json.dumps(body), headers=headers)
    return answer.status_code


async def state_of(system: System) -> tuple[str, str | None]:
    """The state of the incident, and who acknowledged it."""
    dossier = await system.context.database.read(lambda db: desk.dossier(db, 1))
    assert dossier is not None
    return dossier.incident.state.value, dossier.incident.acknowledged_by


async def test_an_answer_there_acknowledges_once_and_for_its_own_alert_only(
    system: System, client: httpx.AsyncClient, clock: SetClock, opsgenie: Opsgenie
) -> None:
    await page_anna(system, clock)
    assert await report(client, "alert-1", "heartbeat") == 200, "our own doing is no answer"
    assert await report(client, "alert-1", "ben", token="another token of the kind") == 403
    assert await report(client, "alert-9", "ben") == 200
    assert await state_of(system) == ("open", None)
    for by in ("ben@example.com", "carl@example.com"):
        assert await report(client, "alert-1", by) == 200
    assert await state_of(system) == ("acknowledged", "ben@example.com")
    await carry(system)
    clock.advance(hours=4)
    await escalate(system, clock)
    await carry(system)
    assert opsgenie.actions == ["create", "acknowledge", "close", "create"]
    assert await report(client, "alert-1", "ben@example.com") == 200, "it comes late"
    assert (await state_of(system))[0] == "open"
    assert await report(client, "alert-2", "ben@example.com") == 200
    assert await state_of(system) == ("acknowledged", "ben@example.com")
