"""The console's forms that make a policy, change it, make it the default, and delete it. By the rules of the file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection
from starlette.responses import Response

from alerting import desk
from alerting.escalation import Policy
from alerting.origin import Origin
from alerting.person import Person
from heartbeat.actor import Role
from heartbeat.checks import forecast
from heartbeat.definitions import store as definition_store
from heartbeat.definitions.edit import policies as edit
from heartbeat.definitions.edit.ownership import InUse, OwnedByFile
from heartbeat.definitions.single import Faulty
from heartbeat.http.console import form_rows
from heartbeat.http.console.on_call import policy_fields
from heartbeat.http.console.on_call.policy_fields import Ladder
from heartbeat.http.console.request import ConsoleRequest, Route
from heartbeat.http.pages import render

CHANGED = "Somebody has changed it since this form was loaded. Saving again replaces what they did."
TICKED = 12
"""People of whom each can be ticked in each step; where there are more, their names are written."""


@dataclass(frozen=True, slots=True)
class _Form:
    """A form to be shown. `before` marks the policy that it was filled from, empty for a new one.

    `calls` are whom it would page now, `faults` what keeps that from being known.
    """

    ladder: Ladder
    before: str
    policy: Policy | None
    people: Sequence[Person]
    calls: Sequence[forecast.Call]
    faults: Sequence[str]
    problems: Sequence[tuple[str, str]]


async def begin(request: ConsoleRequest) -> Response:
    """The empty form of a new policy."""
    return _show(request, await request.read(lambda db: _form(db, request, Ladder(), "", None)))


async def make(request: ConsoleRequest) -> Response:
    """Make a policy, or show whom it would page, or what is wrong with it."""
    return await _save(request, Ladder.typed(request.form), None)


async def change(request: ConsoleRequest) -> Response:
    """The form of a policy that there is; the reason where it cannot be changed here."""
    policy = await request.read(lambda db: desk.policies(db).get(_name(request)))
    if policy is None:
        return _no_policy(request)
    if policy.origin == Origin.FILE:
        return _declared(request, policy, "change")
    if len(policy.steps) > policy_fields.MOST:
        words = f"It has {len(policy.steps)} steps, more than this form has room for: change it by the API."
        return render.error_page(request.http, 409, "Too long for a form", words)
    filled = Ladder.of(policy)
    return _show(request, await request.read(lambda db: _form(db, request, filled, _mark(policy), policy)))


async def save(request: ConsoleRequest) -> Response:
    """Change a policy, or show whom it would page, or what is wrong with it."""
    policy = await request.read(lambda db: desk.policies(db).get(_name(request)))
    if policy is None:
        return _no_policy(request)
    if policy.origin == Origin.FILE:
        return _declared(request, policy, "change", 409)
    return await _save(request, Ladder.typed(request.form, policy.name), policy)


async def ask_delete(request: ConsoleRequest) -> Response:
    """Ask before a policy is forgotten."""
    policy = await request.read(lambda db: desk.policies(db).get(_name(request)))
    if policy is None:
        return _no_policy(request)
    if policy.origin == Origin.FILE:
        return _declared(request, policy, "delete")
    words = "No incident opens with it any more. Those that are open keep its steps."
    return _ask(request, policy, f"Delete the policy {policy.name}?", words, f"Delete {policy.name}")


async def delete(request: ConsoleRequest) -> Response:
    """Forget a policy."""
    name = _name(request)
    try:
        gone = await request.write(lambda db: edit.delete(db, request.actor, name, request.now))
    except (InUse, OwnedByFile) as wrong:
        return _refused(request, wrong)
    return _no_policy(request) if gone is None else render.see_other("/on-call")


async def ask_default(request: ConsoleRequest) -> Response:
    """Ask before checks that name no policy page by this one."""
    policy = await request.read(lambda db: desk.policies(db).get(_name(request)))
    if policy is None:
        return _no_policy(request)
    words = "Checks that name no policy page by it from their next incident on."
    action = f"Make {policy.name} the default"
    return _ask(request, policy, f"{action}?", words, action, "first")


async def make_default(request: ConsoleRequest) -> Response:
    """Let checks that name no policy page by this one."""
    name = _name(request)
    try:
        done = await request.write(lambda db: edit.make_default(db, request.actor, name, request.now))
    except OwnedByFile as wrong:
        return _refused(request, wrong)
    return _no_policy(request) if done is None else render.see_other(_address(name))


READING: Mapping[str, Route] = {
    "/on-call/new-policy": (Role.ADMIN, begin),
    "/on-call/policies/{name}/edit": (Role.ADMIN, change),
    "/on-call/policies/{name}/delete": (Role.ADMIN, ask_delete),
    "/on-call/policies/{name}/default": (Role.ADMIN, ask_default),
}
ACTING: Mapping[str, Route] = {
    "/on-call/new-policy": (Role.ADMIN, make),
    "/on-call/policies/{name}/edit": (Role.ADMIN, save),
    "/on-call/policies/{name}/delete": (Role.ADMIN, delete),
    "/on-call/policies/{name}/default": (Role.ADMIN, make_default),
}


async def _save(request: ConsoleRequest, typed: Ladder, policy: Policy | None) -> Response:
    """Make it so. With all that is wrong, or only looked at, the form is shown and nothing was changed."""
    do, mark = str(request.form.get("do", "save")), str(request.form.get("before", ""))
    if do == "preview" or form_rows.pressed(do):
        seen = typed.after(do) if form_rows.pressed(do) else typed
        return _show(request, await request.read(lambda db: _form(db, request, seen, mark, policy)))
    try:
        form = await request.write(lambda db: _define(db, request, typed, mark, policy))
    except OwnedByFile as wrong:
        return _refused(request, wrong)
    return render.see_other(_address(typed.slug)) if form is None else _show(request, form, 422)


def _define(
    db: Connection, request: ConsoleRequest, typed: Ladder, mark: str, policy: Policy | None
) -> _Form | None:
    """Make it so: None, or the form with what is wrong. Raises `OwnedByFile`."""
    definition_store.wait_for_turn(db)
    there = desk.policies(db).get(typed.slug)
    if there is not None and policy is None:
        said = (
            f"slug: there is a policy called {typed.slug} already; choose another name, or change that one."
        )
        return _form(db, request, typed, "", None, [said])
    if policy is not None and (there is None or _mark(there) != mark):
        return _form(db, request, typed, _mark(there) if there else "", policy, [CHANGED])
    try:
        edit.define(db, request.actor, edit.read(db, typed.slug, typed.given(there)), request.now)
    except Faulty as wrong:
        return _form(db, request, typed, mark, policy, wrong.problems)
    return None


def _form(
    db: Connection,
    request: ConsoleRequest,
    typed: Ladder,
    mark: str,
    policy: Policy | None,
    problems: Sequence[str] = (),
) -> _Form:
    people = sorted(desk.people(db).values(), key=lambda one: one.name.lower())
    calls: Sequence[forecast.Call] = ()
    faults: list[str] = []
    try:
        if any(rung.page for rung in typed.rungs):
            calls = forecast.by(db, edit.read(db, "preview", typed.given(policy)), request.now)
    except Faulty as wrong:
        faults = [said for _, said in typed.wrong(wrong.problems)]
    return _Form(typed, mark, policy, people, calls, faults, typed.wrong(problems))


def _mark(policy: Policy) -> str:
    return sha256(repr(policy).encode()).hexdigest()[:16]


def _show(request: ConsoleRequest, form: _Form, status: int = 200) -> Response:
    facts: dict[str, Any] = {"about": {name for name, _ in form.problems}, "most": policy_fields.MOST}
    back = _address(form.policy.name) if form.policy else "/on-call"
    ticks = len(form.people) <= TICKED
    return request.show(
        "on_call/policy_form.html",
        status=status,
        form=form,
        ladder=form.ladder,
        ticks=ticks,
        back=back,
        **facts,
    )


def _ask(
    request: ConsoleRequest, policy: Policy, question: str, words: str, action: str, kind: str = "danger"
) -> Response:
    back, said = _address(policy.name), [words]
    return request.show(
        "confirm.html", question=question, consequences=said, action=action, kind=kind, back=back
    )


def _declared(request: ConsoleRequest, policy: Policy, deed: str, status: int = 200) -> Response:
    return request.owned_by_file(policy.name, "policies", policy.name, deed, _address(policy.name), status)


def _refused(request: ConsoleRequest, wrong: Exception) -> Response:
    return render.error_page(request.http, 409, "Nothing was changed", str(wrong))


def _address(name: str) -> str:
    return f"/on-call/policies/{quote(name)}"


def _name(request: ConsoleRequest) -> str:
    return str(request.http.path_params["name"]).replace("\0", "")


def _no_policy(request: ConsoleRequest) -> Response:
    return request.not_found(f"There is no policy called {_name(request)[:100]}.")
