"""Policies in the API: whom an incident pages, in which order."""

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field
from sqlalchemy import Connection
from starlette.responses import Response

from alerting import desk, escalation
from heartbeat import installation
from heartbeat.definitions import store as definition_store
from heartbeat.definitions.edit import policies as edit
from heartbeat.http.auth import Admin, ContextDep
from heartbeat.http.problem import NoSuch
from heartbeat.http.v1 import fields, listing
from heartbeat.http.v1.response_models import ResponseModel, Seconds
from heartbeat.http.v1.tags import ConditionalReadDep, PreconditionDep, set_put_headers, tag

router = APIRouter(prefix="/policies", tags=["people"])

_EXAMPLE = {"steps": [{"page": "anna", "wait": "5m"}, {"page": "anna", "wait": "10m"}]}
Definition = Annotated[
    dict[str, Any], fields.definition_schema("policy"), fields.definition_body(Two_steps=_EXAMPLE)
]


class Step(ResponseModel):
    """Who is paged together, and how long they have before the next step."""

    page: list[str] = Field(examples=[["anna"]])
    wait: Seconds = Field(examples=[300])


class Policy(ResponseModel):
    """Who is paged, in order; the last step repeats."""

    name: str = Field(examples=["ops"])
    steps: list[Step]
    default: bool = Field(description="Whether it pages for checks that name no policy.")
    origin: str = Field(description="Who owns the definition: file or api.", examples=["api"])
    definition: dict[str, Any] = Field(
        description="What `PUT` takes.", examples=[{"steps": [{"page": "anna", "wait": "5m"}]}]
    )


class Policies(ResponseModel):
    """Policies by name."""

    policies: list[Policy]
    next: str | None = Field(description="Give this as `after` for more; null where there is no more.")


@router.get("")
async def list_policies(
    context: ContextDep,
    conditional: ConditionalReadDep,
    after: fields.AfterName = "",
    limit: fields.Limit = 50,
) -> Policies:
    """Every policy: whom it pages, in which order, and how long each step waits for an answer."""

    def work(db: Connection) -> Policies:
        found, following = listing.slice_after(desk.policies(db), after, limit)
        default = installation.default_policy(db)
        conditional.set_tag(tag((found, following), default))
        return Policies(policies=[_shown(one, default) for one in found], next=following)

    return await context.database.read(work)


@router.get("/{name}")
async def show_policy(name: fields.Slug, context: ContextDep, conditional: ConditionalReadDep) -> Policy:
    """One policy."""

    def work(db: Connection) -> Policy:
        one = _known(desk.policies(db).get(name), name)
        default = installation.default_policy(db)
        conditional.set_tag(tag(one, default))
        return _shown(one, default)

    return await context.database.read(work)


@router.put("/{name}", responses={201: {"description": "It is new.", "model": Policy}})
async def define_policy(
    name: fields.NewSlug,
    given: Definition,
    context: ContextDep,
    actor: Admin,
    precondition: PreconditionDep,
    response: Response,
) -> Policy:
    """Make it so: all steps, added where it is not there yet (201).

    The first policy of an installation becomes the default. Open incidents keep the steps that they opened with.
    The same again changes nothing. What the configuration file declares stays (409).
    """
    now = context.clock.now()

    def work(db: Connection) -> tuple[bool, str, Policy]:
        definition_store.wait_for_turn(db)
        before = desk.policies(db).get(name)
        precondition.require(None if before is None else tag(before))
        wanted = edit.read(db, name, given)
        edit.define(db, actor, wanted, now)
        default = installation.default_policy(db)
        return before is None, tag(wanted, default), _shown(wanted, default)

    made, current, shown = await context.database.write(work)
    set_put_headers(response, current, f"{context.public_url}/v1/policies/{name}" if made else None)
    return shown


@router.post("/{name}/default")
async def make_default(name: fields.Slug, context: ContextDep, actor: Admin) -> Policy:
    """Let it page for checks that name no policy. Refused where the configuration file names one (409)."""
    now = context.clock.now()

    def work(db: Connection) -> Policy:
        one = _known(edit.make_default(db, actor, name, now), name)
        return _shown(one, installation.default_policy(db))

    return await context.database.write(work)


@router.delete("/{name}", status_code=204)
async def delete_policy(name: fields.Slug, context: ContextDep, actor: Admin) -> None:
    """No incident opens with it any more. Refused while a check names it or needs it as the default (409)."""
    now = context.clock.now()
    _known(await context.database.write(lambda db: edit.delete(db, actor, name, now)), name)


def _shown(one: escalation.Policy, default: str | None) -> Policy:
    steps = [Step(page=list(step.targets), wait=step.wait) for step in one.steps]
    written = edit.written(one)
    return Policy(
        name=one.name,
        steps=steps,
        default=one.name == default,
        origin=one.origin,
        definition=written,
    )


def _known(one: escalation.Policy | None, name: str) -> escalation.Policy:
    if one is None:
        raise NoSuch(f"There is no policy {name[:100]!r}.")
    return one
