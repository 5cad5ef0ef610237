"""The form of an escalation policy, with those whom it would page, and the choice of the default policy."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection
from starlette.responses import Response

from alerting import desk
from alerting.escalation import Policy
from alerting.rotation import WEEKDAYS
from alerting.severity import Severity
from heartbeat import installation
from heartbeat.actor import Role
from heartbeat.checks import forecast
from heartbeat.checks.forecast import Outlook
from heartbeat.definitions.edit import policies as edit
from heartbeat.definitions.edit.policies import POLICY
from heartbeat.definitions.entry import MAX_STEPS
from heartbeat.definitions.kind import OwnedByFile
from heartbeat.definitions.single import Faulty
from heartbeat.http.console import definition_form
from heartbeat.http.console.definition_form import DefinitionForm, Filled
from heartbeat.http.console.on_call import offers
from heartbeat.http.console.on_call.policy_fields import PolicyFields
from heartbeat.http.console.request import ConsoleRequest, Route
from heartbeat.http.pages import render


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
    """Return all whom a step can page, and those whom the policy would page now, or the problems with that."""
    fields = filled.fields
    outlooks: Sequence[Outlook] = ()
    faults: list[str] = []
    try:
        if any(step.page for step in fields.steps):
            entered = fields.entered(filled.definition)
            policy = edit.read(definition_form.edit(request, db), "preview", entered)
            outlooks = forecast.outlooks(db, policy, request.now)
    except Faulty as error:
        faults = [sentence for _, sentence in fields.located(error.problems)]
    return {
        "offers": offers.targets(desk.crew(db)),
        "severities": list(Severity),
        "weekdays": WEEKDAYS,
        "zone": installation.timezone(db),
        "outlooks": outlooks,
        "faults": faults,
        "most": MAX_STEPS,
    }


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
)

READING: Mapping[str, Route] = definition_form.reading(FORM) | {
    "/on-call/policies/{name}/default": (Role.ADMIN, ask_default),
}
ACTING: Mapping[str, Route] = definition_form.acting(FORM) | {
    "/on-call/policies/{name}/default": (Role.ADMIN, make_default),
}
