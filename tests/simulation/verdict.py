"""What must have been heard and shown by the end of a run: pings in the ring, pages on phones."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from tests.simulation import books, delivering, moving, quieting, replays, ringing, waiting
from tests.simulation.hindsight import Hindsight
from tests.simulation.journal import Sent
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
    (5, waiting.early),
    (5, ringing.frozen),
    (5, waiting.handed),
    (5, waiting.wanted),
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
        sent = [(n, p) for n, p in enumerate(past.journal.pings) if p.job == name and p.is_kept]
        known = {(at, ping.kind) for number, ping in sent for at in replays.stamps(number, past.journal)}
        acknowledged = [(n, p) for n, p in sent if p.acknowledged]
        again = sum(replays.taken(number, past.journal).again for number, _ in acknowledged)
        for number, lost in acknowledged[-RING:]:
            is_there = any((at, lost.kind) in kept for at in lost.stamps)
            if not is_there and not replays.taken(number, past.journal).again:
                yield f"the ping {lost} of {name} was acknowledged, and is not in the ring"
        for doubled in _doubled(kept, [ping for _, ping in sent]):
            yield f"the ping {doubled} of {name} came again, and is another run"
        for invented in [one for one in kept if one not in known]:
            yield f"the ping {invented} of {name} is in the ring, and nobody sent it"
        count, least = past.checks[name].pings, len(acknowledged) - again
        if not least <= count <= len(sent) or len(kept) != min(count, RING):
            yield f"{name} counts {count} pings and keeps {len(kept)}; {least} at least were acknowledged"
        life = past.referee.lives[name]
        # Not each success is of a run that was well, where more is expected, and one may come later.
        late = life.job.is_exacting or any(ping.ago is not None for _, ping in sent)
        last = life.last_ok if late else [at for at, kind in kept if kind == "success"][-1:]
        says = past.checks[name].last_ok or 0.0
        if count <= RING and last and all(abs(says - at) > past.slack + 0.001 for at in last):
            yield f"{name} was last well at {last}, and says {says}"


def _doubled(kept: Sequence[tuple[float, str]], sent: Sequence[Sent]) -> list[tuple[float, str]]:
    """What came later is kept, and stood there already."""
    first = Counter((round(ping.shown, 3), ping.kind) for ping in sent if ping.ago is None)
    later = {(round(ping.claimed, 3), ping.kind) for ping in sent if ping.ago is not None}
    return [one for one, many in Counter(kept).items() if one in later and many > max(first[one], 1)]
