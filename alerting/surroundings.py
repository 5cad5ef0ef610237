"""The state of everything beside an incident, and the sentences that tell it: is it only this? Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from alerting import times
from alerting.times import Clock


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
    """Another group in numbers."""

    title: str
    total: int
    alive: int


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """All other groups. `noun` is their plural: "hosts"; `total` counts those of which anything is expected.

    `down` names the worst groups that are not fine, with their incidents: "web-3 (incident 12)". `late` groups have
    late jobs only.
    """

    noun: str
    total: int
    alive: int
    late: int = 0
    down: tuple[str, ...] = ()

    @property
    def unnamed(self) -> int:
        """The groups that are down and not named."""
        return self.total - self.alive - self.late - len(self.down)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The state of the group that an incident is about, and of all others. Only upstairs knows it.

    `total` counts the jobs of the group from which a ping is or was expected; `alive` are neither down nor late. A job
    that is not due for the first time yet counts as neither.
    """

    total: int = 1
    alive: int = 0
    newest_at: datetime | None = None
    """The last success of those alive."""
    group: str = ""
    """The title of the group; empty if the job stands alone."""
    late: int = 0
    late_jobs: tuple[LateJob, ...] = ()
    """Some of the late ones."""
    down_besides: Mapping[str, int] = field(default_factory=dict)
    """The jobs of the group that are down in other incidents and not held, counted by cause."""
    incidents: tuple[OtherIncident, ...] = ()
    """Other open incidents in the group, worst first; `more_incidents` counts those that are not named."""
    more_incidents: int = 0
    same_jobs: tuple[GroupState, ...] = ()
    """The groups in which the same jobs run."""
    elsewhere: Elsewhere | None = None


def sentences(around: Surroundings, down: int, clock: Clock) -> list[str]:
    """Return what is fine and what is not beside an incident with `down` jobs, most important first."""
    return [
        sentence
        for sentence in (
            _group(around, down, clock),
            _late(around, clock),
            also(around),
            *(_same_jobs(group) for group in around.same_jobs),
            _elsewhere(around),
        )
        if sentence
    ]


def also(around: Surroundings) -> str:
    """Return the other incidents of the group: "Also on db-1: incident 12, Import feed failed." Empty without any."""
    if not around.incidents:
        return ""
    named = [f"incident {other.number}, {other.words}" for other in around.incidents]
    if around.more_incidents:
        named.append(f"and {times.count(around.more_incidents, 'more incident')}")
    return f"Also on {around.group}: {'; '.join(named)}."


def _group(around: Surroundings, down: int, clock: Clock) -> str:
    whole = not down and around.alive >= around.total
    if around.total <= 1 or around.total <= down or whole:
        return ""
    if not around.alive:
        return f"No job on {around.group} is fine." if not around.late else ""
    jobs = "job" if around.alive == 1 else "jobs"
    fine = f"{around.alive} {'other ' if down else ''}{jobs} on {around.group} {_is(around.alive)} fine"
    return f"{fine}, last heard {clock.at(around.newest_at)}." if around.newest_at else f"{fine}."


def _late(around: Surroundings, clock: Clock) -> str:
    if not around.late:
        return ""
    if around.late > len(around.late_jobs) or around.late > 2:
        return f"{around.late} are late and may follow."
    named = [
        f"{job.title} is late: it was due {times.ago(job.due_at, clock.now)}" for job in around.late_jobs
    ]
    return f"{'; '.join(named)}."


def _same_jobs(group: GroupState) -> str:
    return f"{group.title}: {group.alive} of {group.total} fine."


def _elsewhere(around: Surroundings) -> str:
    others = around.elsewhere
    if others is None or not others.total or others.total <= len(around.same_jobs):
        return ""
    noun = others.noun if others.total != 1 else _singular(others.noun)
    if others.alive == others.total:
        return (
            f"All {others.total} other {noun} are fine." if others.total > 1 else f"The other {noun} is fine."
        )
    faults = _faults(others)
    if not others.alive:
        return (
            f"None of the {others.total} other {noun} is fine: {faults}."
            if others.total > 1
            else f"Not fine either: {faults}."
        )
    return f"{others.alive} of {others.total} other {noun} are fine; not fine: {faults}."


def _faults(others: Elsewhere) -> str:
    parts = list(others.down)
    if others.unnamed > 0:
        parts.append(f"{others.unnamed} more" if parts else f"{others.unnamed} with jobs that are down")
    if others.late:
        parts.append(f"{others.late} with late jobs")
    return times.names(parts)


def _singular(noun: str) -> str:
    return noun.removesuffix("s")


def _is(count: int) -> str:
    return "is" if count == 1 else "are"
