"""The devices on which people are paged: each person adds and removes their own."""

from collections.abc import Mapping

from starlette.responses import Response

from alerting import desk
from alerting.notifiers import push
from alerting.notifiers.push import Subscription
from alerting.notifiers.transport import egress
from alerting.person import Person
from heartbeat.access.session import browser_of
from heartbeat.actor import Role
from heartbeat.definitions.edit import devices as edit
from heartbeat.definitions.edit.devices import Unfit
from heartbeat.definitions.edit.people import PERSON
from heartbeat.http import auth
from heartbeat.http.console import definition_form
from heartbeat.http.console.on_call.person_form import FORM
from heartbeat.http.console.request import ConsoleRequest, Route
from heartbeat.http.pages import render
from heartbeat.safe_text import harmless

LONGEST_NAME = 100
"""Characters of a device's name, which is that of its browser."""


async def add(request: ConsoleRequest) -> Response:
    """Add the device that sends this form. Only the person themself can."""
    person = await _person(request)
    if person is None:
        return definition_form.missing(PERSON, request)
    if request.actor.person != person.id:
        return _not_theirs(request, person)
    name = harmless(browser_of(auth.client_of(request.http).agent))[:LONGEST_NAME]
    try:
        to = await _subscription(request)
        await request.write(lambda db: edit.add(definition_form.edit(request, db), person, name, to))
    except Unfit as unfit:
        message = f"{unfit} Nothing was changed."
        return render.error_page(request.http, 422, "This device was not added", message)
    return render.see_other(FORM.address(person.id))


async def remove(request: ConsoleRequest) -> Response:
    """Remove a device. An admin can do so for others, whose phone is lost."""
    person = await _person(request)
    if person is None:
        return definition_form.missing(PERSON, request)
    if request.actor.person != person.id and not request.actor.role.may(Role.ADMIN):
        return _not_theirs(request, person)
    await request.write(lambda db: edit.remove(definition_form.edit(request, db), person, request.number))
    return render.see_other(FORM.address(person.id))


READING: Mapping[str, Route] = {}
ACTING: Mapping[str, Route] = {
    "/on-call/people/{name}/devices": (Role.VIEWER, add),
    "/on-call/people/{name}/devices/{number:int}/remove": (Role.VIEWER, remove),
}


async def _subscription(request: ConsoleRequest) -> Subscription:
    """Return the subscription in the form. Raises `Unfit`."""
    try:
        subscription = push.subscription(str(request.form.get("subscription", "")))
    except ValueError as problem:
        raise Unfit(f"Pages cannot go to this browser: {problem}.") from None
    if fault := await egress.fault(request.context.fence, subscription.endpoint):
        raise Unfit(f"Pages cannot go to this browser: {fault}.")
    return subscription


async def _person(request: ConsoleRequest) -> Person | None:
    people = await request.read(desk.defined_people)
    return people.get(definition_form.name(request))


def _not_theirs(request: ConsoleRequest, person: Person) -> Response:
    message = f"{person.name} adds and removes their own devices. Nothing was changed."
    return render.error_page(request.http, 403, "These are devices of somebody else", message)
