"""What the world has done to the service, and when: the facts from which the oracle tells what must follow.

Moments are the loop's time. They only move forward, whatever the wall clock does.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from alerting.escalation import Policy
from alerting.person import Person
from alerting.rotation import Rotation
from tests.simulation.cast import Job
from tests.simulation.providers import Fault

Span = tuple[float, float]
FOR_EVER = float("inf")
MOMENT = 0.01


@dataclass(slots=True)
class Sent:
    """A ping that a job sent, `shown` on the wall clock. `status` is the answer, None where none came."""

    job: str
    signal: str
    at: float
    shown: float
    rid: str | None = None
    body: bytes | None = None
    processed: float | None = None
    """How much the run says that it has processed."""
    done: float | None = None
    """How far the run is, where it reports that."""
    total: float | None = None
    ago: float | None = None
    """So long ago it says that it was sent, with `at`: see `replays`."""
    status: int | None = None
    over_at: float = FOR_EVER
    """When the job had its answer or waited no longer: what has not been taken in by then never is."""

    @property
    def acknowledged(self) -> bool:
        return self.status in (200, 201)

    @property
    def claimed(self) -> float:
        """When it was sent, as it says itself."""
        return self.shown if self.ago is None else round(self.shown - self.ago, 3)

    @property
    def stamps(self) -> set[float]:
        """The times under which it may be kept."""
        return {round(self.shown, 3), round(self.claimed, 3)}

    @property
    def kind(self) -> str:
        """What it says, whatever the number of its failure."""
        return self.signal if not self.signal.isdigit() else ("fail" if int(self.signal) else "success")

    @property
    def is_kept(self) -> bool:
        """Whether the ring keeps it. A report of how far a run is stands with the run alone."""
        return self.signal != "progress"


class Deed(StrEnum):
    """What people do to checks by hand."""

    PAUSE = "pause"
    RESUME = "resume"
    DELETE = "delete"
    REDEFINE = "redefine"
    RESOLVE = "resolve"


@dataclass(frozen=True, slots=True)
class Done:
    """Something was done by hand to a job, and committed. Resolving an incident is done to each job that was down."""

    at: float
    shown: float
    deed: Deed
    about: str
    job: Job | None = None
    """The job as it has been defined anew."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A human answered an incident. `until` on the wall clock, in seconds since the epoch of the simulation."""

    at: float
    incident: int
    kind: str
    by: str
    until: float
    meant: int | None
    """The occurrence that was meant; None: whichever it is."""
    found: int
    """The occurrence that it was at that moment."""
    outcome: str


@dataclass(frozen=True, slots=True)
class Outage:
    """When the database was away. While it hangs, nothing is refused before its end."""

    begins: float
    ends: float
    hanging: bool = False
    full: bool = False
    """Only writing fails."""


@dataclass(frozen=True, slots=True)
class Maintained:
    """Maintenance of whatever has these labels, in the loop's time."""

    begins: float
    ends: float
    match: Mapping[str, str]

    def about(self, labels: Mapping[str, str]) -> bool:
        """Whether it is about what has these labels."""
        return self.match.items() <= labels.items()


@dataclass(frozen=True, slots=True)
class Configured:
    """Who can be paged, by which policies, from a moment on. Rotations have their overrides."""

    at: float
    people: Mapping[str, Person]
    rotations: Mapping[str, Rotation]
    policies: Mapping[str, Policy]


@dataclass(frozen=True, slots=True)
class Assigned:
    """Somebody handed an incident to a person or a rotation. It was paged for as this occurrence from then on."""

    at: float
    incident: int
    occurrence: int
    to: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """Somebody wanted the next page of an incident now."""

    at: float
    incident: int


@dataclass(frozen=True, slots=True)
class SplitOff:
    """Jobs were taken out of an incident."""

    at: float
    source: int
    jobs: frozenset[str]


@dataclass(slots=True)
class Journal:
    """All of it."""

    pings: list[Sent] = field(default_factory=list)
    done: list[Done] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    resolved: set[int] = field(default_factory=set)
    """The incidents that somebody has ended."""
    faults: list[Fault] = field(default_factory=list)
    deaths: list[float] = field(default_factory=list)
    """When a process came to its end, of itself or not."""
    downtimes: list[Span] = field(default_factory=list)
    """When no process ran."""
    unanswered: list[Span] = field(default_factory=list)
    """When no answer to a ping reached its job."""
    outages: list[Outage] = field(default_factory=list)
    steps: list[tuple[float, float]] = field(default_factory=list)
    """When the wall clock was set, and by how much."""
    merged: dict[int, tuple[float, int]] = field(default_factory=dict)
    """When each merged incident went on in which other one."""
    splits: dict[int, SplitOff] = field(default_factory=dict)
    """From where the jobs of an incident came that was split off, by its number."""
    assigned: list[Assigned] = field(default_factory=list)
    wanted: list[Wanted] = field(default_factory=list)
    """Each time that somebody wanted a page now, also by handing an incident on, in order."""
    configured: list[Configured] = field(default_factory=list)
    """Each time that people, rotations or policies were edited, in order."""
    windows: dict[int, Maintained] = field(default_factory=dict)
    """Maintenance, by its number."""

    @property
    def stepped(self) -> float:
        """By how much the wall clock was set in all, back and forth."""
        return sum(abs(by) for _, by in self.steps)

    def withdraw(self, incident: int, shown: float) -> None:
        """Whatever was answered to an incident holds no longer."""
        self.answers = [
            replace(answer, until=min(answer.until, shown))
            if answer.incident == incident and answer.kind != "void"
            else answer
            for answer in self.answers
        ]

    def wants(self, incident: int, since: float, until: float) -> bool:
        """Whether somebody wanted a page of an incident now, at some time of these."""
        return any(one.incident == incident and since <= one.at <= until for one in self.wanted)

    def went_on_in(self, incident: int, job: str) -> set[int]:
        """Where what a job was down for in an incident may stand now: there, or wherever people have put it."""
        found: set[int] = set()
        fresh = {incident}
        while fresh:
            found |= fresh
            into = {self.merged[number][1] for number in fresh if number in self.merged}
            apart = {new for new, one in self.splits.items() if one.source in fresh and job in one.jobs}
            fresh = (into | apart) - found
        return found

    def taken_in(self, incident: int) -> set[int]:
        """The incidents that were merged into one, and those that were merged into these."""
        mine = {source for source, (_, target) in self.merged.items() if target == incident}
        return mine.union(*(self.taken_in(source) for source in mine))

    def maintained(self, labels: Mapping[str, str]) -> list[Span]:
        """When what has these labels was under maintenance, in order and apart."""
        return merged((one.begins, one.ends) for one in self.windows.values() if one.about(labels))

    def unable(self) -> list[Span]:
        """When the service could do nothing, in order and apart."""
        return merged([*self.downtimes, *((one.begins, one.ends) for one in self.outages)])

    def blind(self) -> list[Span]:
        """When no ping could be heard, in order and apart: also the moment of a death without a downtime."""
        return merged([*self.unable(), *((at, at + MOMENT) for at in self.deaths)])


def merged(spans: Iterable[Span]) -> list[Span]:
    """The same stretches of time, in order and apart."""
    found: list[Span] = []
    for begins, ends in sorted(spans):
        if found and begins <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], ends))
        elif begins < ends:
            found.append((begins, ends))
    return found


def without(spans: Iterable[Span], holes: Iterable[Span]) -> Iterator[Span]:
    """What is left of `spans` outside of `holes`."""
    gaps = merged(holes)
    for begins, ends in merged(spans):
        cursor = begins
        for hole_begins, hole_ends in gaps:
            if hole_ends <= cursor or hole_begins >= ends:
                continue
            if hole_begins > cursor:
                yield cursor, hole_begins
            cursor = max(cursor, hole_ends)
        if cursor < ends:
            yield cursor, ends


def overlap(groups: Iterable[Iterable[Span]]) -> list[Span]:
    """When something of every group holds at once; nothing where there is no group."""
    common: list[Span] | None = None
    for group in groups:
        spans = merged(group)
        common = (
            spans
            if common is None
            else [(max(a, c), min(b, d)) for a, b in common for c, d in spans if max(a, c) < min(b, d)]
        )
    return common or []


def settled(moment: float, needed: float, unable: Iterable[Span]) -> float:
    """When the service has had `needed` seconds on end to work since `moment`."""
    cursor = moment
    for begins, ends in merged(unable):
        if ends > cursor and begins < cursor + needed:
            cursor = ends
    return cursor + needed
