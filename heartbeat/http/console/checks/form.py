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
from heartbeat.http.console.request import Shown, Visit
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


async def begin(visit: Visit) -> Response:
    """The empty form of a new check."""
    form = await visit.read(lambda db: _form(db, visit, Draft(name=""), ""))
    return _show(visit, None, form)


async def make(visit: Visit) -> Response:
    """Make the check, or show what the form means, or what is wrong with it."""
    typed = Draft.typed(visit.form)
    if visit.form.get("do") == "preview":
        return _show(visit, None, await visit.read(lambda db: _form(db, visit, typed, "")))

    def work(db: Connection) -> _Form | None:
        if edit.locked(db, typed.slug.replace("\0", "")) is not None:
            said = f"slug: there is a check called {typed.slug} already; choose another name, or change that one."
            return _form(db, visit, typed, "", [said])
        return _define(db, visit, typed, "")

    return _outcome(visit, None, typed.slug, await visit.write(work))


async def change(visit: Visit) -> Response:
    """The form of a check that there is; the reason where it cannot be changed here."""
    one = await visit.read(lambda db: check_store.load(db, visit.slug))
    if one is None:
        return _no_such(visit)
    if one.origin == Origin.FILE:
        return _declared(visit, one, "change")
    filled, mark = _filled(one)
    return _show(visit, one, await visit.read(lambda db: _form(db, visit, filled, mark)))


async def save(visit: Visit) -> Response:
    """Change the check, or show what the form means, or what is wrong with it."""
    typed, mark = Draft.typed(visit.form, visit.slug), str(visit.form.get("before", ""))
    one = await visit.read(lambda db: check_store.load(db, visit.slug))
    if one is None:
        return _no_such(visit)
    if visit.form.get("do") == "preview":
        return _show(visit, one, await visit.read(lambda db: _form(db, visit, typed, mark)))

    def work(db: Connection) -> _Form | None:
        there = edit.locked(db, visit.slug)
        if there is None or _filled(there)[1] != mark:
            now_is = "" if there is None else _filled(there)[1]
            return _form(db, visit, typed, now_is, [CHANGED])
        return _define(db, visit, typed, mark)

    return _outcome(visit, one, one.slug, await visit.write(work))


async def ask_delete(visit: Visit) -> Response:
    """Ask before a watch is ended and forgotten."""
    one = await visit.read(lambda db: check_store.load(db, visit.slug))
    if one is None:
        return _no_such(visit)
    if one.origin == Origin.FILE:
        return _declared(visit, one, "delete")
    return visit.show(
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


async def delete(visit: Visit) -> Response:
    """End the watch over a check and forget it."""
    gone = await visit.write(lambda db: edit.delete(db, visit.actor, visit.slug, visit.now))
    return render.see_other("/checks") if gone else _no_such(visit)


READING: Mapping[str, Shown] = {
    "/new": (Role.ADMIN, begin),
    "/checks/{slug}/edit": (Role.ADMIN, change),
    "/checks/{slug}/delete": (Role.ADMIN, ask_delete),
}
ACTING: Mapping[str, Shown] = {
    "/new": (Role.ADMIN, make),
    "/checks/{slug}/edit": (Role.ADMIN, save),
    "/checks/{slug}/delete": (Role.ADMIN, delete),
}


def _define(db: Connection, visit: Visit, typed: Draft, mark: str) -> _Form | None:
    """Make it so: None, or the form with all that is wrong, and then nothing was changed."""
    try:
        wanted = edit.read(db, typed.slug, typed.given())
        edit.define(db, visit.actor, typed.slug, wanted, visit.now)
    except Faulty as faulty:
        return _form(db, visit, typed, mark, faulty.problems)
    except ValueError as wrong:
        return _form(db, visit, typed, mark, [str(wrong)])
    return None


def _form(db: Connection, visit: Visit, typed: Draft, mark: str, problems: Sequence[str] = ()) -> _Form:
    policies = list(desk.policies(db))
    usual = installation.default_policy(db)
    return _Form(typed, mark, policies, usual, _preview(db, visit, typed), fields.wrong(list(problems)))


def _preview(db: Connection, visit: Visit, typed: Draft) -> Preview:
    try:
        return fields.preview(edit.read(db, "preview", typed.timing()), visit.now)
    except Faulty as faulty:
        return Preview(problems=tuple(faulty.problems))


def _filled(one: Check) -> tuple[Draft, str]:
    """The form of a check as it is defined, and the mark of that definition."""
    definition = CheckDefinition.of(one)
    written = edit.written(definition)
    return Draft.of(definition, written), sha256(repr(sorted(written.items())).encode()).hexdigest()[:16]


def _outcome(visit: Visit, one: Check | None, slug: str, form: _Form | None) -> Response:
    return render.see_other(f"/checks/{quote(slug)}") if form is None else _show(visit, one, form, 422)


def _show(visit: Visit, one: Check | None, form: _Form, status: int = 200) -> Response:
    facts: dict[str, Any] = {"severities": list(Severity), "about": {name for name, _ in form.problems}}
    return visit.show("checks/form.html", status=status, check=one, form=form, draft=form.draft, **facts)


def _declared(visit: Visit, one: Check, deed: str) -> Response:
    return visit.declared(one.name, "checks", one.slug, deed, f"/checks/{quote(one.slug)}")


def _no_such(visit: Visit) -> Response:
    return visit.missing(f"There is no check called {visit.slug}. It may have been deleted or renamed.")
