"""The console's pages of incidents: open and past, one with its story, and what people do to it."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection
from starlette.responses import Response

from alerting import desk, times
from alerting.incident import Incident, Missing, Stale, Surroundings
from alerting.incident import State as Life
from alerting.notice import called
from heartbeat.actor import Role
from heartbeat.checks import actions, symptoms
from heartbeat.http.console.incidents import timeline
from heartbeat.http.console.incidents.morning import next_morning
from heartbeat.http.console.request import ConsoleRequest, Route, page_number
from heartbeat.http.pages import queries, render, summary
from heartbeat.http.pages import rows as view_rows

A_PAGE = 50
"""Incidents on one page of a list."""
LONGEST_NOTE = 10_000
"""Characters of a note."""
_NO_SUCH_SNOOZE = (
    "A snooze lasts 1h, 4h or until the morning. Nothing was changed; go back and press one of the buttons."
)
SNOOZES = {"1h": timedelta(hours=1), "4h": timedelta(hours=4)}


async def listed(request: ConsoleRequest) -> Response:
    """Open incidents, most urgent first, a page at a time; after the first page of them the past ones, newest first."""
    asked = request.http.query_params
    given = asked.get("before", "")
    before = int(given) if given.isascii() and given.isdigit() and len(given) < 19 else None
    wanted = page_number(asked.get("page", "1"))

    def read(db: Connection) -> dict[str, Any]:
        return _open(db, wanted) if before is None else _past(db, before)

    live, facts = await request.read_live(("incidents",), read)
    return request.show("incidents/list.html", live=live, **facts)


def _open(db: Connection, wanted: int) -> dict[str, Any]:
    """A page of the open incidents, the last one where there are fewer; the first one has the newest past ones too."""
    count = sum(desk.count_open(db).values())
    pages = max(-(-count // A_PAGE), 1)
    place = min(wanted, pages)
    standing = rows(db, desk.open_incidents(db, A_PAGE, (place - 1) * A_PAGE))
    past = _past(db, None) if place == 1 else {"past": [], "older": None}
    return past | {"count": count, "standing": standing, "page": place, "pages": pages, "first": True}


def _past(db: Connection, before: int | None) -> dict[str, Any]:
    found = desk.past_incidents(db, A_PAGE + 1, before)
    older = found[A_PAGE - 1].id if len(found) > A_PAGE else None
    return {"past": rows(db, found[:A_PAGE]), "older": older, "standing": [], "first": False, "pages": 1}


async def one_incident(request: ConsoleRequest) -> Response:
    """One incident: how it stands, what can be done, and its story."""
    number = request.number
    live, facts = await request.read_live(
        (f"incidents/{number}",), lambda db: _facts(db, number, request.now)
    )
    if facts is None:
        return request.not_found(_missing(number))
    morning = next_morning(request.now, times.zone("UTC"))
    return request.show("incidents/page.html", live=live, morning=morning, **facts)


async def acknowledge(request: ConsoleRequest) -> Response:
    """Say that somebody is on it."""
    number = request.number
    seen = str(request.form.get("occurrence", ""))
    occurrence = int(seen) if seen.isascii() and seen.isdigit() and len(seen) < 10 else None
    outcome = await request.write(
        lambda db: actions.acknowledge(db, number, request.actor, request.now, occurrence=occurrence)
    )
    request.context.metrics.paging.observe_answer(outcome)
    if isinstance(outcome, Stale):
        return render.error_page(request.http, 409, "It has moved on", _moved_on(number))
    return _back_to(request, number, outcome)


async def snooze(request: ConsoleRequest) -> Response:
    """Be quiet about it for a while."""
    number = request.number
    wanted = str(request.form.get("for", ""))
    lasts = SNOOZES.get(wanted)
    if lasts is None and wanted != "morning":
        return render.error_page(request.http, 400, "Snooze for how long?", _NO_SUCH_SNOOZE)
    until = request.now + lasts if lasts else _morning(request)
    outcome = await request.write(lambda db: actions.snooze(db, number, request.actor, request.now, until))
    return _back_to(request, number, outcome)


async def ask_resolve(request: ConsoleRequest) -> Response:
    """Ask before an incident is ended by hand."""
    number = request.number

    def read(db: Connection) -> tuple[desk.Dossier, str] | None:
        found = desk.dossier(db, number)
        return None if found is None else (found, symptoms.titled(db, [found.incident])[0].title)

    known = await request.read(read)
    if known is None:
        return request.not_found(_missing(number))
    found, title = known
    standing = [symptom.title for symptom in found.symptoms if symptom.cleared_at is None]
    consequences = ["Paging for it ends, and those who were paged are told."]
    if standing:
        shown = ", ".join(standing[:5]) + (f" and {len(standing) - 5} more" if len(standing) > 5 else "")
        consequences.append(
            f"Still down: {shown}. From now on each is expected afresh, and pages again if it stays silent."
        )
    return request.show(
        "confirm.html",
        question=f"Resolve incident {number}, {title}?",
        consequences=consequences,
        action=f"Resolve incident {number}",
        back=f"/incidents/{number}",
    )


async def resolve(request: ConsoleRequest) -> Response:
    """End an incident by hand."""
    number = request.number
    outcome = await request.write(lambda db: actions.resolve(db, number, request.actor, request.now))
    return _back_to(request, number, outcome)


async def note(request: ConsoleRequest) -> Response:
    """Add somebody's words to the story."""
    number = request.number
    words = str(request.form.get("words", "")).replace("\r\n", "\n").replace("\0", "").strip()
    if not words or len(words) > LONGEST_NOTE:
        said = f"A note has at least one word, and at most {LONGEST_NOTE:,} characters. Nothing was added."
        return render.error_page(request.http, 400, "A note of what?", said)

    done = await request.write(lambda db: actions.note(db, number, request.actor, words, request.now))
    return render.see_other(f"/incidents/{number}") if done else request.not_found(_missing(number))


READING: Mapping[str, Route] = {
    "/incidents": (Role.VIEWER, listed),
    "/incidents/{number:int}": (Role.VIEWER, one_incident),
    "/incidents/{number:int}/resolve": (Role.RESPONDER, ask_resolve),
}
ACTING: Mapping[str, Route] = {
    "/incidents/{number:int}/acknowledge": (Role.RESPONDER, acknowledge),
    "/incidents/{number:int}/note": (Role.RESPONDER, note),
    "/incidents/{number:int}/snooze": (Role.RESPONDER, snooze),
    "/incidents/{number:int}/resolve": (Role.RESPONDER, resolve),
}


def rows(db: Connection, some: Sequence[Incident]) -> list[view_rows.IncidentRow]:
    """A line for each of these incidents, in their order."""
    raised = desk.symptoms(db, [one.id for one in some])
    around = symptoms.surroundings(db, some, others=0)
    people = desk.people(db)
    return [view_rows.incident_row(one, raised[one.id], around[one.id], people) for one in some]


def _facts(db: Connection, number: int, now: datetime) -> dict[str, Any] | None:
    found = desk.dossier(db, number)
    if found is None:
        return None
    incident, people = found.incident, desk.people(db)
    around = symptoms.surroundings(db, [incident]).get(number, Surroundings())
    extent = view_rows.how_much(incident, found.symptoms, around)
    quiet_by = next((one.by for one in reversed(found.timeline) if one.kind == Life.SNOOZED), None)
    moments = timeline.moments(found)
    slugs = queries.slugs(db, [symptom.key for symptom in found.symptoms])
    return {
        "incident": incident,
        "sentence": summary.of_incident(incident, view_rows.next_people(incident, people), quiet_by, now),
        "title": called(incident, found.symptoms, around),
        "extent": extent,
        "around": around,
        "symptoms": [
            (one, slugs.get(one.key), view_rows.cause_word(one.cause))
            for one in timeline.jobs(found.symptoms)
        ],
        "moments": moments[: timeline.LONGEST],
        "earlier": max(len(moments) - timeline.LONGEST, 0),
        "measures": timeline.measures(found),
        "told": timeline.told(found, view_rows.names(people)),
        "open": incident.state is not Life.RESOLVED,
    }


def _back_to(request: ConsoleRequest, number: int, outcome: object) -> Response:
    """The incident as it is now. What had ended meanwhile says so itself."""
    return (
        request.not_found(_missing(number))
        if isinstance(outcome, Missing)
        else render.see_other(f"/incidents/{number}")
    )


def _morning(request: ConsoleRequest) -> datetime:
    """The next morning where the reader is, as far as the form tells; else by UTC."""
    return next_morning(request.now, times.zone(str(request.form.get("zone", ""))[:100]))


def _missing(number: int) -> str:
    return f"There is no incident {number}."


def _moved_on(number: int) -> str:
    return (
        f"Incident {number} pages again since you loaded its page, so nothing was changed. "
        "Open it, see what is new, and acknowledge that."
    )
