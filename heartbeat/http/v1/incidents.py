"""Incidents in the API: their stories, and the answers to them, each of which can be given twice."""

from dataclasses import replace
from datetime import datetime
from typing import assert_never

from fastapi import APIRouter
from sqlalchemy import Connection

from alerting import desk
from alerting.incident import (
    LONGEST_QUIET,
    Acknowledged,
    Incident,
    Missing,
    Resolved,
    Snoozed,
    Stale,
)
from heartbeat.actor import Actor
from heartbeat.checks import actions, symptoms
from heartbeat.http.auth import ContextDep, Responder
from heartbeat.http.context import Context
from heartbeat.http.pages import queries
from heartbeat.http.problem import NoSuch, Outdated, Unacceptable
from heartbeat.http.v1 import fields
from heartbeat.http.v1.response_models import Answered, Incidents, Story
from heartbeat.http.v1.tags import ConditionalRead, ConditionalReadDep, tag

Outcome = Acknowledged | Snoozed | Resolved | Stale | Missing

router = APIRouter(prefix="/incidents", tags=["incidents"])


@router.get("")
async def list_incidents(
    context: ContextDep,
    conditional: ConditionalReadDep,
    open: fields.OnlyOpen = False,
    before: fields.Before | None = None,
    limit: fields.Limit = 50,
) -> Incidents:
    """Incidents, newest first: all, or those that are not resolved."""

    def read(db: Connection) -> list[Incident]:
        return symptoms.titled(db, desk.incidents(db, open_only=open, limit=limit + 1, before=before))

    found = await context.database.read(read)
    following = found[limit - 1].id if len(found) > limit else None
    conditional.set_tag(tag((found[:limit], following)))
    return Incidents.model_validate({"incidents": found[:limit], "next": following})


@router.get("/{number}")
async def show_incident(number: fields.Number, context: ContextDep, conditional: ConditionalReadDep) -> Story:
    """One incident: what is wrong, what happened, who was told by what, and what the providers said."""
    return await context.database.read(lambda db: _story(db, number, conditional))


@router.post("/{number}/acknowledge")
async def acknowledge(
    number: fields.Number, context: ContextDep, actor: Responder, asked: fields.Acknowledge | None = None
) -> Answered:
    """Take care of it: nobody else is paged until this expires, and then everybody is again.

    Of two who answer, the first counts. An answer to an occurrence that is over is refused (409).
    """
    asked = asked or fields.Acknowledge()
    now = context.clock.now()
    until = asked.until and _soon(asked.until, now)
    outcome = await context.database.write(
        lambda db: actions.acknowledge(
            db, number, actor, now, by=asked.by, occurrence=asked.occurrence, until=until
        )
    )
    context.metrics.paging.observe_answer(outcome)
    return _answered(context, number, outcome)


@router.post("/{number}/snooze")
async def snooze(
    number: fields.Number, context: ContextDep, actor: Responder, asked: fields.Snooze
) -> Answered:
    """Quiet until then, when it pages again."""
    now = context.clock.now()
    until = _soon(asked.until, now)
    outcome = await context.database.write(
        lambda db: actions.snooze(db, number, actor, now, until, by=asked.by)
    )
    return _answered(context, number, outcome)


@router.post("/{number}/resolve")
async def resolve(
    number: fields.Number, context: ContextDep, actor: Responder, asked: fields.Resolve | None = None
) -> Answered:
    """End it. Checks of it that are still down are expected afresh from now on, so that none is forgotten."""
    now, by = context.clock.now(), (asked and asked.by) or actor.name
    outcome = await context.database.write(lambda db: actions.resolve(db, number, actor, now, by=by))
    return _answered(context, number, outcome)


@router.post("/{number}/note")
async def note(number: fields.Number, context: ContextDep, actor: Responder, asked: fields.Note) -> Answered:
    """Add words to its timeline. The same words by the same person are kept once."""
    now, by = context.clock.now(), asked.by or actor.name
    fresh = await context.database.write(lambda db: _note(db, number, actor, by, asked.words, now))
    return Answered(outcome="noted" if fresh else "noted already", by=by)


def _story(db: Connection, number: int, conditional: ConditionalRead) -> Story:
    found = _dossier(db, number)
    (named,) = symptoms.titled(db, [found.incident])
    found = replace(found, incident=named)
    slugs = queries.slugs(db, [symptom.key for symptom in found.symptoms])
    conditional.set_tag(tag(found.incident.id, (found, slugs)))
    return Story.of(found, slugs)


def _note(db: Connection, number: int, actor: Actor, by: str, words: str, now: datetime) -> bool:
    known = {(entry.by, entry.words) for entry in _dossier(db, number).timeline if entry.kind == "note"}
    return (by, words) not in known and actions.note(db, number, actor, words, now, by=by)


def _answered(context: Context, number: int, outcome: Outcome) -> Answered:
    """The one place that says what each outcome is to a client."""
    context.wake()
    match outcome:
        case Acknowledged(by, until):
            words = "acknowledged already" if outcome.repeated else "acknowledged"
            return Answered(outcome=words, by=by, until=until)
        case Snoozed(by, until):
            return Answered(outcome="snoozed", by=by, until=until)
        case Resolved(by):
            return Answered(outcome="resolved already" if outcome.repeated else "resolved", by=by)
        case Stale(occurrence):
            raise Outdated(
                f"occurrence: incident {number} is in occurrence {occurrence}, not the one answered; "
                "nothing was changed."
            )
        case Missing():
            raise _missing(number)
    assert_never(outcome)


def _soon(until: datetime, now: datetime) -> datetime:
    """No quiet is for ever, and none for the past."""
    if not now < until <= now + LONGEST_QUIET:
        raise Unacceptable(f"until: must be after now and within {LONGEST_QUIET.days} days.")
    return until


def _dossier(db: Connection, number: int) -> desk.Dossier:
    found = desk.dossier(db, number)
    if found is None:
        raise _missing(number)
    return found


def _missing(number: int) -> NoSuch:
    return NoSuch(f"There is no incident {number}.")
