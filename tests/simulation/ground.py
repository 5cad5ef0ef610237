"""What a world stands on: one machine, its journal, and what is configured there."""

import uuid
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from datetime import datetime
from random import Random
from typing import Any, TypeVar

from sqlalchemy import Connection

from alerting import desk
from alerting.escalation import Policy
from alerting.person import Person
from alerting.rotation import Override, Rotation
from heartbeat.definitions import plan as definition_plan
from tests.simulation import cast
from tests.simulation.cast import Job
from tests.simulation.journal import Answer, Configured, Deed, Done, Journal
from tests.simulation.machine import Machine
from tests.simulation.virtual import seconds

T = TypeVar("T")


class Ground:
    """The machine, what it is configured to do, and what has been done to it."""

    def __init__(
        self,
        jobs: Sequence[Job],
        people: Sequence[Person],
        rotations: Sequence[Rotation],
        policies: Sequence[Policy],
        *,
        gathering: float,
        settling: float,
        seed: int,
        levels: tuple[str, ...],
        catch_all: tuple[str, ...] = (),
    ) -> None:
        self.jobs = {job.name: job for job in jobs}
        self.people = {one.id: one for one in people}
        self.rotations = {rotation.name: rotation for rotation in rotations}
        self.overrides: list[tuple[str | None, Override]] = []
        """Each with its rotation, None for a leave in all of them; oldest first."""
        self.policies = {policy.name: policy for policy in policies}
        self.gathering = gathering
        self.levels = levels
        self.catch_all = catch_all
        self.settling = settling
        self.journal = Journal()
        self._random = Random(seed)
        self.machine = Machine(self.journal, self._random)
        self.clock = self.machine.clock
        self.disk = self.machine.disk
        self.network = self.machine.network
        self._next_runs: dict[str, float] = {}
        self._deaths_without_power = 0
        """How many deaths there were when the machine last lost power."""
        self.uuids: dict[str, uuid.UUID] = {}

    @property
    def time(self) -> float:
        """Seconds since the world began."""
        return self.machine.loop.time()

    @property
    def now(self) -> datetime:
        """What the wall clock shows."""
        return self.clock.now()

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
        self._note_configured()

    def _note_configured(self) -> None:
        rotations = {
            name: replace(rotation, overrides=tuple(one for of, one in self.overrides if of in (None, name)))
            for name, rotation in self.rotations.items()
        }
        now = Configured(self.time, dict(self.people), rotations, dict(self.policies))
        self.journal.configured.append(now)

    def _apply(self, db: Connection, now: datetime) -> object:
        wanted = cast.configuration(
            self.jobs.values(),
            list(self.people.values()),
            list(self.rotations.values()),
            list(self.policies.values()),
            self.gathering,
            self.settling,
            self.levels,
            self.catch_all,
        )
        return definition_plan.apply(
            db, wanted, now, lambda: uuid.UUID(int=self._random.getrandbits(128), version=4), delete=True
        )

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


def occurrence_of(db: Connection, incident: int) -> int:
    """Its occurrence as it is written, 0 where there is none."""
    known = desk.dossier(db, incident)
    return 0 if known is None else known.incident.occurrence
