"""One request to a provider, bounded in time and size, and the outcome of its reply.

A status is read by RFC 9110 and the Standard Webhooks specification: a failure is Refused if trying again cannot help,
and Unreachable if it can.
"""

import asyncio
import json
import logging
import zlib
from calendar import timegm
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from email.utils import parsedate
from http.client import responses
from typing import Any, cast

import httpx

from alerting.notifiers.contract import Refused, Unreachable
from alerting.notifiers.transport.egress import NotAllowed, ProxyFault
from alerting.notifiers.wording import network_fault

BOUND = timedelta(seconds=15)
"""The longest time that one send may take in all, however slowly the other side answers."""

READ_LIMIT = 4096
"""The most bytes of a reply's body that are read: enough for a provider's message, too few to hurt."""

LONGER_READ_LIMIT = 64_000
"""The same for a provider that repeats the whole message in its reply."""

LONGEST_PAUSE = timedelta(days=1)
"""The longest wait that a provider may ask for."""

_CLASSES = {4: "Client Error", 5: "Server Error"}
_TRY_AGAIN = frozenset({408, 425, 429})
_UNUSABLE = (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.LocalProtocolError)

# httpx writes the URL of every request to its log at INFO. For some providers the URL is the secret.
logging.getLogger("httpx").setLevel(logging.WARNING)


@dataclass(frozen=True, slots=True)
class Reply:
    """A server's reply to one request.

    `where` is its host and port, the only part of the address that may be shown to people. `text` is the beginning of
    the body, for the notifier that can read it: a server may echo the request there, secrets included, so it is never
    shown as it is. `retry_after` is the wait that the server asked for.
    """

    where: str
    status: int
    text: str = ""
    retry_after: timedelta | None = None

    @property
    def line(self) -> str:
        """The status with its name, such as "404 Not Found", or that of its class (RFC 9110, 15)."""
        return f"{self.status} {responses.get(self.status) or _CLASSES.get(self.status // 100, '')}".rstrip()

    def fields(self) -> Mapping[str, object]:
        """Return the body as a JSON object, empty if it is anything else."""
        try:
            value = json.loads(self.text)
        except (ValueError, RecursionError):
            return {}
        return value if isinstance(value, dict) else {}

    def failure(self, message: str = "", wait: object = None) -> Refused | Unreachable:
        """Return the outcome of a reply that is not a success.

        `message` is the provider's own. `wait` is what the body says of the wait, in seconds if it is a number: it is
        more exact than a header.
        """
        message = message or self._own_message()
        reason = f"{self.where} answered {self.line}" + (f": {message}" if message else "")
        if 300 <= self.status < 500 and self.status not in _TRY_AGAIN:
            return Refused(reason)
        pause = _pause(wait) if isinstance(wait, int | float) and wait >= 0 else self.retry_after
        return Unreachable(reason, pause, throttled=self.status == 429)

    def _own_message(self) -> str:
        if 200 <= self.status < 300:
            return "this is not the provider's usual answer"
        if 300 <= self.status < 400:
            return "redirects are not followed"
        return "the endpoint is gone" if self.status == 410 else ""


async def post(
    http: httpx.AsyncClient,
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    bound: timedelta,
    read_limit: int = READ_LIMIT,
) -> Reply | Refused | Unreachable:
    """POST `body` and return the reply. See `call`."""
    return await call(http, "POST", url, body, headers, bound, read_limit)


async def call(
    http: httpx.AsyncClient,
    method: str,
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    bound: timedelta,
    read_limit: int = READ_LIMIT,
) -> Reply | Refused | Unreachable:
    """Send `body` and return the reply, within `bound` in all. No redirect is followed.

    The body is JSON, unless the headers say otherwise. At most `read_limit` bytes of a reply are read.

    Refused means that the URL cannot be used, Unreachable that no reply came, and whether the request was sent.
    Once the head of a reply has come it counts, even if the body breaks off. Raises no fault of the network.
    """
    where, reply, progress = "", None, _Progress()
    # Not every server complies. What it packs all the same is unpacked to READ_LIMIT.
    headers = {"Content-Type": "application/json", "Accept-Encoding": "identity", **headers}
    try:
        where = httpx.URL(url).netloc.decode("ascii")
        async with (
            asyncio.timeout(bound.total_seconds()),
            http.stream(
                method,
                url,
                content=body,
                headers=headers,
                timeout=_timers(bound),
                follow_redirects=False,
                extensions={"trace": progress.note},
            ) as response,
        ):
            reply = Reply(where, response.status_code, retry_after=_retry_after(response.headers))
            reply = replace(reply, text=await _beginning(response, read_limit))
    except _UNUSABLE:
        return Refused("the address is not a URL that can be posted to")
    except NotAllowed as error:
        return Refused(str(error))
    except ProxyFault as error:
        return Unreachable(str(error))
    except (httpx.HTTPError, OSError) as error:
        return reply or Unreachable(network_fault(where, error, bound), may_have_arrived=progress.sent)
    return reply


class _Progress:
    """The progress of a request: whether it was sent to the provider."""

    def __init__(self) -> None:
        self.sent = False
        self._to_proxy = False

    async def note(self, event: str, info: Mapping[str, Any]) -> None:
        """Take notice of an event of the client."""
        if event.endswith("send_request_headers.started"):
            # A proxy is first asked for a connection, which tells the provider nothing.
            self._to_proxy = info["request"].method == b"CONNECT"
        self.sent = self.sent or (event.endswith("send_request_body.complete") and not self._to_proxy)


def _timers(bound: timedelta) -> httpx.Timeout:
    """Return the client's own timers. Those for TCP and TLS run out before `bound`, one after the other.

    httpcore leaves its socket open if it is cancelled in a TLS handshake, but not if its timer runs out.
    """
    seconds = bound.total_seconds()
    return httpx.Timeout(seconds, connect=seconds * 0.3)


async def _beginning(response: httpx.Response, limit: int) -> str:
    """Return the beginning of a body, unpacked if the server compressed it unasked."""
    beginning = bytearray()
    # httpx promises an iterator and returns a generator, which must be closed if it is left early.
    async with aclosing(cast(AsyncGenerator[bytes, None], response.aiter_raw())) as chunks:
        async for chunk in chunks:
            beginning += chunk
            if len(beginning) >= limit:
                break
    packed = bytes(beginning[:limit])
    coding = response.headers.get("Content-Encoding", "")
    return _unpacked(packed, coding, limit).decode("utf-8", "replace")


def _unpacked(packed: bytes, coding: str, limit: int) -> bytes:
    """Return the beginning of what was packed by a content coding (RFC 9110, 8.4.1); all of it if it was not."""
    # Some servers send "deflate" without the frame that it has by the standard.
    windows = {"gzip": [31], "x-gzip": [31], "deflate": [15, -15]}.get(coding.strip().lower(), [])
    for window in windows:
        with suppress(zlib.error):
            return zlib.decompressobj(window).decompress(packed, limit)
    return packed


def _retry_after(headers: Mapping[str, str]) -> timedelta | None:
    """Return the wait of Retry-After (RFC 9110, 10.2.3): seconds, or a date, counted from the reply's own Date.

    This needs no clock of ours, and is right even if theirs is wrong. A date without a Date means nothing.
    """
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return _pause(float(value))
    until, now = _moment(value), _moment(headers.get("date", ""))
    if until is None or now is None:
        return None
    return _pause(max(until - now, 0))


def _pause(seconds: float) -> timedelta:
    return timedelta(seconds=min(seconds, LONGEST_PAUSE.total_seconds()))


def _moment(http_date: str) -> int | None:
    """Return the seconds since 1970 of an HTTP date in any of its three forms, all in GMT."""
    try:
        parsed = parsedate(http_date)
        return timegm(parsed) if parsed else None
    except (ValueError, OverflowError, IndexError):
        return None
