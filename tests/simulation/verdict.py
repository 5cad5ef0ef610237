"""What must have been heard and shown by the end of a run: pings in the ring, pages on phones."""

from collections.abc import Callable, Iterator

from tests.simulation import books, delivering, moving, quieting, ringing
from tests.simulation.hindsight import Hindsight
from tests.simulation.referee import RING, Broken, Referee

PROMISES: tuple[tuple[int, Callable[[Hindsight], Iterator[str]]], ...] = (
    (3, delivering.delivered),
    (3, delivering.late),
    (3, delivering.given_up),
    (3, delivering.twice),
    (3, moving.stuck),
    (3, moving.woken),
    (3, delivering.told_of_the_end),
    (5, ringing.steps),
    (5, ringing.turns),
    (5, ringing.early),
    (5, ringing.frozen),
    (5, ringing.handed),
    (6, quieting.quiet),
    (6, quieting.maintained),
    (11, quieting.untrue),
)
"""Each promise with what it comes to, looked back on."""
OF_EACH: tuple[tuple[int, Callable[[Hindsight, str], Iterator[str]]], ...] = (
    (5, ringing.ringing),
    (4, ringing.first_told),
    (4, ringing.worse),
)
"""The same of each job."""


class Verdict:
    """The last word on a run."""

    def __init__(self, referee: Referee) -> None:
        self.past = Hindsight(referee)

    def give(self) -> None:
        """Raise `Broken` for the first promise that was not kept."""
        for promise, words in self._all():
            raise Broken(promise, words)

    def _all(self) -> Iterator[tuple[int, str]]:
        yield from ((2, words) for words in _pings(self.past))
        for promise, broken in PROMISES:
            yield from ((promise, words) for words in broken(self.past))
        for name in self.past.referee.lives:
            for promise, of_one in OF_EACH:
                yield from ((promise, words) for words in of_one(self.past, name))
        yield from ((11, words) for words in self.past.world.machine.errors.told)


def _pings(past: Hindsight) -> Iterator[str]:
    ring = books.ring(past.world.disk)
    for name in past.referee.lives:
        kept = [(round(row.at, 3), row.kind) for row in ring if row.job == name]
        sent = [p for p in past.journal.pings if p.job == name and p.is_kept]
        known = [(round(p.shown, 3), _kind(p.signal)) for p in sent]
        acknowledged = [(round(p.shown, 3), _kind(p.signal)) for p in sent if p.acknowledged]
        for lost in [one for one in acknowledged[-RING:] if one not in kept]:
            yield f"the ping {lost} of {name} was acknowledged, and is not in the ring"
        for invented in [one for one in kept if one not in known]:
            yield f"the ping {invented} of {name} is in the ring, and nobody sent it"
        count = past.checks[name].pings
        if not len(acknowledged) <= count <= len(sent) or len(kept) != min(count, RING):
            yield f"{name} counts {count} pings and keeps {len(kept)}; {len(acknowledged)} were acknowledged"
        life = past.referee.lives[name]
        # Not each success is of a run that was well, where more is expected.
        last = life.last_ok if life.job.is_exacting else [at for at, kind in kept if kind == "success"][-1:]
        says = past.checks[name].last_ok or 0.0
        if count <= RING and last and all(abs(says - at) > past.slack + 0.001 for at in last):
            yield f"{name} was last well at {last}, and says {says}"


def _kind(signal: str) -> str:
    return signal if not signal.isdigit() else ("fail" if int(signal) else "success")
