"""A run as a list of things that happen, which Hypothesis can draw and shrink, and which reads as a story."""

import json
from collections.abc import Callable
from dataclasses import dataclass

from alerting.escalation import Policy
from tests.simulation import books, cast, hours
from tests.simulation.cast import MINUTE
from tests.simulation.moments import Near
from tests.simulation.process import Point
from tests.simulation.providers import Ill, Slip
from tests.simulation.referee import Referee
from tests.simulation.verdict import Verdict
from tests.simulation.world import World

HANDED_TO = {"first": "second", "second": "evening", "third": "primary"}
"""Whom each of them hands an incident to: a person, or a rotation."""
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
    processed: float | None = 1.0
    ago: float | None = None

    def happen(self, world: World) -> None:
        world.ping(self.job, signal=self.signal, rid=self.rid, processed=self.processed, ago=self.ago)


@dataclass(frozen=True, slots=True)
class ComesLater:
    """A job sends again what nobody has taken in, with the times of its runs: in order or not, perhaps twice."""

    job: str
    newest_first: bool = False
    times: int = 1

    def happen(self, world: World) -> None:
        # Whoever sets the clock does not tell the jobs, which name times of the old one.
        for _ in range(self.times if not world.journal.steps else 0):
            world.send_again(self.job, newest_first=self.newest_first)


@dataclass(frozen=True, slots=True)
class Reports:
    """A run says how far it is: further than before, or not."""

    job: str
    rid: str | None
    moves: bool

    def happen(self, world: World) -> None:
        pings = [ping for ping in world.journal.pings if ping.job == self.job]
        done = max((ping.done for ping in pings if ping.done is not None), default=0.0) + self.moves
        # Without a total, nobody estimates its end: the oracle estimates nothing.
        job = world.jobs.get(self.job)
        total = None if job is not None and job.until_done else 1000.0
        world.report(self.job, done, total, self.rid)


@dataclass(frozen=True, slots=True)
class Answers:
    """Somebody answers the nth open incident: acknowledges, snoozes or resolves it; perhaps an old page of it.

    Or they take it over, withdraw whatever anybody has answered, hand it to the other one of the two, or want the
    next person paged now.
    """

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
                if self.how in ("page next", "reassign"):
                    # Whoever wants a page now wants one that would wait for long.
                    found.sort(key=lambda one: one["next_at"], reverse=True)
                one = found[self.nth % len(found)]
                self._answer(world, one["id"], one["occurrence"])

    def _answer(self, world: World, incident: int, occurrence: int) -> None:
        if self.how == "snooze":
            world.snooze(incident, minutes=self.minutes, by=self.by)
        elif self.how == "resolve":
            world.resolve(incident, by=self.by)
        elif self.how == "withdraw":
            world.withdraw(incident, by=self.by)
        elif self.how == "page next":
            world.page_next(incident, by=self.by)
        elif self.how == "reassign":
            world.reassign(incident, HANDED_TO[self.by], by=self.by)
        elif self.how == "take over":
            world.take_over(incident, minutes=self.minutes, by=self.by)
        else:
            meant = None if self.late < 0 else max(occurrence - self.late, 1)
            world.acknowledge(incident, by=self.by, occurrence=meant, minutes=self.minutes)


@dataclass(frozen=True, slots=True)
class Presses:
    """Somebody presses the button of the nth page that was shown, counted from the newest: late, or twice."""

    back: int = 0
    times: int = 1

    def happen(self, world: World) -> None:
        pages = [show for show in world.pages() if show.ack_url is not None]
        for _ in range(self.times):
            if pages:
                world.press(pages[-1 - self.back % len(pages)])


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
    how: str = "once"

    def happen(self, world: World) -> None:
        if self.minutes:
            match = {"host": self.host} if self.host else {}
            world.maintain(minutes=self.minutes, how=self.how, **match)
        elif world.journal.windows:
            world.end_maintenance(max(world.journal.windows))


@dataclass(frozen=True, slots=True)
class Merges:
    """Somebody merges the newest open incident into the oldest one, or the other way round: those of one policy."""

    backwards: bool = False

    def happen(self, world: World) -> None:
        by_policy: dict[str, list[int]] = {}
        for one in world.incidents():
            by_policy.setdefault(json.loads(one["policy"])["name"], []).append(one["id"])
        numbers = max(by_policy.values(), key=len, default=[])
        if len(numbers) > 1:
            source, target = (numbers[0], numbers[-1]) if self.backwards else (numbers[-1], numbers[0])
            world.merge(source, target)


@dataclass(frozen=True, slots=True)
class Splits:
    """Somebody takes the nth job out of the first incident that has several, or all but that one."""

    nth: int = 0
    others: bool = False

    def happen(self, world: World) -> None:
        found = books.read(world.disk)
        inside: dict[int, list[str]] = {}
        for name, row in found.checks.items():
            for home in found.belongs.get(books.symptom_key(row), []):
                inside.setdefault(home, []).append(name)
        crowd = next((sorted(jobs) for jobs in inside.values() if len(jobs) > 1), None)
        if crowd is not None:
            home = next(number for number, jobs in inside.items() if sorted(jobs) == crowd)
            one = crowd[self.nth % len(crowd)]
            world.split(home, *([name for name in crowd if name != one] if self.others else [one]))


@dataclass(frozen=True, slots=True)
class Restaffs:
    """Somebody edits who can be paged, and when. `nth` says which way."""

    how: str
    nth: int = 0

    def happen(self, world: World) -> None:
        if self.how == "contacts":
            world.edit(people=[cast.CHANGED[self.nth % len(cast.CHANGED)]])
        elif self.how == "goes":
            world.edit(without=[("first", "second", "third")[self.nth % 3]])
        elif self.how == "comes back":
            world.edit(people=[cast.PEOPLE[self.nth % 3]])
        elif self.how == "turns":
            world.edit(rotations=[cast.REARRANGED[self.nth % len(cast.REARRANGED)]])
        elif self.how == "steps":
            world.edit(policies=[cast.REWRITTEN[self.nth % len(cast.REWRITTEN)]])
        elif self.how == "leave":
            world.leave(*cast.LEAVES[self.nth % len(cast.LEAVES)])
        elif self.how == "hours":
            policies = list(world.policies.values())
            world.edit(policies=[hours.rearranged(policies[self.nth % len(policies)], self.nth)])
        elif self.how == "quiet":
            people = list(world.people.values())
            world.edit(people=[hours.rested(people[self.nth % len(people)], self.nth // len(people))])
        else:
            world.override(*cast.OVERRIDES[self.nth % len(cast.OVERRIDES)])


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
    ill: Ill | Slip
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
class DiskFills:
    """The disk is full for a while."""

    seconds: float

    def happen(self, world: World) -> None:
        world.fill_disk(seconds=self.seconds)


@dataclass(frozen=True, slots=True)
class PowerFails:
    """The machine loses power for a while."""

    seconds: float

    def happen(self, world: World) -> None:
        world.cut_power(downtime=self.seconds)


@dataclass(frozen=True, slots=True)
class StandsStill:
    """The machine is suspended for a while."""

    seconds: float

    def happen(self, world: World) -> None:
        world.suspend(seconds=self.seconds)


@dataclass(frozen=True, slots=True)
class AnswersAreLost:
    """For a while no answer to a ping reaches its job."""

    minutes: float

    def happen(self, world: World) -> None:
        world.lose_answers(minutes=self.minutes)


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
    | ComesLater
    | Reports
    | Answers
    | Edits
    | Maintains
    | Merges
    | Splits
    | Presses
    | Restaffs
    | Dies
    | Restarts
    | GoesBad
    | DatabaseGoes
    | DiskFills
    | PowerFails
    | StandsStill
    | AnswersAreLost
    | ClockIsSet
)


@dataclass(frozen=True, slots=True)
class Scenario:
    """What happens, each thing so long after the one before, or near a moment; then the weather is fine for a while."""

    acts: tuple[tuple[float | Near, Event], ...]
    running: tuple[str, ...] = cast.USUAL.names
    stage: str = "usual"
    seed: int = 0
    calm: float = 4.0
    """Minutes."""

    def __call__(self) -> None:
        """Let it happen, and compare with what must be so. Raises `Broken`."""
        play(self)


def play(scenario: Scenario, make: Callable[..., World] = World) -> None:
    """Run a scenario from beginning to end under the eyes of the referee."""
    stage = cast.STAGES[scenario.stage]
    crew = {"people": stage.people, "policies": stage.policies, "catch_all": stage.catch_all}
    with make(*stage.jobs, **crew, levels=stage.levels, seed=scenario.seed) as world:
        referee = Referee(world)
        world.run(*scenario.running)
        for gap, event in scenario.acts:
            watch(world, referee, gap.gap(world) if isinstance(gap, Near) else gap)
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
