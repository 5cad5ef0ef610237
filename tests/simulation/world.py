"""The World: the whole service on virtual time, with everything around it that can go wrong.

It is driven from outside, one call after the other: a job pings, a person answers, a machine dies, time passes.
What it has done it keeps in its journal, and what the phones showed stands in `network.shows`.
"""

import asyncio
import contextlib
import uuid
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode

from alerting.escalation import Policy
from alerting.notifiers.contract import Arrived, Undelivered
from alerting.person import Person
from alerting.rotation import Rotation
from heartbeat.checks import store as check_store
from heartbeat.checks.check import Check
from heartbeat.database import Unavailable
from tests.simulation import cast, replays
from tests.simulation.answering import Answering
from tests.simulation.cast import Job
from tests.simulation.editing import Editing
from tests.simulation.journal import Sent
from tests.simulation.knock import Reply, knock
from tests.simulation.providers import Show
from tests.simulation.virtual import EPOCH
from tests.simulation.weather import Weather

PATIENCE = 10.0
"""Seconds that a job waits for an answer to its ping, as `curl -m 10` does."""


class World(Weather, Answering, Editing):
    """One run of the simulation. The same seed and the same calls give the same run."""

    def __init__(
        self,
        *jobs: Job,
        people: Sequence[Person] = cast.PEOPLE,
        rotations: Sequence[Rotation] = cast.ROTATIONS,
        policies: Sequence[Policy] = cast.POLICIES,
        gathering: float = 10.0,
        settling: float = 120.0,
        seed: int = 0,
        levels: tuple[str, ...] = (),
        catch_all: tuple[str, ...] = (),
    ) -> None:
        super().__init__(
            jobs or cast.JOBS,
            people,
            rotations,
            policies,
            gathering=gathering,
            settling=settling,
            seed=seed,
            levels=levels,
            catch_all=catch_all,
        )
        self._run(self._begin())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: object, _trace: TracebackType | None
    ) -> None:
        self.machine.close()

    # Time

    def advance(self, *, hours: float = 0, minutes: float = 0, seconds: float = 0) -> None:
        """Let time pass. Jobs that run do so, and a service that has died comes back when it is time."""
        self.until(self.time + hours * 3600 + minutes * 60 + seconds)

    def until(self, moment: float) -> None:
        """Let time pass up to a moment of the loop's time."""
        while self._next_runs and (first := min(self._next_runs.values())) <= moment:
            self._run(self.machine.until(first))
            due = [name for name, at in self._next_runs.items() if at <= first]
            for name in due:
                self._next_runs[name] = self.jobs[name].next_slot(first)
            self.ping(*due)
        self._run(self.machine.until(moment))

    def step_clock(self, seconds: float) -> None:
        """Somebody sets the wall clock. The real ticker looks at it each second; this one is told before and after.

        A machine without power has no clock that could be set: to the service it was away for so much longer.
        """
        if not self.has_power:
            return
        if self.machine.process is not None:
            self._run(self.machine.while_alive(self._look()))
        self.clock.step(seconds)
        self.journal.steps.append((self.time, seconds))
        if self.machine.process is not None:
            self.machine.system.context.wake()

    # Jobs

    def run(self, *names: str) -> None:
        """From now on these jobs run, and ping each time."""
        for name in names:
            self._next_runs.setdefault(name, self.time)
        self.until(self.time)

    def stop(self, *names: str) -> None:
        """These jobs stop running, and nobody is told."""
        for name in names:
            self._next_runs.pop(name, None)

    def ping(
        self,
        *names: str,
        signal: str = "success",
        rid: str | None = None,
        body: bytes | None = None,
        processed: float | None = 1.0,
        ago: float | None = None,
    ) -> list[int]:
        """These jobs ping at the same time; the statuses that they are answered (0: none).

        Those that are asked to say what they have `processed`.
        """
        shown = self.clock.shown(self.time)
        sent = [
            Sent(name, signal, self.time, shown, rid, body, self._processed(name, processed), ago=ago)
            for name in names
        ]
        return self._send_all(sent)

    def _processed(self, name: str, many: float | None) -> float | None:
        return many if name in self.jobs and self.jobs[name].must_process is not None else None

    def _send_all(self, sent: Sequence[Sent]) -> list[int]:
        self.journal.pings += sent
        self._run(self.machine.while_alive(self._sent(sent)))
        for one in sent:
            one.over_at = min(one.over_at, self.time)
        return [one.status or 0 for one in sent]

    def send_again(self, name: str, *, newest_first: bool = False) -> list[int]:
        """A job sends the pings that it has kept, each with its own time; the statuses that they are answered."""
        kept = replays.sent_again(one for one in self.journal.pings if one.job == name)
        statuses: list[int] = []
        for lost in reversed(kept) if newest_first else kept:
            shown = self.clock.shown(self.time)
            again = Sent(name, lost.signal, self.time, shown, lost.rid, lost.body, lost.processed)
            again.ago = shown - lost.shown
            statuses += self._send_all([again])
        return statuses

    def report(self, name: str, done: float, total: float | None, rid: str | None = None) -> bool:
        """A job that runs reports how far it is. Return whether it was heard."""
        sent = Sent(name, "progress", self.time, self.clock.shown(self.time), rid, done=done, total=total)
        return self._send_all([sent]) == [200]

    def suspend(self, *, seconds: float) -> None:
        """The machine stands still, and knows nothing of it. Pings find nobody."""
        self.advance(seconds=0.5)
        begins, ends = self.time, self.time + seconds
        self.journal.downtimes.append((begins, ends))
        self.machine.loop.stand_still(seconds)
        while self._next_runs and (slot := min(self._next_runs.values())) <= ends:
            for name in [name for name, at in self._next_runs.items() if at <= slot]:
                lost = Sent(name, "success", slot, self.clock.shown(slot), over_at=min(slot + PATIENCE, ends))
                self.journal.pings.append(lost)
                self._next_runs[name] = self.jobs[name].next_slot(slot)

    def hear(self, report: Arrived | Undelivered) -> bool:
        """A provider reports what became of a message; whether the service has heard it."""
        heard = self.machine.process is not None and self._run(self.machine.report(report))
        if heard:
            self.network.reported.setdefault(report.provider_id, self.time)
        return heard

    # Looking

    def shows(self, *people: str, kind: str | None = None, since: float = 0.0) -> list[Show]:
        """What the phones of these people (or all) showed, in order."""
        return [
            show
            for show in self.network.shows
            if (not people or show.person in people) and kind in (None, show.kind) and show.at >= since
        ]

    def pages(self, *people: str, since: float = 0.0) -> list[Show]:
        """The pages among them."""
        return self.shows(*people, kind="page", since=since)

    def incidents(self, *, open_only: bool = True) -> list[dict[str, Any]]:
        """Incidents as they are written, oldest first."""
        found = self.disk.rows("SELECT * FROM incidents ORDER BY id")
        return [one for one in found if not open_only or one["state"] != "resolved"]

    def incident(self) -> dict[str, Any]:
        """The one open incident."""
        (only,) = self.incidents()
        return only

    def state(self, name: str) -> str:
        """How a check stands: "up", "down silent"."""
        (row,) = self.disk.rows("SELECT state, cause FROM checks WHERE slug = ?", name)
        return " ".join(filter(None, [row["state"], row["cause"]]))

    def check(self, name: str) -> Check:
        """A check as it stands."""
        check = self._run(self.machine.system.context.database.read(lambda db: check_store.load(db, name)))
        assert check is not None
        return check

    def knock(self, method: str, path: str, **given: Any) -> Reply | None:
        """Ask the service for an address, as a browser does; None where no answer comes."""
        return self._run(self.machine.while_alive(knock(self.machine.system.asgi, method, path, **given)))

    # Inside

    # Inside

    async def _look(self) -> None:
        with contextlib.suppress(Unavailable):
            await self.machine.system.guard.look()

    async def _sent(self, pings: Sequence[Sent]) -> None:
        await asyncio.gather(*(self._send(ping) for ping in pings))

    async def _send(self, ping: Sent) -> None:
        suffix = "" if ping.signal == "success" else f"/{ping.signal}"
        path = f"/ping/{self.uuids[ping.job]}{suffix}?{urlencode(_query(ping))}".removesuffix("?")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                machine = self.machine
                reply = await knock(
                    machine.system.asgi, "POST", path, body=ping.body, process=machine.process
                )
                lost = any(begins <= self.time < ends for begins, ends in self.journal.unanswered)
                ping.status, ping.over_at = None if lost else reply.status, self.time


def _query(ping: Sent) -> dict[str, object]:
    """The parameters of a ping."""
    told = {
        "rid": None if ping.rid is None else uuid.uuid5(uuid.NAMESPACE_DNS, ping.rid),
        "m.processed": ping.processed,
        "done": ping.done,
        "at": None if ping.ago is None else f"{EPOCH.timestamp() + ping.claimed:.3f}",
        "total": ping.total,
    }
    return {name: value for name, value in told.items() if value is not None}
