"""The outside heartbeat: pings to other services, which raise the alarm when this one falls silent.

One may be anything that waits for a ping. The others are the peers of the configuration.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta

import httpx

from alerting.notifiers.transport import egress
from heartbeat.loop import attempt
from heartbeat.metrics import Metrics

BOUND = 10.0
"""Seconds in which the other service must answer."""
LEARN_EVERY = 15.0
"""Seconds between two readings of the peers, at least."""

log = logging.getLogger(__name__)


async def no_peers() -> Mapping[str, str]:
    """Return no peers."""
    return {}


class OutsideHeartbeat:
    """Pings `url`, if there is one, and each of `peers` at most once in `every` seconds. Nobody waits for its pings.

    `peers` returns the addresses of peers by name.
    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        metrics: Metrics,
        url: str,
        every: float,
        peers: Callable[[], Awaitable[Mapping[str, str]]] = no_peers,
    ) -> None:
        self._http = http
        self._metrics = metrics.ticking
        self._url = url
        self._every = every
        self._read_peers = peers
        self._peers: Mapping[str, str] = {}
        self._learnt = float("-inf")
        self._learning: asyncio.Task[None] | None = None
        self._began: dict[str, float] = {}
        self._beating: dict[str, asyncio.Task[None]] = {}

    def beat(self) -> None:
        """Begin the pings that are due, but for those that are under way."""
        now = asyncio.get_running_loop().time()
        if now - self._learnt >= LEARN_EVERY and (self._learning is None or self._learning.done()):
            self._learnt = now
            self._learning = asyncio.create_task(self._learn())
        if self._url:
            self._beat("", self._url, now)
        for name, url in self._peers.items():
            self._beat(name, url, now)

    def _beat(self, name: str, url: str, now: float) -> None:
        under_way = self._beating.get(name)
        if now - self._began.get(name, float("-inf")) >= self._every and (
            under_way is None or under_way.done()
        ):
            self._began[name] = now
            self._beating[name] = asyncio.create_task(self._ping(name, url))

    async def _learn(self) -> None:
        peers = await attempt("reading the peers", self._read_peers)
        if peers is not None:
            self._peers = peers

    async def _ping(self, name: str, url: str) -> None:
        try:
            answer = await self._http.get(url, timeout=BOUND)
            result = "accepted" if answer.is_success else "refused"
            if not answer.is_success and name:
                log.warning("the peer %s refuses our pings: %d", name, answer.status_code)
        except httpx.HTTPError as error:
            where = httpx.URL(url).netloc.decode("ascii")
            reason = egress.reason(where, error, timedelta(seconds=BOUND))
            log.warning("%s cannot be reached: %s", _called(name), reason)
            result = "unreachable"
        if name:
            self._metrics.peers.labels(name, result).inc()
        else:
            self._metrics.outside.labels(result).inc()


def _called(name: str) -> str:
    return f"the peer {name}" if name else "the outside heartbeat"
