"""The signs of life of a process that takes pings: a beat each second, by the way that pings take.

Where beats are missing, pings may have been lost. See `checks.blindness`.
"""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime
from uuid import uuid4

from alerting import times
from alerting.subject import cut
from heartbeat.checks import blindness, blindness_store
from heartbeat.checks.blindness import Blind, Seen
from heartbeat.clock import Clock
from heartbeat.clock_reading import Reading
from heartbeat.database import Database, Unavailable
from heartbeat.loop import Loop
from heartbeat.metrics import Metrics

LONGEST_FAULT = 120
"""Characters of a fault of the database that a reason names."""

log = logging.getLogger(__name__)


class Liveness:
    """Beats for one process. `now` is the time that checks are judged by; `refused` returns whether pings were refused
    since it was asked last."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        metrics: Metrics,
        *,
        now: Callable[[], datetime],
        refused: Callable[[], bool],
        every: float = blindness.EVERY,
    ) -> None:
        self._database = database
        self._clock = clock
        self._metrics = metrics.blindness
        self._now = now
        self._refused = refused
        self._process = uuid4().hex
        self._last: datetime | None = None
        self._fault = ""
        self._loop = Loop("liveness", self.beat, pause=lambda _: every)

    async def run(self) -> None:
        """Beat until cancelled."""
        await self._loop.run()

    async def beat(self) -> Blind | None:
        """Beat once. Return the blindness that this ends, if there was one."""
        now = self._reading()
        seen = self._seen()
        try:
            span = await self._database.write_pings(
                lambda db: blindness_store.beat(db, self._process, now, seen)
            )
        except Unavailable as error:
            self._fault = cut(str(error), LONGEST_FAULT)
            return None
        self._last, self._fault = now.at, ""
        self._metrics.last_beat.set(now.at.timestamp())
        if span is not None:
            self._tell(span)
        return span

    async def rest(self, seconds: float) -> None:
        """Beat for the last time, within so many seconds: the process ends in an orderly way."""
        now, seen = self._reading(), self._seen()
        # A machine that is stopped as soon as it runs again has stood still all the same.
        resting = self._database.write_pings(
            lambda db: blindness_store.beat(db, self._process, now, seen, stopped=True)
        )
        try:
            async with asyncio.timeout(seconds):
                span = await asyncio.shield(resting)
            if span is not None:
                self._tell(span)
        except (TimeoutError, Unavailable):
            log.info("the last sign of life could not be stored")

    def _seen(self) -> Seen:
        # What is refused during this beat counts for the next one.
        return Seen(self._last is None, self._fault, self._refused(), self._last)

    def _reading(self) -> Reading:
        return Reading(self._now(), self._clock.elapsed(), self._clock.boot)

    def _tell(self, span: Blind) -> None:
        seconds = span.length.total_seconds()
        self._metrics.spans.inc()
        self._metrics.seconds.inc(seconds)
        log.warning(
            "pings could not be heard for %s: %s; checks that were due then get time to speak",
            times.duration(span.length),
            span.why,
            extra={"event": "blind", "seconds": round(seconds, 3)},
        )
