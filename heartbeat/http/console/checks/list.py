"""The console's pages of many checks: how everything stands, and the list, searched and a page at a time."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection
from starlette.responses import Response

from alerting import desk, times
from heartbeat.actor import Role
from heartbeat.checks import maintenance, maintenance_store
from heartbeat.checks.check import State
from heartbeat.checks.maintenance import Phase, Window
from heartbeat.http.console.checks import query
from heartbeat.http.console.checks.search import STATES, Search
from heartbeat.http.console.incidents import pages as incident_pages
from heartbeat.http.console.request import ConsoleRequest, Route
from heartbeat.http.pages import queries, run_strip, summary
from heartbeat.http.pages import rows as view_rows
from heartbeat.http.pages.summary import Words

A_PAGE = 50
"""Checks on one page of a list."""
AT_A_GLANCE = 40
"""Checks on the overview, the most urgent ones."""
WINDOWS = 100
"""Active maintenance windows whose checks are counted."""
INCIDENTS = 20
"""Open incidents on the overview, the most urgent ones."""
TOPICS = ("checks", "incidents")


async def overview(request: ConsoleRequest) -> Response:
    """What is wrong now, first."""

    def read(db: Connection) -> dict[str, Any]:
        urgent = incident_pages.rows(db, desk.open_incidents(db, INCIDENTS))
        return _standing(db, Search(), request.now, AT_A_GLANCE) | {"incidents": urgent}

    live, facts = await request.read_live(TOPICS, read)
    return request.show(
        "checks/overview.html", live=live, refresh=True, public_url=request.context.public_url, **facts
    )


async def checks(request: ConsoleRequest) -> Response:
    """All checks, or those looked for, most urgent first, a page at a time."""
    search = Search.of(request.http.query_params)

    def read(db: Connection) -> dict[str, Any]:
        return _standing(db, search, request.now, A_PAGE) | {"labels": query.labels(db)}

    live, facts = await request.read_live(TOPICS, read)
    pages = max(-(-facts["roll"].total // A_PAGE), 1)
    if search.page > pages:
        return request.not_found(
            f"The list of checks has {times.count(pages, 'page')}; there is no page {search.page}."
        )
    place = {"search": search, "pages": pages, "states": _states(search, facts["roll"])}
    return request.show(
        "checks/list.html", live=live, refresh=True, public_url=request.context.public_url, **place, **facts
    )


READING: Mapping[str, Route] = {"/": (Role.VIEWER, overview), "/checks": (Role.VIEWER, checks)}
ACTING: Mapping[str, Route] = {}


def _states(search: Search, found: query.Roll) -> list[tuple[State | None, int, str]]:
    """Each state that can be asked for, with how many are in it, and the page that shows them."""
    return [
        (None, sum(found.by_state.values()), search.only(None).address),
        *((state, found.by_state.get(state, 0), search.only(state).address) for state in STATES),
    ]


def _standing(db: Connection, search: Search, now: datetime, limit: int) -> dict[str, Any]:
    """How everything stands, with a page of the checks that are looked for."""
    count = queries.count(db)
    found = query.call(db, search, now, limit)
    ids = [one.id for one in found.found]
    heard = queries.last_runs(db, ids, run_strip.RUNS + 1)
    changes = queries.last_transitions(db, ids, run_strip.RUNS)
    causes = desk.count_open(db)
    quiet = maintenance_store.standing(db, now)
    # Counted are those in every state, whichever is asked for.
    late = query.call(db, Search(), now, 0) if search.words or search.labels else found
    return {
        "count": count,
        "roll": found,
        "sentence": summary.overview(count, late.by_state.get(State.LATE, 0), causes, now),
        "rows": [view_rows.check_row(one, heard[one.id], changes[one.id], now, quiet) for one in found.found],
        "quiet": _quiet(db, quiet, now),
        "causes": sum(causes.values()),
    }


def _quiet(db: Connection, standing: Sequence[Window], now: datetime) -> Words:
    """What is under maintenance now; nothing where nothing is."""
    active = [one for one in standing if maintenance.phase(one, now) is Phase.ACTIVE]
    active = sorted(active, key=lambda one: one.ends_at)[:WINDOWS]
    return summary.under_maintenance(active, queries.covered(db, [one.match for one in active]).any)
