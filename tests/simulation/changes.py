"""What a ping, or a person, does to a check, worked out anew: nothing here is the service's own code."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from tests.simulation import breaches, replays
from tests.simulation.cast import Job
from tests.simulation.deadlines import stuck_at
from tests.simulation.journal import Deed, Done, Journal, Sent
from tests.simulation.ways import WATCHED, Run, Way, closed, down, forgiven

Change = Callable[[Way, Job], Way]
OVERTAKEN = 60.0
"""Seconds after the end of a run in which a report of how far it is begins no new one."""


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that happens to a check at a moment. `certain`: whether it has happened by then in every way."""

    at: float
    change: Change
    certain: bool = True
    ping: int | None = None
    job: Job | None = None
    """The job as it is defined from then on."""
    others: tuple[Change, ...] = ()
    """What else it may do."""


def facts_of_pings(pings: Iterable[tuple[int, Sent]], journal: Journal) -> list[Fact]:
    """What numbered pings of one job mean that were kept. Each is taken in at some moment until its answer."""
    facts = []
    for number, ping in pings:
        change, *others = replays.changes_of(ping, replays.taken(number, journal), _change)
        # A report that nobody answered may have been taken in, or not: none is kept.
        last = change if ping.is_kept or ping.acknowledged else _nothing
        facts.append(Fact(ping.at, change, certain=False, ping=number, others=tuple(others)))
        facts.append(Fact(ping.over_at, last, ping=number, others=tuple(others)))
    return facts


def facts_of_deeds(done: Iterable[Done], job: Job) -> list[Fact]:
    """What people did to one job's check."""
    facts = []
    for one in done:
        if one.deed is Deed.REDEFINE and one.job is not None:
            rescheduled = one.job.definition().schedule != job.definition().schedule
            facts.append(Fact(one.at, _redefined(one, rescheduled), job=one.job))
            job = one.job
        elif one.deed in _DEEDS:
            facts.append(Fact(one.at, _DEEDS[one.deed](one)))
    return facts


def _change(ping: Sent) -> Change:
    return {
        "success": _succeeds(ping),
        "fail": _fails(ping),
        "start": _starts(ping),
        "log": _nothing,
        "progress": _reports(ping),
    }[ping.kind]


def _nothing(way: Way, _job: Job) -> Way:
    return way


def _succeeds(ping: Sent) -> Change:
    def change(way: Way, job: Job) -> Way:
        way = breaches.counted(way, job, ping)
        cause = breaches.of_success(way, job, ping)
        way = replace(way, ends=(*way.ends[-1:], "useless" if breaches.is_useless(job, ping) else "well"))
        heard = _heard(way, job, ping)
        heard = heard if cause else replace(heard, ok=max(heard.ok or ping.shown, ping.shown))
        if way.state == "paused" and job.manual_resume:
            return heard
        if cause:
            heard = forgiven(_unpaused(heard, ping))
            return down(heard, cause, ping.over_at, heard.runs, ping.shown)
        heard = forgiven(heard)
        armed = ping.shown if way.state == "paused" else way.armed
        runs = heard.runs if way.state == "up" else tuple(run for run in heard.runs if not run.overran)
        return replace(closed(heard, ping.at), state="up", cause=None, armed=armed, runs=runs)

    return change


def _fails(ping: Sent) -> Change:
    def change(way: Way, job: Job) -> Way:
        way = breaches.counted(way, job, ping)
        heard = _heard(replace(way, ends=(*way.ends[-1:], "fail")), job, ping)
        if way.state == "paused" and job.manual_resume:
            return heard
        heard = _unpaused(heard, ping)
        heard = replace(heard, failures=heard.failures + 1)
        if heard.state in ("new", "up") and heard.failures < job.failures:
            return heard
        return down(heard, "failed", ping.over_at, heard.runs, ping.shown)

    return change


def _heard(way: Way, job: Job, ping: Sent) -> Way:
    """Its run has ended, well or not. Those that were told to be stuck are followed no longer."""
    still_open = breaches.still_open(way, job, ping)
    told = way.cause == "stuck"
    return replace(
        way,
        runs=tuple(run for run in still_open if not (told and _is_stuck(run, job, ping.shown))),
        heard=max(way.heard or ping.shown, ping.shown),
        missed=0,
        not_before=None,
    )


def _unpaused(way: Way, ping: Sent) -> Way:
    if way.state == "paused":
        return replace(way, state="new", armed=ping.shown)
    return replace(way, state="up") if way.state == "unknown" else way


def _starts(ping: Sent) -> Change:
    def change(way: Way, job: Job) -> Way:
        way = breaches.counted(way, job, ping)
        same = [run for run in way.runs if run.rid == ping.rid and not run.overran]
        begun = way
        if not same or job.max_runtime is None:
            others = tuple(run for run in way.runs if run.rid != ping.rid)
            begun = replace(way, runs=(*others, Run(ping.rid, ping.shown)))
        return _under_way(begun, job, ping, breaches.of_start(way, job, ping))

    return change


def _reports(ping: Sent) -> Change:
    def change(way: Way, job: Job) -> Way:
        begun, cause = way, None
        of_none = _run_of(way, ping) is None and not (ping.rid is None and way.runs)
        if of_none and (way.heard is None or ping.shown - way.heard >= OVERTAKEN):
            way = breaches.counted(way, job, ping)
            cause = breaches.of_start(way, job, ping)
            begun = replace(way, runs=(*way.runs, Run(ping.rid, ping.shown)))
        run = _run_of(begun, ping)
        if run is not None and (run.done is None or (ping.done or 0.0) > run.done):
            further = replace(run, moved=ping.shown, done=ping.done)
            begun = replace(begun, runs=tuple(further if one is run else one for one in begun.runs))
        return _under_way(begun, job, ping, cause)

    return change


def _run_of(way: Way, ping: Sent) -> Run | None:
    """The run that a report is about; without its name the only one."""
    same = next((run for run in way.runs if run.rid == ping.rid), None)
    return way.runs[0] if same is None and ping.rid is None and len(way.runs) == 1 else same


def _under_way(way: Way, job: Job, ping: Sent, cause: str | None) -> Way:
    """A run goes on: what was stuck may move again, and is then what it was before."""
    if cause:
        return down(way, cause, ping.over_at, way.runs, ping.shown)
    if way.cause != "stuck" or any(_is_stuck(run, job, ping.shown) for run in way.runs):
        return way
    if way.fault is not None:
        cause, since = way.fault
        return down(way, cause, ping.over_at, way.runs, since)
    was_up = way.ok is not None and way.ok >= way.armed
    return replace(closed(way, ping.at), state="up" if was_up else "new", cause=None)


def _is_stuck(run: Run, job: Job, shown: float) -> bool:
    at = stuck_at(run, job)
    return at is not None and at <= shown


def _pauses(done: Done) -> Change:
    def change(way: Way, job: Job) -> Way:
        if way.state == "paused":
            return way
        rested = replace(forgiven(way), runs=(), began=(), ended=None)
        return replace(closed(rested, done.at), state="paused", cause=None)

    return change


def _resumes(done: Done) -> Change:
    return lambda way, job: _afresh(way, done) if way.state == "paused" else way


def _resolved(done: Done) -> Change:
    return lambda way, job: _afresh(way, done) if way.state == "down" else way


def _redefined(done: Done, rescheduled: bool) -> Change:
    def change(way: Way, job: Job) -> Way:
        if way.state not in WATCHED:
            return way
        too_many = way.failures >= job.failures
        since = (way.too_many_since or done.shown) if too_many else None
        if rescheduled:
            way = replace(way, armed=done.shown, missed=0, not_before=None)
        return replace(way, too_many_since=since)

    return change


def _afresh(way: Way, done: Done) -> Way:
    return replace(
        closed(forgiven(way), done.at),
        state="new",
        cause=None,
        armed=done.shown,
        missed=0,
        not_before=None,
        runs=(),
        began=(),
        ended=None,
    )


_DEEDS = {Deed.PAUSE: _pauses, Deed.RESUME: _resumes, Deed.RESOLVE: _resolved}
