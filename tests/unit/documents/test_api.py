"""docs/api.md names every address and no other."""

import re
from typing import Any

from fastapi.routing import iter_route_contexts

from heartbeat.clock import WallClock
from heartbeat.http import app as http_app
from heartbeat.http.context import Context
from heartbeat.http.pings import healthchecks
from heartbeat.metrics import Metrics
from tests.unit.documents.documentation import ROOT, rows

NOBODY: Any = None
"""Stands in for a part of the system that is never used."""


def addresses() -> dict[str, set[str]]:
    """Return every address that the service answers, with its methods."""
    context = Context(
        database=NOBODY,
        clock=WallClock(),
        metrics=Metrics(),
        public_url="http://test",
        admin_key="k" * 16,
        secret_key="s" * 32,
        link_keys=["s" * 32],
        vault=NOBODY,
        fence=NOBODY,
        wake=NOBODY,
        ready=NOBODY,
        apply=NOBODY,
        test_page=NOBODY,
        send_code=NOBODY,
        push_identity=NOBODY,
        gate=NOBODY,
        ways=NOBODY,
    )
    routes: dict[str, set[str]] = {"/livez": {"GET"}, healthchecks.PREFIX: {"GET"}}
    for route in iter_route_contexts(http_app.build(context).routes):
        path = re.sub(r":\w+}", "}", str(getattr(route, "path", "")))
        routes.setdefault(path, set()).update(getattr(route, "methods", None) or ())
    return routes


def test_every_address_is_documented_and_no_other() -> None:
    routes = addresses()
    api = {
        f"{method} {path}" for path, methods in routes.items() if path.startswith("/v1") for method in methods
    }
    cells = {row[0].strip("`") for row in rows((ROOT / "docs/api.md").read_text())}
    assert {cell for cell in cells if " /v1" in cell} == api
    assert {cell for cell in cells if cell.startswith("/")} == {
        path for path in routes if not path.startswith("/v1")
    }
