"""A connection without a network: what the server writes is kept, and time passes only when it is told to."""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any

import uvicorn
from uvicorn.server import ServerState

from heartbeat.http import server
from heartbeat.http.asgi import ACTOR, Message, Receive, Scope, Send
from heartbeat.http.connection import Bounds, Connection
from heartbeat.http.front import Application
from heartbeat.http.pings.straight import StraightPings

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nOK"


class Loop:
    """The event loop as a connection sees it, with a clock of its own."""

    def __init__(self) -> None:
        self.now = 0.0

    def time(self) -> float:
        return self.now

    def create_task(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        return asyncio.get_running_loop().create_task(work)


class Wire(asyncio.Transport):
    """The wire of a connection. A client that reads nothing leaves everything in `untaken`."""

    def __init__(self, address: str, reads: bool) -> None:
        super().__init__({"peername": (address, 1)})
        self.written = b""
        self.untaken = 0
        self.is_aborted = self._is_closing = False
        self.lost: Callable[[Exception | None], None] = lambda _error: None
        self._reads = reads

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += data
        self.untaken += 0 if self._reads else len(data)

    def get_write_buffer_size(self) -> int:
        return self.untaken

    def pause_reading(self) -> None:
        """Nothing more comes by itself."""

    def resume_reading(self) -> None:
        """Nothing was held back."""

    def is_closing(self) -> bool:
        return self._is_closing

    def close(self) -> None:
        self._is_closing = True
        if not self.untaken:
            self._lose()

    def abort(self) -> None:
        self.is_aborted = self._is_closing = True
        self._lose()

    def _lose(self) -> None:
        asyncio.get_running_loop().call_soon(self.lost, None)
        self.lost = lambda _error: None


class Line:
    """One client's end of a connection."""

    def __init__(self, side: "Side", address: str, reads: bool) -> None:
        self.wire = Wire(address, reads)
        self._side = side
        self._connection = Connection(
            side.bounds,
            side.straight,
            side.config,
            side.state,
            {},
            side.loop,  # type: ignore[arg-type]  # as much of a loop as it uses
        )
        self.wire.lost = self._connection.connection_lost
        self._connection.connection_made(self.wire)

    async def send(self, *packets: bytes) -> bytes:
        """Send packets, and return what has been answered to them."""
        before = len(self.wire.written)
        for packet in packets:
            if not self.wire.is_closing():
                self._connection.data_received(packet)
            await settled()
        return self.wire.written[before:]

    async def hang_up(self) -> None:
        """Close the connection from this end."""
        self.wire.close()
        await settled()

    def pause(self) -> None:
        """Take so little that the server is to write no more."""
        self._connection.pause_writing()

    def shut_down(self) -> None:
        """Stop the server: this is the first that a connection hears of it."""
        self._connection.shutdown()

    def close_resting(self) -> None:
        """Stop the server: no request is on its way any more."""
        self._connection.close_resting()

    def turn_away(self) -> None:
        """Stop the server: this is the last."""
        self._connection.turn_away()

    @property
    def is_open(self) -> bool:
        return not self.wire.is_closing()


class Side:
    """A server without sockets. `heard` has the path and the body of every request that was read.

    With `knows`, each request has an API key. `app` answers instead, and `straight` takes the plainest pings past it.
    """

    def __init__(
        self,
        limit: int = 1_000,
        *,
        knows: bool = False,
        app: Application | None = None,
        straight: StraightPings | None = None,
    ) -> None:
        self._knows = knows
        self.straight = straight
        self.heard: list[tuple[str, bytes]] = []
        self.cut: Counter[str] = Counter()
        self.bounds = Bounds(limit, lambda reason: self.cut.update([reason]))
        self.config: uvicorn.Config = server.configured(app or self._app).config
        self.config.load()
        self.state = ServerState()
        self.loop = Loop()
        self._answering = asyncio.Event()
        self._answering.set()

    def line(self, address: str = "192.0.2.1", reads: bool = True) -> Line:
        """Return a new connection."""
        return Line(self, address, reads)

    def hold(self) -> None:
        """Answer no further requests until `release`."""
        self._answering.clear()

    async def release(self) -> None:
        """Answer the requests that wait."""
        self._answering.set()
        await settled()

    async def pass_(self, seconds: float) -> None:
        """Let time pass, with a look at all connections each second."""
        end = self.loop.now + seconds
        while self.loop.now < end:
            self.loop.now = min(self.loop.now + 1, end)
            server.look(self.state.connections, self.loop.now)
            await settled()

    async def _app(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._knows:
            scope["state"][ACTOR] = "anna"
        body = b""
        message: Message = {"more_body": True}
        while message.get("more_body", False):
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message["body"]
        self.heard.append((scope["path"], body))
        await self._answering.wait()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"OK"})


async def settled() -> None:
    """Let everything that can run do so."""
    for _ in range(100):
        await asyncio.sleep(0)
