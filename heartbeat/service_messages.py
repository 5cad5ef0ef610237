"""Messages about the service itself. They go straight to the people of the default policy, without the outbox.

The people, and the notifiers, are those that were last read: a message can be sent while the database is away.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from prometheus_client import Counter
from sqlalchemy import Connection

from alerting import desk, escalation, notice
from alerting.notice import Message, Notice
from alerting.notifiers.contract import Accepted, Outcome
from alerting.notifiers.registry import Setup
from alerting.person import OPERATOR, Contact, Person
from heartbeat import installation
from heartbeat.database import Database
from heartbeat.loop import attempt

LEARN_EVERY = timedelta(minutes=1)
"""The time between two readings of the people, while they can be read."""
AGAIN = timedelta(hours=1)
"""The time after which a failure that lasts is told again."""
UNHEARD = timedelta(minutes=1)
"""The time after which a message that no contact took is sent again."""
PROMISE = "Jobs that could not be heard have time to ping. If any was due, a report follows."
"""What people are told when sight returns, before it is known which checks missed their deadline."""
HOST_LIMIT = 16
"""Characters of the name of the machine in a title."""

Deliver = Callable[[Mapping[str, Setup], Notice, Person, Contact], Awaitable[Outcome]]
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Known:
    """What a message is sent with, as it was last read."""

    people: Sequence[Person] = (OPERATOR,)
    setups: Mapping[str, Setup] = field(default_factory=dict)
    installation: str | None = None


def unheard(now: datetime) -> datetime:
    """Return when people count as told where no contact has taken the message: it is due again in `UNHEARD`."""
    return now - AGAIN + UNHEARD


class ServiceMessages:
    """Sends messages `about` a part of the service. Without `deliver`, another process tells people."""

    def __init__(
        self, database: Database, about: str, told: Counter, deliver: Deliver | None, *, home: str
    ) -> None:
        self._database = database
        self._about = about
        self._told = told
        self._deliver = deliver
        self._home = home
        self._known = _Known()
        self._learnt_at: datetime | None = None

    @property
    def own(self) -> bool:
        """True if this process tells people."""
        return self._deliver is not None

    async def learn(self, now: datetime) -> None:
        """Read who is told, and how, while this can be read."""
        await attempt(f"{self._about}: learning whom to tell", lambda: self._learn(now))

    async def tell(self, message: Message, now: datetime) -> bool:
        """Send the message to every contact, straight and at the same time. Return False if none of them took it."""
        sends = [
            self._send(message, person, contact, now)
            for person in self._known.people
            for contact in person.contacts
        ]
        return any(await asyncio.gather(*sends))

    async def _learn(self, now: datetime) -> None:
        if self._learnt_at is None or abs(now - self._learnt_at) >= LEARN_EVERY:
            self._known = await self._database.read(lambda db: _known(db, now))
            self._learnt_at = now

    async def _send(self, message: Message, person: Person, contact: Contact, now: datetime) -> bool:
        composed = notice.of_service(
            message, person, contact, home=self._home, installation=self._known.installation, now=now
        )
        if self._deliver is None:
            return True
        try:
            outcome = await self._deliver(self._known.setups, composed, person, contact)
        except Exception:
            # One contact that cannot be sent to must not keep the others from being told.
            log.exception("%s: %s cannot be told by %s", self._about, person.name, contact.kind)
            return False
        self._told.labels(type(outcome).__name__.lower()).inc()
        accepted = isinstance(outcome, Accepted)
        level = logging.INFO if accepted else logging.ERROR
        said = "told" if accepted else "not told"
        log.log(level, "%s: %s %s by %s", self._about, said, person.name, contact.kind)
        return accepted


def _known(db: Connection, now: datetime) -> _Known:
    policies, crew = desk.policies(db), desk.crew(db)
    policy = escalation.in_force(policies, installation.default_policy(db))
    # Nobody can answer this message, so nobody is spared it: it goes to everybody of the policy.
    reachable = tuple(escalation.recipients(policy.targets, crew, now))
    return _Known(reachable, desk.notifier_setups(db), installation.name(db))
