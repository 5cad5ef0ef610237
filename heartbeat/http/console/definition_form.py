"""The form of a kind of definition: begun, made, changed, saved and deleted, with one set of screens for every kind.

A `DefinitionForm` says what the kind's form holds and shows. The file's definitions cannot be changed here. A mark in
the form tells whether somebody else has changed the definition since, so that no update is lost.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from hashlib import sha256
from typing import Any, Generic, Protocol, Self, TypeVar
from urllib.parse import quote

from sqlalchemy import Connection
from starlette.datastructures import FormData
from starlette.responses import Response

from alerting.origin import Origin
from heartbeat.actor import Role
from heartbeat.definitions import kind as kinds
from heartbeat.definitions.kind import D, Edit, InUse, Kind, OwnedByFile
from heartbeat.definitions.single import Faulty
from heartbeat.http.console import form_rows
from heartbeat.http.console.request import ConsoleRequest, Route
from heartbeat.http.pages import render

CHANGED = "Somebody has changed it since this form was loaded. Saving again replaces what they did."


class Fields(Protocol):
    """The fields of a form, as text."""

    @property
    def slug(self) -> str:
        """The name of the definition."""

    def pressed(self, do: str) -> Self:
        """The fields once a button about their rows is pressed."""

    def located(self, problems: Sequence[str]) -> list[tuple[str, str]]:
        """Each problem with the field that it is about."""


F = TypeVar("F", bound=Fields)


@dataclass(frozen=True, slots=True)
class Filled(Generic[D, F]):
    """A filled form. `mark` identifies the definition that it was filled from, empty for a new one."""

    fields: F
    mark: str = ""
    definition: D | None = None
    problems: Sequence[tuple[str, str]] = ()


async def _reachable(_visit: ConsoleRequest, _name: str, _entered: Mapping[str, object]) -> None:
    """Accept every address: the kind has none."""


@dataclass(frozen=True, slots=True)
class DefinitionForm(Generic[D, F]):
    """The form of a kind: `folder` has its screens, and the file has its definitions under `section`."""

    kind: Kind[D]
    folder: str
    section: str
    template: str
    blank: Callable[[Connection, datetime], F]
    """The fields of a new definition, begun at this time."""
    typed: Callable[[FormData, str | None], F]
    """The typed fields; the second argument is the name of a definition that has one already."""
    filled: Callable[[D], F]
    entered: Callable[[F, D | None], dict[str, object]]
    """The fields as the API takes them. Raises ValueError."""
    title: Callable[[D], str]
    deletion: str
    """The sentence that says what a deletion does."""
    facts: Callable[[Connection, ConsoleRequest, Filled[D, F]], dict[str, Any]]
    """The facts that the template shows besides the fields."""
    vet: Callable[[ConsoleRequest, str, Mapping[str, object]], Awaitable[None]] = _reachable
    """Looks addresses up before the transaction: the network may take its time. Raises `Faulty`."""
    state: Callable[[D], object] = repr
    """All of a definition that the form changes, by which a change by somebody else is noticed."""

    def address(self, name: str) -> str:
        """The address of a definition's own screen. The only one of its kind has no name."""
        return f"{self.folder}/{self.section}/{quote(name)}".rstrip("/")

    def mark(self, definition: D) -> str:
        """The mark of a definition as it is now."""
        return sha256(str(self.state(definition)).encode()).hexdigest()[:16]


class _Outrun(Exception):
    """Somebody else was first: the form to show instead."""

    def __init__(self, form: Filled[Any, Any]) -> None:
        super().__init__()
        self.form = form


def reading(form: DefinitionForm[D, F]) -> dict[str, Route]:
    """The screens of a form by their addresses."""
    return {
        f"{form.folder}/new-{form.kind.name}": (Role.ADMIN, partial(begin, form)),
        f"{form.folder}/{form.section}/{{name}}/edit": (Role.ADMIN, partial(change, form)),
        f"{form.folder}/{form.section}/{{name}}/delete": (Role.ADMIN, partial(ask_delete, form)),
    }


def acting(form: DefinitionForm[D, F]) -> dict[str, Route]:
    """The actions of a form by their addresses."""
    return {
        f"{form.folder}/new-{form.kind.name}": (Role.ADMIN, partial(make, form)),
        f"{form.folder}/{form.section}/{{name}}/edit": (Role.ADMIN, partial(save, form)),
        f"{form.folder}/{form.section}/{{name}}/delete": (Role.ADMIN, partial(delete, form)),
    }


async def begin(form: DefinitionForm[D, F], request: ConsoleRequest) -> Response:
    """Show the empty form of a new definition."""
    return await _show(form, request, Filled(await request.read(lambda db: form.blank(db, request.now))))


async def make(form: DefinitionForm[D, F], request: ConsoleRequest) -> Response:
    """Add a definition, or show the form again."""
    return await _save(form, request, None, form.typed(request.form, None))


async def change(form: DefinitionForm[D, F], request: ConsoleRequest) -> Response:
    """Show the form of a definition, or why it cannot be changed here."""
    definition = await load(form.kind, request)
    if definition is None:
        return missing(form.kind, request)
    if definition.origin == Origin.FILE:
        return _declared(form, request, definition, "change")
    return await _show(form, request, Filled(form.filled(definition), form.mark(definition), definition))


async def save(form: DefinitionForm[D, F], request: ConsoleRequest) -> Response:
    """Change a definition, or show the form again."""
    definition = await load(form.kind, request)
    if definition is None:
        return missing(form.kind, request)
    if definition.origin == Origin.FILE:
        return _declared(form, request, definition, "change", 409)
    return await _save(form, request, definition, form.typed(request.form, name(request)))


async def ask_delete(form: DefinitionForm[D, F], request: ConsoleRequest) -> Response:
    """Ask before a definition is deleted."""
    definition = await load(form.kind, request)
    if definition is None:
        return missing(form.kind, request)
    if definition.origin == Origin.FILE:
        return _declared(form, request, definition, "delete")
    title = form.title(definition)
    return request.show(
        "confirm.html",
        question=f"Delete {title}?",
        consequences=[form.deletion],
        action=f"Delete {title}",
        back=form.address(name(request)),
    )


async def delete(form: DefinitionForm[D, F], request: ConsoleRequest) -> Response:
    """Delete a definition."""
    try:
        deleted = await request.write(lambda db: kinds.delete(edit(request, db), form.kind, name(request)))
    except (InUse, OwnedByFile) as error:
        return refused(request, error)
    return missing(form.kind, request) if deleted is None else render.see_other(form.folder)


def edit(request: ConsoleRequest, db: Connection) -> Edit:
    """The circumstances of an edit by the visitor."""
    return Edit(db, request.actor, request.now, request.context.vault)


def name(request: ConsoleRequest) -> str:
    """The name in the address, empty where there is only one of a kind."""
    return str(request.http.path_params.get("name", "")).replace("\0", "")


async def load(kind: Kind[D], request: ConsoleRequest) -> D | None:
    """The definition that the address names, or None."""
    return await request.read(lambda db: kind.load(db).get(name(request)))


def missing(kind: Kind[D], request: ConsoleRequest) -> Response:
    """Say that no definition has the name in the address, or that there is none of a kind with only one."""
    key = name(request)[:100]
    return request.not_found(f"There is no {kind.name} called {key}." if key else f"No {kind.name} is set.")


def refused(request: ConsoleRequest, error: Exception) -> Response:
    """Say why nothing was changed."""
    return render.error_page(request.http, 409, "Nothing was changed", str(error))


async def _save(
    form: DefinitionForm[D, F], request: ConsoleRequest, definition: D | None, fields: F
) -> Response:
    """Define it. With a problem, or if only a row or the preview was asked for, show the form and change nothing."""
    do, mark = str(request.form.get("do", "save")), str(request.form.get("before", ""))
    filled = Filled(fields, mark, definition)
    if do == "preview" or form_rows.pressed(do):
        pressed = replace(filled, fields=fields.pressed(do))
        return await _show(form, request, pressed, focus=form_rows.focused(do))
    try:
        entered = form.entered(fields, definition)
        await form.vet(request, fields.slug, entered)
        await request.write(
            lambda db: kinds.define(
                edit(request, db), form.kind, fields.slug, entered, partial(_require_mark, form, filled)
            )
        )
    except _Outrun as outrun:
        return await _show(form, request, outrun.form, 422)
    except ValueError as error:
        problems = error.problems if isinstance(error, Faulty) else [str(error)]
        return await _show(form, request, replace(filled, problems=fields.located(problems)), 422)
    except OwnedByFile as error:
        return refused(request, error)
    return render.see_other(form.address(fields.slug))


def _require_mark(form: DefinitionForm[D, F], filled: Filled[D, F], current: D | None) -> None:
    """Raise `_Outrun` unless the definition is still the one that the form was filled from."""
    fields = filled.fields
    if filled.definition is None and current is not None and fields.slug:
        sentence = (
            f"Slug: there is a {form.kind.name} called {fields.slug} already; "
            "choose another name, or change that one."
        )
        raise _Outrun(Filled(fields, problems=[("slug", sentence)]))
    mark = "" if current is None else form.mark(current)
    if mark != filled.mark:
        raise _Outrun(Filled(fields, mark, current, [("", CHANGED)]))


async def _show(
    form: DefinitionForm[D, F],
    request: ConsoleRequest,
    filled: Filled[D, F],
    status: int = 200,
    focus: int | None = None,
) -> Response:
    """Show the form. `focus` is the place of the row to go on with, if a button has changed the rows."""
    facts: dict[str, Any] = await request.read(lambda db: form.facts(db, request, filled))
    facts |= {form.kind.name: filled.definition}
    return request.show(
        form.template,
        status=status,
        form=filled,
        fields=filled.fields,
        focus=focus,
        about={field for field, _ in filled.problems},
        back=form.address(name(request)) if filled.definition else form.folder,
        **facts,
    )


def _declared(
    form: DefinitionForm[D, F], request: ConsoleRequest, definition: D, verb: str, status: int = 200
) -> Response:
    key, title = name(request), form.title(definition)
    # The only one of its kind stands at the top of the file.
    section, entry = (form.section, key) if key else ("", form.kind.name)
    return request.owned_by_file(title, section, entry, verb, form.address(key), status)
