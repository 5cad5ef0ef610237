"""The form of an escalation policy, with those whom it would page, and the choice of the default policy."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection
from starlette.responses import Response

from alerting import desk
from alerting.escalation import ANY, Policy
from heartbeat.actor import Role
from heartbeat.checks import forecast
from heartbeat.definitions.edit import policies as edit
from heartbeat.definitions.edit.policies import POLICY
from heartbeat.definitions.kind import OwnedByFile
from heartbeat.definitions.single import Faulty
from heartbeat.http.console import definition_form
from heartbeat.http.console.definition_form import DefinitionForm, Filled
from heartbeat.http.console.on_call import policy_fields
from heartbeat.http.console.on_call.policy_fields import PolicyFields
from heartbeat.http.console.request import ConsoleRequest, Route
from heartbeat.http.pages import render

TICKED = 12
"""People of whom each can be ticked in each step. If there are more, their names are written."""


async def ask_default(request: ConsoleRequest) -> Response:
    """Ask before checks that name no policy page by this one."""
    policy = await definition_form.load(POLICY, request)
    if policy is None:
        return definition_form.missing(POLICY, request)
    action = f"Make {policy.name} the default"
    return request.show(
        "confirm.html",
        question=f"{action}?",
        consequences=["Checks that name no policy use it from their next incident on."],
        action=action,
        kind="first",
        back=FORM.address(policy.name),
    )


async def make_default(request: ConsoleRequest) -> Response:
    """Let checks that name no policy page by this one."""
    name = definition_form.name(request)
    try:
        policy = await request.write(lambda db: edit.make_default(definition_form.edit(request, db), name))
    except OwnedByFile as error:
        return definition_form.refused(request, error)
    if policy is None:
        return definition_form.missing(POLICY, request)
    return render.see_other(FORM.address(name))


def _facts(db: Connection, request: ConsoleRequest, filled: Filled[Policy, PolicyFields]) -> dict[str, Any]:
    """The people to choose from, and those whom the policy would page now, or the problems with that."""
    fields = filled.fields
    people = sorted(desk.people(db).values(), key=lambda person: person.name.lower())
    calls: Sequence[forecast.Call] = ()
    faults: list[str] = []
    try:
        if any(step.page for step in fields.steps):
            entered = fields.entered(filled.definition)
            policy = edit.read(definition_form.edit(request, db), "preview", entered)
            calls = forecast.by(db, policy, request.now)
    except Faulty as error:
        faults = [sentence for _, sentence in fields.located(error.problems)]
    return {
        "people": people,
        "calls": calls,
        "faults": faults,
        "ticks": len(people) <= TICKED,
        "most": policy_fields.MOST,
    }


def _unfit(policy: Policy) -> str | None:
    if any(step.only != ANY for step in policy.steps):
        return "It has steps for some incidents only, which this form cannot show. Change it with the API."
    if policy.warnings_wait_for is not None:
        return "Its warnings wait for working hours, which this form cannot show. Change it with the API."
    if any(step.round_robin for step in policy.steps):
        return "It has steps that go round, which this form cannot show. Change it with the API."
    if len(policy.steps) <= policy_fields.MOST:
        return None
    return f"It has {len(policy.steps)} steps, more than this form can show. Change it with the API."


FORM = DefinitionForm(
    kind=POLICY,
    folder="/on-call",
    section="policies",
    template="on_call/policy_form.html",
    blank=lambda _db, _now: PolicyFields(),
    typed=PolicyFields.typed,
    filled=PolicyFields.of,
    entered=PolicyFields.entered,
    title=lambda policy: policy.name,
    deletion="New incidents no longer use it. Open incidents keep its steps.",
    facts=_facts,
    unfit=_unfit,
)

READING: Mapping[str, Route] = definition_form.reading(FORM) | {
    "/on-call/policies/{name}/default": (Role.ADMIN, ask_default),
}
ACTING: Mapping[str, Route] = definition_form.acting(FORM) | {
    "/on-call/policies/{name}/default": (Role.ADMIN, make_default),
}
