"""The Healthchecks dialect, by uuid and by ping key and slug.

Source: the public description of the Healthchecks pinging API; see docs/pinging.md for what each address means.
Every verb is accepted, bodies are cut and never refused, and a 2xx means that the ping is committed.
"""

import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from hashlib import sha256
from urllib.parse import parse_qs
from uuid import UUID

from heartbeat.checks import progress, replay
from heartbeat.checks.check import Signal
from heartbeat.http.asgi import Scope
from heartbeat.http.pings import dialect
from heartbeat.http.pings.dialect import RETRY_AFTER, BadPing, Response
from heartbeat.pings import measurement
from heartbeat.pings.arrival import Arrival, BySlug, ByUuid, PingResult, Target
from heartbeat.pings.measurement import Reading

PREFIX = "/ping/"

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\Z")
_SLUG = re.compile(r"[a-z0-9][a-z0-9_-]{0,99}\Z")
_PLAIN = re.compile(
    rb"/ping/(?:(%s)|([A-Za-z0-9_-]{1,100})/(%s))\Z"
    % (_UUID.pattern[:-2].encode(), _SLUG.pattern[:-2].encode())
)
"""The plainest addresses: a uuid, or a key and a slug, with nothing after it and nothing to decode."""
_SIGNALS = {
    "start": Signal.START,
    "fail": Signal.FAIL,
    "log": Signal.LOG,
    "progress": Signal.PROGRESS,
}
NO_AMOUNT = "done was no number of 0 or more, so the progress was not understood."
NO_DONE = "done is missing, so the progress was not understood; send for example done=500."
"""The remark on a report of progress without an amount."""
MOST_PARAMETERS = 200
"""Parameters of an address that are read. Thousands would hold up other pings."""
TOO_MANY = f"Only the first {MOST_PARAMETERS} parameters of the address were read."
"""The remark on a ping with more of them."""
_NO_CACHE = b"max-age=0, no-cache, no-store, must-revalidate, private"


class Healthchecks:
    """The dialect of Healthchecks and its clients: runitor, borgmatic, a line of curl."""

    prefix = PREFIX

    def __init__(self, body_limit: int) -> None:
        self._body_limit = body_limit
        self._headers = [
            (b"content-type", b"text/plain; charset=utf-8"),
            (b"access-control-allow-origin", b"*"),
            (b"cache-control", _NO_CACHE),
            (b"ping-body-limit", str(body_limit).encode()),
        ]
        full = b"not stored: pings have created too many checks, so this one was not created"
        unavailable = b"the ping could not be stored; try again"
        self.responses = {
            PingResult.HEARD: dialect.response(200, b"OK", self._headers),
            PingResult.CREATED: dialect.response(201, b"Created", self._headers),
            PingResult.REFUSED: dialect.response(422, full, self._headers),
            PingResult.UNKNOWN: dialect.response(404, b"not found", self._headers),
            PingResult.UNAVAILABLE: dialect.response(
                503, unavailable, [*self._headers, (b"retry-after", RETRY_AFTER)]
            ),
        }

    def arrival(self, scope: Scope, at: datetime, body: bytes | None) -> Arrival:
        """Read a request. Raises `BadPing`."""
        parts = scope["path"][len(PREFIX) :].split("/")
        by_uuid, suffix = _split(parts)
        signal, exit_status = _signal(suffix) if suffix else (Signal.SUCCESS, None)
        parameters, unread = _parameters(scope["query_string"]) if scope["query_string"] else ({}, None)
        rid = _rid(parameters) if "rid" in parameters else None
        create = parameters.get("create", [""])[0] == "1"
        numbers = self._numbers(parameters, body) if parameters or body else measurement.NOTHING
        if signal is Signal.PROGRESS:
            signal, numbers = _progress(parameters, numbers)
        sent_at, misread = _sent_at(parameters) if "at" in parameters else (None, None)
        return Arrival(
            ByUuid(parts[0].replace("-", "")) if by_uuid else _by_slug(parts[0], parts[1], create),
            signal,
            at,
            scope["method"][:10],
            dialect.remote(scope),
            dialect.agent(scope["headers"]),
            body,
            exit_status,
            rid,
            numbers.values,
            " ".join(filter(None, (misread, numbers.misread, unread))) or None,
            sent_at,
        )

    def _numbers(self, parameters: Mapping[str, list[str]], body: bytes | None) -> Reading:
        pairs = [(name, value) for name, values in parameters.items() for value in values]
        return measurement.of_request(pairs, body, cut=body is not None and len(body) >= self._body_limit)

    @staticmethod
    def plain_target(url: bytes) -> Target | None:
        """Return the check that the plainest address of a success names. All others are for `arrival`."""
        match = _PLAIN.match(url)
        if match is None:
            return None
        uuid, key, slug = match.groups()
        if uuid:
            return ByUuid(uuid.decode().replace("-", ""))
        return None if _UUID.match(key.decode()) else _by_slug(key.decode(), slug.decode(), create=False)

    def response(self, result: PingResult) -> Response:
        """Return the response for a result."""
        return self.responses[result]

    def refusal(self, bad: BadPing) -> Response:
        """Return the response for a request that is no ping."""
        return dialect.response(bad.status, bad.text, self._headers)


def _split(parts: list[str]) -> tuple[bool, list[str]]:
    """Return whether a path names its check by uuid, and the parts of the path after the name."""
    if _UUID.match(parts[0]):
        return True, parts[1:] if parts[1:] != [""] else []
    if len(parts) >= 2 and parts[0] and _SLUG.match(parts[1]):
        return False, parts[2:]
    raise BadPing(404, b"not found")


def _by_slug(key: str, slug: str, create: bool) -> BySlug:
    return BySlug(sha256(key.encode("utf-8", "surrogatepass")).hexdigest(), slug, create)


def _signal(suffix: list[str]) -> tuple[Signal, int | None]:
    """Return the signal that the end of the path means, and the exit status in it."""
    word = suffix[0]
    if len(suffix) > 1:
        raise BadPing(404, b"not found")
    if word in _SIGNALS:
        return _SIGNALS[word], None
    if not (word.isascii() and word.isdigit()):
        raise BadPing(404, b"not found")
    if len(word) > 9 or int(word) > 255:
        raise BadPing(400, b"invalid url format")
    return Signal.FAIL if int(word) else Signal.SUCCESS, int(word)


def _parameters(query: bytes) -> tuple[dict[str, list[str]], str | None]:
    """Return the parameters of an address, and a remark if it has more than are read."""
    read = query.split(b"&", MOST_PARAMETERS)[:MOST_PARAMETERS]
    unread = TOO_MANY if query.count(b"&") >= MOST_PARAMETERS else None
    return parse_qs(b"&".join(read).decode("latin-1"), keep_blank_values=True), unread


def _rid(parameters: Mapping[str, list[str]]) -> str:
    """Return the run's id as 32 hex digits."""
    try:
        return UUID(parameters["rid"][0]).hex
    except ValueError:
        raise BadPing(400, b"invalid uuid format") from None


def _sent_at(parameters: Mapping[str, list[str]]) -> tuple[datetime | None, str | None]:
    """Return the time that a ping names, and a remark if it names none that can be read."""
    at = replay.read(parameters["at"][0])
    return at, None if at else replay.UNREADABLE


def _progress(parameters: Mapping[str, list[str]], numbers: Reading) -> tuple[Signal, Reading]:
    """Return a report of progress with its `done` and `total`. Without a `done`, it is a log entry, which is seen."""
    values = dict(numbers.values or {})
    for name in ("done", "total"):
        with suppress(KeyError, ValueError):
            values[name] = float(parameters[name][0])
    if progress.amount_of(values):
        return Signal.PROGRESS, Reading(values, numbers.misread)
    sent = "done" in parameters or "done" in values
    return Signal.LOG, Reading(numbers.values, NO_AMOUNT if sent else numbers.misread or NO_DONE)
