"""An incident handed on: somebody asks for the next person at once. Pure."""

from dataclasses import dataclass, replace
from datetime import datetime

from alerting.answer import Resolved
from alerting.incident import Incident, State


@dataclass(frozen=True, slots=True)
class HandedOn:
    """`by` has asked that the next step of the policy be paged now. An acknowledgement or a snooze ends with it."""

    by: str
    incident: Incident
    previous: Incident

    @property
    def repeated(self) -> bool:
        """True if the next step was due already."""
        return self.incident == self.previous


@dataclass(frozen=True, slots=True)
class AllWell:
    """Everything that the incident is about is well: nobody is paged, and nothing was changed."""


def hand_on(incident: Incident, by: str, now: datetime) -> HandedOn | Resolved | AllWell:
    """Make the next step due at once. The occurrence and the place in the policy stay."""
    if incident.state is State.RESOLVED:
        return Resolved(incident.resolved_by or "", incident=incident, previous=incident)
    if incident.recovering:
        return AllWell()
    if incident.state is State.OPEN and incident.next_at is not None and incident.next_at <= now:
        return HandedOn(by, incident, incident)
    open_ = replace(incident, state=State.OPEN, acknowledged_by=None, acknowledged_at=None, next_at=now)
    return HandedOn(by, open_, incident)
