"""The state of everything beside an incident, and the sentences that tell it: is it only this? Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from alerting import times
from alerting.times import Clock

NAMED = 3
"""Groups that are recovering, and are named."""


@dataclass(frozen=True, slots=True)
class LateJob:
    """A job that is past its due time and not down yet."""

    title: str
    due_at: datetime


@dataclass(frozen=True, slots=True)
class OtherIncident:
    """Another open incident in the same group. `words` name its jobs: "Import feed failed"."""

    number: int
    words: str


@dataclass(frozen=True, slots=True)
class GroupState:
    """Another group in numbers, with its incidents: "incident 4"."""

    title: str
    total: int
    alive: int
    incidents: str = ""

    @property
    def fine(self) -> bool:
        """True if everything in it is fine."""
        return self.alive == self.total and not self.incidents


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """All other groups. `noun` is their plural: "hosts"; `total` counts those of which anything is expected.

    `not_fine` names some of those that are not fine, the worst first: "web-3 (incident 12)", "db-2 (late)". They stand
    for `covered` groups, for one each if that is None: an incident may be about a whole level. `recovering` names those
    in which all is fine, though their incidents are not over yet: `settling` groups, of which none is `alive`. Groups
    with the same jobs are counted, and named apart: see `Surroundings.same_jobs`.
    """

    noun: str
    total: int
    alive: int
    not_fine: tuple[str, ...] = ()
    covered: int | None = None
    recovering: tuple[str, ...] = ()
    settling: int = 0


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The state of the group that an incident is about, and of all others. Only upstairs knows it.

    `total` counts the jobs of the group from which a ping is or was expected; `alive` are neither down nor late, and
    have no fault that is tolerated. A job that is not due for the first time yet counts as neither.
    """

    total: int = 1
    alive: int = 0
    newest_at: datetime | None = None
    """The last success of those alive."""
    group: str = ""
    """The title of the group; empty if the job stands alone."""
    title: str = ""
    """What the incident is called, if people have merged others into it or split it off."""
    preposition: str = "on"
    """How something is there: "on" a host, "in" a region."""
    oldest_at: datetime | None = None
    """The oldest of the last successes of those alive: all of them were heard since then."""
    above: "GroupState | None" = None
    """The level above the group, where that has more."""
    twins: tuple[str, str] | None = None
    """Where the one job of the incident is, and where the jobs of its name are all fine: "in us", "in eu"."""
    late: int = 0
    late_jobs: tuple[LateJob, ...] = ()
    """Some of the late ones."""
    tolerated: int = 0
    """The jobs that have failed or missed a run, not often enough to be down."""
    down_besides: Mapping[str, int] = field(default_factory=dict)
    """The jobs of the group that are down in other incidents and not held, counted by cause."""
    incidents: tuple[OtherIncident, ...] = ()
    """Other open incidents in the group, worst first; `more_incidents` counts those that are not named."""
    more_incidents: int = 0
    same_jobs: tuple[GroupState, ...] = ()
    """The groups in which the same jobs run."""
    elsewhere: Elsewhere | None = None
    place: str = ""
    """The group's title as it stands beside the name of one job, without what it lacks. Empty if it is no other."""

    @property
    def beside_job(self) -> str:
        """The group as it stands beside the name of one job."""
        return self.place or self.group


def sentences(around: Surroundings, down: int, clock: Clock) -> list[str]:
    """Return what is fine and what is not beside an incident with `down` jobs, most important first."""
    return [
        sentence
        for sentence in (
            _group(around, down, clock),
            _late(around, clock),
            _tolerated(around),
            also(around),
            _same_jobs(around.above) if around.above else "",
            *(_same_jobs(group) for group in around.same_jobs),
            _elsewhere(around),
        )
        if sentence
    ]


def also(around: Surroundings) -> str:
    """Return the other incidents of the group: "Also on db-1: incident 12, Import feed failed." Empty without any.

    Of several groups, it does not say where they are.
    """
    if not around.incidents:
        return ""
    named = [f"incident {other.number}, {other.words}" for other in around.incidents]
    if around.more_incidents:
        named.append(f"and {times.count(around.more_incidents, 'more incident')}")
    where = f" {around.preposition} {around.group}" if around.group else ""
    return f"Also{where}: {'; '.join(named)}."


def _group(around: Surroundings, down: int, clock: Clock) -> str:
    whole = not down and around.alive >= around.total
    if around.total <= 1 or around.total <= down or whole:
        return ""
    if not around.alive:
        return (
            f"No job {around.preposition} {around.group} is fine."
            if not (around.late or around.tolerated)
            else ""
        )
    jobs = "job" if around.alive == 1 else "jobs"
    where = f"{around.preposition} {around.group}"
    fine = f"{around.alive:,} {'other ' if down else ''}{jobs} {where} {_is(around.alive)} fine"
    return f"{fine}, last heard {clock.at(around.newest_at)}." if around.newest_at else f"{fine}."


def _late(around: Surroundings, clock: Clock) -> str:
    if not around.late:
        return ""
    if around.late > len(around.late_jobs) or around.late > 2:
        return f"{around.late:,} are late and may follow."
    named = [
        f"{job.title} is late: it was due {times.ago(job.due_at, clock.now)}" for job in around.late_jobs
    ]
    return f"{'; '.join(named)}."


def _tolerated(around: Surroundings) -> str:
    if not around.tolerated:
        return ""
    have = "has" if around.tolerated == 1 else "have"
    return f"{around.tolerated:,} {have} failed or missed a run, not often enough to be down."


def _same_jobs(group: GroupState) -> str:
    incidents = f" ({group.incidents})" if group.incidents else ""
    return f"{group.title}: {group.alive:,} of {group.total:,} fine{incidents}."


def _elsewhere(around: Surroundings) -> str:
    """Return the state of the other groups, without those that are told apart."""
    others = around.elsewhere
    if others is None:
        return ""
    total = others.total - len(around.same_jobs)
    alive = others.alive - sum(group.fine for group in around.same_jobs)
    if total <= 0:
        return ""
    one = others.noun.replace("s and ", " or ").removesuffix("s")
    other = f"other {others.noun if total != 1 else one}"
    if alive == total:
        every = {1: f"The {other} is", 2: f"Both {other} are"}.get(total, f"All {total:,} {other} are")
        return f"{every} fine."
    faulty = total - alive - others.settling
    recovering = f"recovering: {_named(others.recovering)}" if others.recovering else ""
    faults = "; ".join(filter(None, [_faults(others, faulty), recovering]))
    if alive:
        listed = f"{'not fine: ' if faults != recovering else ''}{faults}" if faults else ""
        return f"{alive:,} of {total:,} {other} {_is(alive)} fine{listed and f'; {listed}'}."
    if not faulty and recovering:
        every = {1: f"The {other} is", 2: f"Both {other} are"}.get(total, f"All {total:,} {other} are")
        return f"{every} {recovering}."
    none = {1: f"The {other} is not", 2: f"Neither of the 2 {other} is"}.get(
        total, f"None of the {total:,} {other} is"
    )
    return f"{none} fine{faults and f': {faults}'}."


def _faults(others: Elsewhere, count: int) -> str:
    """Return the names of groups that are not fine, and how many of `count` they leave out."""
    named = others.not_fine
    more = count - (len(named) if others.covered is None else others.covered)
    return times.names([*named, f"{more:,} more"] if named and more > 0 else named)


def _named(names: Sequence[str]) -> str:
    """Return the first of these names, and how many more there are."""
    more = len(names) - NAMED
    return times.names([*names[:NAMED], *([f"{more:,} more"] if more > 0 else [])])


def _is(count: int) -> str:
    return "is" if count == 1 else "are"
