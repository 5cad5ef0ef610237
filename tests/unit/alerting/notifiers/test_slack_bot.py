"""Slack's bot on the wire: a button that calls back, messages that change, and whose press it was."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from alerting.notice import Notice, NoticeKind
from alerting.notifiers import slack_bot
from alerting.notifiers.contract import (
    Accepted,
    Acknowledgement,
    Call,
    Contact,
    Malformed,
    Outcome,
    Refused,
    Unreachable,
    Unsigned,
)
from alerting.notifiers.slack_bot import SlackBot

from .loopback import Provider

TOKEN = "xoxb-17653672481-19874698323-pdFZKVeTuE8sk7oOcBrzbqgy"
SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
TAKEN = '{"ok":true,"channel":"C024BE91L","ts":"1503435956.000247","message":{"text":"CRITICAL"}}'
PAGE_ID = "page-7-north-1714705200000000"
NOW = datetime(2026, 5, 3, 3, 16, tzinfo=UTC)

Sending = Callable[..., Awaitable[Outcome]]


@pytest.fixture
def bot(http: httpx.AsyncClient, provider: Provider) -> SlackBot:
    """A notifier whose app can call back."""
    settings = {"token": TOKEN, "signing_secret": SECRET, "url": f"{provider.url}/api"}
    return SlackBot.configured(settings, http).called_back_at("https://hb.example.com/callbacks/slack_bot")


@pytest.fixture
def send(bot: SlackBot, provider: Provider, notice: Notice) -> Sending:
    """Send the notice, changed as a test says."""
    provider.answers(200, TAKEN)

    async def sent(notifier: SlackBot = bot, **changes: Any) -> Outcome:
        contact = Contact("slack_bot", "C024BE91L")
        return await notifier.send(replace(notice, **{"id": PAGE_ID, **changes}), contact)

    return sent


async def test_what_is_on_the_wire(provider: Provider, send: Sending) -> None:
    assert await send() == Accepted("200 OK", provider_id="C024BE91L:1503435956.000247")
    (request,) = provider.heard
    assert request.line == "POST /api/chat.postMessage HTTP/1.1"
    assert request.headers["authorization"] == f"Bearer {TOKEN}"
    message = request.json()
    assert (message["channel"], "thread_ts" in message) == ("C024BE91L", False)
    assert message["text"].startswith("CRITICAL us-housekeeping: 4 of 11 jobs silent\n")
    acknowledge, opens = message["blocks"][-1]["elements"]
    assert acknowledge == {
        "type": "button",
        "text": {"type": "plain_text", "text": "Acknowledge", "emoji": False},
        "style": "primary",
        "action_id": "acknowledge",
        "value": PAGE_ID,
    }
    assert opens["url"] == "https://hb.example.com/incidents/17"


@pytest.mark.parametrize("changes", [{"signing_secret": ""}, {"callback": ""}])
async def test_a_button_that_cannot_call_back_opens_the_link(
    bot: SlackBot, provider: Provider, send: Sending, changes: dict[str, Any]
) -> None:
    await send(replace(bot, **changes))
    button = provider.heard[0].json()["blocks"][-1]["elements"][0]
    assert (button["url"], "value" in button) == ("https://hb.example.com/ack/t0ken", False)


@pytest.mark.parametrize("kind", [NoticeKind.ACKNOWLEDGED, NoticeKind.RECOVERED])
async def test_a_new_state_changes_the_messages(provider: Provider, send: Sending, kind: NoticeKind) -> None:
    await send(
        kind=kind, ack_url=None, messages=("C024BE91L:1503435956.000247", "C024BE91L:1503435999.000001")
    )
    assert [request.line for request in provider.heard] == ["POST /api/chat.update HTTP/1.1"] * 2
    changed = [request.json() for request in provider.heard]
    assert [each["ts"] for each in changed] == ["1503435956.000247", "1503435999.000001"]
    assert not any("value" in str(each["blocks"]) for each in changed)


@pytest.mark.parametrize("kind", [NoticeKind.PAGE, NoticeKind.UPDATE])
async def test_what_must_be_heard_is_posted_in_the_thread_and_the_channel(
    provider: Provider, send: Sending, kind: NoticeKind
) -> None:
    await send(kind=kind, messages=("C024BE91L:1503435956.000247",))
    message = provider.heard[0].json()
    assert (message["thread_ts"], message["reply_broadcast"]) == ("1503435956.000247", True)


async def test_a_change_without_a_message_is_posted(provider: Provider, send: Sending) -> None:
    await send(kind=NoticeKind.RECOVERED)
    assert "chat.postMessage" in provider.heard[0].line


@pytest.mark.parametrize("word", ["message_not_found", "cant_update_message", "edit_window_closed"])
async def test_a_message_that_cannot_be_changed_any_more_ends_the_notice(
    provider: Provider, send: Sending, word: str
) -> None:
    provider.answers(200, json.dumps({"ok": False, "error": word}))
    assert isinstance(await send(kind=NoticeKind.RECOVERED, messages=("C1:1.1", "C1:1.2")), Accepted)
    assert len(provider.heard) == 2


@pytest.mark.parametrize(
    ("word", "address"),
    [("channel_not_found", True), ("is_archived", True), ("invalid_auth", False), ("<x>", False)],
)
async def test_a_refusal_says_whether_it_is_the_channel(
    provider: Provider, send: Sending, word: str, address: bool
) -> None:
    provider.answers(200, json.dumps({"ok": False, "error": word}))
    shown = f"answered {word}" if word != "<x>" else "refused the message, for a reason that cannot be shown"
    assert await send() == Refused(f"{provider.where} {shown}", address=address)


@pytest.mark.parametrize("word", ["internal_error", "service_unavailable", "request_timeout"])
async def test_trouble_at_slack_is_not_a_refusal(provider: Provider, send: Sending, word: str) -> None:
    provider.answers(200, json.dumps({"ok": False, "error": word}))
    assert await send() == Unreachable(f"{provider.where} answered {word}")


@pytest.mark.parametrize("status", [200, 429])
async def test_a_rate_limit_says_how_long_to_wait(provider: Provider, send: Sending, status: int) -> None:
    provider.answers(status, '{"ok":false,"error":"ratelimited"}', {"Retry-After": "30"})
    outcome = await send()
    assert isinstance(outcome, Unreachable)
    assert (outcome.throttled, outcome.retry_after) == (True, timedelta(seconds=30))


def press(secret: str = SECRET, seconds: int = 0, **changes: Any) -> Call:
    """Somebody presses the button, by a clock at Slack's that is off by some seconds."""
    payload = {
        "type": "block_actions",
        "user": {"id": "U024BE7LH", "username": "anna", "name": "anna"},
        "actions": [{"type": "button", "action_id": "acknowledge", "value": PAGE_ID}],
        **changes,
    }
    body = urlencode({"payload": json.dumps(payload)}).encode()
    return signed(body, secret, seconds)


def signed(body: bytes, secret: str = SECRET, seconds: int = 0) -> Call:
    """A call of Slack's with this body."""
    moment = str(int(NOW.timestamp()) + seconds)
    headers = {
        "x-slack-request-timestamp": moment,
        "x-slack-signature": slack_bot.signature(secret, moment, body),
    }
    return Call(headers, body, at=NOW)


def test_the_signature_is_the_published_one() -> None:
    """The example of Slack's documentation."""
    body = (
        b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V"
        b"&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text="
        b"&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
        b"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
    )
    published = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
    assert slack_bot.signature("8f742231b10e8888abcd99yyyzzz85a5", "1531420618", body) == published


def test_a_pressed_button_is_somebodys(bot: SlackBot) -> None:
    pressed = Acknowledgement(notice=PAGE_ID, address="U024BE7LH", by="anna (on Slack)")
    assert bot.received(press()) == [pressed]


@pytest.mark.parametrize("seconds", [-300, 0, 300])
def test_a_call_may_be_up_to_five_minutes_off(bot: SlackBot, seconds: int) -> None:
    assert bot.received(press(seconds=seconds))


@pytest.mark.parametrize("seconds", [-301, 301])
def test_an_older_call_may_be_a_copy_and_is_refused(bot: SlackBot, seconds: int) -> None:
    assert isinstance(bot.received(press(seconds=seconds)), Unsigned)


def test_a_call_that_slack_has_not_signed_is_refused(bot: SlackBot) -> None:
    genuine = press()
    for call in (
        press("guessed"),
        replace(genuine, body=genuine.body + b"x"),
        replace(genuine, headers={}),
        replace(genuine, headers={**genuine.headers, "x-slack-request-timestamp": "soon"}),
    ):
        assert isinstance(bot.received(call), Unsigned)
    assert isinstance(replace(bot, signing_secret="").received(press("")), Unsigned)


@pytest.mark.parametrize(
    "changes",
    [
        {"type": "view_submission"},
        {"actions": [{"type": "button", "action_id": "xyz", "url": "https://hb.example.com"}]},
        {"actions": []},
        {"user": None},
    ],
)
def test_anything_else_means_nothing(bot: SlackBot, changes: dict[str, Any]) -> None:
    assert bot.received(press(**changes)) == []


@pytest.mark.parametrize("body", [b"", b"payload=", b"payload=[]", b"payload={", b"\xff"])
def test_what_is_no_payload_is_malformed(bot: SlackBot, body: bytes) -> None:
    assert isinstance(bot.received(signed(body)), Malformed)


@pytest.mark.parametrize("address", ["C024BE91L", "U024BE7LH", "G8PSS9T3V", "${ROOM}"])
def test_an_address_is_a_channel_or_a_person(address: str) -> None:
    assert SlackBot.wrong_address(address) is None


@pytest.mark.parametrize("address", ["#ops", "ops", "C1", "https://hooks.slack.com/services/x"])
def test_any_other_address_is_refused(address: str) -> None:
    assert SlackBot.wrong_address(address)


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ({}, "token must be"),
        ({"token": "xyz"}, "token must be"),
        ({"token": TOKEN, "signing_secret": "two words"}, "signing_secret must be"),
        ({"token": TOKEN, "url": "slack"}, "url must be"),
    ],
)
def test_wrong_settings_are_refused(http: httpx.AsyncClient, settings: dict[str, str], fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        SlackBot.configured(settings, http)
