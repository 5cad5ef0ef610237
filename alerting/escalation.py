"""Escalation policies: the steps of paging, and the people whom a target means. Pure.

A step has targets, and a wait for an answer. A policy never ends: its last step repeats. Only this room says whom a
target means, which may depend on the time.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from alerting import rotation
from alerting.crew import Crew
from alerting.origin import Origin
from alerting.person import BUILT_IN, OPERATOR, ROBOT, Person

MIN_WAIT = timedelta(minutes=1)
MAX_WAIT = timedelta(days=1)

Target = str
"""The name of a person, a rotation or a team, as the configuration writes it."""


@dataclass(frozen=True, slots=True)
class Step:
    """The targets that are paged together, and the wait before the next step."""

    targets: tuple[Target, ...]
    wait: timedelta
    assigned: bool = False
    """True if it was put before the first step of an incident's policy, because somebody reassigned the incident."""


@dataclass(frozen=True, slots=True)
class Policy:
    """A named list of at least one step."""

    name: str
    steps: tuple[Step, ...]
    origin: Origin = field(default=Origin.FILE, compare=False)

    def __post_init__(self) -> None:
        if not self.steps:
            raise ValueError(f"policy {self.name}: write at least one step.")

    @property
    def targets(self) -> list[Target]:
        """The targets of all steps, each once."""
        return list(dict.fromkeys(target for step in self.steps for target in step.targets))


CATCH_ALL = Policy("catch-all", (Step((OPERATOR.id,), timedelta(minutes=15)),))
"""The policy if none is defined: silence always reaches somebody."""
DRILL = Policy("(drill)", (Step((ROBOT.id,), MIN_WAIT),))
"""The policy of a drill, which proves that pages arrive: no human is ever paged by it."""


@dataclass(frozen=True, slots=True)
class Decision:
    """Page `targets` now as step `step`, and `next_targets` at `next_at` unless somebody answers.

    Steps are counted from 0, repetitions of the last one included.
    """

    targets: tuple[Target, ...]
    step: int
    next_at: datetime
    next_targets: tuple[Target, ...]
    reason: str


def in_force(policies: Mapping[str, Policy], name: str | None) -> Policy:
    """Return the policy of this name, else the first of all, else the catch-all."""
    if name == DRILL.name:
        return DRILL
    return policies.get(name or "", next(iter(policies.values()), CATCH_ALL))


def on_call(target: Target, crew: Crew, at: datetime) -> list[Person]:
    """Return the people whom a target means at `at`; nobody if nothing has this name, or if nobody is on call."""
    if target in BUILT_IN:
        return [BUILT_IN[target]]
    names: Iterable[str] = (target,)
    if target in crew.teams:
        names = crew.teams[target].people
    elif target in crew.rotations:
        names = rotation.on_call(crew.rotations[target], at)
    return [crew.people[name] for name in names if name in crew.people]


def recipients(targets: Iterable[Target], crew: Crew, at: datetime) -> list[Person]:
    """Return the people to page for these targets at `at`, each once: those with a contact, else the operator."""
    everybody = dict.fromkeys(person for target in targets for person in on_call(target, crew, at))
    return [person for person in everybody if person.contacts] or [OPERATOR]


def unreachable(targets: Iterable[Target], crew: Crew, at: datetime) -> list[Target]:
    """Return the targets that mean nobody with a contact at `at`."""
    return [target for target in targets if not any(person.contacts for person in on_call(target, crew, at))]


def names_of(targets: Iterable[Target], crew: Crew, at: datetime) -> list[str]:
    """Return the names of the people on call; a target that means nobody is named as it is written."""
    return [
        name
        for target in targets
        for name in [person.name for person in on_call(target, crew, at)] or [target]
    ]


def step_at(policy: Policy, step: int) -> Step:
    """Return the step at count `step`; past the end, the last one."""
    return policy.steps[min(step, len(policy.steps) - 1)]


def led_by(policy: Policy, target: Target) -> Policy:
    """Return the policy of an incident that is assigned to a target: that is paged before the first step."""
    own = tuple(step for step in policy.steps if not step.assigned)
    return replace(policy, steps=(Step((target,), own[0].wait, assigned=True), *own))


def number_of(policy: Policy, step: int) -> int:
    """Return the number of the step at count `step`, from 1 on. It is 0 for the one that is assigned."""
    return min(step, len(policy.steps) - 1) + (not policy.steps[0].assigned)


def decide(policy: Policy, step: int, now: datetime) -> Decision:
    """Return the decision at step `step` of an unanswered incident: page its people, wait, then page the next."""
    current = step_at(policy, step)
    following = step_at(policy, step + 1)
    number = number_of(policy, step)
    name = f"step {number} of {policy.name}" if number else "reassigned"
    reason = name if step < len(policy.steps) else f"{name}, again"
    return Decision(current.targets, step, now + current.wait, following.targets, reason)


def ahead(policy: Policy, step: int, at: datetime) -> list[tuple[datetime, Decision]]:
    """Return the decisions from count `step` at `at` on if nobody answers: the steps left, and one repetition."""
    decisions = []
    for count in range(step, max(step, len(policy.steps)) + 1):
        decision = decide(policy, count, at)
        decisions.append((at, decision))
        at = decision.next_at
    return decisions


def to_json(policy: Policy) -> dict[str, object]:
    """Return the policy as JSON for an incident, which needs no origin."""
    return {"name": policy.name, "steps": steps_to_json(policy.steps)}


def steps_to_json(steps: Sequence[Step]) -> list[dict[str, object]]:
    """Return steps as JSON for a row, waits in seconds."""
    return [
        {"page": list(step.targets), "wait": step.wait.total_seconds()}
        | ({"assigned": True} if step.assigned else {})
        for step in steps
    ]


def steps_from_json(steps: Sequence[dict[str, object]]) -> tuple[Step, ...]:
    """Return the steps of a row."""
    return tuple(
        Step(tuple(step["page"]), timedelta(seconds=step["wait"]), bool(step.get("assigned")))  # type: ignore[arg-type]
        for step in steps
    )


def from_json(policy: dict[str, object]) -> Policy:
    """Return the policy of an incident's row."""
    return Policy(str(policy["name"]), steps_from_json(policy["steps"]))  # type: ignore[arg-type]
