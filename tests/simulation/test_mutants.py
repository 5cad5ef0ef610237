"""A suite that cannot fail proves nothing: each known way to lose a page is planted, and must be noticed."""

import pytest

from tests.simulation import mutants
from tests.simulation.mutants import Mutant
from tests.simulation.referee import Broken
from tests.simulation.scenario import Scenario, play
from tests.simulation.stories import STORIES
from tests.simulation.test_incidents import (
    test_whoever_joins_while_others_are_told_is_told as joiners_are_told,
)


def names(mutant: Mutant) -> str:
    return mutant.__name__


@pytest.mark.parametrize("scenario", list(dict.fromkeys(s for stories in STORIES.values() for s in stories)))
def test_without_a_mutant_each_story_ends_well(scenario: Scenario) -> None:
    play(scenario)


@pytest.mark.parametrize("mutant", STORIES, ids=names)
def test_every_known_way_to_lose_a_page_is_noticed(mutant: Mutant, monkeypatch: pytest.MonkeyPatch) -> None:
    mutant(monkeypatch)
    for scenario in STORIES[mutant]:
        try:
            play(scenario)
        except Broken:
            return
    pytest.fail(f"{mutant.__name__} survives: no promise was seen to be broken.")


@pytest.mark.parametrize("gathering", [0.0, 2.0])
def test_news_by_the_clock_is_noticed(gathering: float, monkeypatch: pytest.MonkeyPatch) -> None:
    mutants.what_was_told_is_a_comparison_of_times(monkeypatch)
    with pytest.raises(AssertionError):
        joiners_are_told(gathering)
