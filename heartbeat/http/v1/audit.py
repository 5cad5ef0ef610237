"""The audit log in the API. It can be read, and nothing else."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import Field

from heartbeat import audit
from heartbeat.http.auth import Admin, ContextDep
from heartbeat.http.v1 import fields
from heartbeat.http.v1.response_models import ResponseModel
from heartbeat.http.v1.tags import ConditionalReadDep

router = APIRouter(prefix="/audit", tags=["audit"])

LONGEST_TARGET = 300
Target = Annotated[
    str,
    Query(
        description="Only what was done to this.",
        examples=["check nightly-backup"],
        max_length=LONGEST_TARGET,
    ),
]


class Deed(ResponseModel):
    """One change that somebody made."""

    id: int = Field(examples=[812])
    at: datetime
    actor: str = Field(description="Who did it.", examples=["anna"])
    via: str = Field(description="How they came in.", examples=["session"])
    remote: str = Field(description="From which address; empty where there is none.", examples=["192.0.2.1"])
    action: str = Field(examples=["check.pause"])
    target: str = Field(examples=["check nightly-backup"])
    before: dict[str, Any] | None = Field(description="Null where it was made.")
    after: dict[str, Any] | None = Field(description="Null where it was deleted.")


class Deeds(ResponseModel):
    """PreconditionDep, newest first."""

    audit: list[Deed]
    next: int | None = Field(description="Give this as `before` for more; null where there is no more.")


@router.get("")
async def list_audit(
    context: ContextDep,
    actor: Admin,
    conditional: ConditionalReadDep,
    before: fields.BeforeDeed | None = None,
    limit: fields.Limit = 50,
    target: Target = "",
) -> Deeds:
    """What was changed, newest first: by whom, from where, and what it was before and after."""
    del actor
    about = target.replace("\0", "")
    found = await context.database.read(
        lambda db: audit.listed(db, limit=limit + 1, before=before, target=about)
    )
    following = found[limit - 1].id if len(found) > limit else None
    return conditional.tagged(
        Deeds(audit=[Deed.model_validate(one) for one in found[:limit]], next=following)
    )
