"""The console's pages of maintenance: which windows there are, one with what it covers, and ending and deleting it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection
from starlette.responses import Response

from alerting import desk, times
from alerting import incident as life
from heartbeat.actor import Role
from heartbeat.checks import maintenance, maintenance_store, symptoms
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

STANDING_SHOWN = 100
"""Windows that are active or to come, on the list."""
PAST_SHOWN = 20
"""Past windows on a page of the list."""
CHECKS_SHOWN = 20
"""Checks that are named of those that a window covers."""
NONE = "No check is under maintenance."


@dataclass(frozen=True, slots=True)
class Covered:
    """The checks that a window covers now: how many, the most urgent ones with their words, and where all are.

    `address` is empty where the list of checks cannot be asked for so many labels.
    """

    total: int
    shown: list[tuple[Check, str]]
    address: str


@dataclass(frozen=True, slots=True)
class Ringing:
    """Checks that a window does not silence, for their incident pages already."""

    incident: int
    names: list[str]


async def listed(request: ConsoleRequest) -> Response:
    """What is under maintenance now, what will be, and what was."""
    given = request.http.query_params.get("before", "")
    before = min(int(given), LARGEST) if given.isascii() and given.isdigit() and len(given) < 20 else None
    live, facts = await request.read_live(("checks",), lambda db: _listed(db, request.now, before))
    until = (request.now + timedelta(hours=2)).strftime("%Y-%m-%dT%H:%MZ")
    facts |= {"public_url": request.context.public_url, "until": until}
    return request.show("maintenance/list.html", live=live, refresh=before is None, **facts)


async def one_window(request: ConsoleRequest) -> Response:
    """One window: how it stands, and which checks it covers."""
    number, now = request.number, request.now

    def read(db: Connection) -> dict[str, Any] | None:
        one = maintenance_store.load(db, number)
        return None if one is None else _facts(db, one, now)

    live, facts = await request.read_live(("checks",), read)
    return _no_such(request) if facts is None else request.show("maintenance/page.html", live=live, **facts)


async def ask_end(request: ConsoleRequest) -> Response:
    """Ask before a window is ended early."""
    number, now = request.number, request.now

    def read(db: Connection) -> tuple[Window | None, list[str]]:
        one = maintenance_store.load(db, number)
        return one, [] if one is None else _waiting(db, one, now)

    one, waiting = await request.read(read)
    if one is None:
        return _no_such(request)
    if maintenance.phase(one, now) is not Phase.ACTIVE:
        return _refused(request, "Only a window that is active can be ended; this one is not.")
    consequences = ["From now on its checks page as always."]
    if waiting:
        are = "is" if len(waiting) == 1 else "are"
        consequences.append(f"Down and not paged for yet: {_some(waiting)}. This {are} paged for at once.")
    return _ask(request, one, "End", consequences)


async def end(request: ConsoleRequest) -> Response:
    """End it now."""
    try:
        done = await request.write(lambda db: edit.end(db, request.actor, request.number, request.now))
    except Ended as wrong:
        return _refused(request, str(wrong))
    return _no_such(request) if done is None else render.see_other(f"/maintenance/{request.number}")


async def ask_delete(request: ConsoleRequest) -> Response:
    """Ask before a window that is to come is forgotten."""
    one = await request.read(lambda db: maintenance_store.load(db, request.number))
    if one is None:
        return _no_such(request)
    if maintenance.phase(one, request.now) is not Phase.UPCOMING:
        return _refused(request, "Only a window that has not begun can be deleted; this one has.")
    return _ask(request, one, "Delete", ["It will not begin: its checks page as always."])


async def delete(request: ConsoleRequest) -> Response:
    """Forget it."""
    gone = await request.write(lambda db: edit.delete(db, request.actor, request.number, request.now))
    return _no_such(request) if gone is None else render.see_other("/maintenance")


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


def covered(db: Connection, match: Mapping[str, str], now: datetime) -> Covered:
    """The checks that have all of these labels."""
    search = Search(labels=tuple(match.items()))
    found = check_query.call(db, search, now, CHECKS_SHOWN)
    shown = [(one, view_rows.word(one, now)) for one in found.found]
    return Covered(found.total, shown, search.address if len(match) <= MOST else "")


def ringing(db: Connection, match: Mapping[str, str]) -> list[Ringing]:
    """What pages already of the checks that have these labels, and goes on whatever is under maintenance."""
    found: dict[int, list[str]] = {}
    for one, incident in _down(db, match):
        if incident.state is life.State.OPEN and not life.waits(incident):
            found.setdefault(incident.id, []).append(one.name)
    return [Ringing(number, sorted(names)) for number, names in sorted(found.items())]


def _waiting(db: Connection, window: Window, now: datetime) -> list[str]:
    """The checks that are down and would be paged for if this window were not, by name."""
    others = [one for one in maintenance_store.standing(db, now) if one.id != window.id]
    return sorted(
        one.name
        for one, incident in _down(db, window.match)
        if life.waits(incident) and maintenance.hold(others, one.labels, now) is None
    )


def _down(db: Connection, match: Mapping[str, str]) -> list[tuple[Check, life.Incident]]:
    """The checks with these labels that are down, each with its open incident."""
    down = {symptoms.key_of(one): one for one in check_store.down_with(db, [match])}
    homes = desk.incident_of(db, down)
    open_ = {one.id: one for one in desk.incidents(db, open_only=True)} if homes else {}
    return [(down[key], open_[number]) for key, number in homes.items() if number in open_]


def _listed(db: Connection, now: datetime, before: int | None) -> dict[str, Any]:
    standing = maintenance_store.standing(db, now) if before is None else []
    active = [one for one in standing if maintenance.phase(one, now) is Phase.ACTIVE]
    active = sorted(active, key=lambda one: one.ends_at)[:STANDING_SHOWN]
    coming = [one for one in standing if maintenance.phase(one, now) is Phase.UPCOMING]
    coming = sorted(coming, key=lambda one: one.starts_at)[:STANDING_SHOWN]
    now_, next_ = (queries.covered(db, [one.match for one in some]) for some in (active, coming))
    past = maintenance_store.listed(db, now, limit=PAST_SHOWN + 1, phase=Phase.PAST, before=before)
    return {
        "first": before is None,
        "sentence": summary.under_maintenance(active, now_.any) or (NONE,),
        "following": summary.next_maintenance(coming, next_.each[0] if coming else 0, now)
        if before is None
        else (),
        "active": list(zip(active, now_.each, strict=True)),
        "coming": list(zip(coming, next_.each, strict=True)),
        "more": len(standing) - len(active) - len(coming),
        "past": past[:PAST_SHOWN],
        "older": past[PAST_SHOWN - 1].id if len(past) > PAST_SHOWN else None,
    }


def _facts(db: Connection, one: Window, now: datetime) -> dict[str, Any]:
    phase = maintenance.phase(one, now)
    over = phase is Phase.PAST
    found = None if over else covered(db, one.match, now)
    return {
        "window": one,
        "phase": phase.value,
        "sentence": summary.of_window(one, found.total if found else 0, now),
        "covered": found,
        "ringing": ringing(db, one.match) if phase is Phase.ACTIVE else [],
    }


def _ask(request: ConsoleRequest, one: Window, verb: str, consequences: Sequence[str]) -> Response:
    return request.show(
        "confirm.html",
        question=f"{verb} the maintenance {one.title}?",
        consequences=consequences,
        action=f"{verb} {one.title}",
        back=f"/maintenance/{one.id}",
    )


def _some(names: Sequence[str]) -> str:
    shown, more = ", ".join(names[:5]), len(names) - 5
    return f"{shown} and {times.count(more, 'other')}" if more > 0 else shown


def _refused(request: ConsoleRequest, words: str) -> Response:
    return render.error_page(request.http, 409, "Nothing was changed", words)


def _no_such(request: ConsoleRequest) -> Response:
    return request.not_found(f"There is no maintenance {request.number}. It may have been deleted.")
