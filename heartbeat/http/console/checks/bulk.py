"""The console's way to pause and resume many checks at once: it asks in words that name them, then does it."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection
from starlette.datastructures import FormData, QueryParams
from starlette.responses import Response

from alerting import times
from heartbeat.actor import Actor, Role
from heartbeat.checks import actions
from heartbeat.checks.check import Check, State
from heartbeat.http.console.checks import query
from heartbeat.http.console.request import ConsoleRequest, Route, local
from heartbeat.http.pages import render
from heartbeat.http.pages import rows as view_rows

MOST = 100
"""Checks that can be paused or resumed at once: a page of the list."""

Work = Callable[[Connection, Actor, Collection[str], datetime], list[actions.ChangedCheck]]


async def ask_pause(request: ConsoleRequest) -> Response:
    """Ask before watches are taken off duty."""
    return await _ask(request, "Pause", State.PAUSED)


async def ask_resume(request: ConsoleRequest) -> Response:
    """Ask before checks are expected afresh."""
    return await _ask(request, "Resume", None)


async def pause(request: ConsoleRequest) -> Response:
    """Pause the checks that were asked about."""
    return await _do(request, actions.pause_all)


async def resume(request: ConsoleRequest) -> Response:
    """Resume the checks that were asked about."""
    return await _do(request, actions.resume_all)


READING: Mapping[str, Route] = {
    "/pause": (Role.RESPONDER, ask_pause),
    "/resume": (Role.RESPONDER, ask_resume),
}
ACTING: Mapping[str, Route] = {
    "/pause": (Role.RESPONDER, pause),
    "/resume": (Role.RESPONDER, resume),
}


async def _ask(request: ConsoleRequest, verb: str, becomes: State | None) -> Response:
    slugs, back = _chosen(request.http.query_params)
    if problem := _unfit(slugs):
        return render.error_page(request.http, 400, f"{verb} which checks?", problem)
    every = await request.read(lambda db: query.named(db, slugs))
    concerned = [one for one in every if (one.state is State.PAUSED) != (becomes is State.PAUSED)]
    if not concerned:
        why = "None of these checks can be: what is paused cannot be paused, and what is not, not resumed."
        return render.error_page(
            request.http, 409, f"Nothing to {verb.lower()}", f"{why} Nothing was changed."
        )
    return request.show(
        "confirm.html",
        question=f"{verb} {_counted(concerned)}?",
        consequences=_consequences(concerned, becomes),
        concerned=[(one, view_rows.word(one, request.now)) for one in concerned],
        spared=[one.name for one in every if one not in concerned],
        action=f"{verb} {_counted(concerned)}",
        kind="danger" if becomes is State.PAUSED else "first",
        fields=[("check", one.slug) for one in concerned] + [("back", back)],
        back=back,
    )


async def _do(request: ConsoleRequest, work: Work) -> Response:
    slugs, back = _chosen(request.form)
    if problem := _unfit(slugs):
        return render.error_page(request.http, 400, "Which checks?", problem)
    await request.write(lambda db: work(db, request.actor, slugs, request.now))
    return render.see_other(back)


def _chosen(given: QueryParams | FormData) -> tuple[list[str], str]:
    """The checks that somebody has ticked, and the page on which they did."""
    slugs = [str(slug).replace("\0", "") for slug in given.getlist("check")]
    back = local(str(given.get("back", "/checks")))
    return list(dict.fromkeys(slugs)), back if back.startswith("/checks") else "/checks"


def _unfit(slugs: Sequence[str]) -> str:
    if not slugs:
        return "No check was chosen, so nothing was changed. Go back, tick the checks, and press the button again."
    if len(slugs) > MOST:
        return f"At most {MOST} checks can be changed at once; nothing was changed."
    return ""


def _consequences(concerned: Sequence[Check], becomes: State | None) -> list[str]:
    many = len(concerned) > 1
    if becomes is not State.PAUSED:
        return [
            f"{'Each' if many else 'It'} is expected afresh from now on, and pages again if it stays silent."
        ]
    held = [one.name for one in concerned if one.manual_resume]
    whose, back = ("their", "they are") if many else ("its", "it is")
    said = (
        f"Nothing is expected of {'them' if many else 'it'}, and {whose} silence pages nobody, until {back} "
    )
    if len(held) == len(concerned):
        return [f"{said}resumed here."]
    more = [f"Only resumed here: {', '.join(held)}."] if held else []
    return [f"{said}resumed here or heard again.", *more]


def _counted(some: Sequence[Check]) -> str:
    return some[0].name if len(some) == 1 else times.count(len(some), "check")
