"""Encryption keys in the API: re-encrypt every secret with the first key."""

from fastapi import APIRouter
from pydantic import Field

from heartbeat import rekey
from heartbeat.http.auth import Admin, ContextDep
from heartbeat.http.v1.keyed import KeyedRoute
from heartbeat.http.v1.response_models import ResponseModel

router = APIRouter(prefix="/encryption", tags=["configuration"], route_class=KeyedRoute)


class RotationResult(ResponseModel):
    """The result of a rotation."""

    anew: int = Field(description="The number of secrets that were re-encrypted.", examples=[3])
    already: int = Field(description="The number of secrets that already had the first key.", examples=[0])
    unreadable: list[str] = Field(
        description="The secrets that no configured key can decrypt, each in a sentence."
    )


@router.post("/rotate")
async def rotate(context: ContextDep, actor: Admin) -> RotationResult:
    """Re-encrypt every secret in the database with the first key of this process. It can be repeated."""
    return RotationResult.model_validate(
        await rekey.rotate(context.database, context.vault, actor, context.clock.now())
    )
