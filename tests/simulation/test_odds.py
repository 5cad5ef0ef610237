"""Runs over which the service and the oracle were once at odds. One of them was wrong, and neither may be again."""

import pytest

from tests.simulation.providers import Ill
from tests.simulation.scenario import DiskFills, GoesBad, Pings, Restaffs, Runs, Scenario, play
from tests.simulation.stories import ECHO

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
RUNS = {"the first step instead of two that reach nobody": FIRST_STEP_INSTEAD}


@pytest.mark.parametrize("run", RUNS.values(), ids=RUNS.keys())
def test_they_agree(run: Scenario) -> None:
    play(run)
