"""Text messages on the wire: what they say in three segments, what Twilio refuses, and what it reports later."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode

import httpx
import pytest

from alerting.notice import Notice, NoticeKind
from alerting.notifiers import gsm, twilio
from alerting.notifiers.contract import (
    Accepted,
    Arrived,
    Call,
    Contact,
    Outcome,
    Received,
    Refused,
    Reply,
    Undelivered,
    Unreachable,
    Unsigned,
)
from alerting.notifiers.sms import SEGMENTS, Sms

from .loopback import Provider

SID = f"SM{32 * '1'}"
TOKEN = "t0ken-of-the-account"
CALLBACK = "https://hb.example.com/callbacks/sms"
QUEUED = json.dumps({"sid": SID, "status": "queued", "error_code": None, "to": "+4915112345678"})
SETTINGS = {"account_sid": f"AC{32 * 'a'}", "auth_token": TOKEN, "from": "+15005550006", "replies": "yes"}

Sending = Callable[..., Awaitable[Outcome]]


@pytest.fixture
def sms(http: httpx.AsyncClient, provider: Provider) -> Sms:
    """A notifier whose messages can be replied to."""
    return Sms.configured(SETTINGS | {"url": provider.url}, http).called_back_at(CALLBACK)


@pytest.fixture
def send(sms: Sms, provider: Provider, notice: Notice) -> Sending:
    """Send the notice, changed as a test says."""
    provider.answers(201, QUEUED)

    async def sent(notifier: Sms = sms, **changes: Any) -> Outcome:
        return await notifier.send(replace(notice, **changes), Contact("sms", "+4915112345678"))

    return sent


def form_of(provider: Provider) -> dict[str, str]:
    """The last form that was sent."""
    return dict(parse_qsl(provider.heard[-1].body.decode()))


async def test_what_is_on_the_wire(provider: Provider, send: Sending) -> None:
    assert await send() == Accepted("201 Created", provider_id=SID)
    (request,) = provider.heard
    assert request.line == f"POST /2010-04-01/Accounts/AC{32 * 'a'}/Messages.json HTTP/1.1"
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert request.headers["authorization"].startswith("Basic ")
    assert form_of(provider) == {
        "To": "+4915112345678",
        "From": "+15005550006",
        "StatusCallback": CALLBACK,
        "Body": "CRITICAL us-housekeeping: 4 of 11 jobs silent\n"
        "daily-cpu-reset due 03:00, last heard 02 May 03:01 (24 h ago)\n"
        "7 jobs on the host alive, newest 03:04\n"
        "You are first on call (ops). If nobody answers, Ben is paged at 03:20\n"
        "Reply OK 17 or open https://hb.example.com/ack/t0ken",
    }


async def test_a_messaging_service_sends_too(
    http: httpx.AsyncClient, provider: Provider, send: Sending
) -> None:
    settings = SETTINGS | {"url": provider.url, "from": f"MG{32 * '2'}"}
    await send(Sms.configured(settings, http))
    assert form_of(provider)["MessagingServiceSid"] == f"MG{32 * '2'}"
    assert not {"From", "StatusCallback"} & form_of(provider).keys()


@pytest.mark.parametrize(
    ("changes", "ending"),
    [
        (
            {"kind": NoticeKind.DIGEST, "incident": None},
            "Reply OK ALL or open https://hb.example.com/ack/t0ken",
        ),
        ({"kind": NoticeKind.TEST, "incident": None}, "Reply OK or open https://hb.example.com/ack/t0ken"),
        ({"kind": NoticeKind.RECOVERED, "ack_url": None}, "Ben is paged at 03:20"),
    ],
)
async def test_each_kind_says_how_to_answer_it(
    provider: Provider, send: Sending, changes: dict[str, Any], ending: str
) -> None:
    await send(**changes)
    assert form_of(provider)["Body"].endswith(ending)


async def test_no_reply_is_asked_for_where_replies_lead_nowhere(
    http: httpx.AsyncClient, provider: Provider, send: Sending
) -> None:
    settings = {name: text for name, text in SETTINGS.items() if name != "replies"}
    await send(Sms.configured(settings | {"url": provider.url}, http))
    assert form_of(provider)["Body"].endswith("\nAcknowledge: https://hb.example.com/ack/t0ken")


@pytest.mark.parametrize("line", ["x" * 3000, "ł" * 3000, "😀" * 3000])
@pytest.mark.parametrize(
    "url",
    ["https://hb.example.com/answer/t0ken", f"https://hb.example.com/{'y' * 120}", f"https://{'y' * 500}"],
)
async def test_a_message_has_few_segments_and_its_title_whole(
    provider: Provider, send: Sending, line: str, url: str
) -> None:
    await send(lines=(line,), ack_url=url)
    body = form_of(provider)["Body"]
    assert gsm.segments(body) <= SEGMENTS
    assert body.startswith("CRITICAL us-housekeeping: 4 of 11 jobs silent\n")
    assert body.endswith(url) == (len(url) < 200)


async def test_typographic_marks_do_not_halve_the_room(provider: Provider, send: Sending) -> None:
    await send(title="“nightly” \N{EN DASH} silent…", lines=())
    assert form_of(provider)["Body"].startswith('"nightly" - silent...\n')


async def test_a_number_that_takes_nothing_is_refused(provider: Provider, send: Sending) -> None:
    provider.answers(400, '{"code":21211,"message":"Invalid \'To\' Phone Number","status":400}')
    reason = f"{provider.where} answered 400 Bad Request: Invalid 'To' Phone Number (21211)"
    assert await send() == Refused(reason, address=True)


async def test_a_number_is_shown_to_nobody_who_reads_the_timeline(provider: Provider, send: Sending) -> None:
    provider.answers(400, '{"code":21614,"message":"+4915112345678 is not a mobile number","status":400}')
    outcome = await send()
    assert isinstance(outcome, Refused)
    assert outcome.reason.endswith(": … is not a mobile number (21614)")


async def test_a_rate_limit_makes_digests(provider: Provider, send: Sending) -> None:
    provider.answers(429, '{"code":20429,"message":"Too Many Requests","status":429}', {"Retry-After": "3"})
    outcome = await send()
    assert isinstance(outcome, Unreachable)
    assert (outcome.throttled, outcome.retry_after) == (True, timedelta(seconds=3))


async def test_a_send_without_an_answer_may_have_arrived(
    sms: Sms, provider: Provider, send: Sending, bound: timedelta
) -> None:
    provider.hangs()
    hurried = replace(sms, account=replace(sms.account, bound=bound))
    outcome = await send(hurried)
    assert isinstance(outcome, Unreachable)
    assert outcome.may_have_arrived


def test_a_report_is_waited_for_only_where_twilio_can_call(sms: Sms) -> None:
    assert sms.receipt_within == timedelta(seconds=60)
    assert replace(sms, account=replace(sms.account, callback="")).receipt_within is None


def received(sms: Sms, token: str = TOKEN, **form: str) -> Received:
    """What a call with these fields means."""
    signed = twilio.signature(token, CALLBACK, list(form.items())).decode()
    return sms.received(Call({twilio.SIGNATURE: signed}, urlencode(form).encode()))


@pytest.mark.parametrize("status", ["accepted", "queued", "sending", "sent", "scheduled", "canceled"])
def test_what_is_still_under_way_is_no_receipt(sms: Sms, status: str) -> None:
    assert received(sms, MessageSid=SID, MessageStatus=status) == []


def test_reports_on_a_message(sms: Sms) -> None:
    assert received(sms, MessageSid=SID, MessageStatus="delivered", SmsStatus="delivered") == [Arrived(SID)]
    assert received(sms, MessageSid=SID, MessageStatus="failed") == [Undelivered(SID, "failed")]
    lost = received(sms, MessageSid=SID, MessageStatus="undelivered", ErrorCode="30003")
    reason = "the phone is switched off or out of reach (Twilio error 30003)"
    assert lost == [Undelivered(SID, reason)]
    strange = received(sms, MessageSid=SID, MessageStatus="undelivered", ErrorCode="99999")
    assert strange == [Undelivered(SID, "not delivered (Twilio error 99999)")]


def test_a_reply_is_read_with_its_sender(sms: Sms) -> None:
    form = {"MessageSid": f"SM{32 * '9'}", "SmsStatus": "received", "From": "+4915112345678", "Body": "ok"}
    assert received(sms, **form) == [Reply("+4915112345678", "ok")]


def test_a_call_that_twilio_has_not_signed_is_refused(sms: Sms) -> None:
    refused = received(sms, "guessed", MessageSid=SID, MessageStatus="undelivered")
    assert isinstance(refused, Unsigned)


def test_a_reply_is_answered_and_a_report_is_not(sms: Sms) -> None:
    call = Call({}, b"")
    assert "<Response></Response>" in sms.response(call, []).text
    answer = sms.response(call, ["Acknowledged by Anna & Ben."])
    assert "<Response><Message>Acknowledged by Anna &amp; Ben.</Message></Response>" in answer.text
    assert answer.content_type == "text/xml; charset=utf-8"


@pytest.mark.parametrize("sender", ["", "+49 151", "a name that is too long", f"mg{32 * '2'}"])
def test_a_wrong_sender_is_refused(http: httpx.AsyncClient, sender: str) -> None:
    with pytest.raises(ValueError, match="from must be a number"):
        Sms.configured(SETTINGS | {"from": sender}, http)


def test_replies_come_or_they_do_not(http: httpx.AsyncClient) -> None:
    with pytest.raises(ValueError, match="replies must be yes or no"):
        Sms.configured(SETTINGS | {"replies": "maybe"}, http)


@pytest.mark.parametrize("address", ["+4915112345678", "${ANNAS_PHONE}"])
def test_an_address_is_a_number(address: str) -> None:
    assert Sms.wrong_address(address) is None


def test_any_other_address_is_refused() -> None:
    assert Sms.wrong_address("0151 1234")
