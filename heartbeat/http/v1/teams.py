"""Teams in the API: people who are paged together."""

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field
from starlette.responses import Response

from alerting import crew
from heartbeat.definitions.edit.crew import TEAM
from heartbeat.http.auth import Admin, ContextDep
from heartbeat.http.v1 import definition, fields
from heartbeat.http.v1.definition import Resource
from heartbeat.http.v1.keyed import KeyedRoute
from heartbeat.http.v1.response_models import ResponseModel
from heartbeat.http.v1.tags import ConditionalReadDep, PreconditionDep

router = APIRouter(prefix="/teams", tags=["people"], route_class=KeyedRoute)

Definition = Annotated[
    dict[str, Any],
    fields.definition_schema("team"),
    fields.definition_body(Two_people={"people": ["anna", "ben"]}),
]


class Team(ResponseModel):
    """People who are paged together."""

    name: str = Field(examples=["developers"])
    people: list[str] = Field(examples=[["anna", "ben"]])
    origin: str = Field(
        description="The owner of the definition: file, or api for the API and the console.", examples=["api"]
    )


class Teams(ResponseModel):
    """Teams by name."""

    teams: list[Team]
    next: str | None = Field(description="Pass it as `after` for the next slice; null at the end.")


def _answer(name: str, team: crew.Team, _beside: object) -> Team:
    return Team(name=name, people=list(team.people), origin=team.origin)


TEAMS = Resource(TEAM, "teams", _answer)


@router.get("")
async def list_teams(
    context: ContextDep,
    conditional: ConditionalReadDep,
    after: fields.AfterName = "",
    limit: fields.Limit = 50,
) -> Teams:
    """Return the teams with their people. A policy pages a team by its name."""
    teams, following = await definition.listed(TEAMS, context, conditional, after, limit)
    return Teams(teams=teams, next=following)


@router.get("/{name}")
async def show_team(name: fields.Slug, context: ContextDep, conditional: ConditionalReadDep) -> Team:
    """Return one team."""
    return await definition.show(TEAMS, name, context, conditional)


@router.put("/{name}", responses={201: {"description": "The team is new.", "model": Team}})
async def define_team(
    name: fields.NewSlug,
    body: Definition,
    context: ContextDep,
    actor: Admin,
    precondition: PreconditionDep,
    response: Response,
) -> Team:
    """Create a team (201), or replace its people.

    No person, channel or rotation may have its name. An equal body changes nothing. Teams of the configuration file
    cannot be changed here (409).
    """
    return await definition.define(TEAMS, name, body, context, actor, precondition, response)


@router.delete("/{name}", status_code=204)
async def delete_team(name: fields.Slug, context: ContextDep, actor: Admin) -> None:
    """Delete a team. Refused while a policy pages it (409)."""
    await definition.delete(TEAMS, name, context, actor)
