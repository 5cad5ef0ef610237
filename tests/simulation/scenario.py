"""A run as a list of things that happen, which Hypothesis can draw and shrink, and which reads as a story."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from alerting.escalation import Policy
from tests.simulation import cast
from tests.simulation.cast import MINUTE
from tests.simulation.process import Point
from tests.simulation.providers import Ill
from tests.simulation.referee import Referee
from tests.simulation.verdict import Verdict
from tests.simulation.world import World

LOOK_EVERY = 90.0
"""Seconds between two looks of the referee, at most."""


@dataclass(frozen=True, slots=True)
class Runs:
    """A job runs from now on, each time."""

    job: str

    def happen(self, world: World) -> None:
        if self.job in world.jobs:
            world.run(self.job)


@dataclass(frozen=True, slots=True)
class FallsSilent:
    """A job runs no more."""

    job: str

    def happen(self, world: World) -> None:
        world.stop(self.job)


@dataclass(frozen=True, slots=True)
class Pings:
    """One ping."""

    job: str
    signal: str = "success"
    rid: str | None = None

    def happen(self, world: World) -> None:
        world.ping(self.job, signal=self.signal, rid=self.rid)


@dataclass(frozen=True, slots=True)
class Answers:
    """Somebody answers the nth open incident: acknowledges, snoozes or resolves it; perhaps an old page of it."""

    how: str
    nth: int = 0
    minutes: float = 5.0
    times: int = 1
    by: str = "first"
    late: int = 0
    """How many occurrences ago the page was that is answered; -1: none is meant."""

    def happen(self, world: World) -> None:
        for _ in range(self.times):
            if found := world.incidents():
                one = found[self.nth % len(found)]
                self._answer(world, one["id"], one["occurrence"])

    def _answer(self, world: World, incident: int, occurrence: int) -> None:
        if self.how == "snooze":
            world.snooze(incident, minutes=self.minutes, by=self.by)
        elif self.how == "resolve":
            world.resolve(incident, by=self.by)
        else:
            meant = None if self.late < 0 else max(occurrence - self.late, 1)
            world.acknowledge(incident, by=self.by, occurrence=meant, minutes=self.minutes)


@dataclass(frozen=True, slots=True)
class Edits:
    """Somebody edits the installation by hand."""

    how: str
    job: str
    minutes: float = 7.0

    def happen(self, world: World) -> None:
        if self.how == "policy":
            waits = [cast.step("second", minutes=self.minutes), cast.step("first", "second", minutes=2.0)]
            world.edit(policies=[Policy("ops", tuple(waits))])
        elif self.job in world.jobs:
            self._edit(world)

    def _edit(self, world: World) -> None:
        if self.how == "reschedule":
            world.redefine(self.job, every=self.minutes * MINUTE, hourly=None, daily=None)
        elif self.how == "grace":
            world.redefine(self.job, grace=self.minutes * 20.0)
        elif self.how == "tolerance":
            minutes = int(self.minutes)
            world.redefine(self.job, failures=1 + minutes % 3, missed=1 + minutes % 2)
        else:
            {"pause": world.pause, "resume": world.resume, "delete": world.delete}[self.how](self.job)


@dataclass(frozen=True, slots=True)
class Maintains:
    """Somebody begins maintenance of a host, or of all of them, or ends what they began last."""

    host: str | None
    minutes: float

    def happen(self, world: World) -> None:
        if self.minutes:
            world.maintain(minutes=self.minutes, **({"host": self.host} if self.host else {}))
        elif world.journal.windows:
            world.end_maintenance(max(world.journal.windows))


@dataclass(frozen=True, slots=True)
class Dies:
    """The service dies: now, or at a point to come."""

    point: Point | None = None
    skip: int | None = None
    downtime: float = 0.0

    def happen(self, world: World) -> None:
        if self.skip is None:
            world.crash(downtime=self.downtime)
        else:
            world.crash_at(self.point, skip=self.skip, downtime=self.downtime)


@dataclass(frozen=True, slots=True)
class Restarts:
    """Somebody restarts the service."""

    downtime: float = 0.0

    def happen(self, world: World) -> None:
        world.restart(downtime=self.downtime)


@dataclass(frozen=True, slots=True)
class GoesBad:
    """A provider goes bad for a while."""

    contact: str
    ill: Ill
    minutes: float = 5.0
    retry_after: int | None = None

    def happen(self, world: World) -> None:
        world.spoil(self.contact, self.ill, minutes=self.minutes, retry_after=self.retry_after)


@dataclass(frozen=True, slots=True)
class DatabaseGoes:
    """The database goes away for a while."""

    seconds: float
    hanging: bool = False

    def happen(self, world: World) -> None:
        world.lose_database(seconds=self.seconds, hanging=self.hanging)


@dataclass(frozen=True, slots=True)
class ClockIsSet:
    """Somebody sets the wall clock."""

    by: float

    def happen(self, world: World) -> None:
        world.step_clock(self.by)


Event = (
    Runs
    | FallsSilent
    | Pings
    | Answers
    | Edits
    | Maintains
    | Dies
    | Restarts
    | GoesBad
    | DatabaseGoes
    | ClockIsSet
)


@dataclass(frozen=True, slots=True)
class Scenario:
    """What happens, each thing so many seconds after the one before; then the weather is fine for a while."""

    acts: tuple[tuple[float, Event], ...]
    running: tuple[str, ...] = tuple(job.name for job in cast.JOBS)
    seed: int = 0
    calm: float = 4.0
    """Minutes."""

    def __call__(self) -> None:
        """Let it happen, and compare with what must be so. Raises `Broken`."""
        play(self)


def play(scenario: Scenario, make: Callable[..., World] = World) -> None:
    """Run a scenario from beginning to end under the eyes of the referee."""
    with make(seed=scenario.seed) as world:
        referee = Referee(world)
        world.run(*scenario.running)
        for gap, event in scenario.acts:
            watch(world, referee, gap)
            event.happen(world)
            referee.look()
        world.mend()
        watch(world, referee, scenario.calm * MINUTE)
        Verdict(referee).give()


def watch(world: World, referee: Referee, length: float) -> None:
    """Let time pass, with an eye on the service."""
    while length > 0:
        world.advance(seconds=min(length, LOOK_EVERY))
        referee.look()
        length -= LOOK_EVERY


NAMES = [job.name for job in cast.JOBS]
CONTACTS = ["first/1", "third/1", "second/1", "first/1", "first/2", "third/1", "second/2"]


def one_of(*strategies: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """One of these, each as often as it is named. Hypothesis's own makes a union of unions one large union."""
    return st.sampled_from(strategies).flatmap(lambda one: one)


gaps = st.sampled_from([0.0, 0.0, 2.0, 12.0, 45.0, 75.0, 150.0])
downtimes = st.sampled_from([0.0, 0.0, 3.0, 40.0, 200.0])
jobs = st.sampled_from(NAMES)

failures = st.builds(Pings, jobs, st.sampled_from(["fail", "3"]))
pings = st.builds(
    Pings,
    jobs,
    st.sampled_from(["success", "success", "0", "start", "log"]),
    st.sampled_from([None, None, "a", "b"]),
)
answers = st.builds(
    Answers,
    st.sampled_from(["acknowledge", "acknowledge", "acknowledge", "snooze", "resolve"]),
    nth=st.integers(0, 2),
    minutes=st.sampled_from([2.0, 4.0, 30.0]),
    times=st.sampled_from([1, 1, 2]),
    by=st.sampled_from(["first", "second"]),
    late=st.sampled_from([0, 0, -1, 1]),
)
edits = st.builds(
    Edits,
    st.sampled_from(["pause", "resume", "reschedule", "grace", "tolerance", "policy", "delete"]),
    jobs,
    st.sampled_from([3.0, 6.0, 11.0]),
)
maintenance = st.builds(
    Maintains, st.sampled_from(["us", "us", "eu", None]), st.sampled_from([1.0, 4.0, 15.0, 0.0])
)
ills = st.builds(
    GoesBad,
    st.sampled_from(CONTACTS),
    st.sampled_from([*Ill, Ill.LIMITED, Ill.MUTE]),
    st.sampled_from([3.0, 1.0, 20.0]),
    st.sampled_from([None, None, 2, 50, 400]),
)
deaths = one_of(
    st.builds(Dies, st.none(), st.none(), downtimes),
    st.builds(
        Dies, st.sampled_from([Point.BEFORE_COMMIT, Point.AFTER_COMMIT]), st.integers(0, 12), downtimes
    ),
    st.builds(Dies, st.sampled_from([Point.AFTER_SEND, Point.BEFORE_SEND]), st.integers(0, 2), downtimes),
)
others = one_of(
    st.builds(Restarts, downtimes),
    st.builds(DatabaseGoes, st.sampled_from([1.0, 4.0, 70.0]), st.booleans()),
    st.builds(ClockIsSet, st.sampled_from([-60.0, -5.0, 5.0, 60.0, 3600.0, -3600.0])),
)
misfortunes = one_of(ills, ills, deaths, others)
habits = one_of(st.builds(FallsSilent, jobs), st.builds(Runs, jobs))
events = one_of(
    failures, pings, answers, answers, answers, misfortunes, misfortunes, habits, edits, maintenance
)
starts = st.tuples(st.tuples(gaps, misfortunes), st.tuples(gaps, failures), st.tuples(gaps, failures))
"""Something goes wrong before the first page, so that a short run has something to show."""
scenarios = st.builds(
    Scenario,
    st.builds(
        lambda start, rest: (*start, *rest),
        starts,
        st.lists(st.tuples(gaps, events), min_size=3, max_size=10),
    ),
    st.lists(jobs, unique=True, max_size=5).map(tuple),
    st.integers(0, 3),
    st.sampled_from([1.0, 1.0, 1.0, 1.0, 3.0, 20.0]),
)
