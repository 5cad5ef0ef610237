"""The deletion of old rows, and of endless flapping: a few rows at a time, beside everything else.

Rows of an open incident stay, but for the oldest of symptoms that came and went endlessly.

Every process with the role `checker` deletes them. They need no agreement: each skips rows that another has deleted.
Readers look for old rows, and the writer gets only their ids.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Connection

from alerting import retention
from alerting.retention import Rows
from heartbeat.checks import history as check_history
from heartbeat.clock import Clock
from heartbeat.database import Database
from heartbeat.loop import Loop
from heartbeat.metrics import Metrics

EVERY = 3600.0
"""Seconds between rounds."""
FIRST_AFTER = 300.0
"""Seconds from the start of the process to the first round: a start has better things to do."""
BATCH = 500
"""Rows of one transaction, at most."""
FLAPS = 10_000
"""Changes of a check's state, and lines of an incident about symptoms that came and went, that are kept at most."""
PAUSE = 0.05
"""Seconds between transactions, for others to take their turn."""

log = logging.getLogger(__name__)


class Retention:
    """Deletes incidents and changes of state that are older than so many days, while the clock is `calm`."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        metrics: Metrics,
        *,
        incidents: int,
        transitions: int,
        calm: Callable[[], bool] = lambda: True,
    ) -> None:
        self._database = database
        self._clock = clock
        self._metrics = metrics
        self._calm = calm
        self._incidents = timedelta(days=incidents)
        self._transitions = timedelta(days=transitions)
        self._loop = Loop(
            "retention", self.tidy, pause=lambda _: EVERY, count_failure=metrics.forgetting.failures.inc
        )

    async def run(self) -> None:
        """Tidy until cancelled."""
        await asyncio.sleep(FIRST_AFTER)
        await self._loop.run()

    async def tidy(self) -> int:
        """Run one round to its end. Return the number of deleted rows."""
        if not self._calm():
            # By a clock that may be ahead, everything would be old.
            return 0
        now = self._clock.now()
        count = await self._sweep(lambda db: _old_transitions(db, now - self._transitions))
        count += await self._sweep(lambda db: retention.next_rows(db, now - self._incidents, BATCH))
        count += await self._thin_out()
        if count:
            log.info("retention: deleted %d old rows", count)
        return count

    async def _thin_out(self) -> int:
        """Delete the oldest rows of checks and incidents that came and went more than `FLAPS` times."""
        count = 0
        for check, last in (await self._database.read(lambda db: check_history.crowded(db, FLAPS))).items():
            count += await self._sweep(partial(_transitions_up_to, check=check, last=last))
        for incident, last in (await self._database.read(lambda db: retention.crowded(db, FLAPS))).items():
            count += await self._sweep(partial(retention.up_to, incident_id=incident, last=last, limit=BATCH))
        return count

    async def _sweep(self, find: Callable[[Connection], Rows | None]) -> int:
        total = 0
        while (rows := await self._database.read(find)) is not None:
            count = await self._database.write(partial(_forget, rows=rows))
            self._metrics.forgetting.rows.labels(rows.table).inc(count)
            if count == 0:
                # Another process deletes the same rows.
                break
            total += count
            await asyncio.sleep(PAUSE)
        return total


def _old_transitions(db: Connection, horizon: datetime) -> Rows | None:
    ids: Sequence[int] = check_history.old(db, horizon, BATCH)
    return Rows("transitions", ids) if ids else None


def _transitions_up_to(db: Connection, check: int, last: int) -> Rows | None:
    ids = check_history.up_to(db, check, last, BATCH)
    return Rows("transitions", ids) if ids else None


def _forget(db: Connection, rows: Rows) -> int:
    if rows.table == "transitions":
        return check_history.remove(db, rows.ids)
    return retention.forget(db, rows)
