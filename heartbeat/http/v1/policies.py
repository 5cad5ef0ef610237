"""Policies in the API: the people whom an incident pages, in order."""

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field
from sqlalchemy import Connection
from starlette.responses import Response

from alerting import escalation
from heartbeat import installation
from heartbeat.definitions import rotations
from heartbeat.definitions.edit import policies as edit
from heartbeat.definitions.edit.policies import POLICY
from heartbeat.definitions.kind import Edit
from heartbeat.http.auth import Admin, ContextDep
from heartbeat.http.v1 import definition, fields
from heartbeat.http.v1.definition import Resource
from heartbeat.http.v1.keyed import KeyedRoute
from heartbeat.http.v1.response_models import ResponseModel, Seconds
from heartbeat.http.v1.tags import ConditionalReadDep, PreconditionDep

router = APIRouter(prefix="/policies", tags=["people"], route_class=KeyedRoute)

_EXAMPLE = {"steps": [{"page": "anna", "wait": "5m"}, {"page": "anna", "wait": "10m"}]}
Definition = Annotated[
    dict[str, Any], fields.definition_schema("policy"), fields.definition_body(Two_steps=_EXAMPLE)
]


class Step(ResponseModel):
    """People who are paged together or in turn, and how long they have before the next step."""

    page: list[str] = Field(examples=[["anna"]])
    wait: Seconds = Field(examples=[300])
    round_robin: bool = Field(
        description="True if it pages one of them at a time, in turn.", examples=[False]
    )
    only: dict[str, Any] | None = Field(
        description="The incidents that it is meant for, by severity or hours. Null if for all.",
        examples=[{"severity": "critical"}],
    )


class Policy(ResponseModel):
    """Steps of people to page, in order. The last step repeats."""

    name: str = Field(examples=["ops"])
    steps: list[Step]
    warnings_wait_for: dict[str, Any] | None = Field(
        description="The hours for which pages wait that are not critical. Null if they do not wait.",
        examples=[None],
    )
    default: bool = Field(description="True if it pages for checks that name no policy.")
    origin: str = Field(
        description="The owner of the definition: file, or api for the API and the console.", examples=["api"]
    )
    definition: dict[str, Any] = Field(
        description="The body that `PUT` takes.", examples=[{"steps": [{"page": "anna", "wait": "5m"}]}]
    )


class Policies(ResponseModel):
    """Policies by name."""

    policies: list[Policy]
    next: str | None = Field(description="Pass it as `after` for the next slice; null at the end.")


def _answer(name: str, policy: escalation.Policy, default: str | None) -> Policy:
    steps = [
        Step(
            page=list(step.targets),
            wait=step.wait,
            round_robin=step.round_robin,
            only=rotations.written_condition(step.only),
        )
        for step in policy.steps
    ]
    return Policy(
        name=name,
        steps=steps,
        warnings_wait_for=rotations.written_hours(policy.warnings_wait_for),
        default=name == default,
        origin=policy.origin,
        definition=POLICY.written(name, policy),
    )


POLICIES = Resource(POLICY, "policies", _answer, lambda db, _context: installation.default_policy(db))


@router.get("")
async def list_policies(
    context: ContextDep,
    conditional: ConditionalReadDep,
    after: fields.AfterName = "",
    limit: fields.Limit = 50,
) -> Policies:
    """Return the policies with their steps: the people to page, and how long each step waits for an answer."""
    policies, following = await definition.listed(POLICIES, context, conditional, after, limit)
    return Policies(policies=policies, next=following)


@router.get("/{name}")
async def show_policy(name: fields.Slug, context: ContextDep, conditional: ConditionalReadDep) -> Policy:
    """Return one policy."""
    return await definition.show(POLICIES, name, context, conditional)


@router.put("/{name}", responses={201: {"description": "The policy is new.", "model": Policy}})
async def define_policy(
    name: fields.NewSlug,
    body: Definition,
    context: ContextDep,
    actor: Admin,
    precondition: PreconditionDep,
    response: Response,
) -> Policy:
    """Create a policy (201), or replace all of it.

    The first policy of an installation becomes the default. Open incidents keep the steps that they opened with, and
    wait for the new `warnings_wait_for`.
    An equal body changes nothing. Policies of the configuration file cannot be changed here (409).
    """
    return await definition.define(POLICIES, name, body, context, actor, precondition, response)


@router.post("/{name}/default")
async def make_default(name: fields.Slug, context: ContextDep, actor: Admin) -> Policy:
    """Make it the policy of checks that name none. Refused if the configuration file names the default (409)."""
    now = context.clock.now()

    def work(db: Connection) -> Policy:
        policy = edit.make_default(Edit(db, actor, now, context.vault), name)
        if policy is None:
            raise POLICIES.no_such(name)
        return _answer(name, policy, installation.default_policy(db))

    return await context.database.write(work)


@router.delete("/{name}", status_code=204)
async def delete_policy(name: fields.Slug, context: ContextDep, actor: Admin) -> None:
    """Delete a policy. Refused while a check names it or needs it as the default (409)."""
    await definition.delete(POLICIES, name, context, actor)
