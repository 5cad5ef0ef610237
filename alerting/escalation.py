"""Escalation policies: the steps of paging, and the people whom a target means. Pure.

A step has targets, and a wait for an answer. It pages them all, or goes round them: see `round_robin`. A step that
reaches nobody, or that is not meant for the incident, falls through to the next at once. A policy never ends: its last
step repeats. Only this room says whom a target means, which may depend on the time.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from alerting import rotation, round_robin, times, working_hours
from alerting.crew import Crew
from alerting.origin import Origin
from alerting.person import BUILT_IN, OPERATOR, ROBOT, Person, quiet_until
from alerting.rotation import Window
from alerting.round_robin import Turn
from alerting.severity import Severity
from alerting.working_hours import WorkingHours

MIN_WAIT = timedelta(minutes=1)
MAX_WAIT = timedelta(days=1)

Target = str
"""The name of a person, a rotation or a team, as the configuration writes it."""


@dataclass(frozen=True, slots=True)
class Condition:
    """What a step is meant for: incidents of these severities, within these hours. All, if there are none."""

    severities: tuple[Severity, ...] = ()
    windows: tuple[Window, ...] = ()
    timezone: str = "UTC"

    def holds(self, severity: Severity, at: datetime) -> bool:
        """Return whether the step is meant for an incident of this severity at `at`."""
        hours = not self.windows or rotation.is_within(self.windows, at, times.zone(self.timezone))
        return hours and (not self.severities or severity in self.severities)


ANY = Condition()


@dataclass(frozen=True, slots=True)
class Step:
    """The targets that are paged together, and the wait before the next step."""

    targets: tuple[Target, ...]
    wait: timedelta
    assigned: bool = False
    """True if it was put before the first step of an incident's policy, because somebody reassigned the incident."""
    only: Condition = ANY
    """What the step is meant for. All other incidents fall through it."""
    round_robin: bool = False
    """True if it pages one of its entries at a time: each incident begins with the next one."""


@dataclass(frozen=True, slots=True)
class Policy:
    """A named list of at least one step."""

    name: str
    steps: tuple[Step, ...]
    origin: Origin = field(default=Origin.FILE, compare=False)
    warnings_wait_for: WorkingHours | None = None
    """The working hours for which pages wait that are not critical. Open incidents follow edits of them."""

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

    Steps are counted from 0, repetitions of the last one included. `number` is that of the step of the policy whose
    targets are paged, from 1 on, and 0 for the one that is assigned: a step that reaches nobody is not that step.

    If it `draws`, only one of the targets is paged: the one whose turn is next. `next_draws` says the same of the next
    ones.
    """

    targets: tuple[Target, ...]
    step: int
    next_at: datetime
    next_targets: tuple[Target, ...]
    reason: str
    draws: bool = False
    next_draws: bool = False
    number: int = 0
    round_robin: bool = False

    @property
    def turn(self) -> Turn | None:
        """The turn of the incident once it has paged, None if the step does not go round."""
        goes_round = self.round_robin and self.targets
        return Turn(self.number, self.targets[0], self.step) if goes_round else None

    def drawn(self, entry: Target) -> "Decision":
        """Return the decision to page the entry whose turn is next."""
        return replace(self, targets=(entry,), draws=False)


def in_force(policies: Mapping[str, Policy], name: str | None) -> Policy:
    """Return the policy of this name, else the first of all, else the catch-all."""
    if name == DRILL.name:
        return DRILL
    return policies.get(name or "", next(iter(policies.values()), CATCH_ALL))


def on_call(target: Target, crew: Crew, at: datetime) -> list[Person]:
    """Return the people whom a target means at `at`; nobody if nothing has this name, or if nobody is on call."""
    if target == OPERATOR.id:
        return last_resort(crew, at)
    if target in BUILT_IN:
        return [BUILT_IN[target]]
    names: Iterable[str] = (target,)
    if target in crew.teams:
        names = crew.teams[target].people
    elif target in crew.rotations:
        names = rotation.on_call(crew.rotations[target], at)
    return [crew.people[name] for name in names if name in crew.people]


def last_resort(crew: Crew, at: datetime) -> list[Person]:
    """Return the people of the catch-all at `at`: those with a contact, else the operator, who always can be paged."""
    return _with_contacts([name for name in crew.catch_all if name != OPERATOR.id], crew, at) or [OPERATOR]


def recipients(targets: Iterable[Target], crew: Crew, at: datetime) -> list[Person]:
    """Return the people to page for these targets at `at`, each once: those with a contact, else the catch-all."""
    return _with_contacts(targets, crew, at) or last_resort(crew, at)


def _with_contacts(targets: Iterable[Target], crew: Crew, at: datetime) -> list[Person]:
    everybody = dict.fromkeys(person for target in targets for person in on_call(target, crew, at))
    return [person for person in everybody if person.contacts]


def nobody_reached(policy: Policy) -> str:
    """Return the reason of a page that goes to the catch-all."""
    return f"nobody of policy {policy.name} could be reached"


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


def reaching(policy: Policy, step: int, crew: Crew, severity: Severity, at: datetime) -> int:
    """Return the count of the step that pages instead of the one at count `step`, if that reaches nobody at `at`.

    It is the next one that reaches somebody, and after the last one the nearest before it. Where every step that is
    meant for the incident reaches nobody, the others count as well.
    """
    place = min(step, len(policy.steps) - 1)
    order = [*range(place, len(policy.steps)), *range(place - 1, -1, -1)]
    reached = [count for count in order if reaches(policy.steps[count], crew, at)]
    meant = (count for count in reached if policy.steps[count].only.holds(severity, at))
    return next(meant, next(iter(reached), place))


def reaches(step: Step, crew: Crew, at: datetime) -> bool:
    """Return whether a step reaches anybody at `at`."""
    if step.round_robin:
        return bool(present(step, crew, at))
    return any(person.contacts for target in step.targets for person in on_call(target, crew, at))


def present(step: Step, crew: Crew, at: datetime) -> list[Target]:
    """Return the entries of a step that goes round whom it can page at `at`: with a contact, and not on leave."""
    return [
        entry
        for entry in round_robin.entries(step.targets, crew)
        if not crew.on_leave(entry, at) and any(person.contacts for person in on_call(entry, crew, at))
    ]


def candidates(step: Step, crew: Crew, severity: Severity, at: datetime) -> list[Target]:
    """Return the entries that may have their turn at `at`: those present, without quiet hours unless all have some."""
    able = present(step, crew, at)
    awake = [entry for entry in able if quiet_until(recipients([entry], crew, at), severity, at) is None]
    return awake or able


@dataclass(frozen=True, slots=True)
class Turnout:
    """The people whom a step pages; one of them if it `draws`, and it is not known yet who."""

    people: list[Person]
    draws: bool = False

    @property
    def names(self) -> list[str]:
        """Their names."""
        return [person.name for person in self.people]


NOBODY = Turnout([])


def people_of(
    policy: Policy, step: int, crew: Crew, severity: Severity, at: datetime, turns: Sequence[Turn] = ()
) -> Turnout:
    """Return the people whom the step at count `step` would page at `at`, or the one that it falls through to.

    `turns` are those of the incident.
    """
    place = reaching(policy, step, crew, severity, at)
    targets, draws = _paged(policy, place, max(step, place), crew, severity, at, turns)
    return Turnout(recipients(targets, crew, at), draws)


def together(
    policy: Policy, step: int, crew: Crew, severity: Severity, at: datetime, turns: Sequence[Turn]
) -> list[Person]:
    """Return the people whom the page at count `step` went to, without those whom quiet hours keep from it.

    Of a turn that is past, nobody is known any more.
    """
    place = reaching(policy, step, crew, severity, at)
    targets: Sequence[Target] = policy.steps[place].targets
    if policy.steps[place].round_robin:
        turn = round_robin.of_step(turns, number_of(policy, place))
        targets = [turn.entry] if turn and turn.count == step else []
    people = recipients(targets, crew, at) if targets else []
    return [person for person in people if person.quiet_until(severity, at) is None]


def _paged(
    policy: Policy,
    place: int,
    count: int,
    crew: Crew,
    severity: Severity,
    at: datetime,
    turns: Sequence[Turn],
) -> tuple[tuple[Target, ...], bool]:
    """Return the targets that the step at `place` pages at `count`, and whether one of them is still to be drawn."""
    step = policy.steps[place]
    if not step.round_robin:
        return step.targets, False
    able = candidates(step, crew, severity, at)
    turn = round_robin.of_step(turns, number_of(policy, place))
    order = round_robin.order(round_robin.entries(step.targets, crew), turn, count) if turn else []
    following = next((entry for entry in order if entry in able), None)
    return ((following,), False) if following else (tuple(able), bool(able))


def led_by(policy: Policy, target: Target) -> Policy:
    """Return the policy of an incident that is assigned to a target: that is paged before the first step."""
    own = tuple(step for step in policy.steps if not step.assigned)
    return replace(policy, steps=(Step((target,), own[0].wait, assigned=True), *own))


def number_of(policy: Policy, step: int) -> int:
    """Return the number of the step at count `step`, from 1 on. It is 0 for the one that is assigned."""
    return min(step, len(policy.steps) - 1) + (not policy.steps[0].assigned)


def decide(
    policy: Policy, step: int, now: datetime, crew: Crew, severity: Severity, turns: Sequence[Turn] = ()
) -> Decision:
    """Return the decision at count `step` of an unanswered incident: page its people, wait, then page the next.

    A step that reaches nobody, or is not meant for the incident, is not waited for. `turns` are those of the incident.
    """
    place = reaching(policy, step, crew, severity, now)
    count = max(step, place)
    current, next_at = policy.steps[place], now + policy.steps[place].wait
    targets, draws = _paged(policy, place, count, crew, severity, now, turns)
    number = number_of(policy, place)
    name = f"step {number} of {policy.name}" if number else "reassigned"
    name += ", in turn" if current.round_robin else ""
    name = name if reaches(current, crew, now) else nobody_reached(policy)
    reason = name if step < len(policy.steps) else f"{name}, again"
    decision = Decision(
        targets, count, next_at, (), reason, draws, number=number, round_robin=current.round_robin
    )
    following = reaching(policy, count + 1, crew, severity, next_at)
    then = taking(turns, decision)
    next_targets, next_draws = _paged(policy, following, count + 1, crew, severity, next_at, then)
    return replace(decision, next_targets=next_targets, next_draws=next_draws)


def taking(turns: Sequence[Turn], decision: Decision) -> tuple[Turn, ...]:
    """Return the turns of an incident after a decision, unchanged while it draws."""
    if decision.draws or decision.turn is None:
        return tuple(turns)
    return round_robin.taken(turns, decision.turn)


def ahead(
    policy: Policy, step: int, at: datetime, crew: Crew, severity: Severity, turns: Sequence[Turn] = ()
) -> list[tuple[datetime, Decision]]:
    """Return the decisions from count `step` at `at` on if nobody answers: the steps left, and one repetition."""
    decisions: list[tuple[datetime, Decision]] = []
    while not decisions or step <= len(policy.steps):
        decision = decide(policy, step, at, crew, severity, turns)
        decisions.append((at, decision))
        step, at, turns = decision.step + 1, decision.next_at, taking(turns, decision)
    return decisions


def to_json(policy: Policy) -> dict[str, object]:
    """Return the policy as JSON for an incident, which needs no origin."""
    hours = working_hours.to_json(policy.warnings_wait_for)
    waits = {} if hours is None else {"warnings_wait_for": hours}
    return {"name": policy.name, "steps": steps_to_json(policy.steps), **waits}


def steps_to_json(steps: Sequence[Step]) -> list[dict[str, object]]:
    """Return steps as JSON for a row, waits in seconds."""
    return [
        {"page": list(step.targets), "wait": step.wait.total_seconds()}
        | ({"assigned": True} if step.assigned else {})
        | ({} if step.only == ANY else {"only": _condition_to_json(step.only)})
        | ({"round_robin": True} if step.round_robin else {})
        for step in steps
    ]


def _condition_to_json(only: Condition) -> dict[str, object]:
    windows = rotation.windows_to_json(only.windows)
    return {"severities": list(only.severities), "windows": windows, "timezone": only.timezone}


def steps_from_json(steps: Sequence[Mapping[str, Any]]) -> tuple[Step, ...]:
    """Return the steps of a row."""
    return tuple(
        Step(
            tuple(step["page"]),
            timedelta(seconds=step["wait"]),
            bool(step.get("assigned")),
            _condition_from_json(step["only"]) if "only" in step else ANY,
            bool(step.get("round_robin")),
        )
        for step in steps
    )


def _condition_from_json(only: Mapping[str, Any]) -> Condition:
    severities = tuple(Severity(severity) for severity in only["severities"])
    return Condition(severities, rotation.windows_from_json(only["windows"]), only["timezone"])


def from_json(policy: Mapping[str, Any]) -> Policy:
    """Return the policy of an incident's row."""
    hours = working_hours.from_json(policy.get("warnings_wait_for"))
    return Policy(str(policy["name"]), steps_from_json(policy["steps"]), warnings_wait_for=hours)
