"""The audit log in the API. It is read-only."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import Field

from heartbeat import audit
from heartbeat.http.auth import Admin, ContextDep
from heartbeat.http.v1 import fields
from heartbeat.http.v1.keyed import KeyedRoute
from heartbeat.http.v1.response_models import NextNumber, ResponseModel
from heartbeat.http.v1.tags import ConditionalReadDep

router = APIRouter(prefix="/audit", tags=["audit"], route_class=KeyedRoute)

MAX_TARGET = 300
Target = Annotated[
    str,
    Query(
        description="Only changes of this thing.",
        examples=["check nightly-backup"],
        max_length=MAX_TARGET,
    ),
]


class AuditEntry(ResponseModel):
    """One change."""

    id: int = Field(examples=[812])
    at: datetime
    actor: str = Field(description="Who made the change.", examples=["anna"])
    via: str = Field(description="How they signed in, or their key.", examples=["session"])
    remote: str = Field(
        description="The address of the client. Empty if there is none.", examples=["192.0.2.1"]
    )
    action: str = Field(examples=["check.pause"])
    target: str = Field(examples=["check nightly-backup"])
    before: dict[str, Any] | None = Field(description="The values before the change. Null if it was created.")
    after: dict[str, Any] | None = Field(description="The values after the change. Null if it was deleted.")


class AuditEntries(ResponseModel):
    """Changes, newest first."""

    audit: list[AuditEntry]
    next: NextNumber


@router.get("")
async def list_audit(
    context: ContextDep,
    actor: Admin,
    conditional: ConditionalReadDep,
    before: fields.BeforeAuditEntry | None = None,
    limit: fields.Limit = 50,
    target: Target = "",
) -> AuditEntries:
    """List changes, newest first: who made each, from which address, and the values before and after."""
    del actor
    clean_target = target.replace("\0", "")
    changes = await context.database.read(
        lambda db: audit.listed(db, limit=limit + 1, before=before, target=clean_target)
    )
    following = changes[limit - 1].id if len(changes) > limit else None
    return conditional.tagged(
        AuditEntries(audit=[AuditEntry.model_validate(change) for change in changes[:limit]], next=following)
    )
