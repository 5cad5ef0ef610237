"""uvicorn with the two things it lacks: a bound on receiving a request's head, and a stop that streams notice."""

import asyncio
import socket
from types import FrameType
from typing import Any

import uvicorn
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

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


def _with_peer(app: Any) -> Any:
    async def noting(scope: Any, receive: Any, send: Any) -> None:
        client = scope.get("client")
        await app({**scope, PEER: client[0] if client else ""}, receive, send)

    return noting


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


def configured(app: Any, trusted: str = "") -> Server:
    """A server for `app`. Access is not logged: pings would drown everything else.

    `trusted` are the addresses of proxies that sign people in. They are believed for whom they speak, and the address
    of the connection is kept beside that, under `auth.PEER`.
    """
    return Server(
        uvicorn.Config(
            _with_peer(ProxyHeadersMiddleware(app, trusted_hosts=trusted)) if trusted else app,
            proxy_headers=not trusted,
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
