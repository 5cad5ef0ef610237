"""A repair of fourteen hours, told as stories: it is followed, and paged for what is wrong with it and nothing else.

Every account's next reset is set into the future, so that the job picks them up gradually. It begins at noon.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from heartbeat.checks import progress
from heartbeat.checks.progress import Estimate
from heartbeat.status import catching_up
from tests.simulation.cast import HOUR, MINUTE, Job
from tests.simulation.world import World

ACCOUNTS = 42_000
A_MINUTE = 50
REPAIR = Job(
    "cpu-reset-repair",
    daily=12 * HOUR,
    grace=HOUR,
    host="us-housekeeping",
    max_runtime=20 * HOUR,
    until_done=True,
    stuck_after=15 * MINUTE,
)
EVERY = 5
"""Minutes between two reports."""


class Repair:
    """The job at work, and the world that watches it."""

    def __init__(self, job: Job = REPAIR) -> None:
        self.world = World(job)
        self.done = 0.0
        self.minutes = 0
        self.world.ping(job.name)
        self.world.advance(hours=9)
        self.world.ping(job.name, signal="start")

    def work(
        self, *, hours: float = 0, minutes: float = 0, a_minute: float = A_MINUTE, lost: bool = False
    ) -> None:
        """Go on, and report each five minutes. Reports may be `lost`."""
        for _ in range(int(hours * 60 + minutes) // EVERY):
            self.world.advance(minutes=EVERY)
            self.minutes += EVERY
            self.done = min(self.done + a_minute * EVERY, ACCOUNTS)
            assert self.world.report(REPAIR.name, self.done, ACCOUNTS) or lost

    def estimate(self) -> Estimate:
        (run,) = self.world.check(REPAIR.name).runs
        assert run.progress is not None
        estimate = progress.estimate(run.progress)
        assert estimate is not None
        return estimate


@pytest.fixture
def repairs() -> Iterator[list[Repair]]:
    begun: list[Repair] = []
    yield begun
    for repair in begun:
        repair.world.machine.close()


def begin(repairs: list[Repair], job: Job = REPAIR) -> Repair:
    repairs.append(Repair(job))
    return repairs[-1]


def test_a_repair_of_fourteen_hours_pages_nobody_and_says_when_it_ends(repairs: list[Repair]) -> None:
    repair = begin(repairs)
    begun = repair.world.now
    end = begun + timedelta(hours=14)
    for hour in range(1, 14):
        repair.work(hours=1)
        estimate = repair.estimate()
        assert abs(estimate.about - end) <= estimate.step
        shown = catching_up.of(repair.world.check(REPAIR.name), repair.world.now)
        assert shown is not None
        assert shown.percent == int(hour / 14 * 100)
        assert shown.expected_by is not None
        assert end <= shown.expected_by <= end + 2 * estimate.step
    repair.work(hours=1)
    repair.world.ping(REPAIR.name)
    repair.world.advance(hours=1)
    assert repair.world.state(REPAIR.name) == "up"
    assert repair.world.shows() == []
    assert repair.world.incidents(open_only=False) == []


@pytest.mark.parametrize(
    ("job", "state"),
    [
        (replace(REPAIR, max_runtime=None, until_done=False), "down silent"),
        (replace(REPAIR, max_runtime=2 * HOUR, until_done=False), "down overrun"),
    ],
    ids=["without a limit", "with a limit of two hours"],
)
def test_without_until_done_the_same_repair_pages_while_it_goes_well(
    repairs: list[Repair], job: Job, state: str
) -> None:
    repair = begin(repairs, job)
    repair.work(hours=3)
    assert repair.world.state(REPAIR.name) == state
    assert repair.world.pages("first") != []


def test_a_repair_that_does_not_move_is_stuck_once_and_no_longer_once_it_moves(
    repairs: list[Repair],
) -> None:
    repair = begin(repairs)
    repair.work(hours=5)
    before = repair.estimate().at
    repair.work(minutes=15, a_minute=0)
    assert repair.world.pages() == []
    repair.work(minutes=25, a_minute=0)
    world = repair.world
    (first, *_) = world.pages("first")
    assert first.title == "ERROR cpu-reset-repair stuck (us-housekeeping)"
    assert "no progress for 15 min, at 15,000 of 42,000 (35 %), started" in first.text
    assert 5 * 60 + 15 <= (first.at - 9 * HOUR) / MINUTE <= 5 * 60 + 16
    assert catching_up.of(world.check(REPAIR.name), world.now) is None
    repair.work(minutes=30)
    assert world.state(REPAIR.name) == "up"
    (moving, *_) = world.shows("first", kind="recovered")
    assert moving.title == "cpu-reset-repair (us-houseke…): moving again since 17:45 UTC"
    assert "At 17:45 UTC: 15,250 of 42,000 (36 %) done, about" in moving.text
    after = repair.estimate().at
    assert 35 * MINUTE <= (after - before).total_seconds() <= 75 * MINUTE
    many = len(world.pages())
    repair.work(hours=8, minutes=30)
    world.ping(REPAIR.name)
    world.advance(hours=1)
    assert len(world.pages()) == many
    assert world.incidents() == []


def test_a_repair_of_a_job_that_failed_is_followed_too_and_all_is_well_only_once_it_succeeds(
    repairs: list[Repair],
) -> None:
    repair = begin(repairs)
    world = repair.world
    world.ping(REPAIR.name, signal="fail")
    world.advance(minutes=5)
    world.ping(REPAIR.name, signal="start")
    repair.work(hours=1)
    assert world.state(REPAIR.name) == "down failed"
    repair.work(minutes=20, a_minute=0)
    assert world.state(REPAIR.name) == "down stuck"
    (told,) = world.shows("first", kind="update")
    assert told.title.endswith(": now stuck; it failed at 12:00 UTC")
    many = len(world.shows("first", kind="recovered"))
    repair.work(hours=1)
    assert world.state(REPAIR.name) == "down failed", "it moves, and the last run was no good all the same"
    page = world.pages("first")[-1]
    assert page.title.startswith("ERROR cpu-reset-repair failed")
    assert "it was stuck from 13:20 UTC" in page.text
    assert len(world.shows("first", kind="recovered")) == many
    world.ping(REPAIR.name)
    world.advance(minutes=5)
    assert len(world.shows("first", kind="recovered")) == many + 1
    assert world.incidents() == []


def test_a_repair_that_will_not_be_done_in_time_is_paged_for_hours_before(repairs: list[Repair]) -> None:
    repair = begin(repairs)
    repair.work(hours=3)
    assert repair.world.pages() == []
    repair.work(hours=3, a_minute=A_MINUTE / 3)
    (first, *_) = repair.world.pages("first")
    assert first.title == "ERROR cpu-reset-repair overran (us-housekeeping)"
    assert "at its pace, its maximum is 20 h, started" in first.text
    hours = (first.at - 9 * HOUR) / HOUR
    assert 3.5 <= hours <= 6, "neither at once, nor when the time is over"


def test_a_repair_that_dies_is_stuck_and_not_waited_for(repairs: list[Repair]) -> None:
    repair = begin(repairs)
    repair.work(hours=2)
    repair.world.advance(minutes=17)
    assert repair.world.state(REPAIR.name) == "down stuck"
    assert "no progress for 15 min, at 6,000 of 42,000 (14 %)" in repair.world.pages("first")[0].text


@pytest.mark.parametrize("minutes", [5, 20, 60])
def test_a_blind_time_in_the_repair_is_not_taken_for_its_standstill(
    repairs: list[Repair], minutes: int
) -> None:
    repair = begin(repairs)
    repair.work(hours=4)
    repair.world.lose_database(seconds=minutes * MINUTE)
    repair.work(minutes=minutes, lost=True)
    repair.work(hours=2)
    assert repair.world.state(REPAIR.name) in ("up", "unknown")
    assert repair.world.pages() == []
    end = 9 * HOUR + 14 * HOUR
    assert abs((repair.estimate().at - repair.world.now).total_seconds() - (end - repair.world.time)) < HOUR


def test_a_repair_that_died_while_nobody_could_hear_it_is_paged(repairs: list[Repair]) -> None:
    repair = begin(repairs)
    repair.work(hours=4)
    repair.world.lose_database(seconds=20 * MINUTE)
    while not repair.world.pages("first") and repair.world.time < 43 * HOUR:
        repair.world.advance(minutes=30)
    assert repair.world.pages("first") != []
