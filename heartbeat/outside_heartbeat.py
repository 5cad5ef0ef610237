"""The outside heartbeat: a ping to another service, which raises the alarm when this one falls silent."""

import asyncio
import logging
from datetime import timedelta

import httpx

from alerting.notifiers.transport import egress
from heartbeat.metrics import Metrics

BOUND = 10.0
"""Seconds in which the other service must answer."""

log = logging.getLogger(__name__)


class OutsideHeartbeat:
    """Pings `url` at most once in `every` seconds, or never if `url` is empty. Nobody waits for its pings."""

    def __init__(self, http: httpx.AsyncClient, metrics: Metrics, url: str, every: float) -> None:
        self._http = http
        self._metrics = metrics
        self._url = url
        self._every = every
        self._began = float("-inf")
        self._beating: asyncio.Task[None] | None = None

    def beat(self) -> None:
        """Begin a ping, unless one is under way or the last one is too recent."""
        now = asyncio.get_running_loop().time()
        if not self._url or now - self._began < self._every:
            return
        if self._beating is None or self._beating.done():
            self._began = now
            self._beating = asyncio.create_task(self._ping())

    async def _ping(self) -> None:
        try:
            answer = await self._http.get(self._url, timeout=BOUND)
            result = "accepted" if answer.is_success else "refused"
        except httpx.HTTPError as error:
            where = httpx.URL(self._url).netloc.decode("ascii")
            reason = egress.reason(where, error, timedelta(seconds=BOUND))
            log.warning("the outside heartbeat cannot be reached: %s", reason)
            result = "unreachable"
        self._metrics.ticking.outside.labels(result).inc()
