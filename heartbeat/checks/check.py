"""A check: its definition, its state, and what can happen to it. Pure.

What a ping, a silence or a person changes is decided in `life`, by the times that `deadline` derives.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from alerting.origin import Origin
from alerting.severity import Severity
from heartbeat.checks.cause import Cause
from heartbeat.checks.dependency import NO_PARENTS, After
from heartbeat.checks.expectation import NOTHING, Expectation
from heartbeat.checks.progress import Amount, Progress
from heartbeat.checks.rule import Rule
from heartbeat.checks.schedule import Schedule


class State(StrEnum):
    """The state of a check. `LATE` is never stored: it follows from the time.

    `UNKNOWN` is a check that could not be heard when it was due. It is expected again since sight has returned.
    """

    NEW = "new"
    UP = "up"
    LATE = "late"
    DOWN = "down"
    UNKNOWN = "unknown"
    PAUSED = "paused"


class Signal(StrEnum):
    """The meaning of a ping."""

    SUCCESS = "success"
    START = "start"
    FAIL = "fail"
    LOG = "log"
    PROGRESS = "progress"


@dataclass(frozen=True, slots=True)
class Run:
    """A run that has started and not ended. `overran` is set once its overrun is reported."""

    rid: str | None
    started_at: datetime
    overran: bool = False
    progress: Progress | None = None
    """How far it has reported to be."""
    numbers: Mapping[str, float] = field(default_factory=dict)
    """The last value of each further number in its reports of progress."""
    misread: str | None = None
    """A sentence on the numbers of its last report that were not understood. None if all were."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The fault of a run that reports success; `why` is the fault in words. Without a severity, the check's counts."""

    cause: Cause
    why: str
    severity: Severity | None = None
    evidence: str = ""
    """What a page tells beside it, such as the broken rule with its last values."""


@dataclass(frozen=True, slots=True)
class Ping:
    """One ping. `rid` pairs a start with its end."""

    signal: Signal
    at: datetime
    rid: str | None = None
    exit_status: int | None = None
    verdict: Verdict | None = None
    """The fault of its run. Only a success can have one."""
    amount: Amount | None = None
    """How far the run is, if the ping says so."""
    numbers: Mapping[str, float] = field(default_factory=dict)
    """What a report of progress tells beside it."""
    misread: str | None = None


class Measure(StrEnum):
    """Where a check looks for numbers in the body of a ping: in JSON alone, or in lines such as `rows=12` as well."""

    JSON = "json"
    LINES = "lines"


@dataclass(frozen=True, slots=True)
class Tolerance:
    """The failures, and the missed runs, in a row that turn a check down. With 1, the first one does."""

    failures: int = 1
    missed: int = 1


AT_ONCE: Final = Tolerance()
"""The tolerance of a check that names none."""


@dataclass(frozen=True, slots=True)
class RecentRuns:
    """When the last runs began, oldest first, as many as their limit needs, and when the end of one was last heard."""

    began: tuple[datetime, ...] = ()
    ended_at: datetime | None = None


NONE_COUNTED: Final = RecentRuns()


@dataclass(frozen=True, slots=True)
class Raised:
    """The check is down; `why` is the reason in words. Without a severity, the check's counts."""

    cause: Cause
    why: str
    severity: Severity | None = None
    evidence: str = ""


@dataclass(frozen=True, slots=True)
class Fault:
    """Why the last run of a check keeps it down: the newest such event, when it was, and since when it is so."""

    event: Raised
    at: datetime
    since: datetime


@dataclass(frozen=True, slots=True)
class Check:
    """A scheduled job under watch: its definition, its state and its last pings."""

    id: int
    uuid: UUID
    slug: str
    name: str
    schedule: Schedule
    grace: timedelta
    since: datetime
    armed_at: datetime
    max_runtime: timedelta | None = None
    until_done: bool = False
    """A run may take its maximum run time by its estimate, and must report its progress."""
    stuck_after: timedelta | None = None
    """The time without progress after which a run is stuck, or `progress.LEARNT`. None: runs are never stuck."""
    description: str = ""
    runbook: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    group_key: str = ""
    severity: Severity = Severity.ERROR
    policy: str | None = None
    manual_resume: bool = False
    alert_after: Tolerance = AT_ONCE
    measure: Measure = Measure.JSON
    expectation: Expectation = NOTHING
    after: After = NO_PARENTS
    """The checks that it runs after."""
    formerly: tuple[str, ...] = ()
    """The slugs that it had before. Jobs that ping one of them reach it."""
    rules: tuple[Rule, ...] = ()
    label_rules: tuple[Rule, ...] = ()
    """The rules of the configuration for its labels."""
    origin: Origin = Origin.API
    state: State = State.NEW
    cause: Cause | None = None
    fault: Fault | None = None
    """Why it was down before silence, or a run that comes to no end, gave it another cause."""
    last_ok_at: datetime | None = None
    last_fail_at: datetime | None = None
    last_other_at: datetime | None = None
    pings: int = 0
    failures: int = 0
    """Failures since the last success."""
    missed: int = 0
    """Missed runs since the last ping that ended a run, while they are tolerated."""
    runs: tuple[Run, ...] = ()
    recent_runs: RecentRuns = NONE_COUNTED
    wake_at: datetime | None = None

    @property
    def all_rules(self) -> tuple[Rule, ...]:
        """The rules that its runs must keep: its own, and those for its labels."""
        return self.rules + self.label_rules

    @property
    def plain(self) -> bool:
        """False if its definition asks to look at every success singly. The plain lane then leaves it out."""
        return self.measure is Measure.JSON and not self.expectation.judges_each_run and not self.all_rules

    @property
    def last_heard_at(self) -> datetime | None:
        """The time of the last ping of any kind."""
        times = [at for at in (self.last_ok_at, self.last_fail_at, self.last_other_at) if at]
        return max(times, default=None)


@dataclass(frozen=True, slots=True)
class Cleared:
    """The check is no longer down; `why` is the reason in words."""

    why: str


@dataclass(frozen=True, slots=True)
class Tolerated:
    """The check has failed or missed a run, not often enough to be down; `why` is the reason in words."""

    cause: Cause
    why: str


@dataclass(frozen=True, slots=True)
class Unheard:
    """The check could not be heard when it was due, in the blindness of this number; `why` is the reason in words."""

    span: int
    why: str


@dataclass(frozen=True, slots=True)
class Change:
    """A decision: the check afterwards, the event to report, and the duration of the run that has just ended."""

    check: Check
    event: Raised | Cleared | Tolerated | Unheard | None = None
    duration: timedelta | None = None
