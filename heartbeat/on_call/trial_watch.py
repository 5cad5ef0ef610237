"""Sends test pages to everybody who may be paged, each week in their waking hours, and tells who confirms none.

A person is claimed for some minutes before their page is sent. A process that dies in between leaves them due.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from sqlalchemy import Connection

from alerting import delivery, desk
from alerting.person import Person
from heartbeat import installation
from heartbeat.actor import Actor, Role
from heartbeat.clock import Clock
from heartbeat.database import Database
from heartbeat.definitions import store as definition_store
from heartbeat.loop import Loop
from heartbeat.metrics import Metrics
from heartbeat.on_call import alarm, trial_round

EVERY = 300.0
"""Seconds between two looks."""
AT_ONCE = 50
"""People who are sent a test page after one look, at most."""
CLAIM = AT_ONCE * delivery.LEASE
"""The time for which people are claimed: as long as it may take to send to all of them, one after the other."""
NOT_BEFORE = "test pages not before"
"""The fact of the installation with the time of each person before which no test page is sent to them."""
TOLD = "test pages told"
"""The fact of the installation with the test pages that nobody confirmed, as people were told."""
SCHEDULE = Actor("heartbeat", Role.VIEWER, "schedule")

Send = Callable[[str, Actor], Awaitable[object]]
"""Sends a test page to the person of this name."""


class TrialWatch:
    """Sends test pages `every` so often; never if that is zero."""

    def __init__(
        self, database: Database, clock: Clock, metrics: Metrics, send: Send, *, every: timedelta
    ) -> None:
        self._database = database
        self._clock = clock
        self._metrics = metrics.on_call
        self._send = send
        self._every = every
        self._loop = Loop("test pages", self.watch, pause=lambda _: EVERY)

    async def run(self) -> None:
        """Watch until cancelled."""
        if self._every:
            await self._loop.run()

    async def watch(self) -> list[str]:
        """Send what is due, and tell who has not confirmed. Return the people who were sent a test page."""
        now = self._clock.now()
        due = await self._database.write(lambda db: claim(db, now, self._every))
        for name in due:
            await self._send(name, SCHEDULE)
        self._metrics.unconfirmed.set(await self._database.write(lambda db: tell(db, now)))
        return due


def claim(db: Connection, now: datetime, every: timedelta) -> list[str]:
    """Return the people who are due for a test page, claimed for this process. New people become due in a day."""
    definition_store.wait_for_turn(db)
    not_before: dict[str, str] = installation.recall(db, NOT_BEFORE) or {}
    proofs = desk.contact_proofs(db)
    people = {person.id: person for person in _paged(db)}
    # Nobody waits for longer than a new person: a clock may have been ahead when a time was kept.
    latest = now + trial_round.PATIENCE
    kept = {name: datetime.fromisoformat(at) for name, at in not_before.items()}
    times = {name: min(kept.get(name, latest), latest).isoformat() for name in people}
    due = [
        name
        for name, person in people.items()
        if datetime.fromisoformat(times[name]) <= now
        and trial_round.is_due(person, trial_round.sent_at(person, proofs), now, every)
    ][:AT_ONCE]
    times |= dict.fromkeys(due, (now + CLAIM).isoformat())
    if times != not_before:
        installation.remember(db, NOT_BEFORE, times)
    return due


def tell(db: Connection, now: datetime) -> int:
    """Raise the symptoms of people who have not confirmed a test page, and clear those of the others.

    Return their number. Until the first contact of the installation is proven, nobody is told of.
    """
    proofs, people = desk.contact_proofs(db), _paged(db)
    lost = [unconfirmed for person in people if (unconfirmed := trial_round.unconfirmed(person, proofs, now))]
    if not any(proof.proven_at for proof in proofs.values()):
        lost = []
    policy, name = installation.default_policy(db), installation.name(db)
    symptoms = [trial_round.symptom(each, now, policy, name) for each in lost]
    alarm.tell(db, TOLD, symptoms, trial_round.CONFIRMED, now)
    return len(lost)


def _paged(db: Connection) -> list[Person]:
    return trial_round.paged(list(desk.policies(db).values()), desk.crew(db))
