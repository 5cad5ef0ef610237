"""Power cuts: what was committed before one is there after it, whole, and the database is sound.

Method: the product's engine, migrations and statements run on a disk in memory that drops a random part of what was not
synced when its power goes, sectors in part and in any order. Pings are heard, silent checks fall, incidents page, and
the power goes at a random operation of the disk. Then `PRAGMA integrity_check` must say "ok", and every row of every
table must be as the last commit that returned has left it, or as the interrupted one leaves it.

Control: `PRAGMA synchronous=NORMAL`, which syncs the log at checkpoints only.
"""

from collections import Counter
from dataclasses import dataclass, field
from random import Random

from tests.proof.outcome import Outcome, Row
from tests.proof.powered import Powered
from tests.proof.rounds import rounds

LONG, SHORT, CONTROL = 10_000, 500, 100
CUTS_OF_A_DATABASE = 50
MIGRATING = 100
"""One cut of so many falls into the migrations of a new database."""
METHOD = "the power goes, what was not synced is lost in part, and all rows are compared with the last commit"


@dataclass(slots=True)
class Tally:
    """What came out of the cuts so far, by what the disk did."""

    cuts: Counter[str] = field(default_factory=Counter)
    violations: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)

    def note(self, doing: str, fault: str) -> None:
        """One more cut, and what it broke."""
        self.cuts[doing] += 1
        if fault:
            self.violations[doing] += 1
            self.examples.setdefault(doing, fault)

    def rows(self, commits: int) -> tuple[Row, ...]:
        """The cuts, and the commits between them."""
        cuts = [
            Row(f"cuts in {doing}", many, self.violations[doing], self.examples.get(doing, ""))
            for doing, many in sorted(self.cuts.items())
        ]
        return (*cuts, Row("commits that returned before a cut", commits))


def prove(short: bool) -> Outcome:
    """Cut the power thousands of times, and some times under a database that syncs too rarely."""
    control = _cut(CONTROL, seed=2, careless=True)
    rows = _cut(SHORT if short else LONG, seed=1)
    return Outcome("power", METHOD, rows, control)


def _cut(planned: int, *, seed: int, careless: bool = False) -> tuple[Row, ...]:
    powered, tally = Powered(Random(seed), careless=careless), Tally()
    for number in rounds(planned):
        if number % CUTS_OF_A_DATABASE == 0:
            powered.begin()
        is_migrating = number % MIGRATING == MIGRATING - 1
        tally.note(*(powered.cut_migrations() if is_migrating else powered.cut()))
    powered.end()
    return tally.rows(powered.returned)
