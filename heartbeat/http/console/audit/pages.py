"""The audit log on the console, newest change first."""

from collections.abc import Mapping
from urllib.parse import urlencode

from starlette.responses import Response

from heartbeat import audit
from heartbeat.actor import Role
from heartbeat.http.console.audit import line
from heartbeat.http.console.request import LARGEST, ConsoleRequest, Route

SLICE = 50
"""Changes on one screen."""
UNFOLDED = 4
"""The most changed fields that a line shows without folding them."""
LONGEST_TARGET = 300


async def listed(request: ConsoleRequest) -> Response:
    """Show changes, newest first, with `target` only those of one thing."""
    query = request.http.query_params
    target = query.get("target", "")[:LONGEST_TARGET].replace("\0", "")
    text = query.get("before", "")
    older_than = min(int(text), LARGEST) if text.isascii() and text.isdigit() and len(text) < 20 else None
    entries = await request.read(
        lambda db: audit.listed(db, limit=SLICE + 1, before=older_than, target=target)
    )
    older = ""
    if len(entries) > SLICE:
        older = "/audit?" + urlencode(
            {"before": entries[SLICE - 1].id} | ({"target": target} if target else {})
        )
    lines = [(entry, line.in_words(entry.action), line.differences(entry)) for entry in entries[:SLICE]]
    return request.show(
        "audit/list.html",
        lines=lines,
        unfolded=UNFOLDED,
        target=target,
        older=older,
        newest=older_than is None,
    )


READING: Mapping[str, Route] = {"/audit": (Role.ADMIN, listed)}
ACTING: Mapping[str, Route] = {}
