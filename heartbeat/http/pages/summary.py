"""The sentence at the top of the overview, of maintenance and of who is on call, made from facts. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from alerting import escalation, times
from alerting.crew import Crew
from alerting.escalation import Policy
from alerting.incident import State as Life
from alerting.severity import Severity
from heartbeat.checks import maintenance
from heartbeat.checks.check import State
from heartbeat.checks.maintenance import Kind, Phase, Window
from heartbeat.http.pages.sentence import Words, ahead

POLICIES_NAMED = 3
"""The policies that a sentence names. More are counted."""
FIRST = "first"


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
    count: Count,
    late: int,
    incidents: Mapping[Life, int],
    now: datetime,
    recovering: int = 0,
    others: int = 0,
) -> Words:
    """Return the state of everything: "3 checks are down for 2 causes. 1 is acknowledged."

    `late` counts the checks that are past their due time and within grace; `incidents` counts the unresolved
    incidents by state, without those that are `recovering`. For `others` of them no check is down.
    """
    if not count.total:
        return ("Nothing is watched yet.",)
    down = count.of(State.DOWN)
    total = sum(incidents.values())
    settling = [f"{times.count(recovering, 'incident')} {_is(recovering)} recovering."] if recovering else []
    if not down and not total:
        return (" ".join([_fine(count, late, now), *settling]),)
    if down:
        reasons = total - others
        causes = (
            f" for {'one cause' if reasons == 1 else f'{reasons:,} causes'}"
            if down > 1 and reasons > 0
            else ""
        )
        first = f"{times.count(down, 'check')} {_is(down)} down{causes}."
        first += f" {times.count(others, 'other incident')} {_is(others)} open." if others else ""
    else:
        first = f"{times.count(total, 'incident')} {_is(total)} open."
    lateness = [f"{late} {_is(late)} late."] if late else []
    lateness += _unknown_checks(count)
    return (" ".join([first, *_answered(incidents), *lateness, *settling]),)


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
    """Return the checks under maintenance, or silenced, nothing without a window. `active` is sorted by end.

    All windows are of one kind, or else they count as maintenance.
    """
    if not active:
        return ()
    until = active[-1].ends_at
    silences = all(window.kind is Kind.SILENCE for window in active)
    noun, word = ("silence", "silenced") if silences else ("window", "under maintenance")
    if not covered:
        return (f"A {noun} is active until ", until, ", but no check has its labels.")
    windows = f" in {len(active)} {noun}s, the last" if len(active) > 1 else ""
    return (f"{times.count(covered, 'check')} {_is(covered)} {word}{windows} until ", until, ".")


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


def on_call(person: str, policies: Iterable[Policy], crew: Crew, now: datetime) -> str:
    """Say to a person for which policies they are on call, and when each pages them. Empty if for none."""
    names_by_wait: dict[str, list[str]] = {}
    for policy in policies:
        if wait := _wait(person, policy, crew, now):
            names_by_wait.setdefault(wait, []).append(policy.name)
    waits = sorted(names_by_wait.items(), key=lambda item: item[0] != FIRST)
    when = ", ".join(f"{wait} for {_some(names)}" for wait, names in waits)
    return f"You are on call: {when}." if when else ""


def _some(names: Sequence[str]) -> str:
    more = len(names) - POLICIES_NAMED
    return times.names(names) if more <= 0 else f"{', '.join(names[:POLICIES_NAMED])} and {more} more"


def _wait(person: str, policy: Policy, crew: Crew, now: datetime) -> str:
    """Return the time after which a policy pages a person, in words. Empty if it never does."""
    for at, decision in escalation.ahead(policy, 0, now, crew, Severity.CRITICAL):
        paged = [each.id for each in escalation.recipients(decision.targets, crew, at)]
        if person in paged:
            when = f"after {times.duration(at - now)}" if at > now else FIRST
            return f"{when}, in turn," if decision.draws and len(paged) > 1 else when
    return ""
