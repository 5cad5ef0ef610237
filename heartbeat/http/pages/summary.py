"""The sentence at the top of a screen, made from facts. Pure.

A sentence is words and instants. The template gives each instant its `<time>`, so that its zone is always known.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Self

from alerting import escalation, recap, times
from alerting.escalation import Policy
from alerting.incident import Incident
from alerting.incident import State as Life
from alerting.person import Person
from alerting.recap import Recap
from heartbeat.checks import deadline, headway, maintenance, schedule
from heartbeat.checks.cause import Cause
from heartbeat.checks.check import Check, State, Tolerance
from heartbeat.checks.maintenance import Phase, Window
from heartbeat.checks.schedule import Every

POLICIES_NAMED = 3
"""The policies that a sentence names. More are counted."""
FIRST = "first"


class ZoneTime(str):
    """The local time, in `zone`, of the instant in front of it."""

    __slots__ = ("zone",)

    def __new__(cls, words: str, zone: str) -> Self:
        time = super().__new__(cls, words)
        time.zone = zone
        return time

    zone: str


Words = tuple[str | datetime, ...]

RECOVERY = "recovery"
"""The value of `Incident.resolved_by` when the checks recovered by themselves."""


@dataclass(frozen=True, slots=True)
class Count:
    """The number of checks by stored state, and the time of the newest success of all.

    `failing` and `missing` of those that are not down failed or missed their last run, which is tolerated so far.
    """

    by_state: Mapping[State, int]
    newest_at: datetime | None
    failing: int = 0
    missing: int = 0

    @property
    def total(self) -> int:
        """All checks."""
        return sum(self.by_state.values())

    def of(self, *states: State) -> int:
        """The checks in these states."""
        return sum(self.by_state.get(state, 0) for state in states)


def overview(
    count: Count, late: int, incidents: Mapping[Life, int], now: datetime, recovering: int = 0
) -> Words:
    """Return the state of everything: "3 checks are down for 2 causes. 1 is acknowledged."

    `late` counts the checks that are past their due time and within grace; `incidents` counts the unresolved
    incidents by state, without those that are `recovering`.
    """
    if not count.total:
        return ("Nothing is watched yet.",)
    down = count.of(State.DOWN)
    total = sum(incidents.values())
    settling = [f"{times.count(recovering, 'incident')} {_is(recovering)} recovering."] if recovering else []
    if not down and not total:
        return (" ".join([_fine(count, late, now), *settling]),)
    if down:
        causes = f" for {'one cause' if total == 1 else f'{total:,} causes'}" if down > 1 else ""
        first = f"{times.count(down, 'check')} {_is(down)} down{causes}."
    else:
        first = f"{times.count(total, 'incident')} {_is(total)} open."
    lateness = [f"{late} {_is(late)} late."] if late else []
    lateness += _unknown_checks(count)
    return (" ".join([first, *_answered(incidents), *lateness, *settling]),)


def of_check(check: Check, why: str, now: datetime) -> Words:
    """Return the state of a check, the expected time and the next one. `why` is the reason of its last change."""
    match deadline.status(check, now):
        case State.LATE:
            return _late(check, now)
        case State.UNKNOWN:
            return _unknown(check, why, now)
        case State.NEW | State.UP if check.failures:
            return _failing(check, why, now)
        case State.NEW:
            return _new(check, now)
        case State.UP:
            return ("Last heard ", *_heard(check, now), *_next_due(check, now), ".")
        case State.PAUSED:
            how = "only by hand" if check.manual_resume else "with its next ping, or by hand"
            return ("Paused since ", check.since, f". It resumes {how}.")
        case _:
            return _down(check, why, now)


def tolerated(check: Check) -> str:
    """Return the faults that do not turn the check down yet: "failed once", "missed 1 of 2"; empty without any."""
    if not deadline.is_watched(check):
        return ""
    faults = []
    if check.failures:
        failed = "once" if check.failures == 1 else f"{check.failures} times"
        faults.append(f"failed {failed}, down after {check.alert_after.failures}")
    if check.missed:
        faults.append(f"missed {check.missed} of {check.alert_after.missed}")
    return "; ".join(faults)


def of_tolerance(tolerance: Tolerance) -> str:
    """Return the faults in a row that turn a check down: "3 failures or 1 missed run"."""
    failures = times.count(tolerance.failures, "failure")
    return f"{failures} or {times.count(tolerance.missed, 'missed run')} in a row"


def of_incident(
    incident: Incident,
    next_people: Sequence[str],
    past: Recap,
    now: datetime,
    *,
    held: str = "",
    reader: str = "",
) -> Words:
    """Return the state of an incident and its next step.

    `past` is what happened so far, `held` is the sentence on what holds all that is down, if anything does, and the
    `reader` of this name is "you".
    """
    at = incident.next_at or now
    match incident.state:
        case Life.RESOLVED:
            return ended(incident)
        case _ if incident.settles_at is not None:
            return recovering(incident, incident.settles_at)
        case Life.ACKNOWLEDGED:
            return acknowledged(incident)
        case Life.SNOOZED:
            by = past.answer.by if past.answer else "somebody"
            return (f"Snoozed by {by}; pages again at ", at, " unless resolved.")
        case Life.OPEN:
            lasting = f", for {times.duration(now - incident.opened_at)}. "
            people = ["you" if name == reader else name for name in next_people]
            are = "are" if len(people) > 1 or people == ["you"] else "is"
            paged = f"{times.names(people)} {are} paged at "
            told = _so_far(past, held, reader)
            end = " if it is still down then." if held else "."
            return ("Open since ", incident.opened_at, lasting, *told, f"; {paged}", at, end)


def _so_far(past: Recap, held: str, reader: str) -> Words:
    """Return who had an open incident, or that nobody has answered."""
    if past.answer is not None:
        return recap.sentence(past.answer, reader)
    if held:
        return (held,)
    return ("Nobody has answered" if past.pages else "Nobody was paged yet",)


def resolving(down: Sequence[str]) -> list[str]:
    """Return what happens if somebody resolves an incident in which jobs of these names are down."""
    consequences = ["Paging stops, and everybody who was paged gets a message."]
    if down:
        named = times.names([*down[:5], *([f"{len(down) - 5:,} more"] if len(down) > 5 else [])])
        expected = "It is expected" if len(down) == 1 else "Each is expected"
        pages = "if it stays silent."
        consequences.append(f"Still down: {named}. {expected} again from now on, and pages {pages}")
    return consequences


def next_maintenance(coming: Sequence[Window], covered: int, now: datetime) -> Words:
    """Return the beginning of the first upcoming window. `covered` counts its checks."""
    if not coming:
        return ("No window is planned.",)
    first = coming[0].starts_at
    return (
        "The next window begins at ",
        first,
        f", {ahead(first, now)}, and covers {times.count(covered, 'check')}.",
    )


def under_maintenance(active: Sequence[Window], covered: int) -> Words:
    """Return the checks under maintenance, nothing without a window. `active` is sorted by end."""
    if not active:
        return ()
    until = active[-1].ends_at
    if not covered:
        return ("A window is active until ", until, ", but no check has its labels.")
    windows = f" in {len(active)} windows, the last" if len(active) > 1 else ""
    return (f"{times.count(covered, 'check')} {_is(covered)} under maintenance{windows} until ", until, ".")


def of_window(window: Window, checks: int, now: datetime) -> Words:
    """Return the state of a window. `checks` is the number of checks that it covers now."""
    lasts = times.duration(window.ends_at - window.starts_at)
    covered = times.count(checks, "check")
    match maintenance.phase(window, now):
        case Phase.UPCOMING:
            begins = ("Begins at ", window.starts_at, f", {ahead(window.starts_at, now)}, and ends at ")
            silenced = f"Nobody is paged then for {covered}." if checks else "No check has its labels yet."
            return (*begins, window.ends_at, f", after {lasts}. {silenced}")
        case Phase.ACTIVE:
            left = times.duration(window.ends_at - now)
            if not checks:
                return ("Active until ", window.ends_at, f", for {left} more, but no check has its labels.")
            return (f"Nobody is paged for {covered} until ", window.ends_at, f", for {left} more.")
        case Phase.PAST:
            return ("Began at ", window.starts_at, " and ended at ", window.ends_at, f", after {lasts}.")


def acknowledged(incident: Incident) -> Words:
    """Return the person who acknowledged it, and the time of the next page."""
    by, at = incident.acknowledged_by or "somebody", incident.acknowledged_at or incident.opened_at
    again = incident.next_at or at
    return (f"Acknowledged by {by} at ", at, "; pages again at ", again, " unless resolved.")


def recovering(incident: Incident, settles_at: datetime) -> Words:
    """Return the recovery of an incident that has not settled."""
    since = incident.recovered_at or incident.opened_at
    return (
        "Everything is fine since ",
        since,
        ". It is over at ",
        settles_at,
        " unless a job goes down again.",
    )


def ended(incident: Incident) -> Words:
    """Return the end of an incident, the person who resolved it, and its length."""
    at = incident.ended_at or incident.opened_at
    lasted = times.duration(at - incident.opened_at)
    how = "Recovered at " if incident.resolved_by == RECOVERY else f"Resolved by {incident.resolved_by} at "
    return (how, at, f"; it lasted {lasted}.")


def expected_at(check: Check) -> datetime | None:
    """Return the time at which the check was due, also of a check that is down."""
    return deadline.due_at(replace(check, state=State.UP, cause=None))


def next_due(check: Check, now: datetime) -> datetime | None:
    """Return the due time of the next run; None if it depends on the next ping."""
    if check.state is State.PAUSED:
        return None
    due = deadline.due_at(check)
    if due is not None:
        return due
    return None if isinstance(check.schedule, Every) else schedule.next_slot(check.schedule, now)


def ahead(at: datetime, now: datetime) -> str:
    """Return the time until `at`: "in 4 h", "now"."""
    return f"in {times.duration(at - now)}" if at - now >= timedelta(seconds=1) else "now"


def _fine(count: Count, late: int, now: datetime) -> str:
    """Return the state of checks of which none is down."""
    watched = count.total - count.of(State.PAUSED)
    new, only = count.of(State.NEW), watched == 1
    if not watched:
        return "The only check is paused." if count.total == 1 else f"All {count.total} checks are paused."
    if not count.of(State.UP, State.UNKNOWN) and not late and not count.failing:
        return (
            "The only check has not been heard yet."
            if only
            else f"None of {watched} checks has been heard yet."
        )
    unknown = count.of(State.UNKNOWN)
    if late:
        state = (
            "The only check is late" if only else f"{late} of {watched} checks {_is(late)} late, none is down"
        )
    elif unknown:
        state = "The state of the only check is unknown" if only else f"None of {watched:,} checks is down"
    elif count.failing or count.missing:
        state = "The only check is not down" if only else f"None of {watched:,} checks is down"
    else:
        state = "The only check is fine" if only else f"All {watched:,} checks are fine"
    heard = f"; last heard {times.ago(count.newest_at, now)}" if count.newest_at else ""
    waiting = f" {new} {'has' if new == 1 else 'have'} not been heard yet." if new and not only else ""
    unheard = "".join(f" {sentence}" for sentence in _unknown_checks(count) if not only)
    return f"{state}{heard}.{waiting}{unheard}{_tolerated_runs(count, only)}"


def _unknown_checks(count: Count) -> list[str]:
    unknown = count.of(State.UNKNOWN)
    return [f"{unknown:,} could not be heard when due."] if unknown else []


def _tolerated_runs(count: Count, only: bool) -> str:
    """Return the checks whose last run failed or was missed, though they are not down, as sentences."""
    runs = ((count.failing, "failed"), (count.missing, "missed"))
    return "".join(
        f" {'It' if only else f'{number:,}'} {verb} {'its last run' if number == 1 else 'their last runs'}."
        for number, verb in runs
        if number
    )


def _is(count: int) -> str:
    return "is" if count == 1 else "are"


def _answered(incidents: Mapping[Life, int]) -> list[str]:
    parts = []
    for state in (Life.ACKNOWLEDGED, Life.SNOOZED):
        count = incidents.get(state, 0)
        if count and count == sum(incidents.values()):
            parts.append(f"{'It is' if count == 1 else 'All are'} {state}.")
        elif count:
            parts.append(f"{count} {'is' if count == 1 else 'are'} {state}.")
    return parts


def _new(check: Check, now: datetime) -> Words:
    due = deadline.due_at(check)
    if due is None:
        return ("Not heard yet.",)
    heard: Words = ("Last heard ", *_heard(check, now)) if check.last_heard_at else ("Not heard yet",)
    number = "next" if check.last_heard_at else "first"
    return (*heard, f"; {number} due ", *_by_its_clock(check, due), f", {ahead(due, now)}.")


def _failing(check: Check, why: str, now: datetime) -> Words:
    failed: Words = ("Failed at ", check.last_fail_at or now, f": {why or 'reported failure'}")
    return (*failed, ". Nobody is paged yet", *_next_due(check, now), ".")


def _late(check: Check, now: datetime) -> Words:
    due, silent_at = deadline.due_at(check) or now, deadline.silent_at(check) or now
    limit = min(silent_at, deadline.unfinished_at(check) or silent_at)
    faults = tolerated(check)
    return (
        "Late: due ",
        *_by_its_clock(check, due),
        f" ({times.ago(due, now)}){f', {faults}' if faults else ''}. It is down at ",
        limit,
        _unless(check) if limit == silent_at else " unless it succeeds.",
    )


def _unless(check: Check) -> str:
    """Return what keeps a check from being called silent, as the end of a sentence."""
    moves = check.until_done and headway.newest(check) is not None
    return " unless its run moves or ends." if moves else " if it stays silent."


def _unknown(check: Check, why: str, now: datetime) -> Words:
    heard: Words = ("last heard ", *_heard(check, now)) if check.last_heard_at else ("never heard",)
    limit = deadline.of(check)
    bound: Words = (" It is down at ", limit, " if it stays silent.") if limit else ()
    return (
        "Unknown since ",
        check.since,
        f": {why or 'could not be heard'}; ",
        *heard,
        *_next_due(check, now),
        ".",
        *bound,
    )


def _down(check: Check, why: str, now: datetime) -> Words:
    turned_down: Words = (_began(check.cause), check.since)
    if check.cause is Cause.STUCK or (check.cause is Cause.OVERRUN and check.until_done):
        return (*turned_down, f": {why or 'no progress'}.")
    if check.cause is Cause.OVERRUN:
        limit = f" of {times.duration(check.max_runtime)}" if check.max_runtime else ""
        return (*turned_down, f": still running after its maximum run time{limit}.")
    if check.cause is Cause.UNFINISHED:
        return (*turned_down, *_unfinished(check, why, now), ".")
    if check.cause is not Cause.SILENT:
        return (*turned_down, f": {why or 'reported failure'}", *_next_due(check, now), ".")
    due = expected_at(check)
    expected: Words = (", expected ", *_by_its_clock(check, due)) if due else ()
    heard: Words = ("; last heard ", *_heard(check, now)) if check.last_heard_at else ("; never heard",)
    return (*turned_down, *expected, *heard, *_next_due(check, now), ".")


def _unfinished(check: Check, why: str, now: datetime) -> Words:
    began = min((run.started_at for run in check.runs), default=None)
    if began is not None:
        return (f": {why}; started ", began, f" ({times.ago(began, now)})")
    return (
        f": {why}",
        *(("; last heard ", *_heard(check, now)) if check.last_heard_at else ("; never heard",)),
    )


def _began(cause: Cause | None) -> str:
    """Return "Silent since " for a state that lasts, "Failed at " for an event."""
    words = (cause or Cause.SILENT).words
    return f"{words.alone.capitalize()} {'since' if words.lasts else 'at'} "


def _next_due(check: Check, now: datetime) -> Words:
    due = next_due(check, now)
    return ("; next due ", *_by_its_clock(check, due), f", {ahead(due, now)}") if due and due > now else ()


def _heard(check: Check, now: datetime) -> Words:
    at = check.last_heard_at or now
    return (at, f" ({times.ago(at, now)})")


def _by_its_clock(check: Check, at: datetime) -> Words:
    """Return an instant, with the local time of the schedule if that is not UTC."""
    if isinstance(check.schedule, Every):
        return (at,)
    zone = check.schedule.timezone
    local = at.astimezone(times.zone(zone))
    return (at, ZoneTime(f" ({local:%H:%M} {zone})", zone)) if local.utcoffset() else (at,)


def on_call(person: str, policies: Iterable[Policy], people: Mapping[str, Person], now: datetime) -> str:
    """Say to a person for which policies they are on call, and when each pages them. Empty if for none."""
    names_by_wait: dict[str, list[str]] = {}
    for policy in policies:
        if wait := _wait(person, policy, people, now):
            names_by_wait.setdefault(wait, []).append(policy.name)
    waits = sorted(names_by_wait.items(), key=lambda item: item[0] != FIRST)
    when = ", ".join(f"{wait} for {_some(names)}" for wait, names in waits)
    return f"You are on call at all hours: {when}." if when else ""


def _some(names: Sequence[str]) -> str:
    more = len(names) - POLICIES_NAMED
    return times.names(names) if more <= 0 else f"{', '.join(names[:POLICIES_NAMED])} and {more} more"


def _wait(person: str, policy: Policy, people: Mapping[str, Person], now: datetime) -> str:
    """Return the time after which a policy pages a person, in words. Empty if it never does."""
    waited = timedelta()
    for step in policy.steps:
        if person in {each.id for each in escalation.recipients(step.targets, people, now + waited)}:
            return f"after {times.duration(waited)}" if waited else FIRST
        waited += step.wait
    return ""
