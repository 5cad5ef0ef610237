"""uvicorn with additions: a bound on receiving the head of a request, a signal for streams at a stop, and a warning
about proxies that are not trusted."""

import asyncio
import logging
import socket
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any

import uvicorn
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from alerting.network import Network
from heartbeat.http.auth import PEER
from heartbeat.settings import BadSetting

HEAD_BOUND = 5.0
"""Seconds for the head of a request to arrive; after that the connection is closed. Half-open connections would
otherwise hold their place for ever and starve good ones."""
HEAD_LIMIT = 65_536
"""Bytes of the head of a request, at most. The parser itself has no limit."""
MAX_CONNECTIONS = 5_000
BACKLOG = 4_096
"""Connections that wait to be accepted. Many jobs start in the same second."""
STOP_BOUND = 1
"""Seconds for current requests to end after SIGTERM."""
LOOPBACK = ("127.0.0.1", "::1", "::ffff:127.0.0.1")
"""The trusted proxies if none is configured. A program on this machine could do worse than forge a header."""

log = logging.getLogger(__name__)


_HEAD_TOO_LARGE = b"The head of the request is too large."
_REFUSAL = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: text/plain; charset=utf-8\r\n"
    b"content-length: %d\r\nconnection: close\r\n\r\n%s" % (len(_HEAD_TOO_LARGE), _HEAD_TOO_LARGE)
)


class Protocol(HttpToolsProtocol):
    """One connection. It is closed if the head of a request takes too long or is too large."""

    _head_timer: asyncio.TimerHandle | None = None
    _head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self._wait_for_head()

    def data_received(self, data: bytes) -> None:
        timer = self._head_timer
        super().data_received(data)
        # If the same head is still awaited, all of the data belongs to it.
        if timer is not None and timer is self._head_timer:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_LIMIT and not self.transport.is_closing():
                self.transport.write(_REFUSAL)
                self.transport.close()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if self._head_timer is None:
            self._wait_for_head()

    def on_headers_complete(self) -> None:
        self._stop_waiting_for_head()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting_for_head()
        super().connection_lost(exc)

    def _wait_for_head(self) -> None:
        self._head_bytes = 0
        self._head_timer = self.loop.call_later(HEAD_BOUND, self._close_slow)

    def _stop_waiting_for_head(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _close_slow(self) -> None:
        self._head_timer = None
        if not self.transport.is_closing():
            self.transport.close()


class Server(uvicorn.Server):
    """Sets `stopping` on the first signal, so that streams can end by themselves."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.stopping = asyncio.Event()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.stopping.set()
        super().handle_exit(sig, frame)
        # uvicorn raises each signal again after its own shutdown, which would end the process before ours.
        self._captured_signals.clear()


class Forwarding:
    """The outermost application: takes the client's address from `X-Forwarded-For` if a trusted proxy sent it.

    The address of the connection itself is kept under `auth.PEER`. The header of an untrusted client is ignored.
    `untrusted` is called each time, and the log has it once: behind such a proxy all people count as one.
    """

    def __init__(self, app: Any, trusted: Sequence[Network], untrusted: Callable[[], None]) -> None:
        self._app = app
        hosts = [*map(str, trusted), *(_mapped(network) for network in trusted if network.version == 4)]
        self._trusting = ProxyHeadersMiddleware(app, trusted_hosts=hosts or list(LOOPBACK))
        self._untrusted = untrusted
        self._warned = False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Handle one request."""
        peer = (scope.get("client") or ("",))[0]
        scope = {**scope, PEER: peer}
        if peer in self._trusting.trusted_hosts:
            await self._trusting(scope, receive, send)
            return
        if any(name == b"x-forwarded-for" for name, _ in scope.get("headers", ())):
            self._refuse(peer)
        await self._app(scope, receive, send)

    def _refuse(self, peer: str) -> None:
        self._untrusted()
        if not self._warned:
            self._warned = True
            log.warning(
                "X-Forwarded-For from %s was ignored, because it is not a trusted proxy: if it is your proxy, set "
                "HEARTBEAT_TRUSTED_PROXY, or everybody behind it counts as one client",
                peer,
            )


def _ignore() -> None:
    """Do nothing."""


def _mapped(network: Network) -> str:
    """Return an IPv4 network as a dual-stack socket sees it."""
    return f"::ffff:{network.network_address}/{96 + network.prefixlen}"


def listening(host: str, port: int) -> socket.socket:
    """Return a listening socket. Raises `BadSetting` if the address is not available."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    both = family is socket.AF_INET6 and socket.has_dualstack_ipv6()
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG, dualstack_ipv6=both)
    except OSError as error:
        reason = str(error.strerror).partition(" (")[
            0
        ]  # Python adds the address, which the message has already.
        raise BadSetting(
            f"Cannot listen on {host}:{port}: {reason}. Set HEARTBEAT_HOST and HEARTBEAT_PORT to another address."
        ) from None


def configured(app: Any, trusted: Sequence[Network] = (), untrusted: Callable[[], None] = _ignore) -> Server:
    """Return a server for `app`. Access is not logged: pings would drown everything else.

    `trusted` are the networks of proxies, by default this machine. See `Forwarding`.
    """
    return Server(
        uvicorn.Config(
            Forwarding(app, trusted, untrusted),
            proxy_headers=False,
            http=Protocol,
            loop="none",
            ws="none",
            lifespan="off",
            access_log=False,
            log_config=None,
            server_header=False,
            date_header=False,
            limit_concurrency=MAX_CONNECTIONS,
            backlog=BACKLOG,
            timeout_keep_alive=30,
            timeout_graceful_shutdown=STOP_BOUND,
        )
    )
