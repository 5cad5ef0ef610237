"""How each check must stand, worked out by brute force from what the jobs said and what people did.

This knows nothing of the service's own reasoning. It follows every way in which things may stand: where a deadline
passes while the service cannot work, or a ping is under way, there are two. Each look at the service rules ways
out; when none is left, the service is wrong. Seconds of the wall clock are written `shown`, moments of the loop `at`.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from tests.simulation.cast import Job
from tests.simulation.journal import Deed, Done, Journal, Sent, Span, settled
from tests.simulation.virtual import VirtualClock

NOTICED = 5.0
"""Seconds of undisturbed work within which the service must have noticed whatever it has to notice."""
EARLY = 30.0
"""A ping so shortly before a slot (and no more than a tenth of the period) is that slot's."""
AMBIGUOUS = 5.0
"""Seconds after the clock was set back in which what was written before looks as if it was written since."""

BEFORE, AFTER = 3.5, 8.0
"""Seconds by which what the service takes for a time without sight may begin earlier, and end later."""
CERTAIN = 8.0
"""Seconds without sight that the service must notice."""
WATCHED = ("new", "up", "unknown")

SILENT, FAILED = "silent", "failed"
KINDS = {"silent": SILENT, "overrun": SILENT, "failed": FAILED, "ineffective": FAILED}
"""A cause, and the kind of incident that it makes."""
RUNS_ON = ("failed", "ineffective")
"""The causes of a check whose job goes on running: its next deadline stands."""


@dataclass(frozen=True, slots=True)
class Spell:
    """A stretch of the loop's time in which a check was certainly down, and the kind of cause that began it."""

    kind: str
    begins: float
    ends: float


@dataclass(frozen=True, slots=True)
class Run:
    """A run under way."""

    rid: str | None
    started: float
    overran: bool = False


@dataclass(frozen=True, slots=True)
class Way:
    """One way in which a check may stand."""

    state: str
    armed: float
    cause: str | None = None
    heard: float | None = None
    failures: int = 0
    """Failures since it was last well."""
    too_many_since: float | None = None
    """When an edit made its failures too many."""
    runs: tuple[Run, ...] = ()
    coming: frozenset[int] = frozenset()
    """Pings that are under way: sent, and perhaps not yet taken in."""
    missed: int = 0
    """Missed runs that are tolerated, since it was last heard."""
    not_before: float | None = None
    """Until when it may be late, where the end of its window could not be heard."""
    down_since: float | None = None
    down_for: str | None = None
    """The kind of cause for which it turned down, whatever its cause is now."""
    spells: tuple[Spell, ...] = ()

    @property
    def look(self) -> tuple[str, str | None]:
        return self.state, self.cause


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that happens to a check at a moment. `certain`: whether it has happened by then in every way."""

    at: float
    change: Callable[[Way, Job], Way]
    certain: bool = True
    ping: int | None = None
    job: Job | None = None
    """The job as it is defined from then on."""


class Life:
    """The ways in which one check may stand, followed through time."""

    def __init__(self, job: Job, clock: VirtualClock, journal: Journal) -> None:
        self.job = job
        self.at = 0.0
        self.ways = {Way("new", clock.shown(0.0))}
        self._clock = clock
        self._journal = journal

    def meet(self, fact: Fact) -> None:
        """Time passes up to a fact, and it happens, or perhaps happens."""
        self.pass_time(fact.at)
        if fact.ping is None:
            after = fact.job or self.job
            self.ways = {fact.change(way, after) for way in self.ways}
            self.job = after
        elif fact.certain:
            self.ways = {self._taken_in(way, fact) if fact.ping in way.coming else way for way in self.ways}
        else:
            on_its_way = {replace(way, coming=way.coming | {fact.ping}) for way in self.ways}
            self.ways = on_its_way | {self._taken_in(way, fact) for way in on_its_way}

    def pass_time(self, to: float) -> None:
        """Deadlines pass, up to a moment."""
        self.ways = {after for way in self.ways for after in self._passed(way, self.at, to)}
        self.at = to

    def set_clock(self, at: float, by: float) -> None:
        """The clock was set: what has passed has passed, and what a wrong clock has judged is judged again."""
        self.pass_time(at)
        shown = self._clock.shown(at)
        self.ways = {
            after
            for way in self.ways
            for moved in _moved(way, by, shown)
            for after in self._judged(moved, at)
        }

    def _judged(self, way: Way, at: float) -> Iterator[Way]:
        yield way
        if way.look not in (("down", "silent"), ("down", "overrun")) or way.failures >= self.job.failures:
            return
        shown = self._clock.shown(at)
        limit = self.job.max_runtime
        runs = tuple(
            replace(r, overran=r.overran and limit is not None and r.started + limit <= shown)
            for r in way.runs
        )
        for state in ("up", "new"):
            watched = replace(_closed(way, at), state=state, cause=None, runs=runs)
            if deadline(watched, self.job)[0] > shown:
                yield watched

    def look(self, state: str, cause: str | None) -> bool:
        """The service says how the check stands: rule out the other ways. False where none is left."""
        left = {way for way in self.ways if way.look == (state, cause)}
        self.ways = left or self.ways
        return bool(left)

    def spells(self, until: float) -> list[Spell]:
        """When it was certainly down, by the way that is left."""
        way = min(self.ways, key=repr)
        return [*way.spells, *_open_spell(way, until)]

    def _taken_in(self, way: Way, fact: Fact) -> Way:
        assert fact.ping is not None
        return fact.change(replace(way, coming=way.coming - {fact.ping}), self.job)

    def _passed(self, way: Way, since: float, to: float) -> Iterator[Way]:
        shown, cause = next_end(way, self.job)
        at = self._clock.when(shown, since)
        if at > to:
            yield way
            return
        surely = settled(at, NOTICED, self._journal.unable())
        excused, certain = self._excused(way, cause, shown, at)
        for other in excused:
            for noticed in (at, min(surely, to)):
                yield from self._passed(other, max(noticed, since), to)
        if cause is None:
            yield from self._passed(replace(way, missed=way.missed + 1), max(at, since), to)
            if surely > to:
                yield way
            return
        if certain:
            if surely > to:
                yield way
            return
        # Which of several runs have overrun by the time of looking depends on when exactly that is.
        for noticed in (at, min(surely, to)):
            down = _down(way, cause, surely, self._overrun(way, noticed))
            yield from self._passed(down, max(noticed, since), to)
        if surely > to:
            yield way

    def _excused(self, way: Way, cause: str | None, shown: float, at: float) -> tuple[list[Way], bool]:
        """The ways in which it goes on if nobody could hear it when it was due, and whether it is certainly one."""
        if cause == FAILED:
            return [], False
        window = window_of(way, self.job, cause, shown)
        begins, usual = at - (shown - window.begins), at - (shown - window.usual_ends)
        touching = [
            span for span in self._journal.blind() if span[0] - BEFORE < at and span[1] + AFTER > begins
        ]
        if not touching:
            return [], False
        inner = [(b + 0.5, e - 0.5) for b, e in touching if e - b >= CERTAIN and not self._journal.steps]
        wide = [(b - BEFORE, e + AFTER) for b, e in touching]
        half = (usual - begins) / 2 if window.mostly else 0.0
        later_than = [end for _, end in touching if self._clock.shown(end) > way.armed + 0.001]
        lost = [self._unheard(way, end) for end in later_than]
        later = [self._later(way, end) for _, end in touching]
        excused = [one for one in later if one is not None]
        if _covered(wide, begins, usual) >= half:
            excused += lost
        margin = len(touching) * (BEFORE + AFTER) if window.mostly else 1.0
        surely_lost = _covered(inner, begins, usual) > half + margin
        surely_late = _covered(inner, begins, at) > 1.0 and None not in later
        surely_lost = surely_lost and bool(lost)
        return (lost if surely_lost else excused), surely_lost or (surely_late and bool(excused))

    def _unheard(self, way: Way, end: float) -> Way:
        armed = max(way.armed, self._clock.shown(end))
        expected = replace(way, armed=armed, missed=0, not_before=None)
        return expected if way.state == "down" else replace(expected, state="unknown", cause=None, runs=())

    def _later(self, way: Way, end: float) -> Way | None:
        """The same, judged later; None if it has waited for so long already."""
        until = self._clock.shown(end) + patience(self.job)
        waits = way.not_before
        return None if waits is not None and waits >= until - 0.001 else replace(way, not_before=until)

    def _overrun(self, way: Way, at: float) -> tuple[Run, ...]:
        limit, shown = self.job.max_runtime, self._clock.shown(at)
        return tuple(
            replace(r, overran=r.overran or (limit is not None and r.started + limit <= shown))
            for r in way.runs
        )


def facts_of_pings(pings: Iterable[tuple[int, Sent]]) -> list[Fact]:
    """What numbered pings of one job mean that were kept. Each is taken in at some moment until its answer."""
    return [
        fact
        for number, ping in pings
        for fact in (
            Fact(ping.at, _change(ping), certain=False, ping=number),
            Fact(ping.over_at, _change(ping), ping=number),
        )
    ]


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
    if cause == "overrun":
        limit = job.max_runtime or 0.0
        return Window(end - limit, end, mostly=True)
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


def _covered(spans: Sequence[Span], begins: float, ends: float) -> float:
    return sum(max(min(e, ends) - max(b, begins), 0.0) for b, e in spans)


def patience(job: Job) -> float:
    """For how long a late ping still counts once sight has returned."""
    return min(max(job.grace, 60.0), 900.0)


def next_end(way: Way, job: Job) -> tuple[float, str | None]:
    """When it turns down or (no cause) misses a run that is tolerated, whichever comes first."""
    shown, cause = deadline(way, job)
    if way.not_before is not None:
        shown = max(shown, way.not_before)
    if way.state in WATCHED and way.missed + 1 < job.missed:
        miss = job.nth_slot(due(way, job), way.missed + 1) + job.grace
        if miss < shown:
            return miss, None
    return shown, cause


def deadline(way: Way, job: Job) -> tuple[float, str]:
    """When it turns down if nothing more is heard (for ever: never), and for what."""
    ends = [run.started + job.max_runtime for run in way.runs if not run.overran] if job.max_runtime else []
    silent = float("inf")
    if way.state in WATCHED or way.cause in RUNS_ON:
        silent = job.nth_slot(due(way, job), job.missed) + job.grace
        if way.state == "unknown":
            silent = max(silent, way.armed + patience(job))
        waited_for = [e for e in ends if job.max_runtime and e - job.max_runtime <= silent]
        if waited_for and job.max_runtime:
            silent = max(silent, min(max(waited_for), silent + job.max_runtime))
    overrun = min(ends, default=float("inf")) if way.state in WATCHED else float("inf")
    if way.too_many_since is not None and way.too_many_since <= min(overrun, silent):
        return way.too_many_since, "failed"
    return (overrun, "overrun") if overrun <= silent else (silent, "silent")


def due(way: Way, job: Job) -> float:
    """When it must next be heard, before grace."""
    if way.heard is None or way.heard < way.armed:
        return job.next_slot(way.armed)
    slot = job.next_slot(way.heard)
    if job.every is None and slot - way.heard <= min(EARLY, job.gap / 10):
        return job.next_slot(slot)
    return slot


def _moved(way: Way, by: float, shown: float) -> list[Way]:
    """The ways in which it may stand once the clock was set: `heard` and `armed` may lie where they were."""

    def places(at: float | None) -> list[float | None]:
        if at is None:
            return [None]
        looks_new = by < 0 and shown <= at <= shown + AMBIGUOUS
        return [at + by, at] if looks_new else [at + by]

    return [
        replace(
            way,
            heard=heard,
            armed=armed,
            too_many_since=None if way.too_many_since is None else way.too_many_since + by,
            runs=tuple(replace(run, started=run.started + by) for run in way.runs),
        )
        for heard in places(way.heard)
        for armed in places(way.armed)
        if armed is not None
    ]


def _down(way: Way, cause: str, at: float, runs: tuple[Run, ...]) -> Way:
    way = replace(way, too_many_since=None)
    if way.state == "down":
        # It stays in its incident, whatever becomes of its cause.
        return replace(way, cause=cause, runs=runs)
    return replace(
        _closed(way, at), state="down", cause=cause, runs=runs, down_since=at, down_for=KINDS[cause]
    )


def _closed(way: Way, at: float) -> Way:
    return replace(way, spells=(*way.spells, *_open_spell(way, at)), down_since=None, down_for=None)


def _open_spell(way: Way, until: float) -> list[Spell]:
    if way.state != "down" or way.down_since is None or until <= way.down_since:
        return []
    return [Spell(way.down_for or "", way.down_since, until)]


def _change(ping: Sent) -> Callable[[Way, Job], Way]:
    return {
        "success": _succeeds(ping),
        "fail": _fails(ping),
        "start": _starts(ping),
        "log": lambda way, job: way,
    }[ping.signal if not ping.signal.isdigit() else ("fail" if int(ping.signal) else "success")]


def _ended(way: Way, ping: Sent) -> Way:
    return replace(way, runs=tuple(run for run in way.runs if run.rid != ping.rid))


def _succeeds(ping: Sent) -> Callable[[Way, Job], Way]:
    def change(way: Way, job: Job) -> Way:
        ended = _ended(way, ping)
        heard = replace(ended, heard=max(ended.heard or ping.shown, ping.shown), missed=0, not_before=None)
        if way.state == "paused" and job.manual_resume:
            return heard
        heard = _forgiven(heard)
        armed = ping.shown if way.state == "paused" else way.armed
        runs = heard.runs if way.state == "up" else tuple(run for run in heard.runs if not run.overran)
        return replace(_closed(heard, ping.at), state="up", cause=None, armed=armed, runs=runs)

    return change


def _fails(ping: Sent) -> Callable[[Way, Job], Way]:
    def change(way: Way, job: Job) -> Way:
        ended = _ended(way, ping)
        heard = replace(ended, heard=max(ended.heard or ping.shown, ping.shown), missed=0, not_before=None)
        if way.state == "paused" and job.manual_resume:
            return heard
        if way.state == "paused":
            heard = replace(heard, state="new", armed=ping.shown)
        if way.state == "unknown":
            heard = replace(heard, state="up")
        heard = replace(heard, failures=heard.failures + 1)
        if heard.state in ("new", "up") and heard.failures < job.failures:
            return heard
        return _down(heard, "failed", ping.over_at, heard.runs)

    return change


def _starts(ping: Sent) -> Callable[[Way, Job], Way]:
    def change(way: Way, job: Job) -> Way:
        same = [run for run in way.runs if run.rid == ping.rid and not run.overran]
        if same and job.max_runtime is not None:
            return way
        others = tuple(run for run in way.runs if run.rid != ping.rid)
        return replace(way, runs=(*others, Run(ping.rid, ping.shown)))

    return change


def _pauses(done: Done) -> Callable[[Way, Job], Way]:
    def change(way: Way, job: Job) -> Way:
        if way.state == "paused":
            return way
        return replace(_closed(_forgiven(way), done.at), state="paused", cause=None, runs=())

    return change


def _resumes(done: Done) -> Callable[[Way, Job], Way]:
    return lambda way, job: _afresh(way, done) if way.state == "paused" else way


def _resolved(done: Done) -> Callable[[Way, Job], Way]:
    def change(way: Way, job: Job) -> Way:
        return _afresh(way, done) if way.state == "down" else way

    return change


def _redefined(done: Done, rescheduled: bool) -> Callable[[Way, Job], Way]:
    def change(way: Way, job: Job) -> Way:
        if way.state not in WATCHED:
            return way
        too_many = way.failures >= job.failures
        since = (way.too_many_since or done.shown) if too_many else None
        if rescheduled:
            way = replace(way, armed=done.shown, missed=0, not_before=None)
        return replace(way, too_many_since=since)

    return change


def _forgiven(way: Way) -> Way:
    return replace(way, failures=0, too_many_since=None)


def _afresh(way: Way, done: Done) -> Way:
    return replace(
        _closed(_forgiven(way), done.at),
        state="new",
        cause=None,
        armed=done.shown,
        missed=0,
        not_before=None,
        runs=(),
    )


_DEEDS = {Deed.PAUSE: _pauses, Deed.RESUME: _resumes, Deed.RESOLVE: _resolved}
