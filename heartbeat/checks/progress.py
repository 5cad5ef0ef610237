"""The progress of a run: how much is done, how fast, when it ends, and when it counts as stuck. Pure.

A run keeps a dozen points at which it moved, spread over its time, and not every report. Its pace is the median of the
slopes between them (Theil and Sen), so that a stall or a leap moves the estimate little. Neither is told of a run that
has not kept that pace of late. An estimate is only made where the points agree, and reaches no further than they can
tell.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import combinations, pairwise
from math import isfinite
from statistics import quantiles
from typing import Any, Final

MOST_POINTS: Final = 12
"""The points that a run keeps, at most."""
FEWEST_POINTS: Final = 3
"""The points from which on there is a pace."""
REACH: Final = 20
"""An estimate reaches this many times as far as the points, at most: after an hour, 20 hours ahead."""
SPREAD: Final = 3
"""There is no estimate if the time left at the slower pace is more than this many times that at the faster one."""
KEPT: Final = 2
"""There is no pace that is more than this many times that of the later half of the run, its stalls included."""
LATE: Final = timedelta(seconds=10)
"""The time in which a smaller number is a report that was overtaken on its way, and not a new beginning."""

LEARNT: Final = timedelta()
"""In a definition: the time after which a run is stuck follows from its own pace."""
LEARNT_TIMES: Final = 4
"""A run is stuck after this many times its longest time between two moves."""
LEARNT_AT_LEAST: Final = timedelta(minutes=15)
LEARNT_AT_FIRST: Final = timedelta(hours=1)
"""The time after which a run is stuck that has not moved often enough to learn from."""

AMOUNT: Final = ("done", "total")
"""The numbers of a ping that tell how far its run is."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_STEPS: Final = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 10, 15, 30, 60, 360, 1440))


@dataclass(frozen=True, slots=True)
class Amount:
    """What a run reports: how much is done, and of how much in all, if it knows that."""

    done: float
    total: float | None = None

    @property
    def left(self) -> float | None:
        return None if self.total is None else max(self.total - self.done, 0.0)

    @property
    def percent(self) -> int | None:
        """The share that is done, rounded down: 100 means that nothing is left."""
        return None if self.total is None else int(min(self.done / self.total, 1.0) * 100)


@dataclass(frozen=True, slots=True)
class Point:
    """What a run had reported at an instant."""

    at: datetime
    amount: Amount


@dataclass(frozen=True, slots=True)
class Progress:
    """The points at which a run moved, oldest first, and the time of its last report.

    `longest` is its longest time between two moves so far, of which the points no longer tell.
    """

    points: tuple[Point, ...]
    reported_at: datetime
    longest: timedelta = timedelta()

    @property
    def amount(self) -> Amount:
        return self.points[-1].amount

    @property
    def moved_at(self) -> datetime:
        return self.points[-1].at


@dataclass(frozen=True, slots=True)
class Estimate:
    """When a run ends: about `at`, and between `earliest` and `latest` by its faster and its slower pace.

    It is exact to a `step`, and so are its words.
    """

    at: datetime
    earliest: datetime
    latest: datetime
    step: timedelta

    @property
    def about(self) -> datetime:
        """The end, rounded to a step, and not before the earliest."""
        return _rounded_up(max(self.at - self.step / 2, self.earliest), self.step)

    @property
    def by(self) -> datetime:
        """The latest end, rounded up to a step: it may be promised to others."""
        return _rounded_up(self.latest, self.step)


def amount_of(measurements: Mapping[str, float] | None) -> Amount | None:
    """Return the amount among the measurements of a ping: `done`, and `total`. None if there is none to understand."""
    done = (measurements or {}).get("done")
    if done is None or not isfinite(done) or done < 0:
        return None
    total = (measurements or {}).get("total")
    return Amount(done, total if total is not None and isfinite(total) and total > 0 else None)


def reported(before: Progress | None, amount: Amount, at: datetime) -> Progress:
    """Return the progress of a run after a report."""
    if before is None:
        return Progress((Point(at, amount),), at)
    at = max(at, before.reported_at)
    heard = replace(before, reported_at=at)
    if amount.done == before.amount.done:
        # It has not moved. Its total may be known better now.
        last = replace(before.points[-1], amount=amount)
        return replace(heard, points=(*before.points[:-1], last))
    if amount.done < before.amount.done:
        if at - before.moved_at < LATE:
            return heard
        return Progress((Point(at, amount),), at)
    longest = max(before.longest, at - before.moved_at)
    return replace(heard, points=_thinned((*before.points, Point(at, amount))), longest=longest)


def per_hour(progress: Progress) -> float | None:
    """Return how much is done in an hour, by the median of the slopes.

    None if it is too early to say, or if the run has stalled and not made up for it since.
    """
    slopes = _slopes(progress, lambda amount: amount.done)
    return None if slopes is None else max(slopes[1], 0.0) * 3600


def estimate(progress: Progress) -> Estimate | None:
    """Return when the run ends. None if its total is not known, or if it is too early or too uncertain to say."""
    left = progress.amount.left
    slopes = _slopes(progress, lambda amount: None if amount.left is None else -amount.left)
    if not left or slopes is None or slopes[0] <= 0:
        return None
    latest, middle, earliest = (timedelta(seconds=min(left / slope, 1e9)) for slope in slopes)
    watched = progress.reported_at - progress.points[0].at
    if latest > SPREAD * earliest or middle > REACH * watched:
        return None
    error = max(middle / 12, (latest - earliest) / 4)
    step = max(step for step in _STEPS if step <= max(error, _STEPS[0]))
    now = progress.reported_at
    return Estimate(now + middle, now + earliest, now + latest, step)


def stuck_after(progress: Progress | None, setting: timedelta) -> timedelta:
    """Return the time without a move after which a run is stuck; `setting` is the one of its check, or `LEARNT`."""
    if setting != LEARNT:
        return setting
    if progress is None or len(progress.points) < FEWEST_POINTS:
        return LEARNT_AT_FIRST
    return max(LEARNT_AT_LEAST, LEARNT_TIMES * progress.longest)


def number(amount: float) -> str:
    """Return a number as people write it: "1,200", "0.5"."""
    return f"{amount:,.0f}" if amount == round(amount) or amount >= 100 else f"{amount:,.3g}"


def in_words(amount: Amount) -> str:
    """Return how far a run is: "300 of 900 (33 %)"."""
    if amount.total is None:
        return number(amount.done)
    return f"{number(amount.done)} of {number(amount.total)} ({amount.percent} %)"


def pace_in_words(an_hour: float) -> str:
    """Return a pace to two digits, as no run keeps a finer one: "about 3 a minute"."""
    for seconds, unit in ((1, "second"), (60, "minute"), (3600, "hour")):
        amount = an_hour * seconds / 3600
        if amount >= 1 or unit == "hour":
            return f"about {number(float(f'{amount:.2g}'))} {'an' if unit == 'hour' else 'a'} {unit}"
    return ""


def moved(progress: Progress, shift: Callable[[datetime], datetime]) -> Progress:
    """Return the progress with each of its times passed through `shift`, after a step of the clock."""
    points = tuple(replace(point, at=shift(point.at)) for point in progress.points)
    return replace(progress, points=points, reported_at=shift(progress.reported_at))


def to_json(progress: Progress) -> dict[str, Any]:
    return {
        "points": [
            [point.at.isoformat(), point.amount.done, point.amount.total] for point in progress.points
        ],
        "reported_at": progress.reported_at.isoformat(),
        "longest": progress.longest.total_seconds(),
    }


def from_json(stored: Mapping[str, Any]) -> Progress:
    points = [Point(datetime.fromisoformat(at), Amount(done, total)) for at, done, total in stored["points"]]
    reported_at = datetime.fromisoformat(stored["reported_at"])
    return Progress(tuple(points), reported_at, timedelta(seconds=stored["longest"]))


def _thinned(points: tuple[Point, ...]) -> tuple[Point, ...]:
    """Return the points without the one that its neighbours replace best. The first and the last stay."""
    if len(points) <= MOST_POINTS:
        return points
    spare = min(range(1, len(points) - 1), key=lambda i: points[i + 1].at - points[i - 1].at)
    return points[:spare] + points[spare + 1 :]


def _until_reported(progress: Progress) -> Sequence[Point]:
    """Return the points until the last report, which may be one without a move."""
    if progress.reported_at == progress.moved_at:
        return progress.points
    return (*progress.points, Point(progress.reported_at, progress.amount))


def _seen(points: Sequence[Point]) -> Sequence[Point]:
    """Return the points that tell the present pace: those of the later half of the time."""
    middle = points[0].at + (points[-1].at - points[0].at) / 2
    later = [point for point in points if point.at >= middle]
    return _without_break(later if len(later) > FEWEST_POINTS else points)


def _without_break(points: Sequence[Point]) -> Sequence[Point]:
    """Return the points without the one step that is a stall or a leap, with the later ones moved beside the earlier.

    A stall takes much of the time and does little. A leap takes little of the time and makes most of what was done.
    """
    took, gain = points[-1].at - points[0].at, points[-1].amount.done - points[0].amount.done
    if len(points) <= FEWEST_POINTS or not took or not gain:
        return points
    steps = [
        ((after.at - before.at) / took, (after.amount.done - before.amount.done) / gain)
        for before, after in pairwise(points)
    ]
    place = max(range(len(steps)), key=lambda place: abs(steps[place][0] - steps[place][1]))
    time, share = steps[place]
    if not (time > 0.2 and share < time / 3) and not (share > 0.5 and time < share / 5):
        return points
    before, after = points[place], points[place + 1]
    back, less = after.at - before.at, after.amount.done - before.amount.done
    moved = [
        Point(point.at - back, replace(point.amount, done=point.amount.done - less))
        for point in points[place + 2 :]
    ]
    return [*points[: place + 1], *moved]


def _slopes(progress: Progress, of: Callable[[Amount], float | None]) -> tuple[float, float, float] | None:
    """Return the quartiles of the slopes between all points, a second.

    None if the points are too few, or if the run has not kept the pace that they tell.
    """
    points = _until_reported(progress)
    slopes = [
        (later - earlier) / (end - start).total_seconds()
        for (start, earlier), (end, later) in combinations(_values(_seen(points), of), 2)
        if end > start
    ]
    if len(slopes) < FEWEST_POINTS:
        return None
    low, middle, high = quantiles(slopes, n=4, method="inclusive")
    return None if middle > KEPT * _kept(_values(points, of)) else (low, middle, high)


def _values(
    points: Sequence[Point], of: Callable[[Amount], float | None]
) -> Sequence[tuple[datetime, float]]:
    return [(point.at, value) for point in points if (value := of(point.amount)) is not None]


def _kept(values: Sequence[tuple[datetime, float]]) -> float:
    """Return the mean pace in the later half of the time, a second. A step across its middle counts in part."""
    (start, _), (end, last) = values[0], values[-1]
    middle = start + (end - start) / 2
    (before, less), (after, more) = next(step for step in pairwise(values) if step[1][0] >= middle)
    at_middle = less + (more - less) * ((middle - before) / (after - before))
    return (last - at_middle) / (end - middle).total_seconds()


def _rounded_up(at: datetime, step: timedelta) -> datetime:
    """Return the next multiple of a step, in UTC."""
    return _EPOCH - (_EPOCH - at) // step * step
