"""A check as it is defined: read from a file or an API, written to a file, made into a check. Pure."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Self
from uuid import UUID

from alerting.severity import Severity
from heartbeat import cause, check, duration
from heartbeat.check import Check
from heartbeat.schedule import Cron, Every, Schedule
from heartbeat.written import Inline, filled, unless

GRACE: Final = timedelta(minutes=5)
"""How late a job may be where neither its check nor the top of the file says."""

SEVERITY: Final = Severity.ERROR
"""How bad it is that a check is down that does not say."""


@dataclass(frozen=True, slots=True)
class CheckDefinition:
    """A check as it is defined. Its policy is the one in force, written or by default."""

    slug: str
    name: str
    schedule: Schedule
    grace: timedelta
    max_runtime: timedelta | None = None
    description: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    severity: Severity = SEVERITY
    policy: str | None = None
    manual_resume: bool = False

    @classmethod
    def of(cls, check: Check) -> Self:
        """The definition of a check that there is."""
        return cls(**{name: getattr(check, name) for name in cls.__slots__})

    def fields(self) -> dict[str, Any]:
        """By name what a `Check` has of it."""
        return {name: getattr(self, name) for name in self.__slots__}


def fresh(one: CheckDefinition, group_by: Collection[str], origin: str, now: datetime, uuid: UUID) -> Check:
    """A new check of this definition, expected from now on."""
    made = Check(
        id=0,
        uuid=uuid,
        **one.fields(),
        group_key=cause.group_key(one.slug, one.labels, tuple(group_by)),
        origin=origin,
        since=now,
        armed_at=now,
    )
    return check.rearmed(made, now)


def redefined(
    before: Check, one: CheckDefinition | None, group_by: Collection[str], origin: str, now: datetime
) -> Check:
    """The check by this definition, or by its own where there is none; the same object where nothing differs."""
    fields: dict[str, Any] = one.fields() | {"origin": origin} if one else {}
    labels = one.labels if one else before.labels
    fields["group_key"] = cause.group_key(before.slug, labels, tuple(group_by))
    different = {name: value for name, value in fields.items() if getattr(before, name) != value}
    return check.redefined(before, now, **different) if different else before


def written(one: CheckDefinition, policy: str | None = None) -> dict[str, Any]:
    """One check as a file holds it. `policy` is that of checks that name none there."""
    return filled(
        {
            "name": unless(one.name, one.slug),
            "description": one.description or None,
            **_schedule(one.schedule),
            "grace": unless(duration.written(one.grace), duration.written(GRACE)),
            "max_runtime": None if one.max_runtime is None else duration.written(one.max_runtime),
            "labels": Inline(one.labels) or None,
            "severity": unless(one.severity.value, SEVERITY.value),
            "policy": unless(one.policy, policy),
            "manual_resume": one.manual_resume or None,
        }
    )


def _schedule(one: Schedule) -> dict[str, str | None]:
    match one:
        case Every(period):
            return {"every": duration.written(period)}
        case Cron(expression, timezone):
            return {"schedule": expression, "timezone": unless(timezone, "UTC")}
        case _:
            return {"on_calendar": one.expression, "timezone": unless(one.timezone, "UTC")}
