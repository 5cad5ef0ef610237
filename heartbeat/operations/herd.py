"""Jobs that are due in the same minute: where they crowd, and an even spread of them. Pure.

A job keeps its hour, its days and its zone. Only the minute moves, so that nothing leaves the window that its author
chose.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

import yaml

from alerting import times
from heartbeat.checks import deadline, schedule
from heartbeat.checks.check import Check, State
from heartbeat.checks.schedule import Cron, Every, OnCalendar, Schedule
from heartbeat.written import filled

MANY: Final = 10
"""Jobs due in one minute that are a crowd, unless another number is given."""
DAYS: Final = 7
"""Days that are looked at."""
SHOWN: Final = 20
"""Crowds that are named, the largest first."""
DAY: Final = 1440
_MINUTE: Final = timedelta(minutes=1)
_SECOND: Final = timedelta(seconds=1)
_GOLDEN: Final = 0.618034
"""Multiples of it fill a circle evenly, however many there are."""
_STEPS: Final = re.compile(r"(?:\*|(\d{1,2})-59)/(\d{1,2})")
_EVENT: Final = re.compile(r"(?P<hour>(?:.* )?(?:\d\d?|\*)):(?P<minute>\d\d)(?P<second>:\d\d)?")


@dataclass(frozen=True, slots=True)
class Crowd:
    """A minute with many jobs: the first time at which the most are due, and their number on each host.

    `movable` of them have a minute that could be another.
    """

    at: datetime
    jobs: int
    hosts: Mapping[str, int]
    movable: int


@dataclass(frozen=True, slots=True)
class Herd:
    """All crowds, and a schedule for every check that should move, by its slug.

    The crowds of jobs that could move come first, and of these the largest.

    Jobs that are due every minute make no crowd, and are counted apart.
    """

    crowds: Sequence[Crowd]
    moves: Mapping[str, Schedule]
    most: int
    """The most jobs that are due in one minute."""
    fullest: int
    """The most that are due in a minute of jobs that could move."""
    fullest_then: int
    """The same once these checks have moved."""
    unmoved: int
    """Jobs of the crowds that have no minute to move, such as those with an interval."""
    steady: int = 0
    """Jobs that are due every minute."""


def of(checks: Iterable[Check], now: datetime, many: int = MANY) -> Herd:
    """Return the crowds of the next days in which at least `many` jobs are due, and an even spread of them."""
    start = now.replace(second=0, microsecond=0)
    expected = _due(checks, start)
    due = [jobs for jobs in expected if len(jobs.by_day) < DAY]
    counts: Counter[int] = Counter()
    for jobs in due:
        counts.update(dict.fromkeys(jobs.minutes, len(jobs.checks)))
    largest: dict[int, int] = {}
    for minute, count in counts.items():
        if count > counts.get(largest.get(minute % DAY, -1), 0):
            largest[minute % DAY] = minute
    crowded = {minute for minute in largest.values() if counts[minute] >= many}
    crowds = [_crowd(due, minute, start) for minute in crowded]
    inside = [jobs for jobs in due if not crowded.isdisjoint(jobs.minutes)]
    movable = [jobs for jobs in inside if jobs.shifts]
    fullest = max((counts[minute] for jobs in movable for minute in jobs.minutes), default=0)
    moves, counts_then = {}, counts.copy()
    taken = {minute for jobs in movable for minute in jobs.minutes}
    for check, jobs, shift in _spread(due, inside):
        moves[check.slug] = jobs.shifts[shift]
        counts_then.subtract(jobs.minutes)
        later = [minute + shift for minute in jobs.minutes]
        counts_then.update(later)
        taken.update(later)
    return Herd(
        crowds=sorted(crowds, key=lambda crowd: (-crowd.movable, -crowd.jobs, crowd.at)),
        moves=moves,
        most=max(counts.values(), default=0),
        fullest=fullest,
        fullest_then=max(map(counts_then.__getitem__, taken), default=0),
        unmoved=sum(len(jobs.checks) for jobs in inside if not jobs.shifts),
        steady=sum(len(jobs.checks) for jobs in expected) - sum(len(jobs.checks) for jobs in due),
    )


def lines(herd: Herd) -> Iterator[str]:
    """Yield the herd in words, as comments, and the proposal as YAML for the configuration file."""
    if herd.steady:
        yield f"# Every minute: {times.count(herd.steady, 'job')} due, not counted below."
    if not herd.crowds:
        yield f"# Nothing to spread: at most {times.count(herd.most, 'job')} due in one minute of the next {DAYS} days."
        return
    movable = [crowd for crowd in herd.crowds if crowd.movable]
    for crowd in movable[:SHOWN]:
        yield f"# {crowd.at:%H:%M} UTC: {times.count(crowd.jobs, 'job')} due in one minute{_hosts(crowd.hosts)}."
    if len(movable) > SHOWN:
        most = times.count(max(crowd.jobs for crowd in movable[SHOWN:]), "job")
        yield f"# {times.count(len(movable) - SHOWN, 'more minute')} with at most {most} each."
    if herd.unmoved:
        yield f"# {times.count(herd.unmoved, 'job')} with an interval or a list of minutes: not moved.{_still(herd)}"
    if not herd.moves:
        return
    yield "#"
    yield f"# This spread moves {times.count(len(herd.moves), 'job')} within the hour."
    if herd.fullest_then < herd.fullest:
        yield f"# The fullest minute then has {times.count(herd.fullest_then, 'job')}, not {herd.fullest:,}."
    yield "# Keep jobs in order that follow one another. Change the timers of the jobs too."
    fields = {slug: _fields(moved) for slug, moved in herd.moves.items()}
    yield yaml.safe_dump({"checks": fields}, sort_keys=False, width=1_000).rstrip()


def _hosts(hosts: Mapping[str, int]) -> str:
    named = Counter({host: count for host, count in hosts.items() if host})
    if not named:
        return ""
    (host, count), *others = named.most_common()
    if not others:
        return f", all on {host}" if len(hosts) == 1 else f", {count:,} of them on {host}"
    if count == others[-1][1]:
        return f" on {len(named)} hosts, {count:,} on each"
    return f" on {len(named)} hosts, the most on {host} ({count:,})"


def _still(herd: Herd) -> str:
    """Return where the most jobs are due that have no minute to move."""
    still = [crowd for crowd in herd.crowds if not crowd.movable]
    if not still:
        return ""
    most = still[0]
    return f" Up to {most.jobs:,} are due in one minute, as at {most.at:%H:%M} UTC{_hosts(most.hosts)}."


def _fields(moved: Schedule) -> dict[str, Any]:
    match moved:
        case Cron():
            return filled({"schedule": moved.expression})
        case OnCalendar():
            return {"on_calendar": moved.expression}
        case _:
            raise AssertionError(moved)


@dataclass(frozen=True, slots=True)
class _Jobs:
    """Checks that are due in the same minutes, counted from the start, and the schedules that they could have."""

    checks: Sequence[Check]
    minutes: Sequence[int]
    shifts: Mapping[int, Schedule]

    @property
    def by_day(self) -> set[int]:
        """The minutes of a day in which they are ever due."""
        return {minute % DAY for minute in self.minutes}


def _due(checks: Iterable[Check], start: datetime) -> list[_Jobs]:
    """Return all checks that are expected, by the minutes in which they are due."""
    alike: dict[tuple[Schedule, datetime | None], list[Check]] = {}
    for check in checks:
        if check.state is State.PAUSED:
            continue
        first = None
        if isinstance(check.schedule, Every):
            first = deadline.due_at(check)
            if first is None:
                continue
            first = max(first, start).replace(second=0, microsecond=0)
        alike.setdefault((check.schedule, first), []).append(check)
    return [
        _Jobs(jobs, _minutes(times_, first, start), _shifts(times_))
        for (times_, first), jobs in alike.items()
    ]


def _minutes(times_: Schedule, first: datetime | None, start: datetime) -> list[int]:
    """Return the minutes from the start in which something of this schedule is due."""
    end, at = start + timedelta(days=DAYS), first or schedule.due_from(times_, start - _SECOND)
    minutes: dict[int, None] = {}
    while at is not None and at < end:
        minutes[(at - start) // _MINUTE] = None
        if isinstance(times_, Every):
            at += max(times_.period, _MINUTE)
        else:
            # Several times in one minute are one.
            at = schedule.next_slot(times_, at.replace(second=59))
    return list(minutes)


def _shifts(times_: Schedule) -> dict[int, Schedule]:
    """Return the schedules that differ only in the minute, by the minutes from the present one."""
    match times_:
        case Cron(expression):
            fields = schedule.fields_of(expression)
            if len(fields) != 5:
                return {}
            rest = " ".join(fields[1:])
            if fields[0].isdigit():
                now = int(fields[0])
                return {minute - now: replace(times_, expression=f"{minute} {rest}") for minute in range(60)}
            if (steps := _STEPS.fullmatch(fields[0])) and 60 % (size := int(steps[2])) == 0 and size > 1:
                now = int(steps[1] or 0)
                starts = range(size) if now < size else ()
                return {
                    first - now: replace(
                        times_, expression=f"{f'{first}-59' if first else '*'}/{size} {rest}"
                    )
                    for first in starts
                }
        case OnCalendar(expression):
            if event := _EVENT.fullmatch(expression):
                now, second = int(event["minute"]), event["second"] or ""
                return {
                    minute - now: replace(times_, expression=f"{event['hour']}:{minute:02}{second}")
                    for minute in range(60)
                }
    return {}


def _crowd(due: Sequence[_Jobs], minute: int, start: datetime) -> Crowd:
    inside = [jobs for jobs in due if minute in set(jobs.minutes)]
    hosts = Counter(check.labels.get("host", "") for jobs in inside for check in jobs.checks)
    movable = sum(len(jobs.checks) for jobs in inside if jobs.shifts)
    return Crowd(start + minute * _MINUTE, hosts.total(), hosts, movable)


def _spread(due: Sequence[_Jobs], inside: Sequence[_Jobs]) -> Iterator[tuple[Check, _Jobs, int]]:
    """Yield each check that moves, with those that were due with it, and by how many minutes.

    Each job takes the minute with the fewest jobs of its host, and of these the one with the fewest jobs of all.
    """
    moving = [(check, jobs) for jobs in inside if jobs.shifts for check in jobs.checks]
    everywhere: Counter[int] = Counter()
    on_host: dict[str, Counter[int]] = {}
    still = {check.id for check, _ in moving}
    for jobs in due:
        for check in jobs.checks:
            if check.id not in still:
                everywhere.update(jobs.by_day)
                on_host.setdefault(check.labels.get("host", ""), Counter()).update(jobs.by_day)
    for place, (check, jobs) in enumerate(sorted(moving, key=lambda job: _order(job[0]))):
        own = on_host.setdefault(check.labels.get("host", ""), Counter())
        shift = _best(jobs, own, everywhere, place)
        taken = {(minute + shift) % DAY for minute in jobs.by_day}
        everywhere.update(taken)
        own.update(taken)
        if shift:
            yield check, jobs, shift


def _order(check: Check) -> tuple[str, str]:
    return check.labels.get("host", ""), check.slug


def _best(jobs: _Jobs, own: Counter[int], everywhere: Counter[int], place: int) -> int:
    """Return the shift to the emptiest minute; of equal ones that which is nearest to the job's place in a circle."""
    first, window = min(jobs.shifts), len(jobs.shifts)
    ideal = int((place * _GOLDEN) % 1 * window)
    minutes = jobs.by_day

    def crowding(shift: int) -> tuple[int, int, int]:
        taken = [(minute + shift) % DAY for minute in minutes]
        away = (shift - first - ideal) % window
        return (
            max(map(own.__getitem__, taken)),
            max(map(everywhere.__getitem__, taken)),
            min(away, window - away),
        )

    return min(jobs.shifts, key=crowding)
