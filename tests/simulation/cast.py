"""Who plays in the simulation: jobs, people and policies, small and quick so that a lot happens in an hour."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from alerting.escalation import Policy, Step
from alerting.person import Contact, Person
from alerting.severity import Severity
from heartbeat.checks.cause import GROUP_BY
from heartbeat.checks.check import Tolerance
from heartbeat.checks.definition import CheckDefinition
from heartbeat.checks.dependency import NO_PARENTS, After
from heartbeat.checks.level import Levels
from heartbeat.checks.schedule import Cron, Every, Schedule
from heartbeat.definitions.model import Configuration
from tests.simulation.providers import ntfy, webhook

MINUTE = 60.0
HOUR = 3600.0
DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Job:
    """A scheduled job. Its period is `every` so many seconds, or `hourly` or `daily` at so many seconds past.

    It expects nothing more of its runs. A limit or a window is judged by a ping and the row of its check alone, and a
    time to finish by needs the clocks of zones, which the oracle has not: see tests/unit/checks/test_breach.py.
    """

    name: str
    every: float | None = None
    hourly: float | None = None
    daily: float | None = None
    grace: float = MINUTE
    host: str | None = None
    region: str | None = None
    severity: Severity = Severity.ERROR
    policy: str | None = "ops"
    max_runtime: float | None = None
    until_done: bool = False
    stuck_after: float | None = None
    manual_resume: bool = False
    failures: int = 1
    missed: int = 1
    called: str = ""
    """Its name for people, where that is another."""
    after: After = NO_PARENTS
    """The jobs that it runs after."""

    @property
    def labels(self) -> dict[str, str]:
        return {
            name: value for name, value in (("region", self.region), ("host", self.host)) if value is not None
        }

    def incident_keys(self, kind: str, levels: Sequence[str] = ()) -> set[str]:
        """The keys of the incidents that it may open or join, down for this kind of cause: failures stand alone.

        With levels, it is that of its group, or of a level above that is silent.
        """
        first = self.region if levels else self.host
        alone = first is None or kind == "failed"
        groups = {f"check={self.name}" if alone else f"host={self.host}"}
        if levels and not alone:
            groups = {f"region={self.region}>host={self.host or ''}", f"region={self.region}>="}
        return {f"{kind}:{self.policy or ''}:{group}" for group in groups}

    @property
    def title(self) -> str:
        """What people call the group."""
        return self.host or self.name

    def next_slot(self, after: float) -> float:
        """When it runs next by the clock: the first slot after `after` (seconds since the simulation's epoch)."""
        if self.every is not None:
            return after + self.every
        period, past = (
            (HOUR, self.hourly) if self.hourly is not None else (DAY, (self.daily or 0.0) - 3 * HOUR)
        )
        slot = past or 0.0
        return slot + period * ((after - slot) // period + 1)

    @property
    def gap(self) -> float:
        """From one slot to the next."""
        return self.every or (HOUR if self.hourly is not None else DAY)

    def nth_slot(self, first: float, n: int) -> float:
        """The nth slot from `first` on, which is number 1."""
        return first + (n - 1) * self.gap

    def definition(self) -> CheckDefinition:
        """The same as the configuration says it."""
        return CheckDefinition(
            slug=self.name,
            name=self.called or self.name,
            schedule=self._schedule(),
            grace=timedelta(seconds=self.grace),
            max_runtime=None if self.max_runtime is None else timedelta(seconds=self.max_runtime),
            until_done=self.until_done,
            stuck_after=None if self.stuck_after is None else timedelta(seconds=self.stuck_after),
            labels=self.labels,
            severity=self.severity,
            policy=self.policy,
            manual_resume=self.manual_resume,
            alert_after=Tolerance(self.failures, self.missed),
            after=self.after,
        )

    def _schedule(self) -> Schedule:
        if self.every is not None:
            return Every(timedelta(seconds=self.every))
        if self.hourly is not None:
            return Cron(f"{int(self.hourly // 60)} * * * *", "UTC")
        hour, minute = divmod(int((self.daily or 0.0) // 60), 60)
        return Cron(f"{minute} {hour} * * *", "UTC")


def step(*people: str, minutes: float) -> Step:
    """Page these people and give them so long to answer."""
    return Step(people, timedelta(minutes=minutes))


def person(name: str, *contacts: Contact) -> Person:
    """Somebody with these contacts; a webhook where none are given."""
    return Person(name, f"{name.title()} responder", contacts or (webhook(f"{name}/1"),))


FIRST = person("first", webhook("first/1"), ntfy("first/2"))
SECOND = person("second", webhook("second/1"), webhook("second/2"))
THIRD = person("third", ntfy("third/1"))
PEOPLE = (FIRST, SECOND, THIRD)

OPS = Policy("ops", (step("first", minutes=2), step("second", "first", minutes=3)))
SOLO = Policy("solo", (step("third", minutes=4),))
NOBODY = Policy("nobody", (step("ghost", minutes=6),))
"""Names somebody who is not there: its pages go to the terminal."""
POLICIES = (OPS, SOLO, NOBODY)

ALPHA = Job("alpha-reset", every=10 * MINUTE, host="us", severity=Severity.CRITICAL)
BRAVO = Job("bravo-backup", every=15 * MINUTE, grace=2 * MINUTE, host="us")
CHARLIE = Job("charlie-report", hourly=5 * MINUTE, host="us")
DELTA = Job("delta-mail", every=12 * MINUTE, host="eu", policy="solo", severity=Severity.WARNING)
ECHO = Job("echo-import", every=20 * MINUTE, max_runtime=5 * MINUTE, policy="ops")
FOXTROT = Job("foxtrot-sync", every=8 * MINUTE, grace=30.0, policy="nobody", manual_resume=True)
GOLF = Job("golf-poll", every=6 * MINUTE, grace=40.0, failures=3, missed=2)
JOBS = (ALPHA, BRAVO, CHARLIE, DELTA, ECHO, FOXTROT, GOLF)


def configuration(
    jobs: Iterable[Job],
    people: Sequence[Person],
    policies: Sequence[Policy],
    gathering: float,
    settling: float,
    levels: tuple[str, ...] = (),
) -> Configuration:
    """All of it as heartbeat.yaml would declare it."""
    return Configuration(
        group_by=Levels(levels) if levels else GROUP_BY,
        gathering=timedelta(seconds=gathering),
        settling=timedelta(seconds=settling),
        checks={job.name: job.definition() for job in jobs},
        people={one.id: one for one in people},
        policies={policy.name: policy for policy in policies},
    )
