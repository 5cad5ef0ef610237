"""The life of an incident. Pure.

An incident is open until its last symptom clears or a human resolves it. It is quiet while acknowledged or
snoozed, but never for ever: each quiet state has an end. An *occurrence* is one stretch of paging; whatever
ends the quiet begins the next occurrence, so that an old acknowledgement cannot silence it.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from alerting.escalation import Policy
from alerting.severity import Severity

ACKNOWLEDGED_FOR = timedelta(hours=4)
GATHERING = timedelta(seconds=10)
LONGEST_QUIET = timedelta(days=7)
"""How long an acknowledgement or a snooze may last at the most."""


class State(StrEnum):
    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    SNOOZED = "snoozed"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class Facts:
    """What the page tells about one symptom, beside its title. Instants are aware."""

    since: datetime
    expected_at: datetime | None = None
    last_heard_at: datetime | None = None
    began_at: datetime | None = None
    """When what goes on for too long began."""
    last_well_at: datetime | None = None
    never_well: bool = False
    """Whether it is known that there was never anything well before."""
    last_said: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class CauseWords:
    """How people speak of a cause: in a count ("4 of 11 jobs silent"), of a job ("is silent"), and afterwards."""

    word: str
    verb: str
    past: str


Describe = Callable[[str], CauseWords]
"""Gives the words of a cause, which only upstairs knows."""


@dataclass(frozen=True, slots=True)
class Hold:
    """Until when nobody is paged because of a symptom, and why in words: "maintenance Database move"."""

    until: datetime
    why: str


@dataclass(frozen=True, slots=True)
class Symptom:
    """One thing that is wrong. `key` is opaque here ("check:12"); `cause_key` says which incident it joins.

    A symptom that is held is in its incident like any other. It only brings no page forward while it is.
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


@dataclass(frozen=True, slots=True)
class RaisedSymptom:
    """A symptom as it stands in the books."""

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
    """An incident as it stands. `next_at` is when the next thing happens by itself."""

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
    """An answer to an incident: the incident after it, and as it was until then."""

    incident: Incident
    previous: Incident

    @property
    def repeated(self) -> bool:
        """Whether it was so already, and nothing was changed."""
        return self.incident == self.previous


@dataclass(frozen=True, slots=True)
class Acknowledged(_Answer):
    """It is quiet until `until`, by `by`."""

    by: str
    until: datetime
    waited: timedelta | None = None
    """Since the first page of this occurrence, where somebody had been paged."""


@dataclass(frozen=True, slots=True)
class Snoozed(_Answer):
    """It is quiet until `until`, by `by`."""

    by: str
    until: datetime


@dataclass(frozen=True, slots=True)
class Resolved(_Answer):
    """It is over. `keys` names the symptoms that had not cleared."""

    by: str
    keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Stale:
    """The word was about an earlier occurrence; the incident pages again and nothing was changed."""

    occurrence: int


@dataclass(frozen=True, slots=True)
class Missing:
    """There is no such incident."""


@dataclass(frozen=True, slots=True)
class Reopened:
    """The quiet is over: page afresh from the first step, as the next occurrence."""

    occurrence: int
    next_at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What upstairs knows of the group an incident is about, at the time of asking."""

    total: int = 1
    alive: int = 0
    newest_at: datetime | None = None
    others: tuple[str, ...] = field(default=())
    """What else is alive or not, in words: "eu-housekeeping 11 of 11 alive"."""


def acknowledge(
    incident: Incident, occurrence: int | None, by: str, now: datetime, until: datetime
) -> Acknowledged | Stale | Resolved:
    """A human answers. Of two the first counts; an answer to an earlier occurrence changes nothing.

    Raises ValueError where `until` is not within `LONGEST_QUIET` from `now`.
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
    after = replace(
        incident, state=State.ACKNOWLEDGED, acknowledged_by=by, acknowledged_at=now, next_at=until
    )
    return Acknowledged(by, until, incident=after, previous=incident)


def snooze(incident: Incident, by: str, now: datetime, until: datetime) -> Snoozed | Resolved:
    """A human wants quiet until then, when it pages again. An acknowledgement ends with it.

    Raises ValueError where `until` is not within `LONGEST_QUIET` from `now`.
    """
    _check_length("a snooze", until, now)
    if incident.state is State.RESOLVED:
        return _resolved_already(incident)
    after = replace(incident, state=State.SNOOZED, acknowledged_by=None, acknowledged_at=None, next_at=until)
    return Snoozed(by, until, incident=after, previous=incident)


def resolve(incident: Incident, by: str, now: datetime) -> Resolved:
    """A human ends it."""
    if incident.state is State.RESOLVED:
        return _resolved_already(incident)
    return Resolved(by, incident=ended(incident, by, now), previous=incident)


def ended(incident: Incident, by: str, now: datetime) -> Incident:
    """Return the incident as it is once it is over, by a human or by recovery."""
    return replace(
        incident, state=State.RESOLVED, next_at=None, tell_at=None, resolved_by=by, resolved_at=now
    )


def _check_length(quiet: str, until: datetime, now: datetime) -> None:
    if not now < until <= now + LONGEST_QUIET:
        raise ValueError(f"until: {quiet} must end after now and within {LONGEST_QUIET.days} days.")


def _resolved_already(incident: Incident) -> Resolved:
    return Resolved(incident.resolved_by or "", incident=incident, previous=incident)


def pages_at(raised_at: datetime, held_until: datetime | None, gathering: timedelta) -> datetime:
    """When a symptom wants its page: once what falls silent with it has gathered, and not while it is held."""
    gathered = raised_at + gathering
    return gathered if held_until is None else max(gathered, held_until)


def first_page_at(symptoms: Iterable[RaisedSymptom], now: datetime, gathering: timedelta) -> datetime:
    """When an incident pages that waits for its first page: as soon as one of its symptoms wants it."""
    standing = [one for one in symptoms if one.cleared_at is None]
    return max(now, min(pages_at(one.raised_at, one.held_until, gathering) for one in standing))


def news_at(
    symptoms: Iterable[RaisedSymptom], told_at: datetime, now: datetime, gathering: timedelta
) -> datetime:
    """When those who were paged hear what has joined since `told_at`."""
    fresh = [one for one in symptoms if one.cleared_at is None and one.raised_at > told_at]
    return max(now, min((pages_at(one.raised_at, one.held_until, gathering) for one in fresh), default=now))


def waits(incident: Incident) -> bool:
    """Whether its first page, or the first one since a quiet, is still to come."""
    return incident.state is State.OPEN and incident.step == 0


def on_join(incident: Incident, recurred: bool, held: bool, at: datetime) -> Reopened | None:
    """A symptom joins that wants its page at `at`. What had recovered and is back ends the quiet; what is new is
    told in the thread. What is held for longer than the quiet lasts does not end it."""
    if not recurred or incident.state not in (State.ACKNOWLEDGED, State.SNOOZED):
        return None
    if held and incident.next_at is not None and at >= incident.next_at:
        return None
    return Reopened(incident.occurrence + 1, at, "again after it had recovered")


def on_quiet_over(incident: Incident, now: datetime, held_until: datetime | None = None) -> Reopened:
    """An acknowledgement or a snooze has come to its end and the incident is still open.

    `held_until` is until when every symptom of it is held.
    """
    what = "the acknowledgement has expired" if incident.state is State.ACKNOWLEDGED else "the snooze is over"
    return Reopened(incident.occurrence + 1, max(now, held_until or now), what)
