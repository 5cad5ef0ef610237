"""The fields of the form of a check: each is text, as it was typed. Pure."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta
from typing import Any, Self

from heartbeat import duration
from heartbeat.checks import dependency, rule_grammar, schedule, schedule_words, time_zone
from heartbeat.checks.check import Measure
from heartbeat.checks.definition import GRACE, SEVERITY, CheckDefinition
from heartbeat.checks.schedule import SEMANTICS, Every, Schedule

KINDS = ("every", "schedule", "on_calendar")
"""The kinds of schedule, called as in the file."""
AHEAD = 5
"""Number of due times in the preview."""


@dataclass(frozen=True, slots=True)
class Draft:
    """The texts of the form. `kind` names the schedule that counts; the other two stay as they were typed."""

    slug: str = ""
    name: str = ""
    description: str = ""
    runbook: str = ""
    kind: str = "every"
    every: str = "1h"
    schedule: str = "0 3 * * *"
    on_calendar: str = "Mon..Fri 03:00"
    timezone: str = "UTC"
    semantics: str = SEMANTICS[0]
    grace: str = duration.written(GRACE)
    max_runtime: str = ""
    stuck_after: str = ""
    min_runtime: str = ""
    at_most: str = ""
    one_at_a_time: str = ""
    finish_by: str = ""
    window: str = ""
    failures: str = "1"
    missed: str = "1"
    labels: str = ""
    severity: str = SEVERITY.value
    policy: str = ""
    manual_resume: str = ""
    lines: str = ""
    formerly: str = ""
    rules: str = ""
    after: str = ""

    @classmethod
    def typed(cls, form: Mapping[str, Any], slug: str | None = None) -> Self:
        """Return the texts of a sent form. An existing check keeps its `slug` unless the form has another one."""
        texts = {
            field_.name: str(form.get(field_.name, "")).replace("\r\n", "\n").strip()
            for field_ in fields(cls)
        }
        if texts["kind"] not in KINDS:
            texts["kind"] = KINDS[0]
        return cls(**texts if slug is None else texts | {"slug": texts["slug"] or slug}).renamed_from(slug)

    def renamed_from(self, slug: str | None) -> Self:
        """Return the form with this slug among the former ones, unless it is the slug still."""
        former = self.formerly.split()
        if slug is None or slug in (self.slug, *former):
            return self
        return replace(self, formerly="\n".join([*former, slug]))

    @classmethod
    def of(cls, definition: CheckDefinition, fields_of_file: Mapping[str, Any]) -> Self:
        """Return the form of a check; `fields_of_file` is its definition in the form of the file."""
        kind = next(kind for kind in KINDS if kind in fields_of_file)
        texts = {name: str(fields_of_file[name]) for name in _PLAIN if name in fields_of_file}
        return replace(
            cls(),
            slug=definition.slug,
            kind=kind,
            grace=duration.written(definition.grace),
            labels="\n".join(f"{name}={value}" for name, value in definition.labels.items()),
            manual_resume="yes" if definition.manual_resume else "",
            lines="yes" if definition.measure is Measure.LINES else "",
            one_at_a_time="yes" if definition.expectation.one_at_a_time else "",
            failures=str(definition.alert_after.failures),
            missed=str(definition.alert_after.missed),
            formerly="\n".join(definition.formerly),
            rules="\n".join(map(rule_grammar.in_words, definition.rules)),
            after="\n".join(dependency.in_words(definition.after)),
            **texts,
        )

    def as_in_file(self) -> dict[str, object]:
        """Return the fields in the form of the file. Raises ValueError for a line that is not a label."""
        texts = ("name", "description", "runbook")
        whole: dict[str, object] = {name: getattr(self, name) or None for name in texts}
        whole |= self.timing() | {"severity": self.severity or None, "policy": self.policy or None}
        whole |= {"labels": self._pairs() or None, "formerly": self.formerly.split() or None}
        rules = [rule_grammar.of_line(line) for line in map(str.strip, self.rules.split("\n")) if line]
        whole["after"] = self._parents() or None
        measure = Measure.LINES if self.lines else Measure.JSON
        return whole | {
            "rules": rules or None,
            "manual_resume": bool(self.manual_resume),
            "measure": measure.value,
        }

    def timing(self) -> dict[str, object]:
        """Return only the fields of the schedule and its limits."""
        in_zone = self.kind != "every" or self.window or self.finish_by
        zone: dict[str, object] = {"timezone": self.timezone or None} if in_zone else {}
        if self.kind == "schedule":
            zone["semantics"] = self.semantics or None
        names = ("grace", "max_runtime", "stuck_after", "min_runtime", "at_most", "finish_by", "window")
        limits: dict[str, object] = {name: getattr(self, name) or None for name in names}
        limits["one_at_a_time"] = bool(self.one_at_a_time)
        limits["alert_after"] = {"failures": _whole(self.failures), "missed": _whole(self.missed)}
        return {self.kind: getattr(self, self.kind), **zone, **limits}

    def located(self, problems: Iterable[str]) -> list[tuple[str, str]]:
        """Return each problem with its field of the form, empty if it has none. One of many lines names its line."""
        return [self._located(problem) for problem in problems]

    def _located(self, problem: str) -> tuple[str, str]:
        if match := _IN_LINES.fullmatch(problem):
            name, place, inner, sentence = match.groups()
            within = f", {inner}" if inner and inner != "rule" else ""
            return name, f"{_LINES[name]}, line {self._line(name, int(place))}{within}: {sentence}"
        name = problem.partition(":")[0].removeprefix("alert_after.").partition(".")[0].partition("[")[0]
        if problem.startswith("check ") and "cannot be a name" in problem:
            return "slug", problem
        return (name if name in _NAMES else ""), problem

    def _line(self, name: str, place: int) -> int:
        """Return the number of the line with the entry of this place. Empty lines have no entry."""
        entries = [
            number
            for number, line in enumerate(getattr(self, name).split("\n"), 1)
            for _ in (line.split() if name == "formerly" else [line.strip()])
            if line.strip()
        ]
        return entries[place]

    def _parents(self) -> list[object]:
        try:
            return [dependency.of_line(line) for line in map(str.strip, self.after.split("\n")) if line]
        except ValueError as error:
            raise ValueError(f"after: {error}") from None

    def _pairs(self) -> dict[str, str]:
        labels: dict[str, str] = {}
        for line in filter(None, map(str.strip, self.labels.split("\n"))):
            name, is_pair, value = line.partition("=")
            if not is_pair:
                raise ValueError(f"labels: {line[:40]!r} is not a label; write one name=value per line.")
            if name.strip() in labels:
                raise ValueError(f"labels: {name.strip()[:40]!r} is listed twice.")
            labels[name.strip()] = value.strip()
        return labels


def _whole(text: str) -> object:
    """Return a number as the file's reader takes it, None for nothing, and any other text as it is."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else text or None


@dataclass(frozen=True, slots=True)
class SchedulePreview:
    """The meaning of a schedule: its words, the next due times, the grace, the missed runs that turn the check down,
    and warnings. `problems` are the reasons why there is no preview."""

    words: str = ""
    zone: str = "UTC"
    due: tuple[datetime, ...] = ()
    grace: timedelta = timedelta()
    missed: int = 1
    warnings: tuple[str, ...] = ()
    problems: tuple[str, ...] = field(default=())


def preview(definition: CheckDefinition, now: datetime) -> SchedulePreview:
    """Return the meaning of a schedule from `now` on, if each run is heard when it is due."""
    planned = definition.schedule
    return SchedulePreview(
        words=schedule_words.with_expectation(planned, definition.expectation),
        zone="UTC" if isinstance(planned, Every) else planned.timezone,
        due=tuple(schedule.upcoming(planned, now, AHEAD)),
        grace=definition.grace,
        missed=definition.alert_after.missed,
        warnings=(*schedule.warnings(planned), *_zone_warnings(planned)),
    )


def _zone_warnings(planned: Schedule) -> list[str]:
    warning = None if isinstance(planned, Every) else time_zone.warning(planned.timezone)
    return [warning] if warning else []


_NAMES = frozenset(field_.name for field_ in fields(Draft))
_LINES = {"rules": "Rules", "after": "Runs after", "formerly": "Former slugs"}
"""The fields with one entry per line, and their labels."""
_IN_LINES = re.compile(rf"({'|'.join(_LINES)})\[(\d+)\](?:\.(\w+))?: (.*)", re.DOTALL)

_PLAIN = (
    "name",
    "description",
    "runbook",
    *KINDS,
    "timezone",
    "semantics",
    "max_runtime",
    "stuck_after",
    "min_runtime",
    "at_most",
    "finish_by",
    "window",
    "severity",
    "policy",
)
