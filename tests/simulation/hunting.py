"""How many random runs it takes to notice each mutant: `python -m tests.simulation.hunting [SEEDS [NAMES]]`.

A seed draws one run as `test_promises` does, on the stage of the mutant's stories, so that it is the same each time.
A run that notices a mutant must keep every promise without it.
"""

import gc
import logging
import sys
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.simulation.drawing import scenarios_on
from tests.simulation.mutants import Mutant
from tests.simulation.referee import Broken
from tests.simulation.scenario import Scenario
from tests.simulation.stories import STORIES

MOST = 200
"""Seeds that are tried, unless another number is asked for."""


def drawn(stage: str, number: int) -> Scenario:
    """The run of a seed. Of two that are drawn the first is always the simplest, so the second is taken."""
    found: list[Scenario] = []

    @seed(number)
    @settings(
        max_examples=2,
        phases=[Phase.generate],
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(scenarios_on(stage))
    def draw(scenario: Scenario) -> None:
        found.append(scenario)

    draw()
    return found[-1]


def hunted(mutant: Mutant, most: int) -> int | None:
    """The first seed, from 1 on, whose run notices the mutant; None where none does."""
    stage = STORIES[mutant][0].stage
    for number in range(1, most + 1):
        scenario = drawn(stage, number)
        with pytest.MonkeyPatch.context() as patch:
            mutant(patch)
            noticed = _breaks(scenario)
        gc.collect()
        if noticed and not _breaks(scenario):
            return number
    return None


def rows(most: int, names: list[str]) -> Iterator[str]:
    """A line of the table for each mutant."""
    for mutant in STORIES:
        if not names or mutant.__name__ in names:
            found = hunted(mutant, most)
            words = (mutant.__doc__ or "").split("\n")[0]
            yield f"| {words} | {f'more than {most}' if found is None else found} |"


def _breaks(scenario: Scenario) -> bool:
    try:
        scenario()
    except Broken:
        return True
    return False


if __name__ == "__main__":
    for name in ("heartbeat", "alerting"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
        logging.getLogger(name).propagate = False
    gc.disable()
    for row in rows(int(sys.argv[1]) if len(sys.argv) > 1 else MOST, sys.argv[2:]):
        print(row, flush=True)  # it is a command
