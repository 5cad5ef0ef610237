"""Who is paged next, and when. Pure.

A policy is a list of steps: who, and how long to wait for an answer. It never ends: the last step repeats.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from alerting.person import OPERATOR

MIN_WAIT = timedelta(minutes=1)
MAX_WAIT = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Step:
    """Who is paged together, by name, and how long they have before the next step."""

    page: tuple[str, ...]
    wait: timedelta


@dataclass(frozen=True, slots=True)
class Policy:
    """The steps in order; at least one."""

    name: str
    steps: tuple[Step, ...]

    def __post_init__(self) -> None:
        if not self.steps:
            raise ValueError(f"policy {self.name}: it needs at least one step.")


CATCH_ALL = Policy("catch-all", (Step((OPERATOR.id,), timedelta(minutes=15)),))
"""The policy where there is none: silence always reaches somebody."""


@dataclass(frozen=True, slots=True)
class Decision:
    """Page these people now as step `step` (counted from 0, on and on), and look again at `next_at`.

    `then` names who is next unless somebody answers.
    """

    people: tuple[str, ...]
    step: int
    next_at: datetime
    then: tuple[str, ...]
    reason: str


def in_force(policies: Mapping[str, Policy], name: str | None) -> Policy:
    """Return the policy of this name; without it the first of all, and without any the catch-all."""
    return policies.get(name or "", next(iter(policies.values()), CATCH_ALL))


def step_at(policy: Policy, step: int) -> Step:
    """The step in force at count `step`: past the end, the last one repeats."""
    return policy.steps[min(step, len(policy.steps) - 1)]


def decide(policy: Policy, step: int, now: datetime) -> Decision:
    """Step number `step` of an unanswered incident has come: page its people, wait, then the next."""
    current = step_at(policy, step)
    following = step_at(policy, step + 1)
    where = f"step {min(step, len(policy.steps) - 1) + 1} of {policy.name}"
    reason = where if step < len(policy.steps) else f"{where}, again"
    return Decision(current.page, step, now + current.wait, following.page, reason)


def ahead(policy: Policy, step: int, at: datetime) -> list[tuple[datetime, Decision]]:
    """What comes if nobody answers, from count `step` at `at` on: each step that is left, and one repetition."""
    found = []
    for count in range(step, max(step, len(policy.steps)) + 1):
        decision = decide(policy, count, at)
        found.append((at, decision))
        at = decision.next_at
    return found


def to_json(policy: Policy) -> dict[str, object]:
    """The policy as it is frozen into an incident."""
    return {"name": policy.name, "steps": steps_to_json(policy.steps)}


def steps_to_json(steps: Sequence[Step]) -> list[dict[str, object]]:
    """Steps as they are kept in a row; waits in seconds."""
    return [{"page": list(step.page), "wait": step.wait.total_seconds()} for step in steps]


def steps_from_json(kept: Sequence[dict[str, object]]) -> tuple[Step, ...]:
    """Back from a row."""
    return tuple(Step(tuple(s["page"]), timedelta(seconds=s["wait"])) for s in kept)  # type: ignore[arg-type]


def from_json(kept: dict[str, object]) -> Policy:
    """Back from an incident's row."""
    return Policy(str(kept["name"]), steps_from_json(kept["steps"]))  # type: ignore[arg-type]
