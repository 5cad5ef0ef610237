"""The screens of one check on the console: its state, runs, pings and incidents, and pausing it."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from sqlalchemy import Connection
from starlette.responses import Response

from alerting import desk, times
from alerting.incident import Incident
from alerting.origin import Origin
from alerting.subject import runbook_link
from heartbeat import installation
from heartbeat.actor import Role
from heartbeat.checks import (
    actions,
    definition,
    forecast,
    former_slugs,
    maintenance,
    maintenance_store,
    parents,
    schedule,
    schedule_words,
    surroundings,
    symptoms,
    zone_hint,
)
from heartbeat.checks import history as check_history
from heartbeat.checks import store as check_store
from heartbeat.checks.check import Check, State
from heartbeat.checks.maintenance import Phase, Window
from heartbeat.checks.schedule import Every
from heartbeat.http.console import defined_by
from heartbeat.http.console.checks import bulk
from heartbeat.http.console.request import ConsoleRequest, Route
from heartbeat.http.pages import check_summary, numbers, plot, queries, render, run_strip, under_way
from heartbeat.http.pages import rows as view_rows
from heartbeat.measurements import history, unusual_store
from heartbeat.measurements import store as measurements
from heartbeat.pings import store as pings
from heartbeat.pings import unexpected, unexpected_store
from heartbeat.pings.unexpected import UnexpectedPings

INCIDENTS_SHOWN = 10
PINGS_SHOWN = 20
CHANGES_SHOWN = 15
WINDOWS_SHOWN = 3
UNUSUAL_SHOWN = 5
UNUSUAL_FOR = timedelta(days=30)


async def one_check(request: ConsoleRequest) -> Response:
    """Show one check: its state, its runs, and the line that pings it."""
    topics = (f"checks/{request.slug}", "checks")
    live, facts = await request.read_live(topics, lambda db: _check_facts(db, request))
    if facts is None:
        owners = await request.read(lambda db: former_slugs.owners(db, [request.slug.replace("\0", "")]))
        return render.see_other(f"/checks/{quote(*owners.values())}") if owners else _no_such(request)
    return request.show("checks/page.html", live=live, public_url=request.context.public_url, **facts)


async def body(request: ConsoleRequest) -> Response:
    """Show the whole body of a ping as plain text."""

    def read(db: Connection) -> bytes | None:
        check = check_store.load(db, request.slug)
        return pings.body_of(db, check.id, request.number) if check else None

    content = await request.read(read)
    if content is None:
        return request.not_found(
            f"Ping {request.number} of {request.slug} had no body, or is not stored any more: "
            f"only the last {pings.KEEP} pings are stored."
        )
    return Response(content, media_type="text/plain; charset=utf-8")


async def ask_pause(request: ConsoleRequest) -> Response:
    """Ask before a check is paused."""
    check = await request.read(lambda db: check_store.load(db, request.slug))
    if check is None:
        return _no_such(request)
    return request.show(
        "confirm.html",
        question=f"Pause {check.name}?",
        consequences=bulk.pausing([check]),
        action=f"Pause {check.name}",
        back=f"/checks/{check.slug}",
    )


async def pause(request: ConsoleRequest) -> Response:
    """Pause a check."""
    return await _do(request, actions.pause_all)


async def resume(request: ConsoleRequest) -> Response:
    """Resume a paused check."""
    return await _do(request, actions.resume_all)


async def ask_renew_uuid(request: ConsoleRequest) -> Response:
    """Ask before a check gets a new uuid."""
    check = await request.read(lambda db: check_store.load(db, request.slug))
    if check is None:
        return _no_such(request)
    return request.show(
        "confirm.html",
        question=f"Give {check.name} a new uuid?",
        consequences=[
            "Pings to its old address are refused at once. Jobs that use it look silent from their next due time.",
            "Pings by name, with a ping key, still arrive.",
        ],
        action="Give it a new uuid",
        back=f"/checks/{check.slug}",
    )


async def renew_uuid(request: ConsoleRequest) -> Response:
    """Give a check a new uuid, and go back to its screen."""
    renewed = await request.write(
        lambda db: actions.renew_uuid(db, request.slug, request.actor, uuid4(), request.now)
    )
    return render.see_other(f"/checks/{quote(request.slug)}#ping") if renewed else _no_such(request)


READING: Mapping[str, Route] = {
    "/checks/{slug}": (Role.VIEWER, one_check),
    "/checks/{slug}/pings/{number:int}": (Role.VIEWER, body),
    "/checks/{slug}/pause": (Role.RESPONDER, ask_pause),
    "/checks/{slug}/new-uuid": (Role.ADMIN, ask_renew_uuid),
}
ACTING: Mapping[str, Route] = {
    "/checks/{slug}/pause": (Role.RESPONDER, pause),
    "/checks/{slug}/resume": (Role.RESPONDER, resume),
    "/checks/{slug}/new-uuid": (Role.ADMIN, renew_uuid),
}


async def _do(request: ConsoleRequest, work: bulk.Work) -> Response:
    """Do the work on this check, and go back to its screen."""

    def work_and_look(db: Connection) -> bool:
        work(db, request.actor, [request.slug], request.now)
        return check_store.load(db, request.slug) is not None

    return (
        render.see_other(f"/checks/{quote(request.slug)}")
        if await request.write(work_and_look)
        else _no_such(request)
    )


def _no_such(request: ConsoleRequest) -> Response:
    return request.not_found(f"There is no check called {request.slug}. It may have been deleted or renamed.")


def _check_facts(db: Connection, request: ConsoleRequest) -> dict[str, Any] | None:
    now = request.now
    check = check_store.load(db, request.slug)
    if check is None:
        return None
    changes = check_history.of_check(db, check.id, run_strip.RUNS)
    runs = queries.last_runs(db, [check.id], plot.RUNS)[check.id]
    in_strip = sorted(runs, key=lambda ping: ping.n)[-run_strip.RUNS - 1 :]
    why = changes[0].why if changes else ""
    row = view_rows.check_row(check, in_strip, changes, now)
    return {
        "check": check,
        "row": row,
        "places": run_strip.places(row.cells),
        "legend": run_strip.legend(row.cells),
        "sentence": check_summary.of(check, why, now),
        **_trouble(db, check, now),
        "incidents": [_past(incident) for incident in surroundings.titled(db, _incidents(db, check), now)],
        "run": under_way.of(check, now),
        "max_runtime": definition.max_runtime(check, times.duration),
        "stuck_after": definition.stuck_after(check, times.duration),
        "plot": plot.of(runs, check.max_runtime, check.expectation.min_runtime),
        "unusual": unusual_store.of_checks(db, [check.id], now - UNUSUAL_FOR)[check.id][:UNUSUAL_SHOWN],
        **_numbers(db, check, now),
        "quiet": _quiet(db, check, now),
        "ahead": forecast.of(db, check, now, "", queries.all_groups(db, request.context.shared, now)),
        "policy": check.policy if check.policy in desk.policies(db) else installation.default_policy(db),
        "declared": check.origin == Origin.FILE,
        "defined_by": defined_by.of(db, check.origin, f"check {check.slug}"),
        "runbook_url": runbook_link(check.runbook),
        "tolerance": check_summary.of_tolerance(check.alert_after),
        "schedule": schedule_words.with_expectation(check.schedule, check.expectation),
        "starts_missing": check.expectation.needs_starts and bool(runs) and in_strip[-1].duration is None,
        "zone": "UTC" if isinstance(check.schedule, Every) else check.schedule.timezone,
        "upcoming": _upcoming(check, now),
        "cron_times": schedule.crontab(check.schedule),
        "pings": pings.last_pings(db, check.id, PINGS_SHOWN),
        "changes": changes[:CHANGES_SHOWN],
        "paused": check.state is State.PAUSED,
        "zone_question": zone_hint.question(
            check.schedule, check.grace, pings.last_runs_began(db, check.id, zone_hint.RUNS)
        ),
        "similar": _similar(db, check),
    }


def _trouble(db: Connection, check: Check, now: datetime) -> dict[str, Any]:
    """Return its open incident, its symptom if that waits for its parents, and the parents that it names."""
    raised = desk.raised(db, [symptoms.key_of(check)])
    known = parents.ids_by_name(db, check.after.names)
    return {
        "incident": raised[0].incident_id if raised else None,
        "waits": next((symptom for symptom in raised if symptom.held(now) and symptom.facts.parent), None),
        "parents": [(name, name in known) for name in check.after.names],
        "parent_labels": [dict(match) for match in check.after.matches],
    }


def _numbers(db: Connection, check: Check, now: datetime) -> dict[str, Any]:
    """Return the numbers of its last runs and days, and the newest ping if a number of it was not understood."""
    rows = numbers.of(pings.finished_runs(db, [check.id], numbers.RUNS)[check.id])
    since = history.day_of(now) - timedelta(days=numbers.DAYS - 1)
    days = numbers.by_day(measurements.of_check(db, check.id, since), [row.name for row in rows])
    return {"numbers": rows, "days": days, "misread": pings.misread(db, check.id)}


def _similar(db: Connection, check: Check) -> UnexpectedPings | None:
    """Return the refused pings that may be meant for this check. Once it was heard, only its own name counts."""
    similar = unexpected.nearest(check.slug, unexpected_store.listed(db))
    same_name = similar is not None and similar.name == check.slug
    return similar if same_name or check.last_heard_at is None else None


def _incidents(db: Connection, check: Check) -> list[Incident]:
    return desk.lately_about(db, symptoms.key_of(check), INCIDENTS_SHOWN)


def _quiet(db: Connection, check: Check, now: datetime) -> list[tuple[Window, bool]]:
    """Return the active and upcoming windows of the check, the first one first, with True for active ones."""
    windows = [
        window for window in maintenance_store.standing(db, now) if maintenance.fits(window, check.labels)
    ]
    windows = sorted(windows, key=lambda window: window.starts_at)[:WINDOWS_SHOWN]
    return [(window, maintenance.phase(window, now) is Phase.ACTIVE) for window in windows]


def _past(incident: Incident) -> tuple[Incident, str]:
    """Return an incident of this check with its length, empty while it is open."""
    ended = incident.ended_at
    return incident, "" if ended is None else times.duration(ended - incident.opened_at)


def _upcoming(check: Check, now: datetime) -> list[datetime]:
    """Return the next five due times. An interval counts on from the first of them."""
    if check.state is State.PAUSED:
        return []
    first = check_summary.next_due(check, now)
    if first is None or first <= now:
        return [] if isinstance(check.schedule, Every) else schedule.upcoming(check.schedule, now)
    return [first, *schedule.upcoming(check.schedule, first, 4)]
