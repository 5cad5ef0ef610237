"""The watch over the canary: people are told straight when its page does not arrive, and nobody vouches meanwhile.

It counts its own looks, not time: a process that was stopped, a database that was away and a clock that was set are no
page that is late.
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from alerting import desk, times
from alerting.incident import Pace
from alerting.notice import Message
from alerting.subject import cut
from heartbeat import installation
from heartbeat.checks import canary
from heartbeat.checks.canary import Canary
from heartbeat.clock import Clock
from heartbeat.database import Database
from heartbeat.loop import Loop
from heartbeat.metrics import Metrics
from heartbeat.service_messages import AGAIN, HOST_LIMIT, Deliver, ServiceMessages, unheard

EVERY = 5.0
"""Seconds between two looks."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Sight:
    """The canary as it is at one look, and how far its page has come."""

    canary: Canary | None
    pace: Pace
    stage: str


class CanaryWatch:
    """Keeps the canary, expected each `every` (zero: none), and tells people if its page does not arrive.

    `host` is the name of this machine for readers. Without `deliver`, another process tells people.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        metrics: Metrics,
        deliver: Deliver | None,
        *,
        every: timedelta,
        host: str,
        home: str,
    ) -> None:
        self._database = database
        self._clock = clock
        self._metrics = metrics.canary
        self._every = every
        self._host = host
        self._messages = ServiceMessages(database, "canary", metrics.canary.told, deliver, home=home)
        self._looks = 0
        self._failing = False
        self._loop = Loop("canary", self.watch, pause=lambda _: EVERY)

    @property
    def sings(self) -> bool:
        """False while a page of the canary does not arrive."""
        return not self._failing

    async def run(self) -> None:
        """Watch until cancelled."""
        await self._loop.run()

    async def watch(self) -> None:
        """Look once, and tell what is to be told."""
        now = self._clock.now()
        await self._messages.learn(now)
        sight = await self._database.read(look)
        if (sight.canary.every if sight.canary else timedelta()) != self._every:
            await self._database.write(lambda db: _keep(db, self._every, now))
            return
        if sight.canary is not None:
            self._judge(sight.canary, sight.pace, now)
            await self._tell(sight.canary, sight.stage, now)

    def _judge(self, of: Canary, pace: Pace, now: datetime) -> None:
        self._looks = self._looks + 1 if of.down or of.due_at <= now else 0
        failing = self._looks * EVERY >= canary.allowed(pace).total_seconds()
        if failing and not self._failing:
            log.error("the canary's page does not arrive", extra={"event": "canary failing"})
        elif self._failing and not failing:
            log.warning("the canary's page arrives again", extra={"event": "canary sings"})
        self._failing = failing
        self._metrics.failing.set(failing)

    async def _tell(self, of: Canary, stage: str, now: datetime) -> None:
        told_at = of.told_at
        over = told_at is not None and not of.down and not self._failing
        due = self._failing and (told_at is None or abs(now - told_at) >= AGAIN)
        if not self._messages.own or not (over or due):
            return
        # A process that dies while it tells has told nobody: until a contact took it, it is due again soon.
        until = None if over else unheard(now)
        if not await self._database.write(lambda db: canary.take_turn(db, told_at, until)):
            return
        took = await self._messages.tell(message_of(of, stage, self._host, now, over=over), now)
        if until is not None and took:
            await self._database.write(lambda db: canary.take_turn(db, until, now))


def look(db: Connection) -> Sight:
    """Return the canary as it is now."""
    of = canary.load(db)
    return Sight(of, installation.pace(db), _stage(db, of) if of else "")


def message_of(of: Canary, stage: str, host: str, now: datetime, *, over: bool) -> Message:
    """Return the message that the page does not arrive, or that it does again. Times are in UTC."""
    clock = times.Clock(now)
    service = f"heartbeat on {cut(host, HOST_LIMIT)}"
    since = of.heard_at or of.armed_at
    if over:
        return Message(f"OK: test pages of {service} arrive again", _last(of, clock), of.told_at or now, over)
    last = "".join(_last(of, clock)) or "None has arrived yet."
    return Message(
        f"{service}: its test page does not arrive",
        (
            f"It sends itself one every {times.duration(of.every)}. {last}",
            f"This one: {stage}.",
            "Pages to people may not arrive either. Look at its log, and run heartbeat doctor.",
        ),
        since,
        over,
    )


def _last(of: Canary, clock: times.Clock) -> tuple[str, ...]:
    return (f"The last one arrived at {clock.at(of.heard_at)}.",) if of.heard_at else ()


def _keep(db: Connection, every: timedelta, now: datetime) -> None:
    if every:
        canary.arm(db, every, now)
    else:
        canary.forget(db)


def _stage(db: Connection, of: Canary) -> str:
    """Return how far the page of the canary has come, in words."""
    if not of.down:
        return "nobody has judged the silence"
    drill = desk.drill(db)
    dossier = desk.dossier(db, drill.id) if drill else None
    if dossier is None or not dossier.pages:
        return "no page was written"
    if not dossier.attempts:
        return "the page was not sent"
    last = dossier.attempts[-1]
    return f"the page was {last.outcome} ({last.said})" if last.said else f"the page was {last.outcome}"
