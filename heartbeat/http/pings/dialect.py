"""The contract of a ping dialect: a request becomes an `Arrival`, and a `PingResult` becomes a response."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from heartbeat.http.asgi import Message, Scope
from heartbeat.pings.arrival import Arrival, PingResult

AGENT_LIMIT = 200
"""Characters kept of a user agent."""
RETRY_AFTER = b"5"
"""Seconds after which a sender should try again when its ping could not be stored."""

Header = tuple[bytes, bytes]


@dataclass(frozen=True, slots=True)
class Response:
    """A complete response. It is built once and sent many times."""

    start: Message
    body: Message


class BadPing(Exception):
    """The request is no ping in this dialect. It carries the status and the text of the response."""

    def __init__(self, status: int, text: bytes) -> None:
        self.status = status
        self.text = text


class Dialect(Protocol):
    """One way in which clients ping. An instance serves all requests under its prefix."""

    prefix: str

    def __init__(self, body_limit: int) -> None:
        """Take the number of bytes that are kept of a body. Some dialects report it to their clients."""

    def arrival(self, scope: Scope, at: datetime, body: bytes | None) -> Arrival:
        """Read a request. Raises `BadPing`. `body` is already cut, and None if it is empty."""

    def response(self, result: PingResult) -> Response:
        """Return the response for a result."""

    def refusal(self, bad: BadPing) -> Response:
        """Return the response for a request that is no ping."""


def response(status: int, text: bytes, headers: Sequence[Header]) -> Response:
    """Make a response. Its Content-Length is added."""
    length = (b"content-length", str(len(text)).encode())
    return Response(
        {"type": "http.response.start", "status": status, "headers": [*headers, length]},
        {"type": "http.response.body", "body": text},
    )


def remote(scope: Scope) -> str:
    """Return the address that the request came from."""
    client = scope.get("client")
    return client[0] if client else ""


def agent(headers: Iterable[Header]) -> str:
    """Return the user agent, cut to `AGENT_LIMIT`."""
    for name, value in headers:
        if name == b"user-agent":
            # PostgreSQL cannot store NUL in a text, and a ping with one is a ping all the same.
            text: str = value.decode("latin-1").replace("\0", "")
            return text[:AGENT_LIMIT]
    return ""
