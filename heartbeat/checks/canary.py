"""The canary: a check of the service by itself that falls silent on schedule, and whose page must arrive.

It is judged like any other, in a stage of its own. Its symptom opens the drill, whose page goes the way of
all pages to the robot. The robot acknowledges it, and the canary is heard. It has no row among the checks, so that no
list, count or sum has it: docs/decisions/0028-the-canary.md.
"""

from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Connection

from alerting import desk, escalation
from alerting.incident import Facts, Pace, State, Symptom
from alerting.severity import Severity
from heartbeat import installation
from heartbeat.checks import cause, deadline, life
from heartbeat.checks.cause import Cause
from heartbeat.checks.check import Check, Raised
from heartbeat.checks.schedule import Every

FACT = "canary"
"""The fact of the installation that holds it."""
KEY = "canary"
"""The key of its symptom."""
CERTAIN = timedelta(minutes=2)
"""The time after the silence of the canary, and after the time to gather, in which its page must arrive."""


@dataclass(frozen=True, slots=True)
class Canary:
    """The canary, as stored: its period, when it was last expected anew and heard, and whether it is down.

    `told_at` is the time at which people were last told that its page does not arrive.
    """

    every: timedelta
    armed_at: datetime
    heard_at: datetime | None = None
    down: bool = False
    told_at: datetime | None = None

    @property
    def check(self) -> Check:
        """The canary as a check."""
        return Check(
            id=0,
            uuid=UUID(int=0),
            slug=KEY,
            name="Canary",
            schedule=Every(self.every),
            grace=timedelta(),
            since=self.armed_at,
            armed_at=self.armed_at,
            last_ok_at=self.heard_at,
            severity=Severity.ERROR,
            policy=escalation.DRILL.name,
        )

    @property
    def due_at(self) -> datetime:
        """The time at which it falls silent."""
        return deadline.of(self.check) or self.armed_at

    def age(self, now: datetime) -> timedelta:
        """Return the time since its page last arrived, or since it was first expected."""
        return max(now - (self.heard_at or self.armed_at), timedelta())

    def is_missed(self, pace: Pace, now: datetime) -> bool:
        """Return whether its page does not arrive: people were told so, or its time is up."""
        return self.told_at is not None or now - self.due_at >= allowed(pace)


def allowed(pace: Pace) -> timedelta:
    """Return the time after the silence of the canary in which its page must arrive."""
    return pace.gathering + CERTAIN


def load(db: Connection) -> Canary | None:
    """Return the canary, None if there is none."""
    stored = installation.recall(db, FACT)
    return None if stored is None else _read(stored)


def arm(db: Connection, every: timedelta, now: datetime) -> None:
    """Expect the canary each `every` from now on, unless it is expected so already."""
    canary = load(db)
    if canary is None or canary.every != every:
        desk.end_drill(db)
        _write(db, Canary(every, now, canary.heard_at if canary else None))


def forget(db: Connection) -> None:
    """Have no canary any more."""
    if load(db) is not None:
        desk.end_drill(db)
        installation.forget(db, FACT)


def next_due(db: Connection) -> datetime | None:
    """Return when the canary falls silent, None if it is down or there is none."""
    canary = load(db)
    return None if canary is None or canary.down else canary.due_at


def sweep(db: Connection, now: datetime) -> int:
    """Judge the canary. Return 1 if it fell silent or was heard, else 0."""
    canary = load(db)
    if canary is None:
        return 0
    if canary.down:
        return _listen(db, canary, now)
    if canary.armed_at > now:
        # The clock was set back.
        _write(db, replace(canary, armed_at=now, heard_at=None))
        return 0
    event = life.on_due(canary.check, now).event if canary.due_at <= now else None
    if not isinstance(event, Raised):
        return 0
    desk.raise_(db, [_symptom(canary, event, now, installation.name(db))], now, installation.pace(db))
    _write(db, replace(canary, down=True))
    return 1


def take_turn(db: Connection, told_at: datetime | None, now: datetime | None) -> bool:
    """Note that people are told now, or (None) that it is over. Return False if another process was first."""
    canary = load(db)
    if canary is None or canary.told_at != told_at:
        return False
    _write(db, replace(canary, told_at=now))
    return True


def _listen(db: Connection, canary: Canary, now: datetime) -> int:
    """End the drill if the robot has acknowledged its page."""
    drill = desk.drill(db)
    if drill is not None and drill.state is not State.ACKNOWLEDGED:
        return 0
    heard_at = drill.acknowledged_at if drill is not None else canary.heard_at
    desk.end_drill(db)
    _write(db, replace(canary, armed_at=now, heard_at=heard_at, down=False))
    return 1


def _symptom(canary: Canary, event: Raised, now: datetime, name: str | None) -> Symptom:
    check = canary.check
    return Symptom(
        key=KEY,
        cause_key=f"{KEY}:{escalation.DRILL.name}:{cause.OF_SERVICE}",
        incident_title=cause.key_title(cause.OF_SERVICE),
        title=check.name,
        cause=Cause.SILENT.value,
        words=Cause.SILENT.words,
        severity=check.severity,
        policy=check.policy,
        installation=name,
        facts=Facts(since=now, expected_at=canary.due_at, last_heard_at=canary.heard_at, why=event.why),
    )


def _write(db: Connection, canary: Canary) -> None:
    fields = asdict(canary) | {"every": canary.every.total_seconds()}
    instants = {name: at.isoformat() for name, at in fields.items() if isinstance(at, datetime)}
    installation.remember(db, FACT, fields | instants)


def _read(stored: dict[str, object]) -> Canary:
    def instant(name: str) -> datetime | None:
        at = stored[name]
        return None if at is None else datetime.fromisoformat(str(at))

    armed_at = instant("armed_at")
    assert armed_at is not None
    every = timedelta(seconds=float(str(stored["every"])))
    return Canary(every, armed_at, instant("heard_at"), bool(stored["down"]), instant("told_at"))
