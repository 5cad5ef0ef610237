"""The console's forms that make a maintenance window and change it, with what it covers shown before it counts."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from secrets import token_urlsafe
from typing import Any

from sqlalchemy import Connection
from starlette.responses import Response

from alerting import times
from heartbeat.actor import Role
from heartbeat.checks import maintenance, maintenance_store
from heartbeat.checks.check import Check
from heartbeat.checks.maintenance import Phase, Window, WindowDefinition
from heartbeat.definitions import store as definition_store
from heartbeat.definitions.edit import maintenance as edit
from heartbeat.definitions.edit.maintenance import Ended
from heartbeat.definitions.single import Faulty
from heartbeat.http.console.checks import bulk
from heartbeat.http.console.checks import query as check_query
from heartbeat.http.console.maintenance import fields, pages
from heartbeat.http.console.maintenance.fields import Arrangement
from heartbeat.http.console.maintenance.pages import Covered, Ringing
from heartbeat.http.console.request import ConsoleRequest, Route, local
from heartbeat.http.pages import render

CHANGED = "Somebody has changed it since this form was loaded. Saving again replaces what they did."
OFFERED = 12
"""Labels of the checks that were chosen which can be ticked, the most common ones."""


@dataclass(frozen=True, slots=True)
class Preview:
    """What the window would mean. The times are None where they are wrong, `covered` where the labels are.

    `missed` are checks that it was opened for and would not cover; `others` counts those that it would cover besides.
    """

    starts_at: datetime | None = None
    ends_at: datetime | None = None
    covered: Covered | None = None
    missed: Sequence[str] = ()
    others: int = 0
    ringing: Sequence[Ringing] = ()
    problems: Sequence[str] = ()

    @property
    def lasts(self) -> str:
        """How long it would last."""
        return times.duration(self.ends_at - self.starts_at) if self.starts_at and self.ends_at else ""


@dataclass(frozen=True, slots=True)
class Offer:
    """A label that can be ticked. `of` is how many of the chosen checks have it."""

    line: str
    ticked: bool
    of: int


@dataclass(frozen=True, slots=True)
class _Form:
    """A form to be shown. `mark` is that of the window it was filled from, or of this form of a new one.

    `fresh` is whether nobody has typed into it yet.
    """

    typed: Arrangement
    mark: str
    window: Window | None
    chosen: Sequence[Check]
    known: Sequence[tuple[str, str]]
    preview: Preview
    fresh: bool
    problems: Sequence[tuple[str, str]]

    @property
    def offers(self) -> list[Offer]:
        """The labels that can be ticked: those that are, then the most common ones of the checks that were chosen."""
        found = Counter(line for one in self.chosen for line in fields.written(one.labels))
        ticked = [line for line in self.typed.labels if "=" in line]
        more = [line for line, _ in found.most_common() if line not in ticked][:OFFERED]
        return [Offer(line, line in ticked, found[line]) for line in (*ticked, *more)]

    @property
    def lines(self) -> list[str]:
        """What stands in the fields for further labels: what was typed wrongly, and room for more."""
        wrong = [line for line in self.typed.labels if "=" not in line]
        return [*wrong, *[""] * (1 if self.offers else 2)]


async def begin(request: ConsoleRequest) -> Response:
    """The form of a new window: for the checks that were ticked, or like a window that there was."""
    asked = request.http.query_params
    slugs, like = list(dict.fromkeys(asked.getlist("check"))), asked.get("like", "")
    if len(slugs) > bulk.MOST:
        words = f"At most {bulk.MOST} checks can be chosen at once; nothing was changed."
        return render.error_page(request.http, 400, "Maintenance of which checks?", words)

    def read(db: Connection) -> _Form:
        chosen = check_query.named(db, [slug.replace("\0", "") for slug in slugs]) if slugs else []
        known = (
            maintenance_store.load(db, int(like))
            if like.isascii() and like.isdigit() and len(like) < 19
            else None
        )
        typed = fields.meant_by([one.labels for one in chosen], [one.name for one in chosen])
        if known is not None:
            typed = fields.like(known)
        return _form(db, request, typed, token_urlsafe(9), None, chosen, fresh=True)

    return _show(request, await request.read(read))


async def make(request: ConsoleRequest) -> Response:
    """Make the window, or show what it would mean, or what is wrong with it."""
    typed, mark = Arrangement.typed(request.form), str(request.form.get("before", ""))

    if request.form.get("do") == "preview":
        chosen = await request.read(lambda db: _chosen(db, request))
        return _show(request, await request.read(lambda db: _form(db, request, typed, mark, None, chosen)))

    def work(db: Connection) -> _Form | Window:
        try:
            wanted = edit.read(typed.given(request.now, None), request.now)
            return edit.make(db, request.actor, wanted, request.now, _request(request, typed, mark)).window
        except ValueError as wrong:
            return _form(db, request, typed, mark, None, _chosen(db, request), _problems(wrong))

    return _outcome(request, await request.write(work))


async def change(request: ConsoleRequest) -> Response:
    """The form of a window that there is."""

    def read(db: Connection) -> _Form | None:
        one = maintenance_store.load(db, request.number)
        if one is None:
            return None
        return _form(db, request, Arrangement.of(one), _mark(one), one, (), fresh=True)

    form = await request.read(read)
    if form is None or form.window is None:
        return _no_such(request)
    if maintenance.phase(form.window, request.now) is Phase.PAST:
        return _over(request, f"Maintenance {request.number} is over: make another one.")
    return _show(request, form)


async def save(request: ConsoleRequest) -> Response:
    """Change the window, or show what it would mean, or what is wrong with it."""
    typed, mark = Arrangement.typed(request.form), str(request.form.get("before", ""))

    def look(db: Connection) -> _Form | None:
        one = maintenance_store.load(db, request.number)
        return None if one is None else _form(db, request, typed, mark, one, ())

    if request.form.get("do") == "preview":
        return _outcome(request, await request.read(look))

    def work(db: Connection) -> _Form | Window | None:
        definition_store.wait_for_turn(db)
        one = maintenance_store.load(db, request.number)
        if one is None:
            return None
        if _mark(one) != mark:
            return _form(db, request, typed, _mark(one), one, (), [CHANGED])
        try:
            wanted = edit.read(typed.given(request.now, one), request.now)
            done = edit.change(db, request.actor, one.id, wanted, request.now)
        except ValueError as wrong:
            return _form(db, request, typed, mark, one, (), _problems(wrong))
        return done.window if done else None

    try:
        return _outcome(request, await request.write(work))
    except Ended as wrong:
        return _over(request, str(wrong))


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
    fresh: bool = False,
) -> _Form:
    preview = _preview(db, typed, window, chosen, request.now)
    said = fields.wrong(problems)
    return _Form(typed, mark, window, chosen, check_query.labels(db), preview, fresh, said)


def _preview(
    db: Connection, typed: Arrangement, before: Window | None, chosen: Sequence[Check], now: datetime
) -> Preview:
    """What it would mean: its times and its checks, each also where the other is wrong."""
    problems: list[str] = []
    when = about = None
    try:
        starts_at, ends_at = typed.times(now, before)
        spoken = {"starts_at": starts_at.isoformat(), "ends_at": ends_at.isoformat()}
        when = edit.read({"title": "preview", "match": {"any": "label"}, **spoken}, now)
    except ValueError as wrong:
        problems += _problems(wrong)
    try:
        soon = (now + timedelta(hours=1)).isoformat()
        if typed.labels:
            about = edit.read({"title": "preview", "match": typed.match(), "ends_at": soon}, now)
    except ValueError as wrong:
        problems += _problems(wrong)
    said = [words for _, words in fields.wrong(problems)]
    return _meaning(db, when, about, chosen, said, now)


def _meaning(
    db: Connection,
    when: WindowDefinition | None,
    about: WindowDefinition | None,
    chosen: Sequence[Check],
    problems: Sequence[str],
    now: datetime,
) -> Preview:
    starts_at, ends_at = (when.starts_at, when.ends_at) if when else (None, None)
    if about is None:
        return Preview(starts_at, ends_at, problems=problems)
    found = pages.covered(db, about.match, now)
    missed = [one.name for one in chosen if not maintenance.fits(about, one.labels)]
    soon = when is not None and maintenance.phase(when, now) is Phase.ACTIVE
    loud = pages.ringing(db, about.match) if soon else ()
    others = found.total - (len(chosen) - len(missed)) if chosen else 0
    return Preview(starts_at, ends_at, found, missed, others, loud, problems)


def _chosen(db: Connection, request: ConsoleRequest) -> list[Check]:
    """The checks for which the form was opened."""
    slugs = list(filter(None, str(request.form.get("checks", "")).replace("\0", "").split(",")))
    return check_query.named(db, slugs[: bulk.MOST]) if slugs else []


def _problems(wrong: ValueError) -> list[str]:
    return wrong.problems if isinstance(wrong, Faulty) else [str(wrong)]


def _request(request: ConsoleRequest, typed: Arrangement, mark: str) -> str:
    """The name of this request: the same form sent twice makes one window."""
    sent = sha256(repr((mark, typed)).encode()).hexdigest()[:32]
    return f"{request.actor.via}: {request.actor.name}: form {sent}"


def _mark(one: Window) -> str:
    return sha256(repr(sorted(edit.written(one).items())).encode()).hexdigest()[:16]


def _outcome(request: ConsoleRequest, done: _Form | Window | None) -> Response:
    match done:
        case None:
            return _no_such(request)
        case Window():
            return render.see_other(f"/maintenance/{done.id}")
        case _:
            return _show(request, done, 422 if done.problems else 200)


def _show(request: ConsoleRequest, form: _Form, status: int = 200) -> Response:
    begun = form.window is not None and maintenance.phase(form.window, request.now) is Phase.ACTIVE
    back = f"/maintenance/{form.window.id}" if form.window else _back(request)
    facts: dict[str, Any] = {"about": {name for name, _ in form.problems}, "lengths": fields.LENGTHS}
    return request.show(
        "maintenance/form.html", status=status, form=form, typed=form.typed, begun=begun, back=back, **facts
    )


def _back(request: ConsoleRequest) -> str:
    """The page of the console from which the form was opened."""
    asked = request.form.get("back") or request.http.query_params.get("back", "")
    found = local(str(asked))
    return found if found.startswith("/checks") else "/maintenance"


def _over(request: ConsoleRequest, words: str) -> Response:
    return render.error_page(request.http, 409, "Nothing was changed", words)


def _no_such(request: ConsoleRequest) -> Response:
    return request.not_found(f"There is no maintenance {request.number}. It may have been deleted.")
