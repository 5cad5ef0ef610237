"""The screens of incidents on the console: the list, one incident with its timeline, and the answers to it."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection
from starlette.datastructures import FormData
from starlette.responses import Response

from alerting import desk, recap, subject, times
from alerting.answer import LONGEST_QUIET, Acknowledged, Missing, Resolved, Stale
from alerting.incident import Incident, RaisedSymptom
from alerting.incident import State as Life
from alerting.notice import called
from alerting.surroundings import sentences as beside
from alerting.times import Clock
from heartbeat.actor import Role
from heartbeat.checks import actions, maintenance, maintenance_store, surroundings
from heartbeat.checks.maintenance import Phase
from heartbeat.definitions.edit.people import open_addresses
from heartbeat.http.console.incidents.morning import next_morning
from heartbeat.http.console.request import ConsoleRequest, Route, page_number
from heartbeat.http.pages import incident_summary, queries, render
from heartbeat.http.pages import rows as view_rows
from heartbeat.pings import reached_limit
from heartbeat.review import material, timeline
from heartbeat.safe_text import is_harmless

A_PAGE = 50
"""Incidents on one screen of the list."""
LONGEST_NOTE = 10_000
"""Characters of a note."""
_NO_SUCH_SNOOZE = (
    "A snooze lasts 1h, 4h or until the morning. Nothing was changed. Go back and press one of the buttons."
)
SNOOZES = {"1h": timedelta(hours=1), "4h": timedelta(hours=4)}


async def listed(request: ConsoleRequest) -> Response:
    """Show a part of the open incidents, most urgent first; below the first part the newest past ones."""
    params = request.http.query_params
    cursor = params.get("before", "")
    older_than = int(cursor) if cursor.isascii() and cursor.isdigit() and len(cursor) < 19 else None
    number = page_number(params.get("page", "1"))

    def read(db: Connection) -> dict[str, Any]:
        return _open(db, number, request.now) if older_than is None else _past(db, older_than, request.now)

    live, facts = await request.read_live(("incidents",), read)
    morning = next_morning(request.now, times.zone("UTC"))
    return request.show("incidents/list.html", live=live, morning=morning, **facts)


def _open(db: Connection, number: int, now: datetime) -> dict[str, Any]:
    """Return a page of the open incidents, at most the last one. The first has the newest past ones too."""
    count = sum(desk.count_open(db).values())
    pages = max(-(-count // A_PAGE), 1)
    page = min(number, pages)
    open_incidents = rows(db, desk.open_incidents(db, A_PAGE, (page - 1) * A_PAGE), now)
    past = _past(db, None, now) if page == 1 else {"past": [], "older": None}
    return past | {
        "count": count,
        "open_incidents": open_incidents,
        "page": page,
        "pages": pages,
        "first": True,
    }


def _past(db: Connection, older_than: int | None, now: datetime) -> dict[str, Any]:
    incidents = desk.past_incidents(db, A_PAGE + 1, older_than)
    older = incidents[A_PAGE - 1].id if len(incidents) > A_PAGE else None
    return {
        "past": rows(db, incidents[:A_PAGE], now),
        "older": older,
        "open_incidents": [],
        "first": False,
        "pages": 1,
    }


async def one_incident(request: ConsoleRequest) -> Response:
    """Show one incident: its state, the buttons, and its timeline."""
    number = request.number
    live, facts = await request.read_live((f"incidents/{number}",), lambda db: _facts(db, request))
    if facts is None:
        return request.not_found(_missing(number))
    morning = next_morning(request.now, times.zone("UTC"))
    return request.show("incidents/page.html", live=live, morning=morning, **facts)


async def draft_postmortem(request: ConsoleRequest) -> Response:
    """Download the draft of a post-mortem, in Markdown."""
    number = request.number

    home = request.context.public_url
    drafted = await request.read(lambda db: material.draft(db, number, request.now, home))
    if drafted is None:
        return request.not_found(_missing(number))
    headers = {"Content-Disposition": f'attachment; filename="incident-{number}.md"'}
    return Response(drafted, media_type="text/markdown", headers=headers)


async def acknowledge(request: ConsoleRequest) -> Response:
    """Acknowledge an incident. With the number of an active maintenance window, it holds until the window ends."""
    number, now = request.number, request.now
    occurrence, window = number_typed(request, "occurrence"), number_typed(request, "maintenance")

    def work(db: Connection) -> Acknowledged | Stale | Resolved | Missing:
        active = maintenance_store.load(db, window, now) if window is not None else None
        until = active.ends_at if active and maintenance.phase(active, now) is Phase.ACTIVE else None
        longest = now + LONGEST_QUIET
        return actions.acknowledge(
            db,
            number,
            request.actor,
            now,
            occurrence=occurrence,
            until=min(until, longest) if until else None,
        )

    outcome = await request.write(work)
    request.context.metrics.paging.observe_answer(outcome)
    if isinstance(outcome, Stale):
        return moved_on(request)
    if window is not None and isinstance(outcome, Acknowledged):
        return render.see_other(f"/maintenance/{window}")
    return back_to(request, outcome)


def number_typed(request: ConsoleRequest, name: str) -> int | None:
    text = str(request.form.get(name, ""))
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


async def snooze(request: ConsoleRequest) -> Response:
    """Snooze an incident for an hour, for four hours, or until the morning."""
    number = request.number
    until = snooze_end(request, str(request.form.get("for", "")))
    if until is None:
        return render.error_page(request.http, 400, "Snooze for how long?", _NO_SUCH_SNOOZE)
    outcome = await request.write(lambda db: actions.snooze(db, number, request.actor, request.now, until))
    return back_to(request, outcome)


async def ask_resolve(request: ConsoleRequest) -> Response:
    """Ask before an incident is resolved."""
    number = request.number

    def read(db: Connection) -> tuple[desk.Dossier, str] | None:
        dossier = desk.dossier(db, number)
        return (
            None
            if dossier is None
            else (dossier, surroundings.titled(db, [dossier.incident], request.now)[0].title)
        )

    read_dossier = await request.read(read)
    if read_dossier is None:
        return request.not_found(_missing(number))
    dossier, title = read_dossier
    down = [symptom.title for symptom in dossier.symptoms if symptom.cleared_at is None]
    return request.show(
        "confirm.html",
        question=f"Resolve incident {number}, {title}?",
        consequences=incident_summary.resolving(down),
        action=f"Resolve incident {number}",
        back=f"/incidents/{number}",
    )


async def resolve(request: ConsoleRequest) -> Response:
    """Resolve an incident."""
    number = request.number
    outcome = await request.write(lambda db: actions.resolve(db, number, request.actor, request.now))
    return back_to(request, outcome)


def note_of(form: FormData) -> str | None:
    """Return the note in a form, or None if it cannot be one."""
    text = str(form.get("words", "")).replace("\r\n", "\n").strip()
    return text if text and len(text) <= LONGEST_NOTE and is_harmless(text) else None


async def note(request: ConsoleRequest) -> Response:
    """Add a note to the timeline."""
    number = request.number
    text = note_of(request.form)
    if text is None:
        problem = (
            f"A note needs at least one word, at most {LONGEST_NOTE:,} characters, and no control characters. "
            "Go back and change it."
        )
        return render.error_page(request.http, 400, "The note was not added", problem)

    added = await request.write(lambda db: actions.note(db, number, request.actor, text, request.now))
    return render.see_other(f"/incidents/{number}") if added else request.not_found(_missing(number))


async def page_next(request: ConsoleRequest) -> Response:
    """Page the next step of the policy now."""
    number = request.number
    outcome = await request.write(lambda db: actions.page_next(db, number, request.actor, request.now))
    return back_to(request, outcome)


READING: Mapping[str, Route] = {
    "/incidents": (Role.VIEWER, listed),
    "/incidents/{number:int}": (Role.VIEWER, one_incident),
    "/incidents/{number:int}/postmortem": (Role.VIEWER, draft_postmortem),
    "/incidents/{number:int}/resolve": (Role.RESPONDER, ask_resolve),
}
ACTING: Mapping[str, Route] = {
    "/incidents/{number:int}/acknowledge": (Role.RESPONDER, acknowledge),
    "/incidents/{number:int}/note": (Role.RESPONDER, note),
    "/incidents/{number:int}/page-next": (Role.RESPONDER, page_next),
    "/incidents/{number:int}/snooze": (Role.RESPONDER, snooze),
    "/incidents/{number:int}/resolve": (Role.RESPONDER, resolve),
}


def rows(db: Connection, incidents: Sequence[Incident], now: datetime) -> list[view_rows.IncidentRow]:
    """Return the rows of these incidents, in their order."""
    raised = desk.symptoms(db, [incident.id for incident in incidents])
    around = surroundings.within_groups(db, incidents, raised, now)
    crew = desk.crew(db)
    return [
        view_rows.incident_row(incident, raised[incident.id], around[incident.id], crew, now)
        for incident in incidents
    ]


def _facts(db: Connection, request: ConsoleRequest) -> dict[str, Any] | None:
    number, now = request.number, request.now
    dossier = desk.dossier(db, number)
    if dossier is None:
        return None
    incident, crew = dossier.incident, desk.crew(db)
    all_groups = queries.all_groups(db, request.context.shared, now)
    around = surroundings.of(db, [incident], {number: dossier.symptoms}, now, all_groups)[number]
    extent = view_rows.how_much(incident, dossier.symptoms, around, now)
    coming = view_rows.coming(incident, crew)
    held = view_rows.held_by(dossier.symptoms, now)
    pageable = view_rows.pageable(incident, crew, now)
    moments = timeline.moments(dossier)
    return {
        "incident": incident,
        "sentence": incident_summary.of(
            incident,
            coming,
            recap.of(dossier.timeline, now),
            now,
            held=held,
            paged=desk.paged_people(db, number),
        ),
        "title": called(incident, dossier.symptoms, around, now),
        "extent": extent,
        "next": "" if held or incident.recovering else times.people(pageable.names, pageable.draws),
        "first_page_at": coming.at,
        "beside": [
            *subject.waiting(subject.told_apart(dossier.symptoms), now),
            *beside(around, len(subject.standing(dossier.symptoms, now)), Clock(now)),
        ],
        "jobs": _jobs(db, dossier.symptoms),
        "moments": moments[: timeline.LONGEST],
        "earlier": max(len(moments) - timeline.LONGEST, 0),
        "measures": timeline.measures(dossier),
        "addresses": open_addresses(crew.people.values()),
        "recipients": timeline.recipients(dossier, view_rows.names(crew.people)),
        "open": incident.state is not Life.RESOLVED,
        "mergeable": bool(desk.mergeable(db, incident, 1)),
        "about": "Limit"
        if any(reached_limit.is_limit(symptom.key) for symptom in dossier.symptoms)
        else "Job",
    }


def _jobs(db: Connection, symptoms: Sequence[RaisedSymptom]) -> list[view_rows.JobRow]:
    """Return the rows of the jobs of an incident."""
    slugs = queries.slugs(db, [symptom.key for symptom in symptoms])
    listed = subject.told_apart(timeline.jobs(symptoms))
    return [view_rows.job_row(symptom, slugs.get(symptom.key)) for symptom in listed]


def back_to(request: ConsoleRequest, outcome: object) -> Response:
    """Go back to the incident. Its screen says if it has ended meanwhile."""
    missing = isinstance(outcome, Missing)
    return no_such(request) if missing else render.see_other(f"/incidents/{request.number}")


def no_such(request: ConsoleRequest) -> Response:
    """Say that the incident of the address does not exist."""
    return request.not_found(_missing(request.number))


def snooze_end(request: ConsoleRequest, length: str) -> datetime | None:
    """Return the end of a snooze of one of the lengths offered. The morning is that of the form's zone, or of UTC."""
    if length == "morning":
        return next_morning(request.now, times.zone(str(request.form.get("zone", ""))[:100]))
    return request.now + SNOOZES[length] if length in SNOOZES else None


def _missing(number: int) -> str:
    return f"There is no incident {number}."


def moved_on(request: ConsoleRequest) -> Response:
    """Say that the incident has paged again since the form was shown."""
    problem = (
        f"Incident {request.number} has paged again since you opened it, so nothing was changed. "
        "Open it again, read what is new, and acknowledge that."
    )
    return render.error_page(request.http, 409, "This incident has changed", problem)
