"""uvicorn with what it lacks: a bound on receiving a request's head, a stop that streams notice, and a word on
proxies that it does not believe."""

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
"""Seconds within which a request's head must be complete; else the connection is closed. Half-open connections
would otherwise hold their place for ever and starve good ones."""
HEAD_LIMIT = 65_536
"""Bytes of a request's head that are waited for; the parser itself would collect them without an end."""
MAX_CONNECTIONS = 5_000
BACKLOG = 4_096
"""Connections that wait to be taken: many jobs begin at the same second."""
STOP_BOUND = 1
"""Seconds that requests under way have to end after SIGTERM."""
THIS_MACHINE = ("127.0.0.1", "::1", "::ffff:127.0.0.1")
"""Where a proxy is trusted when none is named: whoever is here could do more than pretend."""

log = logging.getLogger(__name__)


_HEAD_TOO_LARGE = b"The head of the request is too large."
_REFUSAL = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: text/plain; charset=utf-8\r\n"
    b"content-length: %d\r\nconnection: close\r\n\r\n%s" % (len(_HEAD_TOO_LARGE), _HEAD_TOO_LARGE)
)


class Protocol(HttpToolsProtocol):
    """One connection, closed when a request's head takes longer than `HEAD_BOUND` or more than `HEAD_LIMIT`."""

    _head_timer: asyncio.TimerHandle | None = None
    _head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self._await_head()

    def data_received(self, data: bytes) -> None:
        awaited = self._head_timer
        super().data_received(data)
        # What came while one head was awaited, before and after, is all of that head's.
        if awaited is not None and awaited is self._head_timer:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_LIMIT and not self.transport.is_closing():
                self.transport.write(_REFUSAL)
                self.transport.close()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if self._head_timer is None:
            self._await_head()

    def on_headers_complete(self) -> None:
        self._head_is_here()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_is_here()
        super().connection_lost(exc)

    def _await_head(self) -> None:
        self._head_bytes = 0
        self._head_timer = self.loop.call_later(HEAD_BOUND, self._too_slow)

    def _head_is_here(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _too_slow(self) -> None:
        self._head_timer = None
        if not self.transport.is_closing():
            self.transport.close()


class Server(uvicorn.Server):
    """Tells `stopping` on the first signal, so that long answers can end by themselves."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.stopping = asyncio.Event()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.stopping.set()
        super().handle_exit(sig, frame)
        # uvicorn raises each signal again when its own part is done, which would end the process before ours is.
        self._captured_signals.clear()


class Forwarding:
    """Outermost: requests by a trusted proxy come from whom it speaks for, as it says in `X-Forwarded-For`.

    The address of the connection is kept beside that, under `auth.PEER`. Who says so and is not trusted is not
    believed; it is told to `untrusted` each time, and once to the log, for behind such a proxy all people count as one.
    """

    def __init__(self, app: Any, trusted: Sequence[Network], untrusted: Callable[[], None]) -> None:
        self._app = app
        hosts = [*map(str, trusted), *(_mapped(one) for one in trusted if one.version == 4)]
        self._believing = ProxyHeadersMiddleware(app, trusted_hosts=hosts or list(THIS_MACHINE))
        self._untrusted = untrusted
        self._told = False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve it, for whom it is."""
        peer = (scope.get("client") or ("",))[0]
        scope = {**scope, PEER: peer}
        if peer in self._believing.trusted_hosts:
            await self._believing(scope, receive, send)
            return
        if any(name == b"x-forwarded-for" for name, _ in scope.get("headers", ())):
            self._refuse(peer)
        await self._app(scope, receive, send)

    def _refuse(self, peer: str) -> None:
        self._untrusted()
        if not self._told:
            self._told = True
            log.warning(
                "a request from %s says in X-Forwarded-For for whom it speaks, and is not believed: if that is your "
                "proxy, name it in HEARTBEAT_TRUSTED_PROXY, or everybody behind it counts as one",
                peer,
            )


def _nothing() -> None:
    """Nobody wants to know."""


def _mapped(network: Network) -> str:
    """How a socket for both versions of IP sees these addresses."""
    return f"::ffff:{network.network_address}/{96 + network.prefixlen}"


def listening(host: str, port: int) -> socket.socket:
    """The socket to serve on, so that it is known at once whether it can be had. Raises `BadSetting`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    both = family is socket.AF_INET6 and socket.has_dualstack_ipv6()
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG, dualstack_ipv6=both)
    except OSError as error:
        why = str(error.strerror).partition(" (")[0]  # Python adds the address, which is told already.
        raise BadSetting(
            f"{host}:{port} cannot be served on: {why}. HEARTBEAT_HOST and HEARTBEAT_PORT choose another address."
        ) from None


def configured(app: Any, trusted: Sequence[Network] = (), untrusted: Callable[[], None] = _nothing) -> Server:
    """A server for `app`. Access is not logged: pings would drown everything else.

    `trusted` are the networks of proxies, this machine where there are none: see `Forwarding`.
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
