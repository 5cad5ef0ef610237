"""The forms that create, change and delete a check on the console. Checks of the file can only be changed there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
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
from heartbeat.checks import former_slugs
from heartbeat.checks import store as check_store
from heartbeat.checks.check import Check
from heartbeat.checks.definition import CheckDefinition
from heartbeat.definitions import entry
from heartbeat.definitions.edit import checks as edit
from heartbeat.definitions.single import Faulty
from heartbeat.http.console.checks import fields
from heartbeat.http.console.checks.fields import Draft, SchedulePreview
from heartbeat.http.console.request import ConsoleRequest, Route
from heartbeat.http.pages import render

CHANGED = "Somebody changed this check after you opened the form. Save again to replace their changes."


@dataclass(frozen=True, slots=True)
class _Form:
    """A form to show. `mark` identifies the definition that it was filled from, empty for a new check."""

    draft: Draft
    mark: str
    policies: Sequence[str]
    default_policy: str | None
    preview: SchedulePreview
    problems: Sequence[tuple[str, str]] = ()
    heard: Mapping[str, datetime] = field(default_factory=dict)
    """The last pings to former slugs."""


async def begin(request: ConsoleRequest) -> Response:
    """Show the form of a new check, empty but for the file's time zone and a slug in the address."""
    slug = str(request.http.query_params.get("slug", ""))[:100]

    def read(db: Connection) -> _Form:
        return _form(db, request, Draft(slug=slug, timezone=installation.timezone(db)), "")

    return _show(request, None, await request.read(read))


async def make(request: ConsoleRequest) -> Response:
    """Create the check, or show the form with its preview or its problems."""
    typed = Draft.typed(request.form)
    if request.form.get("do") == "preview":
        return _show(request, None, await request.read(lambda db: _form(db, request, typed, "")))

    def work(db: Connection) -> _Form | None:
        if edit.locked(db, typed.slug.replace("\0", "")) is not None:
            problem = f"slug: a check called {typed.slug} exists already; choose another slug, or change that check."
            return _form(db, request, typed, "", [problem])
        return _define(db, request, typed, "")

    return _outcome(request, None, typed.slug, await request.write(work))


async def change(request: ConsoleRequest) -> Response:
    """Show the form of a check, or the reason why it cannot be changed here."""
    check = await request.read(lambda db: check_store.load(db, request.slug))
    if check is None:
        return _no_such(request)
    if check.origin == Origin.FILE:
        return _declared(request, check, "change")
    filled, mark = _filled(check)
    return _show(request, check, await request.read(lambda db: _form(db, request, filled, mark)))


async def save(request: ConsoleRequest) -> Response:
    """Change the check, or show the form with its preview or its problems."""
    typed, mark = Draft.typed(request.form, request.slug), str(request.form.get("before", ""))
    check = await request.read(lambda db: check_store.load(db, request.slug))
    if check is None:
        return _no_such(request)
    if request.form.get("do") == "preview":
        return _show(request, check, await request.read(lambda db: _form(db, request, typed, mark)))

    def work(db: Connection) -> _Form | None:
        current = edit.locked(db, request.slug)
        if current is None or _filled(current)[1] != mark:
            current_mark = "" if current is None else _filled(current)[1]
            return _form(db, request, typed, current_mark, [CHANGED])
        if typed.slug != request.slug and edit.locked(db, typed.slug.replace("\0", "")) is not None:
            problem = f"slug: a check called {typed.slug} exists already; choose another slug."
            return _form(db, request, typed, mark, [problem])
        return _define(db, request, typed, mark)

    return _outcome(request, check, typed.slug, await request.write(work))


async def ask_delete(request: ConsoleRequest) -> Response:
    """Ask before a check is deleted."""
    check = await request.read(lambda db: check_store.load(db, request.slug))
    if check is None:
        return _no_such(request)
    if check.origin == Origin.FILE:
        return _declared(request, check, "delete")
    return request.show(
        "confirm.html",
        question=f"Delete {check.name}?",
        consequences=(
            f"It no longer pages anybody. Its {times.count(check.pings, 'ping')} and its history are deleted for good.",
            "Jobs that still ping its address get a 404. A ping with a ping key and create=1 creates it again.",
        ),
        action=f"Delete {check.name}",
        back=f"/checks/{quote(check.slug)}",
    )


async def delete(request: ConsoleRequest) -> Response:
    """Delete a check with its pings and its history."""
    deleted = await request.write(lambda db: edit.delete(db, request.actor, request.slug, request.now))
    return render.see_other("/checks") if deleted else _no_such(request)


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
    """Define the check. Return the form with its problems if nothing was changed, None after success."""
    try:
        definition = edit.read(db, typed.slug, typed.as_in_file())
        edit.define(db, request.actor, typed.slug, definition, request.now)
    except Faulty as faulty:
        return _form(db, request, typed, mark, faulty.problems)
    except ValueError as error:
        return _form(db, request, typed, mark, [str(error)])
    return None


def _form(
    db: Connection, request: ConsoleRequest, typed: Draft, mark: str, problems: Sequence[str] = ()
) -> _Form:
    policies = list(desk.policies(db))
    default = installation.default_policy(db)
    former = typed.formerly.replace("\0", "").split()[: entry.MAX_FORMERLY]
    return _Form(
        draft=typed,
        mark=mark,
        policies=policies,
        default_policy=default,
        preview=_preview(db, request, typed),
        problems=typed.located(problems),
        heard=former_slugs.heard(db, former) if former else {},
    )


def _preview(db: Connection, request: ConsoleRequest, typed: Draft) -> SchedulePreview:
    try:
        return fields.preview(edit.read(db, "preview", typed.timing()), request.now)
    except Faulty as faulty:
        return SchedulePreview(problems=tuple(faulty.problems))


def _filled(check: Check) -> tuple[Draft, str]:
    """Return the form of a check and the mark of its definition."""
    definition = CheckDefinition.of(check)
    fields_of_file = edit.written(definition)
    return Draft.of(definition, fields_of_file), sha256(
        repr(sorted(fields_of_file.items())).encode()
    ).hexdigest()[:16]


def _outcome(request: ConsoleRequest, check: Check | None, slug: str, form: _Form | None) -> Response:
    return render.see_other(f"/checks/{quote(slug)}") if form is None else _show(request, check, form, 422)


def _show(request: ConsoleRequest, check: Check | None, form: _Form, status: int = 200) -> Response:
    facts: dict[str, Any] = {"severities": list(Severity), "about": {name for name, _ in form.problems}}
    return request.show("checks/form.html", status=status, check=check, form=form, draft=form.draft, **facts)


def _declared(request: ConsoleRequest, check: Check, verb: str) -> Response:
    return request.owned_by_file(check.name, "checks", check.slug, verb, f"/checks/{quote(check.slug)}")


def _no_such(request: ConsoleRequest) -> Response:
    return request.not_found(f"There is no check called {request.slug}. It may have been deleted or renamed.")
