"""The outcome of a reply by its status, headers and body, and the bound of one POST."""

import asyncio
import logging
import random
import ssl
import time
import zlib
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any

import httpx
import pytest

from alerting.notifiers.contract import Outcome, Refused, Unreachable
from alerting.notifiers.transport.http import BOUND, LONGEST_PAUSE, READ_LIMIT, Reply, post
from tests.unit.alerting.notifiers.loopback import Provider, Serve

NOON = "Sun, 03 May 2026 12:00:00 GMT"


Posted = Callable[..., Coroutine[Any, Any, Any]]


@pytest.fixture
def posted(fenced: httpx.AsyncClient, provider: Provider) -> Posted:
    """POST {} to the provider, for as long as a test says."""

    async def send(bound: timedelta = BOUND, path: str = "/") -> Reply | Refused | Unreachable:
        return await post(fenced, provider.url + path, b"{}", {}, bound)

    return send


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (301, Refused("hb.test answered 301 Moved Permanently: redirects are not followed")),
        (400, Refused("hb.test answered 400 Bad Request")),
        (404, Refused("hb.test answered 404 Not Found")),
        (408, Unreachable("hb.test answered 408 Request Timeout")),
        (410, Refused("hb.test answered 410 Gone: the endpoint is gone")),
        (425, Unreachable("hb.test answered 425 Too Early")),
        (429, Unreachable("hb.test answered 429 Too Many Requests", throttled=True)),
        (500, Unreachable("hb.test answered 500 Internal Server Error")),
        (503, Unreachable("hb.test answered 503 Service Unavailable")),
        (599, Unreachable("hb.test answered 599 Server Error")),
        (204, Unreachable("hb.test answered 204 No Content: this is not the provider's usual answer")),
    ],
)
def test_a_failure_is_refused_only_where_trying_again_cannot_help(status: int, expected: Outcome) -> None:
    assert Reply("hb.test", status).failure() == expected


def test_the_providers_own_words_come_before_ours() -> None:
    assert Reply("hb.test", 410).failure("archived") == Refused("hb.test answered 410 Gone: archived")


@pytest.mark.parametrize(
    ("headers", "pause"),
    [
        ({"Retry-After": "120"}, timedelta(minutes=2)),
        ({"Retry-After": "0"}, timedelta(0)),
        ({"Retry-After": "9" * 5000}, LONGEST_PAUSE),
        ({"Retry-After": "Sun, 03 May 2026 12:01:30 GMT", "Date": NOON}, timedelta(seconds=90)),
        ({"Retry-After": "Sunday, 03-May-26 12:01:30 GMT", "Date": NOON}, timedelta(seconds=90)),
        ({"Retry-After": "Sun May  3 12:01:30 2026", "Date": NOON}, timedelta(seconds=90)),
        ({"Retry-After": "Sun, 03 May 2026 11:00:00 GMT", "Date": NOON}, timedelta(0)),
        ({"Retry-After": "Sun, 03 May 9999 12:00:00 GMT", "Date": NOON}, LONGEST_PAUSE),
        ({"Retry-After": "Sun, 03 May 2026 12:01:30 GMT"}, None),
        ({"Retry-After": "Sun, 03 Mai 2026 12:01:30 GMT", "Date": NOON}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "-1"}, None),
        ({"Retry-After": ""}, None),
        ({}, None),
    ],
)
async def test_retry_after_is_read_as_seconds_and_as_a_date(
    provider: Provider, posted: Posted, headers: dict[str, str], pause: timedelta | None
) -> None:
    provider.answers(429, headers=headers)
    answer = await posted()
    assert answer.retry_after == pause
    assert answer.failure().retry_after == pause


async def test_an_endless_body_is_read_to_its_limit_and_no_further(
    provider: Provider, posted: Posted
) -> None:
    provider.trickles(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n", b"x" * READ_LIMIT)
    assert (await posted()).text == "x" * READ_LIMIT


def _packed(window: int, body: bytes) -> bytes:
    packer = zlib.compressobj(wbits=window)
    return packer.compress(body) + packer.flush()


@pytest.mark.parametrize(
    "body", [b'{"id":"xE73"}', b"x" * 10_000_000, random.Random(7).randbytes(9_000).hex().encode()]
)
@pytest.mark.parametrize(
    ("coding", "window"), [("gzip", 31), ("X-GZIP", 31), ("deflate", 15), ("deflate", -15)]
)
async def test_a_body_that_is_compressed_in_spite_of_us_is_unpacked_to_the_limit(
    provider: Provider, posted: Posted, body: bytes, coding: str, window: int
) -> None:
    provider.says(f"HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\n\r\n".encode() + _packed(window, body))
    text = (await posted()).text
    assert body.decode().startswith(text)
    assert min(len(body), READ_LIMIT // 2) <= len(text) <= READ_LIMIT
    assert provider.heard[0].headers["accept-encoding"] == "identity"


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "identity", "gzip, gzip", ""])
async def test_a_body_that_is_not_what_it_says_is_left_as_it_is(
    provider: Provider, posted: Posted, coding: str
) -> None:
    provider.answers(200, "not gzip", {"Content-Encoding": coding})
    assert (await posted()).text == "not gzip"


async def test_a_body_that_is_not_utf_8_is_still_an_answer(provider: Provider, posted: Posted) -> None:
    provider.says(b"HTTP/1.1 400 Bad\r\n\r\n\xff\xfe")
    assert (await posted()).status == 400


@pytest.mark.parametrize("head", [b"", b"HTTP/1.1 200 OK\r\n"])
async def test_no_whole_head_in_time_is_no_answer(
    provider: Provider, posted: Posted, bound: timedelta, head: bytes
) -> None:
    provider.hangs(after=head)
    began = time.monotonic()
    assert await posted(2 * bound) == Unreachable(
        f"{provider.where} did not answer within 0.3 s", may_have_arrived=True
    )
    assert time.monotonic() - began < 2


async def test_headers_without_end_do_not_hold_a_send(
    provider: Provider, posted: Posted, bound: timedelta
) -> None:
    provider.trickles(b"HTTP/1.1 200 OK\r\n", b"X-More: 1\r\n")
    began = time.monotonic()
    assert await posted(2 * bound) == Unreachable(
        f"{provider.where} did not answer within 0.3 s", may_have_arrived=True
    )
    assert time.monotonic() - began < 2


async def test_the_head_counts_where_the_body_never_ends(
    provider: Provider, posted: Posted, bound: timedelta
) -> None:
    provider.trickles(b"HTTP/1.1 202 Accepted\r\nContent-Length: 9999\r\n\r\n", b"x")
    began = time.monotonic()
    assert (await posted(bound)).status == 202
    assert time.monotonic() - began < 2


async def test_the_head_counts_where_the_body_breaks_off(provider: Provider, posted: Posted) -> None:
    provider.says(b"HTTP/1.1 202 Accepted\r\nContent-Length: 9999\r\n\r\nhalf")
    assert (await posted()).status == 202


@pytest.mark.parametrize("garbage", [b"SSH-2.0-OpenSSH_9.2\r\n", b"\0\0\0\r\n\r\n", b""])
async def test_what_is_not_http_is_no_answer(provider: Provider, posted: Posted, garbage: bytes) -> None:
    provider.says(garbage)
    fault = f"{provider.where} does not speak HTTP"
    assert await posted() == Unreachable(fault, may_have_arrived=True)


async def test_a_redirect_is_not_followed(provider: Provider, posted: Posted) -> None:
    provider.answers(307, headers={"Location": "/elsewhere"})
    assert (await posted()).status == 307
    assert len(provider.heard) == 1


async def test_a_refused_connection_says_so(fenced: httpx.AsyncClient, unused_tcp_port: int) -> None:
    url = f"http://127.0.0.1:{unused_tcp_port}/5ecret"
    lost = await post(fenced, url, b"", {}, BOUND)
    assert lost == Unreachable(f"connection refused by 127.0.0.1:{unused_tcp_port}")


async def test_an_untrusted_certificate_says_so(
    fenced: httpx.AsyncClient, serve: Serve, provider: Provider, server_tls: ssl.SSLContext
) -> None:
    port = await serve(provider.talk, server_tls)
    lost = await post(fenced, f"https://127.0.0.1:{port}/5ecret", b"", {}, BOUND)
    assert lost == Unreachable(f"the certificate of 127.0.0.1:{port} is not trusted")
    assert provider.heard == []


async def test_a_tls_handshake_without_end_holds_nobody(
    fenced: httpx.AsyncClient, provider: Provider, bound: timedelta
) -> None:
    lost = await post(fenced, provider.url.replace("http:", "https:"), b"", {}, bound)
    assert lost == Unreachable(f"connecting to {provider.where} took too long")


@pytest.mark.parametrize(
    "url", ["", "5ecret", "ftp://x.test/", "http://", "http://[::5ecret/", "http://a\n/", "${X}"]
)
async def test_what_is_not_a_url_is_refused(fenced: httpx.AsyncClient, url: str) -> None:
    assert await post(fenced, url, b"", {}, BOUND) == Refused(
        "the address is not a URL that can be posted to"
    )


async def test_cancellation_passes_through(provider: Provider, posted: Posted) -> None:
    provider.hangs()
    sending = asyncio.create_task(posted())
    await provider.asked.wait()
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending


async def test_no_address_reaches_the_log(posted: Posted, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    await posted(path="/5ecret")
    assert "5ecret" not in caplog.text


def test_the_fields_of_anything_but_an_object_are_none() -> None:
    for text in ("", "{", "[1]", "null", "[" * 100_000):
        assert Reply("hb.test", 200, text).fields() == {}
