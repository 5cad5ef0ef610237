"""uvicorn with additions: bounds on its connections, a signal for streams at a stop, and a warning about proxies that
are not trusted."""

import asyncio
import logging
import socket
import sys
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from ipaddress import ip_network
from types import FrameType
from typing import Any

import uvicorn

from alerting.network import Network
from heartbeat.http import forwarded
from heartbeat.http.auth import PEER
from heartbeat.http.connection import IDLE_BOUND, STALL_BOUND, UNCOUNTED, Bounds, Connection
from heartbeat.http.pings.straight import StraightPings
from heartbeat.settings import EVERY_ADDRESS, BadSetting

BACKLOG = 4_096
"""Connections that wait to be accepted. Many jobs start in the same second."""
ACCEPTED = 8
"""Connections that are accepted in one turn of the event loop. By itself it accepts one, and waits for the next turn
while others send a lot."""
RECEIVE_BUFFER = 131_072
"""Bytes of a request that the system keeps for us, so that a turn of the event loop is short however much is sent."""
SEND_BUFFER = 32_768
"""Bytes of an answer that the system keeps for a client. Its own default is megabytes, which a client that never reads
would hold."""
ON_ITS_WAY = 0.2
"""Seconds after SIGTERM in which a request may still come on a connection that is open."""
STOP_BOUND = 1
"""Seconds for current requests to end after SIGTERM."""
LOOPBACK = (ip_network("127.0.0.1/32"), ip_network("::1/128"))
"""The trusted proxies if none is configured. A program on this machine could do worse than forge a header."""

log = logging.getLogger(__name__)


class Server(uvicorn.Server):
    """Looks at its connections once a second. Sets `stopping` on the first signal, so that streams can end."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.stopping = asyncio.Event()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop. The requests that are left then are cancelled, and pings are asked to come again."""
        asyncio.get_running_loop().call_later(ON_ITS_WAY, self._close_resting)
        await super().shutdown(sockets)
        for connection in tuple(self.server_state.connections):
            if isinstance(connection, Connection):
                connection.turn_away()

    def _close_resting(self) -> None:
        for connection in tuple(self.server_state.connections):
            if isinstance(connection, Connection):
                # It may have been accepted after the others were told.
                connection.shutdown()
                connection.close_resting()

    async def on_tick(self, counter: int) -> bool:
        # uvicorn ticks ten times a second.
        if counter % 10 == 0:
            look(self.server_state.connections, asyncio.get_running_loop().time())
        return await super().on_tick(counter)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.stopping.set()
        super().handle_exit(sig, frame)
        # uvicorn raises each signal again after its own shutdown, which would end the process before ours.
        self._captured_signals.clear()


def look(connections: Iterable[object], now: float) -> None:
    """Cut off the connections that are over one of their bounds. `now` is a time of the event loop."""
    for connection in tuple(connections):
        if isinstance(connection, Connection):
            connection.look(now)


class Forwarding:
    """The outermost application: takes the client's address from `X-Forwarded-For` if a trusted proxy sent it.

    The address of the connection itself is kept under `auth.PEER`. The header of an untrusted client is ignored.
    `untrusted` is called each time, and the log has it once: behind such a proxy all people count as one.
    """

    def __init__(self, app: Any, trusted: Sequence[Network], untrusted: Callable[[], None]) -> None:
        self._app = app
        self._trusted = trusted or LOOPBACK
        self._untrusted = untrusted
        self._warned = False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Handle one request."""
        client = scope.get("client")
        peer = forwarded.peer_of(client)
        scope = {**scope, PEER: peer, "client": (peer, client[1]) if peer else None}
        headers = scope.get("headers", ())
        if forwarded.is_from(peer, self._trusted):
            if address := forwarded.client(headers, self._trusted):
                scope["client"] = (address, 0)
            scope["scheme"] = forwarded.scheme(headers) or scope.get("scheme", "http")
        elif any(name == forwarded.FOR for name, _ in headers):
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


def listening(host: str, port: int, *, together: bool = False) -> socket.socket:
    """Return a listening socket, which shares the port with others if they all listen `together`.

    Raises `BadSetting` if the address is not available.
    """
    if host == EVERY_ADDRESS:
        host = "::" if _has_ipv6() else "0.0.0.0"  # noqa: S104  # as the operator says
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    both = family is socket.AF_INET6 and socket.has_dualstack_ipv6()
    try:
        listener = socket.create_server(
            (host, port), family=family, backlog=BACKLOG, reuse_port=together, dualstack_ipv6=both
        )
    except OSError as error:
        reason = str(error.strerror).partition(" (")[
            0
        ]  # Python adds the address, which the message has already.
        raise BadSetting(
            f"Cannot listen on {host}:{port}: {reason}. Set HEARTBEAT_HOST and HEARTBEAT_PORT to another address."
        ) from None
    # Each connection inherits these. The system itself would keep what nobody takes for a quarter of an hour.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
    if sys.platform == "linux":
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(STALL_BOUND * 1000))
    return listener


def listening_together(host: str, port: int, count: int) -> list[socket.socket]:
    """Return this number of sockets that listen on one address. Raises `BadSetting`."""
    # Another service of the same user that shares its port too would silently get some of our connections.
    with listening(host, port) as alone:
        port = alone.getsockname()[1]
    return [listening(host, port, together=True) for _ in range(count)]


def repeated(listener: socket.socket) -> list[socket.socket]:
    """Return the listening socket as often as the event loop is to accept from it in one turn."""
    return [listener.dup() for _ in range(ACCEPTED)]


def _has_ipv6() -> bool:
    try:
        socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True).close()
    except (OSError, ValueError):
        return False
    return True


def configured(
    app: Any,
    trusted: Sequence[Network] = (),
    untrusted: Callable[[], None] = _ignore,
    bounds: Bounds = UNCOUNTED,
    straight: StraightPings | None = None,
) -> Server:
    """Return a server for `app`. Access is not logged: pings would drown everything else.

    `trusted` are the networks of proxies, by default this machine. See `Forwarding`. `straight` takes the plainest
    pings past `app`.
    """
    return Server(
        uvicorn.Config(
            Forwarding(app, trusted, untrusted),
            proxy_headers=False,
            http=partial(Connection, bounds, straight),  # type: ignore[arg-type]  # it is called like the class
            loop="none",
            ws="none",
            lifespan="off",
            access_log=False,
            log_config=None,
            server_header=False,
            date_header=False,
            backlog=BACKLOG,
            timeout_keep_alive=int(IDLE_BOUND),
            timeout_graceful_shutdown=STOP_BOUND,
        )
    )
