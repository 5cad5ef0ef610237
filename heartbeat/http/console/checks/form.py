"""The console's forms that make a check, change it, and delete it. What the file declares, the file keeps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection
from starlette.responses import Response

from alerting import desk, times
from alerting.origin import Origin
from alerting.severity import Severity
from heartbeat import installation
from heartbeat.actor import Role
from heartbeat.checks import store as check_store
from heartbeat.checks.check import Check
from heartbeat.checks.definition import CheckDefinition
from heartbeat.definitions.edit import checks as edit
from heartbeat.definitions.single import Faulty
from heartbeat.http.console.checks import fields
from heartbeat.http.console.checks.fields import Draft, Preview
from heartbeat.http.console.request import ConsoleRequest, Route
from heartbeat.http.pages import render

CHANGED = "Somebody has changed it since this form was loaded. Saving again replaces what they did."


@dataclass(frozen=True, slots=True)
class _Form:
    """A form to be shown. `before` marks the definition that it was filled from, empty for a new check."""

    draft: Draft
    before: str
    policies: Sequence[str]
    usual: str | None
    preview: Preview
    problems: Sequence[tuple[str, str]] = ()


async def begin(request: ConsoleRequest) -> Response:
    """The empty form of a new check."""
    form = await request.read(lambda db: _form(db, request, Draft(name=""), ""))
    return _show(request, None, form)


async def make(request: ConsoleRequest) -> Response:
    """Make the check, or show what the form means, or what is wrong with it."""
    typed = Draft.typed(request.form)
    if request.form.get("do") == "preview":
        return _show(request, None, await request.read(lambda db: _form(db, request, typed, "")))

    def work(db: Connection) -> _Form | None:
        if edit.locked(db, typed.slug.replace("\0", "")) is not None:
            said = f"slug: there is a check called {typed.slug} already; choose another name, or change that one."
            return _form(db, request, typed, "", [said])
        return _define(db, request, typed, "")

    return _outcome(request, None, typed.slug, await request.write(work))


async def change(request: ConsoleRequest) -> Response:
    """The form of a check that there is; the reason where it cannot be changed here."""
    one = await request.read(lambda db: check_store.load(db, request.slug))
    if one is None:
        return _no_such(request)
    if one.origin == Origin.FILE:
        return _declared(request, one, "change")
    filled, mark = _filled(one)
    return _show(request, one, await request.read(lambda db: _form(db, request, filled, mark)))


async def save(request: ConsoleRequest) -> Response:
    """Change the check, or show what the form means, or what is wrong with it."""
    typed, mark = Draft.typed(request.form, request.slug), str(request.form.get("before", ""))
    one = await request.read(lambda db: check_store.load(db, request.slug))
    if one is None:
        return _no_such(request)
    if request.form.get("do") == "preview":
        return _show(request, one, await request.read(lambda db: _form(db, request, typed, mark)))

    def work(db: Connection) -> _Form | None:
        there = edit.locked(db, request.slug)
        if there is None or _filled(there)[1] != mark:
            now_is = "" if there is None else _filled(there)[1]
            return _form(db, request, typed, now_is, [CHANGED])
        return _define(db, request, typed, mark)

    return _outcome(request, one, one.slug, await request.write(work))


async def ask_delete(request: ConsoleRequest) -> Response:
    """Ask before a watch is ended and forgotten."""
    one = await request.read(lambda db: check_store.load(db, request.slug))
    if one is None:
        return _no_such(request)
    if one.origin == Origin.FILE:
        return _declared(request, one, "delete")
    return request.show(
        "confirm.html",
        question=f"Delete {one.name}?",
        consequences=(
            f"Its silence pages nobody any more. Its {times.count(one.pings, 'ping')} and its history are "
            "forgotten, and cannot be brought back.",
            "A job that still pings it by its address is answered 404. By a ping key with create=1 it is made anew.",
        ),
        action=f"Delete {one.name}",
        back=f"/checks/{quote(one.slug)}",
    )


async def delete(request: ConsoleRequest) -> Response:
    """End the watch over a check and forget it."""
    gone = await request.write(lambda db: edit.delete(db, request.actor, request.slug, request.now))
    return render.see_other("/checks") if gone else _no_such(request)


READING: Mapping[str, Route] = {
    "/new": (Role.ADMIN, begin),
    "/checks/{slug}/edit": (Role.ADMIN, change),
    "/checks/{slug}/delete": (Role.ADMIN, ask_delete),
}
ACTING: Mapping[str, Route] = {
    "/new": (Role.ADMIN, make),
    "/checks/{slug}/edit": (Role.ADMIN, save),
    "/checks/{slug}/delete": (Role.ADMIN, delete),
}


def _define(db: Connection, request: ConsoleRequest, typed: Draft, mark: str) -> _Form | None:
    """Make it so: None, or the form with all that is wrong, and then nothing was changed."""
    try:
        wanted = edit.read(db, typed.slug, typed.given())
        edit.define(db, request.actor, typed.slug, wanted, request.now)
    except Faulty as faulty:
        return _form(db, request, typed, mark, faulty.problems)
    except ValueError as wrong:
        return _form(db, request, typed, mark, [str(wrong)])
    return None


def _form(
    db: Connection, request: ConsoleRequest, typed: Draft, mark: str, problems: Sequence[str] = ()
) -> _Form:
    policies = list(desk.policies(db))
    usual = installation.default_policy(db)
    return _Form(typed, mark, policies, usual, _preview(db, request, typed), fields.wrong(list(problems)))


def _preview(db: Connection, request: ConsoleRequest, typed: Draft) -> Preview:
    try:
        return fields.preview(edit.read(db, "preview", typed.timing()), request.now)
    except Faulty as faulty:
        return Preview(problems=tuple(faulty.problems))


def _filled(one: Check) -> tuple[Draft, str]:
    """The form of a check as it is defined, and the mark of that definition."""
    definition = CheckDefinition.of(one)
    written = edit.written(definition)
    return Draft.of(definition, written), sha256(repr(sorted(written.items())).encode()).hexdigest()[:16]


def _outcome(request: ConsoleRequest, one: Check | None, slug: str, form: _Form | None) -> Response:
    return render.see_other(f"/checks/{quote(slug)}") if form is None else _show(request, one, form, 422)


def _show(request: ConsoleRequest, one: Check | None, form: _Form, status: int = 200) -> Response:
    facts: dict[str, Any] = {"severities": list(Severity), "about": {name for name, _ in form.problems}}
    return request.show("checks/form.html", status=status, check=one, form=form, draft=form.draft, **facts)


def _declared(request: ConsoleRequest, one: Check, deed: str) -> Response:
    return request.owned_by_file(one.name, "checks", one.slug, deed, f"/checks/{quote(one.slug)}")


def _no_such(request: ConsoleRequest) -> Response:
    return request.not_found(f"There is no check called {request.slug}. It may have been deleted or renamed.")
