"""One connection, with the bounds on it: a whole request in time, an answer that is taken, few requests ahead.

uvicorn bounds none of these. No timer runs for a request: the server looks at all connections once a second.
"""

import asyncio
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Any

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from heartbeat.http import forwarded, shares
from heartbeat.http.asgi import ACTOR
from heartbeat.http.pings.straight import StraightPing, StraightPings
from heartbeat.pings.arrival import PingResult

HEAD_BOUND = 5.0
"""Seconds for the head of a request to arrive; after that the connection is closed."""
REQUEST_BOUND = 10.0
"""Seconds for a whole request to arrive, head and body; after that the connection is closed."""
LEAST_RATE = 64_000
"""Bytes a second of a body for which a caller with an API key gets more time: each is worth its part of a second."""
IDLE_BOUND = 30.0
"""Seconds without a request after which a connection is closed."""
STALL_BOUND = 15.0
"""Seconds in which a client must take some of the answer that waits for it; after that the connection is aborted."""
HEAD_LIMIT = 65_536
"""Bytes of the head of a request, at most. The parser itself has no limit."""
TARGET_LIMIT = 16_000
"""Bytes of the address of a request, at most: the slugs of as many checks as can be changed at once fit in."""
MOST_FIELDS = 200
"""Fields in the head of a request, at most."""
PIPELINED = 20
"""Requests that wait on one connection for the answer to an earlier one. The connection is closed after these."""
MAX_CONNECTIONS = 5_000
SHED_AT_ONCE = 50
"""One in so many connections makes room when all places are taken, so that looking for them is worth its time."""


def _refusal(status: bytes, sentence: bytes) -> bytes:
    return (
        b"HTTP/1.1 %s\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: %d\r\n"
        b"connection: close\r\n\r\n%s" % (status, len(sentence), sentence)
    )


_MALFORMED = _refusal(b"400 Bad Request", b"This is not a request in HTTP/1.1.")
_TOO_SLOW = _refusal(b"408 Request Timeout", b"The request did not arrive in time.")
_TOO_LONG = _refusal(
    b"414 URI Too Long", b"The address is too long. It may have at most %d bytes." % TARGET_LIMIT
)
_TOO_LARGE = _refusal(b"431 Request Header Fields Too Large", b"The head of the request is too large.")


class Phase(Enum):
    """What the parser of a connection waits for."""

    IDLE = IDLE_BOUND
    HEAD = HEAD_BOUND
    BODY = REQUEST_BOUND
    COMPLETE = math.inf
    """Nothing: the client waits for us, or is cut off."""


class _Refused(Exception):
    """A head is over a bound. `reason` is counted, and `answer` is given if nothing else is being answered."""

    def __init__(self, reason: str, answer: bytes) -> None:
        self.reason = reason
        self.answer = answer


def _ignore(_reason: str) -> None:
    """Do nothing."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """The bound on the connections of a server. `count` is called with the reason for each one that is cut off."""

    limit: int = MAX_CONNECTIONS
    count: Callable[[str], None] = _ignore


UNCOUNTED = Bounds()


class Connection(HttpToolsProtocol):
    """One connection. `since` is the time of the event loop at which its phase began, a whole request being one."""

    def __init__(
        self,
        bounds: Bounds,
        straight: StraightPings | None,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._bounds = bounds
        self._straight = straight
        self.phase = Phase.HEAD
        self.since = 0.0
        self._heads = 0
        self._head_bytes = self._body_bytes = 0
        self._running: RequestResponseCycle | StraightPing | None = None
        self._is_deaf = self._is_last = False
        self._peer = ""
        self._untaken = 0.0
        """Bytes of answers that the client had not taken at the last look."""
        self._taken_at = 0.0

    @property
    def network(self) -> str:
        """The network of the client."""
        return shares.network_of(self.client[0] if self.client else "")

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self.since = self._taken_at = self.loop.time()
        self._peer = forwarded.peer_of(self.client)
        if len(self.connections) > self._bounds.limit:
            make_room(self, self.connections, self._bounds)  # type: ignore[arg-type]  # all of them are of this class

    def connection_lost(self, exc: Exception | None) -> None:
        if self.phase is Phase.BODY and not self.cycle.response_complete:
            self._bounds.count("aborted")
        # uvicorn tells only the newest request.
        for cycle in (self._running, *(cycle for cycle, _ in self.pipeline)):
            if cycle is not None and not cycle.response_complete:
                cycle.disconnected = True
                cycle.message_event.set()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._is_deaf:
            return
        heads = self._heads
        try:
            self._parse(data)
        except httptools.HttpParserError as error:
            self._on_bad_request(error)
            return
        # If the same head is still awaited, all of the data belongs to it.
        if self.phase is Phase.HEAD and heads == self._heads:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_LIMIT:
                self._cut("too_large", _TOO_LARGE)

    def _parse(self, data: bytes) -> None:
        """Parse data. An offer to change to another protocol is ignored, as a server may (RFC 9110, 7.8).

        After a head with such an offer the parser takes everything for the other protocol, the body too. Another
        parser therefore gets the head without the offer, and all that follows.
        """
        while True:
            try:
                self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as offer:
                data = self._head_without_offer() + data[offer.args[0] :]
                self.parser = httptools.HttpRequestParser(self)
                self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
            else:
                return

    def _head_without_offer(self) -> bytes:
        version = self.parser.get_http_version().encode()
        lines = [b"%s %s HTTP/%s" % (self.parser.get_method(), self.url, version)]
        lines += [b"%s: %s" % (name, value) for name, value in self.headers if name != b"upgrade"]
        return b"\r\n".join(lines) + b"\r\n\r\n"

    def _on_bad_request(self, error: Exception) -> None:
        refused = error.__context__
        reason, answer = "malformed", _MALFORMED
        if isinstance(refused, _Refused):
            reason, answer = refused.reason, refused.answer
        last = self.pipeline[0][0] if self.pipeline else self._running
        if self.phase is Phase.BODY or last is None or last.response_complete:
            self._cut(reason, answer)
            return
        # Those that are complete are answered: they take effect. The client has to repeat the others (RFC 9112, 9.3.2).
        self._end(reason)
        self._is_deaf = True
        last.keep_alive = False

    def on_message_begin(self) -> None:
        self.url, self.headers, self.expect_100_continue = b"", [], False
        if self.phase is not Phase.HEAD:
            self.phase, self.since = Phase.HEAD, self.loop.time()
        self._head_bytes = self._body_bytes = 0

    def on_headers_complete(self) -> None:
        self._heads += 1
        if self.parser.should_upgrade():
            if self.parser.get_method() == b"CONNECT":
                raise ValueError("no proxy")
            return
        if len(self.pipeline) >= PIPELINED:
            raise _Refused("pipelined", _MALFORMED)
        if len(self.url) > TARGET_LIMIT:
            raise _Refused("too_large", _TOO_LONG)
        if len(self.headers) > MOST_FIELDS:
            raise _Refused("too_large", _TOO_LARGE)
        if (ping := self._plainest()) is not None:
            self.cycle = self._running = ping  # type: ignore[assignment]  # as much of one as is looked at
        else:
            self._begin_scope()
            super().on_headers_complete()
        if self._is_last:
            self.cycle.keep_alive = False
        self.phase = Phase.BODY

    def _plainest(self) -> StraightPing | None:
        """Return the request as a ping if it can go straight into line: it is plain, and nothing comes before it."""
        if self._straight is None or self.flow.write_paused or not self._is_next():
            return None
        if self.parser.get_http_version() != "1.1" or not self.parser.should_keep_alive():
            return None
        arrival = self._straight.arrival(self.parser.get_method(), self.url, self.headers, self._peer)
        if arrival is None:
            return None
        return StraightPing(self._straight, arrival, self.transport, self.on_response_complete)

    def _is_next(self) -> bool:
        return not self.pipeline and self._is_resting()

    def _begin_scope(self) -> None:
        """Do what uvicorn does at the beginning of each request. The plainest pings need none of it."""
        url, headers, expects = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()
        self.url, self.expect_100_continue = url, expects
        self.headers += headers

    def on_body(self, body: bytes) -> None:
        self._body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        if self.parser.should_upgrade():
            return
        if isinstance(self.cycle, StraightPing):
            self.cycle.begin()
        else:
            super().on_message_complete()
        self.phase = Phase.COMPLETE
        if self.cycle.response_complete:
            self._rest()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    def on_response_complete(self) -> None:
        """Begin the next request that waits, without the timer that uvicorn sets for each."""
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        elif self.phase is Phase.COMPLETE:
            self._rest()

    def _rest(self) -> None:
        self.phase, self.since = Phase.IDLE, self.loop.time()

    def shutdown(self) -> None:
        """Close after the current request, or after the next: it may be on its way already."""
        self._is_last = True
        if not self._is_resting():
            self.cycle.keep_alive = False

    def close_resting(self) -> None:
        """Close the connection unless a request is being answered: the process stops."""
        if self._is_resting():
            self.transport.close()

    def _is_resting(self) -> bool:
        return self.cycle is None or bool(self.cycle.response_complete)

    def turn_away(self) -> None:
        """Ask for the ping that still waits for its answer again: the process stops."""
        if isinstance(self._running, StraightPing):
            self._running.answer(PingResult.UNAVAILABLE)

    def resume_writing(self) -> None:
        self._untaken = math.inf
        super().resume_writing()

    def look(self, now: float) -> None:
        """Cut the connection off if it is over one of its bounds. `now` is a time of the event loop."""
        if self._is_stalled(now):
            self._end("stalled")
            self.transport.abort()
        # What is late while we do not read is not late because of the client.
        elif now - self.since >= self._bound() and not self.flow.read_paused:
            if self.phase is Phase.IDLE:
                self.transport.close()
            else:
                self._cut("slow", _TOO_SLOW)

    def _bound(self) -> float:
        """Return the seconds that this phase may last. A stranger's slow body gets no more of them."""
        has_key = self.phase is Phase.BODY and ACTOR in self.scope["state"]
        return self.phase.value + (self._body_bytes / LEAST_RATE if has_key else 0)

    def _is_stalled(self, now: float) -> bool:
        untaken = self.transport.get_write_buffer_size()
        if untaken < self._untaken or not untaken:
            self._taken_at = now
        self._untaken = untaken
        return now - self._taken_at >= STALL_BOUND

    def is_waiting(self) -> bool:
        """Return whether the client owes the rest of a request, or all of one."""
        return self.phase is not Phase.COMPLETE

    def make_room(self) -> None:
        """Close the connection at once, for others."""
        self._end("crowded")
        self.transport.abort()

    def _cut(self, reason: str, answer: bytes) -> None:
        """Close the connection, and say why unless another answer is being given or the client never said anything."""
        if self.transport.is_closing():
            return
        cycle, is_silent = self._running, reason == "slow" and not self._head_bytes
        if cycle is None or cycle.response_complete:
            says = self.phase is not Phase.BODY and not is_silent
        else:
            says = cycle is self.cycle and self.phase is Phase.BODY and not cycle.response_started
        if says:
            if cycle is not None:
                # The application speaks to nobody from here on.
                cycle.disconnected = True
                cycle.message_event.set()
            self.transport.write(answer)
        self._end(reason)
        self.transport.close()

    def _end(self, reason: str) -> None:
        self._bounds.count(reason)
        self.phase = Phase.COMPLETE


def make_room(newcomer: Connection, connections: Iterable[Connection], bounds: Bounds) -> None:
    """Close connections that wait for a request, so that the newcomer finds a place; it is the last to go itself."""
    places = [
        shares.Place(each, each.network, each.since if each.is_waiting() else None)
        for each in connections
        if each is not newcomer and not each.transport.is_closing()
    ]
    chosen = shares.to_shed(places, max(1, bounds.limit // SHED_AT_ONCE))
    for connection in chosen or [newcomer]:
        connection.make_room()
