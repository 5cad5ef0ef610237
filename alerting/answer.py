"""Answers of humans to an incident: acknowledge, take over, snooze, resolve. Pure."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from alerting.incident import Incident, State, ended, worst

ACKNOWLEDGED_FOR = timedelta(hours=4)
LONGEST_QUIET = timedelta(days=7)
"""The longest acknowledgement or snooze."""


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

    @property
    def taken_from(self) -> str:
        """The name of the person who had it until then. Empty if nobody had."""
        return "" if self.repeated else self.previous.acknowledged_by or ""


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
    return _acknowledged(incident, by, now, until)


def take_over(
    incident: Incident, occurrence: int | None, by: str, now: datetime, until: datetime
) -> Acknowledged | Stale | Resolved:
    """Acknowledge for a human, also in place of whoever has it. It changes nothing if they have it already.

    Raises ValueError unless `until` is within `LONGEST_QUIET` from `now`.
    """
    theirs = incident.state is State.ACKNOWLEDGED and incident.acknowledged_by != by
    if not theirs:
        return acknowledge(incident, occurrence, by, now, until)
    _check_length("an acknowledgement", until, now)
    if occurrence is not None and occurrence != incident.occurrence:
        return Stale(incident.occurrence)
    return _acknowledged(incident, by, now, until)


def snooze(incident: Incident, by: str, now: datetime, until: datetime) -> Snoozed | Resolved:
    """Snooze for a human until `until`, when the incident pages again. An acknowledgement ends with it.

    Raises ValueError unless `until` is within `LONGEST_QUIET` from `now`.
    """
    _check_length("a snooze", until, now)
    if incident.state is State.RESOLVED:
        return _resolved_already(incident)
    snoozed = replace(
        incident,
        state=State.SNOOZED,
        acknowledged_by=None,
        acknowledged_at=None,
        next_at=until,
        seen=worst(incident.seen, incident.severity),
    )
    return Snoozed(by, until, incident=snoozed, previous=incident)


def resolve(incident: Incident, by: str, now: datetime) -> Resolved:
    """Resolve for a human."""
    if incident.state is State.RESOLVED:
        return _resolved_already(incident)
    return Resolved(by, incident=ended(incident, by, now), previous=incident)


def _acknowledged(incident: Incident, by: str, now: datetime, until: datetime) -> Acknowledged:
    acknowledged = replace(
        incident,
        state=State.ACKNOWLEDGED,
        acknowledged_by=by,
        acknowledged_at=now,
        next_at=until,
        seen=worst(incident.seen, incident.severity),
    )
    return Acknowledged(by, until, incident=acknowledged, previous=incident)


def _check_length(quiet: str, until: datetime, now: datetime) -> None:
    if not now < until <= now + LONGEST_QUIET:
        raise ValueError(f"until: {quiet} must end after now and within {LONGEST_QUIET.days} days.")


def _resolved_already(incident: Incident) -> Resolved:
    return Resolved(incident.resolved_by or "", incident=incident, previous=incident)
