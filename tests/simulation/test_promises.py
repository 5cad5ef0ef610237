"""Hypothesis against the promises: whatever happens in whatever order, they are kept."""

import os

import pytest
from hypothesis import HealthCheck, given, seed, settings

from tests.simulation.drawing import scenarios
from tests.simulation.scenario import Scenario

SEEDS = int(os.environ.get("SIM_SEEDS", "64"))
SHARES = tuple(range(8))
"""Parts into which the runs are cut, so that several processes can share them. The same part is always the same."""


@pytest.mark.parametrize("share", SHARES)
def test_whatever_happens_every_promise_is_kept(share: int) -> None:
    @seed(share)
    @settings(
        max_examples=max(SEEDS // len(SHARES), 1),
        deadline=None,
        database=None,
        print_blob=False,
        suppress_health_check=list(HealthCheck),
    )
    @given(scenarios)
    def every_promise_is_kept(scenario: Scenario) -> None:
        scenario()

    every_promise_is_kept()
