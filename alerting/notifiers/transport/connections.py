"""The connections of an HTTP client, each kept for a while for the next request to the same endpoint.

httpcore makes the connections and speaks HTTP over them. Its own pool is not used: a request there costs more with
every open connection, and a storm of pages has many of them.
"""

from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Self

from httpcore import AsyncConnectionInterface, Origin, Request, Response, UnsupportedProtocol

MOST_KEPT = 64
"""Idle connections that are kept. Of more, the one that has been idle for the longest time is closed."""


class Connections:
    """Sends each request over a kept connection to its endpoint, or over a new one.

    It sets no bound on the connections in use, which is for its users to do.
    """

    def __init__(self, connection_to: Callable[[Origin], AsyncConnectionInterface]) -> None:
        self._connection_to = connection_to
        self._idle: OrderedDict[AsyncConnectionInterface, Origin] = OrderedDict()

    async def handle_async_request(self, request: Request) -> Response:
        """Return the response to a request. Its stream must be closed, which sets the connection free."""
        if request.url.scheme not in (b"http", b"https"):
            raise UnsupportedProtocol("only http:// and https:// are spoken")
        origin = request.url.origin
        connection = await self._kept(origin) or self._connection_to(origin)
        response = await connection.handle_async_request(request)
        body = _Body(response.stream, lambda: self._keep(connection, origin))
        return Response(
            response.status, headers=response.headers, content=body, extensions=response.extensions
        )

    async def aclose(self) -> None:
        """Close the idle connections."""
        while self._idle:
            await self._close_oldest()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.aclose()

    async def _kept(self, origin: Origin) -> AsyncConnectionInterface | None:
        """Return the idle connection to this endpoint that was used last, None if none of them can be used."""
        while self._idle and next(iter(self._idle)).has_expired():
            await self._close_oldest()
        for connection in [idle for idle, place in reversed(self._idle.items()) if place == origin]:
            # Another request may have taken it while one was closed.
            if self._idle.pop(connection, None) is None:
                continue
            if not connection.has_expired():
                return connection
            await connection.aclose()
        return None

    async def _keep(self, connection: AsyncConnectionInterface, origin: Origin) -> None:
        """Keep a connection whose response has been read to its end. Close any other."""
        if not connection.is_idle():
            await connection.aclose()
            return
        self._idle[connection] = origin
        if len(self._idle) > MOST_KEPT:
            await self._close_oldest()

    async def _close_oldest(self) -> None:
        connection, _ = self._idle.popitem(last=False)
        await connection.aclose()


class _Body:
    """The body of a response. Closing it sets its connection free."""

    def __init__(self, stream: Any, free: Callable[[], Awaitable[None]]) -> None:
        self._stream = stream
        self._free: Callable[[], Awaitable[None]] | None = free

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._stream:
            yield part

    async def aclose(self) -> None:
        free, self._free = self._free, None
        if free is not None:
            try:
                await self._stream.aclose()
            finally:
                await free()
