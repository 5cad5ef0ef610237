"""The World: the whole service on virtual time, with everything around it that can go wrong.

It is driven from outside, one call after the other: a job pings, a person answers, a machine dies, time passes.
What it has done it keeps in its journal, and what the phones showed stands in `network.shows`.
"""

import asyncio
import contextlib
import uuid
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import urlencode

from sqlalchemy import Connection

from alerting import desk
from alerting.answer import Acknowledged, Resolved, Snoozed
from alerting.escalation import Policy
from alerting.handover import Withdrawn
from alerting.person import Person
from alerting.regrouping import Merged
from heartbeat.actor import Actor, Role
from heartbeat.checks import actions
from heartbeat.checks import store as check_store
from heartbeat.checks.check import Check
from heartbeat.checks.maintenance import Kind, WindowDefinition
from heartbeat.checks.recurrence import Recurrence
from heartbeat.database import Unavailable
from heartbeat.definitions import plan as definition_plan
from heartbeat.definitions.edit import maintenance
from heartbeat.definitions.edit.maintenance import Ended
from tests.simulation import books, cast
from tests.simulation.cast import Job
from tests.simulation.journal import Answer, Deed, Done, Journal, Maintained, Outage, Sent
from tests.simulation.knock import Reply, knock
from tests.simulation.machine import Machine
from tests.simulation.process import Point
from tests.simulation.providers import Fault, Ill, Show, Slip
from tests.simulation.virtual import seconds
from tests.unit.conftest import somebody

T = TypeVar("T")
SOMEBODY = Actor("somebody", Role.ADMIN, "session")
PATIENCE = 10.0
"""Seconds that a job waits for an answer to its ping, as `curl -m 10` does."""


class World:
    """One run of the simulation. The same seed and the same calls give the same run."""

    def __init__(
        self,
        *jobs: Job,
        people: Sequence[Person] = cast.PEOPLE,
        policies: Sequence[Policy] = cast.POLICIES,
        gathering: float = 10.0,
        settling: float = 120.0,
        seed: int = 0,
        levels: tuple[str, ...] = (),
    ) -> None:
        self.jobs = {job.name: job for job in jobs or cast.JOBS}
        self.people = {one.id: one for one in people}
        self.policies = {policy.name: policy for policy in policies}
        self.gathering = gathering
        self.levels = levels
        self.settling = settling
        self.journal = Journal()
        self._random = Random(seed)
        self.machine = Machine(self.journal, self._random)
        self.clock = self.machine.clock
        self.disk = self.machine.disk
        self.network = self.machine.network
        self._next_runs: dict[str, float] = {}
        self.uuids: dict[str, uuid.UUID] = {}
        self._run(self._begin())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: object, _trace: TracebackType | None
    ) -> None:
        self.machine.close()

    # Time

    @property
    def time(self) -> float:
        """Seconds since the world began."""
        return self.machine.loop.time()

    @property
    def now(self) -> datetime:
        """What the wall clock shows."""
        return self.clock.now()

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
        """Somebody sets the wall clock. The real ticker looks at it each second; this one is told before and after."""
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
    ) -> list[int]:
        """These jobs ping at the same time; the statuses that they are answered (0: none).

        Those that are asked to say what they have `processed`.
        """
        shown = self.clock.shown(self.time)
        sent = [
            Sent(name, signal, self.time, shown, rid, body, self._processed(name, processed))
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

    def report(self, name: str, done: float, total: float | None, rid: str | None = None) -> bool:
        """A job that runs reports how far it is. Return whether it was heard."""
        sent = Sent(name, "progress", self.time, self.clock.shown(self.time), rid, done=done, total=total)
        return self._send_all([sent]) == [200]

    # People

    def acknowledge(
        self, incident: int, *, by: str = "first", occurrence: int | None = None, minutes: float | None = None
    ) -> object:
        """Somebody acknowledges: this occurrence, or whichever it is. What it came to; None where the service died."""
        now = self.now
        until = None if minutes is None else now + timedelta(minutes=minutes)
        found: list[int] = []

        def work(db: Connection) -> object:
            found[:] = [_occurrence(db, incident)]
            return actions.acknowledge(db, incident, somebody(by), now, occurrence=occurrence, until=until)

        outcome = self._commit(work)
        if isinstance(outcome, Acknowledged) and not outcome.repeated:
            self._note_answer(incident, "acknowledged", by, outcome.until, occurrence, found[0], outcome)
        elif outcome is not None:
            self._note_answer(incident, "void", by, now, occurrence, found[0], outcome)
        return outcome

    def snooze(self, incident: int, *, minutes: float, by: str = "first") -> object:
        """Somebody wants to hear no more of it for a while."""
        now = self.now
        found: list[int] = []

        def work(db: Connection) -> object:
            found[:] = [_occurrence(db, incident)]
            return desk.snooze(db, incident, by, now, now + timedelta(minutes=minutes))

        outcome = self._commit(work)
        if isinstance(outcome, Snoozed):
            self._note_answer(incident, "snoozed", by, outcome.until, None, found[0], outcome)
        return outcome

    def take_over(self, incident: int, *, by: str = "second", minutes: float = 5.0) -> object:
        """Somebody takes it over from whoever has it."""
        now = self.now
        found: list[int] = []

        def work(db: Connection) -> object:
            found[:] = [_occurrence(db, incident)]
            until = now + timedelta(minutes=minutes)
            return actions.take_over(db, incident, somebody(by), now, until=until)

        outcome = self._commit(work)
        if isinstance(outcome, Acknowledged) and not outcome.repeated:
            self.journal.withdraw(incident, seconds(now))
            self._note_answer(incident, "acknowledged", by, outcome.until, None, found[0], outcome)
        return outcome

    def withdraw(self, incident: int, *, by: str = "first") -> object:
        """Somebody withdraws whatever anybody has answered."""
        now = self.now
        outcome = self._commit(lambda db: actions.withdraw(db, incident, somebody(by), now))
        if isinstance(outcome, Withdrawn):
            self.journal.withdraw(incident, seconds(now))
        return outcome

    def merge(self, source: int, target: int, *, by: str = "first") -> object:
        """Somebody puts an incident into another one."""
        now = self.now
        outcome = self._commit(lambda db: actions.merge(db, source, target, somebody(by), now))
        if isinstance(outcome, Merged) and not outcome.repeated:
            self.journal.merged[source] = self.time, target
            self.journal.resolved.add(source)
        return outcome

    def resolve(self, incident: int, *, by: str = "first") -> object:
        """Somebody says that it is over."""
        now = self.now
        outcome = self._commit(lambda db: actions.resolve(db, incident, somebody(by), now))
        if isinstance(outcome, Resolved) and not outcome.repeated:
            self.journal.resolved.add(incident)
            for row in books.read(self.disk).checks.values():
                if books.symptom_key(row) in outcome.keys:
                    self._note(Deed.RESOLVE, row.slug, now)
        return outcome

    def pause(self, name: str) -> None:
        self._by_hand(Deed.PAUSE, name, lambda db, now: actions.pause(db, name, somebody("somebody"), now))

    def resume(self, name: str) -> None:
        self._by_hand(Deed.RESUME, name, lambda db, now: actions.resume(db, name, somebody("somebody"), now))

    def delete(self, name: str) -> None:
        """Somebody deletes a check, and the job with it."""
        self.stop(name)
        if self._by_hand(
            Deed.DELETE, name, lambda db, now: actions.delete(db, name, somebody("somebody"), now)
        ):
            del self.jobs[name]

    def redefine(self, name: str, **changes: Any) -> None:
        """Somebody edits a job in the configuration and applies it."""
        before = self.jobs[name]
        self.jobs[name] = replace(before, **changes)
        if not self._by_hand(Deed.REDEFINE, name, self._apply):
            self.jobs[name] = before
        elif name in self._next_runs:
            self._next_runs[name] = self.jobs[name].next_slot(self.time)

    def edit(self, *, people: Sequence[Person] = (), policies: Sequence[Policy] = ()) -> None:
        """Somebody edits people and policies in the configuration and applies it."""
        before = self.people, self.policies
        self.people = self.people | {one.id: one for one in people}
        self.policies = self.policies | {policy.name: policy for policy in policies}
        now = self.now
        if self._commit(lambda db: self._apply(db, now)) is None:
            self.people, self.policies = before

    def maintain(self, *, minutes: float, how: str = "once", **match: str) -> int | None:
        """Somebody begins maintenance of what has these labels; its number, None where the service died.

        `how` is "once", "weekly" (it began with this minute) or "silence".
        """
        now = self.now
        lasts = timedelta(minutes=minutes)
        begins = now.replace(second=0, microsecond=0) if how == "weekly" else now
        rule = (
            Recurrence("FREQ=WEEKLY", begins.replace(tzinfo=None), "UTC", lasts) if how == "weekly" else None
        )
        kind = Kind.SILENCE if how == "silence" else Kind.MAINTENANCE
        wanted = WindowDefinition("move", "", match, begins, begins + lasts, recurrence=rule, kind=kind)
        made = self._commit(lambda db: maintenance.make(db, SOMEBODY, wanted, now).window)
        if made is None:
            return None
        ends = self.time + (begins + lasts - now).total_seconds()
        self.journal.windows[made.id] = Maintained(self.time, ends, match)
        return made.id

    def end_maintenance(self, number: int) -> None:
        """Somebody ends maintenance early."""
        now = self.now

        def end(db: Connection) -> object:
            # What recurs is to come again once it has ended by itself.
            with contextlib.suppress(Ended):
                return maintenance.end(db, SOMEBODY, number, now)
            return None

        if self._commit(end) is not None:
            window = self.journal.windows[number]
            self.journal.windows[number] = replace(window, ends=min(window.ends, self.time))

    # Misfortune

    def crash(self, *, downtime: float = 0.0) -> None:
        """The service dies now."""
        self.machine.downtime = downtime
        if self.machine.process is not None:
            self._run(self.machine.fall())

    def crash_at(self, point: Point | None = None, *, skip: int = 0, downtime: float = 0.0) -> None:
        """The service dies at a point to come (any, or of this kind), and comes back after a while."""
        self.machine.downtime = downtime
        self.machine.fate.strike(point, skip)

    def restart(self, *, downtime: float = 0.0) -> None:
        """Somebody stops the service in an orderly way and starts it again."""
        self.machine.downtime = downtime
        if self.machine.process is not None:
            self._run(self.machine.while_alive(self.machine.system.stop()))
            self._run(self.machine.fall())

    def spoil(
        self, contact: str, ill: Ill | Slip, *, minutes: float = float("inf"), retry_after: int | None = None
    ) -> None:
        """A provider goes bad for a while, or for ever."""
        ends = self.time + minutes * 60
        self.journal.faults.append(Fault(contact, ill, self.time, ends, retry_after))

    def lose_database(self, *, seconds: float, hanging: bool = False) -> None:
        """The database goes away for a while: it refuses, or it hangs first."""
        self.journal.outages.append(Outage(self.time, self.time + seconds, hanging))

    def fill_disk(self, *, seconds: float) -> None:
        """The disk is full for a while: nothing can be written, and everything read."""
        self.journal.outages.append(Outage(self.time, self.time + seconds, full=True))

    def cut_power(self, *, downtime: float = 0.0) -> None:
        """The machine loses power, and starts again: its count of seconds begins anew."""
        self.clock.boot = f"the machine, since {self.time}"
        self.crash(downtime=downtime)

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

    def lose_answers(self, *, minutes: float) -> None:
        """For a while, no answer to a ping reaches its job."""
        self.journal.unanswered.append((self.time, self.time + minutes * 60))

    def mend(self) -> None:
        """From now on the weather is fine."""
        now = self.time
        self.machine.fate.relent()
        self.machine.back_at = min(self.machine.back_at, now)
        faults, outages = self.journal.faults, self.journal.outages
        faults[:] = [replace(one, ends=min(one.ends, now)) for one in faults]
        outages[:] = [replace(one, ends=min(one.ends, now)) for one in outages]

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

    def _run(self, story: Coroutine[Any, Any, T]) -> T:
        return self.machine.run(story)

    def _commit(self, work: Callable[[Connection], T]) -> T | None:
        return self._run(self.machine.commit(work))

    async def _begin(self) -> None:
        self.machine.start()
        now = self.now
        await self.machine.database.write(lambda db: self._apply(db, now))
        for row in self.disk.rows("SELECT slug, uuid FROM checks"):
            self.uuids[row["slug"]] = uuid.UUID(row["uuid"])
        self.machine.system.context.wake()

    def _apply(self, db: Connection, now: datetime) -> object:
        wanted = cast.configuration(
            self.jobs.values(),
            list(self.people.values()),
            list(self.policies.values()),
            self.gathering,
            self.settling,
            self.levels,
        )
        return definition_plan.apply(
            db, wanted, now, lambda: uuid.UUID(int=self._random.getrandbits(128), version=4), delete=True
        )

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

    def _by_hand(self, deed: Deed, name: str, work: Callable[[Connection, datetime], object]) -> bool:
        now = self.now
        done = self._commit(lambda db: work(db, now)) is not None
        if done:
            self._note(deed, name, now)
        return done

    def _note(self, deed: Deed, about: str, now: datetime) -> None:
        job = self.jobs[about] if deed is Deed.REDEFINE else None
        self.journal.done.append(Done(self.time, seconds(now), deed, about, job))

    def _note_answer(
        self,
        incident: int,
        kind: str,
        by: str,
        until: datetime,
        meant: int | None,
        found: int,
        outcome: object,
    ) -> None:
        told = type(outcome).__name__.lower()
        self.journal.answers.append(Answer(self.time, incident, kind, by, seconds(until), meant, found, told))


def _query(ping: Sent) -> dict[str, object]:
    """The parameters of a ping."""
    told = {
        "rid": None if ping.rid is None else uuid.uuid5(uuid.NAMESPACE_DNS, ping.rid),
        "m.processed": ping.processed,
        "done": ping.done,
        "total": ping.total,
    }
    return {name: value for name, value in told.items() if value is not None}


def _occurrence(db: Connection, incident: int) -> int:
    known = desk.dossier(db, incident)
    return 0 if known is None else known.incident.occurrence
