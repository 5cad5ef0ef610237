"""Answers in chats, by mail and at PagerDuty, the whole way: the page, the answer, and whose it is."""

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import timedelta
from email.message import EmailMessage
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from alerting import desk, outside
from alerting.escalation import Policy, Step
from alerting.notifiers import mail_reply, pagerduty, slack_bot
from alerting.person import Contact, Person
from heartbeat import app
from heartbeat.app import System
from heartbeat.database import Database
from heartbeat.settings import Settings
from tests.unit.http.callbacks.test_provider import carry
from tests.unit.http.callbacks.twilio import PUBLIC
from tests.unit.http.conftest import ADMIN_KEY, SetClock, escalate, fall_silent, make_check, visitor

ANNA = Person("anna", "Anna", (Contact("telegram", "42"),))
OPS = Policy("ops", (Step(("anna",), timedelta(minutes=5)),))


async def page(system: System, clock: SetClock, slug: str = "job") -> None:
    """A check falls silent and Anna is paged for it."""
    await fall_silent(system, clock, await make_check(system, slug))
    await escalate(system, clock)
    await carry(system)


async def incident_of(admin: httpx.AsyncClient, number: int = 1) -> Any:
    """An incident as the API shows it."""
    return (await admin.get(f"/v1/incidents/{number}")).json()


class Chats:
    """Telegram, Slack and PagerDuty at once: they take every message, and count them."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        message = json.loads(request.content)
        if "routing_key" in message:
            self.calls.append((message["event_action"], message))
            return httpx.Response(202, stream=httpx.ByteStream(b"{}"))
        method = request.url.path.rpartition("/")[2]
        self.calls.append((method, message))
        number = message.get("message_id") or len(self.calls)
        telegram = {"result": {"message_id": number, "chat": {"id": int(message.get("chat_id", 0))}}}
        slack = {"channel": message.get("channel", ""), "ts": f"{message.get('ts', number)}"}
        said = {"ok": True} | (telegram if "chat_id" in message else slack)
        return httpx.Response(200, stream=httpx.ByteStream(json.dumps(said).encode()))


@pytest.fixture
def chats() -> Chats:
    """The providers of chats."""
    return Chats()


@pytest.fixture
async def chat_system(
    kind: str, make_database_url: Callable[[str], str], settings: Settings, clock: SetClock, chats: Chats
) -> AsyncIterator[System]:
    """A system that pages by chats."""
    database = Database(make_database_url(kind))
    async with httpx.AsyncClient(transport=httpx.MockTransport(chats)) as http:
        made = app.build(replace(settings, public_url=PUBLIC), database=database, clock=clock, http=http)
        yield made
        await made.stop()
    database.close()


CHATS = {
    "telegram": {"token": "123456:a-t0ken-of-a-bot-that-nobody-knows", "secret": "s3cret"},
    "slack_bot": {"token": "xoxb-1-2-abc", "signing_secret": "s3cret"},
}
CLARA = Person("clara", "Clara", (Contact("telegram", "42"), Contact("slack_bot", "U024BE7LH")))


async def chat(system: System, address: Contact) -> None:
    """Anna is paged in a chat. Clara only has contacts there."""
    anna = replace(ANNA, contacts=(address,))
    await system.context.database.write(lambda db: desk.install(db, [anna, CLARA], [OPS], CHATS))


async def press_button(
    client: httpx.AsyncClient, clock: SetClock, kind: str, notice: str, user: str
) -> httpx.Response:
    """A user presses the button of a notice."""
    if kind == "telegram":
        who = {"id": int(user), "first_name": "Eve"}
        update = {"callback_query": {"id": "q1", "data": notice, "from": who}}
        secret = {"X-Telegram-Bot-Api-Secret-Token": "s3cret"}
        return await client.post("/callbacks/telegram", json=update, headers=secret)
    action = {"action_id": "acknowledge", "value": notice}
    payload = {"type": "block_actions", "user": {"id": user, "name": "Eve"}, "actions": [action]}
    body = urlencode({"payload": json.dumps(payload)}).encode()
    moment = str(int(clock.now().timestamp()))
    signed = {
        "X-Slack-Request-Timestamp": moment,
        "X-Slack-Signature": slack_bot.signature("s3cret", moment, body),
    }
    return await client.post("/callbacks/slack_bot", content=body, headers=signed)


def button_of(kind: str, message: dict[str, Any]) -> str:
    """What the button of a message carries."""
    if kind == "telegram":
        return str(message["reply_markup"]["inline_keyboard"][0][0]["callback_data"])
    return str(message["blocks"][-1]["elements"][0]["value"])


ROOMS = [("telegram", "-1001234"), ("slack_bot", "C024BE91L")]


@pytest.mark.parametrize(("by", "name"), [("known", "Clara"), ("stranger", "Eve (on {})")])
@pytest.mark.parametrize(("via", "room"), ROOMS)
async def test_a_button_in_a_chat_is_pressed_by_somebody_and_changes_the_message(
    chat_system: System,
    clock: SetClock,
    chats: Chats,
    via: str,
    room: str,
    by: str,
    name: str,
) -> None:
    async with (
        visitor(chat_system) as client,
        visitor(chat_system, Authorization=f"Bearer {ADMIN_KEY}") as admin,
    ):
        await chat(chat_system, Contact(via, room))
        await page(chat_system, clock)
        [(posted, message)] = chats.calls
        known = {"telegram": "42", "slack_bot": "U024BE7LH"}[via]
        user = known if by == "known" else {"telegram": "66", "slack_bot": "U0EVE0EVE"}[via]
        for _ in range(2):
            pressed = await press_button(client, clock, via, button_of(via, message), user)
            assert pressed.status_code == 200
        incident = await incident_of(admin)
        expected = name.format({"telegram": "Telegram", "slack_bot": "Slack"}[via])
        assert (incident["state"], incident["acknowledged_by"]) == ("acknowledged", expected)
        await carry(chat_system)
        assert (await admin.post("/v1/incidents/1/resolve", json={"by": "Ben"})).is_success
        await carry(chat_system)
    changed = {"telegram": "editMessageText", "slack_bot": "chat.update"}[via]
    assert [method for method, _ in chats.calls] == [posted, changed, changed]
    assert f"acknowledged by {expected}" in str(chats.calls[1][1]).replace("Acknowledged", "acknowledged")


@pytest.mark.parametrize(("via", "room"), ROOMS)
async def test_a_button_of_a_test_page_proves_the_contact(
    chat_system: System, clock: SetClock, chats: Chats, via: str, room: str
) -> None:
    async with (
        visitor(chat_system) as client,
        visitor(chat_system, Authorization=f"Bearer {ADMIN_KEY}") as admin,
    ):
        await chat(chat_system, Contact(via, room))
        assert (await admin.post("/v1/people/anna/test-page")).is_success
        [(_, message)] = chats.calls
        if via == "telegram":
            # Its id is longer than what a button there may carry, so that the button opens the link.
            assert "/answer/test/" in message["reply_markup"]["inline_keyboard"][0][0]["url"]
            return
        assert (await press_button(client, clock, via, button_of(via, message), "U024BE7LH")).is_success
        [contact] = (await admin.get("/v1/people/anna")).json()["contacts"]
        assert contact["proven_at"]


MAILBOX, SECRET = "pages@example.com", "a-secret-that-nobody-guesses"
MAIL = {
    "smtp": "smtp://127.0.0.1:9?starttls=never",
    "from": "hb@example.com",
    "reply_to": MAILBOX,
    "reply_secret": SECRET,
}


@pytest.mark.parametrize(
    ("sender", "name"), [("anna@example.org", "Anna"), ("ben@example.org", "ben@example.org")]
)
async def test_a_reply_to_a_mail_acknowledges(
    chat_system: System, clock: SetClock, sender: str, name: str
) -> None:
    """Also if the answer of the mail server was lost, so that nothing says that the mail was sent."""
    anna = replace(ANNA, contacts=(Contact("email", "anna@example.org"),))
    await chat_system.context.database.write(lambda db: desk.install(db, [anna], [OPS], {"email": MAIL}))
    await page(chat_system, clock)
    dossier = await chat_system.context.database.read(lambda db: desk.dossier(db, 1))
    assert dossier
    own = outside.of_page(dossier.pages[0].id, dossier.pages[0].created_at, dossier.incident)
    mail = EmailMessage()
    mail["From"], mail["To"] = sender, mail_reply.address(MAILBOX, SECRET, own)
    async with (
        visitor(chat_system) as client,
        visitor(chat_system, Authorization=f"Bearer {ADMIN_KEY}") as admin,
    ):
        mail.set_content("Thanks, I see it.")
        assert (await client.post("/callbacks/email", content=mail.as_bytes())).status_code == 400
        assert (await incident_of(admin))["state"] == "open"
        mail.set_content("OK\n\n> CRITICAL job silent")
        for _ in range(2):
            assert (await client.post("/callbacks/email", content=mail.as_bytes())).status_code == 200
        incident = await incident_of(admin)
    assert (incident["state"], incident["acknowledged_by"]) == ("acknowledged", name)


async def test_a_late_answer_at_pagerduty_does_not_answer_what_was_paged_since(
    chat_system: System, clock: SetClock, chats: Chats
) -> None:
    """All pages of an incident have one id there."""
    anna = replace(ANNA, contacts=(Contact("pagerduty", "0123456789abcdef0123456789abcdef"),))
    setup = {"pagerduty": {"webhook_secret": SECRET}}
    await chat_system.context.database.write(lambda db: desk.install(db, [anna], [OPS], setup))
    await page(chat_system, clock)
    key, first = chats.calls[0][1]["dedup_key"], clock.now()
    async with (
        visitor(chat_system) as client,
        visitor(chat_system, Authorization=f"Bearer {ADMIN_KEY}") as admin,
    ):
        until = (clock.now() + timedelta(minutes=10)).isoformat()
        assert (await admin.post("/v1/incidents/1/snooze", json={"until": until})).is_success
        clock.advance(minutes=10)
        await escalate(chat_system, clock)
        await carry(chat_system)
        states = []
        for at in (first, clock.now()):
            event = {
                "event_type": "incident.acknowledged",
                "occurred_at": at.isoformat(),
                "agent": {"type": "user_reference", "summary": "Anna Li"},
                "data": {"incident_key": key},
            }
            body = json.dumps({"event": event}).encode()
            signed = {"X-PagerDuty-Signature": pagerduty.signature(SECRET, body)}
            assert (
                await client.post("/callbacks/pagerduty", content=body, headers=signed)
            ).status_code == 200
            states.append((await incident_of(admin))["state"])
        assert states == ["open", "acknowledged"]
        assert (await incident_of(admin))["acknowledged_by"] == "Anna Li (on PagerDuty)"
