"""The last runs of a check as a strip of cells, one a run. Pure.

The strip shows what was decided, not what today's schedule makes of yesterday: a run is missed only where the check
was found silent. The schedule says no more than how many runs fell into that silence. A run that was heard before
its grace ended is on time, for grace is what the team allows.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import groupby, pairwise

from heartbeat.checks.cause import Cause
from heartbeat.checks.check import Check, Signal
from heartbeat.checks.history import Transition
from heartbeat.checks.schedule import Every, Schedule, due_after, due_from
from heartbeat.pings.store import KEEP

RUNS = 30
OF_A_SILENCE = 5
"""Cells that one silence takes at the most: what the job did before and after it must remain to be seen."""
_BEGINNING = datetime.min.replace(tzinfo=UTC)


class Outcome(StrEnum):
    """How a run ended. `LATE`: heard after its grace, before the next run was due."""

    ON_TIME = "on time"
    LATE = "late"
    MISSED = "missed"
    FAILED = "failed"
    OVERRAN = "overran"


@dataclass(frozen=True, slots=True)
class Heard:
    """What the strip needs of a ping that lies in the ring."""

    n: int
    at: datetime
    signal: Signal
    duration: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Cell:
    """One run; or, where a silence was long, the first of its cells, which stands for `runs` that were missed."""

    outcome: Outcome
    at: datetime
    duration: timedelta | None = None
    runs: int = 1


@dataclass(frozen=True, slots=True)
class Silence:
    """A stretch in which the check was silent; `end` is None while it still is."""

    start: datetime
    end: datetime | None


def cells(
    check: Check, heard: Sequence[Heard], transitions: Sequence[Transition], now: datetime, limit: int = RUNS
) -> list[Cell]:
    """The last runs, oldest first. `heard` and `transitions` may come in any order.

    To tell `limit` runs, `heard` must hold the last `limit` pings that ended one, and one more where there is one.
    """
    heard = sorted(heard, key=lambda ping: ping.n)
    story = sorted(transitions, key=lambda one: one.at)
    ended = [ping for ping in heard if ping.signal in (Signal.SUCCESS, Signal.FAIL)]
    ends = {ping.at for ping in ended}
    # Where older pings are gone or left out, only the silences among them are known: that would be half the truth.
    whole = check.pings <= KEEP and len(heard) <= limit
    known_since = _BEGINNING if whole or not heard else heard[0].at
    overruns = [one.at for one in story if one.cause is Cause.OVERRUN]
    found = [_run(ping, overruns) for ping in ended]
    found += [Cell(Outcome.OVERRAN, at) for at in overruns if at >= known_since and not _heard_of(at, ended)]
    for silence in _silences(story):
        if silence.end is None or silence.end >= known_since:
            missed, came_late = _missed(check, silence, silence.end in ends, now, limit)
            found += _of_a_silence(missed)
            if came_late:
                found = [_late(cell) if cell.at == silence.end else cell for cell in found]
    return sorted(found, key=lambda cell: cell.at)[-limit:]


def in_words(shown: Sequence[Cell]) -> str:
    """The strip for those who cannot see it: "Last 30 runs: 27 on time, 2 missed, 1 failed"."""
    if not shown:
        return "No run yet"
    if any(cell.runs > 1 for cell in shown):
        return f"Last runs: {counted(shown)}"
    return (
        f"Last {len(shown)} runs: {counted(shown)}"
        if len(shown) > 1
        else f"Last run: {shown[0].outcome.value}"
    )


def counted(shown: Sequence[Cell]) -> str:
    """How many runs ended in which way: "27 on time, 2 missed, 1 failed", "7 on time, more than 30 missed"."""
    return ", ".join(f"{key.count} {key.word}" for key in legend(shown)) or "no run yet"


# How each outcome is drawn: its class, and at which heights of a strip of 16 the strokes of its cells lie.
# Each has a shape of its own, so that colour is not needed to tell them apart.
_STROKES = {
    Outcome.ON_TIME: ("ok", (8,)),
    Outcome.LATE: ("late", (13,)),
    Outcome.MISSED: ("missed", (1, 15)),
    Outcome.FAILED: ("failed", (8,)),
    Outcome.OVERRAN: ("over", (3, 13)),
}
WIDTH = 5
STEP = 6


def paths(shown: Sequence[Cell], limit: int = RUNS) -> list[tuple[str, str]]:
    """The strip drawn, newest on the right: a class and the data of one SVG path for each outcome.

    Cells of a kind that stand together are one line, which the stylesheet dashes into cells: a page of
    a hundred strips stays small.
    """
    drawn: dict[Outcome, list[str]] = {}
    place = limit - len(shown)
    for outcome, group in groupby(cell.outcome for cell in shown):
        count = len(list(group))
        width = count * STEP - (STEP - WIDTH)
        drawn.setdefault(outcome, []).extend(f"M{place * STEP} {y}h{width}" for y in _STROKES[outcome][1])
        place += count
    blank = [("none", f"M0 8h{(limit - len(shown)) * STEP}")] if len(shown) < limit else []
    return blank + [(_STROKES[outcome][0], "".join(lines)) for outcome, lines in drawn.items()]


def places(shown: Sequence[Cell], limit: int = RUNS) -> list[tuple[int, Cell]]:
    """Where each cell of the drawn strip begins."""
    return [((limit - len(shown) + place) * STEP, cell) for place, cell in enumerate(shown)]


@dataclass(frozen=True, slots=True)
class Key:
    """One entry of a strip's legend: how an outcome is drawn, how often it occurs, and its word.

    More than `RUNS` are not counted.
    """

    kind: str
    heights: tuple[int, ...]
    count: str
    word: str


def legend(shown: Sequence[Cell]) -> list[Key]:
    """What the cells of a strip mean, for each outcome that occurs in it."""
    counts: Counter[Outcome] = Counter()
    for cell in shown:
        counts[cell.outcome] += cell.runs
    return [Key(*_STROKES[one], _many(counts[one]), one.value) for one in Outcome if counts[one]]


def _many(count: int) -> str:
    return str(count) if count <= RUNS else f"more than {RUNS}"


def _of_a_silence(missed: Sequence[datetime]) -> list[Cell]:
    cells = [Cell(Outcome.MISSED, at) for at in missed[-OF_A_SILENCE:]]
    more = len(missed) - len(cells)
    return [replace(cells[0], runs=1 + more), *cells[1:]] if more else cells


def _run(ping: Heard, overruns: Sequence[datetime]) -> Cell:
    if ping.signal is Signal.FAIL:
        return Cell(Outcome.FAILED, ping.at, ping.duration)
    overran = any(_under_way(ping, at) for at in overruns)
    return Cell(Outcome.OVERRAN if overran else Outcome.ON_TIME, ping.at, ping.duration)


def _under_way(ping: Heard, at: datetime) -> bool:
    return ping.duration is not None and ping.at - ping.duration < at <= ping.at


def _heard_of(overrun: datetime, ended: Sequence[Heard]) -> bool:
    """Whether the run that overran then has told its end, and so has its cell already."""
    return any(_under_way(ping, overrun) for ping in ended)


def _late(cell: Cell) -> Cell:
    return Cell(Outcome.LATE, cell.at, cell.duration) if cell.outcome is Outcome.ON_TIME else cell


def _silences(story: Sequence[Transition]) -> Iterator[Silence]:
    for one, following in pairwise([*story, None]):
        if one is not None and one.cause is Cause.SILENT:
            yield Silence(one.at, following.at if following else None)


def _missed(
    check: Check, silence: Silence, heard_at_end: bool, now: datetime, limit: int
) -> tuple[list[datetime], bool]:
    """When the runs that fell into a silence were missed, and whether the ping that ended it came late for its own.

    The first of them was due a grace before the silence began. It stands for itself even where the schedule has
    changed meanwhile: it is known to have been missed.
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
    """Whether a ping came so shortly before a slot that it counts for that one: see `schedule.due_after`."""
    return due_after(schedule, heard) != due_from(schedule, heard)


def _slots(schedule: Schedule, after: datetime, until: datetime, limit: int) -> list[datetime]:
    """The last `limit` due times after `after` and not after `until`, found in bounded time."""
    if isinstance(schedule, Every):
        count = max((until - after) // schedule.period, 0)
        return [after + schedule.period * k for k in range(max(count - limit, 0) + 1, count + 1)]
    found = _walk(schedule, after, until, limit)
    if len(found) < limit:
        return found
    # A long silence: only its end is shown. Look back from there, far enough for as many.
    span = found[-1] - found[0] or timedelta(days=1)
    while (
        len(found := _walk(schedule, max(after, until - span), until, 10 * limit)) < limit
        and until - span > after
    ):
        span *= 2
    return found[-limit:]


def _walk(schedule: Schedule, after: datetime, until: datetime, limit: int) -> list[datetime]:
    found: list[datetime] = []
    while (
        len(found) < limit and (slot := due_from(schedule, found[-1] if found else after)) and slot <= until
    ):
        found.append(slot)
    return found
