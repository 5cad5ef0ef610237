"""A code that proves a contact arrives whole, whatever people read it by, and nothing asks for an answer."""

import json
from urllib.parse import unquote_plus

import httpx
import pytest

from alerting import notice
from alerting.contact_code import LASTS
from alerting.notifiers import registry
from alerting.notifiers.contract import Contact
from alerting.person import Person
from tests.unit.alerting.subjects import ANNA, AT

CODE = "048291"
TWILIO = {"account_sid": f"AC{32 * 'a'}", "auth_token": "t0ken", "from": "+15005550006"}
WAYS = {
    "discord": ({}, "https://discord.example.com/api/webhooks/1/x"),
    "matrix": ({"url": "https://matrix.example.com", "token": "5ecret"}, "!ops:example.com"),
    "mattermost": ({}, "https://chat.example.com/hooks/x"),
    "ntfy": ({}, "https://ntfy.example.com/anna"),
    "pushover": ({"token": "a" * 30}, "u" * 30),
    "signal": ({"url": "https://signal.example.com", "number": "+15005550006"}, "+15005550001"),
    "slack": ({}, "https://hooks.slack.example.com/services/T0/B0/x"),
    "slack_bot": ({"token": "xoxb-t0ken", "signing_secret": "s" * 32}, "C024BE91L"),
    "sms": (TWILIO | {"replies": "yes"}, "+15005550001"),
    "teams": ({}, "https://teams.example.com/workflows/x"),
    "telegram": ({"token": "123456:a-t0ken-of-a-bot-that-nobody-knows", "secret": "s" * 32}, "42"),
    "voice": (TWILIO, "+15005550001"),
}
"""The settings, and an address, of each kind that sends a code by HTTP in clear."""
OTHERWISE = {"apprise", "console", "email", "push"}
"""The kinds whose messages other tests read: in the terminal, in a mail, encrypted, and by a library."""


def test_every_kind_that_people_read_is_tried() -> None:
    assert WAYS.keys() | OTHERWISE == registry.kinds_that("digests")


@pytest.mark.parametrize("kind", WAYS)
async def test_a_code_arrives_whole(kind: str) -> None:
    settings, address = WAYS[kind]
    bodies: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        bodies.append(unquote_plus(request.content.decode()))
        said = {"ok": True, "id": "x", "sid": "SM1", "result": {"message_id": 1}}
        return httpx.Response(200, stream=httpx.ByteStream(json.dumps(said).encode()))

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
        notifier = registry.assemble({kind: settings}, http)[kind]
        contact = Contact(kind, address)
        await notifier.send(a_code(ANNA, contact), contact)
    assert bodies
    text = bodies[-1]
    assert (", ".join(CODE) if kind == "voice" else CODE) in text
    assert "Reply OK" not in text
    assert "I got it" not in text
    assert "Acknowledge" not in text


def a_code(person: Person, contact: Contact) -> notice.Notice:
    return notice.proof_code(
        person, contact, CODE, LASTS, home="https://hb.example.com", installation="a1b2c3", now=AT
    )


@pytest.mark.parametrize("name", ["Anna", "A" * 80, "Ānna ✓ of the night"])
def test_a_long_name_costs_no_digit(name: str) -> None:
    message = a_code(Person("anna", name, ()), Contact("sms", "+15005550001"))
    assert message.title.startswith(CODE)
    assert message.short.startswith(CODE)
    assert len(message.title) <= notice.TITLE_LIMIT
