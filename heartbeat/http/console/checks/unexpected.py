"""The screen of pings that no check expects."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection
from starlette.responses import Response

from heartbeat.actor import Role
from heartbeat.http.console.request import ConsoleRequest, Route
from heartbeat.pings import unexpected_store
from heartbeat.pings.unexpected import UNKNOWN_KEY


async def unexpected(request: ConsoleRequest) -> Response:
    """List the pings that no check expects, the last ones first."""

    def read(db: Connection) -> dict[str, Any]:
        pings = unexpected_store.listed(db)
        existing = unexpected_store.names_of_checks(db, pings)
        return {"pings": pings, "count": len({ping.name for ping in pings}), "existing": existing}

    facts = await request.read(read)
    kept = unexpected_store.KEEP
    return request.show("checks/unexpected.html", unknown_key=UNKNOWN_KEY, kept=kept, **facts)


READING: Mapping[str, Route] = {"/unexpected-pings": (Role.VIEWER, unexpected)}
ACTING: Mapping[str, Route] = {}
