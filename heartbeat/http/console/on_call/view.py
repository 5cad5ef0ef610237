"""Who is on call, as people say it: policies step by step, people with their contacts and how these did. Pure."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from alerting import escalation, times
from alerting.desk import Attempt
from alerting.escalation import Policy
from alerting.origin import Origin
from alerting.person import OPERATOR, Contact, Person

DELIVERED = "accepted"
"""The outcome of an attempt that reached somebody."""
FAILED = {"refused": "refused", "unreachable": "not reached"}
"""The other outcomes, as people say them."""


@dataclass(frozen=True, slots=True)
class Reach:
    """One contact of a person, and how it did lately. `address` is None where it is a secret.

    `failed` is the newest attempt that failed, where none has been delivered since. `twin` is whether another contact
    of the person is of the same kind: what is known is then of both.
    """

    kind: str
    address: str | None
    delivered: Attempt | None
    failed: Attempt | None
    twin: bool

    @property
    def failure(self) -> str:
        """How it failed."""
        return FAILED.get(self.failed.outcome, self.failed.outcome) if self.failed else ""


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody who can be paged. `paged_by` names the policies that do."""

    person: Person
    reaches: Sequence[Reach]
    paged_by: Sequence[str]

    @property
    def declared(self) -> bool:
        """Whether the configuration file declares them."""
        return self.person.origin == Origin.FILE


@dataclass(frozen=True, slots=True)
class Stage:
    """One step of a policy. `gone` are names that nobody bears, or whom nothing reaches."""

    when: str
    people: Sequence[Person]
    gone: Sequence[str]

    @property
    def falls_through(self) -> bool:
        """Whether nobody of it can be reached, so that it goes to the service's own terminal."""
        return list(self.people) == [OPERATOR]


@dataclass(frozen=True, slots=True)
class Plan:
    """A policy. `checks` is how many page by it; `again` how often its last step repeats."""

    name: str
    default: bool
    declared: bool
    stages: Sequence[Stage]
    again: str
    checks: int


def member(
    person: Person,
    policies: Iterable[Policy],
    tried: Sequence[tuple[str, Attempt]],
    secret: Collection[Contact],
) -> Member:
    """Somebody, with what is known of their contacts. `tried` is newest first."""
    kinds = [one.kind for one in person.contacts]
    mine = [attempt for name, attempt in tried if name == person.id]
    reaches = [_reach(one, mine, one in secret, kinds.count(one.kind) > 1) for one in person.contacts]
    paged_by = [one.name for one in policies if person.id in one.targets]
    return Member(person, reaches, paged_by)


def plan(
    policy: Policy,
    people: Mapping[str, Person],
    now: datetime,
    default: str | None,
    checks: int,
) -> Plan:
    """A policy in words, with those whom it would page for an incident that began now."""
    stages, at = [], now
    for place, step in enumerate(policy.steps):
        when = f"{times.duration(policy.steps[place - 1].wait)} later" if place else "at once"
        gone = escalation.unreachable(step.targets, people, at)
        stages.append(Stage(when, escalation.recipients(step.targets, people, at), gone))
        at += step.wait
    again = times.duration(policy.steps[-1].wait)
    declared = policy.origin == Origin.FILE
    return Plan(policy.name, policy.name == default, declared, stages, again, checks)


def sentence(first: Plan | None) -> str:
    """Who is on call, by the default policy."""
    if first is None:
        return "Nobody is on call: there is no policy, so pages go only to the terminal of the service."
    if first.stages[0].falls_through:
        return "Nobody who is on call can be reached: pages go to the terminal of the service."
    names = _names(first.stages[0].people)
    return f"{names} {'is' if len(first.stages[0].people) == 1 else 'are'} on call."


def following(first: Plan | None) -> str:
    """What comes if nobody answers, by the default policy."""
    if first is None:
        return ""
    by = f"By {first.name}, the default policy"
    if len(first.stages) == 1:
        return f"{by}: paged again every {first.again} until somebody answers."
    after = first.stages[1]
    are = "is" if len(after.people) == 1 else "are"
    wait = after.when.removesuffix(" later")
    return f"{by}: unless somebody answers within {wait}, {_names(after.people)} {are} paged next."


def _reach(contact: Contact, mine: Sequence[Attempt], secret: bool, twin: bool) -> Reach:
    tried = [one for one in mine if one.via == contact.kind]
    delivered = next((one for one in tried if one.outcome == DELIVERED), None)
    failed = next((one for one in tried if one.outcome != DELIVERED), None)
    if delivered is not None and failed is not None and delivered.at >= failed.at:
        failed = None
    return Reach(contact.kind, None if secret else contact.address, delivered, failed, twin)


def _names(people: Sequence[Person]) -> str:
    names = [one.name for one in people]
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
