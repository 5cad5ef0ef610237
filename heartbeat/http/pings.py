"""The Healthchecks ping protocol, by uuid and by ping key and slug. A plain ASGI route: this is the hot path.

Source: the public description of the Healthchecks pinging API; see docs/pinging.md for what each address means.
Every verb is accepted, bodies are cut and never refused, and a 2xx means that the ping is committed.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs
from uuid import UUID

from heartbeat.check import Signal
from heartbeat.clock import Clock
from heartbeat.database import Unavailable
from heartbeat.ingest import Answer, Ingest
from heartbeat.metrics import Metrics
from heartbeat.ring import Arrival

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

PREFIX = "/ping/"
BODY_BOUND = 5.0
"""Seconds within which a body must have come; what has come by then is kept."""
DRAIN_LIMIT = 10_000_000
"""Bytes of a body that are read (and, past the limit, thrown away) before the ping is taken as it is."""
AGENT_LIMIT = 200
RETRY_AFTER = b"5"

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\Z")
_SLUG = re.compile(r"[a-z0-9][a-z0-9_-]{0,99}\Z")
_SIGNALS = {"start": Signal.START, "fail": Signal.FAIL, "log": Signal.LOG}
_NO_CACHE = b"max-age=0, no-cache, no-store, must-revalidate, private"


class BadPing(Exception):
    """The address means nothing: the status and the words that the protocol has for it."""

    def __init__(self, status: int, words: bytes) -> None:
        self.status = status
        self.words = words


class Pings:
    """The ASGI application for everything under /ping/."""

    def __init__(self, ingest: Ingest, clock: Clock, metrics: Metrics, body_limit: int) -> None:
        self._ingest = ingest
        self._clock = clock
        self._body_limit = body_limit
        self._heard = metrics.pings.heard.labels("heard")
        self._created = metrics.pings.heard.labels("created")
        self._unknown = metrics.pings.heard.labels("unknown")
        self._malformed = metrics.pings.heard.labels("malformed")
        self._unavailable = metrics.pings.heard.labels("unavailable")
        common = [
            (b"content-type", b"text/plain; charset=utf-8"),
            (b"access-control-allow-origin", b"*"),
            (b"cache-control", _NO_CACHE),
            (b"ping-body-limit", str(body_limit).encode()),
        ]
        self._ok = _start(200, b"OK", common), _body(b"OK")
        self._made = _start(201, b"Created", common), _body(b"Created")
        self._missing = _start(404, b"not found", common), _body(b"not found")
        sorry = b"the ping could not be stored; try again"
        self._sorry = _start(503, sorry, [*common, (b"retry-after", RETRY_AFTER)]), _body(sorry)
        self._common = common

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        try:
            arrival = self._parse(scope)
        except BadPing as bad:
            self._malformed.inc()
            await _drain(receive)
            await send(_start(bad.status, bad.words, self._common))
            await send(_body(bad.words))
            return
        try:
            if _has_body(scope):
                arrival.body = await _read(receive, self._body_limit)
            start, body = await self._hear(arrival)
        except asyncio.CancelledError:
            # A stop cuts off who still waits: they are told to come back, to whoever serves then.
            start, body = self._sorry
        await send(start)
        await send(body)

    async def _hear(self, arrival: Arrival) -> tuple[Message, Message]:
        try:
            answer = await self._ingest.hear(arrival)
        except Unavailable:
            self._unavailable.inc()
            return self._sorry
        if answer is Answer.HEARD:
            self._heard.inc()
            return self._ok
        if answer is Answer.CREATED:
            self._created.inc()
            return self._made
        self._unknown.inc()
        return self._missing

    def _parse(self, scope: Scope) -> Arrival:
        path: str = scope["path"][len(PREFIX) :]
        arrival = Arrival(
            Signal.SUCCESS,
            self._clock.now(),
            scope["method"][:10],
            _remote(scope),
            _header(scope, b"user-agent")[:AGENT_LIMIT],
        )
        parts = path.split("/")
        if _UUID.match(parts[0]):
            arrival.uuid = parts[0].replace("-", "")
            rest = parts[1:] if parts[1:] != [""] else []
        elif len(parts) >= 2 and parts[0] and _SLUG.match(parts[1]):
            arrival.key_hash = sha256(parts[0].encode("utf-8", "surrogatepass")).hexdigest()
            arrival.slug = parts[1]
            rest = parts[2:]
        else:
            raise BadPing(404, b"not found")
        if rest:
            _signal(arrival, rest)
        if scope["query_string"]:
            _query(arrival, scope["query_string"])
        return arrival


def _signal(arrival: Arrival, rest: list[str]) -> None:
    if len(rest) > 1:
        raise BadPing(404, b"not found")
    word = rest[0]
    if word in _SIGNALS:
        arrival.signal = _SIGNALS[word]
    elif word.isascii() and word.isdigit():
        if len(word) > 9 or int(word) > 255:
            raise BadPing(400, b"invalid url format")
        arrival.exit_status = int(word)
        arrival.signal = Signal.FAIL if int(word) else Signal.SUCCESS
    else:
        raise BadPing(404, b"not found")


def _query(arrival: Arrival, query: bytes) -> None:
    given = parse_qs(query.decode("latin-1"), keep_blank_values=True)
    if "rid" in given:
        try:
            arrival.rid = UUID(given["rid"][0]).hex
        except ValueError:
            raise BadPing(400, b"invalid uuid format") from None
    arrival.create = bool(arrival.slug) and given.get("create", [""])[0] == "1"


def _remote(scope: Scope) -> str:
    client = scope.get("client")
    return client[0] if client else ""


def _header(scope: Scope, name: bytes) -> str:
    for key, value in scope["headers"]:
        if key == name:
            # PostgreSQL cannot keep NUL in a text, and a ping with one is a ping all the same.
            text: str = value.decode("latin-1").replace("\0", "")
            return text
    return ""


def _has_body(scope: Scope) -> bool:
    for key, value in scope["headers"]:
        if key == b"content-length":
            return bool(value != b"0")
        if key == b"transfer-encoding":
            return True
    return False


async def _read(receive: Receive, limit: int) -> bytes | None:
    """The first `limit` bytes of the body; None where there is none. A body that stops half-way is still a ping."""
    kept = bytearray()
    with suppress(TimeoutError):
        async with asyncio.timeout(BODY_BOUND):
            await _collect(receive, kept, limit)
    return bytes(kept) or None


async def _collect(receive: Receive, kept: bytearray, limit: int) -> None:
    seen = 0
    while seen < DRAIN_LIMIT:
        message = await receive()
        if message["type"] != "http.request":
            return
        chunk = message.get("body", b"")
        seen += len(chunk)
        kept += chunk[: max(limit - len(kept), 0)]
        if not message.get("more_body", False):
            return


async def _drain(receive: Receive) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(BODY_BOUND):
            await _collect(receive, bytearray(), 0)


def _start(status: int, body: bytes, headers: list[tuple[bytes, bytes]]) -> Message:
    return {
        "type": "http.response.start",
        "status": status,
        "headers": [*headers, (b"content-length", str(len(body)).encode())],
    }


def _body(words: bytes) -> Message:
    return {"type": "http.response.body", "body": words}
