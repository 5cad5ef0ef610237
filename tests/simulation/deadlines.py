"""When a check must next be heard, worked out anew: nothing here is the service's own code."""

from dataclasses import dataclass

from tests.simulation.cast import DAY, Job
from tests.simulation.ways import RUNS_ON, WATCHED, Run, Way

EARLY = 30.0
"""A ping so shortly before a slot (and no more than a tenth of the period) is that slot's."""
NEVER = float("inf")


@dataclass(frozen=True, slots=True)
class Window:
    """When a ping was expected, on the wall clock, and until when it usually comes.

    `mostly`: half of it must have been unheard before it counts as lost.
    """

    begins: float
    usual_ends: float
    mostly: bool


def window_of(way: Way, job: Job, cause: str | None, end: float) -> Window:
    """The window of the ping that was missed at `end`."""
    if cause in ("overrun", "stuck"):
        words = [
            run.started if run.moved is None else run.moved for run in way.runs if end in _ends(run, job)
        ]
        return Window(min(words, default=end), end, mostly=True)
    slot, mostly = due(way, job), way.state == "unknown"
    heard = way.heard if way.heard is not None and way.heard >= way.armed else None
    if job.every is not None:
        spread = min(job.grace, max(60.0, job.every / 20))
        begins = slot - min(spread, job.every / 2) if heard is not None else way.armed
        return Window(begins, min(slot + spread, end), mostly)
    begins = max(slot - min(EARLY, job.gap / 10), way.armed if heard is None else heard)
    if heard is None:
        return Window(begins, min(slot + job.grace, end), mostly)
    after_slot = max(heard - (slot - job.gap), 0.0)
    return Window(begins, min(slot + min(job.grace, max(60.0, 2 * after_slot)), end), mostly)


def patience(job: Job) -> float:
    """For how long a late ping still counts once sight has returned."""
    return min(max(job.grace, 60.0), 900.0)


def next_end(way: Way, job: Job) -> tuple[float, str | None]:
    """When it turns down or (no cause) misses a run that is tolerated, whichever comes first."""
    shown, cause = deadline(way, job)
    if way.not_before is not None:
        shown = max(shown, way.not_before)
    if way.state in WATCHED and way.missed + 1 < job.missed:
        miss = missed_at(way, job, way.missed + 1)
        if miss < shown:
            return miss, None
    return shown, cause


def deadline(way: Way, job: Job) -> tuple[float, str]:
    """When it turns down if nothing more is heard (for ever: never), and for what."""
    watched = way.state in WATCHED
    if not watched and way.cause not in RUNS_ON:
        return NEVER, "silent"
    if way.too_many_since is not None:
        return way.too_many_since, "failed"
    open_runs = [run for run in way.runs if not run.overran]
    stuck = min((at for run in open_runs if (at := stuck_at(run, job)) is not None), default=NEVER)
    overrun = min((run.started + job.max_runtime for run in open_runs if job.max_runtime), default=NEVER)
    causes = (
        (overrun, "overrun"),
        (stuck, "stuck"),
        (missed_at(way, job, job.missed), "silent"),
        (_unfinished(way, job) if watched else NEVER, "unfinished"),
    )
    return min(causes, key=lambda one: one[0])


def stuck_at(run: Run, job: Job) -> float | None:
    """When a run that says how far it is, or must, no longer moves."""
    moved = run.started if run.moved is None and job.until_done else run.moved
    return None if job.stuck_after is None or moved is None else moved + job.stuck_after


def due(way: Way, job: Job) -> float:
    """When it must next be heard, before grace."""
    return _due_since(way, job, way.heard)


def missed_at(way: Way, job: Job, count: int) -> float:
    """When it has missed so many runs."""
    at = job.nth_slot(due(way, job), count) + job.grace
    if way.state == "unknown":
        at = max(at, way.armed + patience(job))
    if not job.max_runtime:
        return at
    begun = [run for run in way.runs if not run.overran and run.started <= at]
    ends = [run.started + job.max_runtime for run in begun]
    if job.until_done:
        ends = [min(end, stuck_at(run, job) or end) for run, end in zip(begun, ends, strict=True)]
    return max(at, min(max(ends, default=at), at + job.max_runtime))


def _unfinished(way: Way, job: Job) -> float:
    """When the first run after its last success must have succeeded, by the time of the day."""
    if job.finish_by is None or job.every is not None:
        return NEVER
    slot = job.nth_slot(_due_since(way, job, way.ok), job.missed)
    by = job.finish_by - 3 * 3600.0
    return by + DAY * ((slot - by) // DAY + 1)


def _due_since(way: Way, job: Job, heard: float | None) -> float:
    if heard is None or heard < way.armed:
        return job.next_slot(way.armed)
    slot = job.next_slot(heard)
    if job.every is None and slot - heard <= min(EARLY, job.gap / 10):
        return job.next_slot(slot)
    return slot


def _ends(run: Run, job: Job) -> list[float]:
    """When a run comes to no end."""
    stuck = stuck_at(run, job)
    return [
        at for at in (run.started + job.max_runtime if job.max_runtime else None, stuck) if at is not None
    ]
