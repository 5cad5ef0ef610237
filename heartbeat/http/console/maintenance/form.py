"""The forms that create and change a maintenance window, with a preview of the checks that it covers."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from secrets import token_urlsafe
from typing import Any

from sqlalchemy import Connection
from starlette.responses import Response

from alerting import times
from heartbeat.actor import Role
from heartbeat.checks import maintenance, maintenance_store, recurrence
from heartbeat.checks.check import Check
from heartbeat.checks.maintenance import Phase, Window, WindowDefinition
from heartbeat.checks.recurrence import Occurrence
from heartbeat.definitions import store as definition_store
from heartbeat.definitions.edit import maintenance as edit
from heartbeat.definitions.edit.maintenance import Ended
from heartbeat.definitions.single import Faulty
from heartbeat.http.console.checks import bulk
from heartbeat.http.console.checks import query as check_query
from heartbeat.http.console.maintenance import fields, pages
from heartbeat.http.console.maintenance.fields import Arrangement
from heartbeat.http.console.maintenance.pages import CoveredChecks, PagingIncident
from heartbeat.http.console.request import ConsoleRequest, Route, local
from heartbeat.http.pages import render
from heartbeat.http.pages.shared import Everything

CHANGED = "Somebody changed this window after you opened the form. Save again to replace their changes."
OFFERED = 12
"""The most labels of the chosen checks that can be ticked, the most common ones first."""


@dataclass(frozen=True, slots=True)
class WindowPreview:
    """The meaning of the form. The times are None if they are wrong, `covered` is None if the labels are.

    `missed` are chosen checks that the window would not cover; `others` counts covered ones that were not chosen.
    """

    starts_at: datetime | None = None
    ends_at: datetime | None = None
    covered: CoveredChecks | None = None
    missed: Sequence[str] = ()
    others: int = 0
    paging: Sequence[PagingIncident] = ()
    problems: Sequence[str] = ()
    recurs: str = ""
    following: Sequence[Occurrence] = ()
    """How it repeats, in words, and the next occurrences."""

    @property
    def lasts(self) -> str:
        """The length of the window."""
        return times.duration(self.ends_at - self.starts_at) if self.starts_at and self.ends_at else ""


@dataclass(frozen=True, slots=True)
class Offer:
    """A label that can be ticked. `of` is the number of chosen checks with it."""

    line: str
    ticked: bool
    of: int


@dataclass(frozen=True, slots=True)
class _Form:
    """A form to show. `mark` identifies the window that it was filled from, or this form of a new window.

    `untouched` is True until somebody has typed into it.
    """

    typed: Arrangement
    mark: str
    window: Window | None
    chosen: Sequence[Check]
    known_labels: Sequence[tuple[str, str]]
    preview: WindowPreview
    untouched: bool
    problems: Sequence[tuple[str, str]]

    @property
    def offers(self) -> list[Offer]:
        """The labels that can be ticked: first the ticked ones, then the most common ones of the chosen checks."""
        counts = Counter(line for check in self.chosen for line in fields.written(check.labels))
        ticked = [line for line in self.typed.labels if "=" in line]
        more = [line for line, _ in counts.most_common() if line not in ticked][:OFFERED]
        return [Offer(line, line in ticked, counts[line]) for line in (*ticked, *more)]

    @property
    def lines(self) -> list[str]:
        """The fields for further labels: those that are not labels, and empty ones."""
        malformed = [line for line in self.typed.labels if "=" not in line]
        return [*malformed, *[""] * (1 if self.offers else 2)]


async def begin(request: ConsoleRequest) -> Response:
    """Show the form of a new window: for the ticked checks, or with the fields of an older window."""
    params = request.http.query_params
    slugs, like = list(dict.fromkeys(params.getlist("check"))), params.get("like", "")
    if len(slugs) > bulk.MOST:
        problem = (
            f"At most {bulk.MOST} checks can be ticked at once. Tick fewer, or enter a label that they share."
        )
        return render.error_page(request.http, 400, "Too many checks", problem)

    def read(db: Connection) -> _Form:
        chosen = check_query.named(db, [slug.replace("\0", "") for slug in slugs]) if slugs else []
        model = (
            maintenance_store.load(db, int(like), request.now)
            if like.isascii() and like.isdigit() and len(like) < 19
            else None
        )
        typed = fields.for_checks([check.labels for check in chosen], [check.name for check in chosen])
        if model is not None:
            typed = fields.like(model)
        return _form(db, request, typed, token_urlsafe(9), None, chosen, untouched=True)

    return _show(request, await request.read(read))


async def make(request: ConsoleRequest) -> Response:
    """Create the window, or show the form with its preview or its problems."""
    typed, mark = Arrangement.typed(request.form), str(request.form.get("before", ""))

    if request.form.get("do") == "preview":
        chosen = await request.read(lambda db: _chosen(db, request))
        return _show(request, await request.read(lambda db: _form(db, request, typed, mark, None, chosen)))

    def work(db: Connection) -> _Form | Window:
        try:
            definition = edit.read(typed.as_in_api(request.now, None), request.now)
            return edit.make(
                db, request.actor, definition, request.now, _request(request, typed, mark)
            ).window
        except ValueError as error:
            return _form(db, request, typed, mark, None, _chosen(db, request), _problems(error))

    return _outcome(request, await request.write(work))


async def change(request: ConsoleRequest) -> Response:
    """Show the form of a window."""

    def read(db: Connection) -> _Form | None:
        window = maintenance_store.load(db, request.number, request.now)
        if window is None:
            return None
        return _form(db, request, Arrangement.of(window), _mark(window), window, (), untouched=True)

    form = await request.read(read)
    if form is None or form.window is None:
        return pages.no_such(request)
    if maintenance.phase(form.window, request.now) is Phase.PAST:
        return pages.refused(request, f"Maintenance {request.number} is over. Create a new window.")
    return _show(request, form)


async def save(request: ConsoleRequest) -> Response:
    """Change the window, or show the form with its preview or its problems."""
    typed, mark = Arrangement.typed(request.form), str(request.form.get("before", ""))

    def look(db: Connection) -> _Form | None:
        window = maintenance_store.load(db, request.number, request.now)
        return None if window is None else _form(db, request, typed, mark, window, ())

    if request.form.get("do") == "preview":
        return _outcome(request, await request.read(look))

    def work(db: Connection) -> _Form | Window | None:
        definition_store.wait_for_turn(db)
        window = maintenance_store.load(db, request.number, request.now)
        if window is None:
            return None
        if _mark(window) != mark:
            return _form(db, request, typed, _mark(window), window, (), [CHANGED])
        try:
            definition = edit.read(typed.as_in_api(request.now, window), request.now)
            changed = edit.change(db, request.actor, window.id, definition, request.now)
        except ValueError as error:
            return _form(db, request, typed, mark, window, (), _problems(error))
        return changed.window if changed else None

    try:
        return _outcome(request, await request.write(work))
    except Ended as error:
        return pages.refused(request, str(error))


READING: Mapping[str, Route] = {
    "/maintenance/new": (Role.RESPONDER, begin),
    "/maintenance/{number:int}/edit": (Role.RESPONDER, change),
}
ACTING: Mapping[str, Route] = {
    "/maintenance/new": (Role.RESPONDER, make),
    "/maintenance/{number:int}/edit": (Role.RESPONDER, save),
}


def _form(
    db: Connection,
    request: ConsoleRequest,
    typed: Arrangement,
    mark: str,
    window: Window | None,
    chosen: Sequence[Check],
    problems: Sequence[str] = (),
    *,
    untouched: bool = False,
) -> _Form:
    everything = request.context.shared.everything(db, request.now)
    preview = _preview(db, typed, window, chosen, everything, request.now)
    located = fields.by_field(problems)
    labels = check_query.offered_labels(db, everything)
    return _Form(typed, mark, window, chosen, labels, preview, untouched, located)


def _preview(
    db: Connection,
    typed: Arrangement,
    window: Window | None,
    chosen: Sequence[Check],
    everything: Everything,
    now: datetime,
) -> WindowPreview:
    """Return the meaning of the form. Its times are shown even if the labels are wrong, and the other way round."""
    problems: list[str] = []
    timed = labelled = None
    try:
        fields_ = replace(typed, title="preview", labels=("any=label",)).as_in_api(now, window)
        timed = edit.read(fields_, now)
    except ValueError as error:
        problems += _problems(error)
    try:
        soon = (now + timedelta(hours=1)).isoformat()
        if typed.labels:
            labelled = edit.read({"title": "preview", "match": typed.match(), "ends_at": soon}, now)
    except ValueError as error:
        problems += _problems(error)
    texts = [problem for _, problem in fields.by_field(problems)]
    return _meaning(db, timed, labelled, chosen, texts, everything, now)


def _meaning(
    db: Connection,
    timed: WindowDefinition | None,
    labelled: WindowDefinition | None,
    chosen: Sequence[Check],
    problems: Sequence[str],
    everything: Everything,
    now: datetime,
) -> WindowPreview:
    starts_at, ends_at = (timed.starts_at, timed.ends_at) if timed else (None, None)
    rule = timed.recurrence if timed else None
    recurs = rule.words if rule else ""
    following = recurrence.following(rule, now, recurrence.FOLLOWING) if rule else ()
    if labelled is None:
        return WindowPreview(starts_at, ends_at, problems=problems, recurs=recurs, following=following)
    covered = pages.covered(db, labelled.match, everything, now)
    missed = [check.name for check in chosen if not maintenance.fits(labelled, check.labels)]
    active = timed is not None and maintenance.phase(timed, now) is Phase.ACTIVE
    paging = pages.paging(db, labelled.match) if active else ()
    others = covered.total - (len(chosen) - len(missed)) if chosen else 0
    return WindowPreview(starts_at, ends_at, covered, missed, others, paging, problems, recurs, following)


def _chosen(db: Connection, request: ConsoleRequest) -> list[Check]:
    """Return the checks for which the form was opened."""
    slugs = list(filter(None, str(request.form.get("checks", "")).replace("\0", "").split(",")))
    return check_query.named(db, slugs[: bulk.MOST]) if slugs else []


def _problems(error: ValueError) -> list[str]:
    return error.problems if isinstance(error, Faulty) else [str(error)]


def _request(request: ConsoleRequest, typed: Arrangement, mark: str) -> str:
    """Return the key of this request: the same form sent twice creates one window."""
    sent = sha256(repr((mark, typed)).encode()).hexdigest()[:32]
    return f"{request.actor.via}: {request.actor.name}: form {sent}"


def _mark(window: Window) -> str:
    return sha256(repr(sorted(edit.written(window).items())).encode()).hexdigest()[:16]


def _outcome(request: ConsoleRequest, outcome: _Form | Window | None) -> Response:
    match outcome:
        case None:
            return pages.no_such(request)
        case Window():
            return render.see_other(f"/maintenance/{outcome.id}")
        case _:
            return _show(request, outcome, 422 if outcome.problems else 200)


def _show(request: ConsoleRequest, form: _Form, status: int = 200) -> Response:
    once = form.window is not None and form.window.recurrence is None
    begun = once and form.window is not None and maintenance.phase(form.window, request.now) is Phase.ACTIVE
    back = f"/maintenance/{form.window.id}" if form.window else _back(request)
    facts: dict[str, Any] = {"about": {name for name, _ in form.problems}, "lengths": fields.LENGTHS}
    facts |= {"repeats": fields.REPEATS, "days": fields.DAYS}
    return request.show(
        "maintenance/form.html", status=status, form=form, typed=form.typed, begun=begun, back=back, **facts
    )


def _back(request: ConsoleRequest) -> str:
    """Return the path from which the form was opened."""
    path = request.form.get("back") or request.http.query_params.get("back", "")
    back = local(str(path))
    return back if back.startswith("/checks") else "/maintenance"
