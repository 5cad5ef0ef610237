"""Calls on the wire: what is read, which key answers, and what Twilio reports later."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlencode
from xml.etree import ElementTree

import httpx
import pytest

from alerting.notice import Notice, NoticeKind
from alerting.notifiers import twilio
from alerting.notifiers.contract import (
    Accepted,
    Acknowledgement,
    Arrived,
    Call,
    Contact,
    Outcome,
    Received,
    Undelivered,
    Unreachable,
    Unsigned,
)
from alerting.notifiers.voice import SPOKEN, Voice

from .loopback import Provider

SID = f"CA{32 * '1'}"
TOKEN = "t0ken-of-the-account"
CALLBACK = "https://hb.example.com/callbacks/voice"
KEY = "notice=page-7-north-1714705200000000"
SETTINGS = {"account_sid": f"AC{32 * 'a'}", "auth_token": TOKEN, "from": "+15005550006"}

Sending = Callable[..., Awaitable[Outcome]]


@pytest.fixture
def voice(http: httpx.AsyncClient, provider: Provider) -> Voice:
    """A notifier that Twilio can call back."""
    return Voice.configured(SETTINGS | {"url": provider.url}, http).called_back_at(CALLBACK)


@pytest.fixture
def send(voice: Voice, provider: Provider, notice: Notice) -> Sending:
    """Send the notice, changed as a test says."""
    provider.answers(201, json.dumps({"sid": SID, "status": "queued"}))

    async def sent(notifier: Voice = voice, **changes: Any) -> Outcome:
        return await notifier.send(replace(notice, **changes), Contact("voice", "+4915112345678"))

    return sent


def script_of(provider: Provider) -> ElementTree.Element:
    """What Twilio is to do in the last call."""
    form = dict(parse_qsl(provider.heard[-1].body.decode()))
    assert len(form["Twiml"]) <= 4000
    return ElementTree.fromstring(form["Twiml"].encode())


def said(script: ElementTree.Element) -> list[str]:
    """The texts that are read."""
    return [say.text or "" for say in script.iter("Say")]


async def test_what_is_on_the_wire(provider: Provider, send: Sending) -> None:
    assert await send() == Accepted("201 Created", provider_id=SID)
    (request,) = provider.heard
    assert request.line == f"POST /2010-04-01/Accounts/AC{32 * 'a'}/Calls.json HTTP/1.1"
    form = parse_qsl(request.body.decode())
    assert [(name, text) for name, text in form if name != "Twiml"] == [
        ("To", "+4915112345678"),
        ("From", "+15005550006"),
        ("Timeout", "45"),
        ("StatusCallback", CALLBACK),
        ("StatusCallbackEvent", "answered"),
        ("StatusCallbackEvent", "completed"),
    ]
    script = script_of(provider)
    gather = script[0]
    assert (gather.tag, gather.attrib) == (
        "Gather",
        {"action": f"{CALLBACK}?notice=notice_17_0_anna", "method": "POST", "numDigits": "1", "timeout": "5"},
    )
    assert said(script) == [
        "CRITICAL us-housekeeping: 4 of 11 jobs silent. "
        "daily-cpu-reset due 03:00, last heard 02 May 03:01 (24 h ago). "
        "7 jobs on the host alive, newest 03:04. "
        "You are first on call (ops). If nobody answers, Ben is paged at 03:20. "
        "Press 1 to acknowledge.",
        "Nobody has acknowledged. Goodbye.",
    ]


async def test_a_test_asks_whether_it_arrived(provider: Provider, send: Sending) -> None:
    await send(kind=NoticeKind.TEST)
    assert said(script_of(provider))[0].endswith("Press 1 if you got it.")


async def test_no_key_is_asked_for_that_could_not_reach_us(
    http: httpx.AsyncClient, provider: Provider, send: Sending
) -> None:
    await send(Voice.configured(SETTINGS | {"url": provider.url}, http))
    script = script_of(provider)
    assert [each.tag for each in script] == ["Say"]
    assert "Press" not in said(script)[0]
    assert "StatusCallback" not in provider.heard[-1].body.decode()


@pytest.mark.parametrize("line", ["word " * 1000, "&<>" * 1000])
async def test_a_call_is_short_and_its_title_comes_first(
    provider: Provider, send: Sending, line: str
) -> None:
    await send(lines=(line,))
    text = said(script_of(provider))[0]
    assert text.startswith("CRITICAL us-housekeeping: 4 of 11 jobs silent. ")
    assert len(text) <= SPOKEN + len(" Press 1 to acknowledge.") + 1


async def test_a_call_without_an_answer_of_twilio_may_be_under_way(
    voice: Voice, provider: Provider, send: Sending, bound: Any
) -> None:
    provider.hangs()
    outcome = await send(replace(voice, account=replace(voice.account, bound=bound)))
    assert isinstance(outcome, Unreachable)
    assert outcome.may_have_arrived


def called(form: dict[str, str], query: str = "", token: str = TOKEN) -> Call:
    """A call of Twilio's with this form."""
    url = f"{CALLBACK}?{query}" if query else CALLBACK
    signed = twilio.signature(token, url, list(form.items())).decode()
    return Call({twilio.SIGNATURE: signed}, urlencode(form).encode(), query)


def received(voice: Voice, query: str = "", **form: str) -> Received:
    """What a call of Twilio's with these fields means."""
    return voice.received(called(form, query))


def test_the_key_1_acknowledges_the_page_of_its_address(voice: Voice) -> None:
    pressed = received(voice, KEY, CallSid=SID, CallStatus="in-progress", Digits="1")
    assert pressed == [Acknowledgement(notice="page-7-north-1714705200000000")]


@pytest.mark.parametrize("key", ["2", "*", "#", "11", ""])
def test_any_other_key_asks_again(voice: Voice, key: str) -> None:
    call = called({"CallSid": SID, "CallStatus": "in-progress", "Digits": key}, KEY)
    assert voice.received(call) == []
    answer = ElementTree.fromstring(voice.response(call, []).text.encode())
    assert answer[0].attrib["action"] == f"{CALLBACK}?{KEY}"
    assert said(answer)[0] == "Press 1 to acknowledge."


def test_who_pressed_hears_what_it_did(voice: Voice) -> None:
    call = called({"Digits": "1"}, KEY)
    answer = ElementTree.fromstring(voice.response(call, ["Acknowledged by Anna."]).text.encode())
    assert [each.tag for each in answer] == ["Say", "Hangup"]
    assert said(answer) == ["Acknowledged by Anna."]


@pytest.mark.parametrize("status", ["queued", "initiated", "ringing"])
def test_what_is_still_under_way_is_no_receipt(voice: Voice, status: str) -> None:
    assert received(voice, CallSid=SID, CallStatus=status) == []


def test_whether_somebody_picked_up_is_a_receipt(voice: Voice) -> None:
    for status in ("in-progress", "completed"):
        assert received(voice, CallSid=SID, CallStatus=status) == [Arrived(SID)]
    for status, reason in (
        ("busy", "the line was busy"),
        ("no-answer", "nobody picked up"),
        ("failed", "the call could not be connected"),
        ("canceled", "the call was cancelled"),
    ):
        assert received(voice, CallSid=SID, CallStatus=status) == [Undelivered(SID, reason)]


def test_a_key_for_another_page_needs_a_signature_of_its_own(voice: Voice) -> None:
    call = called({"CallSid": SID, "Digits": "1"}, KEY)
    assert isinstance(voice.received(replace(call, query=KEY.replace("page-7", "page-8"))), Unsigned)
    assert isinstance(voice.received(called({"Digits": "1"}, KEY, token="guessed")), Unsigned)


@pytest.mark.parametrize("sender", ["", "heartbeat", f"MG{32 * '2'}"])
def test_only_a_number_can_call(http: httpx.AsyncClient, sender: str) -> None:
    with pytest.raises(ValueError, match="from must be a number"):
        Voice.configured(SETTINGS | {"from": sender}, http)
