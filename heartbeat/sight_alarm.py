"""The alarm for lost sight: people are told straight while no process takes pings, and once one does again.

No check is judged then, so no page says it. The alarm counts its own looks, not time: a machine that was suspended has
not been blind for so long, and its processes beat again at once.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from alerting import times
from alerting.notice import Message
from alerting.subject import cut
from heartbeat import installation
from heartbeat.checks import blindness_store
from heartbeat.clock_guard import ClockGuard
from heartbeat.database import Database
from heartbeat.loop import Loop
from heartbeat.metrics import Metrics
from heartbeat.service_messages import AGAIN, HOST_LIMIT, PROMISE, Deliver, ServiceMessages, unheard

EVERY = 5.0
"""Seconds between two looks."""
CERTAIN = timedelta(minutes=3)
"""The time without sight after which it is told: a restart, an upgrade and a failover take less."""
TOLD = "blindness told"
"""The fact of the installation that people were told: of the blindness after which beat, and when."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Told:
    """The blindness that people were told of, by the last beat before it, and when they were."""

    since: datetime
    at: datetime


@dataclass(frozen=True, slots=True)
class Look:
    """What one look shows: since when no process beats, if none does, and what people were told."""

    blind_since: datetime | None
    told: Told | None
    unannounced: bool = False
    """Pings are taken all the same: by processes of 0.3.0, which do not beat."""


class SightAlarm:
    """Looks every few seconds whether a process takes pings, and tells people if none does.

    `host` is the name of this machine for readers. Without `deliver`, another process tells people. While the storage
    fails, `stored` is false, and the alarm for it speaks.
    """

    def __init__(
        self,
        database: Database,
        clock: ClockGuard,
        metrics: Metrics,
        deliver: Deliver | None,
        *,
        stored: Callable[[], bool],
        host: str,
        home: str,
    ) -> None:
        self._database = database
        self._clock = clock
        self._stored = stored
        self._host = host
        self._messages = ServiceMessages(database, "sight", metrics.blindness.told, deliver, home=home)
        self._looks = 0
        self._loop = Loop("sight", self.watch, pause=lambda _: EVERY)

    async def run(self) -> None:
        """Watch until cancelled."""
        await self._loop.run()

    async def watch(self) -> None:
        """Look once, and tell what is to be told."""
        now = self._clock.now()
        await self._messages.learn(now)
        seen = await self._database.read(lambda db: look(db, now))
        if seen.unannounced:
            log.warning("pings arrive without signs of life, as from 0.3.0: checks are judged without them")
            await self._database.write(blindness_store.forget_beats)
        self._looks = self._looks + 1 if seen.blind_since and self._stored() else 0
        if not self._messages.own:
            return
        due = seen.told is None or abs(now - seen.told.at) >= AGAIN
        if seen.told is not None and seen.told.since != seen.blind_since:
            await self._tell_over(seen.told, now, blind=seen.blind_since is not None)
        elif seen.blind_since and due and self._looks * EVERY >= CERTAIN.total_seconds():
            await self._tell(seen.blind_since, seen.told, now)

    async def _tell(self, since: datetime, told: Told | None, now: datetime) -> None:
        # A process that dies while it tells has told nobody: until a contact took it, it is due again soon.
        begun = Told(since, unheard(now))
        if not await self._database.write(lambda db: _take_turn(db, told, begun)):
            return
        log.error("no process takes pings", extra={"event": "blind"})
        if await self._messages.tell(message_of(since, self._host, now, over=False), now):
            await self._database.write(lambda db: _take_turn(db, begun, Told(since, now)))

    async def _tell_over(self, told: Told, now: datetime, *, blind: bool) -> None:
        """Tell that it is over, unless sight is lost once more: then that is told when it is certain."""
        if await self._database.write(lambda db: _take_turn(db, told, None)) and not blind:
            await self._messages.tell(message_of(told.since, self._host, now, over=True), now)


def look(db: Connection, now: datetime) -> Look:
    """Return whether a process takes pings, and what people were told."""
    told = _of_fact(installation.recall(db, TOLD))
    last = blindness_store.lost_since(db, now)
    if last is not None and blindness_store.is_heard_without(db, last):
        return Look(None, told, unannounced=True)
    return Look(last, told)


def message_of(since: datetime, host: str, now: datetime, *, over: bool) -> Message:
    """Return the message about lost sight, or about its end. Times are in UTC: one message goes to everybody."""
    clock = times.Clock(now)
    service = f"heartbeat on {cut(host, HOST_LIMIT)}"
    if over:
        blind = f"It was blind from {clock.at(since)} on, for {times.duration(now - since)}."
        return Message(f"OK: {service} hears pings again", (blind, PROMISE), since, over)
    return Message(
        f"{service} has been blind since {clock.at(since)}",
        (
            "It cannot receive pings: no process with the role api shows a sign of life.",
            "No job is judged until one is back. You are told then.",
            "Look at these processes, their log and their database connection.",
        ),
        since,
        over,
    )


def _of_fact(fact: list[str] | None) -> Told | None:
    return Told(*(datetime.fromisoformat(at) for at in fact)) if fact else None


def _take_turn(db: Connection, before: Told | None, told: Told | None) -> bool:
    """Note what people are told, or (None) that it is over. Return False if another process was first."""
    if _of_fact(installation.recall(db, TOLD)) != before:
        return False
    if told is None:
        installation.forget(db, TOLD)
    else:
        installation.remember(db, TOLD, [told.since.isoformat(), told.at.isoformat()])
    return True
