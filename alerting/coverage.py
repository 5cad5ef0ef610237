"""Coverage: the times of the coming days at which a page of a policy would reach no human. Pure.

A human is reached if somebody on call by any step has a contact that is proven: they have said lately that a page
arrived there. A proof ends, as a shift does. What a page would do is asked at every instant at which the answer may
change.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise

from alerting import escalation, rotation, times
from alerting.crew import Crew
from alerting.escalation import Policy
from alerting.person import Person
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
    found: list[Gap] = []
    for edge, following in pairwise(edges(policy, crew, proofs, start, end)):
        people = _on_call(policy, crew, edge)
        lack = _lack(people, proofs, edge)
        if lack is None:
            continue
        until = following if following < end else None
        gap = Gap(policy.name, edge, until, lack, tuple(person.name for person in people))
        if found and found[-1] == replace(gap, start=found[-1].start, end=edge):
            gap = replace(gap, start=found.pop().start)
        found.append(gap)
    return found


def edges(
    policy: Policy, crew: Crew, proofs: Mapping[Marked, Proof], start: datetime, end: datetime
) -> list[datetime]:
    """Return the instants of a span at which the answer may change, its own two among them."""
    found = {start, end}
    for target in policy.targets:
        if target in crew.rotations:
            found.update(shift.start for shift in rotation.shifts(crew.rotations[target], start, end))
    for only in (step.only for step in policy.steps):
        for opening in rotation.openings(only.windows, start, end, times.zone(only.timezone)):
            found.update(opening)
    paged = {name for target in policy.targets for name in crew.members_of(target)}
    found.update(proof.until for (name, _), proof in proofs.items() if name in paged and proof.until)
    return sorted(edge for edge in found if start <= edge <= end)


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
    same_day = last.date() == start.astimezone(zone).date()
    return f"{first} to {last:%H:%M} {name}" if same_day else f"{first} to {last:%a %d %b %H:%M} {name}"


def _on_call(policy: Policy, crew: Crew, at: datetime) -> list[Person]:
    """Return everybody whom a policy would page at an instant for what is critical, each once. A channel is nobody."""
    steps = [step for step in policy.steps if step.only.holds(Severity.CRITICAL, at)]
    targets = (target for step in steps for target in step.targets)
    everybody = (person for target in targets for person in escalation.on_call(target, crew, at))
    return list(dict.fromkeys(person for person in everybody if not person.channel))


def _lack(people: Sequence[Person], proofs: Mapping[Marked, Proof], at: datetime) -> Lack | None:
    if not people:
        return Lack.NOBODY
    contacts = [(person.id, contact.mark) for person in people for contact in person.contacts]
    if not contacts:
        return Lack.NO_CONTACT
    proven = any(marked in proofs and proofs[marked].holds(at) for marked in contacts)
    return None if proven else Lack.UNPROVEN
