"""The watch over coverage: who would be paged in the coming days, and an incident where that is nobody.

Every process with the role `checker` watches. They need no agreement: raising the same symptom twice changes nothing.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection

from alerting import coverage, desk
from alerting.coverage import Gap
from heartbeat import installation
from heartbeat.clock import Clock
from heartbeat.database import Database
from heartbeat.loop import Loop
from heartbeat.metrics import Metrics
from heartbeat.on_call import alarm, uncovered

EVERY = 300.0
"""Seconds between two looks."""
TOLD = "coverage told"
"""The fact of the installation with the gaps that people were told of."""


class CoverageWatch:
    """Raises an incident for each policy with a gap within `ahead`."""

    def __init__(self, database: Database, clock: Clock, metrics: Metrics, *, ahead: timedelta) -> None:
        self._database = database
        self._clock = clock
        self._metrics = metrics.on_call
        self._ahead = ahead
        self._loop = Loop("coverage", self.watch, pause=lambda _: EVERY)

    async def run(self) -> None:
        """Watch until cancelled."""
        await self._loop.run()

    async def watch(self) -> None:
        """Look once, and tell what has changed."""
        now = self._clock.now()
        gaps = await self._database.read(lambda db: gaps_by_policy(db, now))
        first = min((gap.start for each in gaps.values() for gap in each), default=now + coverage.AHEAD)
        self._metrics.covered.set((first - now).total_seconds())
        if self._ahead:
            await self._database.write(lambda db: tell(db, gaps, now, self._ahead))


def gaps_by_policy(db: Connection, now: datetime) -> dict[str, list[Gap]]:
    """Return the gaps of each policy over the coming days."""
    return uncovered.gaps_of(desk.policies(db), desk.crew(db), desk.contact_proofs(db), now)


def tell(db: Connection, gaps: Mapping[str, Sequence[Gap]], now: datetime, ahead: timedelta) -> None:
    """Raise the symptoms of policies with a gap within `ahead`, and clear those of the others.

    While a new calendar was not read yet, nobody knows what it leaves open, so nothing new is told of its policies.
    """
    zone, name = installation.timezone(db), installation.name(db)
    awaited, told = _awaited(db), installation.recall(db, TOLD) or {}
    soon = [
        found
        for policy, each in gaps.items()
        if (found := uncovered.soon(each, now, ahead))
        and (policy not in awaited or uncovered.key_of(policy) in told)
    ]
    symptoms = [uncovered.symptom(each, now, zone, name) for each in soon]
    alarm.tell(db, TOLD, symptoms, uncovered.COVERED, now)


def _awaited(db: Connection) -> set[str]:
    """Return the names of the policies that page a rotation with a calendar that was not read yet."""
    unread = desk.imported_calendars.unread(db, desk.rotations(db).values())
    return {name for name, policy in desk.policies(db).items() if unread.intersection(policy.targets)}
