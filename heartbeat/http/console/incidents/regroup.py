"""Incidents that are merged and split on the console."""

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import Connection
from starlette.responses import Response

from alerting import desk
from alerting.answer import Missing
from alerting.incident import State as Life
from alerting.regrouping import Unmergeable
from heartbeat.actor import Role
from heartbeat.checks import actions, surroundings
from heartbeat.http.console.incidents import pages
from heartbeat.http.console.request import ConsoleRequest, Route
from heartbeat.http.pages import render
from heartbeat.review import timeline

OFFERED = 100
"""Incidents and jobs that the forms offer, the most urgent ones."""


async def ask_merge(request: ConsoleRequest) -> Response:
    """Ask for the incident into which this one is merged: an open one of the same policy."""
    return await _merge_form(request)


async def _merge_form(request: ConsoleRequest, problem: str = "", into: int = 0) -> Response:
    """Show the form, with the reason why nothing was changed if there is one."""

    def read(db: Connection) -> dict[str, Any] | None:
        incident = desk.incident(db, request.number)
        if incident is None:
            return None
        titled = surroundings.titled(db, [incident, *desk.mergeable(db, incident, OFFERED)], request.now)
        over = incident.state is Life.RESOLVED
        return {"incident": titled[0], "others": titled[1:], "over": over}

    facts = await request.read(read)
    if facts is None:
        return pages.no_such(request)
    status = 409 if problem else 200
    return request.show("incidents/merge.html", status=status, problem=problem, into=into, **facts)


async def merge(request: ConsoleRequest) -> Response:
    """Merge the incident."""
    into = pages.number_typed(request, "into") or 0
    outcome = await request.write(
        lambda db: actions.merge(db, request.number, into, request.actor, request.now)
    )
    match outcome:
        case Missing():
            return await _merge_form(request, "Merge into: choose one of the incidents.")
        case Unmergeable(why):
            return await _merge_form(request, _sentence(why), into)
    return render.see_other(f"/incidents/{into}")


async def ask_split(request: ConsoleRequest) -> Response:
    """Ask for the jobs that get an incident of their own."""
    return await _split_form(request)


async def _split_form(request: ConsoleRequest, problem: str = "", ticked: Collection[str] = ()) -> Response:
    """Show the form, with the reason why nothing was changed if there is one."""

    def read(db: Connection) -> dict[str, Any] | None:
        dossier = desk.dossier(db, request.number)
        if dossier is None:
            return None
        (titled,) = surroundings.titled(db, [dossier.incident], request.now)
        over = dossier.incident.state is Life.RESOLVED
        jobs = [] if over else [job for job in timeline.jobs(dossier.symptoms) if job.standing]
        return {"incident": titled, "jobs": jobs[:OFFERED]}

    facts = await request.read(read)
    if facts is None:
        return pages.no_such(request)
    status = 409 if problem else 200
    return request.show("incidents/split.html", status=status, problem=problem, ticked=ticked, **facts)


async def split(request: ConsoleRequest) -> Response:
    """Split the ticked jobs off."""
    keys = [str(key)[:200].replace("\0", "") for key in request.form.getlist("job")]
    if not keys:
        return await _split_form(request, "Split off: tick at least one job.")
    outcome = await request.write(
        lambda db: actions.split(db, request.number, keys, request.actor, request.now)
    )
    match outcome:
        case Missing():
            return pages.no_such(request)
        case Unmergeable(why):
            return await _split_form(request, _sentence(why), keys)
        case (_, number):
            return render.see_other(f"/incidents/{number}")


def _sentence(why: str) -> str:
    return f"{why[:1].upper()}{why[1:]}"


READING: Mapping[str, Route] = {
    "/incidents/{number:int}/merge": (Role.RESPONDER, ask_merge),
    "/incidents/{number:int}/split": (Role.RESPONDER, ask_split),
}
ACTING: Mapping[str, Route] = {
    "/incidents/{number:int}/merge": (Role.RESPONDER, merge),
    "/incidents/{number:int}/split": (Role.RESPONDER, split),
}
