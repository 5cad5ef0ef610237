"""One POST to a provider, bounded in time and size, and what its answer means for a notice.

The reading of a status follows RFC 9110 and the Standard Webhooks specification: a failure is Refused
where trying again cannot help, and Unreachable where it can.
"""

import asyncio
import json
import logging
from calendar import timegm
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import timedelta
from email.utils import parsedate
from http.client import responses
from typing import cast

import httpx

from alerting.notifiers.contract import Refused, Unreachable
from alerting.notifiers.transport.egress import NotAllowed
from alerting.notifiers.wording import network_fault

BOUND = timedelta(seconds=15)
"""The longest that one send may take in all, however slowly the other side answers."""

READ_LIMIT = 4096
"""Bytes of an answer's body that are read: enough for a provider's words, too few to hurt."""

LONGEST_PAUSE = timedelta(days=1)
"""The longest wait that is believed of a provider."""

_TRY_AGAIN = frozenset({408, 425, 429})
_UNUSABLE = (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.LocalProtocolError)

# httpx writes the URL of every request to its log at INFO. For some providers the URL is the secret.
logging.getLogger("httpx").setLevel(logging.WARNING)


@dataclass(frozen=True, slots=True)
class Reply:
    """What a server said to one POST.

    `where` is its host and port, the only part of the address that may be shown to people. `text` is the
    beginning of the body, for the notifier that knows how to read it: a server may echo the request there,
    secrets included, so it is never shown as it is. `retry_after` is what the server asked for.
    """

    where: str
    status: int
    text: str = ""
    retry_after: timedelta | None = None

    @property
    def line(self) -> str:
        """The status with its name, such as "404 Not Found"."""
        return f"{self.status} {responses.get(self.status, '')}".rstrip()

    def fields(self) -> Mapping[str, object]:
        """The body as a JSON object, empty where it is anything else."""
        try:
            value = json.loads(self.text)
        except (ValueError, RecursionError):
            return {}
        return value if isinstance(value, dict) else {}

    def failure(self, said: str = "") -> Refused | Unreachable:
        """What this answer means where it is not the one hoped for. `said` are the provider's own words."""
        said = said or self._plain_words()
        reason = f"{self.where} answered {self.line}" + (f": {said}" if said else "")
        if 300 <= self.status < 500 and self.status not in _TRY_AGAIN:
            return Refused(reason)
        return Unreachable(reason, self.retry_after, throttled=self.status == 429)

    def _plain_words(self) -> str:
        if 200 <= self.status < 300:
            return "these are not the provider's words"
        if 300 <= self.status < 400:
            return "a redirect, which is not followed"
        return "the endpoint is gone" if self.status == 410 else ""


async def post(
    http: httpx.AsyncClient, url: str, body: bytes, headers: Mapping[str, str], bound: timedelta
) -> Reply | Refused | Unreachable:
    """POST `body` as JSON and read the answer, within `bound` in all. No redirect is followed.

    Refused means that the URL cannot be posted to, Unreachable that no answer came. Once the head of an
    answer is there it counts, whatever becomes of the body. Raises nothing for what a network does.
    """
    where, answer = "", None
    # An answer that is not compressed cannot grow in our hands.
    headers = {"Content-Type": "application/json", "Accept-Encoding": "identity", **headers}
    try:
        where = httpx.URL(url).netloc.decode("ascii")
        async with (
            asyncio.timeout(bound.total_seconds()),
            http.stream(
                "POST", url, content=body, headers=headers, timeout=_timers(bound), follow_redirects=False
            ) as response,
        ):
            answer = Reply(where, response.status_code, retry_after=_retry_after(response.headers))
            answer = replace(answer, text=await _beginning(response))
    except _UNUSABLE:
        return Refused("the address is not a URL that can be posted to")
    except NotAllowed as no:
        return Refused(str(no))
    except (httpx.HTTPError, OSError) as error:
        return answer or Unreachable(network_fault(where, error, bound))
    return answer


def _timers(bound: timedelta) -> httpx.Timeout:
    """The client's own timers. Those for the pool, TCP and TLS run out before `bound`, one after the other.

    For httpcore leaves its socket open when it is cancelled in a TLS handshake, not when its timer runs out.
    """
    seconds = bound.total_seconds()
    return httpx.Timeout(seconds, pool=seconds * 0.3, connect=seconds * 0.3)


async def _beginning(response: httpx.Response) -> str:
    kept = bytearray()
    # httpx promises an iterator and gives a generator, which wants closing when it is left early.
    async with aclosing(cast(AsyncGenerator[bytes, None], response.aiter_raw())) as chunks:
        async for chunk in chunks:
            kept += chunk
            if len(kept) >= READ_LIMIT:
                break
    return kept[:READ_LIMIT].decode("utf-8", "replace")


def _retry_after(headers: Mapping[str, str]) -> timedelta | None:
    """Retry-After (RFC 9110, 10.2.3) is seconds or a date; a date counts from the answer's own Date.

    That needs no clock of ours, and holds when theirs is wrong. A date without a Date tells nothing.
    """
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return timedelta(seconds=min(float(value), LONGEST_PAUSE.total_seconds()))
    until, now = _moment(value), _moment(headers.get("date", ""))
    if until is None or now is None:
        return None
    return timedelta(seconds=min(max(until - now, 0), LONGEST_PAUSE.total_seconds()))


def _moment(http_date: str) -> int | None:
    """Seconds since 1970 of an HTTP date in any of its three forms, all of which are in GMT."""
    try:
        parsed = parsedate(http_date)
        return timegm(parsed) if parsed else None
    except (ValueError, OverflowError, IndexError):
        return None
