"""The watch over changes of shift: what is open goes over to whoever comes on call.

Every process with the role `checker` watches. The first one that sees a change hands over, in one transaction with the
people whom it saw on call.
"""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection

from alerting import desk, rotation
from alerting.crew import Crew
from alerting.desk import Relief
from alerting.incident import Facts, Symptom
from alerting.person import Person
from alerting.severity import Severity
from heartbeat import installation
from heartbeat.checks import cause
from heartbeat.clock import Clock
from heartbeat.database import Database
from heartbeat.definitions import store as definition_store
from heartbeat.loop import Loop

EVERY = 30.0
"""Seconds between two looks."""
ON_CALL = "on call"
"""The fact of the installation with the people of each rotation who were on call at the last look."""
BY = "heartbeat"


class ReliefWatch:
    """Hands over at each change of shift."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._loop = Loop("reliefs", self.watch, pause=lambda _: EVERY)

    async def run(self) -> None:
        """Watch until cancelled."""
        await self._loop.run()

    async def watch(self) -> None:
        """Look once, and hand over what has changed hands."""
        now = self._clock.now()
        crew = await self._database.read(desk.crew_of_rotations)
        before = await self._database.read(lambda db: installation.recall(db, ON_CALL))
        if on_call(crew, now) != before:
            await self._database.write(lambda db: hand_over(db, now))


def on_call(crew: Crew, now: datetime) -> dict[str, list[str]]:
    """Return the people of each rotation who are on call."""
    return {name: list(rotation.on_call(each, now)) for name, each in crew.rotations.items()}


def hand_over(db: Connection, now: datetime) -> None:
    """Hand over in each rotation that has changed since the last look. A new one has nothing to hand over."""
    definition_store.wait_for_turn(db)
    crew = desk.crew_of_rotations(db)
    current: dict[str, list[str]] = on_call(crew, now)
    before: Mapping[str, list[str]] = installation.recall(db, ON_CALL) or {}
    for name, people in current.items():
        if name in before and before[name] != people:
            gone, come = _people(crew, before[name], people), _people(crew, people, before[name])
            desk.relieve(db, Relief(name, gone, come), _symptom(db, name, now), BY, now)
    installation.remember(db, ON_CALL, current)


def _people(crew: Crew, names: list[str], others: list[str]) -> tuple[Person, ...]:
    """Return the people of these names that are not among the others."""
    return tuple(crew.people[name] for name in names if name not in others and name in crew.people)


def _symptom(db: Connection, name: str, now: datetime) -> Symptom:
    policy = installation.default_policy(db)
    return Symptom(
        key=f"relief:{name}:{now.isoformat()}",
        cause_key=f"{cause.RELIEVED}:{name}:{cause.OF_SERVICE}",
        incident_title=cause.key_title(cause.OF_SERVICE),
        title=f"Rotation {name}",
        cause=cause.RELIEVED,
        words=cause.in_words(cause.RELIEVED),
        severity=Severity.INFO,
        policy=policy,
        installation=installation.name(db),
        facts=Facts(since=now),
    )
