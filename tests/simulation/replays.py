"""Pings that come later, with the time of their run: how each may be taken, worked out anew from the promises.

One that names a time in which nobody could hear it is a fact of that time. It says nothing about a check of which
anything later is known, lets nobody wait longer, and is no other run if the same ping was kept. Any other counts from
its arrival. Seconds of the wall clock are written `shown`, moments of the loop `at`.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from tests.simulation.cast import Job
from tests.simulation.deadlines import deadline, missed_at
from tests.simulation.journal import Journal, Sent, Span
from tests.simulation.ways import Way

Change = Callable[[Way, Job], Way]
BESIDE = 30.0
"""Seconds by which a clock may be wrong: so far beside a time without sight, or its arrival, a ping names either."""
BEFORE, AFTER = 3.5, 8.0
"""Seconds by which what the service takes for a time without sight may begin earlier, and end later."""
CERTAIN = 8.0
"""Seconds without sight that the service must notice."""
SAME = 10.0
"""Seconds within which two pings of one kind and one run are the same ping."""
MOMENT = 1.0
"""Seconds that nobody can tell apart."""


@dataclass(frozen=True, slots=True)
class Taken:
    """The ways in which a ping may be taken: from its arrival, from its own time, or as one that was kept before."""

    now: bool
    then: bool
    again: bool = False
    sight: tuple[float, ...] = ()
    """When the time without sight may have ended of which it tells."""


NOW = Taken(now=True, then=False)


def taken(number: int, journal: Journal) -> Taken:
    """How a numbered ping may be taken."""
    ping = journal.pings[number]
    if ping.ago is None or abs(ping.ago) < BESIDE - MOMENT or ping.ago < 0:
        return NOW
    moved = journal.stepped
    spans = [span for span in journal.blind() if span[0] <= ping.at]
    maybe = [
        span
        for span in spans
        if _is_near(ping.claimed, span, BEFORE + BESIDE + moved, AFTER + BESIDE + moved)
    ]
    if not maybe:
        return NOW
    surely = not moved and any(
        ends - begins >= CERTAIN and _is_near(ping.claimed, (begins, ends), BESIDE - MOMENT, BESIDE - MOMENT)
        for begins, ends in maybe
    )
    sure_of_time = ping.ago > BESIDE + MOMENT
    ends = tuple(min(end, ping.at) + late for _, end in maybe for late in (-0.5, AFTER))
    return Taken(not (surely and sure_of_time), True, _is_known(number, journal), ends)


def stamps(number: int, journal: Journal) -> set[float]:
    """The times under which a numbered ping may be kept."""
    ping, how = journal.pings[number], taken(number, journal)
    at = [ping.shown] if how.now else []
    return {round(one, 3) for one in (*at, *([ping.claimed] if how.then else []))}


def _is_near(shown: float, span: Span, before: float, after: float) -> bool:
    return span[0] - before <= shown <= span[1] + after


def _is_known(number: int, journal: Journal) -> bool:
    """Whether the same ping may have been kept before."""
    ping = journal.pings[number]
    return any(
        (other.job, other.kind, other.rid) == (ping.job, ping.kind, ping.rid)
        and _may_be_kept(other)
        and any(abs(at - ping.claimed) <= SAME + MOMENT for at in other.stamps)
        for other in journal.pings[:number]
    )


def _may_be_kept(ping: Sent) -> bool:
    """Whether it was taken, or its answer may have been lost. Where nobody listens, nothing is taken."""
    is_lost = ping.status is None and ping.over_at > ping.at
    return ping.acknowledged or is_lost


def changes_of(ping: Sent, how: Taken, change: Callable[[Sent], Change]) -> Iterator[Change]:
    """What a ping may do to its check. `change`: what a ping does that is heard in time."""
    if how.now:
        yield change(ping)
    if how.again:
        yield _nothing
    if how.then:
        for known in (True, False):
            yield _later(ping, change(replace(ping, shown=ping.claimed)), known, how.sight)


def _nothing(way: Way, _job: Job) -> Way:
    return way


def _later(ping: Sent, change: Change, known: bool, sight: Sequence[float]) -> Change:
    """What a ping does that is a fact of its own time. `known`: it tells what the check was while nobody could hear."""

    def later(way: Way, job: Job) -> Way:
        at = ping.claimed
        ends = ping.kind in ("success", "fail")
        if not ends and (ping.kind == "log" or _is_over(ping, job)):
            return way
        marked = way if not ends else _marked(way, ping)
        if not _is_news(way, at):
            return marked
        after = change(way, job)
        if after.state == "up" and way.state == "unknown":
            return replace(after, state="up" if _knows(job, at, known, sight) else "unknown")
        if after.state == "up" and way.state == "down":
            limit, _ = deadline(replace(after, armed=min(after.armed, at)), job)
            return marked if limit <= ping.shown else after
        return after

    return later


def _marked(way: Way, ping: Sent) -> Way:
    heard = max(way.heard or ping.claimed, ping.claimed)
    ok = max(way.ok or ping.claimed, ping.claimed) if ping.kind == "success" else way.ok
    return replace(way, heard=heard, ok=ok)


def _is_news(way: Way, at: float) -> bool:
    """Whether nothing later is known of the check."""
    is_later = way.heard is not None and way.heard >= at
    return way.state != "paused" and not is_later and not (way.state == "new" and at < way.armed)


def _is_over(ping: Sent, job: Job) -> bool:
    """Whether a run that began then must have ended."""
    return job.max_runtime is not None and ping.claimed + job.max_runtime <= ping.shown


def _knows(job: Job, at: float, known: bool, sight: Sequence[float]) -> bool:
    """Whether no other run was due before sight returned; `known` where nobody can tell."""
    limit = missed_at(Way("up", at, heard=at, ok=at), job, 1)
    told = {limit > end for end in sight}
    return known if len(told) > 1 else told.pop()


def sent_again(pings: Iterable[Sent]) -> list[Sent]:
    """The pings that their job keeps, since nobody said that they were taken in: the last few ends of runs."""
    kept = [
        p for p in pings if not p.acknowledged and p.ago is None and p.kind in ("success", "fail", "start")
    ]
    return kept[-3:]
