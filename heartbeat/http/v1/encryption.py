"""The keys of encrypted secrets in the API: everything sealed anew with the first one."""

from fastapi import APIRouter
from pydantic import Field

from heartbeat import rekey
from heartbeat.http.auth import Admin, ContextDep
from heartbeat.http.v1.response_models import ResponseModel

router = APIRouter(prefix="/encryption", tags=["configuration"])


class Rotated(ResponseModel):
    """What came of it."""

    anew: int = Field(description="Secrets that were encrypted anew.", examples=[3])
    already: int = Field(description="Secrets that the first key had encrypted already.", examples=[0])
    unreadable: list[str] = Field(description="Those that no known key opens, each in one sentence.")


@router.post("/rotate")
async def rotate(context: ContextDep, actor: Admin) -> Rotated:
    """Encrypt every secret in the database anew with the first key of this process. It can be repeated."""
    return Rotated.model_validate(
        await rekey.rotate(context.database, context.vault, actor, context.clock.now())
    )
