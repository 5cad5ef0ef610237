"""The last runs of a check as a strip of cells, one for each run. Pure.

The strip shows past decisions, not today's schedule applied to yesterday. A run is missed only if the check was down
as silent; the schedule only counts the runs within that silence. A run that was heard within its grace is on time.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import groupby, pairwise

from heartbeat.checks.cause import Cause
from heartbeat.checks.check import Check, Signal, State
from heartbeat.checks.history import Transition
from heartbeat.checks.schedule import Every, Schedule, due_after, due_from
from heartbeat.pings.store import KEEP

RUNS = 30
OF_A_SILENCE = 5
"""The most cells of one silence, so that the runs before and after it stay in sight."""
_INSTANT = timedelta(milliseconds=1)
"""The error in the beginning of a run, which is computed from its duration."""
_BEGINNING = datetime.min.replace(tzinfo=UTC)


class Outcome(StrEnum):
    """The result of a run. `LATE`: heard after its grace, or after its time of day, before the next run was due.

    `UNKNOWN`: it could not be heard. The last three reported success: `INEFFECTIVE` broke a rule, `UNEXPECTED` an
    expectation, and `UNUSUAL` only has numbers unlike those before.
    """

    ON_TIME = "on time"
    LATE = "late"
    MISSED = "missed"
    FAILED = "failed"
    OVERRAN = "overran"
    UNKNOWN = "unknown"
    INEFFECTIVE = "ineffective"
    UNEXPECTED = "not as expected"
    UNUSUAL = "unusual"


@dataclass(frozen=True, slots=True)
class EndedRun:
    """A stored ping that ended a run."""

    n: int
    at: datetime
    signal: Signal
    duration: timedelta | None = None
    unusual: str = ""
    """What was unusual about it, in words."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One run; or the first cell of a long silence, which stands for `runs` missed ones."""

    outcome: Outcome
    at: datetime
    duration: timedelta | None = None
    runs: int = 1
    note: str = ""


@dataclass(frozen=True, slots=True)
class Silence:
    """A period in which the check was silent; `end` is None while it lasts."""

    start: datetime
    end: datetime | None


def cells(
    check: Check,
    runs: Sequence[EndedRun],
    transitions: Sequence[Transition],
    now: datetime,
    limit: int = RUNS,
) -> list[Cell]:
    """Return the last `limit` runs, oldest first. `heard` and `transitions` may come in any order.

    `heard` must hold the last `limit` runs, and one more if there is one.
    """
    runs = sorted(runs, key=lambda ping: ping.n)
    changes = sorted(transitions, key=lambda change: change.at)
    ended = [ping for ping in runs if ping.signal in (Signal.SUCCESS, Signal.FAIL)]
    ends = {ping.at for ping in ended}
    # Of a time whose pings are deleted or left out only the silences are known, so it is not shown at all.
    whole = check.pings <= KEEP and len(runs) <= limit
    known_since = _BEGINNING if whole or not runs else runs[0].at
    overruns = [change.at for change in changes if change.cause is Cause.OVERRUN]
    faults = [(change.at, change.cause) for change in changes if change.cause in _OF_FAULTS]
    drawn = [_run(ping, overruns, faults) for ping in ended]
    for at in (change.at for change in changes if change.cause is Cause.UNFINISHED):
        finished = min((end for end in ends if end >= at), default=None)
        drawn = [_late(cell) if cell.at == finished else cell for cell in drawn]
        drawn += [Cell(Outcome.MISSED, at)] if finished is None and at >= known_since else []
    drawn += [Cell(Outcome.OVERRAN, at) for at in overruns if at >= known_since and not _heard_of(at, ended)]
    drawn += [
        Cell(Outcome.UNKNOWN, change.at)
        for change in changes
        if change.state is State.UNKNOWN and change.at >= known_since
    ]
    for silence in _silences(changes, sorted(ends)):
        if silence.end is None or silence.end >= known_since:
            missed, came_late = _missed(check, silence, silence.end in ends, now, limit)
            drawn += _of_a_silence(missed)
            if came_late:
                drawn = [_late(cell) if cell.at == silence.end else cell for cell in drawn]
    return sorted(drawn, key=lambda cell: cell.at)[-limit:]


def in_words(cells: Sequence[Cell]) -> str:
    """The strip for those who cannot see it: "Last 30 runs: 27 on time, 2 missed, 1 failed"."""
    if not cells:
        return "No run yet"
    if any(cell.runs > 1 for cell in cells):
        return f"Last runs: {counted(cells)}"
    return (
        f"Last {len(cells)} runs: {counted(cells)}"
        if len(cells) > 1
        else f"Last run: {cells[0].outcome.value}"
    )


def counted(cells: Sequence[Cell]) -> str:
    """Count the results: "27 on time, 2 missed, 1 failed", "7 on time, more than 30 missed"."""
    return ", ".join(f"{key.count} {key.word}" for key in legend(cells)) or "no run yet"


# The class of each outcome, and the heights of its strokes in a strip of 16.
# Each has its own shape, so that nobody needs the colour to tell them apart.
_STROKES = {
    Outcome.ON_TIME: ("ok", (8,)),
    Outcome.LATE: ("late", (13,)),
    Outcome.MISSED: ("missed", (1, 15)),
    Outcome.FAILED: ("failed", (8,)),
    Outcome.OVERRAN: ("over", (3, 13)),
    Outcome.UNKNOWN: ("unheard", (3, 8, 13)),
    Outcome.INEFFECTIVE: ("striped", (2, 6, 10, 14)),
    Outcome.UNEXPECTED: ("slim", (5, 11)),
    Outcome.UNUSUAL: ("odd", (3,)),
}
_OF_FAULTS = {
    Cause.INEFFECTIVE: Outcome.INEFFECTIVE,
    **dict.fromkeys((Cause.TOO_SHORT, Cause.TOO_OFTEN, Cause.OVERLAP, Cause.WRONG_TIME), Outcome.UNEXPECTED),
}
WIDTH = 5
STEP = 6


def paths(cells: Sequence[Cell], limit: int = RUNS) -> list[tuple[str, str]]:
    """Return the drawing of the strip, newest on the right: a class and one SVG path for each outcome.

    Neighbouring cells of a kind are one line, which the stylesheet dashes into cells: a screen with a hundred
    strips stays small.
    """
    drawn: dict[Outcome, list[str]] = {}
    place = limit - len(cells)
    for outcome, group in groupby(cell.outcome for cell in cells):
        count = len(list(group))
        width = count * STEP - (STEP - WIDTH)
        drawn.setdefault(outcome, []).extend(f"M{place * STEP} {y}h{width}" for y in _STROKES[outcome][1])
        place += count
    blank = [("none", f"M0 8h{(limit - len(cells)) * STEP}")] if len(cells) < limit else []
    return blank + [(_STROKES[outcome][0], "".join(lines)) for outcome, lines in drawn.items()]


def places(cells: Sequence[Cell], limit: int = RUNS) -> list[tuple[int, Cell]]:
    """Return each cell with the x at which it begins."""
    return [((limit - len(cells) + place) * STEP, cell) for place, cell in enumerate(cells)]


@dataclass(frozen=True, slots=True)
class Key:
    """An entry of a strip's legend: the drawing of an outcome, its count up to `RUNS`, and its word."""

    kind: str
    heights: tuple[int, ...]
    count: str
    word: str


def legend(cells: Sequence[Cell]) -> list[Key]:
    """Return an entry for each outcome in the strip."""
    counts: Counter[Outcome] = Counter()
    for cell in cells:
        counts[cell.outcome] += cell.runs
    return [
        Key(*_STROKES[outcome], _many(counts[outcome]), outcome.value)
        for outcome in Outcome
        if counts[outcome]
    ]


def _many(count: int) -> str:
    return str(count) if count <= RUNS else f"more than {RUNS}"


def _of_a_silence(missed: Sequence[datetime]) -> list[Cell]:
    drawn = [Cell(Outcome.MISSED, at) for at in missed[-OF_A_SILENCE:]]
    more = len(missed) - len(drawn)
    return [replace(drawn[0], runs=1 + more), *drawn[1:]] if more else drawn


def _run(ping: EndedRun, overruns: Sequence[datetime], faults: Sequence[tuple[datetime, Cause]]) -> Cell:
    if ping.signal is Signal.FAIL:
        return Cell(Outcome.FAILED, ping.at, ping.duration)
    fault = next((cause for at, cause in faults if _broke(ping, at, cause)), None)
    if fault is not None:
        return Cell(_OF_FAULTS[fault], ping.at, ping.duration, note=ping.unusual)
    overran = any(_under_way(ping, at) for at in overruns)
    well = Outcome.UNUSUAL if ping.unusual else Outcome.ON_TIME
    return Cell(Outcome.OVERRAN if overran else well, ping.at, ping.duration, note=ping.unusual)


def _broke(ping: EndedRun, at: datetime, cause: Cause) -> bool:
    """Return whether this run is the one at fault: it ended or began then, or was one of two under way."""
    began = ping.at - (ping.duration or timedelta())
    if cause is Cause.OVERLAP:
        return began - _INSTANT <= at <= ping.at
    return at == ping.at or abs(at - began) <= _INSTANT


def _under_way(ping: EndedRun, at: datetime) -> bool:
    return ping.duration is not None and ping.at - ping.duration < at <= ping.at


def _heard_of(overrun: datetime, ended: Sequence[EndedRun]) -> bool:
    """Return True if the run that overran then has ended, and so has a cell already."""
    return any(_under_way(ping, overrun) for ping in ended)


def _late(cell: Cell) -> Cell:
    return Cell(Outcome.LATE, cell.at, cell.duration) if cell.outcome is Outcome.ON_TIME else cell


def _silences(changes: Sequence[Transition], ends: Sequence[datetime]) -> list[Silence]:
    """Return the silences. One that begins with missed runs that are tolerated goes on when the check is down."""
    silences: list[Silence] = []
    for change, following in pairwise([*changes, None]):
        if change is None or change.cause is not Cause.SILENT:
            continue
        end = following.at if following else None
        if change.state is not State.DOWN:
            end = next((at for at in ends if at >= change.at and (end is None or at <= end)), end)
        if silences and silences[-1].end == change.at:
            silences[-1] = Silence(silences[-1].start, end)
        else:
            silences.append(Silence(change.at, end))
    return silences


def _missed(
    check: Check, silence: Silence, heard_at_end: bool, now: datetime, limit: int
) -> tuple[list[datetime], bool]:
    """Return the times of the runs missed in a silence, and True if the ping that ended it came late for its run.

    The first one was due a grace before the silence began. It counts even if the schedule has changed since.
    """
    first_due = silence.start - check.grace
    if silence.end is None or not heard_at_end:
        until = (silence.end or now) - check.grace
        return [silence.start, *_slots(check.schedule, first_due, until, limit)], False
    slots = _slots(check.schedule, first_due, silence.end, limit)
    if _counts_for_next(check.schedule, silence.end):
        return [silence.start, *slots], False
    if not slots:
        return [], True
    return [silence.start, *slots[:-1]], silence.end > slots[-1] + check.grace


def _counts_for_next(schedule: Schedule, heard: datetime) -> bool:
    """Return True if a ping came so shortly before a slot that it counts for it: see `schedule.due_after`."""
    return due_after(schedule, heard) != due_from(schedule, heard)


def _slots(schedule: Schedule, after: datetime, until: datetime, limit: int) -> list[datetime]:
    """Return the last `limit` due times after `after` and up to `until`, in bounded time."""
    if isinstance(schedule, Every):
        count = max((until - after) // schedule.period, 0)
        return [after + schedule.period * k for k in range(max(count - limit, 0) + 1, count + 1)]
    slots = _walk(schedule, after, until, limit)
    if len(slots) < limit:
        return slots
    # Only the end of a long silence is shown. Look back from there, far enough for `limit` times.
    span = slots[-1] - slots[0] or timedelta(days=1)
    while (
        len(slots := _walk(schedule, max(after, until - span), until, 10 * limit)) < limit
        and until - span > after
    ):
        span *= 2
    return slots[-limit:]


def _walk(schedule: Schedule, after: datetime, until: datetime, limit: int) -> list[datetime]:
    slots: list[datetime] = []
    while (
        len(slots) < limit and (slot := due_from(schedule, slots[-1] if slots else after)) and slot <= until
    ):
        slots.append(slot)
    return slots
