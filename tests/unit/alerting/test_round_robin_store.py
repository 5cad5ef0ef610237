"""The turns of a round: dealt under a lock, so that two processes never give the same one."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import Connection, make_url

from alerting import desk, round_robin_store
from heartbeat.database import engine
from tests.unit.alerting.conftest import ANNA, BEN, OPS

EVERYBODY = ("anna", "ben", "cleo")


def test_turns_are_dealt_to_incidents_with_their_own_candidates(db: Connection) -> None:
    drawn = round_robin_store.draw(db, "ops", 1, {EVERYBODY: [7, 8], ("ben",): [9]})
    assert drawn == {7: "anna", 8: "ben", 9: "ben"}
    assert round_robin_store.last_turns(db, "ops", 1) == {"anna": 1, "ben": 3}
    assert round_robin_store.draw(db, "ops", 1, {EVERYBODY: [10]}) == {10: "cleo"}


def test_each_step_of_each_policy_has_its_own_turns(db: Connection) -> None:
    round_robin_store.draw(db, "ops", 1, {EVERYBODY: [7]})
    assert round_robin_store.draw(db, "ops", 2, {EVERYBODY: [7]}) == {7: "anna"}
    assert round_robin_store.draw(db, "web", 1, {EVERYBODY: [7]}) == {7: "anna"}


def test_the_turns_of_policies_that_are_no_more_are_forgotten(db: Connection) -> None:
    for policy in ("ops", "gone"):
        round_robin_store.draw(db, policy, 1, {EVERYBODY: [7]})
    round_robin_store.forget_strangers(db)
    assert round_robin_store.last_turns(db, "ops", 1)
    assert not round_robin_store.last_turns(db, "gone", 1)


def test_two_processes_that_deal_at_a_time_spread_turns_evenly(
    make_database_url: Callable[[str], str],
) -> None:
    writer = engine(make_url(make_database_url("postgres")), writing=True)
    with writer.begin() as db:
        desk.install(db, [ANNA, BEN], [OPS], {})

    def deal(process: int) -> list[str]:
        dealt: list[str] = []
        for number in range(15):
            with writer.begin() as db:
                dealt += round_robin_store.draw(db, "ops", 1, {EVERYBODY: [process * 100 + number]}).values()
        return dealt

    with ThreadPoolExecutor(2) as processes:
        turns = Counter(entry for dealt in processes.map(deal, range(2)) for entry in dealt)
    writer.dispose()
    assert turns == {"anna": 10, "ben": 10, "cleo": 10}
