"""Incidents that people put together or take apart. Pure.

A merged incident is over, and what stands in it goes on in another one, by the rules of that one: its quiet, its step,
its people. A split makes an incident of its own of some symptoms, which pages from the first step of the policy.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from alerting import grouping, times
from alerting import incident as life
from alerting.incident import Incident, Pace, RaisedSymptom, State

NAMED = 20
"""Symptoms that a line of a timeline names."""
_WENT = re.compile(r"(?:merged into|moved to) incident (\d+) by ")


@dataclass(frozen=True, slots=True)
class Merged:
    """`source` is over, and part of `target`. `moved` stand, `settling` are well and may yet return."""

    by: str
    source: Incident
    previous: Incident
    target: Incident
    moved: Sequence[RaisedSymptom] = ()
    settling: Sequence[RaisedSymptom] = ()

    @property
    def repeated(self) -> bool:
        """True if it was merged already."""
        return self.source == self.previous

    @property
    def words(self) -> str:
        """What became of the source."""
        return f"merged into incident {self.target.id} by {self.by}"


@dataclass(frozen=True, slots=True)
class Split:
    """`moved` leave an incident for `new`, which has no number yet."""

    by: str
    new: Incident
    moved: Sequence[RaisedSymptom]

    def words(self, number: int) -> str:
        """What became of those that moved, once `new` has this number."""
        return f"moved to incident {number} by {self.by}"


@dataclass(frozen=True, slots=True)
class Unmergeable:
    """It cannot be done, for this reason. Nothing was changed."""

    why: str


def merge(
    source: Incident,
    target: Incident,
    symptoms: Sequence[RaisedSymptom],
    by: str,
    now: datetime,
    pace: Pace,
) -> Merged | Unmergeable:
    """Put the source, with these symptoms, into the target. Both must page by the same policy."""
    if source.merged_into == target.id:
        return Merged(by, source, source, target)
    if fault := _fault(source, target):
        return Unmergeable(fault)
    newest = {symptom.key: symptom for symptom in symptoms}.values()
    moved = [symptom for symptom in newest if symptom.standing]
    settling = [symptom for symptom in newest if grouping.home(symptom, source, now, pace)]
    for symptom in moved:
        target = grouping.taking(target, symptom, now, pace)
    over = replace(life.ended(source, by, now), merged_into=target.id)
    return Merged(by, over, source, target, moved, settling)


def split(
    incident: Incident,
    symptoms: Sequence[RaisedSymptom],
    keys: Collection[str],
    by: str,
    now: datetime,
    pace: Pace,
) -> Split | Unmergeable:
    """Take the standing symptoms of these keys out of an incident that goes on with the others."""
    standing = [symptom for symptom in symptoms if symptom.standing]
    moved = [symptom for symptom in standing if symptom.key in keys]
    if incident.state is State.RESOLVED:
        return Unmergeable(f"incident {incident.id} is over.")
    if not moved or len(moved) < len(set(keys)):
        return Unmergeable("only jobs that are down in this incident can be split off.")
    if len(moved) == len(standing):
        return Unmergeable("at least one job that is down must stay in the incident.")
    first = moved[0]
    own = tuple(step for step in incident.policy.steps if not step.assigned)
    new = Incident(
        id=0,
        # What comes next with the old key belongs to the old incident.
        cause_key=f"{life.SPLIT}{first.id} of {incident.cause_key}",
        title=incident.title,
        cause=first.cause,
        state=State.OPEN,
        severity=life.worst(*(symptom.severity for symptom in moved)),
        occurrence=1,
        policy=replace(incident.policy, steps=own),
        step=0,
        opened_at=now,
        next_at=life.first_page_at(moved, now, pace.gathering),
        installation=incident.installation,
    )
    return Split(by, new, moved)


def went_to(symptom: RaisedSymptom) -> int | None:
    """Return the incident to which a merge or a split moved a symptom out of its own. None if it was not moved."""
    went = _WENT.match(symptom.cleared_why or "")
    return int(went[1]) if went else None


def titles(symptoms: Sequence[RaisedSymptom]) -> str:
    """Return symptoms in words, for a timeline."""
    named = [symptom.title for symptom in symptoms[:NAMED]]
    more = len(symptoms) - NAMED
    return times.names([*named, *([f"{more:,} more"] if more > 0 else [])]) if named else "nothing is down"


def _fault(source: Incident, target: Incident) -> str:
    if source.id == target.id:
        return "an incident cannot be merged into itself."
    for incident in (source, target):
        if incident.state is State.RESOLVED:
            return f"incident {incident.id} is over."
    if source.policy.name != target.policy.name:
        return (
            f"incident {source.id} pages by the policy {source.policy.name}, and incident {target.id} by "
            f"{target.policy.name}. Only incidents of one policy can be merged, so that each policy is paged."
        )
    return ""
