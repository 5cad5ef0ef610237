"""Callbacks come late, twice and out of order: in whatever order, and whatever dies meanwhile, the end is the same.

A page is under way to a provider that shows it, and holds its answer back. Then things happen in each of their orders:
the provider says that it has the page (sent), it reports that the page arrived (receipt), somebody presses the button
(ack), somebody resolves the incident, the job pings, and the time for an answer runs out.
"""

import os
from collections.abc import Callable, Sequence
from itertools import combinations, islice, permutations

import pytest

from alerting.escalation import Policy
from alerting.notifiers.contract import Arrived
from tests.simulation import cast
from tests.simulation.cast import HOUR, MINUTE, Job
from tests.simulation.providers import Slip, beeper, webhook
from tests.simulation.referee import Referee
from tests.simulation.verdict import Verdict
from tests.simulation.world import World

JOB = "nightly-backup"
PEOPLE = (
    cast.person("first", beeper("first/1"), webhook("first/2")),
    cast.person("second", webhook("second/1")),
)
POLICY = Policy("ops", (cast.step("first", minutes=2), cast.step("second", "first", minutes=5)))
AT_ONCE = 3
"""Events of a set."""
SOON = 5
"""Commits and sends that lie in any order between its first event and its last."""
THOROUGH = int(os.environ.get("SIM_SEEDS", "0")) >= 1000
"""Whether the service dies at each point of each order, and all events come in each of their orders.

Else it dies at one point of each, and they come in one of `SOME` orders.
"""
SOME = 37


def sent(world: World) -> None:
    world.let_go()


def receipt(world: World) -> None:
    """Each report comes twice, and again until it is heard."""
    for number in (*world.network.taken, *world.network.taken):
        while not world.hear(Arrived(number)):
            world.advance(seconds=10)


def ack(world: World) -> None:
    page = world.pages("first")[0]
    while world.press(page) is None:
        world.advance(seconds=5)


def resolve(world: World) -> None:
    while world.resolve(1) is None:
        world.advance(seconds=5)


def ping(world: World) -> None:
    while world.ping(JOB) != [200]:
        world.advance(seconds=5)


def time_out(world: World) -> None:
    world.advance(minutes=2.5)


Event = Callable[[World], None]
EVENTS: tuple[Event, ...] = (sent, receipt, ack, resolve, ping, time_out)
SETS = tuple(combinations(EVENTS, AT_ONCE))


def names(events: Sequence[Event]) -> str:
    return "-".join(event.__name__ for event in events)


def end_of(events: Sequence[Event]) -> tuple[str, str]:
    """How the incident and its job must stand after all of these, whatever came first."""
    job = "up" if ping in events else "new" if resolve in events else "down failed"
    if ping in events or resolve in events:
        return "resolved", job
    return "acknowledged" if ack in events else "open", job


def played(events: Sequence[Event], dies_at: int | None = None) -> int:
    """Let these things happen in this order, and look at the end. Return at how many points it could have died."""
    job = Job(JOB, every=24 * HOUR, grace=HOUR)
    with World(job, people=PEOPLE, policies=[POLICY]) as world:
        referee = Referee(world)
        world.ping(JOB)
        world.spoil("first/1", Slip.HELD)
        world.ping(JOB, signal="fail")
        world.advance(seconds=11)
        before = world.machine.fate.passed.total()
        if dies_at is not None:
            world.crash_at(skip=dies_at)
        for event in events:
            event(world)
            world.advance(seconds=1)
            referee.look()
        points = world.machine.fate.passed.total() - before
        world.mend()
        sent(world)
        for _ in range(4):
            world.advance(seconds=2 * MINUTE)
            referee.look()
        Verdict(referee).give()
        (incident,) = world.incidents(open_only=False)
        assert (incident["state"], world.state(JOB)) == end_of(events)
        assert incident["occurrence"] == 1
        assert not world.disk.rows("SELECT id FROM pages WHERE state = 'pending'")
        assert world.pages("first")
        return points


@pytest.mark.parametrize("events", SETS, ids=names)
def test_in_each_order_it_ends_alike(events: tuple[Event, ...]) -> None:
    for place, order in enumerate(permutations(events)):
        # Of the points at which it could die, each order of a set has another one.
        points = range(played(order)) if THOROUGH else [(place + SETS.index(events)) % SOON]
        for point in points:
            try:
                played(order, point)
            except AssertionError as broken:
                broken.add_note(f"{names(order)}, dying at point {point}")
                raise


def test_in_each_order_of_all_it_ends_alike() -> None:
    for order in islice(permutations(EVENTS), None, None, 1 if THOROUGH else SOME):
        played(order)
