"""The address of somebody's calendar, for admins: whoever has left may still have it on a phone."""

from collections.abc import Callable, Mapping
from datetime import datetime

from sqlalchemy import Connection
from starlette.responses import Response

from alerting.desk import Feed, Noun
from heartbeat.actor import Actor, Role
from heartbeat.definitions.edit.people import PERSON
from heartbeat.http.console import definition_form
from heartbeat.http.console.on_call.person_form import FORM
from heartbeat.http.console.request import ConsoleRequest, Route
from heartbeat.http.pages import render
from heartbeat.on_call import calendar_access


async def renew(request: ConsoleRequest) -> Response:
    """Give the calendar of a person a new address, which their own screen shows them."""
    return await _changed(request, calendar_access.renew)


async def revoke(request: ConsoleRequest) -> Response:
    """Take that address away."""
    return await _changed(request, calendar_access.revoke)


_PERSON = "/on-call/people/{name}"
READING: Mapping[str, Route] = {}
ACTING: Mapping[str, Route] = {
    f"{_PERSON}/calendar": (Role.ADMIN, renew),
    f"{_PERSON}/calendar/revoke": (Role.ADMIN, revoke),
}


async def _changed(
    request: ConsoleRequest, change: Callable[[Connection, Actor, Noun, str, datetime], Feed | None]
) -> Response:
    name = definition_form.name(request)

    def work(db: Connection) -> bool:
        if not calendar_access.exists(db, Noun.PERSON, name):
            return False
        change(db, request.actor, Noun.PERSON, name, request.now)
        return True

    if not await request.write(work):
        return definition_form.missing(PERSON, request)
    return render.see_other(FORM.address(name))
