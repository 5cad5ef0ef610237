"""One answer to several incidents on the console. It says what has become of each of them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection
from starlette.datastructures import FormData
from starlette.responses import Response

from alerting import desk
from alerting.answer import Acknowledged, Missing, Resolved, Snoozed, Stale
from alerting.incident import Incident
from heartbeat.actor import Role
from heartbeat.checks import actions, surroundings
from heartbeat.http.console.incidents import pages
from heartbeat.http.console.request import LARGEST, ConsoleRequest, Route
from heartbeat.http.pages import incident_summary, render
from heartbeat.http.pages.sentence import Words

BACK = "/incidents"
SNOOZE = "snooze "
"""The beginning of an answer that is a snooze. Its length follows: "snooze 1h"."""

Outcome = Acknowledged | Missing | Resolved | Snoozed | Stale


async def answer(request: ConsoleRequest) -> Response:
    """Give one answer to the ticked incidents. Before they are resolved, it asks."""
    chosen, do = _chosen(request.form), str(request.form.get("do", ""))
    length = do.removeprefix(SNOOZE)
    until = pages.snooze_end(request, length) if do.startswith(SNOOZE) else None
    if problem := _unfit(chosen, known=until is not None or do in ("acknowledge", "take over", "resolve")):
        return render.error_page(request.http, 400, "Nothing was changed", problem)
    if do == "resolve" and request.form.get("sure") != "yes":
        return await _ask_resolve(request, chosen)

    def act(db: Connection, number: int) -> Outcome:
        actor, now, occurrence = request.actor, request.now, chosen[number]
        match do:
            case "resolve":
                return actions.resolve(db, number, actor, now)
            case "take over":
                return actions.take_over(db, number, actor, now, occurrence=occurrence)
            case "acknowledge":
                return actions.acknowledge(db, number, actor, now, occurrence=occurrence)
        assert until is not None, "it was checked above"
        return actions.snooze(db, number, actor, now, until)

    def work(db: Connection) -> tuple[Mapping[int, Outcome], Mapping[int, Incident]]:
        outcomes = actions.answer_each(db, chosen, lambda number: act(db, number))
        return outcomes, _titled(db, chosen, request.now)

    outcomes, incidents = await request.write(work)
    for outcome in outcomes.values():
        request.context.metrics.paging.observe_answer(outcome)
    answered = [(incidents.get(number), number, in_words(outcome)) for number, outcome in outcomes.items()]
    changed = sum(_changed(outcome) for outcome in outcomes.values())
    return request.show("incidents/answered.html", answered=answered, changed=changed, back=BACK)


ACTING: Mapping[str, Route] = {"/incidents/answer": (Role.RESPONDER, answer)}
READING: Mapping[str, Route] = {}


def in_words(outcome: Outcome) -> Words:
    """Return what has become of one incident."""
    match outcome:
        case Acknowledged(by, until):
            already = "acknowledged already" if outcome.repeated else "acknowledged"
            return (f"{already} by {by} until ", until)
        case Snoozed(by, until):
            return (f"snoozed by {by} until ", until)
        case Resolved(by) if by == incident_summary.RECOVERY:
            return ("over already: it has recovered",)
        case Resolved(by):
            return (f"{'resolved already' if outcome.repeated else 'resolved'} by {by}",)
        case Stale():
            return ("not changed: it has paged again since you opened the list",)
        case Missing():
            return ("not changed: there is no such incident any more",)


def _changed(outcome: Outcome) -> bool:
    return not isinstance(outcome, Stale | Missing) and not outcome.repeated


def _chosen(form: FormData) -> dict[int, int | None]:
    """Return the ticked incidents with their occurrences. Each is written as "12.3", what cannot be one is left out."""
    chosen: dict[int, int | None] = {}
    for text in form.getlist("incident"):
        number, _, occurrence = str(text)[:40].partition(".")
        if number.isascii() and number.isdigit():
            is_number = occurrence.isascii() and occurrence.isdigit()
            chosen[min(int(number), LARGEST)] = int(occurrence) if is_number else None
    return chosen


def _unfit(chosen: Mapping[int, int | None], *, known: bool) -> str:
    if not chosen:
        return "Tick at least one incident. Go back and try again."
    if len(chosen) > actions.ANSWERED_AT_ONCE:
        return (
            f"At most {actions.ANSWERED_AT_ONCE} incidents can be answered at once. Go back and untick some."
        )
    return "" if known else "This answer is not one of the buttons. Go back and press one of them."


async def _ask_resolve(request: ConsoleRequest, chosen: Mapping[int, int | None]) -> Response:
    def read(db: Connection) -> tuple[list[Incident], list[str]]:
        incidents = list(_titled(db, chosen, request.now).values())
        symptoms = desk.symptoms(db, chosen)
        down = [symptom.title for of_one in symptoms.values() for symptom in of_one if symptom.standing]
        return incidents, down

    incidents, down = await request.read(read)
    counted = "1 incident" if len(incidents) == 1 else f"{len(incidents)} incidents"
    names = [f"Incident {incident.id}: {incident.title}." for incident in incidents]
    fields: list[tuple[str, Any]] = [("incident", incident.id) for incident in incidents]
    return request.show(
        "confirm.html",
        question=f"Resolve {counted}?",
        consequences=[*incident_summary.resolving(down), *names],
        action=f"Resolve {counted}",
        fields=[*fields, ("do", "resolve"), ("sure", "yes")],
        back=BACK,
    )


def _titled(db: Connection, chosen: Mapping[int, int | None], now: datetime) -> dict[int, Incident]:
    incidents = [incident for number in chosen if (incident := desk.incident(db, number)) is not None]
    return {incident.id: incident for incident in surroundings.titled(db, incidents, now)}
