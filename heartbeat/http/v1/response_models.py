"""What the API answers with. Instants are in UTC, durations in seconds."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import AliasPath, BaseModel, ConfigDict, Field, PlainSerializer, WithJsonSchema

from alerting import incident
from alerting.desk import Dossier
from alerting.severity import Severity
from heartbeat.checks import check as watched
from heartbeat.checks import definition, schedule
from heartbeat.checks.cause import Cause
from heartbeat.checks.check import Signal, State
from heartbeat.checks.definition import CheckDefinition

Seconds = Annotated[timedelta, PlainSerializer(timedelta.total_seconds, return_type=float)]
# Two kinds that are both called State would be described by the names of their modules.
Life = Annotated[str, WithJsonSchema({"type": "string", "enum": list(incident.State)})]


class ResponseModel(BaseModel):
    """Built from the value of the same shape inside."""

    model_config = ConfigDict(from_attributes=True)


class Schedule(ResponseModel):
    """When a check is expected: one of `every` (seconds), `cron` and `on_calendar`."""

    every: float | None = Field(default=None, exclude_if=lambda value: value is None)
    cron: str | None = Field(default=None, exclude_if=lambda value: value is None)
    on_calendar: str | None = Field(default=None, exclude_if=lambda value: value is None)
    timezone: str | None = Field(default=None, exclude_if=lambda value: value is None)
    words: str = Field(examples=["at 03:00 every day, UTC"])


class Check(ResponseModel):
    """A scheduled job under watch, and how it stands."""

    slug: str
    uuid: UUID
    name: str
    description: str
    labels: dict[str, str]
    schedule: Schedule
    grace: Seconds
    max_runtime: Seconds | None
    severity: Severity
    policy: str | None
    state: State = Field(description="As shown: past its due time and within grace, a check is late.")
    cause: Cause | None
    since: datetime
    last_heard_at: datetime | None
    last_ok_at: datetime | None
    due_at: datetime | None
    deadline: datetime | None = Field(description="When it turns down if nothing is heard.")
    pings: int = Field(description="How many have come.")
    origin: str = Field(description="Who owns the definition: file, api or ping.")
    incident: int | None = Field(description="The number of the open incident that it belongs to.")
    ping_url: str
    definition: dict[str, Any] = Field(
        description="What `PUT` takes, and what the configuration file would have: only what differs from the "
        "defaults."
    )

    @classmethod
    def of(cls, one: watched.Check, now: datetime, incident: int | None, public_url: str) -> Self:
        """A check as it stands `now`."""
        return cls(
            slug=one.slug,
            uuid=one.uuid,
            name=one.name,
            description=one.description,
            labels=one.labels,
            schedule=Schedule(
                **schedule.to_json(one.schedule),  # type: ignore[arg-type]  # a period is a number, all else text
                words=schedule.in_words(one.schedule),
            ),
            grace=one.grace,
            max_runtime=one.max_runtime,
            severity=one.severity,
            policy=one.policy,
            state=watched.status(one, now),
            cause=one.cause,
            since=one.since,
            last_heard_at=one.last_heard_at,
            last_ok_at=one.last_ok_at,
            due_at=watched.due_at(one),
            deadline=watched.deadline(one),
            pings=one.pings,
            origin=one.origin,
            incident=incident,
            ping_url=f"{public_url}/ping/{one.uuid}",
            definition=definition.written(CheckDefinition.of(one)),
        )


class Checks(ResponseModel):
    """Checks by slug."""

    checks: list[Check]
    next: str | None = Field(
        description="Give this as `after` for more; null where there is no more. With a `state`, a page "
        "may be short of `limit` and still have a next one."
    )


class Ping(ResponseModel):
    """One ping as it came in."""

    n: int
    at: datetime
    type: Signal = Field(validation_alias="kind")
    exit_status: int | None
    rid: UUID | None
    duration: float | None = Field(description="How many seconds the run took that this ping ended.")
    method: str
    remote: str
    agent: str
    body_bytes: int = Field(description="How many bytes of its body are kept.")


class Pings(ResponseModel):
    """The last pings of a check, newest first."""

    pings: list[Ping]
    next: int | None = Field(description="Give this as `before` for more; null where there is no more.")


class Transition(ResponseModel):
    """A check changed its state."""

    at: datetime
    state: State
    cause: Cause | None
    why: str


class Transitions(ResponseModel):
    """PreconditionDep of a check's state, newest first."""

    transitions: list[Transition]
    next: int | None = Field(description="Give this as `before` for more; null where there is no more.")


class Incident(ResponseModel):
    """One cause for which people are paged."""

    id: int
    title: str
    cause: str
    state: Life
    severity: Severity
    occurrence: int = Field(description="Which stretch of paging this is, counted from 1.")
    policy: str = Field(validation_alias=AliasPath("policy", "name"))
    opened_at: datetime
    next_at: datetime | None = Field(
        description="When the next thing happens by itself: the next step, the end of the quiet."
    )
    acknowledged_by: str | None
    acknowledged_at: datetime | None
    resolved_by: str | None
    resolved_at: datetime | None


class Incidents(ResponseModel):
    """Incidents, newest first."""

    incidents: list[Incident]
    next: int | None = Field(description="Give this as `before` for more; null where there is no more.")


class Symptom(ResponseModel):
    """One thing that is, or was, wrong in an incident."""

    check: str | None = Field(description="The slug of the check; null where it is deleted.")
    title: str
    cause: str
    severity: Severity
    since: datetime = Field(validation_alias=AliasPath("facts", "since"))
    expected_at: datetime | None = Field(validation_alias=AliasPath("facts", "expected_at"))
    last_heard_at: datetime | None = Field(validation_alias=AliasPath("facts", "last_heard_at"))
    began_at: datetime | None = Field(
        validation_alias=AliasPath("facts", "began_at"), description="When the run began that takes too long."
    )
    last_well_at: datetime | None = Field(
        validation_alias=AliasPath("facts", "last_well_at"), description="The last success before it."
    )
    last_said: str = Field(validation_alias=AliasPath("facts", "last_said"))
    why: str = Field(validation_alias=AliasPath("facts", "why"))
    raised_at: datetime
    cleared_at: datetime | None
    cleared_why: str | None


class Entry(ResponseModel):
    """One line of an incident's timeline."""

    at: datetime
    kind: str = Field(examples=["down"])
    words: str
    by: str | None


class Attempt(ResponseModel):
    """One try to deliver a page, and what came of it."""

    at: datetime
    via: str
    outcome: str = Field(examples=["accepted"])
    said: str
    provider_id: str | None = Field(description="The provider's own id of what it accepted.")
    receipt: str | None = Field(
        description="The provider's later word on it, delivered or undelivered; null where it gave none.",
        examples=["delivered"],
    )
    receipt_said: str | None = Field(description="Why it could not be delivered.")
    receipt_at: datetime | None = Field(description="The time of that word.")


class Page(ResponseModel):
    """One notice to one person."""

    id: int
    kind: str
    person: str
    occurrence: int
    step: int
    state: str = Field(examples=["delivered"])
    created_at: datetime
    delivered_at: datetime | None
    attempts: list[Attempt]


class Story(Incident):
    """All that is known of one incident."""

    symptoms: list[Symptom]
    timeline: list[Entry]
    pages: list[Page]

    @classmethod
    def of(cls, dossier: Dossier, slugs: Mapping[str, str]) -> Self:
        """The story that these books tell. `slugs` are those of the checks, by the keys of their symptoms."""
        symptoms = [asdict(symptom) | {"check": slugs.get(symptom.key)} for symptom in dossier.symptoms]
        tries: dict[int, list[object]] = {page.id: [] for page in dossier.pages}
        for attempt in dossier.attempts:
            tries[attempt.page_id].append(attempt)
        pages = [asdict(page) | {"attempts": tries[page.id]} for page in dossier.pages]
        rest = {"symptoms": symptoms, "timeline": dossier.timeline, "pages": pages}
        return cls.model_validate(asdict(dossier.incident) | rest)


class Answered(ResponseModel):
    """What became of an answer to an incident."""

    outcome: str = Field(
        description="acknowledged, snoozed, resolved or noted; with `already` where it was so before, "
        "and nothing was changed.",
        examples=["acknowledged", "acknowledged already", "resolved already"],
    )
    by: str = Field(description="Who it was: of two who answer, the first.")
    until: datetime | None = Field(default=None, description="When it pages again, where it is quiet.")


class Overview(ResponseModel):
    """How everything stands, in numbers."""

    checks: dict[State, int] = Field(
        description="How many checks there are in each kept state. A late check counts as up or new.",
        examples=[{"new": 0, "up": 11, "down": 1, "paused": 0}],
    )
    incidents: dict[Life, int] = Field(
        description="How many incidents are not resolved, by state.",
        examples=[{"open": 1, "acknowledged": 0, "snoozed": 0}],
    )
    unanswered_since: datetime | None = Field(
        description="Since when somebody has been paged for an open incident, and nobody has answered."
    )
    newest_success_at: datetime | None = Field(description="When a job last said that it was well.")


class Changes(ResponseModel):
    """What a configuration has changed, in words."""

    changes: list[str]
