"""What a run breaks of what its check expects, worked out anew: nothing here is the service's own code."""

from dataclasses import replace

from tests.simulation.cast import DAY, Job
from tests.simulation.journal import Sent
from tests.simulation.ways import Run, Way

REPEATED = 30.0
"""Seconds after which a second start without a name is a start of its own."""
SKEW = 30.0
"""Seconds by which a run may miss its window: the clocks of jobs differ."""


def is_useless(job: Job, ping: Sent) -> bool:
    """Whether a run says that it processed nothing, or does not say what it processed."""
    return job.must_process is not None and not ping.processed


def of_success(way: Way, job: Job, ping: Sent) -> str | None:
    """What a run that reports success breaks."""
    if is_useless(job, ping) and (ping.processed is None or _is_useless_again(way, job)):
        return "ineffective"
    run = run_of(way, ping)
    broken = [
        cause for cause, is_so in _broken(way, job, ping, run).items() if is_so and _is_judged(way, cause)
    ]
    return way.cause if way.cause in broken else next(iter(broken), None)


def of_start(way: Way, job: Job, ping: Sent) -> str | None:
    """What a run breaks that begins."""
    if way.state not in ("new", "up") or _is_repeated(way, ping):
        return None
    causes = {
        "overlap": job.alone and bool(way.runs),
        "too_often": _is_too_often(way, job, ping.shown),
        "wrong_time": not is_in_window(job, ping.shown),
    }
    return next((cause for cause, is_so in causes.items() if is_so), None)


def counted(way: Way, job: Job, ping: Sent) -> Way:
    """The same, with the run counted that begins, or that ends and was not heard to begin."""
    if job.at_most is None:
        return way
    starts = ping.signal in ("start", "progress")
    if not starts and run_of(way, ping) is not None:
        return replace(way, ended=ping.shown)
    runs, period = job.at_most
    soon = min(REPEATED, period / (2 * (runs + 1)))
    echo = way.ended is not None and ping.shown - way.ended < soon
    if _is_repeated(way, ping) if starts else echo:
        return way
    began = (*way.began[-runs:], ping.shown)
    return replace(way, began=began, ended=way.ended if starts else ping.shown)


def still_open(way: Way, job: Job, ping: Sent) -> tuple[Run, ...]:
    """The runs that are followed after the end of one."""
    ended = run_of(way, ping)
    if ended is None:
        return way.runs
    return tuple(
        run for run in way.runs if run is not ended and not (job.alone and run.started <= ended.started)
    )


def run_of(way: Way, ping: Sent) -> Run | None:
    """The run that a ping ends."""
    return next((run for run in way.runs if run.rid == ping.rid), None)


def is_in_window(job: Job, shown: float) -> bool:
    """Whether a run may begin or end now."""
    if job.window is None:
        return True
    opens, closes = job.window
    past = (shown + 3 * 3600.0 - opens + SKEW) % DAY
    return past <= (closes - opens) % DAY + 2 * SKEW


def _broken(way: Way, job: Job, ping: Sent, run: Run | None) -> dict[str, bool]:
    others = [one for one in way.runs if one is not run]
    short = run is not None and job.min_runtime is not None and ping.shown - run.started < job.min_runtime
    inside = is_in_window(job, ping.shown) and (run is None or is_in_window(job, run.started))
    return {
        "too_short": short,
        "overlap": run is not None and job.alone and bool(others),
        "too_often": _is_too_often(way, job, ping.shown),
        "wrong_time": not inside,
    }


def _is_judged(way: Way, cause: str) -> bool:
    if way.state == "down":
        return cause in (way.cause, "too_short")
    return way.state != "unknown" and (way.state != "paused" or cause == "too_short")


def _is_useless_again(way: Way, job: Job) -> bool:
    """Whether as many runs in a row were useless as must be."""
    earlier = [end for end in way.ends if end != "fail"]
    needed = (job.must_process or 1) - 1
    return needed == 0 or (len(earlier) >= needed and set(earlier[-needed:]) == {"useless"})


def _is_too_often(way: Way, job: Job, shown: float) -> bool:
    if job.at_most is None:
        return False
    runs, period = job.at_most
    return sum(shown - period < began <= shown for began in way.began) > runs


def _is_repeated(way: Way, ping: Sent) -> bool:
    return any(
        run.rid == ping.rid and (ping.rid is not None or ping.shown - run.started < REPEATED)
        for run in way.runs
    )
