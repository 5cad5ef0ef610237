"""Pings that no check expects, in the API."""

from datetime import datetime

from fastapi import APIRouter
from pydantic import Field
from sqlalchemy import Connection

from heartbeat.http.auth import ContextDep
from heartbeat.http.v1.keyed import KeyedRoute
from heartbeat.http.v1.response_models import ResponseModel
from heartbeat.http.v1.tags import ConditionalReadDep
from heartbeat.pings import unexpected_store
from heartbeat.pings.unexpected import UNKNOWN_KEY, UnexpectedPings

router = APIRouter(prefix="/unexpected-pings", tags=["checks"], route_class=KeyedRoute)


class UnexpectedPing(ResponseModel):
    """The refused pings for one name: no check has it, or their key is unknown."""

    name: str = Field(description="The slug, or the uuid.", examples=["nigthly-backup"])
    key: str | None = Field(
        description="The name of the ping key. Null for a uuid, or if the key is unknown."
    )
    key_known: bool | None = Field(description="Whether the ping key exists. Null for a uuid.")
    first_at: datetime
    last_at: datetime
    count: int
    remote: str = Field(description="The address that the last one came from.")
    agent: str = Field(description="The user agent of the last one.")


class UnexpectedPingList(ResponseModel):
    """Pings that no check expects, the last ones first: at most 400 of the last 30 days."""

    unexpected_pings: list[UnexpectedPing]


@router.get("")
async def list_unexpected_pings(context: ContextDep, conditional: ConditionalReadDep) -> UnexpectedPingList:
    """List the pings for names that no check has, or with an unknown key. Their senders got a 404."""

    def read(db: Connection) -> list[UnexpectedPing]:
        return [_response(pings) for pings in unexpected_store.listed(db)]

    return conditional.tagged(UnexpectedPingList(unexpected_pings=await context.database.read(read)))


def _response(pings: UnexpectedPings) -> UnexpectedPing:
    known = None if pings.by_uuid else pings.key != UNKNOWN_KEY
    return UnexpectedPing(
        name=pings.name,
        key=pings.key if known else None,
        key_known=known,
        first_at=pings.first_at,
        last_at=pings.last_at,
        count=pings.count,
        remote=pings.remote,
        agent=pings.agent,
    )
