"""A policy as a form has it: every field is text, as typed. Pure."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Self

from starlette.datastructures import FormData

from alerting.escalation import Condition, Policy, Step
from alerting.severity import Severity
from heartbeat import duration
from heartbeat.definitions.entry import MAX_STEPS
from heartbeat.http.console import form_rows
from heartbeat.http.console.on_call import names
from heartbeat.http.console.on_call.time_fields import HoursFields
from heartbeat.written import filled

_STEP = re.compile(r"steps\[(\d+)\](?:\.only)?(?:\.(\w+))?(?:\[\d+\])?: (.*)", re.DOTALL)
_WAITS = re.compile(r"warnings_wait_for(?:\.(\w+))?(?:\[\d+\])?: (.*)", re.DOTALL)
WAITS = "waits"
"""What the fields of the hours for which warnings wait end with."""
_FIELDS = {
    "page": ("page", "whom to page"),
    "round_robin": ("turn", "in turn"),
    "wait": ("wait", "how long to wait"),
    "severity": ("severity", "severities"),
    "days": ("hours", "days"),
    "hours": ("hours", "hours"),
    "timezone": ("zone", "time zone"),
}
"""The field of the form, and its name in sentences, by the field of the API."""
_ALWAYS = HoursFields()


@dataclass(frozen=True, slots=True)
class ConditionFields:
    """What a step is meant for: these severities, within these hours. All, if nothing is typed."""

    severities: tuple[str, ...] = ()
    hours: HoursFields = _ALWAYS

    @classmethod
    def of(cls, only: Condition) -> Self:
        """Return the fields of a condition."""
        severities = tuple(severity.value for severity in only.severities)
        return cls(severities, HoursFields.of(only.windows, only.timezone))

    @classmethod
    def typed(cls, form: FormData, place: int) -> Self:
        """Return the typed fields of the step at this place."""
        ticked = form.getlist(f"severity-{place}")
        severities = tuple(severity.value for severity in Severity if severity.value in ticked)
        return cls(severities, HoursFields.typed(form, str(place)))

    @property
    def blank(self) -> bool:
        """True if the step is meant for every incident."""
        return not self.entered()

    def entered(self) -> dict[str, object]:
        """Return the fields as the API takes them, none if the step is meant for every incident."""
        return filled({"severity": list(self.severities) or None, **self.hours.entered()})


_ANY = ConditionFields()


@dataclass(frozen=True, slots=True)
class StepFields:
    """A step: the names of those to page, together or one in turn, how long they have, and what it is meant for."""

    page: tuple[str, ...] = ()
    wait: str = "5m"
    in_turn: bool = False
    only: ConditionFields = _ANY

    @classmethod
    def of(cls, step: Step) -> Self:
        """Return the fields of a step."""
        return cls(step.targets, duration.written(step.wait), step.round_robin, ConditionFields.of(step.only))

    @classmethod
    def typed(cls, form: FormData, place: int) -> Self:
        """Return the typed fields of the step at this place."""
        page = tuple(dict.fromkeys(names.typed(form, f"page-{place}")))
        wait = str(form.get(f"wait-{place}", "")).strip()
        return cls(page, wait, bool(form.get(f"turn-{place}")), ConditionFields.typed(form, place))

    def entered(self, orders: Sequence[tuple[str, ...]]) -> dict[str, object]:
        """Return the fields as the API takes them. Those who stood together in `orders` keep their order."""
        return filled(
            {
                "page": names.in_order(self.page, orders),
                "round_robin": self.in_turn or None,
                "wait": self.wait,
                "only": self.only.entered() or None,
            }
        )


@dataclass(frozen=True, slots=True)
class PolicyFields:
    """The fields of the form."""

    slug: str = ""
    steps: tuple[StepFields, ...] = (StepFields(),)
    waits: HoursFields = _ALWAYS
    """The hours for which warnings wait."""

    @classmethod
    def typed(cls, form: FormData, slug: str | None = None) -> Self:
        """Return the typed fields. An existing policy keeps its `slug`."""
        count = form_rows.count(form, "rungs", MAX_STEPS)
        steps = tuple(StepFields.typed(form, place) for place in range(count))
        name = str(form.get("slug", "")).strip() if slug is None else slug
        return cls(name, steps, HoursFields.typed(form, WAITS))

    @classmethod
    def of(cls, policy: Policy) -> Self:
        """Return the form of an existing policy."""
        hours = policy.warnings_wait_for
        waits = HoursFields.of(hours.windows, hours.timezone) if hours else _ALWAYS
        return cls(policy.name, tuple(map(StepFields.of, policy.steps)), waits)

    def pressed(self, do: str) -> Self:
        """Return the form once a button about its steps is pressed."""
        blank = StepFields(wait=self.steps[-1].wait)
        return replace(self, steps=form_rows.apply(self.steps, do, blank)[:MAX_STEPS])

    def entered(self, previous: Policy | None) -> dict[str, object]:
        """Return the fields as the API takes them."""
        orders = [step.targets for step in previous.steps] if previous else []
        steps = [step.entered(orders) for step in self.steps]
        return filled({"steps": steps, "warnings_wait_for": self.waits.entered() or None})

    def located(self, problems: Iterable[str]) -> list[tuple[str, str]]:
        """Return each problem with its field, in the form's own words: `page-0`, `hours-0`."""
        return [_located(problem) for problem in problems]


def _located(problem: str) -> tuple[str, str]:
    if match := _WAITS.fullmatch(problem):
        name, label = _FIELDS.get(match[1] or "", ("hours", "hours"))
        return f"{name}-{WAITS}", f"Warnings wait, {label}: {match[2]}"
    match = _STEP.fullmatch(problem)
    if match is None:
        return names.of_slug(problem)
    place = int(match[1])
    name, label = _FIELDS.get(match[2] or "", ("step", ""))
    return f"{name}-{place}", f"Step {place + 1}{', ' if label else ''}{label}: {match[3]}"
