"""The audit log on the console: what was changed, by whom, from where, and what it was before and after."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from starlette.responses import Response

from heartbeat import audit
from heartbeat.http.console.visit import LARGEST, Shown, Visit
from heartbeat.who import Role

A_PAGE = 50
"""Changes on a page."""
LONGEST_TARGET = 300


async def listed(visit: Visit) -> Response:
    """Changes, newest first; `target` narrows to one thing."""
    query = visit.request.query_params
    target = query.get("target", "")[:LONGEST_TARGET].replace("\0", "")
    given = query.get("before", "")
    before = min(int(given), LARGEST) if given.isascii() and given.isdigit() and len(given) < 20 else None
    found = await visit.read(lambda db: audit.listed(db, limit=A_PAGE + 1, before=before, target=target))
    older = ""
    if len(found) > A_PAGE:
        older = "/audit?" + urlencode(
            {"before": found[A_PAGE - 1].id} | ({"target": target} if target else {})
        )
    deeds = [(one, _written(one.before), _written(one.after)) for one in found[:A_PAGE]]
    return visit.show("audit.html", deeds=deeds, target=target, older=older, first=before is None)


READING: Mapping[str, Shown] = {"/audit": (Role.ADMIN, listed)}
ACTING: Mapping[str, Shown] = {}


def _written(what: Mapping[str, Any] | None) -> str:
    return "" if what is None else json.dumps(what, indent=1, ensure_ascii=False, sort_keys=True)
