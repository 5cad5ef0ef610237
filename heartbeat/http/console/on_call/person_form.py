"""The console's forms that add somebody who can be paged, change them, and take them away. By the rules of the file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection
from starlette.responses import Response

from alerting import desk
from alerting.notifiers import registry
from alerting.origin import Origin
from alerting.person import Person
from heartbeat.actor import Role
from heartbeat.definitions import store as definition_store
from heartbeat.definitions.edit import people as edit
from heartbeat.definitions.edit import reachability
from heartbeat.definitions.edit.ownership import InUse, OwnedByFile
from heartbeat.definitions.single import Faulty
from heartbeat.http.console import form_rows
from heartbeat.http.console.on_call.person_fields import Card
from heartbeat.http.console.request import ConsoleRequest, Route
from heartbeat.http.pages import render

CHANGED = "Somebody has changed it since this form was loaded. Saving again replaces what they did."


@dataclass(frozen=True, slots=True)
class _Form:
    """A form to be shown. `before` marks the person that it was filled from, empty for somebody new."""

    card: Card
    before: str
    person: Person | None
    problems: Sequence[tuple[str, str]] = ()


async def begin(request: ConsoleRequest) -> Response:
    """The empty form of somebody new."""
    return _show(request, _Form(Card(), "", None))


async def make(request: ConsoleRequest) -> Response:
    """Add somebody, or show what is wrong."""
    return await _save(request, Card.typed(request.form), None)


async def change(request: ConsoleRequest) -> Response:
    """The form of somebody who is there; the reason where they cannot be changed here."""
    person = await request.read(lambda db: desk.people(db).get(_name(request)))
    if person is None:
        return _nobody(request)
    if person.origin == Origin.FILE:
        return _declared(request, person, "change")
    return _show(request, _Form(Card.of(person, edit.is_secret), _mark(person), person))


async def save(request: ConsoleRequest) -> Response:
    """Change somebody, or show what is wrong."""
    person = await request.read(lambda db: desk.people(db).get(_name(request)))
    if person is None:
        return _nobody(request)
    if person.origin == Origin.FILE:
        return _declared(request, person, "change", 409)
    return await _save(request, Card.typed(request.form, person.id), person)


async def ask_delete(request: ConsoleRequest) -> Response:
    """Ask before somebody is forgotten."""
    person = await request.read(lambda db: desk.people(db).get(_name(request)))
    if person is None:
        return _nobody(request)
    if person.origin == Origin.FILE:
        return _declared(request, person, "delete")
    return request.show(
        "confirm.html",
        question=f"Delete {person.name}?",
        consequences=["They are paged no more, and their contacts are forgotten. What they were told stays."],
        action=f"Delete {person.name}",
        back=_address(person.id),
    )


async def delete(request: ConsoleRequest) -> Response:
    """Forget somebody."""
    name = _name(request)
    try:
        gone = await request.write(lambda db: edit.delete(db, request.actor, name, request.now))
    except (InUse, OwnedByFile) as wrong:
        return render.error_page(request.http, 409, "Nothing was changed", str(wrong))
    return _nobody(request) if gone is None else render.see_other("/on-call")


READING: Mapping[str, Route] = {
    "/on-call/new-person": (Role.ADMIN, begin),
    "/on-call/people/{name}/edit": (Role.ADMIN, change),
    "/on-call/people/{name}/delete": (Role.ADMIN, ask_delete),
}
ACTING: Mapping[str, Route] = {
    "/on-call/new-person": (Role.ADMIN, make),
    "/on-call/people/{name}/edit": (Role.ADMIN, save),
    "/on-call/people/{name}/delete": (Role.ADMIN, delete),
}


async def _save(request: ConsoleRequest, card: Card, person: Person | None) -> Response:
    """Make it so. With all that is wrong, or only another row, the form is shown and nothing was changed."""
    do, mark = str(request.form.get("do", "save")), str(request.form.get("before", ""))
    if form_rows.pressed(do):
        return _show(request, _Form(card.after(do), mark, person))
    try:
        given = card.given(person)
        # Where an address leads is looked up outside of the transaction: the network may take its time.
        await reachability.vet_person(request.context.fence, card.slug, given)
        form = await request.write(lambda db: _define(db, request, card, mark, given))
    except ValueError as wrong:
        return _show(request, _Form(card, mark, person, card.wrong(_problems(wrong))), 422)
    except OwnedByFile as wrong:
        return render.error_page(request.http, 409, "Nothing was changed", str(wrong))
    return render.see_other(_address(card.slug)) if form is None else _show(request, form, 422)


def _define(
    db: Connection, request: ConsoleRequest, card: Card, mark: str, given: Mapping[str, object]
) -> _Form | None:
    """Make it so: None; or the form, where somebody else was first. Raises `Faulty` and `OwnedByFile`."""
    definition_store.wait_for_turn(db)
    there = desk.people(db).get(card.slug)
    if there is not None and not mark:
        said = f"Slug: there is somebody called {card.slug} already; choose another name, or change that one."
        return _Form(card, "", None, [("slug", said)])
    if mark and (there is None or _mark(there) != mark):
        return _Form(card, _mark(there) if there else "", there, [("", CHANGED)])
    edit.define(db, request.actor, edit.read(db, request.context.vault, card.slug, given), request.now)
    return None


def _mark(person: Person) -> str:
    return sha256(repr(person).encode()).hexdigest()[:16]


def _problems(wrong: ValueError) -> list[str]:
    return wrong.problems if isinstance(wrong, Faulty) else [str(wrong)]


def _show(request: ConsoleRequest, form: _Form, status: int = 200) -> Response:
    facts: dict[str, Any] = {
        "about": {name for name, _ in form.problems},
        "kinds": sorted(registry.installed().kinds),
    }
    back = _address(form.person.id) if form.person else "/on-call"
    return request.show(
        "on_call/person_form.html", status=status, form=form, card=form.card, back=back, **facts
    )


def _declared(request: ConsoleRequest, person: Person, deed: str, status: int = 200) -> Response:
    return request.owned_by_file(person.name, "people", person.id, deed, _address(person.id), status)


def _address(name: str) -> str:
    return f"/on-call/people/{quote(name)}"


def _name(request: ConsoleRequest) -> str:
    return str(request.http.path_params["name"]).replace("\0", "")


def _nobody(request: ConsoleRequest) -> Response:
    return request.not_found(f"There is nobody called {_name(request)[:100]}.")
