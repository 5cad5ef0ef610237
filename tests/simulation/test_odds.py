"""Runs over which the service and the oracle were once at odds. One of them was wrong, and neither may be again."""

import pytest

from tests.simulation.providers import Ill
from tests.simulation.scenario import DiskFills, GoesBad, Pings, Restaffs, Runs, Scenario, play
from tests.simulation.stories import BRAVO, ECHO

# The evening's rotation is empty, and the second person has gone: the first step pages again, and waits as it does.
FIRST_STEP_INSTEAD = Scenario(
    (
        (75, GoesBad("first/2", Ill.MOVED, 20, 400)),
        (2, Pings(ECHO, "fail")),
        (75, Restaffs("goes", 1)),
        (45, DiskFills(70.0)),
        (330, Runs(ECHO)),
    ),
    (),
    "turns",
)
# A page waits while its incident recovers, and goes out once that is in trouble again.
BACK_AGAIN = Scenario(
    (
        (0, GoesBad("first/1", Ill.AWAY, 20)),
        (300, Pings(BRAVO, "fail")),
        (15, Pings(BRAVO)),
        (45, Pings(BRAVO, "fail")),
        (60, Runs(ECHO)),
    ),
    (),
)
# A job fails while it waits for its parent, stays down, and leaves the incident of the parent once that is well.
LEFT_ITS_PARENT = Scenario(
    ((152, Pings("romeo-report", "3")), (152, Pings("sierra-sum", "fail"))),
    ("romeo-report", "quebec-backup", "uniform-upload"),
    "chained",
    calm=22.0,
)
RUNS = {
    "the incident of a parent that is well": LEFT_ITS_PARENT,
    "a page of what was well for a while": BACK_AGAIN,
    "the first step instead of two that reach nobody": FIRST_STEP_INSTEAD,
}


@pytest.mark.parametrize("run", RUNS.values(), ids=RUNS.keys())
def test_they_agree(run: Scenario) -> None:
    play(run)
