"""Coverage: the times of the coming days at which a page of a policy would reach no human. Pure.

A human is reached if somebody on call by any step has a contact that is proven: they have said lately that a page
arrived there. A step that goes round, and is not the last one, pages one person alone, so all of them need a proof.
Where no step reaches anybody, the people of the catch-all count. A proof ends, as a shift does. What a page would do is
asked at every instant at which the answer may change.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise

from alerting import escalation, rotation, times
from alerting.crew import Crew
from alerting.escalation import Policy
from alerting.person import OPERATOR, Person
from alerting.proof import Marked, Proof
from alerting.severity import Severity

AHEAD = timedelta(days=14)
"""The time that is looked at, from now on."""
NAMED = 5
"""People of a gap that are named."""


class Lack(StrEnum):
    """The reason why nobody is reached, the worst first."""

    NOBODY = "nobody is on call"
    NO_CONTACT = "nobody on call has a contact"
    UNPROVEN = "nobody on call has a proven contact"


@dataclass(frozen=True, slots=True)
class Gap:
    """A span in which a page by a policy reaches no human. `people` are on call all the same, by name.

    `end` is None if it goes on beyond the time that was looked at.
    """

    policy: str
    start: datetime
    end: datetime | None
    lack: Lack
    people: tuple[str, ...] = ()


def gaps(
    policy: Policy, crew: Crew, proofs: Mapping[Marked, Proof], start: datetime, end: datetime
) -> list[Gap]:
    """Return the gaps of a policy from `start` until `end`, in their order."""
    gaps_: list[Gap] = []
    for edge, following in pairwise(edges(policy, crew, proofs, start, end)):
        steps = _steps(policy, crew, edge)
        people = _people(steps)
        lack = _lack(steps, proofs, edge)
        if lack is None:
            continue
        until = following if following < end else None
        gap = Gap(policy.name, edge, until, lack, tuple(person.name for person in people))
        if gaps_ and gaps_[-1] == replace(gap, start=gaps_[-1].start, end=edge):
            gap = replace(gap, start=gaps_.pop().start)
        gaps_.append(gap)
    return gaps_


def edges(
    policy: Policy, crew: Crew, proofs: Mapping[Marked, Proof], start: datetime, end: datetime
) -> list[datetime]:
    """Return the instants of a span at which the answer may change, its own two among them."""
    instants = {start, end}
    for target in (*policy.targets, *crew.catch_all):
        if target in crew.rotations:
            instants.update(shift.start for shift in rotation.shifts(crew.rotations[target], start, end))
    for only in (step.only for step in policy.steps):
        for opening in rotation.openings(only.windows, start, end, times.zone(only.timezone)):
            instants.update(opening)
    targets = [*policy.targets, *crew.catch_all]
    paged = {name for target in targets for name in crew.members_of(target)}
    instants.update(at for leave in crew.leaves if leave.off in paged for at in (leave.start, leave.end))
    instants.update(proof.until for (name, _), proof in proofs.items() if name in paged and proof.until)
    return sorted(edge for edge in instants if start <= edge <= end)


def sentence(gap: Gap, now: datetime, timezone: str) -> str:
    """Return one gap in words."""
    people = gap.people[:NAMED]
    on_call = f" ({times.names(people)})" if people else ""
    return f"{span(gap.start, gap.end, now, timezone)}: {gap.lack.value}{on_call}"


def span(start: datetime, end: datetime | None, now: datetime, timezone: str) -> str:
    """Return a span in words: "Fri 04 Dec 09:00 to 17:00 CET", "now until Sat 05 Dec 09:00 CET", "from now on"."""
    zone, name = times.zone(timezone), times.zone_name(end or start, timezone)
    first = f"{start.astimezone(zone):%a %d %b %H:%M}"
    if end is None:
        return "from now on" if start <= now else f"from {first} {name} on"
    last = end.astimezone(zone)
    if start <= now:
        return f"now until {last:%a %d %b %H:%M} {name}"
    if (began := times.zone_name(start, timezone)) != name:
        first += f" {began}"
    same_day = last.date() == start.astimezone(zone).date()
    return f"{first} to {last:%H:%M} {name}" if same_day else f"{first} to {last:%a %d %b %H:%M} {name}"


_Step = list[list[Person]]
"""The groups of people of a step: one if they are paged together, several if only one of the groups is paged."""


def _steps(policy: Policy, crew: Crew, at: datetime) -> list[_Step]:
    """Return the people whom each step would page at an instant for what is critical. A channel is nobody."""
    steps = []
    for place, step in enumerate(policy.steps):
        if not step.only.holds(Severity.CRITICAL, at):
            continue
        one_alone = step.round_robin and place < len(policy.steps) - 1
        targets = escalation.present(step, crew, at) if step.round_robin else step.targets
        people = [escalation.on_call(target, crew, at) for target in targets]
        humans = [[person for person in each if not person.channel] for each in people]
        whole = [person for each in humans for person in each]
        steps.append(humans if one_alone else [whole])
    if not any(escalation.reaches(step, crew, at) for step in policy.steps):
        last = escalation.last_resort(crew, at)
        steps.append([[person for person in last if not person.channel and person != OPERATOR]])
    return steps


def _people(steps: Sequence[_Step]) -> list[Person]:
    """Return everybody, each once."""
    return list(dict.fromkeys(person for step in steps for group in step for person in group))


def _lack(steps: Sequence[_Step], proofs: Mapping[Marked, Proof], at: datetime) -> Lack | None:
    people = _people(steps)
    if not people:
        return Lack.NOBODY
    if not any(person.contacts for person in people):
        return Lack.NO_CONTACT

    def proven(group: list[Person]) -> bool:
        marks = ((person.id, contact.mark) for person in group for contact in person.contacts)
        return any(mark in proofs and proofs[mark].holds(at) for mark in marks)

    reached = any(step and all(map(proven, step)) for step in steps)
    return None if reached else Lack.UNPROVEN
