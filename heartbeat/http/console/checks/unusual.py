"""The screen of the unusual runs of the last days."""

from collections.abc import Mapping

from starlette.responses import Response

from heartbeat.actor import Role
from heartbeat.http.console.request import ConsoleRequest, Route
from heartbeat.measurements import unusual_store, week

MARKS = 2_000
"""Marks that are read, the newest."""
SHOWN = 200
"""Checks that are listed."""


async def unusual(request: ConsoleRequest) -> Response:
    """List the checks with unusual runs in the last 7 days, those with the most first."""
    marks = await request.read(lambda db: unusual_store.since(db, request.now - week.LENGTH, MARKS))
    entries = week.of(marks)
    return request.show("checks/unusual.html", sentence=week.sentence(entries), entries=entries[:SHOWN])


READING: Mapping[str, Route] = {"/unusual-runs": (Role.VIEWER, unusual)}
ACTING: Mapping[str, Route] = {}
