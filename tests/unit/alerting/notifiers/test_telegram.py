"""Telegram on the wire: a message with a button, its changes, and what the bot's webhook brings."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest

from alerting.notice import Notice, NoticeKind
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
from alerting.notifiers.telegram import TEXT_LIMIT, Telegram

from .loopback import Provider

TOKEN = "123456:a-t0ken-of-a-bot-that-nobody-knows"
SECRET = "what-telegram-sends-along"
TAKEN = '{"ok":true,"result":{"message_id":7,"chat":{"id":123456789},"text":"CRITICAL"}}'
PAGE_ID = "page-7-north-1714705200000000"

Sending = Callable[..., Awaitable[Outcome]]


@pytest.fixture
def telegram(http: httpx.AsyncClient, provider: Provider) -> Telegram:
    """A notifier whose bot has a webhook."""
    settings = {"token": TOKEN, "secret": SECRET, "url": provider.url}
    return Telegram.configured(settings, http).called_back_at("https://hb.example.com/callbacks/telegram")


@pytest.fixture
def send(telegram: Telegram, provider: Provider, notice: Notice) -> Sending:
    """Send the notice, changed as a test says."""
    provider.answers(200, TAKEN)

    async def sent(notifier: Telegram = telegram, to: str = "123456789", **changes: Any) -> Outcome:
        return await notifier.send(replace(notice, **{"id": PAGE_ID, **changes}), Contact("telegram", to))

    return sent


async def test_what_is_on_the_wire(provider: Provider, send: Sending) -> None:
    assert await send() == Accepted("200 OK", provider_id="123456789:7")
    (request,) = provider.heard
    assert request.line == f"POST /bot{TOKEN}/sendMessage HTTP/1.1"
    assert request.json() == {
        "chat_id": "123456789",
        "text": "🔴 CRITICAL us-housekeeping: 4 of 11 jobs silent\n"
        "daily-cpu-reset due 03:00, last heard 02 May 03:01 (24 h ago)\n"
        "7 jobs on the host alive, newest 03:04\n"
        "You are first on call (ops). If nobody answers, Ben is paged at 03:20",
        "link_preview_options": {"is_disabled": True},
        "reply_markup": {
            "inline_keyboard": [
                [{"text": "Acknowledge", "callback_data": PAGE_ID}],
                [{"text": "Open", "url": "https://hb.example.com/incidents/17"}],
            ]
        },
        "disable_notification": False,
    }


@pytest.mark.parametrize("changes", [{"id": "x" * 65}, {}])
async def test_a_button_that_cannot_call_back_opens_the_link(
    http: httpx.AsyncClient, telegram: Telegram, provider: Provider, send: Sending, changes: dict[str, str]
) -> None:
    await send(telegram if changes else replace(telegram, secret=""), **changes)
    [[button], _] = provider.heard[0].json()["reply_markup"]["inline_keyboard"]
    assert button == {"text": "Acknowledge", "url": "https://hb.example.com/ack/t0ken"}


async def test_no_link_is_sent_that_telegram_would_refuse(
    telegram: Telegram, provider: Provider, send: Sending
) -> None:
    await send(replace(telegram, callback=""))
    assert provider.heard[0].json()["reply_markup"] == {"inline_keyboard": []}


@pytest.mark.parametrize(
    ("kind", "fine", "mark"),
    [
        (NoticeKind.ACKNOWLEDGED, False, "🔵"),
        (NoticeKind.RECOVERED, True, "🟢"),
        (NoticeKind.RECOVERED, False, "🟡"),
    ],
)
async def test_a_new_state_changes_the_messages(
    provider: Provider, send: Sending, kind: NoticeKind, fine: bool, mark: str
) -> None:
    messages = ("123456789:7", "123456789:9")
    outcome = await send(kind=kind, fine=fine, ack_url=None, messages=messages, lines=())
    assert outcome == Accepted("200 OK", provider_id="123456789:7")
    assert [request.line for request in provider.heard] == [f"POST /bot{TOKEN}/editMessageText HTTP/1.1"] * 2
    sent = [request.json() for request in provider.heard]
    assert [(each["chat_id"], each["message_id"]) for each in sent] == [("123456789", 7), ("123456789", 9)]
    assert {each["text"] for each in sent} == {f"{mark} CRITICAL us-housekeeping: 4 of 11 jobs silent"}
    assert {str(each["reply_markup"]["inline_keyboard"][0][0]["text"]) for each in sent} == {"Open"}


@pytest.mark.parametrize("kind", [NoticeKind.PAGE, NoticeKind.UPDATE])
async def test_what_must_be_heard_is_a_new_message_below_the_first(
    provider: Provider, send: Sending, kind: NoticeKind
) -> None:
    await send(kind=kind, messages=("123456789:7", "123456789:9"))
    (request,) = provider.heard
    assert "sendMessage" in request.line
    assert request.json()["reply_parameters"] == {"message_id": 7, "allow_sending_without_reply": True}


@pytest.mark.parametrize(
    "why", ["message is not modified: same", "message to edit not found", "message can't be edited"]
)
async def test_a_message_that_cannot_be_changed_any_more_ends_the_notice(
    provider: Provider, send: Sending, why: str
) -> None:
    provider.answers(400, json.dumps({"ok": False, "error_code": 400, "description": f"Bad Request: {why}"}))
    assert isinstance(await send(kind=NoticeKind.RECOVERED, messages=("1:7", "1:9")), Accepted)
    assert len(provider.heard) == 2


async def test_a_change_is_tried_again_while_telegram_is_away(provider: Provider, send: Sending) -> None:
    provider.answers(502, "")
    assert isinstance(await send(kind=NoticeKind.RECOVERED, messages=("1:7", "1:9")), Unreachable)
    assert len(provider.heard) == 1


async def test_a_long_text_is_cut_and_its_long_answer_is_read(provider: Provider, send: Sending) -> None:
    provider.answers(200, json.dumps(json.loads(TAKEN) | {"more": "x" * 20_000}))
    assert isinstance(await send(lines=("😀" * 4000,)), Accepted)
    text = provider.heard[0].json()["text"]
    assert TEXT_LIMIT - 2 < len(text.encode("utf-16-le")) // 2 <= TEXT_LIMIT


async def test_a_rate_limit_says_how_long_to_wait(provider: Provider, send: Sending) -> None:
    said = {"ok": False, "error_code": 429, "description": "Too Many Requests: retry after 35"}
    provider.answers(429, json.dumps(said | {"parameters": {"retry_after": 35}}))
    reason = f"{provider.where} answered 429 Too Many Requests: Too Many Requests: retry after 35"
    assert await send() == Unreachable(reason, timedelta(seconds=35), throttled=True)


@pytest.mark.parametrize(
    ("status", "why", "address"),
    [
        (400, "Bad Request: chat not found", True),
        (403, "Forbidden: bot was blocked by the user", True),
        (400, "Bad Request: message text is empty", False),
        (401, "Unauthorized", False),
    ],
)
async def test_a_refusal_says_whether_it_is_the_chat(
    provider: Provider, send: Sending, status: int, why: str, address: bool
) -> None:
    provider.answers(status, json.dumps({"ok": False, "error_code": status, "description": why}))
    outcome = await send()
    assert isinstance(outcome, Refused)
    assert outcome.address == address
    assert outcome.reason.endswith(why)


def call(update: object, secret: str = SECRET) -> Call:
    """A call of Telegram's."""
    return Call({"x-telegram-bot-api-secret-token": secret}, json.dumps(update).encode())


def pressed(**who: Any) -> dict[str, Any]:
    """A button was pressed by somebody."""
    message = {"message_id": 7, "chat": {"id": -1001234}}
    return {"update_id": 1, "callback_query": {"id": "q1", "data": PAGE_ID, "from": who, "message": message}}


def test_a_pressed_button_is_somebodys(telegram: Telegram) -> None:
    anna = pressed(id=42, is_bot=False, first_name="Anna", last_name="Li", username="anna_li")
    assert telegram.received(call(anna)) == [
        Acknowledgement(notice=PAGE_ID, address="42", by="Anna Li (@anna_li on Telegram)")
    ]
    nameless = telegram.received(call(pressed(id=43)))
    assert nameless == [Acknowledgement(notice=PAGE_ID, address="43", by="Somebody (on Telegram)")]


def test_who_pressed_sees_what_it_did(telegram: Telegram) -> None:
    answer = telegram.response(call(pressed(id=42)), ["Acknowledged by Anna."])
    assert json.loads(answer.text) == {
        "method": "answerCallbackQuery",
        "callback_query_id": "q1",
        "text": "Acknowledged by Anna.",
    }


def test_who_starts_the_bot_learns_their_address(telegram: Telegram) -> None:
    started = call({"update_id": 2, "message": {"text": "/start@heartbeat_bot", "chat": {"id": -1001234}}})
    assert telegram.received(started) == []
    answer = json.loads(telegram.response(started, []).text)
    assert (answer["method"], answer["chat_id"]) == ("sendMessage", -1001234)
    assert answer["text"].endswith(": -1001234")


@pytest.mark.parametrize(
    "update", [{}, {"message": {"text": "hi", "chat": {"id": 1}}}, {"callback_query": {"id": "1"}}]
)
def test_anything_else_means_nothing(telegram: Telegram, update: object) -> None:
    assert telegram.received(call(update)) == []
    assert isinstance(json.loads(telegram.response(call(update), []).text), dict)


def test_only_telegram_knows_the_secret(telegram: Telegram) -> None:
    for guessed in ("", "guessed", "ä"):
        assert isinstance(telegram.received(call(pressed(id=42), guessed)), Unsigned)
    assert isinstance(replace(telegram, secret="").received(call(pressed(id=42), "")), Unsigned)


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff"])
def test_what_is_no_update_is_malformed(telegram: Telegram, body: bytes) -> None:
    assert isinstance(telegram.received(replace(call({}), body=body)), Malformed)


@pytest.mark.parametrize("address", ["123456789", "-1001234567890", "@ops_channel", "${ANNAS_CHAT}"])
def test_an_address_is_a_chat(address: str) -> None:
    assert Telegram.wrong_address(address) is None


@pytest.mark.parametrize("address", ["anna", "+4915112345678", "@x", "12 3"])
def test_any_other_address_is_refused(address: str) -> None:
    assert Telegram.wrong_address(address)


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ({}, "token must be"),
        ({"token": "123456"}, "token must be"),
        ({"token": TOKEN, "secret": "two words"}, "secret may have"),
        ({"token": TOKEN, "url": "telegram"}, "url must be"),
        ({"token": TOKEN, "chat": "1"}, "chat is not a setting here"),
    ],
)
def test_wrong_settings_are_refused(http: httpx.AsyncClient, settings: dict[str, str], fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        Telegram.configured(settings, http)
