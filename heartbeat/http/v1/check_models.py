"""A check in the answers of the API, with its runs, rules, pings and changes of state."""

from datetime import datetime
from typing import Any, Self
from uuid import UUID

from pydantic import Field

from alerting.severity import Severity
from heartbeat.checks import check as check_life
from heartbeat.checks import deadline as deadlines
from heartbeat.checks import (
    definition,
    expectation,
    headway,
    progress,
    rule_grammar,
    schedule,
    schedule_words,
)
from heartbeat.checks import rule as check_rule
from heartbeat.checks.cause import Cause
from heartbeat.checks.check import Measure, Signal, State
from heartbeat.checks.definition import CheckDefinition
from heartbeat.http.v1.response_models import NextNumber, ResponseModel, Seconds


class Schedule(ResponseModel):
    """The schedule of a check: one of `every` (seconds), `cron` and `on_calendar`."""

    every: float | None = Field(default=None, exclude_if=lambda value: value is None)
    cron: str | None = Field(default=None, exclude_if=lambda value: value is None)
    on_calendar: str | None = Field(default=None, exclude_if=lambda value: value is None)
    timezone: str | None = Field(default=None, exclude_if=lambda value: value is None)
    semantics: str | None = Field(default=None, exclude_if=lambda value: value is None)
    words: str = Field(examples=["at 03:00 every day, UTC"])


class Tolerance(ResponseModel):
    """The failures, and the missed runs, in a row that turn a check down."""

    failures: int
    missed: int


class OpenRun(ResponseModel):
    """A run that has started and not ended, with its progress if it reports any."""

    rid: UUID | None = Field(description="The id with which it was started.")
    started_at: datetime
    overran: bool
    done: float | None = Field(description="How much is done, by its last report.", examples=[369])
    total: float | None = Field(
        description="How much there is in all. Null if it does not say.", examples=[900]
    )
    per_hour: float | None = Field(description="How much is done in an hour, by its pace.", examples=[26.4])
    reported_at: datetime | None = Field(description="The time of its last report of progress.")
    moved_at: datetime | None = Field(description="The time at which it last moved.")
    ends_at: datetime | None = Field(
        description="The estimated end, as exact as it can be. Null if it is too early or too uncertain to say."
    )
    stuck_at: datetime | None = Field(description="It is stuck from this time on unless it moves.")
    measurements: dict[str, float] = Field(
        description="The last value of each further number in its reports."
    )
    misread: str | None = Field(
        description="A sentence on the numbers of its last report that were not understood. Null if all were."
    )

    @classmethod
    def of(cls, check: check_life.Check, run: check_life.Run) -> Self:
        """Build the response for an open run of a check."""
        reports = run.progress
        estimate = progress.estimate(reports) if reports else None
        return cls(
            rid=UUID(run.rid) if run.rid else None,
            started_at=run.started_at,
            overran=run.overran,
            done=reports.amount.done if reports else None,
            total=reports.amount.total if reports else None,
            per_hour=progress.per_hour(reports) if reports else None,
            reported_at=reports.reported_at if reports else None,
            moved_at=reports.moved_at if reports else None,
            ends_at=estimate.about if estimate else None,
            stuck_at=headway.run_stuck_at(check, run),
            measurements=dict(run.numbers),
            misread=run.misread,
        )


class Rule(ResponseModel):
    """What every run of a check must keep."""

    rule: str = Field(examples=["remaining < 5000"])
    name: str = Field(examples=["catching up"])
    severity: Severity | None = Field(description="Null: the severity of the check.")
    runs: int = Field(description="How many runs in a row must break it.")
    of_labels: bool = Field(description="It is one for the labels of the check, from the top of the file.")

    @classmethod
    def of(cls, rule: check_rule.Rule, of_labels: bool) -> Self:
        """Build the response for a rule."""
        text = rule_grammar.write(rule.condition)
        return cls(rule=text, name=rule.name, severity=rule.severity, runs=rule.runs, of_labels=of_labels)


class Check(ResponseModel):
    """A check and its state."""

    slug: str
    uuid: UUID | None = Field(
        description="Whoever knows it can ping the check. Null for viewers and for keys that can only read."
    )
    name: str
    description: str
    runbook: str = Field(description="A URL, or a line of text; empty if it has none.")
    labels: dict[str, str]
    schedule: Schedule
    grace: Seconds
    max_runtime: Seconds | None
    until_done: bool = Field(
        description="True if a run may go on until it is done, while its estimate is within `max_runtime`."
    )
    stuck_after: Seconds | None = Field(
        description="The time without progress after which a run is stuck. 0: learnt from its own pace."
    )
    min_runtime: Seconds | None
    at_most: str | None = Field(description="The most runs in a period of time.", examples=["3 per 1h"])
    one_at_a_time: bool
    finish_by: str | None = Field(
        description="The time of day by which a run must have succeeded, in the zone of its schedule.",
        examples=["06:00"],
    )
    window: str | None = Field(
        description="The part of the day in which runs must fall, in the zone of its schedule.",
        examples=["01:00-03:00"],
    )
    alert_after: Tolerance
    measure: Measure = Field(description="Where its numbers are in a body: json, or lines as well.")
    rules: list[Rule] = Field(description="What its runs must keep. A run that breaks one is ineffective.")
    after: list[str | dict[str, str]] = Field(
        description="The checks that it runs after: slugs, or labels. While one of them is down, it waits.",
        examples=[["nightly-backup"]],
    )
    failures: int = Field(description="Failures in a row since the last success.")
    missed: int = Field(description="Tolerated missed runs in a row since the last ping.")
    severity: Severity
    policy: str | None
    state: State = Field(
        description="The current state. Between its due time and its deadline, a check is late. It is unknown while it "
        "was not heard since a time in which heartbeat could not hear pings."
    )
    cause: Cause | None
    since: datetime
    last_heard_at: datetime | None
    last_ok_at: datetime | None
    due_at: datetime | None
    deadline: datetime | None = Field(description="It turns down at this time unless a ping arrives.")
    runs: list[OpenRun] = Field(description="The runs under way, at most 20.")
    pings: int = Field(description="The number of pings received, without reports of progress.")
    origin: str = Field(
        description="The owner of the definition: file, api (the API and the console) or ping."
    )
    incident: int | None = Field(description="The number of its open incident.")
    ping_url: str | None = Field(description="Null where `uuid` is.")
    time_zone_question: str | None = Field(
        default=None,
        description="A question if its last runs came hours away from their slots. Only in the answer for one check.",
    )
    definition: dict[str, Any] = Field(
        description="The body for `PUT`, as the configuration file has it. It has only the fields that differ from the "
        "defaults."
    )

    @classmethod
    def of(cls, check: check_life.Check, now: datetime, incident: int | None, public_url: str | None) -> Self:
        """Build the response for a check at `now`. It has no address to ping without `public_url`."""
        kept = expectation.written(check.expectation)
        return cls(
            slug=check.slug,
            uuid=check.uuid if public_url else None,
            name=check.name,
            description=check.description,
            runbook=check.runbook,
            labels=check.labels,
            schedule=Schedule(
                **schedule.to_json(check.schedule),  # type: ignore[arg-type]  # a period is a number, all else text
                words=schedule_words.with_expectation(check.schedule, check.expectation),
            ),
            grace=check.grace,
            max_runtime=check.max_runtime,
            until_done=check.until_done,
            stuck_after=check.stuck_after,
            min_runtime=check.expectation.min_runtime,
            **{name: kept[name] for name in ("at_most", "finish_by", "window")},
            one_at_a_time=check.expectation.one_at_a_time,
            alert_after=Tolerance.model_validate(check.alert_after),
            measure=check.measure,
            rules=[
                *(Rule.of(rule, False) for rule in check.rules),
                *(Rule.of(rule, True) for rule in check.label_rules),
            ],
            after=[*check.after.names, *map(dict, check.after.matches)],
            failures=check.failures,
            missed=check.missed,
            severity=check.severity,
            policy=check.policy,
            state=deadlines.status(check, now),
            cause=check.cause,
            since=check.since,
            last_heard_at=check.last_heard_at,
            last_ok_at=check.last_ok_at,
            due_at=deadlines.due_at(check),
            deadline=deadlines.of(check),
            runs=[OpenRun.of(check, run) for run in check.runs],
            pings=check.pings,
            origin=check.origin,
            incident=incident,
            ping_url=f"{public_url}/ping/{check.uuid}" if public_url else None,
            definition=definition.written(CheckDefinition.of(check)),
        )


class Checks(ResponseModel):
    """Checks by slug."""

    checks: list[Check]
    next: str | None = Field(
        description="Send it as `after` to get the next checks. Null at the end of the list. With a `state`, an "
        "answer can have fewer checks than `limit` and still have a `next`."
    )


class Ping(ResponseModel):
    """One ping."""

    n: int
    at: datetime
    type: Signal = Field(validation_alias="kind")
    exit_status: int | None
    rid: UUID | None
    duration: float | None = Field(description="Seconds of the run that this ping ended.")
    method: str
    remote: str
    agent: str
    body_bytes: int = Field(description="Bytes of its body that are kept.")
    measurements: dict[str, float] | None = Field(description="The numbers that it carried, by name.")
    misread: str | None = Field(
        description="A sentence on what was not understood: a number, or the time `at`."
    )


class Pings(ResponseModel):
    """The last pings of a check, newest first."""

    pings: list[Ping]
    next: NextNumber


class Transition(ResponseModel):
    """A change of a check's state."""

    at: datetime
    state: State
    cause: Cause | None
    why: str


class Transitions(ResponseModel):
    """Changes of a check's state, newest first."""

    transitions: list[Transition]
    next: NextNumber
