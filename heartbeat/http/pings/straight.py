"""The plainest pings: from the parser of a connection straight into line, and their answers straight to the wire.

A request with anything unusual about it is none of these, and takes the way of all requests. Both ways give the same
answers and store the same pings: see tests/unit/http/pings/test_straight.py.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from heartbeat.checks.check import Signal
from heartbeat.clock import Clock
from heartbeat.http.pings import dialect
from heartbeat.http.pings.dialect import Header, Response
from heartbeat.metrics import Metrics
from heartbeat.pings.arrival import Arrival, PingResult, Target
from heartbeat.pings.ingest import Ingest

_METHODS = {b"GET": "GET", b"POST": "POST"}
_HEADERS = frozenset(
    {b"accept", b"accept-encoding", b"connection", b"content-length", b"host", b"user-agent"}
)
"""Headers that change nothing about a ping, except the length of its body."""


class StraightPings:
    """Recognises the plainest pings and puts them in line. `target` reads an address, None if it is not plain.

    `home` is the path below which the service lives, see `http.home`.
    """

    def __init__(
        self,
        target: Callable[[bytes], Target | None],
        responses: Mapping[PingResult, Response],
        ingest: Ingest,
        clock: Clock,
        metrics: Metrics,
        home: str = "",
    ) -> None:
        self._home = home.encode()
        self._target = target
        self._answers = {result: _on_the_wire(response) for result, response in responses.items()}
        self._counters = {result: metrics.pings.heard.labels(result.value) for result in PingResult}
        self._ingest = ingest
        self._clock = clock

    def arrival(self, method: bytes, url: bytes, headers: Sequence[Header], remote: str) -> Arrival | None:
        """Return the ping of a request without a body, None if it is not one of the plainest."""
        target = self._target(url.removeprefix(self._home))
        if target is None or method not in _METHODS:
            return None
        for name, value in headers:
            if name not in _HEADERS or (name == b"content-length" and value != b"0"):
                return None
        agent = dialect.agent(headers)
        return Arrival(target, Signal.SUCCESS, self._clock.now(), _METHODS[method], remote, agent)

    def put(self, arrival: Arrival, answer: Callable[[PingResult], None]) -> None:
        """Put a ping in line. `answer` is called with its result."""
        self._ingest.put(arrival, answer)

    def answer(self, result: PingResult) -> tuple[bytes, bytes]:
        """Count a result. Return its answer: the head without the empty line at its end, and the body."""
        self._counters[result].inc()
        return self._answers[result]


class StraightPing:
    """A ping that waits for its answer: as much of uvicorn's cycle of a request as a connection looks at."""

    __slots__ = (
        "_arrival",
        "_on_response",
        "_pings",
        "_transport",
        "disconnected",
        "keep_alive",
        "response_complete",
    )
    response_started = False

    def __init__(
        self,
        pings: StraightPings,
        arrival: Arrival,
        transport: asyncio.Transport,
        on_response: Callable[[], None],
    ) -> None:
        self._pings = pings
        self._arrival = arrival
        self._transport = transport
        self._on_response = on_response
        self.disconnected = self.response_complete = False
        self.keep_alive = True

    @property
    def message_event(self) -> "StraightPing":
        """uvicorn wakes the application by it. There is none here."""
        return self

    def set(self) -> None:
        """Wake nobody."""

    def begin(self) -> None:
        """Put the ping in line: its request is complete."""
        self._pings.put(self._arrival, self.answer)

    def answer(self, result: PingResult) -> None:
        """Write the answer, unless the ping has one already or nobody waits for it any more."""
        if self.response_complete:
            return
        head, body = self._pings.answer(result)
        if self.disconnected:
            return
        self.response_complete = True
        # The connection and its ping hold each other no longer, and the ping does not hold itself: the collector, which
        # stops all pings for as long as it takes, finds nothing of it.
        on_response, self._on_response = self._on_response, _do_nothing
        close = b"" if self.keep_alive else b"connection: close\r\n"
        self._transport.write(b"%s%s\r\n%s" % (head, close, body))
        if close:
            self._transport.close()
        on_response()


def _do_nothing() -> None:
    """Tell nobody that there is a response."""


def _on_the_wire(response: Response) -> tuple[bytes, bytes]:
    start: Any = response.start
    status = HTTPStatus(start["status"])
    lines = [b"HTTP/1.1 %d %s\r\n" % (status, status.phrase.encode())]
    lines += [b"%s: %s\r\n" % header for header in start["headers"]]
    return b"".join(lines), response.body["body"]
