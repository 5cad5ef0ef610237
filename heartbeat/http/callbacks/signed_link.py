"""The signed link in a page: its holder answers as the person who was paged, without signing in.

GET shows the incident as it is now and changes nothing, because mail scanners follow links. POST answers. A browser is
redirected to the incident. Any other client, such as the button of an ntfy notification, gets one line of text.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter
from sqlalchemy import Connection
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from alerting import desk, escalation, recap, subject, times
from alerting.answer import Acknowledged, Missing, Resolved, Snoozed, Stale
from alerting.crew import Crew
from alerting.escalation import NOBODY
from alerting.handover import AllWell, HandedOn
from alerting.incident import RaisedSymptom
from alerting.incident import State as Life
from alerting.notice import NoticeKind, called
from alerting.notice_lines import place
from alerting.person import Person
from alerting.surroundings import Surroundings, sentences
from alerting.times import Clock
from heartbeat import installation, signed_link
from heartbeat.actor import Actor, Role
from heartbeat.checks import actions, surroundings
from heartbeat.http import auth, forms
from heartbeat.http.callbacks import reply
from heartbeat.http.console.incidents.morning import next_morning
from heartbeat.http.console.incidents.pages import LONGEST_NOTE, SNOOZES, note_of
from heartbeat.http.context import Context
from heartbeat.http.pages import incident_summary, render
from heartbeat.http.pages import rows as view_rows
from heartbeat.http.pages.sentence import Words
from heartbeat.review import timeline
from heartbeat.signed_link import Answerer, BadLink

MAX_LISTED = 6
"""The most symptoms that are named. The others are counted, so that the button stays in sight."""
LATEST = 4
"""Moments of the story of an incident that is not over; one that is over shows up to `timeline.LONGEST`."""
MISSING = "This incident no longer exists. Nothing was changed."
STALE = (
    "This page is old and can no longer be answered. The incident has paged again: answer the newest page."
)
_NO_SUCH_ANSWER = (
    "This form is not one of this page. Nothing was changed. Open the link again and press a button."
)
_NO_NOTE = (
    f"A note needs at least one word, at most {LONGEST_NOTE:,} characters, and no control characters. "
    "Nothing was changed."
)
_FORM_FIELDS = 10

Outcome = Acknowledged | AllWell | HandedOn | Snoozed | Stale | Resolved | Missing


@dataclass(frozen=True, slots=True)
class LinkReply:
    """The reply to an answer: the status, the outcome and a sentence."""

    status: HTTPStatus
    outcome: str
    sentence: Words


@dataclass(frozen=True, slots=True)
class Noted:
    """A note was added."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """The form asks for nothing that this page offers; `why` is the reason in one sentence."""

    why: str


def router(context: Context) -> APIRouter:
    """Return the routes of signed links."""
    routes = APIRouter()

    async def look(request: Request) -> Response:
        now = context.clock.now()
        reader = signed_link.read(context.link_keys, request.path_params["token"], now)
        if isinstance(reader, BadLink):
            return reply.screen(reader.why, HTTPStatus.GONE, now)
        facts = await context.database.read(lambda db: _facts(db, reader, now))
        if facts is None:
            return reply.screen(MISSING, HTTPStatus.NOT_FOUND, now)
        return render.render("callbacks/signed_link.html", headers=reply.PRIVATE, now=now, **facts)

    async def act(request: Request) -> Response:
        now = context.clock.now()
        token, remote = request.path_params["token"], auth.client_of(request).remote
        reader = signed_link.read(context.link_keys, token, now)
        browser = reply.is_browser(request)
        if isinstance(reader, BadLink):
            return reply.refused(request, HTTPStatus.GONE, "bad link", reader.why, now)
        form = await forms.read(request, _FORM_FIELDS, forms.LIMIT)
        outcome, zone = await context.database.write(lambda db: _answer(db, reader, form, remote, now))
        if not desk.is_drill(reader.incident):
            context.metrics.paging.observe_answer(outcome)
        context.wake()
        if browser and isinstance(outcome, Unreadable):
            return reply.screen(outcome.why, HTTPStatus.UNPROCESSABLE_ENTITY, now)
        if browser:
            return render.see_other(f"/answer/{token}", reply.PRIVATE)
        return _line(request, outcome, now, zone)

    routes.add_route("/answer/{token}", look, methods=["GET"], include_in_schema=False)
    routes.add_route("/answer/{token}", act, methods=["POST"], include_in_schema=False)
    return routes


def reply_to(outcome: Outcome | Noted | Unreadable) -> LinkReply:
    """Return the reply for clients that show no HTML."""
    match outcome:
        case Acknowledged(by, until):
            name = "acknowledged already" if outcome.repeated else "acknowledged"
            sentence = (
                f"Acknowledged by {by}. No more pages until ",
                until,
                ", unless something new breaks.",
            )
            return LinkReply(HTTPStatus.OK, name, sentence)
        case Snoozed(by, until):
            return LinkReply(HTTPStatus.OK, "snoozed", (f"Snoozed by {by} until ", until, "."))
        case AllWell():
            return LinkReply(HTTPStatus.OK, "recovering", ("Everything is fine again. Nobody was paged.",))
        case HandedOn():
            return LinkReply(HTTPStatus.OK, "paging", ("The next person is paged now.",))
        case Resolved(by) if not outcome.repeated:
            return LinkReply(HTTPStatus.OK, "resolved", (f"Resolved by {by}.",))
        case Resolved(by) if outcome.incident.merged_into is not None:
            merged = f"It was merged into incident {outcome.incident.merged_into} by {by}. Answer that one."
            return LinkReply(HTTPStatus.OK, "merged", (merged,))
        case Resolved(by):
            state = (
                "It has recovered" if by == incident_summary.RECOVERY else f"It was already resolved by {by}"
            )
            return LinkReply(HTTPStatus.OK, "resolved already", (f"{state}. There is nothing left to do.",))
        case Noted():
            return LinkReply(HTTPStatus.OK, "noted", ("The note was added.",))
        case Stale():
            return LinkReply(HTTPStatus.CONFLICT, "stale", (STALE,))
        case Missing():
            return LinkReply(HTTPStatus.NOT_FOUND, "missing", (MISSING,))
        case Unreadable(why):
            return LinkReply(HTTPStatus.UNPROCESSABLE_ENTITY, "unreadable", (why,))


def _answer(
    db: Connection, reader: Answerer, form: FormData, remote: str, now: datetime
) -> tuple[Outcome | Noted | Unreadable, str]:
    """Do what the form asks, by default acknowledge. A form without an occurrence answers that of the link."""
    name, zone = _reader(reader, desk.people(db))
    actor = Actor(name, Role.RESPONDER, "signed link", remote, person=reader.person)
    opened_at = desk.opened_at(db, reader.incident)
    if opened_at is None or not reader.is_about(opened_at):
        return Missing(), zone
    return _done(db, reader, form, actor, zone, now), zone


def _done(
    db: Connection, reader: Answerer, form: FormData, actor: Actor, zone: str, now: datetime
) -> Outcome | Noted | Unreadable:
    number = reader.incident
    match str(form.get("do", "acknowledge")):
        case "acknowledge":
            occurrence = _number(form.get("occurrence")) or reader.occurrence
            return actions.acknowledge(db, number, actor, now, occurrence=occurrence)
        case "take over":
            occurrence = _number(form.get("occurrence")) or reader.occurrence
            return actions.take_over(db, number, actor, now, occurrence=occurrence)
        case "snooze":
            length = str(form.get("for", ""))
            if length not in (*SNOOZES, "morning"):
                return Unreadable(_NO_SUCH_ANSWER)
            until = now + SNOOZES[length] if length in SNOOZES else next_morning(now, times.zone(zone))
            return actions.snooze(db, number, actor, now, until)
        case "page next":
            return actions.page_next(db, number, actor, now)
        case "resolve":
            return actions.resolve(db, number, actor, now)
        case "note":
            text = note_of(form)
            if text is None:
                return Unreadable(_NO_NOTE)
            return Noted() if actions.note(db, number, actor, text, now) else Missing()
        case _:
            return Unreadable(_NO_SUCH_ANSWER)


def _number(text: object) -> int | None:
    return (
        int(text) if isinstance(text, str) and text.isascii() and text.isdigit() and len(text) < 10 else None
    )


def _reader(reader: Answerer, people: Mapping[str, Person]) -> tuple[str, str]:
    """Return the name and the time zone of the person who was paged."""
    person = people.get(reader.person)
    return view_rows.names(people).get(reader.person, reader.person), person.timezone if person else "UTC"


def _facts(db: Connection, reader: Answerer, now: datetime) -> Mapping[str, Any] | None:
    dossier = desk.dossier(db, reader.incident)
    if dossier is None or not reader.is_about(dossier.incident.opened_at):
        return None
    incident, crew = dossier.incident, desk.crew(db)
    around = surroundings.of(db, [incident], {incident.id: dossier.symptoms}, now)[incident.id]
    jobs = timeline.jobs(dossier.symptoms)
    raised = [job for job in jobs if job.cleared_at is None]
    listed = raised or jobs
    quiet = installation.acknowledge_for(db)
    name, zone = _reader(reader, crew.people)
    held = view_rows.held_by(dossier.symptoms, now)
    pageable = NOBODY if held else view_rows.pageable(incident, crew, now)
    over, open_ = incident.state is Life.RESOLVED, incident.state is Life.OPEN and bool(raised)
    # Before the press, nothing pushes the button out of sight.
    story = [] if open_ else timeline.moments(dossier)
    return {
        "incident": incident,
        "title": called(incident, dossier.symptoms, around, now),
        "extent": view_rows.how_much(incident, dossier.symptoms, around, now),
        "sentence": _sentence(dossier, crew, name, desk.paged_people(db, incident.id), now),
        "jobs": [view_rows.job_row(job) for job in listed[:MAX_LISTED]],
        "more": max(len(listed) - MAX_LISTED, 0),
        "speaker": next((job for job in listed if job.facts.last_said), None),
        "described": next((job for job in listed if job.facts.description), None),
        "runbook": (runbook := next((job.facts.runbook for job in listed if job.facts.runbook), "")),
        "runbook_url": subject.runbook_link(runbook),
        "beside": [] if over else _beside(around, raised, now, zone),
        "person": name,
        "zone": zone,
        "open": open_,
        "over": over,
        "theirs": bool(raised) and incident.acknowledged_by not in (None, name),
        "quiet_until": now + quiet,
        "quiet_for": times.duration(quiet),
        "snoozes": list(SNOOZES.items()),
        "morning": next_morning(now, times.zone(zone)),
        "place": _place(dossier, reader, crew, now) if open_ else "",
        # To page only the reader would tell nobody else.
        "next": "" if pageable.names == [name] else times.people(pageable.names, pageable.draws),
        "down": raised,
        "resolving": incident_summary.resolving([job.title for job in raised]),
        "moments": story[: timeline.LONGEST if over else LATEST],
        "earlier": max(len(story) - timeline.LONGEST, 0) if over else 0,
    }


def _beside(around: Surroundings, raised: Sequence[RaisedSymptom], now: datetime, zone: str) -> list[str]:
    # The other instants on this page are in UTC where the reader's zone agrees with it.
    named = zone if now.astimezone(times.zone(zone)).utcoffset() else "UTC"
    return sentences(around, len(subject.standing(raised, now)), Clock(now, named))


def _sentence(dossier: desk.Dossier, crew: Crew, reader: str, paged: Collection[str], now: datetime) -> Words:
    """Return how the incident stands, and that the reader has it if they have acknowledged it."""
    incident = dossier.incident
    if incident.state is Life.ACKNOWLEDGED and incident.acknowledged_by == reader:
        return (
            "You have it until ",
            incident.next_at or now,
            ". Nobody is paged before, unless something new breaks.",
        )
    return incident_summary.of(
        incident,
        view_rows.coming(incident, crew),
        recap.of(dossier.timeline, now),
        now,
        held=view_rows.held_by(dossier.symptoms, now),
        reader=reader,
        paged=paged,
    )


def _place(dossier: desk.Dossier, reader: Answerer, crew: Crew, now: datetime) -> str:
    """Return why the reader was paged: "You are first on call (ops), with Ben.". Empty for others."""
    paged = [page for page in dossier.pages if page.person == reader.person and page.kind is NoticeKind.PAGE]
    if not paged:
        return ""
    incident, step = dossier.incident, paged[-1].step
    policy, turns = incident.policy, incident.turns
    everybody = escalation.together(policy, step, crew, incident.severity, now, turns)
    return f"{place(policy, step, [each.name for each in everybody if each.id != reader.person])}."


def sentence(outcome: Outcome | Noted | Unreadable, now: datetime, zone: str) -> str:
    """Return what an answer did, for a reader in this zone."""
    parts = reply_to(outcome).sentence
    return "".join(render.in_zone(part, now, zone) if isinstance(part, datetime) else part for part in parts)


def _line(request: Request, outcome: Outcome | Noted | Unreadable, now: datetime, zone: str) -> Response:
    answered = reply_to(outcome)
    return reply.line(request, answered.status, answered.outcome, sentence(outcome, now, zone))
