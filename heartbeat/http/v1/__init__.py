"""The API under /v1, for programs. It needs a key."""

import asyncio
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Depends, Request
from sqlalchemy import Connection
from starlette.responses import Response

from alerting import desk
from alerting.incident import State as IncidentState
from heartbeat.checks.check import State
from heartbeat.definitions.plan import Plan
from heartbeat.http.auth import Admin, ContextDep, api_actor
from heartbeat.http.pages import queries
from heartbeat.http.problem import RESPONSES, Unacceptable
from heartbeat.http.v1 import (
    announcements,
    audit,
    calendars,
    catch_all,
    channels,
    checks,
    docs,
    encryption,
    fields,
    forecast,
    incidents,
    keys,
    maintenance,
    measurements,
    notifiers,
    on_call,
    overrides,
    people,
    ping_keys,
    policies,
    reports,
    rotations,
    rules,
    status_pages,
    teams,
    unexpected_pings,
    users,
)
from heartbeat.http.v1.keyed import KeyedRoute
from heartbeat.http.v1.response_models import ConfigurationChanges, Overview
from heartbeat.http.v1.strict import only_known
from heartbeat.http.v1.tags import ConditionalReadDep, tag

router = APIRouter(
    prefix="/v1",
    dependencies=[Depends(api_actor), Depends(only_known)],
    responses=RESPONSES,
    route_class=KeyedRoute,
    generate_unique_id_function=lambda route: route.name,
)
for room in (
    checks,
    measurements,
    rules,
    forecast,
    unexpected_pings,
    incidents,
    maintenance,
    people,
    channels,
    on_call,
    rotations,
    overrides,
    calendars,
    teams,
    policies,
    catch_all,
    reports,
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
    """Return the state of the installation in a few numbers, for dashboards and scripts. It is cheap to poll."""

    def work(db: Connection) -> Overview:
        check_counts, incident_counts = queries.count(db), desk.workload(db)
        conditional.set_tag(tag((check_counts, incident_counts.incidents, incident_counts.unanswered_since)))
        stored = (State.NEW, State.UP, State.DOWN, State.UNKNOWN, State.PAUSED)
        unresolved = (IncidentState.OPEN, IncidentState.ACKNOWLEDGED, IncidentState.SNOOZED)
        return Overview(
            checks={state: check_counts.by_state.get(state, 0) for state in stored},
            incidents={state: incident_counts.incidents.get(state, 0) for state in unresolved},
            unanswered_since=incident_counts.unanswered_since,
            newest_success_at=check_counts.newest_at,
        )

    return await context.database.read(work)


@router.put(
    "/configuration",
    tags=["configuration"],
    openapi_extra=_YAML,
    response_model=ConfigurationChanges,
)
async def apply_configuration(
    request: Request,
    context: ContextDep,
    actor: Admin,
    name: fields.FileName = "heartbeat.yaml",
    delete: fields.DeleteHeard = False,
) -> Response:
    """Apply a configuration file, in one transaction.

    If the file has problems, nothing is changed and the answer lists them in `problems`. The same is true if it no
    longer has a check that pinged before (409), unless `delete` is true.
    """
    body = await request.body()
    try:
        # In threads, as the configuration itself: the text and its changes may be long.
        text = await asyncio.to_thread(body.decode, "utf-8-sig")
    except UnicodeDecodeError:
        raise Unacceptable("body: must be YAML in UTF-8.") from None
    applied = await context.apply(text, Path(name), actor, delete)
    return Response(await asyncio.to_thread(_changes, applied), media_type="application/json")


def _changes(applied: Plan) -> str:
    changes = ConfigurationChanges(changes=list(applied.changes), expected=list(applied.expected))
    return changes.model_dump_json()


@router.get("/openapi.json", include_in_schema=False)
async def describe(request: Request, context: ContextDep, conditional: ConditionalReadDep) -> dict[str, Any]:
    """Return the description of the API in OpenAPI."""
    return conditional.tagged(docs.description_of(request.app, context.public_url))
