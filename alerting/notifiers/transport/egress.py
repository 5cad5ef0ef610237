"""The way out to providers: an HTTP client, and connections for other protocols, that go only where a fence lets them.

A name is resolved once, every answer is judged, and the connection is made to an address that was judged: what
the name says a moment later counts for nothing. Host and TLS keep the name. Redirects are followed by nobody.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpcore
import httpx

from alerting.network import Address, Fence, parse
from alerting.notifiers.settings import web_address

_Made = TypeVar("_Made")

STAGGER = 0.25
"""Seconds after which the next address of a name is tried beside the one before (RFC 8305, 5)."""
LOOK_UP = 3.0
"""Seconds that a look-up has where an address is judged while somebody enters it."""


class NotAllowed(httpx.ConnectError):
    """The fence is in the way: one sentence that says where the address leads."""


class Fenced(httpx.AsyncClient):
    """A client that stays within its fence. Whoever is given it finds there how far other connections may reach."""

    def __init__(
        self, fence: Fence, transport: httpx.AsyncBaseTransport, headers: dict[str, str] | None
    ) -> None:
        super().__init__(transport=transport, headers=headers, follow_redirects=False)
        self.fence = fence


def client(
    fence: Fence, *, limits: httpx.Limits, headers: dict[str, str] | None = None, proxies: bool = False
) -> Fenced:
    """A client that stays within the fence.

    With `proxies`, those that the environment names (HTTPS_PROXY and its kin) are used: they resolve names
    themselves, so that nothing can be judged here.
    """
    within = _Within(fence, limits)
    transport = _Outward(within, limits) if proxies else within
    return Fenced(fence, transport, headers)


def fence_of(http: httpx.AsyncClient) -> Fence | None:
    """The fence of a client; None where it has none."""
    return http.fence if isinstance(http, Fenced) else None


async def connected(fence: Fence, host: str, port: int) -> socket.socket:
    """A connection to this host, at an address that was judged. Raises `NotAllowed`, and OSError as the network does.

    It waits for as long as the network does: who calls it sets the bound.
    """
    addresses = await _vetted(fence, host, port)
    return await _first([partial(_dialled, str(address), port) for address in addresses], _closed)


async def fault(fence: Fence, address: str) -> str | None:
    """Why a page may not go to this address as it is resolved now, or None where it may or nothing is known.

    For whoever enters an address that is a URL: what a page would meet at night is said at once.
    """
    host = _host(address)
    if host is None:
        return None
    try:
        async with asyncio.timeout(LOOK_UP):
            await _vetted(fence, host, 443)
    except NotAllowed as no:
        return str(no)
    except (OSError, TimeoutError):
        return None
    return None


def literal_fault(fence: Fence, address: str) -> str | None:
    """As `fault`, of an address whose host is written as a number; of a name nothing is told."""
    host = _host(address)
    with suppress(ValueError):
        return None if host is None else fence.fault(parse(host))
    return None


def _host(address: str) -> str | None:
    """The host of what is a URL, of the web or of a mail server."""
    url = web_address(address)
    if url is not None:
        return url.host
    with suppress(ValueError):
        other = urlsplit(address)
        return other.hostname if other.scheme in ("smtp", "smtps") else None
    return None


class _Within(httpx.AsyncHTTPTransport):
    """The usual transport, whose connections are made by the fence's own backend."""

    def __init__(self, fence: Fence, limits: httpx.Limits) -> None:
        tls = httpx.create_ssl_context()
        super().__init__(verify=tls, limits=limits)
        # httpx offers no other way to bring a backend along; a test holds that this is the pool that is used.
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=tls,
            max_connections=limits.max_connections,
            max_keepalive_connections=limits.max_keepalive_connections,
            keepalive_expiry=limits.keepalive_expiry,
            network_backend=_Backend(fence),
        )


class _Outward(httpx.AsyncBaseTransport):
    """Through the proxies of the environment where it names one for an address, else directly."""

    def __init__(self, direct: httpx.AsyncBaseTransport, limits: httpx.Limits) -> None:
        self._direct = direct
        found = getproxies()
        self._proxies = {
            # As everywhere, a proxy without a scheme speaks HTTP.
            scheme: httpx.AsyncHTTPTransport(
                proxy=proxy if "://" in proxy else f"http://{proxy}", limits=limits
            )
            for scheme in ("http", "https")
            if (proxy := found.get(scheme) or found.get("all"))
        }

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        proxy = self._proxies.get(request.url.scheme)
        if proxy is None or proxy_bypass(request.url.host):
            return await self._direct.handle_async_request(request)
        return await proxy.handle_async_request(request)

    async def aclose(self) -> None:
        for transport in (self._direct, *self._proxies.values()):
            await transport.aclose()


class _Backend(httpcore.AsyncNetworkBackend):
    """Makes connections to addresses that were judged, and to no others."""

    def __init__(self, fence: Fence) -> None:
        self._fence = fence
        self._tcp = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        try:
            async with asyncio.timeout(timeout):
                addresses = await _looked_up(self._fence, host, port)
                ways = [
                    partial(self._tcp.connect_tcp, str(to), port, None, local_address, socket_options)
                    for to in addresses
                ]
                return await _first(ways, httpcore.AsyncNetworkStream.aclose)
        except TimeoutError:
            raise httpcore.ConnectTimeout(f"no connection within {timeout} s") from None


async def _looked_up(fence: Fence, host: str, port: int) -> list[Address]:
    """As `_vetted`, with the faults that httpx knows."""
    try:
        return await _vetted(fence, host, port)
    except OSError as error:
        raise httpcore.ConnectError(str(error)) from error


async def _dialled(to: str, port: int) -> socket.socket:
    """A connection to this one address."""
    made = socket.socket(socket.AF_INET6 if ":" in to else socket.AF_INET, socket.SOCK_STREAM)
    made.setblocking(False)
    try:
        await asyncio.get_running_loop().sock_connect(made, (to, port))
    except BaseException:
        made.close()
        raise
    return made


async def _closed(one: socket.socket) -> None:
    one.close()


async def _first(
    ways: Sequence[Callable[[], Coroutine[Any, Any, _Made]]], close: Callable[[_Made], Awaitable[None]]
) -> _Made:
    """The first connection of several that are begun one after the other."""
    waiting, begun = list(ways), set[asyncio.Task[_Made]]()
    failed: BaseException | None = None
    try:
        while waiting or begun:
            if waiting:
                begun.add(asyncio.create_task(waiting.pop(0)()))
            done, _ = await asyncio.wait(
                begun, timeout=STAGGER if waiting else None, return_when=asyncio.FIRST_COMPLETED
            )
            for task in done:
                begun.discard(task)
                failed = task.exception()
                if failed is None:
                    return task.result()
        raise failed or OSError("no address")
    finally:
        await _drop(begun, close)


async def _drop(begun: Iterable[asyncio.Task[_Made]], close: Callable[[_Made], Awaitable[None]]) -> None:
    """Give up connections that nobody needs any more, those included that have been made meanwhile."""
    for task in begun:
        task.cancel()
    for made in await asyncio.gather(*begun, return_exceptions=True):
        if not isinstance(made, BaseException):
            await close(made)


async def _vetted(fence: Fence, host: str, port: int) -> list[Address]:
    """The addresses of a host that are within the fence. Raises `NotAllowed` where none is, and OSError where the name
    means nothing."""
    found = await _resolved(host, port)
    faults = {address: fence.fault(address) for address in found}
    within = [address for address, wrong in faults.items() if wrong is None]
    if not within:
        raise NotAllowed(next(wrong for wrong in faults.values() if wrong))
    return within


async def _resolved(host: str, port: int) -> list[Address]:
    try:
        answers = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except ValueError as error:
        raise socket.gaierror(socket.EAI_NONAME, "it cannot be the name of a host") from error
    return list(dict.fromkeys(parse(str(answer[4][0])) for answer in answers))
