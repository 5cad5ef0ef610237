"""The life of an incident. Pure.

An incident is open until its last symptom clears or a human resolves it. While acknowledged or snoozed it is quiet,
and each quiet has an end. An *occurrence* is one stretch of paging. The end of a quiet begins the next occurrence, so
that an old acknowledgement cannot silence it.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from alerting.escalation import Policy
from alerting.severity import Severity

ACKNOWLEDGED_FOR = timedelta(hours=4)
GATHERING = timedelta(seconds=10)
LONGEST_QUIET = timedelta(days=7)
"""The longest acknowledgement or snooze."""


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
    output: str = ""
    """The last lines of the job's output, where they are more than `last_said`."""
    earlier_cause: str = ""
    """The cause for which it was down before the present one, without being well in between."""
    earlier_at: datetime | None = None
    slug: str = ""
    uuid: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    description: str = ""
    runbook: str = ""
    """A URL or a line on what to do."""


@dataclass(frozen=True, slots=True)
class CauseWords:
    """The words of a cause: in a count ("4 of 11 jobs silent"), of a job ("is silent"), of the past ("was silent")."""

    word: str
    verb: str
    past: str


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


@dataclass(frozen=True, slots=True)
class RaisedSymptom:
    """A symptom of an incident, as stored."""

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


@dataclass(frozen=True, slots=True)
class Incident:
    """An incident, as stored. `next_at` is the time of its next action: a page, or the end of a quiet."""

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


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of an incident's timeline."""

    incident_id: int
    at: datetime
    kind: str
    words: str
    by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    """The outcome of an answer: the incident with it, and the incident as it was before."""

    incident: Incident
    previous: Incident

    @property
    def repeated(self) -> bool:
        """True if the answer changed nothing, because it was given already."""
        return self.incident == self.previous


@dataclass(frozen=True, slots=True)
class Acknowledged(_Answer):
    """Acknowledged by `by` until `until`."""

    by: str
    until: datetime
    waited: timedelta | None = None
    """The time since the first page of this occurrence, if somebody was paged."""


@dataclass(frozen=True, slots=True)
class Snoozed(_Answer):
    """Snoozed by `by` until `until`."""

    by: str
    until: datetime


@dataclass(frozen=True, slots=True)
class Resolved(_Answer):
    """Resolved by `by`. `keys` are the symptoms that had not cleared."""

    by: str
    keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Stale:
    """The answer was about an earlier occurrence. The incident pages again, and nothing was changed."""

    occurrence: int


@dataclass(frozen=True, slots=True)
class Missing:
    """No incident has this number."""


@dataclass(frozen=True, slots=True)
class Reopened:
    """The quiet is over: the incident pages from the first step, as the next occurrence."""

    occurrence: int
    next_at: datetime
    reason: str


def acknowledge(
    incident: Incident, occurrence: int | None, by: str, now: datetime, until: datetime
) -> Acknowledged | Stale | Resolved:
    """Acknowledge for a human. Of two answers the first counts; one to an earlier occurrence changes nothing.

    Raises ValueError unless `until` is within `LONGEST_QUIET` from `now`.
    """
    _check_length("an acknowledgement", until, now)
    if incident.state is State.RESOLVED:
        return _resolved_already(incident)
    if occurrence is not None and occurrence != incident.occurrence:
        return Stale(incident.occurrence)
    if incident.state is State.ACKNOWLEDGED and incident.next_at is not None:
        return Acknowledged(
            incident.acknowledged_by or "", incident.next_at, incident=incident, previous=incident
        )
    acknowledged = replace(
        incident, state=State.ACKNOWLEDGED, acknowledged_by=by, acknowledged_at=now, next_at=until
    )
    return Acknowledged(by, until, incident=acknowledged, previous=incident)


def snooze(incident: Incident, by: str, now: datetime, until: datetime) -> Snoozed | Resolved:
    """Snooze for a human until `until`, when the incident pages again. An acknowledgement ends with it.

    Raises ValueError unless `until` is within `LONGEST_QUIET` from `now`.
    """
    _check_length("a snooze", until, now)
    if incident.state is State.RESOLVED:
        return _resolved_already(incident)
    snoozed = replace(
        incident, state=State.SNOOZED, acknowledged_by=None, acknowledged_at=None, next_at=until
    )
    return Snoozed(by, until, incident=snoozed, previous=incident)


def resolve(incident: Incident, by: str, now: datetime) -> Resolved:
    """Resolve for a human."""
    if incident.state is State.RESOLVED:
        return _resolved_already(incident)
    return Resolved(by, incident=ended(incident, by, now), previous=incident)


def ended(incident: Incident, by: str, now: datetime) -> Incident:
    """Return the incident as resolved, by a human or by recovery."""
    return replace(
        incident, state=State.RESOLVED, next_at=None, tell_at=None, resolved_by=by, resolved_at=now
    )


def _check_length(quiet: str, until: datetime, now: datetime) -> None:
    if not now < until <= now + LONGEST_QUIET:
        raise ValueError(f"until: {quiet} must end after now and within {LONGEST_QUIET.days} days.")


def _resolved_already(incident: Incident) -> Resolved:
    return Resolved(incident.resolved_by or "", incident=incident, previous=incident)


def pages_at(raised_at: datetime, held_until: datetime | None, gathering: timedelta) -> datetime:
    """Return the time to page for a symptom: after the gathering time, and not while it is held."""
    gathered = raised_at + gathering
    return gathered if held_until is None else max(gathered, held_until)


def first_page_at(symptoms: Iterable[RaisedSymptom], now: datetime, gathering: timedelta) -> datetime:
    """Return the time of an incident's first page: the earliest of its symptoms."""
    raised = [symptom for symptom in symptoms if symptom.cleared_at is None]
    return max(now, min(pages_at(symptom.raised_at, symptom.held_until, gathering) for symptom in raised))


def news_at(
    symptoms: Iterable[RaisedSymptom], told_at: datetime, now: datetime, gathering: timedelta
) -> datetime:
    """Return the time to tell the people who were paged of the symptoms that joined after `told_at`."""
    joined = [symptom for symptom in symptoms if symptom.cleared_at is None and symptom.raised_at > told_at]
    times = [pages_at(symptom.raised_at, symptom.held_until, gathering) for symptom in joined]
    return max(now, min(times, default=now))


def waits(incident: Incident) -> bool:
    """Return whether the first page of this occurrence is still to come."""
    return incident.state is State.OPEN and incident.step == 0


def on_join(incident: Incident, recurred: bool, held: bool, at: datetime) -> Reopened | None:
    """Return the end of the quiet if a joining symptom ends it; the symptom pages at `at`.

    A symptom that recurs after a recovery ends the quiet; a new one is told in the thread. A symptom that is held for
    longer than the quiet lasts does not end it.
    """
    if not recurred or incident.state not in (State.ACKNOWLEDGED, State.SNOOZED):
        return None
    if held and incident.next_at is not None and at >= incident.next_at:
        return None
    return Reopened(incident.occurrence + 1, at, "again after it had recovered")


def on_quiet_over(incident: Incident, now: datetime, held_until: datetime | None = None) -> Reopened:
    """Return how an incident goes on whose acknowledgement or snooze is over.

    `held_until` is the time at which the hold of its symptoms ends, if all of them are held.
    """
    reason = (
        "the acknowledgement has expired" if incident.state is State.ACKNOWLEDGED else "the snooze is over"
    )
    return Reopened(incident.occurrence + 1, max(now, held_until or now), reason)
