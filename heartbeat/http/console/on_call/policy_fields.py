"""A policy as a form has it: every field is text, as it was typed. Pure."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

from starlette.datastructures import FormData

from alerting.escalation import Policy
from heartbeat import duration
from heartbeat.http.console import form_rows

MOST = 20
"""Steps that the form has room for; longer policies are the file's and the API's."""
_STEP = re.compile(r"steps\[(\d+)\](?:\.(\w+))?(?:\[\d+\])?: (.*)", re.DOTALL)
_FIELDS = {"page": "whom to page", "wait": "how long to wait"}


@dataclass(frozen=True, slots=True)
class Rung:
    """One step: whom to page, by their names in the configuration, and how long they have."""

    page: tuple[str, ...] = ()
    wait: str = "5m"

    @property
    def listed(self) -> str:
        """Whom to page, as one writes it where there are too many people to be ticked."""
        return ", ".join(self.page)


@dataclass(frozen=True, slots=True)
class Ladder:
    """What stands in the form."""

    slug: str = ""
    rungs: tuple[Rung, ...] = (Rung(),)

    @classmethod
    def typed(cls, form: FormData, slug: str | None = None) -> Self:
        """What somebody has typed. Of a policy that there is, the `slug` stays."""
        count = _said(form.get("rungs", ""))
        many = min(int(count), MOST) if count.isascii() and count.isdigit() and len(count) < 4 else 1
        found = []
        for place in range(max(many, 1)):
            lines = [one for line in form.getlist(f"page-{place}") for one in str(line).split(",")]
            page = tuple(dict.fromkeys(filter(None, map(_said, lines))))
            found.append(Rung(page, _said(form.get(f"wait-{place}", ""))))
        return cls(_said(form.get("slug", "")) if slug is None else slug, tuple(found))

    @classmethod
    def of(cls, policy: Policy) -> Self:
        """The form of a policy that there is."""
        rungs = [Rung(step.targets, duration.written(step.wait)) for step in policy.steps]
        return cls(policy.name, tuple(rungs))

    def after(self, do: str) -> Self:
        """The form once a button about its steps is pressed."""
        blank = replace(Rung(), wait=self.rungs[-1].wait)
        return replace(self, rungs=form_rows.apply(self.rungs, do, blank)[:MOST])

    def given(self, before: Policy | None) -> dict[str, object]:
        """The same as the API takes it. Who stood together in a step before stays in the order in which they did."""
        orders = [step.targets for step in before.steps] if before else []
        return {"steps": [{"page": _ordered(one.page, orders), "wait": one.wait} for one in self.rungs]}

    def wrong(self, problems: Iterable[str]) -> list[tuple[str, str]]:
        """Each problem with the field that it is about, in the form's own words: `page-0`, `wait-0`."""
        return [_wrong(said) for said in problems]


def _wrong(said: str) -> tuple[str, str]:
    found = _STEP.fullmatch(said)
    if found is not None:
        place, field = int(found[1]), found[2] or ""
        words = f", {_FIELDS[field]}" if field in _FIELDS else ""
        return f"{field}-{place}", f"Step {place + 1}{words}: {found[3]}"
    if said.startswith("slug: "):
        return "slug", f"Slug: {said.removeprefix('slug: ')}"
    return ("slug" if "cannot be a name" in said else ""), said


def _ordered(page: tuple[str, ...], orders: Sequence[tuple[str, ...]]) -> list[str]:
    return list(next((known for known in orders if set(known) == set(page)), page))


def _said(given: Any) -> str:
    return str(given).strip()
