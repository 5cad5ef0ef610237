"""Connections are kept for the next request to the same endpoint, and for no other."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx
import pytest

from alerting.network import Fence, Reach
from alerting.notifiers.transport import connections, egress
from alerting.notifiers.transport.http import BOUND, READ_LIMIT, Reply, post
from tests.unit.alerting.notifiers.loopback import Provider, Serve, read_request

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
LEAVE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"


@dataclass
class Endpoint:
    """A server that answers many requests on a connection. `heard` has the number of the connection of each."""

    answer: bytes = OK
    heard: list[int] = field(default_factory=list)
    open: set[int] = field(default_factory=set)
    url: str = ""
    most: int = 1000
    """Requests of a connection, before the server hangs up."""

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number = max([*self.heard, *self.open, 0]) + 1
        self.open.add(number)
        try:
            for _ in range(self.most):
                await read_request(reader)
                self.heard.append(number)
                writer.write(self.answer)
        finally:
            self.open.discard(number)


@pytest.fixture
async def endpoint(serve: Serve) -> Endpoint:
    endpoint = Endpoint()
    endpoint.url = f"http://127.0.0.1:{await serve(endpoint.talk)}/"
    return endpoint


async def asked(http: httpx.AsyncClient, *urls: str) -> None:
    """Post to all of these at once."""
    replies = await asyncio.gather(*(post(http, url, b"{}", {}, BOUND) for url in urls))
    assert all(isinstance(reply, Reply) and reply.status == 200 for reply in replies), replies


async def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110  # the server has no word for it
            await asyncio.sleep(0)


async def test_the_next_request_goes_over_the_same_connection(
    fenced: httpx.AsyncClient, endpoint: Endpoint
) -> None:
    for _ in range(3):
        await asked(fenced, endpoint.url)
    assert endpoint.heard == [1, 1, 1]


async def test_requests_at_once_have_a_connection_each(fenced: httpx.AsyncClient, endpoint: Endpoint) -> None:
    await asked(fenced, *[endpoint.url] * 3)
    await asked(fenced, *[endpoint.url] * 3)
    assert sorted(endpoint.heard) == [1, 1, 2, 2, 3, 3]


async def test_another_endpoint_has_connections_of_its_own(
    fenced: httpx.AsyncClient, endpoint: Endpoint, serve: Serve
) -> None:
    other = Endpoint()
    other.url = f"http://127.0.0.1:{await serve(other.talk)}/"
    for _ in range(2):
        await asked(fenced, endpoint.url, other.url)
    assert (endpoint.heard, other.heard) == ([1, 1], [1, 1])


async def test_a_connection_that_the_server_has_closed_is_not_used_again(
    fenced: httpx.AsyncClient, endpoint: Endpoint
) -> None:
    endpoint.most = 1
    for _ in range(3):
        await asked(fenced, endpoint.url)
        await until(lambda: not endpoint.open)
    assert endpoint.heard == [1, 2, 3]


async def test_a_server_that_wants_to_close_is_asked_anew(
    fenced: httpx.AsyncClient, endpoint: Endpoint
) -> None:
    endpoint.answer = LEAVE
    await asked(fenced, endpoint.url)
    await asked(fenced, endpoint.url)
    assert endpoint.heard == [1, 2]


async def test_a_connection_with_an_unread_answer_is_closed(
    fenced: httpx.AsyncClient, endpoint: Endpoint
) -> None:
    long = b"x" * READ_LIMIT * 100
    endpoint.answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(long) + long
    await asked(fenced, endpoint.url)
    await asked(fenced, endpoint.url)
    assert endpoint.heard == [1, 2]


async def test_a_request_that_is_given_up_leaves_no_connection_behind(
    fenced: httpx.AsyncClient, endpoint: Endpoint, provider: Provider
) -> None:
    endpoint.answer = b"HTTP/1.1 200 OK\r\n"
    waiting = asyncio.create_task(asked(fenced, endpoint.url))
    await until(lambda: bool(endpoint.heard))
    waiting.cancel()
    await asyncio.wait([waiting])
    endpoint.answer = OK
    await asked(fenced, endpoint.url)
    assert endpoint.heard == [1, 2]


async def test_no_more_idle_connections_are_kept_than_the_bound(
    fenced: httpx.AsyncClient, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "MOST_KEPT", 2)
    await asked(fenced, *[endpoint.url] * 4)
    await until(lambda: len(endpoint.open) == 2)
    await asked(fenced, endpoint.url)
    assert len(endpoint.open) == 2


async def test_an_idle_connection_is_kept_for_a_while_only(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(egress, "KEPT", -1.0)
    async with egress.client(Fence(Reach.INSIDE)) as http:
        await asked(http, endpoint.url)
        await asked(http, endpoint.url)
    assert endpoint.heard == [1, 2]


async def test_a_client_that_closes_closes_its_connections(endpoint: Endpoint) -> None:
    async with egress.client(Fence(Reach.INSIDE)) as http:
        await asked(http, *[endpoint.url] * 3)
    await until(lambda: not endpoint.open)
