"""Web Push on the wire: what the push service sees, what the browser reads, and what becomes of each answer."""

import json
import ssl
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from py_vapid import Vapid02

from alerting.network import Fence, Reach
from alerting.notice import Notice, NoticeKind
from alerting.notifiers import push
from alerting.notifiers.contract import (
    Accepted,
    Arrived,
    Call,
    Contact,
    Malformed,
    Outcome,
    Refused,
    Unreachable,
)
from alerting.notifiers.push import Push
from alerting.notifiers.transport import egress
from tests.push_service import SubscribedBrowser, bytes_of, sender_of

from .conftest import CERTIFICATE
from .loopback import Provider, Request, Serve

HOME = "https://hb.example.com"
PAIR = Vapid02(ec.generate_private_key(ec.SECP256R1()))
Sending = Callable[..., Awaitable[Outcome]]


async def identity() -> Vapid02:
    return PAIR


@pytest.fixture
async def service(serve: Serve, server_tls: ssl.SSLContext) -> Provider:
    """A push service with TLS, which takes every message."""
    service = Provider()
    service.answers(201, headers={"Connection": "close"})
    service.url = f"https://127.0.0.1:{await serve(service.talk, server_tls)}"
    return service


@pytest.fixture
def browser(service: Provider) -> SubscribedBrowser:
    return SubscribedBrowser(f"{service.url}/send/abc")


@pytest.fixture
async def trusting() -> AsyncIterator[httpx.AsyncClient]:
    """A client that trusts the certificate of the push service."""
    async with httpx.AsyncClient(
        trust_env=False, verify=ssl.create_default_context(cafile=str(CERTIFICATE))
    ) as client:
        yield client


@pytest.fixture
def sending(trusting: httpx.AsyncClient, browser: SubscribedBrowser, notice: Notice) -> Sending:
    """Send the notice, changed as a test says, to the browser."""

    async def send(address: str = "", **changes: Any) -> Outcome:
        notifier = Push(http=trusting, home=HOME, identity=identity)
        return await notifier.send(
            replace(notice, **changes), Contact("push", address or browser.subscription)
        )

    return send


@pytest.fixture
def shown(sending: Sending, service: Provider, browser: SubscribedBrowser) -> Callable[..., Awaitable[Any]]:
    """Send the notice, and return what the browser reads."""

    async def send(**changes: Any) -> Any:
        assert isinstance(await sending(**changes), Accepted)
        return json.loads(browser.read(service.heard[-1].body))

    return send


async def requested(sending: Sending, service: Provider, **changes: Any) -> Request:
    assert isinstance(await sending(**changes), Accepted)
    return service.heard[-1]


def test_the_decryption_of_these_tests_reads_the_example_of_rfc_8291() -> None:
    private = int.from_bytes(bytes_of("q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94"), "big")
    receiver = SubscribedBrowser(
        "", ec.derive_private_key(private, ec.SECP256R1()), bytes_of("BTBZMqHH6r4Tts7J_aSIgg")
    )
    body = (
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6Tlz"
        "AC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
    )
    assert receiver.read(bytes_of(body)) == b"When I grow up, I want to be a watermelon"


async def test_the_browser_reads_the_title_the_first_line_and_the_answer(
    shown: Callable[..., Awaitable[Any]], notice: Notice
) -> None:
    message = await shown()
    assert len(message.pop("id")) == 22
    assert message == {
        "title": "CRITICAL us-housekeeping: 4 of 11 jobs silent",
        "line": "daily-cpu-reset due 03:00, last heard 02 May 03:01 (24 h ago)",
        "tag": "heartbeat/17",
        "at": "2026-05-03T03:15:00+00:00",
        "answer": "ack/t0ken",
        "label": "Acknowledge",
        "open": "incidents/17",
        "stays": True,
        "rings": True,
    }


async def test_the_push_service_sees_only_where_and_how_urgently(sending: Sending, service: Provider) -> None:
    request = await requested(sending, service)
    assert request.line == "POST /send/abc HTTP/1.1"
    assert request.headers["content-encoding"] == "aes128gcm"
    assert request.headers["content-type"] == "application/octet-stream"
    assert request.headers["ttl"] == "86400"
    assert request.headers["urgency"] == "high"
    assert len(request.headers["topic"]) <= 32
    assert b"us-housekeeping" not in request.body
    assert "heartbeat/17" not in str(request.headers)
    assert len(request.body) <= 4096


async def test_the_sender_proves_who_it_is_to_this_push_service_alone(
    sending: Sending, service: Provider, notice: Notice
) -> None:
    sender = sender_of((await requested(sending, service)).headers["authorization"])
    assert sender.public_key == push.public_key(PAIR)
    until = (notice.at + timedelta(hours=12)).timestamp()
    assert sender.claims == {"aud": service.url, "exp": until, "sub": "https://hb.example.com"}


async def test_every_message_has_the_same_length_whatever_it_says(
    sending: Sending, service: Provider
) -> None:
    lengths = {
        len((await requested(sending, service, **changes)).body)
        for changes in (
            {},
            {"title": "OK", "lines": (), "ack_url": None},
            {"title": "🟢" * 60, "lines": ('"' * 300 + "日" * 400,), "ack_url": f"{HOME}/answer/{'t' * 300}"},
        )
    }
    assert len(lengths) == 1


async def test_a_waiting_message_gives_way_to_the_next_one_of_its_incident(
    sending: Sending, service: Provider
) -> None:
    page, update, other = [
        (await requested(sending, service, **changes)).headers["topic"]
        for changes in ({}, {"kind": NoticeKind.UPDATE}, {"dedup_key": "heartbeat/18"})
    ]
    assert page == update != other


@pytest.mark.parametrize(
    ("kind", "answer", "urgency", "stays", "rings"),
    [
        (NoticeKind.PAGE, True, "high", True, True),
        (NoticeKind.TEST, True, "high", True, True),
        (NoticeKind.DIGEST, True, "high", True, True),
        (NoticeKind.UPDATE, True, "normal", True, True),
        (NoticeKind.UPDATE, False, "normal", False, True),
        (NoticeKind.RECOVERED, False, "normal", False, True),
        (NoticeKind.ACKNOWLEDGED, False, "normal", False, False),
    ],
)
async def test_only_what_wants_an_answer_stays_and_an_answer_ends_the_ringing(
    shown: Callable[..., Awaitable[Any]],
    service: Provider,
    kind: NoticeKind,
    answer: bool,
    urgency: str,
    stays: bool,
    rings: bool,
) -> None:
    message = await shown(kind=kind, ack_url=f"{HOME}/answer/t" if answer else None)
    assert (message["stays"], message["rings"]) == (stays, rings)
    assert service.heard[-1].headers["urgency"] == urgency


async def test_each_accepted_message_has_an_id_of_its_own_by_which_the_device_confirms_it(
    sending: Sending, service: Provider, browser: SubscribedBrowser
) -> None:
    outcomes = [await sending(), await sending()]
    ids = [json.loads(browser.read(request.body))["id"] for request in service.heard]
    assert outcomes == [Accepted("201 Created", provider_id=message_id) for message_id in ids]
    assert len(set(ids)) == 2


def test_a_device_confirms_by_the_id_that_only_it_has_read(trusting: httpx.AsyncClient) -> None:
    notifier = Push(http=trusting)
    assert notifier.received(Call({}, b'{"arrived": "abc"}')) == [Arrived("abc")]
    for body in (b"", b"[]", b'{"arrived": 1}', b"[" * 100_000):
        assert isinstance(notifier.received(Call({}, body)), Malformed)


@pytest.mark.parametrize("status", [404, 410])
async def test_a_subscription_that_is_gone_is_an_address_that_takes_nothing(
    sending: Sending, service: Provider, status: int
) -> None:
    service.answers(status)
    outcome = await sending()
    assert isinstance(outcome, Refused)
    assert outcome.address
    assert outcome.reason.endswith("this device takes no more pages")


@pytest.mark.parametrize("status", [400, 401, 403, 413])
async def test_a_push_service_that_does_not_take_the_message_hands_over_to_the_next_contact(
    sending: Sending, service: Provider, status: int
) -> None:
    service.answers(status)
    outcome = await sending()
    assert isinstance(outcome, Refused)
    assert not outcome.address
    assert str(status) in outcome.reason


@pytest.mark.parametrize(("status", "throttled"), [(429, True), (500, False), (503, False)])
async def test_a_busy_push_service_is_asked_again_when_it_says(
    sending: Sending, service: Provider, status: int, throttled: bool
) -> None:
    service.answers(status, headers={"Retry-After": "40"})
    outcome = await sending()
    assert isinstance(outcome, Unreachable)
    assert (outcome.retry_after, outcome.throttled) == (timedelta(seconds=40), throttled)


def changed(browser: SubscribedBrowser, **fields: Any) -> str:
    return json.dumps(json.loads(browser.subscription) | fields)


@pytest.mark.parametrize(
    "wrong",
    [
        {"endpoint": "http://push.example.com/x"},
        {"endpoint": "https://anna:secret@push.example.com/x"},
        {"endpoint": "https:///x"},
        {"endpoint": "https://[::1]/x"},
        {"endpoint": f"https://push.example.com/{'x' * 2_000}"},
        {"endpoint": 7},
        {"keys": {}},
        {"keys": {"p256dh": "AAAA", "auth": "A" * 22}},
        {"keys": None},
    ],
)
async def test_what_no_browser_says_is_no_subscription(
    sending: Sending, service: Provider, browser: SubscribedBrowser, wrong: dict[str, Any]
) -> None:
    address = changed(browser, **wrong)
    with pytest.raises(ValueError, match=r"subscription|https"):
        push.subscription(address)
    assert isinstance(await sending(address), Refused)
    assert not service.heard


def test_a_point_that_is_not_on_the_curve_is_refused(browser: SubscribedBrowser) -> None:
    keys = {
        "p256dh": urlsafe_b64encode(b"\x04" + bytes(64)).decode().rstrip("="),
        "auth": "A" * 22,
    }
    with pytest.raises(ValueError, match="subscription"):
        push.subscription(changed(browser, keys=keys))


def test_only_what_is_needed_of_a_subscription_is_kept(browser: SubscribedBrowser) -> None:
    kept = json.loads(push.subscription(browser.subscription).address)
    assert set(kept) == {"endpoint", "keys"}
    assert push.subscription(json.dumps(kept)) == push.subscription(browser.subscription)


async def test_a_push_service_inside_the_network_is_not_asked(
    service: Provider, browser: SubscribedBrowser, notice: Notice
) -> None:
    async with egress.client(Fence(Reach.INTERNET)) as guarded:
        notifier = Push(http=guarded, home=HOME, identity=identity)
        outcome = await notifier.send(notice, Contact("push", browser.subscription))
    assert isinstance(outcome, Refused)
    assert not service.heard


async def test_without_the_key_of_the_installation_nothing_is_sent(
    trusting: httpx.AsyncClient, browser: SubscribedBrowser, notice: Notice
) -> None:
    outcome = await Push.configured({}, trusting).send(notice, Contact("push", browser.subscription))
    assert outcome == Refused("this process has no key for push messages")


def test_nobody_enters_the_address_of_a_device_and_it_has_no_settings(trusting: httpx.AsyncClient) -> None:
    assert "Ring me here" in (Push.wrong_address("anything") or "")
    with pytest.raises(ValueError, match="key is not a setting here"):
        Push.configured({"key": "x"}, trusting)
