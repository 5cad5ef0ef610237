"""The machine on which the service runs, dies and comes back: virtual time, one disk, one wire to the world."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine
from datetime import timedelta
from functools import partial
from random import Random
from typing import Any, TypeVar

import httpx
from sqlalchemy import Connection

from alerting import desk
from alerting.notifiers.contract import Arrived, Undelivered
from alerting.sql import sqlite_instant
from heartbeat import app
from heartbeat.app import System
from heartbeat.database import Unavailable
from heartbeat.loop import attempt
from heartbeat.metrics import Metrics
from heartbeat.pings.liveness import Liveness
from heartbeat.settings import Settings
from tests.simulation import providers
from tests.simulation.disk import Disk, WorldDatabase
from tests.simulation.journal import Journal
from tests.simulation.process import Crash, Fate, Point, Process
from tests.simulation.providers import Beeper, Network, Terminal, Wire
from tests.simulation.virtual import VirtualClock, VirtualLoop

T = TypeVar("T")
LONGEST_SLEEP = 600.0
"""No other process brings anything forward here, so the ticker need not look before something is due."""
BEAT_EVERY = 2.5
"""A process with nothing else to do beats less often, so that a run takes less time."""

SETTINGS = Settings(
    public_url="https://heartbeat.test", admin_key="an admin key for tests", secret_key=providers.SECRET
)


class Machine:
    """One machine. `process` is the service while it lives; disk, clock and network outlive it."""

    system: System
    database: WorldDatabase

    def __init__(self, journal: Journal, random: Random) -> None:
        self.journal = journal
        self.random = random
        self.errors = Errors()
        self.loop = VirtualLoop()
        self.loop.set_exception_handler(self.errors.of_loop)
        self.clock = VirtualClock(self.loop)
        self.disk = Disk.taken()
        self.network = Network(self.loop.time, lambda: random.uniform(0.01, 0.15))
        self.network.faults = journal.faults
        self.fate = Fate()
        self.process: Process | None = None
        self.back_at = 0.0
        """When the service comes back, where none runs."""
        self.downtime = 0.0
        """How long it will be gone after its next end."""
        self._ticking: asyncio.Task[None] | None = None
        self._beating: asyncio.Task[None] | None = None

    def run(self, story: Coroutine[Any, Any, T]) -> T:
        """Do this, and no more."""
        return self.loop.run_until_complete(story)

    def close(self) -> None:
        """The end of the machine."""
        self.run(self.bury())
        self.loop.close()
        self.errors.close()
        self.disk.give_back()

    @property
    def ticks(self) -> bool:
        """Whether the service, where it runs at all, has not stopped ticking by itself."""
        return self.process is None or self._ticking is None or not self._ticking.done()

    def start(self) -> None:
        """A process begins."""
        self.process = process = Process(self.fate)
        self.database = WorldDatabase(self.disk, process, self._away, lambda: self.random.uniform(0.0, 0.02))
        self.system = app.build(
            SETTINGS,
            database=self.database,  # type: ignore[arg-type]  # the interface of Database, and no threads
            clock=self.clock,
            http=httpx.AsyncClient(transport=Wire(self.network, process), trust_env=False),
            random=self.random.random,
            notifiers={
                "console": Terminal(self.network, process),
                Beeper.kind: Beeper(self.network, process, self.report),
            },
            longest_sleep=LONGEST_SLEEP,
        )
        self.system.beside.liveness = self._liveness(process)
        self._ticking = self.system.start()
        self._beating = asyncio.ensure_future(self._beat(self.system.beside.liveness))

    async def report(self, report: Arrived | Undelivered) -> bool:
        """Hand a provider's report over; whether the service has it."""
        now = self.system.guard.now()
        work = partial(desk.receipt, kind=Beeper.kind, report=report, now=now, jitter=self.random.random())
        try:
            await self.database.write(lambda db: work(db))
        except (Unavailable, Crash):
            return False
        self.system.context.wake()
        return True

    def _liveness(self, process: Process) -> Liveness:
        """The beats of a process. No death is planned for their commits, or it would hit little else."""
        quiet = WorldDatabase(self.disk, process, self._away, lambda: 0.0, mortal=False)
        guard, ingest = self.system.guard, self.system.ingest
        return Liveness(
            quiet,  # type: ignore[arg-type]  # as above
            self.clock,
            Metrics(),
            now=guard.now,
            refused=ingest.refused,
            every=BEAT_EVERY,
        )

    async def _beat(self, liveness: Liveness) -> None:
        """Beat until cancelled. Of beats between which nothing else happens, nobody sees any but the last."""
        while True:
            await attempt("liveness", liveness.beat)
            if await self.loop.rest(BEAT_EVERY, long=not liveness._fault):
                before = self.system.guard.now() - timedelta(seconds=BEAT_EVERY)
                values = sqlite_instant(before), self.clock.elapsed() - BEAT_EVERY, liveness._process
                with self.disk.writer.begin() as db:
                    db.exec_driver_sql("UPDATE beats SET at = ?, elapsed = ? WHERE process = ?", values)

    async def until(self, moment: float) -> None:
        """Let time pass; deaths and new beginnings happen meanwhile."""
        while True:
            if self.process is not None:
                if not await self._dies_before(moment):
                    return
                await self.bury()
            await asyncio.sleep(max(min(self.back_at, moment) - self.loop.time(), 0.0))
            if self.back_at > self.loop.time():
                return
            self._revive()

    async def while_alive(self, work: Coroutine[Any, Any, T]) -> T | None:
        """What `work` comes to; None where the service is dead, or dies over it."""
        if self.process is None:
            work.close()
            return None
        doing = asyncio.ensure_future(work)
        dying = asyncio.ensure_future(self.process.died.wait())
        await asyncio.wait({doing, dying}, return_when=asyncio.FIRST_COMPLETED)
        dying.cancel()
        if self.process.alive:
            return doing.result()
        done = doing.done() and not doing.cancelled() and doing.exception() is None
        result = doing.result() if done else None
        await self.fall()
        return result

    async def commit(self, work: Callable[[Connection], T]) -> T | None:
        """What `work` comes to in a transaction of the service; None where it was not committed."""
        return await self.while_alive(self._committed(work))

    async def fall(self) -> None:
        """The end of a process; the next one begins at once, or when it is time."""
        await self.bury()
        if self.back_at <= self.loop.time():
            self._revive()

    async def bury(self) -> None:
        """Nothing of a process outlives it: its tasks are gone, and with them whatever was under way."""
        if self.process is None:
            return
        self.process.die()
        mine = asyncio.current_task()
        left = [task for task in asyncio.all_tasks() if task is not mine]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        self.process = None
        now = self.loop.time()
        self.back_at = now + self.downtime
        self.journal.deaths.append(now)
        self.journal.downtimes.append((now, self.back_at))

    def _revive(self) -> None:
        # It may be back sooner than planned, and the machine may have stood still meanwhile.
        died, spans = self.journal.deaths[-1], self.journal.downtimes
        place = max(n for n, (begins, _) in enumerate(spans) if begins == died)
        spans[place] = (died, self.loop.time())
        self.downtime = 0.0
        self.start()

    async def _dies_before(self, moment: float) -> bool:
        assert self.process is not None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(moment):
                await self.process.died.wait()
        return not self.process.alive

    async def _committed(self, work: Callable[[Connection], T]) -> T | None:
        kept: list[T] = []
        try:
            await self.database.write(lambda db: kept.append(work(db)))
        except Unavailable:
            return None
        except Crash as crash:
            # Whoever asked was never answered, but the disk knows.
            return kept[-1] if crash.point is Point.AFTER_COMMIT else None
        self.system.context.wake()
        return kept[-1]

    def _away(self, writing: bool) -> float | None:
        """Where the database is away: for how long a transaction hangs before it fails."""
        now = self.loop.time()
        met = (one for one in self.journal.outages if one.begins <= now < one.ends)
        outage = next((one for one in met if writing or not one.full), None)
        if outage is None:
            return None
        return outage.ends - now if outage.hanging else 0.0


class Errors(logging.Handler):
    """What the service itself calls an error, and what died unheard in its event loop."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.told: list[str] = []
        for name in ("heartbeat", "alerting"):
            logging.getLogger(name).addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        self.told.append(self.format(record))

    def of_loop(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """The handler of the loop's own exceptions."""
        error = context.get("exception")
        if not isinstance(error, Crash):
            self.told.append(f"{context['message']}: {error!r}")

    def close(self) -> None:
        for name in ("heartbeat", "alerting"):
            logging.getLogger(name).removeHandler(self)
        super().close()
