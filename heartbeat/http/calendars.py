"""The calendars of who is on call, for other programs: whoever has the secret address may read one.

An address that is not ours, was revoked or replaced, or is about nobody any more is 404, and nothing tells which.
"""

from datetime import datetime, timedelta
from hashlib import sha256

from fastapi import APIRouter
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from alerting import desk
from alerting.desk import Noun
from heartbeat import installation
from heartbeat.access.tries import AddressTries
from heartbeat.http.context import Context
from heartbeat.on_call import calendar, calendar_access, calendar_link
from heartbeat.on_call.calendar_link import Ticket

TRIES = 120
TRIES_PER = timedelta(minutes=1)
"""Calendars that one network address may fetch, and the time in which they count."""
MAX_AGE = 300
"""Seconds for which a program may keep a calendar."""
_TYPE = "text/calendar; charset=utf-8"
_MISSING = "There is no calendar at this address. It may have been revoked: ask for a new one.\n"
_TOO_MANY = "Too many calendars were fetched from this address. Try again in a minute.\n"


def router(context: Context) -> APIRouter:
    """Return the route of calendars."""
    routes, tries = APIRouter(), AddressTries(TRIES, TRIES_PER)

    async def fetch(request: Request) -> Response:
        now = context.clock.now()
        ticket = calendar_link.read(context.link_keys, request.path_params["token"])
        if ticket is None:
            return PlainTextResponse(_MISSING, 404)
        if tries.count(request.client.host if request.client else "", now) is not None:
            return PlainTextResponse(_TOO_MANY, 429, {"Retry-After": f"{TRIES_PER.total_seconds():.0f}"})
        text = await context.database.read(lambda db: _calendar(db, ticket, context.public_url, now))
        return PlainTextResponse(_MISSING, 404) if text is None else _answer(request, text.encode())

    path = f"{calendar_link.PATH}/{{token}}{calendar_link.ENDING}"
    routes.add_route(path, fetch, methods=["GET"], include_in_schema=False)
    return routes


def _answer(request: Request, body: bytes) -> Response:
    etag = f'"{sha256(body).hexdigest()[:20]}"'
    headers = {
        "ETag": etag,
        "Cache-Control": f"private, max-age={MAX_AGE}",
        "Content-Security-Policy": "default-src 'none'; sandbox",
    }
    if etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type=_TYPE)


def _calendar(db: Connection, ticket: Ticket, home: str, now: datetime) -> str | None:
    """Return the calendar that an address leads to, None if it leads nowhere."""
    feed = calendar_access.behind(db, ticket)
    if feed is None:
        return None
    crew = desk.crew_of_rotations(db)
    if feed.noun is Noun.ROTATION:
        turns = crew.rotations.get(feed.name)
        if turns is None:
            return None
        names = {person.id: person.name for person in crew.people.values()}
        title, events = f"On call: {turns.name}", calendar.of_rotation(turns, names, now)
    else:
        title = "On call"
        events = calendar.of_person(feed.name, crew.rotations.values(), now)
    name = installation.name(db) or "heartbeat"
    return calendar.written(title, events, feed.made_at, home=home, installation=name)
