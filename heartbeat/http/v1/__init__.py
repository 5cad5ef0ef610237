"""The API under /v1: everything that the pages show and do, for programs. All of it wants a key."""

from pathlib import Path
from typing import Any

from fastapi import APIRouter, Depends, Request
from sqlalchemy import Connection

from alerting import desk
from alerting.incident import State as Life
from heartbeat.checks.check import State
from heartbeat.http.auth import Admin, ContextDep, api_actor
from heartbeat.http.pages import queries
from heartbeat.http.problem import RESPONSES, Unacceptable
from heartbeat.http.v1 import (
    announcements,
    audit,
    checks,
    docs,
    encryption,
    fields,
    forecast,
    incidents,
    keys,
    maintenance,
    notifiers,
    people,
    ping_keys,
    policies,
    status_pages,
    users,
)
from heartbeat.http.v1.response_models import Changes, Overview
from heartbeat.http.v1.strict import only_known
from heartbeat.http.v1.tags import ConditionalReadDep, tag

router = APIRouter(prefix="/v1", dependencies=[Depends(api_actor), Depends(only_known)], responses=RESPONSES)
for room in (
    checks,
    forecast,
    incidents,
    maintenance,
    people,
    policies,
    notifiers,
    ping_keys,
    status_pages,
    announcements,
    encryption,
    users,
    keys,
    audit,
):
    router.include_router(room.router)

_YAML = {"requestBody": {"required": True, "content": {"application/yaml": {"schema": {"type": "string"}}}}}


@router.get("/overview", tags=["overview"])
async def show_overview(context: ContextDep, conditional: ConditionalReadDep) -> Overview:
    """How everything stands, in a few numbers that cost little: for walls, scripts and bars."""

    def work(db: Connection) -> Overview:
        count, standing = queries.count(db), desk.standing(db)
        conditional.set_tag(tag((count, standing.incidents, standing.unanswered_since)))
        kept = (State.NEW, State.UP, State.DOWN, State.PAUSED)
        unresolved = (Life.OPEN, Life.ACKNOWLEDGED, Life.SNOOZED)
        return Overview(
            checks={state: count.by_state.get(state, 0) for state in kept},
            incidents={state: standing.incidents.get(state, 0) for state in unresolved},
            unanswered_since=standing.unanswered_since,
            newest_success_at=count.newest_at,
        )

    return await context.database.read(work)


@router.put("/configuration", tags=["configuration"], openapi_extra=_YAML)
async def apply_configuration(
    request: Request, context: ContextDep, actor: Admin, name: fields.FileName = "heartbeat.yaml"
) -> Changes:
    """Make this configuration so, in one transaction.

    Where it has problems, nothing is changed and the answer lists them in `problems`.
    """
    try:
        text = (await request.body()).decode()
    except UnicodeDecodeError:
        raise Unacceptable("body: must be YAML in UTF-8.") from None
    return Changes(changes=list(await context.apply(text, Path(name), actor)))


@router.get("/openapi.json", include_in_schema=False)
async def describe(request: Request, context: ContextDep, conditional: ConditionalReadDep) -> dict[str, Any]:
    """The description of this API in OpenAPI."""
    return conditional.tagged(docs.description_of(request.app, context.public_url))
