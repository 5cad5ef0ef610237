"""The webhook on the wire, against the Standard Webhooks specification and its reference library."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest
from standardwebhooks import Webhook as Reference
from standardwebhooks import WebhookVerificationError

from alerting.notice import Notice, NoticeKind
from alerting.notifiers.contract import Accepted, Contact, Refused
from alerting.notifiers.webhook import Webhook

from .loopback import Provider, Request

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OLD_SECRET = "whsec_" + "b2xk" * 10


Sent = Callable[..., Awaitable[Request]]


@pytest.fixture
def sent(provider: Provider, notice: Notice) -> Sent:
    """Send the notice, changed as a test says, and give back what was on the wire."""

    async def send(webhook: Webhook, **changes: Any) -> Request:
        await webhook.send(replace(notice, **changes), Contact("webhook", provider.url + "/hook?team=ops"))
        return provider.heard[-1]

    return send


async def test_what_is_on_the_wire(http: httpx.AsyncClient, sent: Sent) -> None:
    request = await sent(Webhook.configured({"secret": SECRET}, http))
    assert request.line == "POST /hook?team=ops HTTP/1.1"
    assert request.headers["webhook-id"] == "notice_17_0_anna"
    assert request.json() == {
        "type": "incident.page",
        "timestamp": "2026-05-03T03:15:00+00:00",
        "data": {
            "incident": 17,
            "dedup_key": "heartbeat/17",
            "sequence": 0,
            "severity": "critical",
            "title": "CRITICAL us-housekeeping: 4 of 11 jobs silent",
            "lines": [
                "daily-cpu-reset due 03:00, last heard 02 May 03:01 (24 h ago)",
                "7 jobs on the host alive, newest 03:04",
                "You are first on call (ops). If nobody answers, Ben is paged at 03:20",
            ],
            "opened_at": "2026-05-03T03:05:00+00:00",
            "open_url": "https://hb.example.com/incidents/17",
            "ack_url": "https://hb.example.com/ack/t0ken",
            "runbook_url": None,
            "details": {"silent": 4, "of": 11},
        },
    }


async def test_the_reference_library_accepts_the_signature(http: httpx.AsyncClient, sent: Sent) -> None:
    request = await sent(Webhook.configured({"secret": SECRET}, http), title="тишина\ud800")
    assert Reference(SECRET).verify(request.body, request.headers) == json.loads(request.body)
    with pytest.raises(WebhookVerificationError):
        Reference(SECRET).verify(request.body + b" ", request.headers)


async def test_two_secrets_give_two_signatures_while_one_replaces_the_other(
    http: httpx.AsyncClient, sent: Sent
) -> None:
    request = await sent(Webhook.configured({"secret": f"{SECRET} {OLD_SECRET}"}, http))
    assert len(request.headers["webhook-signature"].split(" ")) == 2
    for secret in (SECRET, OLD_SECRET):
        Reference(secret).verify(request.body, request.headers)


async def test_a_retry_keeps_the_id_and_signs_its_own_moment(http: httpx.AsyncClient, sent: Sent) -> None:
    moments = iter([1_777_777_777.9, 1_777_777_807.2])
    webhook = Webhook(http=http, keys=(b"k" * 24,), clock=lambda: next(moments))
    first, second = await sent(webhook), await sent(webhook)
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body
    assert first.headers["webhook-timestamp"] == "1777777777"
    assert second.headers["webhook-timestamp"] == "1777777807"
    assert first.headers["webhook-signature"] != second.headers["webhook-signature"]


async def test_an_id_of_any_letters_is_fit_for_a_header_and_for_signing(
    http: httpx.AsyncClient, sent: Sent
) -> None:
    request = await sent(Webhook.configured({"secret": SECRET}, http), id="test-änna.b\r\nX: 1")
    assert request.headers["webhook-id"] == "test-_nna_b__X__1"
    Reference(SECRET).verify(request.body, request.headers)


async def test_without_a_secret_there_is_no_signature(http: httpx.AsyncClient, sent: Sent) -> None:
    request = await sent(Webhook.configured({}, http))
    assert "webhook-signature" not in request.headers
    assert {"webhook-id", "webhook-timestamp"} <= request.headers.keys()


@pytest.mark.parametrize(
    ("kind", "type_"),
    [
        (NoticeKind.PAGE, "incident.page"),
        (NoticeKind.UPDATE, "incident.update"),
        (NoticeKind.ACKNOWLEDGED, "incident.acknowledged"),
        (NoticeKind.RECOVERED, "incident.recovered"),
        (NoticeKind.TEST, "page.test"),
    ],
)
async def test_the_type_tells_the_kind(
    http: httpx.AsyncClient, sent: Sent, kind: NoticeKind, type_: str
) -> None:
    assert (await sent(Webhook(http=http), kind=kind)).json()["type"] == type_


async def test_every_2xx_is_success_and_410_says_that_the_endpoint_is_gone(
    http: httpx.AsyncClient, provider: Provider, notice: Notice
) -> None:
    contact = Contact("webhook", provider.url)
    for status in (200, 201, 202, 204, 299):
        provider.answers(status)
        assert isinstance(await Webhook(http=http).send(notice, contact), Accepted)
    provider.answers(410)
    closed = f"{provider.where} answered 410 Gone: the endpoint is gone"
    assert await Webhook(http=http).send(notice, contact) == Refused(closed)


@pytest.mark.parametrize(
    "secret", ["5ecret", "whsec_", "whsec_5ecret", "whsec_" + "!" * 40, "whsec_" + "a" * 120]
)
def test_a_secret_that_is_none_is_refused_and_not_repeated(http: httpx.AsyncClient, secret: str) -> None:
    with pytest.raises(ValueError, match=r"^secret must be whsec_ and then 24 to 64 random bytes in base64$"):
        Webhook.configured({"secret": secret}, http)


def test_the_keys_are_not_shown(http: httpx.AsyncClient) -> None:
    assert "keys" not in repr(Webhook.configured({"secret": SECRET}, http))
