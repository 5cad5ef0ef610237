"""Pausing and resuming many checks at once on the console. It asks first, and names the checks."""

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
"""Checks that can be paused or resumed at once."""

Work = Callable[[Connection, Actor, Collection[str], datetime], list[actions.ChangedCheck]]


async def ask_pause(request: ConsoleRequest) -> Response:
    """Ask before checks are paused."""
    return await _ask(request, "Pause", State.PAUSED)


async def ask_resume(request: ConsoleRequest) -> Response:
    """Ask before checks are resumed."""
    return await _ask(request, "Resume", None)


async def pause(request: ConsoleRequest) -> Response:
    """Pause the confirmed checks."""
    return await _do(request, actions.pause_all)


async def resume(request: ConsoleRequest) -> Response:
    """Resume the confirmed checks."""
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
        return render.error_page(request.http, 400, "Nothing was changed", problem)
    checks = await request.read(lambda db: query.named(db, slugs))
    concerned = [check for check in checks if (check.state is State.PAUSED) != (becomes is State.PAUSED)]
    if not concerned:
        problem = "All these checks are paused already." if becomes else "None of these checks is paused."
        return render.error_page(
            request.http, 409, f"Nothing to {verb.lower()}", f"{problem} Nothing was changed."
        )
    return request.show(
        "confirm.html",
        question=f"{verb} {_counted(concerned)}?",
        consequences=_consequences(concerned, becomes),
        concerned=[(check, view_rows.word(check, request.now)) for check in concerned],
        spared=[check.name for check in checks if check not in concerned],
        action=f"{verb} {_counted(concerned)}",
        kind="danger" if becomes is State.PAUSED else "first",
        fields=[("check", check.slug) for check in concerned] + [("back", back)],
        back=back,
    )


async def _do(request: ConsoleRequest, work: Work) -> Response:
    slugs, back = _chosen(request.form)
    if problem := _unfit(slugs):
        return render.error_page(request.http, 400, "Nothing was changed", problem)
    await request.write(lambda db: work(db, request.actor, slugs, request.now))
    return render.see_other(back)


def _chosen(fields: QueryParams | FormData) -> tuple[list[str], str]:
    """Return the slugs of the ticked checks, and the path to go back to."""
    slugs = [str(slug).replace("\0", "") for slug in fields.getlist("check")]
    back = local(str(fields.get("back", "/checks")))
    return list(dict.fromkeys(slugs)), back if back.startswith("/checks") else "/checks"


def _unfit(slugs: Sequence[str]) -> str:
    if not slugs:
        return "No check is ticked. Go back, tick the checks and press the button again."
    if len(slugs) > MOST:
        return f"At most {MOST} checks can be changed at once. Go back and tick fewer."
    return ""


def _consequences(concerned: Sequence[Check], becomes: State | None) -> list[str]:
    if becomes is State.PAUSED:
        return pausing(concerned)
    each = "Each" if len(concerned) > 1 else "It"
    return [f"{each} is expected again from now on, and pages if it stays silent."]


def pausing(checks: Sequence[Check]) -> list[str]:
    """Return the consequences of pausing these checks, as sentences."""
    many = len(checks) > 1
    manual = [check.name for check in checks if check.manual_resume]
    quiet = f"Nobody is paged for {'them while they are' if many else 'it while it is'} paused."
    if len(manual) == len(checks):
        return [
            f"{quiet} {'They stay' if many else 'It stays'} paused until somebody resumes {'them' if many else 'it'}."
        ]
    resumed = "They resume with their next pings" if many else "It resumes with its next ping"
    exceptions = [f"Paused until somebody resumes them: {', '.join(manual)}."] if manual else []
    return [f"{quiet} {resumed}, or by hand.", *exceptions]


def _counted(checks: Sequence[Check]) -> str:
    return checks[0].name if len(checks) == 1 else times.count(len(checks), "check")
