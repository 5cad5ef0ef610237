"""The next page of an incident: its time, the people whom it reaches, and what it waits for. Pure.

What is critical never waits. Anything else waits while everybody whom it would page has quiet hours, and for the
working hours of its policy if that says so. It waits for these once: if they have begun, and nobody was awake to page,
or nothing ran, it is paged at the next chance. Hours that never agree with the quiet hours are not waited for.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from alerting import times
from alerting.crew import Crew
from alerting.escalation import Decision, Policy, decide, people_of, recipients
from alerting.person import Person, quiet_until
from alerting.round_robin import Turn
from alerting.severity import Severity
from alerting.working_hours import AHEAD, WorkingHours

LOOK_AGAIN = timedelta(minutes=15)
"""The time after which a step is looked at again of which everybody has quiet hours."""
WORKING_HOURS = "working hours"
_FURTHEST = timedelta(days=3)
"""The time for which a page is followed through quiet hours."""
_CHANGES = 100
"""Beginnings of working hours and ends of quiet hours that are tried, until both allow a page."""


@dataclass(frozen=True, slots=True)
class Wait:
    """A page that is put off: until when, as far as is known, when it is looked at again, and for what it waits."""

    until: datetime
    look_at: datetime
    why: str
    waited_until: datetime | None = None
    """The end of an earlier wait, if working hours are not waited for because of it: nor are they later."""

    @property
    def kept_until(self) -> datetime:
        """The end to keep with the incident, so that the next look knows whether working hours count."""
        return self.waited_until or self.until


@dataclass(frozen=True, slots=True)
class Coming:
    """The next page of an incident that nobody answers: its time, and whom it reaches.

    `quiet` are those whose quiet hours it waits for. `hours` is true if it waits for the working hours of its policy.
    If it `draws`, it reaches one of the people, in turn.
    """

    at: datetime
    people: tuple[Person, ...]
    quiet: tuple[Person, ...] = ()
    draws: bool = False
    hours: bool = False


def wait(
    hours: WorkingHours | None,
    people: Sequence[Person],
    severity: Severity,
    at: datetime,
    waited_until: datetime | None = None,
) -> Wait | None:
    """Return what a page of these people waits for at `at`, None if it goes out.

    `waited_until` is the end of an earlier wait of this page.
    """
    if severity is Severity.CRITICAL:
        return None
    waited_until = waited_until if waited_until is not None and waited_until <= at else None
    if waited_until is not None:
        hours = None
    quiet = quiet_until(people, severity, at)
    opens = hours.open_at(at) if hours is not None else at
    if opens > at and hours is not None:
        until = _both(hours, people, severity, opens)
        if until is not None:
            return Wait(until, opens, WORKING_HOURS)
    if quiet is None:
        return None
    until = (hours and _both(hours, people, severity, at)) or quiet
    why = f"quiet hours of {times.names([person.name for person in people])}"
    return Wait(until, min(quiet, at + LOOK_AGAIN), why, waited_until)


def _both(hours: WorkingHours, people: Sequence[Person], severity: Severity, at: datetime) -> datetime | None:
    """Return the first time from `at` on that is in the hours and not quiet. None if there is none for days."""
    start = at
    for _ in range(_CHANGES):
        later = hours.open_at(at)
        later = quiet_until(people, severity, later) or later
        if later == at or at > start + AHEAD:
            break
        at = later
    return at if at <= start + AHEAD else None


def coming(
    policy: Policy,
    step: int,
    at: datetime,
    crew: Crew,
    severity: Severity,
    turns: Sequence[Turn] = (),
    waited_until: datetime | None = None,
) -> Coming:
    """Return the page of the step at count `step`, due at `at`, as it waits for working hours and quiet hours.

    `turns` and `waited_until` are those of the incident.
    """
    quiet: tuple[Person, ...] = ()
    hours, due = False, at
    turnout = people_of(policy, step, crew, severity, at, turns)
    furthest = due + (AHEAD if policy.warnings_wait_for else _FURTHEST)
    while at < furthest and (
        put_off := wait(policy.warnings_wait_for, turnout.people, severity, at, waited_until)
    ):
        if put_off.why == WORKING_HOURS:
            hours = True
        else:
            quiet = quiet or tuple(turnout.people)
        at = put_off.look_at
        waited_until = put_off.kept_until
        turnout = people_of(policy, step, crew, severity, at, turns)
    loud = [person for person in turnout.people if person.quiet_until(severity, at) is None]
    return Coming(at, tuple(loud or turnout.people), quiet, turnout.draws, hours)


def pageable(
    policy: Policy,
    step: int,
    crew: Crew,
    severity: Severity,
    now: datetime,
    turns: Sequence[Turn] = (),
) -> Decision | None:
    """Return the decision at the first count from `step` on that pages somebody now. None if quiet hours hold all."""
    for count in range(step, max(step + 1, len(policy.steps))):
        decision = decide(policy, count, now, crew, severity, turns)
        if quiet_until(recipients(decision.targets, crew, now), severity, now) is None:
            return decision
    return None
