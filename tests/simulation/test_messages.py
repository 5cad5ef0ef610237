"""The number of messages that each person gets in the nights that people know: a promise is also what is not sent."""

from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from alerting.escalation import Policy
from tests.simulation.cast import FIRST, HOUR, MINUTE, Job, person, step
from tests.simulation.providers import webhook
from tests.simulation.world import World

ONE = person(FIRST.id, webhook("first/1"))
TWO = person("second", webhook("second/1"))
OPS = Policy("ops", (step("first", minutes=5), step("second", "first", minutes=10)))
ELEVEN = tuple(Job(f"job-{number}", every=10 * MINUTE, host="us") for number in range(11))
NAMES = tuple(job.name for job in ELEVEN)
Night = Callable[[World], None]


def flips_each_minute(world: World, minutes: int = 10) -> None:
    """It fails, is well a minute later, and so on."""
    for minute in range(minutes):
        world.ping("job", signal="success" if minute % 2 else "fail")
        world.advance(minutes=1)
    world.advance(minutes=75)


def flips_for_half_an_hour(world: World) -> None:
    flips_each_minute(world, 30)


def eleven_return_within_a_minute(world: World) -> None:
    """They are silent, and somebody has it. Then the host is rebooted."""
    world.ping(*NAMES)
    world.advance(minutes=12)
    world.acknowledge(world.incident()["id"])
    for name in NAMES:
        world.ping(name)
        world.advance(seconds=5)
    world.run(*NAMES)
    world.advance(minutes=30)


def one_fails_and_one_is_silent(world: World) -> None:
    """Two causes on one host, and nobody answers."""
    world.ping("job", "other")
    for _ in range(7):
        world.advance(minutes=9)
        world.ping("job", signal="fail")


def four_are_silent_and_one_joins(world: World) -> None:
    world.run(*NAMES[4:])
    world.ping(*NAMES[:4])
    world.advance(minutes=13)
    world.acknowledge(world.incident()["id"])
    world.stop(NAMES[4])
    world.advance(minutes=20)
    world.run(*NAMES)
    world.advance(minutes=30)


def fails_each_time(world: World) -> None:
    """Nobody answers."""
    world.ping("job")
    for _ in range(7):
        world.advance(minutes=9)
        world.ping("job", signal="fail")


def is_never_heard(world: World) -> None:
    world.advance(minutes=71)


def overruns(world: World) -> None:
    world.ping("long")
    world.ping("long", signal="start")
    world.advance(minutes=60)


def fails_and_then_falls_silent(world: World) -> None:
    world.ping("job")
    world.advance(minutes=9)
    world.ping("job", signal="fail")
    world.advance(minutes=62)
    world.ping("job")
    world.advance(minutes=5)


JOB = Job("job", every=10 * MINUTE, host="us")
ALONE = Job("job", every=10 * MINUTE)
SELDOM = Job("job", every=6 * HOUR)
PAIR = (JOB, Job("other", every=10 * MINUTE, host="us"))
LONG = Job("long", every=HOUR, max_runtime=5 * MINUTE)

NIGHTS: list[tuple[Night, tuple[Job, ...], dict[str, int], dict[str, int]]] = [
    (flips_each_minute, (SELDOM,), {"page": 2, "recovered": 1}, {"page": 1, "recovered": 1}),
    (flips_for_half_an_hour, (SELDOM,), {"page": 4, "recovered": 1}, {"page": 3, "recovered": 1}),
    (eleven_return_within_a_minute, ELEVEN, {"page": 1, "acknowledged": 1, "recovered": 1}, {}),
    (one_fails_and_one_is_silent, PAIR, {"page": 12}, {"page": 10}),
    (four_are_silent_and_one_joins, ELEVEN, {"page": 1, "acknowledged": 1, "update": 1, "recovered": 1}, {}),
    (fails_each_time, (ALONE,), {"page": 6}, {"page": 5}),
    (is_never_heard, (ALONE,), {"page": 7}, {"page": 6}),
    (overruns, (LONG,), {"page": 6}, {"page": 5}),
    (
        fails_and_then_falls_silent,
        (ALONE,),
        {"page": 7, "update": 1, "recovered": 1},
        {"page": 6, "update": 1, "recovered": 1},
    ),
]
"""The kinds of the messages to the first and to the second person on call."""


@pytest.fixture
def begin() -> Iterator[Callable[..., World]]:
    """Begins a world in which two people are on call for these jobs."""
    worlds: list[World] = []

    def make(*jobs: Job) -> World:
        worlds.append(World(*jobs, people=(ONE, TWO), policies=(OPS,)))
        return worlds[-1]

    yield make
    for world in worlds:
        world.machine.close()


@pytest.mark.parametrize(
    ("night", "jobs", "to_first", "to_second"), NIGHTS, ids=[night[0].__name__ for night in NIGHTS]
)
def test_each_person_gets_as_many_messages_as_help(
    begin: Callable[..., World],
    night: Night,
    jobs: tuple[Job, ...],
    to_first: dict[str, int],
    to_second: dict[str, int],
) -> None:
    world = begin(*jobs)
    night(world)
    assert Counter(show.kind for show in world.shows("first")) == to_first
    assert Counter(show.kind for show in world.shows("second")) == to_second
