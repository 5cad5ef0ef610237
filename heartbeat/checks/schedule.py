"""Schedules: intervals, crontab(5) lines and systemd.time(7) calendar events, and the times at which jobs are due.

Pure: the present is always an argument. Times are timezone-aware. They come in any zone and leave in UTC.
cronsim and oncalendar only say which *wall clock* times match. This room decides what a clock change makes of them,
as the schedulers do. Cron with a fixed minute and hour runs a skipped time when the gap ends, and a repeated one once
(crontab(5) of Debian). Any other cron line, and one with seconds, runs when the wall clock matches. OnCalendar leaves
the gap out and repeats nothing (`systemd-analyze calendar`). A Kubernetes CronJob runs when the wall clock matches.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from heapq import merge
from typing import Final
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError
from oncalendar import BaseIterator, OnCalendarError

from heartbeat.checks import time_zone

LIMITS: Final = (timedelta(seconds=1), timedelta(days=366))  # Of `Every`: less is jitter, more is a typo.
EARLINESS: Final = timedelta(seconds=30)  # A ping this long before a slot counts for it (see `due_after`).
BEGINNING: Final = datetime(2026, 1, 1, tzinfo=UTC)  # A calendar that ended before it is over for good.
LONGEST_EXPRESSION: Final = 500  # Characters of cron or OnCalendar.
ALIASES: Final = {  # Those of crontab(5), but for @reboot, which has no time.
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
SEMANTICS: Final = ("cron", "kubernetes")  # Whose rules a cron line follows.
_FIELDS: Final = {  # By cronsim's name: accepted text, unit, unit of its cycle, first and last value.
    "second": ("0-59", "second", "minute", 0, 59),
    "minute": ("0-59", "minute", "hour", 0, 59),
    "hour": ("0-23", "hour", "day", 0, 23),
    "day-of-month": ("1-31, L or LW, and a day that one of its months has", "day", "month", 1, 31),
    "month": ("1-12 or JAN-DEC", "month", "year", 1, 12),
    "day-of-week": ("0-7 or SUN-SAT", "day", "week", 0, 6),
}
_ONE_STEP: Final = re.compile(r"\b(\w+)-\1/[1-9]\d*")  # "5-5/10" is 5, but to cronsim it is 5-59/10.
_STEP: Final = re.compile(r"(\*|\d{1,4})(?:(?:-|\.\.)(\d{1,4}))?/(\d{1,4})")
_EACH_NTH: Final = re.compile(r"^\*/(?!1\b)")
_CRONTAB: Final = {
    timedelta(minutes=1): "* * * * *",
    timedelta(hours=1): "0 * * * *",
    timedelta(days=1): "0 0 * * *",
    timedelta(days=7): "0 0 * * 0",
}
_DAILY_EVENT: Final = re.compile(r"(?:\*-\*-\* )?(\d\d?):(\d\d)(?::00)?")
_ZONE_IN_LINE: Final = re.compile(
    r"(?:CRON_)?TZ=(\S+)\s+(.+)"
)  # A setting of some crons, on the line itself.


class BadSchedule(ValueError):
    """A schedule that cannot be watched. The message is one sentence for its author."""


@dataclass(frozen=True, slots=True)
class Every:
    """An interval: each success is due one period after the last."""

    period: timedelta


@dataclass(frozen=True, slots=True)
class Cron:
    """Five fields of crontab(5), six with seconds first, or an alias such as @daily, in an IANA zone.

    With `kubernetes`, it runs as a CronJob does.
    """

    expression: str
    timezone: str
    kubernetes: bool = False


@dataclass(frozen=True, slots=True)
class OnCalendar:
    """One calendar event of systemd.time(7), in an IANA zone."""

    expression: str
    timezone: str


Schedule = Every | Cron | OnCalendar


def parse(
    *,
    every: timedelta | None = None,
    cron: str | None = None,
    on_calendar: str | None = None,
    timezone: str = "UTC",
    semantics: str = SEMANTICS[0],
    now: datetime = BEGINNING,
) -> Schedule:
    """Return the schedule that a person wrote. Raises `BadSchedule` if it is wrong or never matches after `now`.

    Expressions are kept as written. A zone at the end of a calendar event (systemd.time(7)) moves to the result's
    `timezone`, and overrides the argument of that name. `semantics` is one of `SEMANTICS`.
    """
    options = {"every": every, "cron": cron, "on_calendar": on_calendar}
    kind = " and ".join(name for name, value in options.items() if value is not None)
    if kind not in options:
        raise BadSchedule(f"A schedule is one of every, cron and on_calendar, not {kind or 'none of them'}.")
    if semantics == "kubernetes" and cron is None:
        raise BadSchedule("semantics: kubernetes goes with a cron line only, as in a CronJob.")
    if every is not None:
        if not LIMITS[0] <= every <= LIMITS[1]:
            raise BadSchedule(f"every {period_in_words(every)} is out of range: write 1 second to 366 days.")
        return Every(every)
    if cron is not None:
        if zoned := _ZONE_IN_LINE.fullmatch(cron.strip()):
            raise BadSchedule(
                f'"{cron.strip()[:60]}" names a time zone: write "{zoned[2]}", and timezone: {zoned[1]}.'
            )
        return _checked(Cron(cron.strip(), timezone, semantics == "kubernetes"), now)
    return _checked(_calendar_event((on_calendar or "").strip(), timezone), now)


def warnings(schedule: Schedule) -> list[str]:
    """Return a sentence for each part of an accepted expression that means something else than it seems to."""
    if isinstance(schedule, Every):
        return []
    if isinstance(schedule, Cron):
        fields = _fields(schedule)
        sentences = _uneven_steps(list(_FIELDS)[-len(fields) :], fields)
        if not fields[-3].startswith("*") and not fields[-1].startswith("*"):
            sentences.append(
                "Cron runs when the day of month or the day of week matches, not only when both do."
            )
        return sentences
    times = next((part.split(":") for part in schedule.expression.split() if ":" in part), [])
    sentences = _uneven_steps(["hour", "minute", "second"], times)
    if next_slot(schedule, datetime(2150, 1, 1, tzinfo=UTC)) is None:
        sentences.append("It names years, so it ends: silence is not noticed after its last time.")
    return sentences


def next_slot(schedule: Cron | OnCalendar, start: datetime) -> datetime | None:
    """Return the first slot strictly after `start`. None if there is none in 50 years, or before 2200."""
    start = start.astimezone(UTC).replace(microsecond=0)
    if isinstance(schedule, Cron) and len(fields_of(schedule.expression)) == 5:
        start = start.replace(second=0)  # Slots are whole minutes, so all calls of a minute share an answer.
    return _next_slot(schedule, start)


def due_after(schedule: Schedule, heard: datetime) -> datetime | None:
    """Return when the next success is due, before grace, after one at `heard`. None if it is never due again.

    A ping counts for the slot it precedes by at most `EARLINESS`, and at most a tenth of the shorter gap
    between that slot and its two neighbours: the job's clock may run ahead, and its run would otherwise be
    missed. This is 30 seconds for a daily job, 6 for one each minute. The result is later than `heard`,
    and never earlier for a later `heard`.
    """
    due = due_from(schedule, heard)
    if isinstance(schedule, Every) or due is None or due - heard > EARLINESS:
        return due
    return next_slot(schedule, due) if due - heard <= earliness(schedule, due) else due


def due_from(schedule: Schedule, since: datetime) -> datetime | None:
    """Return when the first success is due, before grace, for a check expected since `since` with no ping yet."""
    if isinstance(schedule, Every):
        return since.astimezone(UTC) + schedule.period
    return next_slot(schedule, since)


def nth_due(schedule: Schedule, first: datetime, n: int) -> datetime:
    """Return the nth due time from `first` on, which is number 1. If the schedule ends before, return its last one."""
    if isinstance(schedule, Every):
        return first + (n - 1) * schedule.period
    for _ in range(n - 1):
        following = next_slot(schedule, first)
        if following is None:
            break
        first = following
    return first


def upcoming(schedule: Schedule, now: datetime, n: int = 5) -> list[datetime]:
    """Return the next `n` due times, fewer if the schedule ends."""
    times: list[datetime] = []
    while len(times) < n and (due := due_from(schedule, times[-1] if times else now)):
        times.append(due)
    return times


def crontab(schedule: Schedule) -> str | None:
    """Return the five fields of a crontab(5) line with this schedule. None if no line has it."""
    if isinstance(schedule, Every):
        return _CRONTAB.get(schedule.period) or _steps(schedule.period)
    if isinstance(schedule, OnCalendar):
        return None
    fields = schedule.expression.split()
    # The last day, the nth weekday and seconds are extensions that crontab(5) does not have.
    plain = len(fields) == 1 or (
        len(fields) == 5 and not set("L#") & {*fields[2].upper(), *fields[4].upper()}
    )
    return schedule.expression if plain else None


def _steps(period: timedelta) -> str | None:
    minutes, rest = divmod(period, timedelta(minutes=1))
    if rest or minutes < 1:
        return None
    if minutes < 60 and 60 % minutes == 0:
        return f"*/{minutes} * * * *"
    hours, odd = divmod(minutes, 60)
    return f"0 */{hours} * * *" if hours and not odd and hours < 24 and 24 % hours == 0 else None


def to_json(schedule: Schedule) -> dict[str, str | float]:
    """Return the stored form, with a period in seconds. `from_json` restores it exactly."""
    if isinstance(schedule, Every):
        return {"every": schedule.period.total_seconds()}
    kind = "cron" if isinstance(schedule, Cron) else "on_calendar"
    stored: dict[str, str | float] = {kind: schedule.expression, "timezone": schedule.timezone}
    if isinstance(schedule, Cron) and schedule.kubernetes:
        stored["semantics"] = "kubernetes"
    return stored


def from_json(stored: dict[str, str | float]) -> Schedule:
    """Return the schedule of a stored form, unchecked: only checked schedules are stored."""
    if "every" in stored:
        return Every(timedelta(seconds=float(stored["every"])))
    if "cron" in stored:
        kubernetes = stored.get("semantics") == "kubernetes"
        return Cron(str(stored["cron"]), str(stored["timezone"]), kubernetes)
    return OnCalendar(str(stored["on_calendar"]), str(stored["timezone"]))


def _calendar_event(text: str, timezone: str) -> OnCalendar:
    if "\n" in text:
        raise BadSchedule("on_calendar takes one calendar event, not several lines: make a check of each.")
    head, _, last = text.rpartition(" ")
    return OnCalendar(head.strip(), last) if head and last[0].isalpha() else OnCalendar(text, timezone)


def _checked(schedule: Cron | OnCalendar, now: datetime) -> Schedule:
    quoted = f'"{schedule.expression[:60]}"'
    if len(schedule.expression) > LONGEST_EXPRESSION:
        raise BadSchedule(f"{quoted}… is too long: write at most {LONGEST_EXPRESSION} characters.")
    if isinstance(schedule, Cron) and schedule.kubernetes and crontab(schedule) is None:
        raise BadSchedule(
            f"{quoted} is no schedule of Kubernetes: write five fields without L and #, or an alias such as @daily."
        )
    try:
        slot = next_slot(schedule, now)
    except time_zone.NoZone as error:
        raise BadSchedule(str(error)) from error
    except CronSimError as error:
        raise BadSchedule(f"{quoted} {_cron_fault(str(error).removeprefix('Bad '))}.") from error
    except OnCalendarError as error:
        raise BadSchedule(f'{quoted} is no calendar event ({error}): "Mon..Fri 03:00" is one.') from error
    if slot is None:
        raise BadSchedule(f"{quoted} never matches again: write one with a time in the future.")
    return schedule


def _cron_fault(field: str) -> str:
    if field in _FIELDS:
        return f"has a wrong {field}: crontab(5) takes {_FIELDS[field][0]}"
    return f'is not five fields of crontab(5): write for example "0 3 * * *", or one of {", ".join(ALIASES)}'


def _uneven_steps(names: Iterable[str], fields: Iterable[str]) -> list[str]:
    """Return a sentence for each step such as */45 that is not "every 45 minutes", because it restarts each cycle."""
    sentences = []
    for name, text in zip(names, fields, strict=False):
        _, unit, whole, low, high = _FIELDS[name]
        for step in filter(None, map(_STEP.fullmatch, text.split(","))):
            size = int(step[3])
            values = range(low if step[1] == "*" else int(step[1]), int(step[2] or high) + 1, size)
            if len(values) == 1 < size if step[2] else len(values) * size != high - low + 1:
                listed = ", ".join(map(str, values))
                sentences.append(
                    f'"{step[0]}" means {unit} {listed} of each {whole}, not every {size} {unit}s.'
                )
    return sentences


@lru_cache(maxsize=16_384)
def _next_slot(schedule: Cron | OnCalendar, start: datetime) -> datetime | None:
    zone = time_zone.named(schedule.timezone)
    wall = start.astimezone(zone).replace(tzinfo=None)
    repeated = max(_repeated(wall, zone), timedelta())
    passes = (0, 1) if repeated and _by_the_clock(schedule) else (0,)
    # In the first pass of a repeated hour, what comes next may show an earlier time: start back there.
    moments = merge(*(_moments(schedule, wall - repeated, zone, fold) for fold in passes))
    return next((moment for moment in moments if moment > start), None)


def _moments(schedule: Cron | OnCalendar, start: datetime, zone: ZoneInfo, fold: int) -> Iterator[datetime]:
    """Yield matching wall clock times as moments, those of a repeated hour in its pass number `fold`."""
    # Naive times keep out the libraries' own rules for clock changes. For wildcard jobs, cronsim loses slots if the
    # clock moves by half an hour, and invents some if it skips midnight.
    is_cron, line = isinstance(schedule, Cron), " ".join(_fields(schedule))
    walls: Iterator[datetime] = CronSim(line, start) if is_cron else BaseIterator(schedule.expression, start)
    catches_up = is_cron and not _by_the_clock(schedule)
    for wall in walls:
        while catches_up and _repeated(wall, zone) < timedelta():
            wall += timedelta(minutes=1)
        if _repeated(wall, zone) >= timedelta():
            yield _moment(wall, zone, fold)


def _by_the_clock(schedule: Cron | OnCalendar) -> bool:
    if not isinstance(schedule, Cron):
        return False
    fields = fields_of(schedule.expression)
    return schedule.kubernetes or len(fields) == 6 or any(text[0] == "*" for text in fields[:2])


def _fields(schedule: Cron | OnCalendar) -> tuple[str, ...]:
    """Return the fields of a cron line for cronsim."""
    fields = fields_of(schedule.expression)
    if not (isinstance(schedule, Cron) and schedule.kubernetes and len(fields) == 5):
        return fields
    # To Kubernetes, unlike to cron, a day such as */2 is a restriction: it joins the other field by "or".
    minute, hour, day, month, weekday = fields
    return minute, hour, _EACH_NTH.sub("1-31/", day), month, _EACH_NTH.sub("0-6/", weekday)


def _repeated(wall: datetime, zone: ZoneInfo) -> timedelta:
    """Return how much later the clock shows this time again: mostly zero, negative if it skips the time."""
    return _moment(wall, zone, fold=1) - _moment(wall, zone, fold=0)


def _moment(wall: datetime, zone: ZoneInfo, fold: int) -> datetime:
    return wall.replace(tzinfo=zone, fold=fold).astimezone(UTC)


@lru_cache(maxsize=4096)
def earliness(schedule: Cron | OnCalendar, slot: datetime) -> timedelta:
    following = next_slot(schedule, slot) or datetime.max.replace(tzinfo=UTC)
    gap = min(10 * EARLINESS, following - slot)
    while (earlier := next_slot(schedule, slot - gap)) and earlier < slot:
        gap = slot - earlier
    return gap / 10


@lru_cache(maxsize=4096)
def fields_of(expression: str) -> tuple[str, ...]:
    """Return the fields of a cron line: five, or six with seconds first. An alias has those that it stands for."""
    return tuple(_ONE_STEP.sub(r"\1", ALIASES.get(expression.lower(), expression)).split())


def period_in_words(period: timedelta) -> str:
    """Return a period in the largest unit that divides it: "5 minutes", "36 hours", or just "day"."""
    seconds = period.total_seconds()
    units = {"day": 86_400, "hour": 3_600, "minute": 60}
    unit = next((unit for unit, size in units.items() if seconds % size == 0), "second")
    count = seconds / units.get(unit, 1)
    return unit if count == 1 else f"{count:.15g} {unit}s"
