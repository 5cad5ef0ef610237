"""The form of the catch-all: those who are paged where nobody of a policy can be reached."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from sqlalchemy import Connection
from starlette.responses import Response

from alerting import desk
from alerting.crew import CatchAll
from heartbeat.actor import Role
from heartbeat.definitions.edit.catch_all import CATCH_ALL
from heartbeat.http.console import definition_form
from heartbeat.http.console.definition_form import DefinitionForm, Filled
from heartbeat.http.console.on_call import offers
from heartbeat.http.console.on_call.catch_all_fields import CatchAllFields
from heartbeat.http.console.request import ConsoleRequest, Route


async def change(request: ConsoleRequest) -> Response:
    """Show the form, empty while the catch-all is only the terminal of the service."""
    exists = await definition_form.load(CATCH_ALL, request) is not None
    return await (definition_form.change if exists else definition_form.begin)(FORM, request)


async def save(request: ConsoleRequest) -> Response:
    """Define the catch-all, or show the form again."""
    exists = await definition_form.load(CATCH_ALL, request) is not None
    return await (definition_form.save if exists else definition_form.make)(FORM, request)


def _facts(
    db: Connection, _request: ConsoleRequest, _filled: Filled[CatchAll, CatchAllFields]
) -> dict[str, Any]:
    return {"offers": offers.targets(desk.crew(db))}


FORM = DefinitionForm(
    kind=CATCH_ALL,
    folder="/on-call",
    section="catch-all",
    template="on_call/catch_all_form.html",
    blank=lambda _db, _now: CatchAllFields(),
    typed=CatchAllFields.typed,
    filled=CatchAllFields.of,
    entered=CatchAllFields.entered,
    title=lambda _: "the catch-all",
    deletion="If nobody of a policy can be reached, pages then go only to the terminal of the service.",
    facts=_facts,
)

READING: Mapping[str, Route] = {
    "/on-call/catch-all/edit": (Role.ADMIN, change),
    "/on-call/catch-all/delete": (Role.ADMIN, partial(definition_form.ask_delete, FORM)),
}
ACTING: Mapping[str, Route] = {
    "/on-call/catch-all/edit": (Role.ADMIN, save),
    "/on-call/catch-all/delete": (Role.ADMIN, partial(definition_form.delete, FORM)),
}
