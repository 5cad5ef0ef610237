"""Codes that prove contacts: a person, or an admin beside them, has one sent and types it."""

from collections.abc import Mapping
from urllib.parse import quote

from starlette.responses import Response

from alerting import desk
from alerting.person import Contact, Person
from heartbeat import verification
from heartbeat.actor import Role
from heartbeat.definitions.edit.people import PERSON
from heartbeat.http.console import definition_form
from heartbeat.http.console.on_call import pages
from heartbeat.http.console.request import ConsoleRequest, Route
from heartbeat.http.pages import render
from heartbeat.verification import ReadByMachine, TooManyCodes

NOT_THEIRS = "You need the admin role to prove contacts of other people. Nothing was changed."


async def send(request: ConsoleRequest) -> Response:
    """Send a code to a contact."""
    person = await _person(request)
    if person is None:
        return definition_form.missing(PERSON, request)
    if not verification.may_verify(request.actor, person.id):
        return _not_theirs(request, person)
    match await request.context.send_code(person.id, _mark(request), request.actor):
        case None:
            return render.error_page(request.http, 404, "Not found", verification.GONE)
        case TooManyCodes() as refused:
            message = refused.sentence(request.now)
            return render.error_page(request.http, 429, "A code was sent a moment ago", message)
        case ReadByMachine() as refused:
            return render.error_page(request.http, 422, "No code can be sent there", refused.sentence)
        case _:
            return _back(request, person)


async def confirm(request: ConsoleRequest) -> Response:
    """Judge a code that was typed, and prove its contact if it is right."""
    person = await _person(request)
    if person is None:
        return definition_form.missing(PERSON, request)
    if not verification.may_verify(request.actor, person.id):
        return _not_theirs(request, person)
    mark, typed, keys = _mark(request), str(request.form.get("code", "")), request.context.link_keys
    verdict = await request.write(
        lambda db: verification.confirm(db, keys, person.id, mark, typed, request.actor, request.now)
    )
    match verdict:
        case None:
            return render.error_page(request.http, 404, "Not found", verification.GONE)
        case Contact():
            return _back(request, person)
        case refused:
            fault = verification.refusal(refused)
            return await pages.show_person(request, status=422, mark=mark, fault=fault)


READING: Mapping[str, Route] = {}
ACTING: Mapping[str, Route] = {
    "/on-call/people/{name}/contacts/{mark}/verify": (Role.VIEWER, send),
    "/on-call/people/{name}/contacts/{mark}/confirm": (Role.VIEWER, confirm),
}


def _mark(request: ConsoleRequest) -> str:
    return str(request.http.path_params["mark"]).replace("\0", "")


async def _person(request: ConsoleRequest) -> Person | None:
    person = (await request.read(desk.people)).get(definition_form.name(request))
    return None if person is None or person.channel else person


def _back(request: ConsoleRequest, person: Person) -> Response:
    return render.see_other(f"/on-call/people/{quote(person.id)}#contact-{_mark(request)}")


def _not_theirs(request: ConsoleRequest, person: Person) -> Response:
    title = f"{person.name} proves their own contacts"
    return render.error_page(request.http, 403, title, NOT_THEIRS)
