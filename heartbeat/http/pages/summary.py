"""What a page says first: one sentence of plain words, made from facts. Pure.

A sentence is words and instants; the page gives each instant its `<time>`, so that nobody has to guess a zone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Self

from alerting import times
from alerting.incident import Incident
from alerting.incident import State as Life
from heartbeat.checks import check, maintenance, schedule
from heartbeat.checks.cause import Cause
from heartbeat.checks.check import Check, State
from heartbeat.checks.maintenance import Phase, Window
from heartbeat.checks.schedule import Every


class There(str):
    """What a clock elsewhere shows at the instant before it; `zone` is where that is."""

    __slots__ = ("zone",)

    def __new__(cls, words: str, zone: str) -> Self:
        made = super().__new__(cls, words)
        made.zone = zone
        return made

    zone: str


Words = tuple[str | datetime, ...]

RECOVERY = "recovery"
"""What `Incident.resolved_by` says where no human ended it."""


@dataclass(frozen=True, slots=True)
class Count:
    """How many checks there are by stored state, and when the newest success of all was heard."""

    by_state: Mapping[State, int]
    newest_at: datetime | None

    @property
    def total(self) -> int:
        """All checks."""
        return sum(self.by_state.values())

    def of(self, *states: State) -> int:
        """The checks in these states."""
        return sum(self.by_state.get(state, 0) for state in states)


def overview(count: Count, late: int | None, incidents: Mapping[Life, int], now: datetime) -> Words:
    """How everything stands: "3 checks are down for 2 causes. 1 is acknowledged."

    `incidents` counts those that are not resolved, by state; `late` the checks that are past their due time and
    within grace, None where that is not known of all.
    """
    if not count.total:
        return ("Nothing is watched yet.",)
    down = count.of(State.DOWN)
    total = sum(incidents.values())
    if not down and not total:
        return _well(count, late, now)
    causes = "one cause" if total == 1 else f"{total} causes"
    verb = "is" if down == 1 else "are"
    what = f"{times.count(down, 'check')} {verb} down for {causes}." if down else f"{causes} open."
    return (" ".join([what, *_answered(incidents), *_also_late(late)]),)


def of_check(one: Check, why: str, now: datetime) -> Words:
    """How one check stands, what was expected, and what comes next. `why` is what its last change said."""
    match check.status(one, now):
        case State.NEW:
            return _new(one, now)
        case State.UP:
            return ("Last heard ", *_heard(one, now), *_next_due(one, now), ".")
        case State.LATE:
            return _late(one, now)
        case State.PAUSED:
            until = "resumed" if one.manual_resume else "resumed or heard again"
            return ("Paused since ", one.since, f": nothing is expected of it until it is {until}.")
        case _:
            return _down(one, why, now)


def of_incident(incident: Incident, next_people: Sequence[str], quiet_by: str | None, now: datetime) -> Words:
    """How an incident stands and what happens next by itself. `quiet_by` is who snoozed it."""
    at = incident.next_at or now
    match incident.state:
        case Life.RESOLVED:
            return ended(incident)
        case Life.ACKNOWLEDGED:
            return acknowledged(incident)
        case Life.SNOOZED:
            return (f"Snoozed by {quiet_by or 'somebody'}; pages again at ", at, " unless resolved.")
        case Life.OPEN:
            lasting = times.duration(now - incident.opened_at)
            actor = f"{times.names(next_people)} {'are' if len(next_people) > 1 else 'is'} paged at "
            return ("Since ", incident.opened_at, f", for {lasting}. Nobody has answered; {actor}", at, ".")


def next_maintenance(coming: Sequence[Window], covered: int, now: datetime) -> Words:
    """When the first of the windows to come begins; `covered` counts its checks."""
    if not coming:
        return ("No window is planned.",)
    first = coming[0].starts_at
    about = f", {ahead(first, now)}: {times.count(covered, 'check')}."
    return ("The next window begins at ", first, about)


def under_maintenance(active: Sequence[Window], covered: int) -> Words:
    """What active windows, the last to end last, hold now; nothing where there are none."""
    if not active:
        return ()
    until = active[-1].ends_at
    if not covered:
        return ("A window is active until ", until, ", but no check has its labels.")
    checks = f"{times.count(covered, 'check')} {'is' if covered == 1 else 'are'} under maintenance"
    by = f" by {len(active)} windows, the last" if len(active) > 1 else ""
    return (f"{checks}{by} until ", until, ".")


def of_window(window: Window, checks: int, now: datetime) -> Words:
    """How one window stands. `checks` is how many it covers now."""
    lasts = times.duration(window.ends_at - window.starts_at)
    about = times.count(checks, "check") if checks else "a check yet: none has its labels"
    match maintenance.phase(window, now):
        case Phase.UPCOMING:
            begins = ("Begins at ", window.starts_at, f", {ahead(window.starts_at, now)}, and ends at ")
            return (*begins, window.ends_at, f", after {lasts}. Nobody is paged then for {about}.")
        case Phase.ACTIVE:
            left = times.duration(window.ends_at - now)
            return (f"Nobody is paged for {about} until ", window.ends_at, f", for {left} more.")
        case Phase.PAST:
            return ("It began at ", window.starts_at, " and ended at ", window.ends_at, f", after {lasts}.")


def acknowledged(incident: Incident) -> Words:
    """Who answered, and until when it is quiet."""
    by, at = incident.acknowledged_by or "somebody", incident.acknowledged_at or incident.opened_at
    again = incident.next_at or at
    return (f"Acknowledged by {by} at ", at, "; pages again at ", again, " unless resolved.")


def ended(incident: Incident) -> Words:
    """When and by whom it ended, and how long it lasted."""
    at = incident.resolved_at or incident.opened_at
    lasted = times.duration(at - incident.opened_at)
    how = "Recovered at " if incident.resolved_by == RECOVERY else f"Resolved by {incident.resolved_by} at "
    return (how, at, f"; it lasted {lasted}.")


def expected_at(one: Check) -> datetime | None:
    """When the check should have spoken, also where it is down and nothing more is waited for."""
    return check.due_at(replace(one, state=State.UP, cause=None))


def next_due(one: Check, now: datetime) -> datetime | None:
    """When its next run is due; None where that depends on when it is heard."""
    if one.state is State.PAUSED:
        return None
    due = check.due_at(one)
    if due is not None:
        return due
    return None if isinstance(one.schedule, Every) else schedule.next_slot(one.schedule, now)


def ahead(at: datetime, now: datetime) -> str:
    """How far off something to come is: "in 4 h", "now"."""
    return f"in {times.duration(at - now)}" if at - now >= timedelta(seconds=1) else "now"


def _well(count: Count, late: int | None, now: datetime) -> Words:
    watched = count.total - count.of(State.PAUSED)
    if not watched:
        return (
            f"Nothing is expected: {'the one check is' if count.total == 1 else 'all checks are'} paused.",
        )
    one = watched == 1
    said = "The one check is well" if one else f"All {watched} checks are well"
    if late != 0:
        said = "The one check is not down" if one else f"None of {watched} checks is down"
    if not count.of(State.UP):
        said = (
            "The one check has not been heard yet" if one else f"None of {watched} checks has been heard yet"
        )
    heard = f"; the last was heard {times.ago(count.newest_at, now)}" if count.newest_at else ""
    new = count.of(State.NEW)
    waiting = (
        f"{new} {'has' if new == 1 else 'have'} not been heard yet." if new and count.of(State.UP) else ""
    )
    return (" ".join([f"{said}{heard}.", *_also_late(late), *([waiting] if waiting else [])]),)


def _answered(incidents: Mapping[Life, int]) -> list[str]:
    said = []
    for state in (Life.ACKNOWLEDGED, Life.SNOOZED):
        many = incidents.get(state, 0)
        if many and many == sum(incidents.values()):
            said.append(f"{'It is' if many == 1 else 'All are'} {state}.")
        elif many:
            said.append(f"{many} {'is' if many == 1 else 'are'} {state}.")
    return said


def _also_late(late: int | None) -> list[str]:
    return [f"{late} {'is' if late == 1 else 'are'} late."] if late else []


def _new(one: Check, now: datetime) -> Words:
    due = check.due_at(one)
    if due is None:
        return ("Not heard yet.",)
    heard: Words = (
        ("Expected afresh; last heard ", *_heard(one, now)) if one.last_heard_at else ("Not heard yet",)
    )
    return (*heard, "; the first is due ", *_by_its_clock(one, due), f", {ahead(due, now)}.")


def _late(one: Check, now: datetime) -> Words:
    due, limit = check.due_at(one) or now, check.silent_at(one) or now
    return (
        "Late: due ",
        *_by_its_clock(one, due),
        f" ({times.ago(due, now)}). Silent at ",
        limit,
        " unless it is heard.",
    )


def _down(one: Check, why: str, now: datetime) -> Words:
    turned_down: Words = (_began(one.cause), one.since)
    if one.cause is Cause.OVERRUN:
        limit = f" of {times.duration(one.max_runtime)}" if one.max_runtime else ""
        return (*turned_down, f": still running after its maximum run time{limit}.")
    if one.cause is not Cause.SILENT:
        return (*turned_down, f": {why or 'reported failure'}", *_next_due(one, now), ".")
    due = expected_at(one)
    expected: Words = (", expected ", *_by_its_clock(one, due)) if due else ()
    heard: Words = ("; last heard ", *_heard(one, now)) if one.last_heard_at else ("; never heard",)
    return (*turned_down, *expected, *heard, *_next_due(one, now), ".")


def _began(cause: Cause | None) -> str:
    """ "Silent since " of what lasts, "Failed at " of what happened."""
    words = (cause or Cause.SILENT).words
    return f"{words.word.capitalize()} {'since' if words.verb.startswith('is ') else 'at'} "


def _next_due(one: Check, now: datetime) -> Words:
    due = next_due(one, now)
    return ("; next due ", *_by_its_clock(one, due), f", {ahead(due, now)}") if due and due > now else ()


def _heard(one: Check, now: datetime) -> Words:
    at = one.last_heard_at or now
    return (at, f" ({times.ago(at, now)})")


def _by_its_clock(one: Check, at: datetime) -> Words:
    """An instant, with what the clock of the schedule shows then where that is not UTC."""
    if isinstance(one.schedule, Every):
        return (at,)
    zone = one.schedule.timezone
    local = at.astimezone(times.zone(zone))
    return (at, There(f" ({local:%H:%M} {zone})", zone)) if local.utcoffset() else (at,)
