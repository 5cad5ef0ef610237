"""The screens of maintenance on the console: the list, one window with its checks, and ending and deleting it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection
from starlette.responses import Response

from alerting import desk, times
from alerting import incident as life
from heartbeat.actor import Role
from heartbeat.checks import maintenance, maintenance_store, recurrence, symptoms
from heartbeat.checks import store as check_store
from heartbeat.checks.check import Check
from heartbeat.checks.maintenance import Phase, Window
from heartbeat.definitions.edit import maintenance as edit
from heartbeat.definitions.edit.maintenance import Ended
from heartbeat.http.console.checks import query as check_query
from heartbeat.http.console.checks.search import MOST, Search
from heartbeat.http.console.request import LARGEST, ConsoleRequest, Route
from heartbeat.http.pages import queries, render, summary
from heartbeat.http.pages import rows as view_rows
from heartbeat.http.pages.shared import Everything

STANDING_SHOWN = 100
"""Active windows on the list, and upcoming ones."""
PAST_SHOWN = 20
"""Past windows on one screen of the list."""
CHECKS_SHOWN = 20
"""Covered checks that are named."""
NONE = "No check is under maintenance."


@dataclass(frozen=True, slots=True)
class CoveredChecks:
    """The checks that a window covers now: their number, the most urgent ones with their words, and the list of all.

    `address` is empty if the list of checks cannot search for so many labels.
    """

    total: int
    shown: list[tuple[Check, str]]
    address: str


@dataclass(frozen=True, slots=True)
class PagingIncident:
    """Checks that a window does not silence, because their incident pages already."""

    incident: int
    names: list[str]


async def listed(request: ConsoleRequest) -> Response:
    """Show the active, upcoming and past windows."""
    cursor = request.http.query_params.get("before", "")
    older_than = (
        min(int(cursor), LARGEST) if cursor.isascii() and cursor.isdigit() and len(cursor) < 20 else None
    )
    live, facts = await request.read_live(("checks",), lambda db: _listed(db, request.now, older_than))
    until = (request.now + timedelta(hours=2)).strftime("%Y-%m-%dT%H:%MZ")
    facts |= {"public_url": request.context.public_url, "until": until}
    return request.show("maintenance/list.html", live=live, refresh=older_than is None, **facts)


async def one_window(request: ConsoleRequest) -> Response:
    """Show one window: its state, and the checks that it covers."""
    number, now = request.number, request.now

    def read(db: Connection) -> dict[str, Any] | None:
        window = maintenance_store.load(db, number, now)
        everything = request.context.shared.everything(db, now)
        return None if window is None else _facts(db, window, everything, now)

    live, facts = await request.read_live(("checks",), read)
    return no_such(request) if facts is None else request.show("maintenance/page.html", live=live, **facts)


async def ask_end(request: ConsoleRequest) -> Response:
    """Ask before a window is ended early."""
    number, now = request.number, request.now

    def read(db: Connection) -> tuple[Window | None, list[str]]:
        window = maintenance_store.load(db, number, now)
        return window, [] if window is None else _waiting(db, window, now)

    window, waiting = await request.read(read)
    if window is None:
        return no_such(request)
    if maintenance.phase(window, now) is not Phase.ACTIVE:
        return refused(request, "Only an active window can be ended. This one is not active.")
    consequences = ["Its checks page as usual from now on."]
    if window.recurrence is not None:
        consequences = ["Its checks page as usual until it begins again."]
    if waiting:
        page = "It pages" if len(waiting) == 1 else "They page"
        consequences.append(f"Down, but not paged yet: {_first_names(waiting)}. {page} at once.")
    return _ask(request, window, "End", consequences)


async def end(request: ConsoleRequest) -> Response:
    """End a window now."""
    try:
        ended = await request.write(lambda db: edit.end(db, request.actor, request.number, request.now))
    except Ended as error:
        return refused(request, str(error))
    return no_such(request) if ended is None else render.see_other(f"/maintenance/{request.number}")


async def ask_delete(request: ConsoleRequest) -> Response:
    """Ask before an upcoming window is deleted."""
    window = await request.read(lambda db: maintenance_store.load(db, request.number, request.now))
    if window is None:
        return no_such(request)
    if maintenance.phase(window, request.now) is not Phase.UPCOMING:
        return refused(request, "Only an upcoming window can be deleted. This one has begun.")
    return _ask(request, window, "Delete", ["It does not begin, and its checks page as usual."])


async def delete(request: ConsoleRequest) -> Response:
    """Delete an upcoming window."""
    deleted = await request.write(lambda db: edit.delete(db, request.actor, request.number, request.now))
    return no_such(request) if deleted is None else render.see_other("/maintenance")


READING: Mapping[str, Route] = {
    "/maintenance": (Role.VIEWER, listed),
    "/maintenance/{number:int}": (Role.VIEWER, one_window),
    "/maintenance/{number:int}/end": (Role.RESPONDER, ask_end),
    "/maintenance/{number:int}/delete": (Role.RESPONDER, ask_delete),
}
ACTING: Mapping[str, Route] = {
    "/maintenance/{number:int}/end": (Role.RESPONDER, end),
    "/maintenance/{number:int}/delete": (Role.RESPONDER, delete),
}


def covered(db: Connection, match: Mapping[str, str], everything: Everything, now: datetime) -> CoveredChecks:
    """Return the checks with all of these labels."""
    search = Search(labels=tuple(match.items()))
    matches = check_query.find(db, search, everything.roll, CHECKS_SHOWN)
    rows = [(check, view_rows.word(check, now)) for check in matches.checks]
    return CoveredChecks(matches.total, rows, search.address if len(match) <= MOST else "")


def paging(db: Connection, match: Mapping[str, str]) -> list[PagingIncident]:
    """Return the checks with these labels whose incident pages already. Maintenance does not silence it."""
    names_by_incident: dict[int, list[str]] = {}
    for check, incident in _down(db, match):
        if incident.state is life.State.OPEN and not life.waits(incident):
            names_by_incident.setdefault(incident.id, []).append(check.name)
    return [PagingIncident(number, sorted(names)) for number, names in sorted(names_by_incident.items())]


def _waiting(db: Connection, window: Window, now: datetime) -> list[str]:
    """Return the names of the checks that are down and would page without this window."""
    others = [other for other in maintenance_store.standing(db, now) if other.id != window.id]
    return sorted(
        check.name
        for check, incident in _down(db, window.match)
        if life.waits(incident) and maintenance.hold(others, check.labels, now) is None
    )


def _down(db: Connection, match: Mapping[str, str]) -> list[tuple[Check, life.Incident]]:
    """Return the checks with these labels that are down, each with its open incident."""
    down = {symptoms.key_of(check): check for check in check_store.down_with(db, [match])}
    homes = desk.incident_of(db, down)
    open_ = {incident.id: incident for incident in desk.incidents(db, open_only=True)} if homes else {}
    return [(down[key], open_[number]) for key, number in homes.items() if number in open_]


def _listed(db: Connection, now: datetime, older_than: int | None) -> dict[str, Any]:
    windows = maintenance_store.standing(db, now) if older_than is None else []
    active = [window for window in windows if maintenance.phase(window, now) is Phase.ACTIVE]
    active = sorted(active, key=lambda window: window.ends_at)[:STANDING_SHOWN]
    coming = [window for window in windows if maintenance.phase(window, now) is Phase.UPCOMING]
    coming = sorted(coming, key=lambda window: window.starts_at)[:STANDING_SHOWN]
    now_, next_ = (queries.covered(db, [window.match for window in group]) for group in (active, coming))
    past = maintenance_store.listed(db, now, limit=PAST_SHOWN + 1, phase=Phase.PAST, before=older_than)
    return {
        "first": older_than is None,
        "sentence": summary.under_maintenance(active, now_.any) or (NONE,),
        "following": summary.next_maintenance(coming, next_.each[0] if coming else 0, now)
        if older_than is None
        else (),
        "active": list(zip(active, now_.each, strict=True)),
        "coming": list(zip(coming, next_.each, strict=True)),
        "more": len(windows) - len(active) - len(coming),
        "past": past[:PAST_SHOWN],
        "older": past[PAST_SHOWN - 1].id if len(past) > PAST_SHOWN else None,
    }


def _facts(db: Connection, window: Window, everything: Everything, now: datetime) -> dict[str, Any]:
    phase = maintenance.phase(window, now)
    over = phase is Phase.PAST
    covered_checks = None if over else covered(db, window.match, everything, now)
    return {
        "window": window,
        "phase": phase.value,
        "following": recurrence.following(window.recurrence, now, recurrence.FOLLOWING)
        if window.recurrence
        else (),
        "sentence": summary.of_window(window, covered_checks.total if covered_checks else 0, now),
        "covered": covered_checks,
        "paging": paging(db, window.match) if phase is Phase.ACTIVE else [],
        "holding": edit.holding(db, window, now)[:CHECKS_SHOWN],
    }


def _ask(request: ConsoleRequest, window: Window, verb: str, consequences: Sequence[str]) -> Response:
    return request.show(
        "confirm.html",
        question=f"{verb} the {window.why}?",
        consequences=consequences,
        action=f"{verb} {window.title}",
        back=f"/maintenance/{window.id}",
    )


def _first_names(names: Sequence[str]) -> str:
    first, more = ", ".join(names[:5]), len(names) - 5
    return f"{first} and {times.count(more, 'other')}" if more > 0 else first


def refused(request: ConsoleRequest, problem: str) -> Response:
    """Say that nothing was changed, and why."""
    return render.error_page(request.http, 409, "Nothing was changed", problem)


def no_such(request: ConsoleRequest) -> Response:
    """Say that the window of the address does not exist."""
    return request.not_found(f"There is no maintenance {request.number}. It may have been deleted.")
