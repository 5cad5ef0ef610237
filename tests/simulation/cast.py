"""Who plays in the simulation: jobs, people and policies, small and quick so that a lot happens in an hour."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta

from alerting.escalation import Policy, Step
from alerting.person import Contact, Person
from alerting.quiet_hours import QuietHours
from alerting.rotation import Change, Layer, Length, Rotation
from alerting.rotation import Window as Hours
from alerting.severity import Severity
from alerting.working_hours import WorkingHours
from heartbeat.checks.cause import GROUP_BY
from heartbeat.checks.check import Tolerance
from heartbeat.checks.definition import CheckDefinition
from heartbeat.checks.dependency import NO_PARENTS, After
from heartbeat.checks.expectation import Expectation, RunLimit
from heartbeat.checks.level import Levels
from heartbeat.checks.rule import Rule
from heartbeat.checks.rule_grammar import parse
from heartbeat.checks.schedule import Cron, Every, Schedule
from heartbeat.checks.time_of_day import Window
from heartbeat.definitions.model import Configuration
from tests.simulation.providers import beeper, ntfy, webhook

MINUTE = 60.0
HOUR = 3600.0
DAY = 86_400.0
PROCESSED = parse("processed > 0")


@dataclass(frozen=True, slots=True)
class Job:
    """A scheduled job. Its period is `every` so many seconds, or `hourly` or `daily` at so many seconds past.

    What it expects of its runs at times of the day, it expects in UTC: the oracle has no clocks of zones.
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
    must_process: int | None = None
    """After so many runs in a row that processed nothing it is ineffective; None: nobody asks."""
    min_runtime: float | None = None
    alone: bool = False
    """One run at a time."""
    at_most: tuple[int, float] | None = None
    """So many runs in so many seconds."""
    window: tuple[float, float] | None = None
    """The seconds of the day between which it may run."""
    finish_by: float | None = None
    """The second of the day by which it must have run."""
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
    def is_exacting(self) -> bool:
        """Whether a run may be no good that reports success."""
        judged = self.must_process, self.min_runtime, self.at_most, self.window
        return self.alone or any(one is not None for one in judged)

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
            expectation=self._expectation(),
            rules=() if self.must_process is None else (Rule(PROCESSED, runs=self.must_process),),
        )

    def _expectation(self) -> Expectation:
        limit = (
            None if self.at_most is None else RunLimit(self.at_most[0], timedelta(seconds=self.at_most[1]))
        )
        return Expectation(
            at_most=limit,
            min_runtime=None if self.min_runtime is None else timedelta(seconds=self.min_runtime),
            one_at_a_time=self.alone,
            finish_by=None if self.finish_by is None else _time_of_day(self.finish_by),
            window=None if self.window is None else Window(*map(_time_of_day, self.window)),
        )

    def _schedule(self) -> Schedule:
        if self.every is not None:
            return Every(timedelta(seconds=self.every))
        if self.hourly is not None:
            return Cron(f"{int(self.hourly // 60)} * * * *", "UTC")
        hour, minute = divmod(int((self.daily or 0.0) // 60), 60)
        return Cron(f"{minute} {hour} * * *", "UTC")


def _time_of_day(seconds: float) -> time:
    hour, minute = divmod(int(seconds // 60), 60)
    return time(hour, minute)


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


def layer(*people: str, begins: tuple[int, int] = (0, 0), only: tuple[Hours, ...] = ()) -> Layer:
    """People who take turns each hour from a time of the first day on."""
    return Layer(people, Length.parse("1h"), datetime(2026, 3, 2, *begins), only)  # noqa: DTZ001  # on the wall


def hours(opens: int, closes: int) -> Hours:
    """From so many minutes after three o'clock to so many."""
    three = timedelta(hours=3)
    return Hours(opens=three + timedelta(minutes=opens), closes=three + timedelta(minutes=closes))


PRIMARY = Rotation("primary", "UTC", (layer("first", "second", begins=(0, 20)),))
"""It hands over at 20 minutes past each hour."""
EVENING = Rotation("evening", "UTC", (layer("third", only=(hours(9, 16), hours(40, 55))),))
"""Most of the time it has nobody on call."""
ROTATIONS = (PRIMARY, EVENING)

IN_TURNS = (
    Policy("ops", (step("primary", minutes=2), step("evening", minutes=15), step("second", minutes=3))),
    Policy("solo", (step("evening", minutes=20), step("third", minutes=4))),
    Policy("nobody", (step("ghost", minutes=15), step("evening", minutes=6))),
)
"""Policies that name rotations."""

FIRST_CONTACTS = webhook("first/2"), replace(webhook("first/3"), after=timedelta(seconds=60))
STEPPED = (
    replace(person("first", beeper("first/1"), *FIRST_CONTACTS), warnings=FIRST_CONTACTS),
    replace(
        person("second", webhook("second/1"), replace(beeper("second/2"), after=timedelta(seconds=90))),
        quiet_hours=QuietHours(time(3, 4), time(3, 24)),
    ),
    replace(
        person("third", beeper("third/1"), webhook("third/2")),
        quiet_hours=QuietHours(time(3, 8), time(3, 30)),
    ),
)
"""The same people with contacts that are paged one after the other, with providers that report, and quiet hours."""

CHANGED = (
    person("first", ntfy("first/2")),
    person("first", ntfy("first/2"), webhook("first/1")),
    person("second", webhook("second/2"), webhook("second/3")),
    person("third", webhook("third/2"), ntfy("third/1")),
    person("second"),
)
"""People with other contacts, or in another order."""
REARRANGED = (
    Rotation("primary", "UTC", (layer("second", "third", begins=(0, 12)),)),
    Rotation("primary", "UTC", (layer("third", only=(hours(20, 30),)), layer("first"))),
    Rotation("evening", "UTC", (layer("third", "second", begins=(3, 18)),)),
    Rotation("evening", "UTC", (layer("ghost"),)),
)
"""Rotations with other people, other hours, and with nobody who is there."""
REWRITTEN = (
    Policy("ops", (step("second", minutes=6), step("first", "second", minutes=2))),
    Policy("ops", (step("evening", minutes=11), step("primary", "third", minutes=2))),
    Policy("ops", (step("ghost", minutes=20), step("first", minutes=3), step("second", minutes=1))),
    Policy("solo", (step("primary", minutes=3),)),
    Policy("nobody", (step("second", minutes=2), step("evening", minutes=9))),
)
LEAVES = (("first",), ("first", "third"), ("second", "first"), ("third",))
"""Who goes on leave, and who stands in."""
OVERRIDES = (
    ("primary", Change.REPLACE, "third"),
    ("primary", Change.ADD, "third"),
    ("evening", Change.ADD, "second"),
    ("primary", Change.REPLACE, "second", "first"),
    ("evening", Change.REMOVE, "", "third"),
)

ALPHA = Job("alpha-reset", every=10 * MINUTE, host="us", severity=Severity.CRITICAL)
BRAVO = Job("bravo-backup", every=15 * MINUTE, grace=2 * MINUTE, host="us")
CHARLIE = Job("charlie-report", hourly=5 * MINUTE, host="us")
DELTA = Job("delta-mail", every=12 * MINUTE, host="eu", policy="solo", severity=Severity.WARNING)
ECHO = Job("echo-import", every=20 * MINUTE, max_runtime=5 * MINUTE, policy="ops")
FOXTROT = Job("foxtrot-sync", every=8 * MINUTE, grace=30.0, policy="nobody", manual_resume=True)
GOLF = Job("golf-poll", every=6 * MINUTE, grace=40.0, failures=3, missed=2)
JOBS = (ALPHA, BRAVO, CHARLIE, DELTA, ECHO, FOXTROT, GOLF)

EXACTING = (
    Job("hotel-sync", every=7 * MINUTE, host="us", must_process=1),
    Job("india-index", every=9 * MINUTE, severity=Severity.CRITICAL, must_process=2, failures=2),
    Job("juliet-join", every=10 * MINUTE, host="us", max_runtime=8 * MINUTE, stuck_after=2 * MINUTE),
    Job("kilo-keep", every=12 * MINUTE, policy="solo", alone=True, min_runtime=20.0),
    Job("lima-load", every=5 * MINUTE, host="eu", at_most=(3, 12 * MINUTE)),
    Job("mike-mail", every=6 * MINUTE, host="eu", window=(2 * HOUR, 3 * HOUR + 8 * MINUTE)),
    Job("november-note", daily=3 * HOUR + 2 * MINUTE, grace=9 * MINUTE, finish_by=3 * HOUR + 6 * MINUTE),
    Job("oscar-order", hourly=3 * MINUTE, failures=2, missed=2, finish_by=4 * HOUR + 7 * MINUTE),
    Job(
        "papa-port",
        every=8 * MINUTE,
        max_runtime=10 * MINUTE,
        until_done=True,
        stuck_after=150.0,
        policy="solo",
    ),
)
"""Jobs of which more is expected than that they run."""

CHAINED = (
    Job("quebec-backup", every=8 * MINUTE, host="us"),
    Job("romeo-report", every=9 * MINUTE, grace=2 * MINUTE, host="eu", after=After(("quebec-backup",))),
    Job("sierra-sum", every=10 * MINUTE, grace=3 * MINUTE, after=After(("romeo-report",))),
    Job("tango-tally", every=7 * MINUTE, after=After((), ({"host": "us"},)), severity=Severity.CRITICAL),
    Job("uniform-upload", every=9 * MINUTE, after=After(("quebec-backup",)), policy="solo"),
    Job("victor-view", every=11 * MINUTE, host="us", severity=Severity.WARNING),
    Job("whiskey-week", hourly=4 * MINUTE, after=After(("sierra-sum",), ({"host": "us"},))),
)
"""Jobs that run after others."""

NESTED = (
    Job("us-web-1", every=10 * MINUTE, host="us-web", region="us"),
    Job("us-web-2", every=8 * MINUTE, host="us-web", region="us", severity=Severity.CRITICAL),
    Job("us-db-1", every=10 * MINUTE, host="us-db", region="us"),
    Job("us-db-2", every=12 * MINUTE, grace=2 * MINUTE, host="us-db", region="us"),
    Job("eu-web-1", every=10 * MINUTE, host="eu-web", region="eu"),
    Job("eu-web-2", every=7 * MINUTE, host="eu-web", region="eu", policy="solo"),
    Job("eu-1", every=9 * MINUTE, region="eu"),
)


HOUSE = tuple(
    Job(
        f"{host}-{n}",
        hourly=(7 * number + 11 * n) % 60 * MINUTE,
        grace=(2 + 3 * n) * MINUTE,
        host=host,
        severity=(Severity.CRITICAL, Severity.ERROR, Severity.WARNING)[n % 3],
        policy="solo" if host == "mail" else "ops",
        must_process=1 if n == 1 else None,
    )
    for number, host in enumerate(("web", "shop", "db", "mail", "us", "eu"))
    for n in range(4)
)
"""Many jobs that run once an hour each."""


OFFICE = WorkingHours(
    (Hours(tuple(range(7)), timedelta(hours=3, minutes=12), timedelta(hours=3, minutes=40)),)
)
"""The hours for which warnings wait: a night shift, as the simulation begins at three."""
TURNED = (
    *JOBS,
    Job("xray-scan", every=9 * MINUTE, severity=Severity.CRITICAL, policy="solo"),
    Job("yankee-yield", every=11 * MINUTE, host="eu", policy="solo"),
)
TURNING = (
    Policy("ops", (Step(("first", "second", "third"), timedelta(minutes=2), round_robin=True),)),
    Policy("solo", (step("third", minutes=4),), warnings_wait_for=OFFICE),
    NOBODY,
)
"""Policies of which one goes round, and one lets warnings wait."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Jobs that are watched together, and the levels of their groups."""

    jobs: tuple[Job, ...]
    levels: tuple[str, ...] = ()
    people: tuple[Person, ...] = PEOPLE
    policies: tuple[Policy, ...] = POLICIES
    catch_all: tuple[str, ...] = ()
    often: tuple[str, ...] = ()
    """Jobs that are drawn more often than others: what is special about the stage is about them."""

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(job.name for job in self.jobs)


USUAL = Stage(JOBS)
STAGES = {
    "usual": USUAL,
    "exacting": Stage(EXACTING),
    "chained": Stage(CHAINED),
    "nested": Stage(NESTED, ("region", "host")),
    "house": Stage(HOUSE),
    "stepped": Stage(JOBS, people=STEPPED),
    "turned": Stage(
        TURNED,
        policies=TURNING,
        catch_all=("second",),
        often=("delta-mail", "yankee-yield", "delta-mail", "yankee-yield"),
    ),
    "turns": Stage(JOBS, policies=IN_TURNS),
}


def configuration(
    jobs: Iterable[Job],
    people: Sequence[Person],
    rotations: Sequence[Rotation],
    policies: Sequence[Policy],
    gathering: float,
    settling: float,
    levels: tuple[str, ...] = (),
    catch_all: tuple[str, ...] = (),
) -> Configuration:
    """All of it as heartbeat.yaml would declare it."""
    return Configuration(
        group_by=Levels(levels) if levels else GROUP_BY,
        gathering=timedelta(seconds=gathering),
        settling=timedelta(seconds=settling),
        checks={job.name: job.definition() for job in jobs},
        people={one.id: one for one in people},
        rotations={rotation.name: rotation for rotation in rotations},
        policies={policy.name: policy for policy in policies},
        catch_all=catch_all,
    )
