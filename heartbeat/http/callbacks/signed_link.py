"""The link in a page: who holds it answers for the person it was made for, without signing in.

GET shows and never changes anything, because mail scanners follow links; POST answers. A browser is sent back to look
at what has become of it; anything else (the button of an ntfy notification) is told in a line of plain words.
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

LISTED = 6
"""Symptoms that are named before the button; the others are counted, so that the button stays in sight."""
GONE = "This incident is no longer known here. Nothing was changed; there is nothing to answer."
STALE = (
    "This is about an earlier stretch of the incident, which has paged again since: answer the newest page."
)
_PRIVATE = {"X-Robots-Tag": "noindex"}

Outcome = Acknowledged | Stale | Resolved | Missing


@dataclass(frozen=True, slots=True)
class Said:
    """What became of an answer: its status and a line of plain words."""

    status: HTTPStatus
    outcome: str
    words: Words


def router(context: Context) -> APIRouter:
    """The pages behind signed links."""
    routes = APIRouter()

    async def look(request: Request) -> Response:
        now = context.clock.now()
        reader = signed_link.read(context.link_keys, request.path_params["token"], now)
        if isinstance(reader, BadLink):
            return _bad(reader, now)
        facts = await context.database.read(lambda db: _facts(db, reader, now))
        if facts is None:
            return _plain_page(GONE, HTTPStatus.NOT_FOUND, now)
        return render.render("callbacks/signed_link.html", headers=_PRIVATE, now=now, **facts)

    async def act(request: Request) -> Response:
        now = context.clock.now()
        token, remote = request.path_params["token"], auth.whence(request).remote
        reader = signed_link.read(context.link_keys, token, now)
        browser = "text/html" in request.headers.get("accept", "")
        if isinstance(reader, BadLink):
            return (
                _bad(reader, now)
                if browser
                else _line(request, Said(HTTPStatus.GONE, "bad link", (reader.why,)), now)
            )
        outcome, zone = await context.database.write(lambda db: _acknowledge(db, reader, remote, now))
        context.metrics.paging.observe_answer(outcome)
        context.wake()
        if browser:
            return render.see_other(f"/answer/{token}", _PRIVATE)
        return _line(request, said(outcome), now, zone)

    routes.add_route("/answer/{token}", look, methods=["GET"], include_in_schema=False)
    routes.add_route("/answer/{token}", act, methods=["POST"], include_in_schema=False)
    return routes


def said(outcome: Outcome) -> Said:
    """What became of an answer, in words for who cannot be shown a page."""
    match outcome:
        case Acknowledged(by, until):
            word = "acknowledged already" if outcome.repeated else "acknowledged"
            return Said(
                HTTPStatus.OK, word, (f"Acknowledged by {by}; pages again at ", until, " unless resolved.")
            )
        case Resolved(by):
            how = "all is well again" if by == summary.RECOVERY else f"ended by {by}"
            return Said(
                HTTPStatus.OK,
                "resolved already",
                (f"It is resolved already: {how}. Nothing more is to be done.",),
            )
        case Stale():
            return Said(HTTPStatus.CONFLICT, "stale", (STALE,))
        case Missing():
            return Said(HTTPStatus.NOT_FOUND, "missing", (GONE,))


def _acknowledge(db: Connection, reader: Answerer, remote: str, now: datetime) -> tuple[Outcome, str]:
    name, zone = _reader(reader, desk.people(db))
    actor = Actor(name, Role.RESPONDER, "signed link", remote)
    return actions.acknowledge(db, reader.incident, actor, now, occurrence=reader.occurrence), zone


def _reader(reader: Answerer, people: Mapping[str, Person]) -> tuple[str, str]:
    """The name of whom the link was made for, and the zone of their clock."""
    person = people.get(reader.person)
    return view_rows.names(people).get(reader.person, reader.person), person.timezone if person else "UTC"


def _facts(db: Connection, reader: Answerer, now: datetime) -> Mapping[str, Any] | None:
    found = desk.dossier(db, reader.incident)
    if found is None:
        return None
    incident, people = found.incident, desk.people(db)
    around = symptoms.surroundings(db, [incident]).get(incident.id, Surroundings())
    extent = view_rows.how_much(incident, found.symptoms, around)
    quiet_by = next((one.by for one in reversed(found.timeline) if one.kind == Life.SNOOZED), None)
    jobs = timeline.jobs(found.symptoms)
    standing = [one for one in jobs if one.cleared_at is None] or jobs
    quiet = installation.acknowledge_for(db)
    name, zone = _reader(reader, people)
    stale = reader.occurrence != incident.occurrence and incident.state is not Life.RESOLVED
    return {
        "incident": incident,
        "title": called(incident, found.symptoms, around),
        "extent": extent,
        "sentence": summary.of_incident(incident, view_rows.next_people(incident, people), quiet_by, now),
        "symptoms": [(one, view_rows.cause_word(one.cause)) for one in standing[:LISTED]],
        "more": max(len(standing) - LISTED, 0),
        "last_said": next((one.facts.last_said for one in standing if one.facts.last_said), ""),
        "around": around,
        "person": name,
        "zone": zone,
        "answerable": incident.state is Life.OPEN and not stale,
        "stale": STALE if stale else "",
        "quiet_until": now + quiet,
        "quiet_for": times.duration(quiet),
    }


def _bad(bad: BadLink, now: datetime) -> Response:
    return _plain_page(bad.why, HTTPStatus.GONE, now)


def _plain_page(words: str, status: HTTPStatus, now: datetime) -> Response:
    return render.render("callbacks/bad_link.html", status=status, headers=_PRIVATE, now=now, words=words)


def _line(request: Request, told: Said, now: datetime, zone: str = "UTC") -> Response:
    words = "".join(
        render.in_zone(part, now, zone) if isinstance(part, datetime) else part for part in told.words
    )
    if "application/json" in request.headers.get("accept", ""):
        return JSONResponse({"outcome": told.outcome, "words": words}, told.status, _PRIVATE)
    return PlainTextResponse(f"{words}\n", told.status, _PRIVATE)
