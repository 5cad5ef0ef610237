"""The signed link in a digest: its holder acknowledges all incidents of it, without signing in.

GET shows the incidents with their count and changes nothing, because mail scanners follow links. POST acknowledges
them, a bounded number in each transaction. An incident that has paged again since is left alone.
"""

from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from alerting import desk, times
from alerting.incident import Incident
from alerting.incident import State as Life
from heartbeat import installation, signed_link
from heartbeat.actor import Actor, Role
from heartbeat.checks import actions, cause, surroundings
from heartbeat.http import auth
from heartbeat.http.callbacks import reply
from heartbeat.http.context import Context
from heartbeat.http.pages import render
from heartbeat.http.pages import rows as view_rows
from heartbeat.signed_link import Answerer, BadLink, DigestAnswerer

LISTED = 100
"""The most incidents that one screen lists. A link leads to the next ones."""
FURTHEST = 1_000_000
"""The most incidents that a link may leave out."""


def router(context: Context) -> APIRouter:
    """Return the routes of the links in digests."""
    routes = APIRouter()

    async def look(request: Request) -> Response:
        now = context.clock.now()
        reader = signed_link.read_digest(context.link_keys, request.path_params["token"], now)
        if isinstance(reader, BadLink):
            return reply.screen(reader.why, HTTPStatus.GONE, now)
        after = _number(request.query_params.get("after", ""))
        facts = await context.database.read(lambda db: _facts(db, reader, context.link_keys[0], after, now))
        return render.render("callbacks/digest_link.html", headers=reply.PRIVATE, now=now, **facts)

    async def act(request: Request) -> Response:
        now = context.clock.now()
        token, remote = request.path_params["token"], auth.client_of(request).remote
        reader = signed_link.read_digest(context.link_keys, token, now)
        if isinstance(reader, BadLink):
            return reply.refused(request, HTTPStatus.GONE, "bad link", reader.why, now)
        name = (await context.database.read(lambda db: _reader(db, reader)))[0]
        actor = Actor(name, Role.RESPONDER, "signed link", remote, person=reader.person)
        acknowledged = await acknowledge(context, reader.digest, actor, now)
        context.wake()
        if reply.is_browser(request):
            return render.see_other(f"/answer/digest/{token}", reply.PRIVATE)
        outcome = "acknowledged" if acknowledged else "acknowledged already"
        return reply.line(request, HTTPStatus.OK, outcome, sentence(acknowledged))

    routes.add_route("/answer/digest/{token}", look, methods=["GET"], include_in_schema=False)
    routes.add_route("/answer/digest/{token}", act, methods=["POST"], include_in_schema=False)
    return routes


async def acknowledge(context: Context, digest: int, actor: Actor, now: datetime) -> int:
    """Acknowledge the incidents of a digest, some in each transaction, and return how many."""
    acknowledged, last = 0, 0
    while True:
        answer = await context.database.write(
            lambda db, after=last: actions.acknowledge_digest(db, digest, after, actor, now)  # type: ignore[misc]  # a lambda
        )
        acknowledged += answer.acknowledged
        if answer.last is None:
            return acknowledged
        last = answer.last


def sentence(acknowledged: int) -> str:
    """Return what an answer to a digest did."""
    return (
        f"{_incidents(acknowledged)} acknowledged."
        if acknowledged
        else "There is nothing left to acknowledge."
    )


def _reader(db: Connection, reader: DigestAnswerer) -> tuple[str, str]:
    """Return the name and the time zone of the person who was paged."""
    people = desk.people(db)
    person = people.get(reader.person)
    return view_rows.names(people).get(reader.person, reader.person), person.timezone if person else "UTC"


def _number(text: str) -> int:
    """Return how many incidents a link leaves out, 0 for anything that is no such number."""
    return min(int(text), FURTHEST) if text.isascii() and text.isdigit() and len(text) < 9 else 0


def _facts(db: Connection, reader: DigestAnswerer, key: str, after: int, now: datetime) -> Mapping[str, Any]:
    counts = desk.digest_states(db, reader.digest)
    total = sum(counts.values())
    waiting = counts.get((Life.OPEN, False), 0)
    listed = surroundings.titled(db, desk.digest_incidents(db, reader.digest, LISTED, after), now)
    name, zone = _reader(db, reader)
    quiet = installation.acknowledge_for(db)
    return {
        "total": total,
        "waiting": waiting,
        "counts": [
            (_incidents(number), f"{state.value}, paged again since" if newer else state.value)
            for (state, newer), number in sorted(counts.items(), key=lambda item: -item[1])
        ],
        "incidents": [
            (incident, cause.in_words(incident.cause), _answer(key, reader, incident)) for incident in listed
        ],
        "after": after,
        "listed": LISTED,
        "next": after + len(listed),
        "person": name,
        "zone": zone,
        "quiet_until": now + quiet,
        "quiet_for": times.duration(quiet),
    }


def _answer(key: str, reader: DigestAnswerer, incident: Incident) -> str:
    """Return the address at which the reader may answer one of the incidents."""
    answerer = Answerer(incident.id, incident.occurrence, reader.person, reader.expires_at)
    return f"/answer/{signed_link.sign(key, answerer)}"


def _incidents(number: int) -> str:
    return f"{number:,} incident" if number == 1 else f"{number:,} incidents"
