"""The roster, as people say it: policies step by step, people with their contacts and deliveries. Pure."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from alerting import escalation, times
from alerting.contact_code import Code
from alerting.crew import CatchAll, Crew
from alerting.desk import NO_PROOF, Attempt, Device, Proof
from alerting.escalation import Policy
from alerting.origin import Origin
from alerting.person import OPERATOR, Contact, Person
from heartbeat import verification
from heartbeat.definitions import rotations

DELIVERED = "accepted"
"""The outcome of an attempt that reached somebody."""
REFUSED = "refused"
"""The outcome of an attempt that no later one to the same contact repairs."""
NO_CODES: Mapping[str, Code] = {}
FAILED = {REFUSED: "refused", "unreachable": "not reached"}
"""The other outcomes, as people say them."""


@dataclass(frozen=True, slots=True)
class ContactDeliveries:
    """A contact of a person and its last deliveries. `address` is None if it is secret, `after` if it has no time.

    `failed` is the newest failed attempt, unless one was delivered since. Contacts of one kind are told apart. `device`
    is set if the person has added it themself.
    """

    kind: str
    address: str | None
    delivered: Attempt | None
    failed: Attempt | None
    proof: Proof = NO_PROOF
    after: str = ""
    device: Device | None = None
    mark: str = ""
    """The contact's mark, by which forms name it. Empty if no code can be sent there."""
    code: Code | None = None
    """The last code of the last hour that was sent there."""

    @property
    def failure(self) -> str:
        """The word for the failure."""
        return FAILED.get(self.failed.outcome, self.failed.outcome) if self.failed else ""


@dataclass(frozen=True, slots=True)
class Member:
    """A person who can be paged. `paged_by` names their policies; `warned` are the contacts for warnings."""

    person: Person
    reaches: Sequence[ContactDeliveries]
    paged_by: Sequence[str]
    warned: Sequence[ContactDeliveries] = ()
    unproven: Sequence[str] = ()
    """The kinds of the contacts without a proof that a page arrives, or with an old one."""
    in_catch_all: bool = False
    failing: Sequence[tuple[str, datetime]] = ()
    """Their notifiers that fail for everybody, and since when, where that is looked up."""

    @property
    def declared(self) -> bool:
        """True if the configuration file declares the person."""
        return self.person.origin == Origin.FILE


@dataclass(frozen=True, slots=True)
class Refusal:
    """A person whose every contact refused what was sent there last: `at` is the newest of these times."""

    person: Person
    kinds: Sequence[str]
    at: datetime


NOTHING_REFUSED: Mapping[str, Refusal] = {}


@dataclass(frozen=True, slots=True)
class StepView:
    """A step of a policy. `unreached` are the targets that mean nobody, each with why."""

    when: str
    people: Sequence[Person]
    unreached: Sequence[str]
    round_robin: bool = False
    only: str = ""
    """What it is meant for, in words; empty if for every incident."""
    reaches: bool = True
    refusals: Sequence[Refusal] = ()
    """Those of its people whose contacts refuse what is sent there."""

    @property
    def falls_through(self) -> bool:
        """True if nobody can be reached, so that the step falls through to another one."""
        return not self.reaches


@dataclass(frozen=True, slots=True)
class PolicyView:
    """A policy. `checks` counts the checks that page by it; its last step repeats every `repeats_every`."""

    name: str
    default: bool
    declared: bool
    stages: Sequence[StepView]
    repeats_every: str
    checks: int
    warnings_wait_for: str = ""
    """Working hours in words, empty if nothing waits for them."""

    @property
    def reaches(self) -> bool:
        """True if a step reaches somebody, so that the catch-all is not needed."""
        return any(stage.reaches for stage in self.stages)


@dataclass(frozen=True, slots=True)
class CatchAllView:
    """The catch-all: its names, and the people whom it pages now. `unreached` are the names that mean nobody."""

    names: Sequence[str]
    people: Sequence[Person]
    unreached: Sequence[str]
    declared: bool

    @property
    def is_terminal(self) -> bool:
        """True if only the terminal of the service is paged."""
        return list(self.people) == [OPERATOR]


def member(
    person: Person,
    policies: Iterable[Policy],
    crew: Crew,
    tried: Sequence[tuple[str, Attempt]],
    secret: Collection[Contact],
    proofs: Mapping[tuple[str, str], Proof],
    now: datetime,
    devices: Iterable[Device] = (),
    codes: Mapping[str, Code] = NO_CODES,
) -> Member:
    """Return a person with the deliveries to their contacts. `tried` is newest first, `codes` are by mark."""
    by_contact = {device.contact: device for device in devices}
    kinds = [contact.kind for contact in person.all_contacts]
    mine = [attempt for name, attempt in tried if name == person.id]

    def listed(contacts: Iterable[Contact]) -> list[ContactDeliveries]:
        return [
            replace(
                _reach(contact, mine, contact in secret, kinds.count(contact.kind) > 1),
                proof=proofs.get((person.id, contact.mark), NO_PROOF),
                after="" if contact.after is None else times.duration(contact.after),
                device=by_contact.get(contact),
                mark=contact.mark if verification.takes_codes(contact.kind) else "",
                code=codes.get(contact.mark),
            )
            for contact in contacts
        ]

    unproven = [reach.kind for reach in listed(person.all_contacts) if not reach.proof.holds(now)]
    targets = crew.targets_of(person.id)
    paged_by = [policy.name for policy in policies if not targets.isdisjoint(policy.targets)]
    warned = listed(person.warnings)
    caught = not targets.isdisjoint(crew.catch_all)
    return Member(person, listed(person.contacts), paged_by, warned, unproven, caught)


def refusals(
    crew: Crew, tried: Sequence[tuple[str, Attempt]], proofs: Mapping[tuple[str, str], Proof]
) -> dict[str, Refusal]:
    """Return the people whose every contact refused what was sent there last, by name. `tried` is newest first."""
    tests = ((name, proof.outcome) for (name, _), proof in proofs.items())
    suspects = {
        name
        for name, outcome in (*((name, one.outcome) for name, one in tried), *tests)
        if outcome == REFUSED
    }
    refused: dict[str, Refusal] = {}
    for person in (crew.people[name] for name in suspects if name in crew.people):
        mine = [attempt for name, attempt in tried if name == person.id]
        times_ = [
            _refused_at(contact, mine, proofs.get((person.id, contact.mark), NO_PROOF))
            for contact in person.contacts
        ]
        known = [at for at in times_ if at is not None]
        if known and len(known) == len(times_):
            kinds = list(dict.fromkeys(contact.kind for contact in person.contacts))
            refused[person.id] = Refusal(person, kinds, max(known))
    return refused


def _refused_at(contact: Contact, mine: Sequence[Attempt], proof: Proof) -> datetime | None:
    """Return when a contact refused what was sent there last: a page, or a test page. None if it did not."""
    last = next(((one.at, one.outcome) for one in mine if one.contact_mark == contact.mark), None)
    outcomes = [(proof.sent_at, proof.outcome), (proof.proven_at, DELIVERED), *([last] if last else [])]
    at, outcome = max(((at, outcome) for at, outcome in outcomes if at), default=(None, None))
    return at if outcome == REFUSED else None


def _unreached(target: str, crew: Crew) -> str:
    idle = target in crew.rotations
    return f"{target} ({'nobody on call with a contact' if idle else 'unknown, or without a contact'})"


def plan(
    policy: Policy,
    crew: Crew,
    now: datetime,
    default: str | None,
    checks: int,
    refusals: Mapping[str, Refusal] = NOTHING_REFUSED,
) -> PolicyView:
    """Return a policy with the people whom it would page for an incident that began now."""
    stages: list[StepView] = []
    at, wait = now, timedelta()
    for step in policy.steps:
        at += wait
        when = f"{times.duration(wait)} later" if wait else "at once"
        unreached = [_unreached(target, crew) for target in escalation.unreachable(step.targets, crew, at)]
        paged = escalation.present(step, crew, at) if step.round_robin else step.targets
        people, only = escalation.recipients(paged, crew, at), rotations.condition_in_words(step.only)
        reaches = escalation.reaches(step, crew, at)
        refused = [refusals[person.id] for person in people if person.id in refusals]
        stages.append(StepView(when, people, unreached, step.round_robin, only, reaches, refused))
        # A step that reaches nobody is not waited for.
        wait = step.wait if reaches else timedelta()
    repeats_every = times.duration(policy.steps[-1].wait)
    declared = policy.origin == Origin.FILE
    waits = rotations.hours_in_words(policy.warnings_wait_for) if policy.warnings_wait_for else ""
    return PolicyView(policy.name, policy.name == default, declared, stages, repeats_every, checks, waits)


def catch_all(defined: CatchAll | None, crew: Crew, now: datetime) -> CatchAllView:
    """Return the catch-all with the people whom it would page now. `defined` is None if it is only the terminal."""
    return CatchAllView(
        crew.catch_all,
        escalation.last_resort(crew, now),
        [_unreached(target, crew) for target in escalation.unreachable(crew.catch_all, crew, now)],
        declared=defined is not None and defined.origin == Origin.FILE,
    )


def names_of(ids: Iterable[str], crew: Crew) -> list[str]:
    """Return the names of people, by their names in the configuration. Somebody unknown keeps that one."""
    return [crew.people[person].name if person in crew.people else person for person in ids]


def sentence(first: PolicyView | None, last: Sequence[Person] = (OPERATOR,)) -> str:
    """Say who is on call, by the default policy. `last` are the people of the catch-all."""
    if first is None:
        return f"Nobody is on call: there is no policy, so pages go only to {last_resort(last)}."
    reached = _reached(first)
    if not reached:
        return f"Nobody who is on call can be reached: pages go to {last_resort(last)}."
    names, draws = _names(reached[0].people), reached[0].round_robin
    in_turn = ", in turn" if draws and len(names) > 1 else ""
    return f"{times.names(names)} {times.are(names)} on call{in_turn}."


def last_resort(people: Sequence[Person]) -> str:
    """Return where pages go if nobody of a policy is reached. These are the people of the catch-all."""
    if list(people) == [OPERATOR]:
        return "the terminal of the service"
    return f"{times.names(_names(people))}, the catch-all"


def following(first: PolicyView | None) -> str:
    """Say who is next, by the default policy."""
    if first is None:
        return ""
    by, reached = f"By {first.name}, the default policy", _reached(first)
    if len(reached) < 2:
        return f"{by}: paged again every {first.repeats_every} until somebody answers."
    next_step = reached[1]
    names, draws = _names(next_step.people), next_step.round_robin
    wait = first.stages[first.stages.index(reached[0]) + 1].when.removesuffix(" later")
    paged = f"{times.people(names, draws)} {times.are(names, draws)} paged next"
    return f"{by}: unless somebody answers within {wait}, {paged}."


def _reached(first: PolicyView) -> list[StepView]:
    """Return the steps that reach somebody: the others are not waited for."""
    return [stage for stage in first.stages if not stage.falls_through]


def _reach(contact: Contact, mine: Sequence[Attempt], secret: bool, twin: bool) -> ContactDeliveries:
    tried = [
        attempt
        for attempt in mine
        if attempt.via == contact.kind and not (twin and attempt.contact_mark != contact.mark)
    ]
    delivered = next((attempt for attempt in tried if attempt.outcome == DELIVERED), None)
    failed = next((attempt for attempt in tried if attempt.outcome != DELIVERED), None)
    if delivered is not None and failed is not None and delivered.at >= failed.at:
        failed = None
    return ContactDeliveries(contact.kind, None if secret else contact.address, delivered, failed)


def _names(people: Sequence[Person]) -> list[str]:
    return [person.name for person in people]
