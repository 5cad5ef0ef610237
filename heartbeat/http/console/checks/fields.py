"""A check as a form has it: every field is text, as it was typed. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta
from typing import Any, Self

from heartbeat import duration
from heartbeat.checks import schedule
from heartbeat.checks.definition import GRACE, SEVERITY, CheckDefinition
from heartbeat.checks.schedule import Every

KINDS = ("every", "schedule", "on_calendar")
"""The ways in which it can be said when a check is due: the names of the file's fields."""
SHOWN = 5
"""Due times that are shown ahead."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What stands in the form. `kind` says which of the three schedules counts; the others are kept as typed."""

    slug: str = ""
    name: str = ""
    description: str = ""
    kind: str = "every"
    every: str = "1h"
    schedule: str = "0 3 * * *"
    on_calendar: str = "Mon..Fri 03:00"
    timezone: str = "UTC"
    grace: str = duration.written(GRACE)
    max_runtime: str = ""
    labels: str = ""
    severity: str = SEVERITY.value
    policy: str = ""
    manual_resume: str = ""

    @classmethod
    def typed(cls, form: Mapping[str, Any], slug: str | None = None) -> Self:
        """What somebody has typed. Of a check that there is, the `slug` stays."""
        said = {one.name: str(form.get(one.name, "")).replace("\r\n", "\n").strip() for one in fields(cls)}
        if said["kind"] not in KINDS:
            said["kind"] = KINDS[0]
        return cls(**(said if slug is None else said | {"slug": slug}))

    @classmethod
    def of(cls, one: CheckDefinition, written: Mapping[str, Any]) -> Self:
        """The form of a check that there is; `written` is its definition as the file would have it."""
        kind = next(kind for kind in KINDS if kind in written)
        known = {name: str(written[name]) for name in _PLAIN if name in written}
        return replace(
            cls(),
            slug=one.slug,
            kind=kind,
            grace=duration.written(one.grace),
            labels="\n".join(f"{name}={value}" for name, value in one.labels.items()),
            manual_resume="yes" if one.manual_resume else "",
            **known,
        )

    def given(self) -> dict[str, object]:
        """The same as the file has it. Raises ValueError where a line of the labels is none."""
        whole: dict[str, object] = {name: getattr(self, name) or None for name in ("name", "description")}
        whole |= self.timing() | {"severity": self.severity or None, "policy": self.policy or None}
        return whole | {"labels": self._pairs() or None, "manual_resume": bool(self.manual_resume)}

    def timing(self) -> dict[str, object]:
        """Only what says when it is due, and how late it may be."""
        zone = {} if self.kind == "every" else {"timezone": self.timezone or None}
        limits = {"grace": self.grace or None, "max_runtime": self.max_runtime or None}
        return {self.kind: getattr(self, self.kind), **zone, **limits}

    def _pairs(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for line in filter(None, map(str.strip, self.labels.split("\n"))):
            name, is_pair, value = line.partition("=")
            if not is_pair:
                raise ValueError(f"labels: {line[:40]!r} is no label; write one name=value a line.")
            if name.strip() in found:
                raise ValueError(f"labels: {name.strip()[:40]!r} stands there twice.")
            found[name.strip()] = value.strip()
        return found


@dataclass(frozen=True, slots=True)
class Preview:
    """What a schedule means: in words, when it is due next, when each silence would be noticed, and what to beware
    of. `problems` say why there is nothing to show."""

    words: str = ""
    zone: str = "UTC"
    due: tuple[datetime, ...] = ()
    grace: timedelta = timedelta()
    warnings: tuple[str, ...] = ()
    problems: tuple[str, ...] = field(default=())


def preview(one: CheckDefinition, now: datetime) -> Preview:
    """What the schedule of this definition means from `now` on, as if each run were heard when it is due."""
    planned = one.schedule
    return Preview(
        words=schedule.in_words(planned),
        zone="UTC" if isinstance(planned, Every) else planned.timezone,
        due=tuple(schedule.upcoming(planned, now, SHOWN)),
        grace=one.grace,
        warnings=tuple(schedule.warnings(planned)),
    )


def wrong(problems: list[str]) -> list[tuple[str, str]]:
    """Each problem with the field of the form that it is about, empty where it is about none."""
    names = {one.name for one in fields(Draft)}
    found = []
    for said in problems:
        name = said.partition(":")[0].partition(".")[0]
        about = "slug" if said.startswith("check ") and "cannot be a name" in said else name
        found.append((about if about in names else "", said))
    return found


_PLAIN = ("name", "description", *KINDS, "timezone", "max_runtime", "severity", "policy")
