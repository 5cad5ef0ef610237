"""The screen of pings that no check expects."""

from collections.abc import Mapping

from starlette.responses import Response

from heartbeat.actor import Role
from heartbeat.http.console.request import ConsoleRequest, Route
from heartbeat.pings import unexpected_store
from heartbeat.pings.unexpected import UNKNOWN_KEY


async def unexpected(request: ConsoleRequest) -> Response:
    """List the pings that no check expects, the last ones first."""
    pings = await request.read(unexpected_store.listed)
    return request.show(
        "checks/unexpected.html", pings=pings, unknown_key=UNKNOWN_KEY, kept=unexpected_store.KEEP
    )


READING: Mapping[str, Route] = {"/unexpected-pings": (Role.VIEWER, unexpected)}
ACTING: Mapping[str, Route] = {}
