"""Fetches a calendar within bounds on time, size and redirects. Each request stays within the fence of its client."""

import asyncio
from datetime import timedelta

import httpx

from alerting.notifiers.transport import egress
from heartbeat.definitions import rotations
from heartbeat.on_call.event import Unreadable

BOUND = timedelta(seconds=20)
"""The time for all requests together."""
LARGEST = 2_000_000
"""Bytes of a calendar, at most."""
HOPS = 3
"""Redirects that are followed, at most."""
_ASKED = {"Accept": "text/calendar", "Accept-Encoding": "identity"}


async def fetch(http: httpx.AsyncClient, address: str) -> str:
    """Return the text at an address. Raises `Unreadable`, whose words hold nothing of the address but its host."""
    url = httpx.URL(rotations.web(address))
    try:
        async with asyncio.timeout(BOUND.total_seconds()):
            for _ in range(HOPS + 1):
                answer = await _get(http, url)
                if isinstance(answer, str):
                    return answer
                url = answer
    except (httpx.HTTPError, httpx.InvalidURL, OSError, TimeoutError) as error:
        why = egress.reason(f"{url.host}:{url.port or 443}", error, BOUND)
        raise Unreadable(f"cannot be fetched: {why}") from None
    raise Unreadable(f"cannot be fetched: it is redirected more than {HOPS} times")


async def _get(http: httpx.AsyncClient, url: httpx.URL) -> str | httpx.URL:
    """Return the text at an address, or the address that it redirects to."""
    async with http.stream("GET", url, headers=_ASKED, follow_redirects=False) as response:
        if response.has_redirect_location:
            following = url.join(response.headers["location"])
            if following.scheme != "https" and following.scheme != url.scheme:
                raise Unreadable("cannot be fetched: it is redirected to an address without encryption")
            return following
        if response.status_code != httpx.codes.OK:
            phrase = httpx.codes.get_reason_phrase(response.status_code)
            raise Unreadable(
                f"cannot be fetched: {url.host} answered {response.status_code} {phrase}".rstrip()
            )
        if response.headers.get("content-encoding", "identity") != "identity":
            # Decompressed, a small body can have any size.
            raise Unreadable(f"cannot be fetched: {url.host} compresses it although asked not to")
        body = bytearray()
        async for part in response.aiter_bytes():
            body += part
            if len(body) > LARGEST:
                raise Unreadable(f"is larger than {LARGEST // 1_000_000} MB")
    return body.decode("utf-8-sig", "replace")
