"""An incident handed on: to the next person, to another one, or back to the first step of its policy. Pure."""

from dataclasses import dataclass, replace
from datetime import datetime

from alerting import escalation, grouping
from alerting import incident as life
from alerting.answer import Resolved
from alerting.escalation import Target
from alerting.incident import Incident, Reopened, State


@dataclass(frozen=True, slots=True)
class _Handover:
    """`by` wants somebody paged now. An acknowledgement or a snooze ends with it."""

    by: str
    incident: Incident
    previous: Incident

    @property
    def repeated(self) -> bool:
        """True if it was so already."""
        return self.incident == self.previous


@dataclass(frozen=True, slots=True)
class HandedOn(_Handover):
    """The next step of the policy is paged now."""


@dataclass(frozen=True, slots=True)
class Withdrawn(_Handover):
    """The acknowledgement or the snooze is withdrawn. It pages again from the first step."""

    @property
    def words(self) -> str:
        """What was withdrawn: "Ben withdrew the acknowledgement of Anna"."""
        if self.previous.state is State.SNOOZED:
            return f"{self.by} ended the snooze"
        whose = self.previous.acknowledged_by
        return f"{self.by} withdrew the acknowledgement{'' if whose == self.by else f' of {whose}'}"


@dataclass(frozen=True, slots=True)
class Reassigned(_Handover):
    """The target `to` is paged now. If nobody answers, the policy follows from its first step."""

    to: Target


@dataclass(frozen=True, slots=True)
class AllWell:
    """Everything that the incident is about is well: nobody is paged, and nothing was changed."""


@dataclass(frozen=True, slots=True)
class Nobody:
    """The target means nobody who can be paged. Nothing was changed."""

    to: Target

    @property
    def why(self) -> str:
        """The reason in one sentence."""
        return f"nobody can be paged as {self.to}: the name is unknown, or has no contact."


def hand_on(
    incident: Incident, by: str, now: datetime, step: int | None = None
) -> HandedOn | Resolved | AllWell:
    """Make the next step due at once, or the one at count `step`. The occurrence stays."""
    if incident.state is State.RESOLVED:
        return Resolved(incident.resolved_by or "", incident=incident, previous=incident)
    if incident.recovering:
        return AllWell()
    if _is_wanted(incident, now):
        return HandedOn(by, incident, incident)
    open_ = replace(incident, state=State.OPEN, acknowledged_by=None, acknowledged_at=None, next_at=now)
    # Somebody wants it paged now, also outside of working hours.
    open_ = replace(open_, waits_until=now, waits_for="")
    if step is not None:
        open_ = replace(open_, step=step)
    return HandedOn(by, open_, incident)


def withdraw(incident: Incident, by: str, now: datetime) -> Withdrawn | Resolved:
    """Withdraw an acknowledgement or a snooze, as if it had expired: the next occurrence begins at the first step.

    So a late repetition of the answer that was withdrawn answers an earlier occurrence, and silences nothing.
    """
    if incident.state is State.RESOLVED:
        return Resolved(incident.resolved_by or "", incident=incident, previous=incident)
    if incident.state is State.OPEN:
        return Withdrawn(by, incident, incident)
    return Withdrawn(by, _from_the_first_step(incident, now), incident)


def reassign(incident: Incident, to: Target, by: str, now: datetime) -> Reassigned | Resolved | AllWell:
    """Page the target `to` now, before the first step of the policy, which follows if nobody answers."""
    if incident.state is State.RESOLVED:
        return Resolved(incident.resolved_by or "", incident=incident, previous=incident)
    if incident.recovering:
        return AllWell()
    policy = escalation.led_by(incident.policy, to)
    is_paged = incident.state is State.OPEN and incident.step == 1
    if policy == incident.policy and (is_paged or (incident.step == 0 and life.has_waited(incident, now))):
        return Reassigned(by, incident, incident, to)
    first = _from_the_first_step(incident, now)
    # Somebody wants it paged now, also outside of working hours.
    return Reassigned(by, replace(first, policy=policy, waits_until=now), incident, to)


def _is_wanted(incident: Incident, now: datetime) -> bool:
    """Return whether somebody wants its next page now, which has not been looked at yet.

    That it is due is not enough: working hours or quiet hours may put it off.
    """
    return life.has_waited(incident, now) and incident.next_at is not None and incident.next_at <= now


def _from_the_first_step(incident: Incident, now: datetime) -> Incident:
    return grouping.reopened(incident, Reopened(incident.occurrence + 1, now, ""))
