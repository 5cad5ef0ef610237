"""The API under /v1: everything that the pages show and do, for programs. All of it wants the admin key."""

from pathlib import Path
from typing import Any

from fastapi import APIRouter, Depends, Request

from heartbeat.http.auth import Given, known, needs
from heartbeat.http.problem import RESPONSES, Unacceptable
from heartbeat.http.v1 import (
    checks,
    encryption,
    fields,
    forecast,
    incidents,
    maintenance,
    notifiers,
    people,
    ping_keys,
    policies,
    status_pages,
)
from heartbeat.http.v1.answers import Changes
from heartbeat.who import Role

router = APIRouter(prefix="/v1", dependencies=[Depends(known)], responses=RESPONSES)
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
    encryption,
):
    router.include_router(room.router)

_YAML = {"requestBody": {"required": True, "content": {"application/yaml": {"schema": {"type": "string"}}}}}


@router.put("/configuration", tags=["configuration"], openapi_extra=_YAML, dependencies=[needs(Role.ADMIN)])
async def apply_configuration(
    request: Request, door: Given, name: fields.FileName = "heartbeat.yaml"
) -> Changes:
    """Make this configuration so, in one transaction.

    Where it has problems, nothing is changed and the answer lists them in `problems`.
    """
    try:
        text = (await request.body()).decode()
    except UnicodeDecodeError:
        raise Unacceptable("body: must be YAML in UTF-8.") from None
    return Changes(changes=list(await door.apply(text, Path(name))))


@router.get("/openapi.json", include_in_schema=False)
async def describe(request: Request) -> dict[str, Any]:
    """The description of this API in OpenAPI."""
    description: dict[str, Any] = request.app.openapi()
    return description
