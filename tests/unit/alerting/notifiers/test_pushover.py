"""Pushover on the wire: what rings, what its receipt says, and how it is silenced."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest

from alerting.notice import Notice, NoticeKind
from alerting.notifiers.contract import (
    Accepted,
    Acknowledgement,
    Contact,
    Outcome,
    Polled,
    Refused,
    Undelivered,
    Unreachable,
)
from alerting.notifiers.pushover import Pushover

from .loopback import Provider

TOKEN, USER, RECEIPT = 30 * "t", 30 * "u", 30 * "r"
TAKEN = json.dumps({"status": 1, "request": "647d2300-702c", "receipt": RECEIPT})

Sending = Callable[..., Awaitable[Outcome]]


@pytest.fixture
def pushover(http: httpx.AsyncClient, provider: Provider) -> Pushover:
    return Pushover.configured({"token": TOKEN, "url": provider.url}, http)


@pytest.fixture
def send(pushover: Pushover, provider: Provider, notice: Notice) -> Sending:
    """Send the notice, changed as a test says."""
    provider.answers(200, TAKEN)

    async def sent(**changes: Any) -> Outcome:
        return await pushover.send(replace(notice, **changes), Contact("pushover", USER))

    return sent


def form_of(provider: Provider) -> dict[str, str]:
    """The last form that was sent."""
    return dict(parse_qsl(provider.heard[-1].body.decode()))


async def test_what_is_on_the_wire(provider: Provider, send: Sending) -> None:
    assert await send() == Accepted("200 OK", provider_id=RECEIPT)
    assert provider.heard[0].line == "POST /1/messages.json HTTP/1.1"
    assert form_of(provider) == {
        "token": TOKEN,
        "user": USER,
        "title": "CRITICAL us-housekeeping: 4 of 11 jobs silent",
        "message": "daily-cpu-reset due 03:00, last heard 02 May 03:01 (24 h ago)\n"
        "7 jobs on the host alive, newest 03:04\n"
        "You are first on call (ops). If nobody answers, Ben is paged at 03:20",
        "timestamp": "1777778100",
        "priority": "2",
        "retry": "60",
        "expire": "10800",
        "url": "https://hb.example.com/incidents/17",
        "url_title": "Open",
    }


@pytest.mark.parametrize(
    ("kind", "priority"),
    [(NoticeKind.UPDATE, "1"), (NoticeKind.ACKNOWLEDGED, "-1"), (NoticeKind.RECOVERED, "0")],
)
async def test_only_what_needs_an_answer_rings_until_it_has_one(
    provider: Provider, send: Sending, kind: NoticeKind, priority: str
) -> None:
    provider.answers(200, '{"status":1,"request":"647d2300-702c"}')
    assert await send(kind=kind) == Accepted("200 OK")
    assert form_of(provider)["priority"] == priority
    assert not {"retry", "expire"} & form_of(provider).keys()


async def test_a_test_rings_for_a_while_and_links_to_its_answer(provider: Provider, send: Sending) -> None:
    await send(kind=NoticeKind.TEST)
    form = form_of(provider)
    assert (form["priority"], form["expire"], form["url_title"]) == ("2", "600", "I got it")
    assert form["url"] == "https://hb.example.com/ack/t0ken"


async def test_what_is_too_long_is_cut_or_left_out(provider: Provider, send: Sending) -> None:
    await send(title="t" * 300, lines=("x" * 2000,), open_url="https://hb.example.com/" + "y" * 500)
    form = form_of(provider)
    assert (len(form["title"]), len(form["message"]), "url" in form) == (250, 1024, False)


@pytest.mark.parametrize(
    ("error", "address"), [("user identifier is invalid", True), ("application token is invalid", False)]
)
async def test_a_refusal_says_whether_it_is_the_user(
    provider: Provider, send: Sending, error: str, address: bool
) -> None:
    provider.answers(400, json.dumps({"status": 0, "errors": [error]}))
    reason = f"{provider.where} answered 400 Bad Request: {error}"
    assert await send() == Refused(reason, address=address)


async def test_a_quota_that_is_used_up_is_a_rate_limit(provider: Provider, send: Sending) -> None:
    provider.answers(429, json.dumps({"status": 0, "errors": ["application is over its quota"]}))
    outcome = await send()
    assert isinstance(outcome, Unreachable)
    assert outcome.throttled


def receipt(**fields: Any) -> str:
    """A receipt as Pushover shows it."""
    usual = {
        "status": 1,
        "acknowledged": 0,
        "acknowledged_by": "",
        "last_delivered_at": 1777778100,
        "expired": 0,
    }
    return json.dumps(usual | fields)


async def test_nothing_is_known_of_a_message_that_rings_on(pushover: Pushover, provider: Provider) -> None:
    provider.answers(200, receipt())
    assert await pushover.poll(RECEIPT) == Polled()
    assert provider.heard[0].line == f"GET /1/receipts/{RECEIPT}.json?token={TOKEN} HTTP/1.1"


async def test_an_acknowledgement_is_of_a_user_or_else_of_a_device(
    pushover: Pushover, provider: Provider
) -> None:
    provider.answers(200, receipt(acknowledged=1, acknowledged_by=USER, acknowledged_by_device="pixel"))
    found = Acknowledgement(RECEIPT, "pixel (on Pushover)", address=USER)
    assert await pushover.poll(RECEIPT) == Polled([found], over=True)


async def test_a_message_that_nobody_acknowledged_has_not_arrived(
    pushover: Pushover, provider: Provider
) -> None:
    provider.answers(200, receipt(expired=1))
    missed = Undelivered(RECEIPT, "nobody acknowledged within 3 h")
    assert await pushover.poll(RECEIPT) == Polled([missed], over=True)


@pytest.mark.parametrize("status", [400, 401, 429, 500, 502, 200])
async def test_a_question_without_an_answer_is_asked_again(
    pushover: Pushover, provider: Provider, status: int
) -> None:
    provider.answers(status, "")
    assert isinstance(await pushover.poll(RECEIPT), Unreachable)


async def test_a_receipt_that_pushover_does_not_know_is_given_up(
    pushover: Pushover, provider: Provider
) -> None:
    provider.answers(404, '{"status":0,"errors":["receipt not found"]}')
    assert isinstance(await pushover.poll(RECEIPT), Refused)


async def test_a_question_that_hangs_holds_nobody(
    pushover: Pushover, provider: Provider, bound: timedelta
) -> None:
    provider.hangs()
    assert isinstance(await replace(pushover, bound=bound).poll(RECEIPT), Unreachable)


async def test_a_message_is_silenced(pushover: Pushover, provider: Provider) -> None:
    provider.answers(200, '{"status":1,"request":"1"}')
    assert await pushover.cancel(RECEIPT) == Accepted("200 OK")
    assert provider.heard[0].line == f"POST /1/receipts/{RECEIPT}/cancel.json HTTP/1.1"
    assert form_of(provider) == {"token": TOKEN}


async def test_silencing_is_tried_again_while_pushover_is_away(
    pushover: Pushover, provider: Provider
) -> None:
    provider.answers(503, "")
    assert isinstance(await pushover.cancel(RECEIPT), Unreachable)


@pytest.mark.parametrize("address", [USER, "${ANNAS_KEY}"])
def test_an_address_is_a_key(address: str) -> None:
    assert Pushover.wrong_address(address) is None


@pytest.mark.parametrize("address", ["anna", "x" * 31, ""])
def test_any_other_address_is_refused(address: str) -> None:
    assert Pushover.wrong_address(address)


@pytest.mark.parametrize(
    ("settings", "fault"),
    [({}, "token must be"), ({"token": "x"}, "token must be"), ({"token": TOKEN, "url": "x"}, "url must be")],
)
def test_wrong_settings_are_refused(http: httpx.AsyncClient, settings: dict[str, str], fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        Pushover.configured(settings, http)
