"""Incidents in the API: read and answer them. Every answer can be repeated."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import assert_never

from fastapi import APIRouter, Response
from sqlalchemy import Connection

from alerting import desk
from alerting.answer import LONGEST_QUIET, Acknowledged, Missing, Resolved, Snoozed, Stale
from alerting.handover import AllWell, HandedOn, Nobody, Reassigned, Withdrawn
from alerting.incident import Incident
from alerting.regrouping import Merged, Unmergeable
from heartbeat.actor import Actor
from heartbeat.checks import actions, surroundings, symptoms
from heartbeat.checks import store as check_store
from heartbeat.definitions.edit.people import open_addresses
from heartbeat.http.auth import ContextDep, Responder
from heartbeat.http.context import Context
from heartbeat.http.pages import queries
from heartbeat.http.problem import Conflict, NoSuch, Outdated, Unacceptable
from heartbeat.http.v1 import fields
from heartbeat.http.v1.incident_models import (
    AnsweredIncident,
    AnsweredIncidents,
    AnswerOutcome,
    IncidentDetails,
    Incidents,
)
from heartbeat.http.v1.keyed import KeyedRoute
from heartbeat.http.v1.tags import ConditionalRead, ConditionalReadDep, tag
from heartbeat.review import material

Answer = (
    Acknowledged | AllWell | HandedOn | Missing | Nobody | Reassigned | Resolved | Snoozed | Stale | Withdrawn
)

router = APIRouter(prefix="/incidents", tags=["incidents"], route_class=KeyedRoute)


@router.get("")
async def list_incidents(
    context: ContextDep,
    conditional: ConditionalReadDep,
    open: fields.OnlyOpen = False,
    before: fields.Before | None = None,
    limit: fields.Limit = 50,
) -> Incidents:
    """List incidents, newest first: all, or only unresolved ones."""

    def read(db: Connection) -> list[Incident]:
        incidents = desk.incidents(db, open_only=open, limit=limit + 1, older_than=before)
        return surroundings.titled(db, incidents, context.clock.now())

    incidents = await context.database.read(read)
    following = incidents[limit - 1].id if len(incidents) > limit else None
    conditional.set_tag(tag((incidents[:limit], following)))
    return Incidents.model_validate({"incidents": incidents[:limit], "next": following})


@router.get("/{number}")
async def show_incident(
    number: fields.IncidentNumber, context: ContextDep, conditional: ConditionalReadDep
) -> IncidentDetails:
    """Return one incident with its symptoms, its timeline, its pages and the answers of providers."""
    return await context.database.read(lambda db: _details(db, number, conditional, context.clock.now()))


@router.get(
    "/{number}/postmortem", response_class=Response, responses={200: {"content": {"text/markdown": {}}}}
)
async def draft_postmortem(number: fields.IncidentNumber, context: ContextDep) -> Response:
    """Return the draft of a post-mortem in Markdown.

    It has the times to detect, acknowledge and resolve, the affected checks with plots in text, the timeline, the
    notes, every page with its attempts, and what customers were told.
    """
    now, home = context.clock.now(), context.public_url
    drafted = await context.database.read(lambda db: material.draft(db, number, now, home))
    if drafted is None:
        raise _missing(number)
    return Response(drafted, media_type="text/markdown")


@router.post("/{number}/acknowledge")
async def acknowledge(
    number: fields.IncidentNumber,
    context: ContextDep,
    actor: Responder,
    body: fields.Acknowledge | None = None,
) -> AnswerOutcome:
    """Acknowledge an incident: nobody else is paged until the acknowledgement expires. Then it pages again.

    Of two answers, the first counts. An answer to an earlier occurrence is refused (409).
    """
    body = body or fields.Acknowledge()
    now = context.clock.now()
    until = body.until and _checked_until(body.until, now)
    outcome = await context.database.write(
        lambda db: actions.acknowledge(
            db, number, actor, now, by=body.by, occurrence=body.occurrence, until=until
        )
    )
    context.metrics.paging.observe_answer(outcome)
    return _answer_outcome(context, number, outcome)


@router.post("/{number}/snooze")
async def snooze(
    number: fields.IncidentNumber, context: ContextDep, actor: Responder, body: fields.Snooze
) -> AnswerOutcome:
    """Snooze an incident until a given time. Then it pages again."""
    now = context.clock.now()
    until = _checked_until(body.until, now)
    outcome = await context.database.write(
        lambda db: actions.snooze(db, number, actor, now, until, by=body.by)
    )
    return _answer_outcome(context, number, outcome)


@router.post("/{number}/resolve")
async def resolve(
    number: fields.IncidentNumber, context: ContextDep, actor: Responder, body: fields.Resolve | None = None
) -> AnswerOutcome:
    """Resolve an incident. Its checks that are still down are expected again from now on."""
    now, by = context.clock.now(), body.by if body else None
    outcome = await context.database.write(lambda db: actions.resolve(db, number, actor, now, by=by))
    return _answer_outcome(context, number, outcome)


@router.post("/{number}/page-next")
async def page_next(
    number: fields.IncidentNumber, context: ContextDep, actor: Responder, body: fields.PageNext | None = None
) -> AnswerOutcome:
    """Page the next step of the incident's policy now. An acknowledgement or a snooze ends with it."""
    now, by = context.clock.now(), (body and body.by) or actor.name
    outcome = await context.database.write(lambda db: actions.page_next(db, number, actor, now, by=by))
    return _answer_outcome(context, number, outcome)


@router.post("/{number}/take-over")
async def take_over(
    number: fields.IncidentNumber,
    context: ContextDep,
    actor: Responder,
    body: fields.TakeOver | None = None,
) -> AnswerOutcome:
    """Take an incident over: acknowledge it, also in place of the person who has it. They are told.

    An answer to an earlier occurrence is refused (409).
    """
    body = body or fields.TakeOver()
    now = context.clock.now()
    until = body.until and _checked_until(body.until, now)
    outcome = await context.database.write(
        lambda db: actions.take_over(
            db, number, actor, now, by=body.by, occurrence=body.occurrence, until=until
        )
    )
    context.metrics.paging.observe_answer(outcome)
    return _answer_outcome(context, number, outcome)


@router.post("/{number}/unacknowledge")
async def unacknowledge(
    number: fields.IncidentNumber,
    context: ContextDep,
    actor: Responder,
    body: fields.Unacknowledge | None = None,
) -> AnswerOutcome:
    """Withdraw the acknowledgement or the snooze of an incident. It pages again at once, from the first step.

    This is a new occurrence, so that no late repetition of the old answer silences it.
    """
    now, by = context.clock.now(), body.by if body else None
    outcome = await context.database.write(lambda db: actions.withdraw(db, number, actor, now, by=by))
    return _answer_outcome(context, number, outcome)


@router.post("/{number}/reassign")
async def reassign(
    number: fields.IncidentNumber, context: ContextDep, actor: Responder, body: fields.Reassign
) -> AnswerOutcome:
    """Page somebody else now. If they do not answer, the policy of the incident follows from its first step.

    An acknowledgement or a snooze ends with it, and its holder is told. If nobody can be paged under this name, nothing
    is changed (422).
    """
    now = context.clock.now()
    outcome = await context.database.write(
        lambda db: actions.reassign(db, number, body.to, actor, now, by=body.by)
    )
    return _answer_outcome(context, number, outcome)


@router.post("/{number}/merge")
async def merge(
    number: fields.IncidentNumber, context: ContextDep, actor: Responder, body: fields.Merge
) -> AnswerOutcome:
    """Merge an incident into another one of the same policy. It is over, and its jobs go on there.

    What comes next for its cause joins that one too, while it is open. People who were paged are told where it went.
    """
    now = context.clock.now()
    outcome = await context.database.write(
        lambda db: actions.merge(db, number, body.into, actor, now, by=body.by)
    )
    context.wake()
    match outcome:
        case Missing():
            raise NoSuch(f"There is no incident {number}, or no incident {body.into}.")
        case Unmergeable(why):
            raise Conflict(f"{why[:1].upper()}{why[1:]} Nothing was changed.")
        case Merged(by):
            result = "merged already" if outcome.repeated else "merged"
            return AnswerOutcome(outcome=result, by=by, incident=body.into)


@router.post("/{number}/split")
async def split(
    number: fields.IncidentNumber, context: ContextDep, actor: Responder, body: fields.Split
) -> AnswerOutcome:
    """Split checks that are down off into an incident of their own, which pages from the first step of the policy.

    At least one that is down must stay.
    """
    now = context.clock.now()
    outcome = await context.database.write(
        lambda db: actions.split(db, number, _keys(db, body.checks), actor, now, by=body.by)
    )
    context.wake()
    match outcome:
        case Missing():
            raise _missing(number)
        case Unmergeable(why):
            raise Conflict(f"{why[:1].upper()}{why[1:]} Nothing was changed.")
        case (outcome_of_split, new):
            return AnswerOutcome(outcome="split", by=outcome_of_split.by, incident=new)


def _keys(db: Connection, slugs: Sequence[str]) -> list[str]:
    """Return the keys of the symptoms of these checks. Unknown ones have a key that nothing has."""
    checks = {slug: check_store.load(db, slug) for slug in slugs}
    return [symptoms.key_of(check) if check else f"no check {slug}" for slug, check in checks.items()]


@router.post("/answer")
async def answer_many(body: fields.AnswerMany, context: ContextDep, actor: Responder) -> AnsweredIncidents:
    """Answer up to 100 incidents at once: acknowledge, take over, snooze or resolve them.

    Everything is written together, or nothing. The answer has an outcome for each incident. One that cannot be answered
    does not keep the others from being answered.
    """
    now = context.clock.now()
    until = body.until and _checked_until(body.until, now)
    if (body.answer == "snooze") > (until is not None):
        raise Unacceptable("until: a snooze needs the time of its end.")
    if body.answer == "resolve" and until is not None:
        raise Unacceptable("until: leave it out. What is resolved does not page again.")
    occurrences = {chosen.incident: chosen.occurrence for chosen in body.incidents}

    def answer(db: Connection, number: int) -> Answer:
        match body.answer, until:
            case "resolve", _:
                return actions.resolve(db, number, actor, now, by=body.by)
            case "snooze", datetime() as end:
                return actions.snooze(db, number, actor, now, end, by=body.by)
            case _:
                act = actions.take_over if body.answer == "take-over" else actions.acknowledge
                occurrence = occurrences[number]
                return act(db, number, actor, now, by=body.by, occurrence=occurrence, until=until)

    outcomes = await context.database.write(
        lambda db: actions.answer_each(db, occurrences, lambda number: answer(db, number))
    )
    context.wake()
    for outcome in outcomes.values():
        context.metrics.paging.observe_answer(outcome)
    return AnsweredIncidents(incidents=[_among_others(*answered) for answered in outcomes.items()])


@router.post("/{number}/note")
async def note(
    number: fields.IncidentNumber, context: ContextDep, actor: Responder, body: fields.Note
) -> AnswerOutcome:
    """Add a note to the timeline of an incident. The same note by the same person is kept once."""
    now = context.clock.now()
    added, by = await context.database.write(lambda db: _note(db, number, actor, body.by, body.words, now))
    return AnswerOutcome(outcome="noted" if added else "noted already", by=by)


def _details(db: Connection, number: int, conditional: ConditionalRead, now: datetime) -> IncidentDetails:
    dossier = _dossier(db, number)
    (titled,) = surroundings.titled(db, [dossier.incident], now)
    dossier = replace(dossier, incident=titled)
    slugs = queries.slugs(db, [symptom.key for symptom in dossier.symptoms])
    marks = {attempt.contact_mark for attempt in dossier.attempts}
    everything = open_addresses(desk.people(db).values()) if marks else {}
    addresses = {mark: address for mark, address in everything.items() if mark in marks}
    conditional.set_tag(tag(dossier.incident.id, (dossier, slugs, addresses)))
    return IncidentDetails.of(dossier, slugs, addresses)


def _note(
    db: Connection, number: int, actor: Actor, by: str | None, text: str, now: datetime
) -> tuple[bool, str]:
    """Add a note unless it is there already. Return whether it was added, and the name of its author."""
    name, _ = actions.answerer(db, actor, by)
    notes = {(entry.by, entry.words) for entry in _dossier(db, number).timeline if entry.kind == "note"}
    return (name, text) not in notes and actions.note(db, number, actor, text, now, by=by), name


def _among_others(number: int, outcome: Answer) -> AnsweredIncident:
    """Return the outcome for one of several incidents: a problem with it does not concern the others."""
    try:
        answered = _outcome(number, outcome)
    except (NoSuch, Outdated) as problem:
        name = "missing" if isinstance(problem, NoSuch) else "stale"
        return AnsweredIncident(incident=number, outcome=name, problem=str(problem))
    return AnsweredIncident(incident=number, outcome=answered.outcome, by=answered.by, until=answered.until)


def _answer_outcome(context: Context, number: int, outcome: Answer) -> AnswerOutcome:
    context.wake()
    return _outcome(number, outcome)


def _outcome(number: int, outcome: Answer) -> AnswerOutcome:
    match outcome:
        case Acknowledged(by, until):
            result = "acknowledged already" if outcome.repeated else "acknowledged"
            return AnswerOutcome(outcome=result, by=by, until=until)
        case Snoozed(by, until):
            return AnswerOutcome(outcome="snoozed", by=by, until=until)
        case AllWell():
            return AnswerOutcome(outcome="recovering", by="recovery")
        case HandedOn(by) | Withdrawn(by):
            return AnswerOutcome(outcome="paging already" if outcome.repeated else "paging", by=by)
        case Reassigned(by):
            return AnswerOutcome(outcome="reassigned already" if outcome.repeated else "reassigned", by=by)
        case Nobody():
            raise Unacceptable(f"to: {outcome.why} Nothing was changed.")
        case Resolved(by):
            result = "resolved already" if outcome.repeated else "resolved"
            return AnswerOutcome(outcome=result, by=by, incident=outcome.incident.merged_into)
        case Stale(occurrence):
            raise Outdated(
                f"occurrence: incident {number} is now in occurrence {occurrence}. Nothing was changed. "
                "Read it again and answer that one."
            )
        case Missing():
            raise _missing(number)
    assert_never(outcome)


def _checked_until(until: datetime, now: datetime) -> datetime:
    if not now < until <= now + LONGEST_QUIET:
        raise Unacceptable(f"until: must be in the future, at most {LONGEST_QUIET.days} days from now.")
    return until


def _dossier(db: Connection, number: int) -> desk.Dossier:
    dossier = desk.dossier(db, number)
    if dossier is None:
        raise _missing(number)
    return dossier


def _missing(number: int) -> NoSuch:
    return NoSuch(f"There is no incident {number}.")
