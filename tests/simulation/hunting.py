"""How many random runs it takes to notice each mutant: `python -m tests.simulation.hunting [SEEDS [NAMES]]`.

A seed draws one run as `test_promises` does, on the stage of the mutant's stories, so that it is the same each time.
A run that notices a mutant must keep every promise without it.
"""

import gc
import logging
import sys
from collections.abc import Iterator, Sequence

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


def hunt(mutants: Sequence[Mutant], most: int) -> Iterator[tuple[Mutant, int]]:
    """Each mutant with the first seed, from 1 on, whose run notices it. What needs few seeds comes first."""
    left = list(mutants)
    for number in range(1, most + 1):
        runs = {stage: drawn(stage, number) for stage in {_stage(mutant) for mutant in left}}
        honest: dict[str, bool] = {}
        for mutant in tuple(left):
            stage = _stage(mutant)
            if _notices(runs[stage], mutant):
                if stage not in honest:
                    honest[stage] = not _breaks(runs[stage])
                if honest[stage]:
                    left.remove(mutant)
                    yield mutant, number
            gc.collect()


def rows(most: int, names: list[str]) -> Iterator[str]:
    """A line of the table for each mutant, as soon as it is noticed; at the end those that are not."""
    wanted = [mutant for mutant in STORIES if not names or mutant.__name__ in names]
    found = set()
    for mutant, number in hunt(wanted, most):
        found.add(mutant)
        yield f"| {_words(mutant)} | {number} |"
    for mutant in wanted:
        if mutant not in found:
            yield f"| {_words(mutant)} | more than {most} |"


def _stage(mutant: Mutant) -> str:
    return STORIES[mutant][0].stage


def _words(mutant: Mutant) -> str:
    return (mutant.__doc__ or "").split("\n")[0]


def _notices(scenario: Scenario, mutant: Mutant) -> bool:
    with pytest.MonkeyPatch.context() as patch:
        mutant(patch)
        return _breaks(scenario)


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
