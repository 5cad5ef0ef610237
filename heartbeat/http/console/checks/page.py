"""The console's pages of one check: how it stands, what it did, how to ping it, and what people do to it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection
from starlette.responses import Response

from alerting import desk, times
from alerting.incident import Incident
from alerting.origin import Origin
from heartbeat import installation
from heartbeat.actor import Role
from heartbeat.checks import actions, forecast, maintenance, maintenance_store, schedule, symptoms
from heartbeat.checks import history as check_history
from heartbeat.checks import store as check_store
from heartbeat.checks.check import Check, State
from heartbeat.checks.maintenance import Phase, Window
from heartbeat.checks.schedule import Every
from heartbeat.http.console.checks import bulk
from heartbeat.http.console.request import ConsoleRequest, Route
from heartbeat.http.pages import plot, queries, render, run_strip, summary
from heartbeat.http.pages import rows as view_rows
from heartbeat.pings import store as pings

INCIDENTS_SHOWN = 10
PINGS_SHOWN = 20
CHANGES_SHOWN = 15
WINDOWS_SHOWN = 3


async def one_check(request: ConsoleRequest) -> Response:
    """One check: how it stands, what it did, how to ping it."""
    topics = (f"checks/{request.slug}", "checks")
    live, facts = await request.read_live(topics, lambda db: _check_facts(db, request.slug, request.now))
    if facts is None:
        return _no_such(request)
    return request.show("checks/page.html", live=live, public_url=request.context.public_url, **facts)


async def body(request: ConsoleRequest) -> Response:
    """The whole body of one ping, as plain text."""

    def read(db: Connection) -> bytes | None:
        one = check_store.load(db, request.slug)
        return pings.body_of(db, one.id, request.number) if one else None

    found = await request.read(read)
    if found is None:
        return request.not_found(
            f"The last {pings.KEEP} pings are kept; number {request.number} of {request.slug} is not among them, "
            "or had no body."
        )
    return Response(found, media_type="text/plain; charset=utf-8")


async def ask_pause(request: ConsoleRequest) -> Response:
    """Ask before a watch is taken off duty."""
    one = await request.read(lambda db: check_store.load(db, request.slug))
    if one is None:
        return _no_such(request)
    back = "it is resumed here" if one.manual_resume else "it is resumed here or heard again"
    return request.show(
        "confirm.html",
        question=f"Pause {one.name}?",
        consequences=(f"Nothing is expected of it, and its silence pages nobody, until {back}.",),
        action=f"Pause {one.name}",
        back=f"/checks/{one.slug}",
    )


async def pause(request: ConsoleRequest) -> Response:
    """Expect nothing of a check for now."""
    return await _do(request, actions.pause_all)


async def resume(request: ConsoleRequest) -> Response:
    """Expect a paused check afresh."""
    return await _do(request, actions.resume_all)


READING: Mapping[str, Route] = {
    "/checks/{slug}": (Role.VIEWER, one_check),
    "/checks/{slug}/pings/{number:int}": (Role.VIEWER, body),
    "/checks/{slug}/pause": (Role.RESPONDER, ask_pause),
}
ACTING: Mapping[str, Route] = {
    "/checks/{slug}/pause": (Role.RESPONDER, pause),
    "/checks/{slug}/resume": (Role.RESPONDER, resume),
}


async def _do(request: ConsoleRequest, work: bulk.Work) -> Response:
    """Do it to this check, and show what has become of it."""

    def done(db: Connection) -> bool:
        work(db, request.actor, [request.slug], request.now)
        return check_store.load(db, request.slug) is not None

    return (
        render.see_other(f"/checks/{quote(request.slug)}") if await request.write(done) else _no_such(request)
    )


def _no_such(request: ConsoleRequest) -> Response:
    return request.not_found(f"There is no check called {request.slug}. It may have been deleted or renamed.")


def _check_facts(db: Connection, name: str, now: datetime) -> dict[str, Any] | None:
    one = check_store.load(db, name)
    if one is None:
        return None
    changes = check_history.of_check(db, one.id, run_strip.RUNS)
    heard = queries.last_runs(db, [one.id], plot.RUNS)[one.id]
    lately = sorted(heard, key=lambda ping: ping.n)[-run_strip.RUNS - 1 :]
    why = changes[0].why if changes else ""
    row = view_rows.check_row(one, lately, changes, now)
    return {
        "check": one,
        "row": row,
        "places": run_strip.places(row.cells),
        "legend": run_strip.legend(row.cells),
        "sentence": summary.of_check(one, why, now),
        "incident": desk.incident_of(db, [symptoms.key_of(one)]).get(symptoms.key_of(one)),
        "incidents": [_past(incident) for incident in symptoms.titled(db, _incidents(db, one))],
        "plot": plot.of(heard, one.max_runtime),
        "quiet": _quiet(db, one, now),
        "ahead": forecast.of(db, one, now, ""),
        "policy": one.policy if one.policy in desk.policies(db) else installation.default_policy(db),
        "declared": one.origin == Origin.FILE,
        "schedule": schedule.in_words(one.schedule),
        "zone": "UTC" if isinstance(one.schedule, Every) else one.schedule.timezone,
        "upcoming": _upcoming(one, now),
        "cron_times": schedule.crontab(one.schedule),
        "pings": pings.last_pings(db, one.id, PINGS_SHOWN),
        "changes": changes[:CHANGES_SHOWN],
        "paused": one.state is State.PAUSED,
    }


def _incidents(db: Connection, one: Check) -> list[Incident]:
    return desk.lately_about(db, symptoms.key_of(one), INCIDENTS_SHOWN)


def _quiet(db: Connection, one: Check, now: datetime) -> list[tuple[Window, bool]]:
    """The windows that the check is or will be in, the next first, and whether each is active."""
    mine = [window for window in maintenance_store.standing(db, now) if maintenance.fits(window, one.labels)]
    mine = sorted(mine, key=lambda window: window.starts_at)[:WINDOWS_SHOWN]
    return [(window, maintenance.phase(window, now) is Phase.ACTIVE) for window in mine]


def _past(incident: Incident) -> tuple[Incident, str]:
    """An incident that this check was in, and how long it lasted if it has ended."""
    ended = incident.resolved_at
    return incident, "" if ended is None else times.duration(ended - incident.opened_at)


def _upcoming(one: Check, now: datetime) -> list[datetime]:
    """The next five due times as they are if all goes well; an interval goes on from what was heard."""
    if one.state is State.PAUSED:
        return []
    first = summary.next_due(one, now)
    if first is None or first <= now:
        return [] if isinstance(one.schedule, Every) else schedule.upcoming(one.schedule, now)
    return [first, *schedule.upcoming(one.schedule, first, 4)]
