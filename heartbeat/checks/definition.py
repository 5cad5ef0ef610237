"""The definition of a check: how it becomes a check, and how a file holds it. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Self
from uuid import UUID

from alerting.origin import Origin
from alerting.severity import Severity
from heartbeat import duration
from heartbeat.checks import cause, expectation, life, progress, rule, rule_grammar
from heartbeat.checks.check import AT_ONCE, Check, Measure, Tolerance
from heartbeat.checks.dependency import NO_PARENTS, After
from heartbeat.checks.expectation import NOTHING, Expectation
from heartbeat.checks.level import GroupBy
from heartbeat.checks.rule import LabelRule, Rule
from heartbeat.checks.schedule import Cron, Every, Schedule
from heartbeat.written import Inline, filled, one_or_more, unless

GRACE: Final = timedelta(minutes=5)
"""The grace of a check that names none, if the file has no default."""

SEVERITY: Final = Severity.ERROR
"""The severity of a check that names none."""


LABEL_RULES: Final = "label_rules"
"""The name of the fact of the installation that holds the rules for labels."""


@dataclass(frozen=True, slots=True)
class CheckDefinition:
    """The definition of a check. Its policy is the one in force: its own, or the default."""

    slug: str
    name: str
    schedule: Schedule
    grace: timedelta
    max_runtime: timedelta | None = None
    until_done: bool = False
    stuck_after: timedelta | None = None
    description: str = ""
    runbook: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    severity: Severity = SEVERITY
    policy: str | None = None
    manual_resume: bool = False
    alert_after: Tolerance = AT_ONCE
    measure: Measure = Measure.JSON
    expectation: Expectation = NOTHING
    after: After = NO_PARENTS
    formerly: tuple[str, ...] = ()
    rules: tuple[Rule, ...] = ()
    origin: Origin = field(default=Origin.FILE, compare=False)

    @classmethod
    def of(cls, check: Check) -> Self:
        """Return the definition of an existing check."""
        return cls(**{name: getattr(check, name) for name in cls.__slots__})

    def fields(self) -> dict[str, Any]:
        """Return its fields by name, as `Check` has them."""
        return {name: getattr(self, name) for name in self.__slots__}


def new_check(
    definition: CheckDefinition,
    group_by: GroupBy,
    label_rules: Sequence[LabelRule],
    now: datetime,
    uuid: UUID,
    place: int = 0,
) -> Check:
    """Return a new check of this definition, expected from now on. For `place`, see `life.rearmed`."""
    new = Check(
        id=0,
        uuid=uuid,
        **definition.fields(),
        group_key=cause.group_key(definition.slug, definition.labels, group_by),
        label_rules=rule.of_labels(label_rules, definition.labels),
        since=now,
        armed_at=now,
    )
    return life.rearmed(new, now, place)


def redefined(
    old: Check,
    definition: CheckDefinition | None,
    group_by: GroupBy,
    label_rules: Sequence[LabelRule],
    now: datetime,
    place: int = 0,
) -> Check:
    """Return the check by this definition, or by its own if there is none; the same object if nothing differs.

    For `place`, see `life.rearmed`.
    """
    target = definition or CheckDefinition.of(old)
    fields: dict[str, Any] = definition.fields() if definition else {}
    # A check that is a group of its own stays the same group under a new name, or its incident would lose it.
    slugs = (target.slug, *target.formerly)
    keys = [cause.group_key(slug, target.labels, group_by) for slug in slugs]
    fields["group_key"] = old.group_key if old.group_key in keys else keys[0]
    fields["label_rules"] = rule.of_labels(label_rules, target.labels)
    changes = {name: value for name, value in fields.items() if getattr(old, name) != value}
    return life.redefined(old, now, place, **changes) if changes else old


def written(definition: CheckDefinition, policy: str | None = None) -> dict[str, Any]:
    """Return the definition as a file holds it. `policy` is the policy of checks that name none there."""
    return filled(
        {
            "name": unless(definition.name, definition.slug),
            "description": definition.description or None,
            "runbook": definition.runbook or None,
            **_schedule(definition.schedule, definition.expectation.timezone),
            "grace": unless(duration.written(definition.grace), duration.written(GRACE)),
            "max_runtime": max_runtime(definition, duration.written) or None,
            "stuck_after": stuck_after(definition, duration.written) or None,
            **expectation.written(definition.expectation),
            "alert_after": _tolerance(definition.alert_after),
            "measure": unless(definition.measure.value, Measure.JSON.value),
            "rules": [written_rule(rule) for rule in definition.rules] or None,
            "labels": Inline(definition.labels) or None,
            "severity": unless(definition.severity.value, SEVERITY.value),
            "policy": unless(definition.policy, policy),
            "manual_resume": definition.manual_resume or None,
            "after": _after(definition.after) if definition.after else None,
            "formerly": one_or_more(definition.formerly) if definition.formerly else None,
        }
    )


UNTIL_DONE: Final = "until done"
UNTIL_DONE_LIMIT: Final = timedelta(days=7)
"""The limit of a run that may go on until it is done, if its definition names none."""
LEARNT: Final = "learnt"
"""The word for a time after which a run is stuck that follows from its own pace."""


def max_runtime(definition: CheckDefinition | Check, length: Callable[[timedelta], str]) -> str:
    """Return the maximum run time as a file holds it: "2h", "until done, at most 20h". Empty without one.

    `length` writes durations.
    """
    if definition.max_runtime is None:
        return ""
    limit = length(definition.max_runtime)
    if not definition.until_done:
        return limit
    return UNTIL_DONE if definition.max_runtime == UNTIL_DONE_LIMIT else f"{UNTIL_DONE}, at most {limit}"


def stuck_after(definition: CheckDefinition | Check, length: Callable[[timedelta], str]) -> str:
    """Return the time without progress after which a run is stuck: "15m", "learnt". Empty without one."""
    if definition.stuck_after is None:
        return ""
    return LEARNT if definition.stuck_after == progress.LEARNT else length(definition.stuck_after)


def written_rule(one: Rule) -> str | Inline:
    """Return a rule as a file holds it: its text, or a mapping if it says more."""
    text = rule_grammar.write(one.condition)
    more = filled(
        {
            "name": one.name or None,
            "severity": one.severity.value if one.severity else None,
            "for": f"{one.runs} runs" if one.runs > 1 else None,
        }
    )
    return Inline({"rule": text, **more}) if more else text


def _tolerance(tolerance: Tolerance) -> Inline | None:
    return (
        Inline(
            filled(
                {
                    "failures": unless(tolerance.failures, AT_ONCE.failures),
                    "missed": unless(tolerance.missed, AT_ONCE.missed),
                }
            )
        )
        or None
    )


def _after(after: After) -> Any:
    """Return parents as a file holds them: one, or a list."""
    written = [*after.names, *(Inline(match) for match in after.matches)]
    return written[0] if len(written) == 1 else written


def _schedule(schedule: Schedule, timezone: str) -> dict[str, str | None]:
    """Return the fields of a schedule. `timezone` is that of the times of day beside an interval."""
    match schedule:
        case Every(period):
            return {"every": duration.written(period), "timezone": unless(timezone, "UTC")}
        case Cron(expression, timezone, kubernetes):
            semantics = "kubernetes" if kubernetes else None
            return {"schedule": expression, "timezone": unless(timezone, "UTC"), "semantics": semantics}
        case _:
            return {"on_calendar": schedule.expression, "timezone": unless(schedule.timezone, "UTC")}


def label_rules_json(rules: Sequence[LabelRule]) -> list[dict[str, Any]]:
    """Return the rules for labels as JSON values."""
    return [
        {"match": dict(label_rule.match), "rule": rule_grammar.to_json(label_rule.rule)}
        for label_rule in rules
    ]


def label_rules_of(stored: Sequence[dict[str, Any]] | None) -> tuple[LabelRule, ...]:
    """Return the rules for labels of these JSON values."""
    return tuple(LabelRule(one["match"], rule_grammar.from_json(one["rule"])) for one in stored or ())
