"""Outgoing connections within a fence: an HTTP client, and sockets for other protocols.

A name is looked up once, every address is judged, and the connection goes to an address that was judged: later changes
of the name have no effect. Host and TLS keep the name. Redirects are not followed.
"""

import asyncio
import errno
import os
import socket
import ssl
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpcore
import httpx

from alerting.network import Address, Fence, Reach, networks, parse
from alerting.notifiers.settings import web_address
from alerting.notifiers.transport.connections import Connections
from alerting.notifiers.transport.names import Names
from alerting.notifiers.transport.tls import trusting
from alerting.notifiers.wording import network_fault, quoted
from alerting.proxies import Proxies, Proxy

_Connection = TypeVar("_Connection")

STAGGER = 0.25
"""Seconds until the next address of a name is tried beside the last one (RFC 8305, 5)."""
KEPT = 5.0
"""Seconds for which an idle connection is kept."""
NAMES = Names()
"""The names of all outgoing connections. The event loop's own look-up serves no more than two slow names at once."""


class NotAllowed(httpx.ConnectError):
    """The fence forbids an address: one sentence with its destination."""


class ProxyFault(httpx.ProxyError):
    """A proxy cannot be reached, or refuses a connection: one sentence that names the proxy."""


class Fenced(httpx.AsyncClient):
    """A client that stays within its fence. Other connections of its user must stay within the same fence."""

    def __init__(
        self, fence: Fence, transport: httpx.AsyncBaseTransport, headers: dict[str, str] | None
    ) -> None:
        super().__init__(transport=transport, headers=headers, follow_redirects=False)
        self.fence = fence


def client(fence: Fence, *, headers: dict[str, str] | None = None, proxies: Proxies | None = None) -> Fenced:
    """Return a client that stays within the fence.

    `proxies` resolve names themselves, so addresses behind them cannot be judged.
    """
    direct = _FencedTransport(fence)
    transport = _ProxiedTransport(direct, proxies) if proxies else direct
    return Fenced(fence, transport, headers)


def fence_of(http: httpx.AsyncClient) -> Fence | None:
    """Return the fence of a client, None if it has none."""
    return http.fence if isinstance(http, Fenced) else None


def reason(where: str, error: BaseException, bound: timedelta) -> str:
    """Return why a request to `where` (host and port) failed: in the words of its fence or proxy, or of the network."""
    return str(error) if isinstance(error, NotAllowed | ProxyFault) else network_fault(where, error, bound)


async def connected(fence: Fence, host: str, port: int) -> socket.socket:
    """Return a connection to this host, at an address that was judged. Raises `NotAllowed`, or OSError of the network.

    It waits as long as the network does: the caller sets the bound.
    """
    addresses = await _vetted(fence, host)
    return await _first([partial(_dialled, str(address), port) for address in addresses], _closed)


async def fault(fence: Fence, address: str) -> str | None:
    """Return why a page may not go to this address as it is resolved now; None if it may, or if nothing is known.

    For a person who enters a URL: they learn at once of a fault that a page would meet at night.
    """
    host = _host(address)
    if host is None:
        return None
    try:
        await _vetted(fence, host)
    except NotAllowed as error:
        return str(error)
    except OSError:
        return None
    return None


def literal_fault(fence: Fence, address: str) -> str | None:
    """Return the `fault` of an address whose host is written as a number; None for a name."""
    host = _host(address)
    with suppress(ValueError):
        return None if host is None else fence.fault(parse(host))
    return None


def _host(address: str) -> str | None:
    """Return the host of a URL, of the web or of a mail server."""
    url = web_address(address)
    if url is not None:
        return url.host
    with suppress(ValueError):
        mail = urlsplit(address)
        return mail.hostname if mail.scheme in ("smtp", "smtps") else None
    return None


class _FencedTransport(httpx.AsyncHTTPTransport):
    """The usual transport, whose connections are made by a backend with a fence, or by way of a proxy."""

    def __init__(self, fence: Fence, proxy: Proxy | None = None) -> None:
        tls = trusting()
        super().__init__(verify=tls)
        # httpx has no other way to set a backend; a test checks that these connections are used.
        pool = _pool(fence, tls, proxy)
        self._pool = Connections(pool.create_connection)  # type: ignore[assignment]  # it asks for no more


def _pool(fence: Fence, tls: ssl.SSLContext, proxy: Proxy | None) -> httpcore.AsyncConnectionPool:
    """Return a pool of httpcore that makes connections, and holds none."""
    how: dict[str, Any] = {"ssl_context": tls, "keepalive_expiry": KEPT}
    if proxy is None:
        return httpcore.AsyncConnectionPool(**how, network_backend=_Backend(fence))
    url, login = _apart(proxy)
    how |= {"proxy_url": url, "proxy_auth": login, "network_backend": _ToProxy(fence)}
    if proxy.is_socks:
        return httpcore.AsyncSOCKSProxy(**how)
    return httpcore.AsyncHTTPProxy(**how, proxy_ssl_context=tls if url.startswith("https") else None)


def _apart(proxy: Proxy) -> tuple[str, tuple[str, str] | None]:
    """Return the URL of a proxy without its login, and the login."""
    url = httpx.URL(proxy.url)
    return f"{url.scheme}://{proxy.where}", (url.username, url.password) if url.username else None


class _ProxiedTransport(httpx.AsyncBaseTransport):
    """Sends through the proxy of an address, or directly if it has none."""

    def __init__(self, direct: httpx.AsyncBaseTransport, proxies: Proxies) -> None:
        self._direct = direct
        self._proxies = proxies
        # The operator names the proxies, so they may be anywhere.
        anywhere = Fence(Reach.INSIDE, networks("0.0.0.0/0, ::/0"))
        self._by_proxy = {proxy: _FencedTransport(anywhere, proxy) for proxy in proxies.by_scheme.values()}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        url = request.url
        port = url.port or (443 if url.scheme == "https" else 80)
        proxy = self._proxies.of(url.scheme, url.host, port)
        if proxy is None:
            return await self._direct.handle_async_request(request)
        try:
            response = await self._by_proxy[proxy].handle_async_request(request)
        except httpx.ProxyError as error:
            raise ProxyFault(f"the proxy {proxy.where} answered {quoted(str(error))}") from error
        except httpx.ConnectError as error:
            if isinstance(error.__cause__, _NoProxy):
                raise ProxyFault(str(error)) from error
            raise
        if response.status_code == httpx.codes.PROXY_AUTHENTICATION_REQUIRED:
            await response.aclose()
            raise ProxyFault(f"the proxy {proxy.where} answered 407 Proxy Authentication Required")
        return response

    async def aclose(self) -> None:
        for transport in (self._direct, *self._by_proxy.values()):
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
                addresses = await _looked_up(self._fence, host)
                ways = [
                    partial(self._tcp.connect_tcp, str(to), port, None, local_address, socket_options)
                    for to in addresses
                ]
                return await _first(ways, lambda stream: stream.aclose())
        except TimeoutError:
            raise httpcore.ConnectTimeout(f"no connection within {timeout} s") from None


class _NoProxy(httpcore.ConnectError):
    """No connection to a proxy: one sentence that names it."""


class _ToProxy(_Backend):
    """Makes connections to a proxy."""

    async def connect_tcp(self, host: str, port: int, *how: Any, **more: Any) -> httpcore.AsyncNetworkStream:
        where = f"the proxy {host}:{port}"
        try:
            return await super().connect_tcp(host, port, *how, **more)
        except httpcore.ConnectTimeout:
            raise _NoProxy(f"connecting to {where} took too long") from None
        except (httpcore.ConnectError, OSError) as error:
            raise _NoProxy(network_fault(where, error, timedelta())) from error


async def _looked_up(fence: Fence, host: str) -> list[Address]:
    """Return the addresses of `_vetted`, with the errors of httpcore."""
    try:
        return await _vetted(fence, host)
    except OSError as error:
        raise httpcore.ConnectError(str(error)) from error


async def _dialled(to: str, port: int) -> socket.socket:
    connection = socket.socket(socket.AF_INET6 if ":" in to else socket.AF_INET, socket.SOCK_STREAM)
    connection.setblocking(False)
    try:
        await _joined(connection, to, port)
    except BaseException:
        connection.close()
        raise
    return connection


async def _joined(connection: socket.socket, to: str, port: int) -> None:
    """Connect to an address. The loop's own `sock_connect` is not used: uvloop's looks even an address up."""
    loop, writable = asyncio.get_running_loop(), asyncio.Event()
    fault = connection.connect_ex((to, port))
    if fault == errno.EINPROGRESS:
        loop.add_writer(connection, writable.set)
        try:
            await writable.wait()
        finally:
            loop.remove_writer(connection)
        fault = connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if fault:
        raise OSError(fault, os.strerror(fault))


async def _closed(connection: socket.socket) -> None:
    connection.close()


async def _first(
    ways: Sequence[Callable[[], Coroutine[Any, Any, _Connection]]],
    close: Callable[[_Connection], Awaitable[None]],
) -> _Connection:
    """Return the first connection of several that are begun one after the other."""
    waiting, begun = list(ways), set[asyncio.Task[_Connection]]()
    failed: BaseException | None = None
    try:
        while waiting or begun:
            if waiting:
                begun.add(asyncio.create_task(waiting.pop(0)()))
            finished, _ = await asyncio.wait(
                begun, timeout=STAGGER if waiting else None, return_when=asyncio.FIRST_COMPLETED
            )
            for task in finished:
                begun.discard(task)
                failed = task.exception()
                if failed is None:
                    return task.result()
        raise failed or OSError("no address")
    finally:
        await _drop(begun, close)


async def _drop(
    begun: Iterable[asyncio.Task[_Connection]], close: Callable[[_Connection], Awaitable[None]]
) -> None:
    """Give up connections that are not needed, also those that have been made meanwhile."""
    for task in begun:
        task.cancel()
    for connection in await asyncio.gather(*begun, return_exceptions=True):
        if not isinstance(connection, BaseException):
            await close(connection)


async def _vetted(fence: Fence, host: str) -> list[Address]:
    """Return the addresses of a host within the fence.

    Raises `NotAllowed` if none is within, and OSError if the name cannot be resolved.
    """
    faults = {address: fence.fault(address) for address in await NAMES.addresses(host)}
    allowed = [address for address, fault in faults.items() if fault is None]
    if not allowed:
        raise NotAllowed(next(fault for fault in faults.values() if fault))
    return allowed
