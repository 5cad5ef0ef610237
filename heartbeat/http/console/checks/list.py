"""The overview and the list of checks on the console, with its search."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection
from starlette.responses import Response

from alerting import desk, times
from heartbeat.actor import Role
from heartbeat.checks import cause, maintenance, maintenance_store
from heartbeat.checks.check import State
from heartbeat.checks.maintenance import Kind, Phase, Window
from heartbeat.http.console.checks import query
from heartbeat.http.console.checks.search import STATES, Search
from heartbeat.http.console.incidents import pages as incident_pages
from heartbeat.http.console.request import ConsoleRequest, Route
from heartbeat.http.pages import queries, run_strip, summary
from heartbeat.http.pages import rows as view_rows
from heartbeat.http.pages.sentence import Words
from heartbeat.http.pages.shared import Everything
from heartbeat.http.pages.summary import Count
from heartbeat.measurements import unusual_store, week
from heartbeat.pings import unexpected_store

A_PAGE = 50
"""Checks on one screen of the list."""
AT_A_GLANCE = 40
"""Checks on the overview, the most urgent ones."""
WINDOWS = 100
"""Active maintenance windows whose checks are counted."""
INCIDENTS = 20
"""Open incidents on the overview, the most urgent ones."""
TOPICS = ("checks", "incidents")


async def overview(request: ConsoleRequest) -> Response:
    """Show the overview: open incidents and the most urgent checks."""

    def read(db: Connection) -> dict[str, Any]:
        urgent = incident_pages.rows(db, desk.open_incidents(db, INCIDENTS), request.now)
        yours = queries.on_call(db, request.actor.person, request.now)
        everything = request.context.shared.everything(db, request.now)
        facts = _facts(db, Search(), everything, request.now, AT_A_GLANCE)
        return facts | {"incidents": urgent, "yours": yours}

    live, facts = await request.read_live(TOPICS, read)
    return request.show(
        "checks/overview.html", live=live, refresh=True, public_url=request.context.public_url, **facts
    )


async def checks(request: ConsoleRequest) -> Response:
    """Show a part of all checks, or of those that match a search, most urgent first."""
    search = Search.of(request.http.query_params)

    def read(db: Connection) -> dict[str, Any]:
        everything = request.context.shared.everything(db, request.now)
        labels = query.offered_labels(db, everything)
        return _facts(db, search, everything, request.now, A_PAGE) | {"labels": labels}

    live, facts = await request.read_live(TOPICS, read)
    pages = max(-(-facts["matches"].total // A_PAGE), 1)
    if search.page > pages:
        return request.not_found(
            f"The list of checks has {times.count(pages, 'page')}; there is no page {search.page}."
        )
    place = {"search": search, "pages": pages, "states": _states(search, facts["matches"])}
    return request.show(
        "checks/list.html", live=live, refresh=True, public_url=request.context.public_url, **place, **facts
    )


READING: Mapping[str, Route] = {"/": (Role.VIEWER, overview), "/checks": (Role.VIEWER, checks)}
ACTING: Mapping[str, Route] = {}


def _states(search: Search, matches: query.Matches) -> list[tuple[State | None, int, str]]:
    """Return each state with the number of its checks and the address that shows them; None stands for all.

    Unknown is a rare state: it is left out if no check is.
    """
    rare = State.UNKNOWN
    states = [
        state for state in STATES if state is not rare or rare in matches.by_state or search.state is rare
    ]
    return [
        (None, sum(matches.by_state.values()), search.only(None).address),
        *((state, matches.by_state.get(state, 0), search.only(state).address) for state in states),
    ]


def _facts(
    db: Connection, search: Search, everything: Everything, now: datetime, limit: int
) -> dict[str, Any]:
    """Return the facts about everything, and the checks that match the search."""
    roll = everything.roll
    count = Count(roll.stored, roll.newest_at, roll.failing, roll.missing)
    matches = query.find(db, search, roll, limit)
    ids = [check.id for check in matches.checks]
    runs = queries.last_runs(db, ids, run_strip.RUNS + 1)
    changes = queries.last_transitions(db, ids, run_strip.RUNS)
    open_incidents, recovering = desk.count_open(db), desk.count_recovering(db)
    causes = {state: number - recovering.get(state, 0) for state, number in open_incidents.items()}
    others = desk.count_standing(db, cause.OF_NO_CHECK)
    windows = maintenance_store.standing(db, now)
    return {
        "count": count,
        "matches": matches,
        "sentence": summary.overview(count, len(roll.late), causes, now, sum(recovering.values()), others),
        "rows": [
            view_rows.check_row(check, runs[check.id], changes[check.id], now, windows)
            for check in matches.checks
        ],
        "quiet": everything.fact("quiet", lambda: _quiet(db, windows, now)),
        "causes": sum(open_incidents.values()),
        "unexpected": unexpected_store.count(db),
        "unusual": unusual_store.count(db, now - week.LENGTH),
    }


def _quiet(db: Connection, windows: Sequence[Window], now: datetime) -> Words:
    """Return the sentences about the checks that are under maintenance or silenced now, empty without any."""
    active = [window for window in windows if maintenance.phase(window, now) is Phase.ACTIVE]
    active = sorted(active, key=lambda window: window.ends_at)[:WINDOWS]
    sentences: list[Words] = []
    for kind in Kind:
        of_kind = [window for window in active if window.kind is kind]
        covered = queries.covered(db, [window.match for window in of_kind]).any
        if words := summary.under_maintenance(of_kind, covered):
            sentences += [words, (" ",)]
    return tuple(part for words in sentences[:-1] for part in words)
