"""The whole way of a text message: sent by Twilio, reported on, and answered by a reply."""

import re
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import timedelta
from itertools import permutations
from typing import Any

import httpx
import pytest

from alerting import desk
from alerting.escalation import Policy, Step
from alerting.person import Contact, Person
from heartbeat import app, audit
from heartbeat.app import System
from heartbeat.database import Database
from heartbeat.http.callbacks import provider
from heartbeat.settings import Settings
from tests.unit.http.callbacks.test_provider import carry, pages_of
from tests.unit.http.callbacks.twilio import PUBLIC, SETTINGS, Twilio, call, sid
from tests.unit.http.conftest import SetClock, escalate, fall_silent, make_check

PHONE, OTHER = "+4915112345678", "+4915187654321"
ANNA = Person("anna", "Anna", (Contact("sms", "${ANNAS_PHONE}"), Contact("sms", OTHER)))
BEN = Person("ben", "Ben", (Contact("sms", "+4915100000000"),))
OPS = Policy("ops", (Step(("anna",), timedelta(minutes=5)),))


@pytest.fixture(autouse=True)
def _hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not known is looked up again at once."""
    monkeypatch.setattr(provider, "RETRY_AFTER", 0.01)


@pytest.fixture
def twilio() -> Twilio:
    """The provider."""
    return Twilio()


@pytest.fixture
async def system(
    kind: str,
    make_database_url: Callable[[str], str],
    settings: Settings,
    clock: SetClock,
    twilio: Twilio,
) -> AsyncIterator[System]:
    """A system behind a proxy that pages Anna by text message."""
    database = Database(make_database_url(kind))
    settings = replace(settings, public_url=PUBLIC, environment={"ANNAS_PHONE": PHONE})
    async with httpx.AsyncClient(transport=httpx.MockTransport(twilio)) as http:
        made = app.build(settings, database=database, clock=clock, http=http)
        setup = {"sms": {**SETTINGS, "replies": "yes"}, "voice": SETTINGS}
        await database.write(lambda db: desk.install(db, [ANNA, BEN], [OPS], setup))
        yield made
        await made.stop()
    database.close()


async def let_ring(system: System, *, several: bool = False) -> None:
    """Anna is called instead of sent messages, and then the other phone too if she has `several`."""
    phones = [Contact("voice", PHONE), Contact("voice", OTHER)]
    anna = replace(ANNA, contacts=tuple(phones if several else phones[:1]))
    await system.context.database.write(lambda db: desk.install(db, [anna], [OPS], {"voice": SETTINGS}))


async def press(client: httpx.AsyncClient, form: dict[str, str], key: str = "1") -> str:
    """Somebody presses a key in a call; what Twilio is to say."""
    action = re.search(r'action="([^"]+)"', form["Twiml"])
    assert action
    answer = await call(
        client, "voice", url=action[1], CallSid=sid(1, "CA"), CallStatus="in-progress", Digits=key
    )
    assert answer.status_code == 200
    return answer.text


async def page(system: System, clock: SetClock, slug: str = "job") -> None:
    """A check falls silent and Anna is paged for it."""
    await fall_silent(system, clock, await make_check(system, slug))
    await escalate(system, clock)
    await carry(system)


async def reply(client: httpx.AsyncClient, words: str, sender: str = PHONE) -> str:
    """Somebody replies; the text that Twilio is to send back, empty if none."""
    form = {"MessageSid": sid(99), "SmsStatus": "received", "From": sender, "Body": words}
    answer = await call(client, "sms", **form)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/xml; charset=utf-8"
    return answer.text.partition("<Message>")[2].partition("</Message>")[0]


async def report(client: httpx.AsyncClient, status: str, number: int = 1, **form: Any) -> httpx.Response:
    """Twilio reports on a message."""
    return await call(client, "sms", MessageSid=sid(number), MessageStatus=status, **form)


async def incident_of(admin: httpx.AsyncClient, number: int = 1) -> Any:
    """An incident as the API shows it."""
    return (await admin.get(f"/v1/incidents/{number}")).json()


async def test_the_public_address_is_called_back(system: System, clock: SetClock, twilio: Twilio) -> None:
    await page(system, clock)
    [form] = twilio.forms
    assert (form["To"], form["StatusCallback"]) == (PHONE, f"{PUBLIC}/callbacks/sms")
    assert "\nReply OK 1 or open https://hb.example.com/ops/answer/" in form["Body"]


@pytest.mark.parametrize("order", list(permutations(["sent", "delivered", "undelivered"])))
async def test_an_undelivered_message_goes_to_the_next_contact_in_whatever_order_twilio_reports(
    system: System,
    clock: SetClock,
    client: httpx.AsyncClient,
    admin: httpx.AsyncClient,
    twilio: Twilio,
    order: tuple[str, ...],
) -> None:
    await page(system, clock)
    for status in (*order, *order):
        assert (await report(client, status, ErrorCode="30003")).status_code == 200
    await carry(system)
    assert [form["To"] for form in twilio.forms] == [PHONE, OTHER]
    [page_] = await pages_of(admin)
    receipts = [(attempt["receipt"], attempt["receipt_said"]) for attempt in page_["attempts"]]
    why = "the phone is switched off or out of reach (Twilio error 30003)"
    assert receipts == [("undelivered", why), (None, None)]


async def test_a_report_that_comes_after_the_answer_moves_nothing(
    system: System, clock: SetClock, client: httpx.AsyncClient, admin: httpx.AsyncClient, twilio: Twilio
) -> None:
    await page(system, clock)
    await reply(client, "ok")
    await report(client, "undelivered")
    await carry(system)
    assert len(twilio.forms) == 1
    assert (await incident_of(admin))["state"] == "acknowledged"


async def test_a_call_that_twilio_has_not_signed_changes_nothing(
    system: System, clock: SetClock, client: httpx.AsyncClient, admin: httpx.AsyncClient
) -> None:
    await page(system, clock)
    before = await incident_of(admin)
    form = {
        "MessageSid": sid(1),
        "MessageStatus": "undelivered",
        "SmsStatus": "received",
        "From": PHONE,
        "Body": "ok",
    }
    assert (await call(client, "sms", token="guessed", **form)).status_code == 403
    # The address behind the proxy is not the one that Twilio has signed.
    assert (await call(client, "sms", url="http://test/callbacks/sms", **form)).status_code == 403
    assert await incident_of(admin) == before


async def test_a_reply_acknowledges_for_the_person_with_this_number(
    system: System, clock: SetClock, client: httpx.AsyncClient, admin: httpx.AsyncClient
) -> None:
    await page(system, clock)
    said = await reply(client, "Ok!")
    assert said.startswith("Acknowledged by Anna. No more pages until ")
    incident = await incident_of(admin)
    assert (incident["state"], incident["acknowledged_by"]) == ("acknowledged", "Anna")
    deeds = await system.context.database.read(lambda db: audit.listed(db, limit=10))
    answers = [(one.actor, one.via, one.target) for one in deeds if one.action == "incident.acknowledge"]
    assert answers == [("Anna", "callback sms", "incident 1")]
    assert await reply(client, "ok") == "Nothing waits for your answer."
    assert [one["kind"] for one in (await incident_of(admin))["timeline"]].count("acknowledged") == 1


@pytest.mark.parametrize("sender", ["+4915100000000", "+15551234567", ""])
async def test_a_reply_of_somebody_who_was_not_paged_acknowledges_nothing(
    system: System, clock: SetClock, client: httpx.AsyncClient, admin: httpx.AsyncClient, sender: str
) -> None:
    await page(system, clock)
    said = await reply(client, "ok 1", sender)
    assert said == (
        "No such incident waits. Nothing waits for your answer." if sender == "+4915100000000" else ""
    )
    assert (await incident_of(admin))["state"] == "open"


async def test_a_bare_reply_does_not_guess_among_two_incidents(
    system: System, clock: SetClock, client: httpx.AsyncClient, admin: httpx.AsyncClient
) -> None:
    await page(system, clock)
    await page(system, clock, "other")
    assert await reply(client, "ok") == "Incidents 1 and 2 wait. Reply OK and a number, or OK ALL."
    assert (await reply(client, "ok 2")).startswith("Acknowledged by Anna")
    states = [(await incident_of(admin, number))["state"] for number in (1, 2)]
    assert states == ["open", "acknowledged"]
    # The first reply may be on its way for long: only incident 2 was meant by it.
    assert await reply(client, "ok") == "To acknowledge, reply OK 1."
    assert (await reply(client, "ok all")).startswith("Acknowledged by Anna")


async def test_an_answer_counts_though_twilios_own_was_lost(
    system: System, clock: SetClock, client: httpx.AsyncClient, admin: httpx.AsyncClient, twilio: Twilio
) -> None:
    twilio.lost = True
    await page(system, clock)
    assert [attempt["outcome"] for attempt in (await pages_of(admin))[0]["attempts"]] == ["unreachable"]
    assert (await reply(client, "ok")).startswith("Acknowledged by Anna")
    assert (await incident_of(admin))["state"] == "acknowledged"


async def test_a_reply_to_a_test_page_proves_the_contact(
    system: System, clock: SetClock, client: httpx.AsyncClient, admin: httpx.AsyncClient
) -> None:
    assert (await admin.post("/v1/people/anna/test-page")).is_success
    clock.advance(seconds=30)
    assert await reply(client, "ok") == "Thank you. heartbeat now knows that pages reach you here."
    contacts = (await admin.get("/v1/people/anna")).json()["contacts"]
    assert [bool(contact["proven_at"]) for contact in contacts] == [True, False]
    assert await reply(client, "ok") == "Nothing waits for your answer."


@pytest.mark.parametrize("lost", [False, True])
async def test_a_pressed_key_acknowledges_for_the_person_who_was_called(
    system: System,
    clock: SetClock,
    client: httpx.AsyncClient,
    admin: httpx.AsyncClient,
    twilio: Twilio,
    lost: bool,
) -> None:
    """Also if the answer to the call was lost, so that its id is not known here."""
    await let_ring(system)
    twilio.lost = lost
    await page(system, clock)
    [form] = twilio.forms
    assert "Press 1 to acknowledge." in await press(client, form, "2")
    assert (await incident_of(admin))["state"] == "open"
    for _ in range(2):
        assert "<Say>Acknowledged by Anna. No more pages until " in await press(client, form)
    incident = await incident_of(admin)
    assert (incident["state"], incident["acknowledged_by"]) == ("acknowledged", "Anna")


async def test_a_call_that_nobody_takes_rings_the_next_phone(
    system: System, clock: SetClock, client: httpx.AsyncClient, twilio: Twilio
) -> None:
    await let_ring(system, several=True)
    await page(system, clock)
    for _ in range(2):
        await call(client, "voice", CallSid=sid(1, "CA"), CallStatus="no-answer")
    await carry(system)
    assert [form["To"] for form in twilio.forms] == [PHONE, OTHER]


async def test_only_what_needs_an_answer_rings(
    system: System, clock: SetClock, admin: httpx.AsyncClient, twilio: Twilio
) -> None:
    await let_ring(system)
    await page(system, clock)
    assert (await admin.post("/v1/incidents/1/acknowledge", json={"by": "Ben"})).is_success
    await carry(system)
    assert (await admin.post("/v1/incidents/1/resolve", json={"by": "Ben"})).is_success
    await carry(system)
    assert len(twilio.forms) == 1


async def test_a_key_in_a_test_call_proves_the_contact(
    system: System, client: httpx.AsyncClient, admin: httpx.AsyncClient, twilio: Twilio
) -> None:
    await let_ring(system)
    assert (await admin.post("/v1/people/anna/test-page")).is_success
    assert "<Say>Thank you. heartbeat now knows" in await press(client, twilio.forms[0])
    [contact] = (await admin.get("/v1/people/anna")).json()["contacts"]
    assert contact["proven_at"]
