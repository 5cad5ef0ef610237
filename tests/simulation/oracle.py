"""How each check must stand, worked out by brute force from what the jobs said and what people did.

This knows nothing of the service's own reasoning. It follows every way in which things may stand: where a deadline
passes while the service cannot work, or a ping is under way, there are two. Each look at the service rules ways
out; when none is left, the service is wrong. Seconds of the wall clock are written `shown`, moments of the loop `at`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from tests.simulation import breaches
from tests.simulation.cast import Job
from tests.simulation.changes import Fact
from tests.simulation.deadlines import deadline, next_end, patience, window_of
from tests.simulation.journal import Journal, Span, settled
from tests.simulation.virtual import VirtualClock
from tests.simulation.ways import ENDLESS, FAILED, Run, Spell, Way, closed, down, open_spell

NOTICED = 5.0
"""Seconds of undisturbed work within which the service must have noticed whatever it has to notice."""
AMBIGUOUS = 5.0
"""Seconds after the clock was set back in which what was written before looks as if it was written since."""
BEFORE, AFTER = 3.5, 8.0
"""Seconds by which what the service takes for a time without sight may begin earlier, and end later."""
MOVED = 10.0
"""Seconds of undisturbed work after a step of the clock within which what was misjudged is judged again."""
CERTAIN = 8.0
"""Seconds without sight that the service must notice."""
BEAT = 1.0
"""Seconds between two signs of life."""


class Life:
    """The ways in which one check may stand, followed through time."""

    def __init__(self, job: Job, clock: VirtualClock, journal: Journal) -> None:
        self.job = job
        self.at = 0.0
        self.ways = {Way("new", clock.shown(0.0))}
        self._stepped_at: float | None = None
        """When the clock was set, until everything has been judged again."""
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
            self.ways = {
                after
                for way in self.ways
                for after in (self._taken_in(way, fact) if fact.ping in way.coming else [way])
            }
        else:
            on_its_way = {replace(way, coming=way.coming | {fact.ping}) for way in self.ways}
            self.ways = on_its_way | {after for way in on_its_way for after in self._taken_in(way, fact)}

    def pass_time(self, to: float) -> None:
        """Deadlines pass, up to a moment."""
        self.ways = {after for way in self.ways for after in self._passed(way, self.at, to)}
        self.at = to
        if self._stepped_at is not None:
            # The service moves its times some seconds after a step, or once it lives again.
            self.ways = {
                after
                for way in self.ways
                for judged in self._judged(way, to)
                for after in self._passed(judged, to, to)
            }
            if settled(self._stepped_at, MOVED, self._journal.unable()) < to:
                self._stepped_at = None

    def set_clock(self, at: float, by: float) -> None:
        """The clock was set: what has passed has passed, and what a wrong clock has judged is judged again."""
        self.pass_time(at)
        shown = self._clock.shown(at)
        self.ways = {moved for way in self.ways for moved in _moved(way, by, shown)}
        self._stepped_at = at
        self.pass_time(at)

    def _judged(self, way: Way, at: float) -> Iterator[Way]:
        yield way
        shown = self._clock.shown(at)
        if way.look == ("down", "wrong_time") and breaches.is_in_window(self.job, way.since):
            yield _well(closed(way, at))
        if way.state != "down" or way.cause not in ENDLESS or way.fault is not None:
            return
        limit = self.job.max_runtime
        runs = tuple(
            replace(r, overran=r.overran and limit is not None and r.started + limit <= shown)
            for r in way.runs
        )
        for state in ("up", "new"):
            watched = replace(closed(way, at), state=state, cause=None, runs=runs)
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
        return [*way.spells, *open_spell(way, until)]

    @property
    def last_ok(self) -> list[float]:
        """When it may have been last well."""
        return [way.ok or 0.0 for way in self.ways]

    def _taken_in(self, way: Way, fact: Fact) -> list[Way]:
        assert fact.ping is not None
        arrived = replace(way, coming=way.coming - {fact.ping})
        return [change(arrived, self.job) for change in (fact.change, *fact.others)]

    def _passed(self, way: Way, since: float, to: float) -> set[Way]:
        """The ways in which it may stand later. Many lead to the same moment: from there, each is gone on once."""
        found, met, going = set(), set(), [(way, since)]
        while going:
            for further, moment in self._onward(*going.pop(), to):
                if moment is None:
                    found.add(further)
                elif (further, moment) not in met:
                    met.add((further, moment))
                    going.append((further, moment))
        return found

    def _onward(self, way: Way, since: float, to: float) -> Iterator[tuple[Way, float | None]]:
        """The ways after its next end, and from when on they go on; None where nothing more happens."""
        shown, cause = next_end(way, self.job)
        at = self._clock.when(shown, since)
        if at > to:
            yield way, None
            return
        surely = settled(at, NOTICED, self._journal.unable())
        excused, certain = self._excused(way, cause, shown, at)
        for other in excused:
            for noticed in (at, min(surely, to)):
                yield other, max(noticed, since)
        if cause is None:
            yield replace(way, missed=way.missed + 1), max(at, since)
        elif not certain:
            # Which of several runs have overrun by the time of looking depends on when exactly that is.
            for noticed in (at, min(surely, to)):
                runs = self._overrun(way, noticed) if cause == "overrun" else way.runs
                yield down(way, cause, surely, runs), max(noticed, since)
        if surely > to:
            yield way, None

    def _excused(self, way: Way, cause: str | None, shown: float, at: float) -> tuple[list[Way], bool]:
        """The ways in which it goes on if nobody could hear it when it was due, and whether it is certainly one."""
        if cause == FAILED:
            return [], False
        window = window_of(way, self.job, cause, shown)
        # It may be looked at later than when it was due.
        behind = at - self._clock.shown(at)
        at = shown + behind
        begins, usual = window.begins + behind, window.usual_ends + behind
        touching = [
            span for span in self._journal.blind() if span[0] - BEFORE < at and span[1] + AFTER > begins
        ]
        if not touching:
            return [], False
        inner = [(b + 0.5, e - 0.5) for b, e in touching if e - b >= CERTAIN and not self._journal.steps]
        wide = [(b - BEFORE, e + AFTER) for b, e in touching]
        half = (usual - begins) / 2 if window.mostly else 0.0
        ends = [self._ended(end, at) for end in self._returns(touching)]
        lost = [self._unheard(way, shown) for shown in ends if shown > way.armed + 0.001]
        later = [self._later(way, shown) for shown in ends]
        excused = [one for one in later if one is not None]
        if _covered(wide, begins, usual) >= half:
            excused += lost
        margin = len(touching) * (BEFORE + AFTER) if window.mostly else 1.0
        surely_lost = _covered(inner, begins, usual) > half + margin
        surely_late = _covered(inner, begins, at) > 1.0 and None not in later
        surely_lost = surely_lost and bool(lost)
        return (lost if surely_lost else excused), surely_lost or (surely_late and bool(excused))

    def _returns(self, touching: Sequence[Span]) -> list[float]:
        """When sight may have returned: between two blind times within a beat, nothing may have been written."""
        found = [end for _, end in touching]
        last = max(found)
        for begins, ends in self._journal.blind():
            if 0.0 <= begins - last <= BEAT:
                last = ends
        return found if last in found else [*found, last]

    def _ended(self, end: float, at: float) -> float:
        """When sight returned, by the clock as it is at a moment: what is written moves with it."""
        then = max(end, at)
        return end + self._clock.shown(then) - then

    def _unheard(self, way: Way, end: float) -> Way:
        armed = max(way.armed, end)
        expected = replace(way, armed=armed, missed=0, not_before=None, runs=())
        return expected if way.state == "down" else replace(expected, state="unknown", cause=None)

    def _later(self, way: Way, end: float) -> Way | None:
        """The same, judged later; None if it has waited for so long already."""
        until = end + patience(self.job)
        waits = way.not_before
        return None if waits is not None and waits >= until - 0.001 else replace(way, not_before=until)

    def _overrun(self, way: Way, at: float) -> tuple[Run, ...]:
        limit, shown = self.job.max_runtime, self._clock.shown(at)
        return tuple(
            replace(r, overran=r.overran or (limit is not None and r.started + limit <= shown))
            for r in way.runs
        )


def _covered(spans: Sequence[Span], begins: float, ends: float) -> float:
    return sum(max(min(e, ends) - max(b, begins), 0.0) for b, e in spans)


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
            # What was heard last may be the last success, and lies where that lies.
            ok=heard if way.ok == way.heard else _put(way.ok, by),
            armed=armed,
            since=way.since + by,
            fault=None if way.fault is None else (way.fault[0], way.fault[1] + by),
            began=tuple(began + by for began in way.began),
            ended=_put(way.ended, by),
            too_many_since=_put(way.too_many_since, by),
            runs=tuple(replace(run, started=run.started + by, moved=_put(run.moved, by)) for run in way.runs),
        )
        for heard in places(way.heard)
        for armed in places(way.armed)
        if armed is not None
    ]


def _put(at: float | None, by: float) -> float | None:
    return None if at is None else at + by


def _well(way: Way) -> Way:
    """The same, where its run came at its time after all."""
    ok = way.since if way.heard == way.since else way.ok
    state = "up" if ok is not None and ok >= way.armed else "new"
    return replace(way, state=state, cause=None, ok=ok)
