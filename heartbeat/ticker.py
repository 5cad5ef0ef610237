"""One cycle to read, and the service is understood: judge what is due, decide whom to page, send.

A tick works in rounds, one bounded batch of each stage a round, all stages at once, so that the first page of a storm
leaves while the rest of the storm is still being judged. Then it sleeps until the next due time, or until it is woken.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import suppress
from datetime import datetime, timedelta

import httpx

from alerting import courier, escalator
from alerting.courier import Courier
from alerting.span import Spans, untold
from heartbeat import checker, store
from heartbeat.clock import Clock
from heartbeat.database import Database, Unavailable, clock_offset
from heartbeat.metrics import Metrics

MAX_ROUNDS = 200
FIRST_BATCH = 125
"""Checks or incidents of one transaction in the first round of a tick. It doubles from round to round: in a storm the
first page leaves after little work, and what follows is done in fewer transactions."""
LONGEST_SLEEP = 1.0
"""Seconds between ticks at the most: another replica may have brought something forward."""
SHORTEST_SLEEP = 0.05
READY_WITHIN = 15.0
"""Seconds since the last clean tick after which the service no longer calls itself ready."""
PROVE_EVERY = 5.0
"""Seconds after which every stage is asked though nothing is due: whoever calls this process ready must know that it
can also write."""
CLOCK_EVERY = timedelta(seconds=30)
OUTSIDE_BOUND = 10.0
LEFT_LYING = timedelta(minutes=2)
"""What has been due for longer is done by nobody: no process vouches for the service any more."""

log = logging.getLogger(__name__)
Stage = Callable[[], Awaitable[int]]
Dues = Mapping[str, datetime | None]
"""When each stage next has something to do."""


class Ticker:
    """Runs the stages that this process has a role for. `wake` makes the next tick come at once.

    `ticked` is told of each tick that has ended, and whether it was clean.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        courier: Courier,
        metrics: Metrics,
        *,
        roles: Collection[str],
        http: httpx.AsyncClient,
        outside_url: str = "",
        outside_every: float = 10.0,
        longest_sleep: float = LONGEST_SLEEP,
        ticked: Callable[[bool], None] = lambda _clean: None,
        spans: Spans = untold,
    ) -> None:
        self._database = database
        self._clock = clock
        self._courier = courier
        self._metrics = metrics
        self._http = http
        self._outside_url = outside_url
        self._outside_every = outside_every
        self._longest_sleep = longest_sleep
        self._ticked = ticked
        self._spans = spans
        self._outside_at = float("-inf")
        self._outside: asyncio.Task[None] | None = None
        self._clock_checked_at: datetime | None = None
        self._idle_at: datetime | None = None
        self._looked: Dues | None = None
        self._proved_at = float("-inf")
        self._woken = asyncio.Event()
        self._stopping = False
        self._batch = FIRST_BATCH
        self._clean_at: float | None = None
        self._stages: list[tuple[str, Stage]] = []
        if "checker" in roles:
            self._stages += [("checker", self._check), ("escalator", self._escalate)]
        if "pager" in roles:
            self._stages += [("courier", courier.dispatch)]

    def wake(self) -> None:
        """Something is due now."""
        self._woken.set()

    def stop(self) -> None:
        """Begin no other stage. The one under way ends: what it has taken up must not be left in its hands."""
        self._stopping = True
        self._woken.set()

    def ready(self) -> bool:
        """Whether a clean tick has ended lately."""
        now = asyncio.get_running_loop().time()
        return self._clean_at is not None and now - self._clean_at <= READY_WITHIN

    async def run(self) -> None:
        """Tick until stopped or cancelled."""
        while True:
            self._woken.clear()
            clean = await self.tick()
            self._ticked(clean)
            if self._stopping:
                return
            dues = (self._looked or await self._dues()) if clean else None
            if dues is not None and self._vouches(dues):
                self._beat_outside()
            # After a failure a full pause, so that a fault is not hammered.
            pause = LONGEST_SLEEP if dues is None else self._pause(dues)
            # Not wait_for: until Python 3.12 it loses a cancellation that comes together with a wake.
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._woken.wait()

    async def tick(self) -> bool:
        """Work until nothing is due, or for `MAX_ROUNDS`; whether every stage did its work."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        with self._spans("tick") as span:
            clean, done = await self._rounds()
            if clean and not done:
                span.forget()
        self._metrics.ticking.seconds.observe(loop.time() - began)
        if clean:
            self._clean_at = loop.time()
            self._metrics.ticking.last.set(self._clock.now().timestamp())
        return clean

    async def _rounds(self) -> tuple[bool, bool]:
        """Whether every stage did its work, and whether there was any."""
        self._idle_at = None
        done = False
        clean = await self._guarded("clock", self._agree_on_time) is not None
        began = asyncio.get_running_loop().time()
        dues = await self._dues() if began - self._proved_at < PROVE_EVERY else None
        self._looked = dues if dues is not None and not self._has_come(dues) else None
        if self._looked is not None:
            # One cheap look has shown that no stage has anything to do: pings keep the processor.
            return clean, False
        self._proved_at = began
        for number in range(MAX_ROUNDS):
            self._batch = min(FIRST_BATCH << min(number, 10), checker.BATCH)
            looked_at = self._clock.now()
            if self._stopping:
                break
            # At once, each in a transaction of its own: while one waits for the database, another thinks.
            worked = await asyncio.gather(*(self._guarded(name, stage) for name, stage in self._stages))
            clean = clean and None not in worked
            if not any(worked):
                self._idle_at = looked_at
                break
            done = True
        return clean, done

    async def _guarded(self, name: str, stage: Stage) -> int | None:
        """A stage's count of work done, or None where it failed: one failing stage never stops the others."""
        try:
            with self._spans(name) as span:
                done = await stage()
                span.know(done=done)
                if not done:
                    span.forget()
                return done
        except Unavailable as away:
            log.warning("%s: the database is away: %s", name, away, extra={"stage": name})
        except Exception:
            log.exception("%s failed", name, extra={"stage": name})
        self._metrics.ticking.failures.labels(name).inc()
        return None

    async def _check(self) -> int:
        now = self._clock.now()
        return await self._database.write(lambda db: checker.sweep(db, now, self._batch))

    async def _escalate(self) -> int:
        now = self._clock.now()
        return await self._database.write(
            lambda db: escalator.sweep(db, now, min(self._batch, escalator.BATCH))
        )

    async def _agree_on_time(self) -> int:
        now = self._clock.now()
        if self._database.sqlite or (self._clock_checked_at and now - self._clock_checked_at < CLOCK_EVERY):
            return 0
        offset = await self._database.read(clock_offset)
        self._clock.correct(offset)
        self._metrics.ticking.clock_skew.set(offset.total_seconds())
        self._clock_checked_at = self._clock.now()
        return 0

    async def _dues(self) -> Dues | None:
        """When each stage next has something to do, those of other processes included; None where that failed."""
        try:
            return await self._database.read(
                lambda db: {
                    "checker": store.next_due(db),
                    "escalator": escalator.next_due(db),
                    "courier": courier.next_due(db),
                }
            )
        except Unavailable as away:
            log.warning("the next due times could not be read: the database is away: %s", away)
            return None
        except Exception:
            # Whatever it is, the next tick must come: a ticker that dies is silence, the one thing that must not be.
            log.exception("the next due times could not be read")
            return None

    def _has_come(self, dues: Dues) -> bool:
        """Whether one of our stages has something to do now."""
        now = self._clock.now()
        return any((at := dues[name]) is not None and at <= now for name, _ in self._stages)

    def _vouches(self, dues: Dues) -> bool:
        """Whether this process may say that all is well: it judges checks, and nothing is left lying by anybody."""
        since = self._clock.now() - LEFT_LYING
        return "checker" in dict(self._stages) and all(at is None or at > since for at in dues.values())

    def _pause(self, dues: Dues) -> float:
        """Seconds until one of our stages has something to do."""
        now = self._clock.now()
        first = min((at for name, _ in self._stages if (at := dues[name]) is not None), default=None)
        if first is None:
            return self._longest_sleep
        if self._idle_at is not None and first <= self._idle_at:
            # It was due when we looked and could not be taken: another has it, or it waits for one under way.
            return LONGEST_SLEEP
        return min(max((first - now).total_seconds(), SHORTEST_SLEEP), self._longest_sleep)

    def _beat_outside(self) -> None:
        now = asyncio.get_running_loop().time()
        if not self._outside_url or now - self._outside_at < self._outside_every:
            return
        if self._outside is None or self._outside.done():
            self._outside_at = now
            self._outside = asyncio.create_task(self._beat())

    async def _beat(self) -> None:
        try:
            answer = await self._http.get(self._outside_url, timeout=OUTSIDE_BOUND)
            result = "accepted" if answer.is_success else "refused"
        except httpx.HTTPError as error:
            log.warning("the outside heartbeat was not reached: %s", type(error).__name__)
            result = "unreachable"
        self._metrics.ticking.outside.labels(result).inc()
