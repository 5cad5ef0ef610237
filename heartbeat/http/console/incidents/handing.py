"""An incident changes hands on the console: somebody takes it over, gives it back, or assigns it to somebody else."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection
from starlette.responses import Response

from alerting import desk
from alerting.answer import Stale
from alerting.handover import Nobody
from heartbeat.actor import Role
from heartbeat.checks import actions, surroundings
from heartbeat.http.console.incidents import pages
from heartbeat.http.console.request import ConsoleRequest, Route
from heartbeat.http.pages import render

OFFERED = 200
"""Names that the form offers. Others can be typed."""
LONGEST_NAME = 100


async def take_over(request: ConsoleRequest) -> Response:
    """Acknowledge an incident in place of the person who has it."""
    number, occurrence = request.number, pages.number_typed(request, "occurrence")
    outcome = await request.write(
        lambda db: actions.take_over(db, number, request.actor, request.now, occurrence=occurrence)
    )
    request.context.metrics.paging.observe_answer(outcome)
    return pages.moved_on(request) if isinstance(outcome, Stale) else pages.back_to(request, outcome)


async def unacknowledge(request: ConsoleRequest) -> Response:
    """Withdraw the acknowledgement or the snooze: it pages again."""
    outcome = await request.write(lambda db: actions.withdraw(db, request.number, request.actor, request.now))
    return pages.back_to(request, outcome)


async def ask_reassign(request: ConsoleRequest) -> Response:
    """Ask who is paged instead."""

    def read(db: Connection) -> dict[str, Any] | None:
        dossier = desk.dossier(db, request.number)
        if dossier is None:
            return None
        (titled,) = surroundings.titled(db, [dossier.incident], request.now)
        crew = desk.crew(db)
        people = {name: person.name for name, person in crew.people.items() if person.contacts}
        offered = dict.fromkeys(crew.rotations, "rotation") | dict.fromkeys(crew.teams, "team") | people
        return {"incident": titled, "offered": sorted(offered.items())[:OFFERED]}

    facts = await request.read(read)
    if facts is None:
        return pages.no_such(request)
    return request.show("incidents/reassign.html", longest=LONGEST_NAME, **facts)


async def reassign(request: ConsoleRequest) -> Response:
    """Page somebody else now."""
    to = str(request.form.get("to", "")).strip()[: LONGEST_NAME + 1].replace("\0", "")
    outcome = await request.write(
        lambda db: actions.reassign(db, request.number, to, request.actor, request.now)
    )
    if isinstance(outcome, Nobody):
        problem = f"{outcome.why[:1].upper()}{outcome.why[1:]} Go back and choose another name."
        return render.error_page(request.http, 422, "It was not reassigned", problem)
    return pages.back_to(request, outcome)


READING: Mapping[str, Route] = {
    "/incidents/{number:int}/reassign": (Role.RESPONDER, ask_reassign),
}
ACTING: Mapping[str, Route] = {
    "/incidents/{number:int}/reassign": (Role.RESPONDER, reassign),
    "/incidents/{number:int}/take-over": (Role.RESPONDER, take_over),
    "/incidents/{number:int}/unacknowledge": (Role.RESPONDER, unacknowledge),
}
