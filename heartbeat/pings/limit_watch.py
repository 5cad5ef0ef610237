"""The watch over the limits of the service. One that is reached is an incident of the default policy.

It ends once there is room again. Every process with the role `checker` watches. They need no agreement: raising the
same symptom twice changes nothing.
"""

import logging
from datetime import datetime

from sqlalchemy import Connection

from alerting import desk
from heartbeat import installation
from heartbeat.clock import Clock
from heartbeat.database import Database
from heartbeat.loop import Loop
from heartbeat.metrics import Metrics
from heartbeat.pings import reached_limit, usage_store
from heartbeat.pings.creation import CreationLimit
from heartbeat.pings.reached_limit import ROOM_AGAIN, Limit, Reached
from heartbeat.pings.usage import BODIES, CREATED, Used

EVERY = 30.0
"""Seconds between two rounds."""

log = logging.getLogger(__name__)


class LimitWatch:
    """Raises an incident for each limit that is reached."""

    def __init__(
        self, database: Database, clock: Clock, metrics: Metrics, limit: CreationLimit, megabytes: int
    ) -> None:
        self._database = database
        self._clock = clock
        self._metrics = metrics.limits
        self._limit = limit
        self._megabytes = megabytes
        self._loop = Loop("limits", self.watch, pause=lambda _: EVERY)

    async def run(self) -> None:
        """Watch until cancelled."""
        await self._loop.run()

    async def watch(self) -> list[Reached]:
        """Look once, and tell what has changed. Return the limits that are reached."""
        now = self._clock.now()
        await self._database.write(lambda db: usage_store.recount(db, now))
        used = await self._database.read(usage_store.load)
        reached = reached_limit.reached(used, self._limit, self._megabytes, now)
        await self._database.write(lambda db: tell(db, reached, now))
        self._observe(reached, used)
        return reached

    def _observe(self, reached: list[Reached], used: dict[str, Used]) -> None:
        self._metrics.created_checks.set(used[CREATED].count if CREATED in used else 0)
        self._metrics.bodies.set(used[BODIES].count if BODIES in used else 0)
        limits = {of.limit for of in reached}
        for limit in Limit:
            self._metrics.reached.labels(limit.value).set(limit in limits)


def tell(db: Connection, reached: list[Reached], now: datetime) -> None:
    """Raise the symptoms of these limits, and clear those of the others."""
    raised = {
        symptom.key: symptom for symptom in desk.raised(db, [reached_limit.key_of(limit) for limit in Limit])
    }
    pace = installation.pace(db)
    news = [of for of in reached if (raised[of.key].facts.why != of.why if of.key in raised else of.is_new)]
    if news:
        policy, name = installation.default_policy(db), installation.name(db)
        since = {key: symptom.facts.since for key, symptom in raised.items()}
        symptoms = [reached_limit.symptom(of, since.get(of.key, now), policy, name) for of in news]
        desk.raise_(db, symptoms, now, pace)
    over = raised.keys() - {of.key for of in reached}
    if over:
        desk.clear(db, dict.fromkeys(over, ROOM_AGAIN), now, pace)
    for of in news:
        if of.key not in raised:
            log.warning("limit reached: %s: %s", of.title, of.why, extra={"event": "limit reached"})
