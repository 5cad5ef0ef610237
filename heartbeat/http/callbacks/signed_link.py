"""The signed link in a page: its holder answers as the person who was paged, without signing in.

GET shows the incident and changes nothing, because mail scanners follow links. POST answers. A browser is redirected
to the incident. Any other client, such as the button of an ntfy notification, gets one line of text.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from alerting import desk, times
from alerting.incident import Acknowledged, Missing, Resolved, Stale, Surroundings
from alerting.incident import State as Life
from alerting.notice import called
from alerting.person import Person
from heartbeat import installation, signed_link
from heartbeat.actor import Actor, Role
from heartbeat.checks import actions, symptoms
from heartbeat.http import auth
from heartbeat.http.console.incidents import timeline
from heartbeat.http.context import Context
from heartbeat.http.pages import render, summary
from heartbeat.http.pages import rows as view_rows
from heartbeat.http.pages.summary import Words
from heartbeat.signed_link import Answerer, BadLink

MAX_LISTED = 6
"""The most symptoms that are named. The others are counted, so that the button stays in sight."""
MISSING = "This incident no longer exists. Nothing was changed."
STALE = (
    "This page is old and can no longer be answered. The incident has paged again: answer the newest page."
)
_PRIVATE = {"X-Robots-Tag": "noindex"}

Outcome = Acknowledged | Stale | Resolved | Missing


@dataclass(frozen=True, slots=True)
class LinkReply:
    """The reply to an answer: the status, the outcome and a sentence."""

    status: HTTPStatus
    outcome: str
    sentence: Words


def router(context: Context) -> APIRouter:
    """Return the routes of signed links."""
    routes = APIRouter()

    async def look(request: Request) -> Response:
        now = context.clock.now()
        reader = signed_link.read(context.link_keys, request.path_params["token"], now)
        if isinstance(reader, BadLink):
            return _bad(reader, now)
        facts = await context.database.read(lambda db: _facts(db, reader, now))
        if facts is None:
            return _plain_page(MISSING, HTTPStatus.NOT_FOUND, now)
        return render.render("callbacks/signed_link.html", headers=_PRIVATE, now=now, **facts)

    async def act(request: Request) -> Response:
        now = context.clock.now()
        token, remote = request.path_params["token"], auth.client_of(request).remote
        reader = signed_link.read(context.link_keys, token, now)
        browser = "text/html" in request.headers.get("accept", "")
        if isinstance(reader, BadLink):
            if browser:
                return _bad(reader, now)
            return _line(request, LinkReply(HTTPStatus.GONE, "bad link", (reader.why,)), now)
        outcome, zone = await context.database.write(lambda db: _acknowledge(db, reader, remote, now))
        context.metrics.paging.observe_answer(outcome)
        context.wake()
        if browser:
            return render.see_other(f"/answer/{token}", _PRIVATE)
        return _line(request, reply(outcome), now, zone)

    routes.add_route("/answer/{token}", look, methods=["GET"], include_in_schema=False)
    routes.add_route("/answer/{token}", act, methods=["POST"], include_in_schema=False)
    return routes


def reply(outcome: Outcome) -> LinkReply:
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
        case Resolved(by):
            state = "It has recovered" if by == summary.RECOVERY else f"It was already resolved by {by}"
            return LinkReply(HTTPStatus.OK, "resolved already", (f"{state}. There is nothing left to do.",))
        case Stale():
            return LinkReply(HTTPStatus.CONFLICT, "stale", (STALE,))
        case Missing():
            return LinkReply(HTTPStatus.NOT_FOUND, "missing", (MISSING,))


def _acknowledge(db: Connection, reader: Answerer, remote: str, now: datetime) -> tuple[Outcome, str]:
    name, zone = _reader(reader, desk.people(db))
    actor = Actor(name, Role.RESPONDER, "signed link", remote)
    opened_at = desk.opened_at(db, reader.incident)
    if opened_at is None or not reader.is_about(opened_at):
        return Missing(), zone
    return actions.acknowledge(db, reader.incident, actor, now, occurrence=reader.occurrence), zone


def _reader(reader: Answerer, people: Mapping[str, Person]) -> tuple[str, str]:
    """Return the name and the time zone of the person who was paged."""
    person = people.get(reader.person)
    return view_rows.names(people).get(reader.person, reader.person), person.timezone if person else "UTC"


def _facts(db: Connection, reader: Answerer, now: datetime) -> Mapping[str, Any] | None:
    dossier = desk.dossier(db, reader.incident)
    if dossier is None or not reader.is_about(dossier.incident.opened_at):
        return None
    incident, people = dossier.incident, desk.people(db)
    surroundings = symptoms.surroundings(db, [incident]).get(incident.id, Surroundings())
    extent = view_rows.how_much(incident, dossier.symptoms, surroundings)
    quiet_by = next((entry.by for entry in reversed(dossier.timeline) if entry.kind == Life.SNOOZED), None)
    jobs = timeline.jobs(dossier.symptoms)
    raised = [job for job in jobs if job.cleared_at is None] or jobs
    quiet = installation.acknowledge_for(db)
    name, zone = _reader(reader, people)
    stale = reader.occurrence != incident.occurrence and incident.state is not Life.RESOLVED
    return {
        "incident": incident,
        "title": called(incident, dossier.symptoms, surroundings),
        "extent": extent,
        "sentence": summary.of_incident(incident, view_rows.next_people(incident, people), quiet_by, now),
        "symptoms": [(job, view_rows.cause_word(job.cause)) for job in raised[:MAX_LISTED]],
        "more": max(len(raised) - MAX_LISTED, 0),
        "last_said": next((job.facts.last_said for job in raised if job.facts.last_said), ""),
        "surroundings": surroundings,
        "person": name,
        "zone": zone,
        "answerable": incident.state is Life.OPEN and not stale,
        "stale": STALE if stale else "",
        "quiet_until": now + quiet,
        "quiet_for": times.duration(quiet),
    }


def _bad(bad: BadLink, now: datetime) -> Response:
    return _plain_page(bad.why, HTTPStatus.GONE, now)


def _plain_page(message: str, status: HTTPStatus, now: datetime) -> Response:
    return render.render("callbacks/bad_link.html", status=status, headers=_PRIVATE, now=now, message=message)


def _line(request: Request, answered: LinkReply, now: datetime, zone: str = "UTC") -> Response:
    text = "".join(
        render.in_zone(part, now, zone) if isinstance(part, datetime) else part for part in answered.sentence
    )
    if "application/json" in request.headers.get("accept", ""):
        return JSONResponse({"outcome": answered.outcome, "words": text}, answered.status, _PRIVATE)
    return PlainTextResponse(f"{text}\n", answered.status, _PRIVATE)
