"""The console's screen of a rotation: a month of who is on call, and what people change in it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection
from starlette.responses import Response

from alerting import coverage, desk, rotation, wall_clock
from alerting.desk import Kept, Noun, Swap
from alerting.person import Person
from alerting.rotation import Change, Override, Rotation, Shift
from heartbeat.actor import Role
from heartbeat.definitions import rotations as definition_rotations
from heartbeat.definitions.edit import overrides as edit
from heartbeat.definitions.edit.crew import ROTATION, without_secrets
from heartbeat.definitions.edit.overrides import NotTheirs
from heartbeat.definitions.kind import InUse
from heartbeat.definitions.single import Faulty
from heartbeat.http.console import defined_by, definition_form
from heartbeat.http.console.on_call import coverage_strip, month
from heartbeat.http.console.request import ConsoleRequest, Route
from heartbeat.http.pages import render
from heartbeat.on_call import calendar_access, calendar_report, duty, uncovered

AHEAD = timedelta(days=62)
SHIFTS = 20
"""Coming shifts that are listed, of those that begin within `AHEAD`."""
LONGEST = timedelta(days=366)
"""A shift without an end within this time goes on."""
GAPS = 5
"""Gaps of coverage that are named."""
STRIPS = 5
"""Policies whose coverage is drawn, of those that page the rotation."""
YEARS = range(2000, 2200)
"""The years of the days that can be typed."""
_NO_SHIFT = "shift: choose one of the coming shifts."
_GONE = "Somebody else has answered or deleted it meanwhile. Nothing was changed."


@dataclass(frozen=True, slots=True)
class ComingShift:
    """A coming shift of one person, or of nobody. `end` is None if it goes on. `value` names it in a form."""

    start: datetime
    end: datetime | None
    person: Person | None

    @property
    def value(self) -> str:
        """The shift as `_shift` reads it. Empty if it goes on: nobody can take it as a whole."""
        if self.end is None:
            return ""
        return f"{self.start.isoformat()} {self.end.isoformat()} {self.person.id if self.person else ''}"


@dataclass(frozen=True, slots=True)
class _Words:
    """Spans and changes in words, on the clock of a rotation."""

    now: datetime
    timezone: str
    names: Mapping[str, str]

    def span(self, start: datetime, end: datetime | None) -> str:
        """Return a span: "Fri 04 Dec 09:00 to 17:00 CET", "from now on"."""
        return coverage.span(start, end, self.now, self.timezone)

    def change(self, kept: Kept) -> str:
        """Return an override or a leave: "Ben in place of Anna"."""
        change, on, off = kept.override, self._name(kept.override.on), self._name(kept.override.off)
        if kept.rotation is None:
            return f"{off} is on leave" + (f", and {on} stands in" if on else "")
        match change.change:
            case Change.ADD:
                return f"{on} as well"
            case Change.REMOVE:
                return f"{off} is not on call" + (f", and {on} stands in" if on else "")
        return f"{on} in place of {off}" if off else f"{on} alone"

    def swap(self, swap: Swap) -> str:
        """Return a swap: what each of the two gives away."""
        offered, taken = self.span(*swap.offered), self.span(*swap.taken)
        return f"{self._name(swap.offered_by)} gives {offered} to {self._name(swap.asked)}, for {taken}"

    def _name(self, person: str) -> str:
        return self.names.get(person, person)


async def look(request: ConsoleRequest) -> Response:
    """Show a rotation: who is on call, a month of it, the coming shifts, and what was changed."""
    return await _show(request)


async def override(request: ConsoleRequest) -> Response:
    """Let somebody take a shift, or change any other span."""
    name, form = definition_form.name(request), request.form

    def work(db: Connection) -> bool:
        one = desk.rotations(db).get(name)
        if one is None:
            return False
        on, off = str(form.get("on", "")), str(form.get("off", ""))
        start, end, person = _shift(str(form["shift"])) if "shift" in form else (*_typed(request, one), off)
        kind = str(form.get("change", Change.REPLACE))
        change = Change(kind) if kind in list(Change) else Change.REPLACE
        put = Override(change, start, end, on=on, off=person)
        edit.override(db, request.actor, name, put, request.now)
        return True

    return await _changed(request, work)


async def cancel(request: ConsoleRequest) -> Response:
    """Delete an override or a leave."""
    return await _changed(
        request, lambda db: edit.cancel(db, request.actor, request.number, request.now) is not None
    )


async def propose(request: ConsoleRequest) -> Response:
    """Propose a swap of two shifts."""
    name = definition_form.name(request)

    def work(db: Connection) -> bool:
        *offered, giver = _shift(str(request.form.get("offered", "")))
        *taken, asked = _shift(str(request.form.get("asked", "")))
        swap = Swap(name, giver, (offered[0], offered[1]), asked, (taken[0], taken[1]))
        return edit.propose(db, request.actor, swap, request.now) is not None

    return await _changed(request, work)


async def accept(request: ConsoleRequest) -> Response:
    """Accept a swap."""
    return await _answer(request, accept_it=True)


async def decline(request: ConsoleRequest) -> Response:
    """Decline a swap, or take it back."""
    return await _answer(request, accept_it=False)


async def leave(request: ConsoleRequest) -> Response:
    """Take a person off call in every rotation for some time."""
    name = definition_form.name(request)

    def work(db: Connection) -> bool:
        one = desk.rotations(db).get(name)
        if one is None:
            return False
        person, substitute = (str(request.form.get(field, "")) for field in ("person", "substitute"))
        edit.leave(db, request.actor, person, substitute, _typed(request, one), request.now)
        return True

    return await _changed(request, work)


async def renew_calendar(request: ConsoleRequest) -> Response:
    """Give the calendar of a rotation a new address."""
    name, actor, now = definition_form.name(request), request.actor, request.now
    return await _changed(
        request, lambda db: calendar_access.renew(db, actor, Noun.ROTATION, name, now) is not None
    )


async def revoke_calendar(request: ConsoleRequest) -> Response:
    """Take the address of that calendar away."""
    name, actor, now = definition_form.name(request), request.actor, request.now
    return await _changed(
        request, lambda db: calendar_access.revoke(db, actor, Noun.ROTATION, name, now) is not None
    )


_ROTATION = "/on-call/rotations/{name}"
READING: Mapping[str, Route] = {_ROTATION: (Role.VIEWER, look)}
ACTING: Mapping[str, Route] = {
    f"{_ROTATION}/override": (Role.RESPONDER, override),
    f"{_ROTATION}/overrides/{{number:int}}/delete": (Role.RESPONDER, cancel),
    f"{_ROTATION}/swap": (Role.RESPONDER, propose),
    f"{_ROTATION}/swaps/{{number:int}}/accept": (Role.RESPONDER, accept),
    f"{_ROTATION}/swaps/{{number:int}}/decline": (Role.RESPONDER, decline),
    f"{_ROTATION}/leave": (Role.RESPONDER, leave),
    f"{_ROTATION}/calendar": (Role.RESPONDER, renew_calendar),
    f"{_ROTATION}/calendar/revoke": (Role.RESPONDER, revoke_calendar),
}


async def _answer(request: ConsoleRequest, *, accept_it: bool) -> Response:
    return await _changed(
        request,
        lambda db: edit.answer(db, request.actor, request.number, accept_it, request.now) is not None,
    )


async def _changed(request: ConsoleRequest, work: Any) -> Response:
    """Do the work and go back to the rotation, or show there why nothing was changed."""
    try:
        done = await request.write(work)
    except Faulty as faulty:
        return await _show(request, faulty.problems)
    except (NotTheirs, InUse) as refused:
        return await _show(request, [str(refused)], 409)
    if not done:
        return await _show(request, [_GONE], 409)
    return render.see_other(f"/on-call/rotations/{quote(definition_form.name(request))}")


async def _show(request: ConsoleRequest, problems: Sequence[str] = (), status: int = 422) -> Response:
    name = definition_form.name(request)
    live, facts = await request.read_live(("checks", "incidents"), lambda db: _facts(db, name, request))
    if facts is None:
        return definition_form.missing(ROTATION, request)
    return request.show(
        "on_call/rotation.html", status=status if problems else 200, live=live, problems=problems, **facts
    )


def _facts(db: Connection, name: str, request: ConsoleRequest) -> dict[str, Any] | None:
    crew, now = desk.crew(db), request.now
    rotation_ = crew.rotations.get(name)
    if rotation_ is None:
        return None
    today = wall_clock.shown(now, rotation_.zone).date()
    first = month.first_day(request.http.query_params.get("month", ""), today)
    names = {person.id: person.name for person in crew.people.values()}
    words = _Words(now, rotation_.timezone, names)
    paging = {policy.name: policy for policy in desk.policies(db).values() if name in policy.targets}
    proofs = desk.contact_proofs(db)
    gaps = uncovered.gaps_of(paging, crew, proofs, now)
    read = {calendar.mark: calendar for calendar in desk.imported_calendars.load(db, name)}
    strips = [coverage_strip.of(each, rotation_, gaps[each], names, now) for each in sorted(paging)[:STRIPS]]
    return {
        "rotation": rotation_,
        "sentence": duty.sentence(duty.of_rotation(rotation_, crew, now), now),
        "weeks": month.weeks(rotation_, first, names),
        "layers": [
            definition_rotations.in_words(layer, names) for layer in without_secrets(rotation_).layers
        ],
        "first": first,
        "before": month.before(first),
        "after": month.after(first),
        "today": today,
        "offered": [person for person in crew.people.values() if not person.channel],
        "me": crew.people.get(request.actor.person),
        "coming": [(each, words.span(each.start, each.end)) for each in _coming(rotation_, crew.people, now)],
        "changes": [
            (kept, words.change(kept), words.span(kept.override.start, kept.override.end))
            for kept in desk.overrides(db, [name], now)
        ],
        "swaps": [(swap, words.swap(swap)) for swap in desk.proposed_swaps(db, name)],
        "calendar": _calendar(db, name, request),
        "followed": calendar_report.notes(rotation_, read, now),
        "calendar_problems": calendar_report.problems(rotation_, read, now),
        "paging": paging,
        "defined_by": defined_by.of(db, rotation_.origin, ROTATION.title(name)),
        "in_catch_all": name in crew.catch_all,
        "strips": strips,
        "proven": uncovered.counts_proofs(proofs),
        "gaps": [
            f"{gap.policy}: {coverage.sentence(gap, now, rotation_.timezone)}"
            for of_policy in gaps.values()
            for gap in of_policy
        ][:GAPS],
        "more_gaps": max(sum(map(len, gaps.values())) - GAPS, 0),
        "kinds": {band.kind for strip in strips for band in strip.bands},
    }


def _calendar(db: Connection, name: str, request: ConsoleRequest) -> str:
    """Return the address of the rotation's calendar. Empty if it has none, or for somebody who may not see it."""
    if not calendar_access.may(request.actor, Noun.ROTATION, name):
        return ""
    home, secret = request.context.public_url, request.context.link_keys[0]
    return calendar_access.address_of(db, Noun.ROTATION, name, home=home, secret=secret)


def _coming(one: Rotation, people: Mapping[str, Person], now: datetime) -> list[ComingShift]:
    """Return the coming shifts, each of one person; the one that lasts now begins now."""
    start = now.replace(second=0, microsecond=0)
    shifts = rotation.shifts(one, start, start + AHEAD)[:SHIFTS]
    return [
        ComingShift(
            shift.start, _end(one, shift) if shift.end == start + AHEAD else shift.end, people.get(name)
        )
        for shift in shifts
        for name in shift.people or ("",)
    ][:SHIFTS]


def _end(one: Rotation, shift: Shift) -> datetime | None:
    """Return the end of a shift that was cut off, None if it goes on."""
    for ahead in (AHEAD, LONGEST):
        whole, *following = rotation.shifts(one, shift.start, shift.start + ahead)
        if following:
            return whole.end
    return None


def _shift(value: str) -> tuple[datetime, datetime, str]:
    """Return the span and the person of a shift that a form names. Raises `Faulty`."""
    try:
        start, end, person = value.split(" ", 2)
        span = datetime.fromisoformat(start), datetime.fromisoformat(end)
    except ValueError:
        raise Faulty([_NO_SHIFT]) from None
    if not all(at.tzinfo and at.year in YEARS for at in span):
        raise Faulty([_NO_SHIFT])
    return *span, person


def _typed(request: ConsoleRequest, one: Rotation) -> tuple[datetime, datetime]:
    """Return the span of a form, typed on the clock of the rotation. Raises `Faulty`."""
    instants = []
    for field in ("starts", "ends"):
        try:
            wall = datetime.fromisoformat(str(request.form.get(field, "")))
        except ValueError:
            raise Faulty([f"{field}: choose a day and a time."]) from None
        if wall.year not in YEARS:
            raise Faulty([f"{field}: choose a day between {YEARS.start} and {YEARS.stop}."])
        instants.append(wall_clock.first(wall.replace(tzinfo=None), one.zone).astimezone(UTC))
    return instants[0], instants[1]
