"""A policy as a form has it: every field is text, as typed. Pure."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

from starlette.datastructures import FormData

from alerting.escalation import Policy
from heartbeat import duration
from heartbeat.http.console import form_rows
from heartbeat.http.console.on_call import names

MOST = 20
"""Steps that the form has room for; longer policies are the file's and the API's."""
_STEP = re.compile(r"steps\[(\d+)\](?:\.(\w+))?(?:\[\d+\])?: (.*)", re.DOTALL)
_FIELDS = {"page": "whom to page", "wait": "how long to wait"}


@dataclass(frozen=True, slots=True)
class StepFields:
    """A step: the names of the people to page, and how long they have."""

    page: tuple[str, ...] = ()
    wait: str = "5m"

    @property
    def listed(self) -> str:
        """The names as one writes them, if there are too many people to tick."""
        return ", ".join(self.page)


@dataclass(frozen=True, slots=True)
class PolicyFields:
    """The fields of the form."""

    slug: str = ""
    steps: tuple[StepFields, ...] = (StepFields(),)

    @classmethod
    def typed(cls, form: FormData, slug: str | None = None) -> Self:
        """Return the typed fields. An existing policy keeps its `slug`."""
        count = _stripped(form.get("rungs", ""))
        many = min(int(count), MOST) if count.isascii() and count.isdigit() and len(count) < 4 else 1
        steps = []
        for place in range(max(many, 1)):
            lines = [name for line in form.getlist(f"page-{place}") for name in str(line).split(",")]
            page = tuple(dict.fromkeys(filter(None, map(_stripped, lines))))
            steps.append(StepFields(page, _stripped(form.get(f"wait-{place}", ""))))
        return cls(_stripped(form.get("slug", "")) if slug is None else slug, tuple(steps))

    @classmethod
    def of(cls, policy: Policy) -> Self:
        """Return the form of an existing policy."""
        steps = [StepFields(step.targets, duration.written(step.wait)) for step in policy.steps]
        return cls(policy.name, tuple(steps))

    def pressed(self, do: str) -> Self:
        """Return the form once a button about its steps is pressed."""
        blank = replace(StepFields(), wait=self.steps[-1].wait)
        return replace(self, steps=form_rows.apply(self.steps, do, blank)[:MOST])

    def entered(self, previous: Policy | None) -> dict[str, object]:
        """Return the fields as the API takes them. People who were in a step together keep their order."""
        orders = [step.targets for step in previous.steps] if previous else []
        return {"steps": [{"page": _ordered(step.page, orders), "wait": step.wait} for step in self.steps]}

    def located(self, problems: Iterable[str]) -> list[tuple[str, str]]:
        """Return each problem with its field, in the form's own words: `page-0`, `wait-0`."""
        return [_located(problem) for problem in problems]


def _located(problem: str) -> tuple[str, str]:
    match = _STEP.fullmatch(problem)
    if match is not None:
        place, field = int(match[1]), match[2] or ""
        label = f", {_FIELDS[field]}" if field in _FIELDS else ""
        return f"{field}-{place}", f"Step {place + 1}{label}: {match[3]}"
    return names.of_slug(problem)


def _ordered(page: tuple[str, ...], orders: Sequence[tuple[str, ...]]) -> list[str]:
    return list(next((order for order in orders if set(order) == set(page)), page))


def _stripped(value: Any) -> str:
    return str(value).strip()
