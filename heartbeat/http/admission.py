"""Lets a request in while its network has places left, so that some are always left for pings."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from heartbeat.http.asgi import Receive, Scope, Send
from heartbeat.http.shares import Shares, network_of

RESERVED = 10
"""One connection in so many is never taken by a request other than a ping, /livez or /readyz."""
BEGUN = 4
"""Requests that begin in one turn of the event loop, at most."""
RETRY_AFTER = b"5"
"""Seconds after which a client may try again."""
_SENTENCE = b"Too many requests are under way. Try again in a few seconds."
_HEADERS = [
    (b"content-type", b"text/plain; charset=utf-8"),
    (b"content-length", str(len(_SENTENCE)).encode()),
    (b"retry-after", RETRY_AFTER),
    (b"cache-control", b"no-store"),
    (b"connection", b"close"),
]


def places(connections: int) -> Shares:
    """Return the places for requests that are not reserved, of this number of connections."""
    return Shares(connections - connections // RESERVED)


class Turns:
    """Lets few requests begin in each turn of the event loop, from each network in turn.

    A turn is then short however many requests come at once, and a ping waits for a few turns only.
    """

    def __init__(self) -> None:
        self._begun = 0
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    async def begin(self, network: str) -> None:
        """Return when a request of this network may begin: at once, unless many came before it."""
        if self._begun < BEGUN and not self._waiting:
            self._count()
            return
        future = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(network, deque()).append(future)
        await future

    def _count(self) -> None:
        if not self._begun:
            asyncio.get_running_loop().call_soon(self._turn)
        self._begun += 1

    def _turn(self) -> None:
        self._begun = 0
        while self._waiting and self._begun < BEGUN:
            network = next(iter(self._waiting))
            waiting = self._waiting.pop(network)
            future = waiting.popleft()
            if waiting:
                self._waiting[network] = waiting
            if not future.done():
                future.set_result(None)
                self._count()


class Admission:
    """Passes a request on to an application if there is a place for it, or answers 503 without reading its body.

    `refused` is called for each request that is turned away.
    """

    def __init__(
        self,
        app: Callable[[Scope, Receive, Send], Awaitable[None]],
        places: Shares,
        refused: Callable[[], None],
    ) -> None:
        self._app = app
        self._places = places
        self._refused = refused
        self._turns = Turns()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        client = scope.get("client")
        network = network_of(client[0]) if client else ""
        if not self._places.take(network):
            self._refused()
            await send({"type": "http.response.start", "status": 503, "headers": _HEADERS})
            await send({"type": "http.response.body", "body": _SENTENCE})
            return
        try:
            await self._turns.begin(network)
            await self._app(scope, receive, send)
        finally:
            self._places.give_back(network)
