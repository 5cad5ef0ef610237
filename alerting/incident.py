"""The life of an incident. Pure.

An incident is open until its last symptom has cleared and stayed clear for a settling time, or until a human resolves
it. While it settles, it is *recovering*: symptoms that return continue it. While acknowledged or snoozed it is quiet,
and each quiet has an end. An *occurrence* is one stretch of paging. The end of a quiet, and trouble that is worse than
any that people were told of, begin the next occurrence, so that an old acknowledgement cannot silence it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from alerting.escalation import Policy
from alerting.round_robin import Turn
from alerting.severity import Severity

GATHERING = timedelta(seconds=10)
SETTLING = timedelta(minutes=2)
"""The time for which everything must be well before an incident is over. It doubles with each return."""
LONGEST_SETTLING = timedelta(hours=1)
BY_ITSELF = "recovery"
"""The value of `Incident.resolved_by` if nobody resolved it."""
EXPIRED = "the acknowledgement has expired"
SNOOZE_OVER = "the snooze is over"
"""The reasons of a page after a quiet."""
RETURNS_WITHIN = timedelta(hours=1)
"""Returns that are older than this no longer count."""


@dataclass(frozen=True, slots=True)
class Pace:
    """The times that an installation may set: to gather symptoms before a page, and to let a recovery settle."""

    gathering: timedelta = GATHERING
    settling: timedelta = SETTLING


MERGED = "merged"
"""The word for an incident that goes on in another one."""
SPLIT = "split "
"""The beginning of the cause keys of incidents that were split off others."""


class State(StrEnum):
    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    SNOOZED = "snoozed"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class Facts:
    """The facts about one symptom that a page tells beside its title. Instants are aware."""

    since: datetime
    expected_at: datetime | None = None
    last_heard_at: datetime | None = None
    began_at: datetime | None = None
    """The start of a run that takes too long."""
    last_well_at: datetime | None = None
    never_well: bool = False
    """True if it is certain that nothing ever succeeded before."""
    last_said: str = ""
    why: str = ""
    newest_at: datetime | None = None
    """The time of the fault that `why` tells, if it is not the one that turned it down at `since`."""
    evidence: str = ""
    """The values behind `why`, as sentences."""
    output: str = ""
    """The last lines of the job's output, where they are more than `last_said`."""
    earlier_cause: str = ""
    """The cause for which it was down before the present one, without being well in between."""
    earlier_at: datetime | None = None
    slug: str = ""
    uuid: str = ""
    repeats: str = ""
    """What is told beside the due time: "missed 2 runs in a row", "not finished by 06:00 UTC"."""
    labels: Mapping[str, str] = field(default_factory=dict)
    description: str = ""
    runbook: str = ""
    """A URL or a line on what to do."""
    parent: str = ""
    parent_well_since: datetime | None = None
    """The title of the symptom of which it is a consequence, and since when that is well again."""

    @property
    def why_at(self) -> datetime:
        """The time of what `why` tells."""
        return self.newest_at or self.since


@dataclass(frozen=True, slots=True)
class CauseWords:
    """The words of a cause: in a count ("4 of 11 jobs silent"), of a job ("is silent"), of the past ("was silent")."""

    word: str
    verb: str
    past: str

    @property
    def lasts(self) -> bool:
        """True if the cause is a state ("is silent"), false if it is an event ("failed")."""
        return self.verb.startswith("is ")

    @property
    def since(self) -> str:
        """The words between why it is so and its time: "exit status 1 at 03:07", "nobody is on call; noticed 03:07"."""
        return "; noticed" if self.lasts else " at"

    @property
    def alone(self) -> str:
        """What one job is or did: "silent", "ran badly"."""
        return self.word if self.lasts else self.verb


Describe = Callable[[str], CauseWords]
"""Returns the words of a cause. Only upstairs knows them."""


@dataclass(frozen=True, slots=True)
class Hold:
    """The end of the time in which a symptom pages nobody, and the reason: "maintenance Database move"."""

    until: datetime
    why: str


@dataclass(frozen=True, slots=True)
class Symptom:
    """One fault. `key` is opaque here ("check:12"); `cause_key` names the incident that it joins.

    A held symptom belongs to its incident like any other, but brings no page forward.
    """

    key: str
    cause_key: str
    incident_title: str
    title: str
    cause: str
    words: CauseWords
    severity: Severity
    policy: str | None
    facts: Facts
    hold: Hold | None = None
    installation: str | None = None
    """The name of the installation, for an incident that this symptom opens."""
    waits_for: str | None = None
    """The key of the symptom of which it is a consequence. It has the cause key of that one's incident, and a hold."""
    waited_for: str | None = None
    """The key of the symptom that it has waited for, if that is well. Until its hold ends it may be well too."""


@dataclass(frozen=True, slots=True)
class Wider:
    """What an open incident is about from now on, where its trouble has grown: its new cause key and title.

    It takes in the open incidents of the causes in `takes`, as far as nobody was told of them.
    """

    cause_key: str
    title: str
    takes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RaisedSymptom:
    """A symptom of an incident, as stored. It stays one row for the whole incident, however often it returns."""

    id: int
    incident_id: int
    key: str
    title: str
    cause: str
    severity: Severity
    facts: Facts
    raised_at: datetime
    cleared_at: datetime | None
    cleared_why: str | None
    held_until: datetime | None = None
    told: tuple[str, ...] = ()
    """The causes for which people were told that it is down; empty once they were told that it is back."""
    falls: tuple[datetime, ...] = ()
    """The times at which it fell down again in this incident, within the last hour."""
    waits_for: str | None = None
    waited_for: str | None = None
    """As in `Symptom`."""
    held_why: str = ""
    """The reason of its hold: "maintenance Database move"."""

    @property
    def standing(self) -> bool:
        """True if it has not cleared."""
        return self.cleared_at is None

    def held(self, now: datetime) -> bool:
        """Return whether it may page nobody yet."""
        return self.held_until is not None and self.held_until > now

    def waits(self, now: datetime) -> bool:
        """Return whether it stands as a consequence only: it does not keep its incident from recovering."""
        return self.standing and self.waits_for is not None and self.held(now)


@dataclass(frozen=True, slots=True)
class Standing:
    """The symptoms of an incident that have not cleared, summed up at one time."""

    count: int
    held: int
    """Those of them that page nobody yet."""
    severity: Severity
    """The worst of those that are not held; of all if all are held."""
    released_at: datetime | None
    """The time at which the first of the held ones may page."""

    @property
    def held_until(self) -> datetime | None:
        """The time before which nothing of it may page, if all of it is held."""
        return self.released_at if self.held == self.count else None


@dataclass(frozen=True, slots=True)
class Incident:
    """An incident, as stored. `next_at` is the time of its next page, or of the end of its quiet.

    While it is recovering, `settles_at` is the time at which it will be over, and `next_at` waits.
    """

    id: int
    cause_key: str
    title: str
    cause: str
    state: State
    severity: Severity
    occurrence: int
    policy: Policy
    step: int
    opened_at: datetime
    next_at: datetime | None
    tell_at: datetime | None = None
    told_at: datetime | None = None
    acknowledged_by: str | None = None
    acknowledged_at: datetime | None = None
    resolved_by: str | None = None
    resolved_at: datetime | None = None
    installation: str | None = None
    """The name of the installation when it opened, a part of its ids outside: see `outside`."""
    recovered_at: datetime | None = None
    """The time since which everything is well, while it is recovering and once it is over by itself."""
    settles_at: datetime | None = None
    falls: tuple[datetime, ...] = ()
    """The returns within the last hour of the symptom that has returned most often."""
    seen: Severity | None = None
    """The worst severity that people were told of, or saw when they answered."""
    merged_into: int | None = None
    """The incident in which it goes on, if somebody has merged it."""
    turns: tuple[Turn, ...] = ()
    """Whose turn it was in the steps of its policy that go round."""
    waits_until: datetime | None = None
    waits_for: str = ""
    """Its page is put off until then, as far as is known, and for what. If that is over, the page is due, or waits for
    quiet hours only. See `next_page`."""

    @property
    def recovering(self) -> bool:
        """True if everything is well, but not yet for long enough."""
        return self.settles_at is not None

    @property
    def is_split(self) -> bool:
        """True if people have split it off another one."""
        return self.cause_key.startswith(SPLIT)

    @property
    def put_off_until(self) -> datetime | None:
        """Until when its page is put off, as far as is known. None while it waits for somebody to wake only."""
        waits = self.waits_until is not None and self.next_at is not None and self.next_at <= self.waits_until
        return self.waits_until if waits else None

    @property
    def word(self) -> str:
        """The word for how it stands."""
        if self.merged_into is not None:
            return MERGED
        return "recovering" if self.recovering else self.state.value

    @property
    def untold(self) -> bool:
        """True while it gathers before its first page: nobody knows of it."""
        return self.state is State.OPEN and self.told_at is None and not self.recovering

    @property
    def ended_at(self) -> datetime | None:
        """The end of the trouble, once it is over: the recovery, or else the time at which somebody resolved it."""
        return (self.recovered_at or self.resolved_at) if self.state is State.RESOLVED else None


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of an incident's timeline."""

    incident_id: int
    at: datetime
    kind: str
    words: str
    by: str | None = None


@dataclass(frozen=True, slots=True)
class Reopened:
    """The quiet is over: the incident pages from the first step, as the next occurrence."""

    occurrence: int
    next_at: datetime
    reason: str


def ended(incident: Incident, by: str, now: datetime) -> Incident:
    """Return the incident as resolved, by a human or by recovery."""
    silent = replace(incident, next_at=None, tell_at=None, settles_at=None)
    return replace(silent, state=State.RESOLVED, resolved_by=by, resolved_at=now)


def recovering(incident: Incident, now: datetime, pace: Pace) -> Incident:
    """Return the incident after its last symptom has cleared. It is over unless something returns before it settles."""
    return replace(incident, recovered_at=now, settles_at=settles_at(incident.falls, now, pace))


def resumed(incident: Incident, now: datetime, pace: Pace) -> Incident:
    """Return the incident in trouble again, if it was recovering.

    Its policy is climbed by time in trouble. An interruption no longer than the settling time is trouble as well. A
    longer one puts the next page off by the rest.
    """
    if incident.settles_at is None:
        return incident
    well = max(now - (incident.recovered_at or now) - pace.settling, timedelta())
    next_at = incident.next_at
    # A page that is put off waits for a time on the clock.
    if next_at is not None and incident.state is State.OPEN and incident.waits_until is None:
        next_at = max(next_at + well, now)
    return replace(incident, next_at=next_at, recovered_at=None, settles_at=None)


def settles_at(falls: Sequence[datetime], well_since: datetime, pace: Pace) -> datetime:
    """Return the time at which a recovery counts: the settling time, doubled for each return within the last hour."""
    doubled: timedelta = pace.settling * 2 ** min(len(recent(falls, well_since)), 10)
    return well_since + min(doubled, max(LONGEST_SETTLING, pace.settling))


def recent(falls: Sequence[datetime], now: datetime) -> tuple[datetime, ...]:
    """Return the returns that still count."""
    return tuple(at for at in falls if now - at <= RETURNS_WITHIN)


def worst(*severities: Severity | None) -> Severity:
    """Return the worst of these severities. Raises ValueError if none is given."""
    return min((severity for severity in severities if severity is not None), key=lambda one: one.rank)


def worsened(incident: Incident) -> bool:
    """Return whether the incident is now worse than anything that people were told of it."""
    return incident.seen is not None and incident.severity.rank < incident.seen.rank


def pages_at(raised_at: datetime, held_until: datetime | None, gathering: timedelta) -> datetime:
    """Return the time to page for a symptom: after the gathering time, and not while it is held."""
    gathered = raised_at + gathering
    return gathered if held_until is None else max(gathered, held_until)


def first_page_at(symptoms: Iterable[RaisedSymptom], now: datetime, gathering: timedelta) -> datetime:
    """Return the time of an incident's first page: the earliest of its symptoms."""
    standing = [symptom for symptom in symptoms if symptom.standing]
    return max(now, min(pages_at(symptom.raised_at, symptom.held_until, gathering) for symptom in standing))


def waits(incident: Incident) -> bool:
    """Return whether the first page of this occurrence is still to come."""
    return incident.state is State.OPEN and incident.step == 0


def has_waited(incident: Incident, now: datetime) -> bool:
    """Return whether the wait of the next page is over: its time has come, or somebody wants it paged now.

    Whatever becomes of it in the second before it is paged, it waits no second time.
    """
    return incident.state is State.OPEN and incident.waits_until is not None and incident.waits_until <= now


def on_worse(incident: Incident, now: datetime) -> Reopened:
    """Return how an incident goes on that is worse than anything that people were told of it."""
    return Reopened(incident.occurrence + 1, now, f"it is {incident.severity.value} now")


def on_quiet_over(incident: Incident, now: datetime) -> Reopened:
    """Return how an incident goes on whose acknowledgement or snooze is over."""
    reason = EXPIRED if incident.state is State.ACKNOWLEDGED else SNOOZE_OVER
    return Reopened(incident.occurrence + 1, now, reason)
