"""The audit log on the console: what was changed, by whom, from where, and what it was before and after."""

from collections.abc import Mapping
from urllib.parse import urlencode

from starlette.responses import Response

from heartbeat import audit
from heartbeat.actor import Role
from heartbeat.http.console.audit import line
from heartbeat.http.console.request import LARGEST, ConsoleRequest, Route

A_PAGE = 50
"""Changes on a page."""
FEW = 4
"""Fields that a line shows without being unfolded."""
LONGEST_TARGET = 300


async def listed(request: ConsoleRequest) -> Response:
    """Changes, newest first; `target` narrows to one thing."""
    query = request.http.query_params
    target = query.get("target", "")[:LONGEST_TARGET].replace("\0", "")
    given = query.get("before", "")
    before = min(int(given), LARGEST) if given.isascii() and given.isdigit() and len(given) < 20 else None
    found = await request.read(lambda db: audit.listed(db, limit=A_PAGE + 1, before=before, target=target))
    older = ""
    if len(found) > A_PAGE:
        older = "/audit?" + urlencode(
            {"before": found[A_PAGE - 1].id} | ({"target": target} if target else {})
        )
    deeds = [(one, line.in_words(one.action), line.differences(one)) for one in found[:A_PAGE]]
    return request.show(
        "audit/list.html", deeds=deeds, few=FEW, target=target, older=older, first=before is None
    )


READING: Mapping[str, Route] = {"/audit": (Role.ADMIN, listed)}
ACTING: Mapping[str, Route] = {}
