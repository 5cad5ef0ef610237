"""Receives the pings of one dialect: reads the body within bounds, queues the ping, sends the response.

A plain ASGI route: this is the hot path, and the web framework costs more per ping than the database does.
"""

import asyncio
from contextlib import suppress

from heartbeat.clock import Clock
from heartbeat.http.asgi import Receive, Scope, Send
from heartbeat.http.pings.dialect import BadPing, Dialect, Response
from heartbeat.metrics import Metrics
from heartbeat.pings import measurement
from heartbeat.pings.arrival import PingResult
from heartbeat.pings.ingest import Ingest

BODY_BOUND = 5.0
"""Seconds for a body to arrive. The part that has arrived by then is kept."""
LONG = 16_000
"""Bytes of a JSON body that is read at once. A longer one is read in a thread, beside other pings."""
DRAIN_LIMIT = 10_000_000
"""Bytes of a body that are read, at most. The ping is taken with the part that has arrived."""


class PingReceiver:
    """The ASGI application for everything under the prefix of a dialect."""

    def __init__(
        self, dialect: Dialect, ingest: Ingest, clock: Clock, metrics: Metrics, body_limit: int
    ) -> None:
        self._dialect = dialect
        self._ingest = ingest
        self._clock = clock
        self._body_limit = body_limit
        self._counters = {result: metrics.pings.heard.labels(result.value) for result in PingResult}
        self._malformed = metrics.pings.heard.labels("malformed")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        try:
            response = await self._receive(scope, receive)
        except asyncio.CancelledError:
            # At a stop, waiting senders are told to retry: another process may serve by then.
            response = self._dialect.response(PingResult.UNAVAILABLE)
        await send(response.start)
        await send(response.body)

    async def _receive(self, scope: Scope, receive: Receive) -> Response:
        at = self._clock.now()
        body = await _read(receive, self._body_limit) if _has_body(scope) else None
        try:
            if body is not None and len(body) > LONG and measurement.is_json(body):
                arrival = await asyncio.to_thread(self._dialect.arrival, scope, at, body)
            else:
                arrival = self._dialect.arrival(scope, at, body)
        except BadPing as bad:
            self._malformed.inc()
            return self._dialect.refusal(bad)
        result = await self._ingest.hear(arrival)
        self._counters[result].inc()
        return self._dialect.response(result)


def _has_body(scope: Scope) -> bool:
    for name, value in scope["headers"]:
        if name == b"content-length":
            return bool(value != b"0")
        if name == b"transfer-encoding":
            return True
    return False


async def _read(receive: Receive, limit: int) -> bytes | None:
    """Return the first `limit` bytes of the body, None where it is empty. A body that stops half-way is kept."""
    body = bytearray()
    with suppress(TimeoutError):
        async with asyncio.timeout(BODY_BOUND):
            await _collect(receive, body, limit)
    return bytes(body) or None


async def _collect(receive: Receive, body: bytearray, limit: int) -> None:
    total = 0
    while total < DRAIN_LIMIT:
        message = await receive()
        if message["type"] != "http.request":
            return
        chunk = message.get("body", b"")
        total += len(chunk)
        body += chunk[: max(limit - len(body), 0)]
        if not message.get("more_body", False):
            return
