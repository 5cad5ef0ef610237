"""The trial of a rule in the API: what it would have said of a check's past."""

from datetime import date, datetime
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, Field
from sqlalchemy import Connection

from heartbeat.checks import judgement, rule_grammar
from heartbeat.definitions import single
from heartbeat.http.auth import ContextDep, Viewer
from heartbeat.http.v1 import fields
from heartbeat.http.v1.checks import look_up
from heartbeat.http.v1.keyed import KeyedRoute
from heartbeat.pings import rule_trial

router = APIRouter(prefix="/checks", tags=["checks"], route_class=KeyedRoute)

Definition = Annotated[
    dict[str, Any],
    fields.definition_schema("rule"),
    fields.definition_body(
        A_limit={"rule": "remaining < 5000", "for": 2},
        Compared_with_the_runs_before={"rule": "duration < 3x median of 30 runs", "severity": "warning"},
    ),
]


class BrokenRun(BaseModel):
    """A run that breaks the rule."""

    at: datetime
    why: str = Field(examples=["remaining must be < 5,000, was 40,112"])
    value: float | None = Field(
        description="Its number. Null if it was not reported, or if the rule is about bodies."
    )
    down: bool = Field(description="Whether the check would have been down after it.")


class BrokenDay(BaseModel):
    """A day before these runs on which the rule was broken."""

    day: date
    hours: int = Field(description="The hours of the day in which it was broken.")
    why: str = Field(
        description="Why it was broken in the first of these hours.",
        examples=["remaining must be < 5,000, was 40,112"],
    )


class RuleTrial(BaseModel):
    """What a rule would have said of the last 90 days. Of runs that are no longer kept, figures of their hours are."""

    rule: str = Field(description="The rule in one line.", examples=["remaining < 5000, for 2 runs"])
    since: datetime | None = Field(
        description="The end of the oldest run that is judged. Null if there is none."
    )
    runs: int = Field(description="The runs that are judged, at most 100.")
    falls: int = Field(description="How often the rule would have turned the check down in these runs.")
    broken_runs: list[BrokenRun] = Field(description="The runs that break the rule, newest first.")
    days: int = Field(description="The days before these runs that are judged by the figures of their hours.")
    judged: str = Field(description="How these days are judged.", examples=["by the median of each hour"])
    broken_days: list[BrokenDay] = Field(description="The days that break the rule, newest first.")


@router.post("/{name}/rules/try")
async def try_rule(name: fields.CheckName, body: Definition, context: ContextDep, actor: Viewer) -> RuleTrial:
    """Return what a rule would have said of a check over the last 90 days. Nothing is changed, and nobody is paged.

    The body is an entry of `rules` in the configuration file. A rule that cannot be read is refused with the column
    of its fault (422).
    """
    del actor
    rule = single.read_rule(body)
    now = context.clock.now()

    def read(db: Connection) -> rule_trial.Trial:
        return rule_trial.of(db, look_up(db, name), rule, now)

    return _response(await context.database.read(read))


def _response(trial: rule_trial.Trial) -> RuleTrial:
    return RuleTrial(
        rule=rule_grammar.in_words(trial.rule),
        since=trial.runs[0].at if trial.runs else None,
        runs=len(trial.runs),
        falls=len(trial.falls),
        broken_runs=[_run(run) for run in reversed(trial.broken)],
        days=trial.earlier,
        judged=trial.method,
        broken_days=[BrokenDay(day=day.day, hours=day.hours, why=day.why) for day in reversed(trial.days)],
    )


def _run(run: judgement.TriedRun) -> BrokenRun:
    return BrokenRun(at=run.at, why=run.finding.why, value=run.value, down=run.counts)
