"""The catch-all in the API: those who are paged where nobody of a policy can be reached."""

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field
from starlette.responses import Response

from alerting import crew
from heartbeat.definitions.edit import catch_all as edit
from heartbeat.definitions.edit.catch_all import CATCH_ALL, ONLY
from heartbeat.http.auth import Admin, ContextDep
from heartbeat.http.v1 import definition, fields
from heartbeat.http.v1.definition import Resource
from heartbeat.http.v1.keyed import KeyedRoute
from heartbeat.http.v1.response_models import ResponseModel
from heartbeat.http.v1.tags import ConditionalReadDep, PreconditionDep, tag

router = APIRouter(prefix="/catch-all", tags=["people"], route_class=KeyedRoute)

Definition = Annotated[
    dict[str, Any],
    fields.definition_schema("catch_all"),
    fields.definition_body(A_person={"page": ["anna"]}),
]


class CatchAll(ResponseModel):
    """Those who are paged where nobody of a policy can be reached."""

    page: list[str] = Field(
        description="People, rotations, teams and channels by name. None while it is the terminal of the service.",
        examples=[["anna"]],
    )
    origin: str | None = Field(
        description="The owner of the definition: file, or api for the API and the console. Null while it is the "
        "terminal of the service.",
        examples=["api"],
    )


def _answer(_name: str, catch_all: crew.CatchAll, _beside: object = None) -> CatchAll:
    return CatchAll(page=list(catch_all.names), origin=catch_all.origin)


RESOURCE = Resource(
    CATCH_ALL,
    "catch-all",
    _answer,
    missing="No catch-all is defined: it is the terminal of the service.",
)


@router.get("")
async def show_catch_all(context: ContextDep, conditional: ConditionalReadDep) -> CatchAll:
    """Return who is paged if nobody of a policy can be reached. Behind them stands the terminal of the service."""
    stored = (await context.database.read(edit.load)).get(ONLY)
    conditional.set_tag(tag(stored))
    return CatchAll(page=[], origin=None) if stored is None else _answer(ONLY, stored)


@router.put("", responses={201: {"description": "There was none.", "model": CatchAll}})
async def define_catch_all(
    body: Definition,
    context: ContextDep,
    actor: Admin,
    precondition: PreconditionDep,
    response: Response,
) -> CatchAll:
    """Define the catch-all: those who are paged if nobody of a policy can be reached.

    It also holds for open incidents. An equal body changes nothing. The catch-all of the configuration file cannot be
    changed here (409).
    """
    return await definition.define(RESOURCE, ONLY, body, context, actor, precondition, response)


@router.delete("", status_code=204)
async def delete_catch_all(context: ContextDep, actor: Admin) -> None:
    """Delete the catch-all. Only the terminal of the service then gets what nobody else can."""
    await definition.delete(RESOURCE, ONLY, context, actor)
