"""Asking about receipts: an answer at Pushover counts here, and one here silences Pushover. A crash forgets none."""

import json
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from alerting import desk, polls
from alerting.escalation import Policy, Step
from alerting.notifiers.pushover import LONGEST, Pushover
from alerting.person import Contact, Person
from heartbeat import app
from heartbeat.app import System
from heartbeat.database import Database
from heartbeat.settings import Settings
from tests.unit.conftest import NOW
from tests.unit.http.callbacks.test_provider import carry, pages_of
from tests.unit.http.conftest import (
    ADMIN_KEY,
    SECRET_KEY,
    SetClock,
    escalate,
    fall_silent,
    make_check,
    visitor,
)

TOKEN, ANNAS, BENS = 30 * "t", 30 * "a", 30 * "b"
ANNA = Person("anna", "Anna", (Contact("pushover", ANNAS),))
BEN = Person("ben", "Ben", (Contact("pushover", BENS),))
OPS = Policy("ops", (Step(("anna",), timedelta(hours=6)),))


class Company:
    """Pushover: it gives each emergency a receipt, and remembers what it was asked."""

    def __init__(self) -> None:
        self.receipts: list[dict[str, Any]] = []
        self.asked: list[str] = []
        self.away = False

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        self.asked.append(path)
        if self.away:
            return httpx.Response(503)
        if path == "/1/messages.json":
            self.receipts.append({"status": 1, "acknowledged": 0, "expired": 0})
            return self._says({"status": 1, "receipt": receipt(len(self.receipts))})
        number = int(path.split("/")[3].removesuffix(".json").lstrip("r"))
        if path.endswith("/cancel.json"):
            self.receipts[number - 1]["cancelled"] = True
        return self._says(self.receipts[number - 1])

    @staticmethod
    def _says(fields: dict[str, Any]) -> httpx.Response:
        return httpx.Response(200, stream=httpx.ByteStream(json.dumps(fields).encode()))


def receipt(number: int) -> str:
    """The receipt of a message, counted from 1."""
    return str(number).rjust(30, "r")


@pytest.fixture
def company() -> Company:
    """The provider."""
    return Company()


@pytest.fixture
def clock() -> SetClock:
    """The clock of the system."""
    return SetClock(NOW)


@pytest.fixture
async def system(
    make_database_url: Callable[[str], str], tmp_path: Path, clock: SetClock, company: Company
) -> AsyncIterator[System]:
    """A system that pages Anna by Pushover."""
    settings = Settings(
        public_url="http://test", data_dir=tmp_path, admin_key=ADMIN_KEY, secret_key=SECRET_KEY
    )
    database = Database(make_database_url("sqlite"))
    async with httpx.AsyncClient(transport=httpx.MockTransport(company)) as http:
        made = app.build(settings, database=database, clock=clock, http=http)
        await database.write(lambda db: desk.install(db, [ANNA, BEN], [OPS], {"pushover": {"token": TOKEN}}))
        yield made
        await made.stop()
    database.close()


@pytest.fixture
async def admin(system: System) -> AsyncIterator[httpx.AsyncClient]:
    async with visitor(system, Authorization=f"Bearer {ADMIN_KEY}") as visiting:
        yield visiting


async def page(system: System, clock: SetClock, slug: str = "job") -> None:
    """A check falls silent and Anna is paged for it."""
    await fall_silent(system, clock, await make_check(system, slug))
    await escalate(system, clock)
    await carry(system)


async def ask(system: System, clock: SetClock, **after: float) -> int:
    """Ask about what is due after a while; the number of messages."""
    clock.advance(**(after or {"seconds": 10}))
    return await system.beside.receipt_watch.round()


async def incident_of(admin: httpx.AsyncClient, number: int = 1) -> Any:
    return (await admin.get(f"/v1/incidents/{number}")).json()


async def test_nothing_is_asked_before_its_time(system: System, clock: SetClock, company: Company) -> None:
    await page(system, clock)
    assert [await ask(system, clock, seconds=each) for each in (9, 1, 4, 6)] == [0, 1, 0, 1]
    assert Pushover.poll_every >= timedelta(seconds=5)
    assert company.asked[1:] == [f"/1/receipts/{receipt(1)}.json"] * 2


@pytest.mark.parametrize(("by", "name"), [(ANNAS, "Anna"), (BENS, "Ben"), (30 * "x", "pixel (on Pushover)")])
async def test_an_answer_there_is_somebodys_here_and_ends_the_questions(
    system: System, clock: SetClock, company: Company, admin: httpx.AsyncClient, by: str, name: str
) -> None:
    await page(system, clock)
    company.receipts[0] |= {"acknowledged": 1, "acknowledged_by": by, "acknowledged_by_device": "pixel"}
    assert await ask(system, clock) == 1
    incident = await incident_of(admin)
    assert (incident["state"], incident["acknowledged_by"]) == ("acknowledged", name)
    assert await ask(system, clock) == 0


@pytest.mark.parametrize("deed", ["acknowledge", "resolve"])
async def test_an_answer_here_silences_the_message_there(
    system: System, clock: SetClock, company: Company, admin: httpx.AsyncClient, deed: str
) -> None:
    await page(system, clock)
    assert (await admin.post(f"/v1/incidents/1/{deed}", json={"by": "Anna"})).is_success
    assert await ask(system, clock) == 1
    assert company.receipts[0]["cancelled"]
    assert await ask(system, clock) == 0


async def test_silencing_is_tried_until_it_works(
    system: System, clock: SetClock, company: Company, admin: httpx.AsyncClient
) -> None:
    await page(system, clock)
    assert (await admin.post("/v1/incidents/1/acknowledge", json={"by": "Anna"})).is_success
    company.away = True
    assert await ask(system, clock) == 1
    company.away = False
    assert await ask(system, clock, minutes=1) == 1
    assert company.receipts[0]["cancelled"]


async def test_a_message_that_has_rung_for_three_hours_is_issued_again(
    system: System, clock: SetClock, company: Company, admin: httpx.AsyncClient
) -> None:
    await page(system, clock)
    clock.advance(seconds=LONGEST)
    company.receipts[0]["expired"] = 1
    assert await ask(system, clock) == 1
    clock.advance(seconds=10)
    await carry(system)
    assert len(company.receipts) == 2
    [page_] = await pages_of(admin)
    assert [attempt["receipt"] for attempt in page_["attempts"]] == ["undelivered", None]
    assert await ask(system, clock) == 1
    assert company.asked[-1] == f"/1/receipts/{receipt(2)}.json"


async def test_a_message_that_nobody_needs_is_not_issued_again(
    system: System, clock: SetClock, company: Company, admin: httpx.AsyncClient
) -> None:
    await page(system, clock)
    assert (await admin.post("/v1/incidents/1/acknowledge", json={"by": "Anna"})).is_success
    company.receipts[0]["expired"] = 1
    await ask(system, clock)
    await carry(system)
    assert len(company.receipts) == 1


async def test_a_process_that_dies_while_it_asks_leaves_the_question_to_another(
    system: System, clock: SetClock, company: Company, admin: httpx.AsyncClient
) -> None:
    await page(system, clock)
    clock.advance(seconds=10)
    # It took the question, and wrote nothing more.
    [taken] = await system.context.database.write(lambda db: polls.lease(db, clock.now(), 10))
    assert (taken.provider_id, taken.needed) == (receipt(1), True)
    company.receipts[0] |= {"acknowledged": 1, "acknowledged_by": ANNAS}
    assert await ask(system, clock, seconds=29) == 0
    assert await ask(system, clock, seconds=1) == 1
    assert (await incident_of(admin))["acknowledged_by"] == "Anna"


async def test_an_answer_that_is_found_twice_counts_once(
    system: System, clock: SetClock, company: Company, admin: httpx.AsyncClient
) -> None:
    await page(system, clock)
    company.receipts[0] |= {"acknowledged": 1, "acknowledged_by": ANNAS}
    await ask(system, clock)
    again = polls.Poll("pushover", receipt(1), clock.now())
    await system.context.database.write(lambda db: polls.begin(db, [again, again], clock.now()))
    await ask(system, clock)
    assert [one["kind"] for one in (await incident_of(admin))["timeline"]].count("acknowledged") == 1


async def test_one_answer_to_a_digest_acknowledges_all_of_it(
    system: System, clock: SetClock, company: Company, admin: httpx.AsyncClient
) -> None:
    checks = [await make_check(system, f"job-{number}") for number in range(8)]
    await fall_silent(system, clock, *checks)
    await escalate(system, clock)
    await carry(system)
    assert len(company.receipts) == 1
    company.receipts[0] |= {"acknowledged": 1, "acknowledged_by": ANNAS}
    assert await ask(system, clock) == 1
    states = {(await incident_of(admin, number))["state"] for number in range(1, 9)}
    assert states == {"acknowledged"}


async def test_questions_about_a_notifier_that_is_gone_end(
    system: System, clock: SetClock, company: Company
) -> None:
    await page(system, clock)
    await system.context.database.write(lambda db: desk.install(db, [ANNA, BEN], [OPS], {}))
    assert await ask(system, clock) == 1
    assert await ask(system, clock, days=1) == 1
    assert await ask(system, clock, days=1) == 0
