"""Who is paged next, and when. Pure.

A policy is a list of steps: who, and how long to wait for an answer. It never ends: the last step repeats.
Who a step's targets are is known here alone, and may depend on the time.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from alerting.origin import Origin
from alerting.person import OPERATOR, Person

MIN_WAIT = timedelta(minutes=1)
MAX_WAIT = timedelta(days=1)

Target = str
"""Whom a step pages, by the name that the configuration gives: a person."""


@dataclass(frozen=True, slots=True)
class Step:
    """Who is paged together, and how long they have before the next step."""

    targets: tuple[Target, ...]
    wait: timedelta


@dataclass(frozen=True, slots=True)
class Policy:
    """The steps in order; at least one."""

    name: str
    steps: tuple[Step, ...]
    origin: Origin = field(default=Origin.FILE, compare=False)

    def __post_init__(self) -> None:
        if not self.steps:
            raise ValueError(f"policy {self.name}: it needs at least one step.")

    @property
    def targets(self) -> list[Target]:
        """The targets of all steps, each once."""
        return list(dict.fromkeys(target for step in self.steps for target in step.targets))


CATCH_ALL = Policy("catch-all", (Step((OPERATOR.id,), timedelta(minutes=15)),))
"""The policy where there is none: silence always reaches somebody."""


@dataclass(frozen=True, slots=True)
class Decision:
    """Page these targets now as step `step` (counted from 0, on and on), and look again at `next_at`.

    `next_targets` are paged then, unless somebody answers.
    """

    targets: tuple[Target, ...]
    step: int
    next_at: datetime
    next_targets: tuple[Target, ...]
    reason: str


def in_force(policies: Mapping[str, Policy], name: str | None) -> Policy:
    """Return the policy of this name; without it the first of all, and without any the catch-all."""
    return policies.get(name or "", next(iter(policies.values()), CATCH_ALL))


def on_call(target: Target, people: Mapping[str, Person], at: datetime) -> list[Person]:  # noqa: ARG001 - a person is the same at any time
    """Return the people whom a target means at `at`; nobody where no such person exists. `people` are by name."""
    person = OPERATOR if target == OPERATOR.id else people.get(target)
    return [person] if person else []


def recipients(targets: Iterable[Target], people: Mapping[str, Person], at: datetime) -> list[Person]:
    """Return the people to page for these targets at `at`, each once: those with a contact, else the operator."""
    everybody = dict.fromkeys(person for target in targets for person in on_call(target, people, at))
    return [person for person in everybody if person.contacts] or [OPERATOR]


def unreachable(targets: Iterable[Target], people: Mapping[str, Person], at: datetime) -> list[Target]:
    """Return the targets that mean nobody with a contact at `at`."""
    return [one for one in targets if not any(person.contacts for person in on_call(one, people, at))]


def names_of(targets: Iterable[Target], people: Mapping[str, Person], at: datetime) -> list[str]:
    """Return what the people on call are named; a target that means nobody stands as it is written."""
    return [name for one in targets for name in [p.name for p in on_call(one, people, at)] or [one]]


def step_at(policy: Policy, step: int) -> Step:
    """The step in force at count `step`: past the end, the last one repeats."""
    return policy.steps[min(step, len(policy.steps) - 1)]


def decide(policy: Policy, step: int, now: datetime) -> Decision:
    """Step number `step` of an unanswered incident has come: page its people, wait, then the next."""
    current = step_at(policy, step)
    following = step_at(policy, step + 1)
    where = f"step {min(step, len(policy.steps) - 1) + 1} of {policy.name}"
    reason = where if step < len(policy.steps) else f"{where}, again"
    return Decision(current.targets, step, now + current.wait, following.targets, reason)


def ahead(policy: Policy, step: int, at: datetime) -> list[tuple[datetime, Decision]]:
    """What comes if nobody answers, from count `step` at `at` on: each step that is left, and one repetition."""
    found = []
    for count in range(step, max(step, len(policy.steps)) + 1):
        decision = decide(policy, count, at)
        found.append((at, decision))
        at = decision.next_at
    return found


def to_json(policy: Policy) -> dict[str, object]:
    """The policy as it is frozen into an incident, which does not keep its origin."""
    return {"name": policy.name, "steps": steps_to_json(policy.steps)}


def steps_to_json(steps: Sequence[Step]) -> list[dict[str, object]]:
    """Steps as they are kept in a row; waits in seconds."""
    return [{"page": list(step.targets), "wait": step.wait.total_seconds()} for step in steps]


def steps_from_json(kept: Sequence[dict[str, object]]) -> tuple[Step, ...]:
    """Back from a row."""
    return tuple(Step(tuple(s["page"]), timedelta(seconds=s["wait"])) for s in kept)  # type: ignore[arg-type]


def from_json(kept: dict[str, object]) -> Policy:
    """Back from an incident's row."""
    return Policy(str(kept["name"]), steps_from_json(kept["steps"]))  # type: ignore[arg-type]
