"""Somebody sets the clock, and sets it right again later: nothing is missed, and nobody is paged for nothing."""

from dataclasses import replace

import pytest

from tests.simulation.cast import DAY, HOUR, MINUTE, Job
from tests.simulation.providers import Ill
from tests.simulation.world import World

SECOND, YEAR = 1.0, 365 * DAY
STEPS = [sign * length for length in (SECOND, MINUTE, HOUR, DAY, YEAR) for sign in (1, -1)]
GRACE = 2 * MINUTE
SOON = 15.0
"""Seconds from a deadline to the phone: noticed, gathered and sent."""
POLL = Job("poll", every=10 * MINUTE, grace=GRACE)
REPORT = Job("report", hourly=5 * MINUTE, grace=GRACE)
IMPORT = Job("import", every=10 * MINUTE, grace=GRACE, max_runtime=20 * MINUTE)
JOBS = (POLL, REPORT, IMPORT)
RUNNING = tuple(job.name for job in JOBS)


def told(world: World, name: str, since: float) -> list[float]:
    """When phones said that this job was down, after a moment: seconds since then."""
    return [page.at - since for page in world.pages("first", since=since) if f" {name} " in page.title]


@pytest.mark.parametrize("step", STEPS)
def test_a_clock_that_is_wrong_for_a_while_misses_nothing_and_pages_for_nothing_afterwards(
    step: float,
) -> None:
    with World(*JOBS) as world:
        world.run(*RUNNING)
        world.advance(minutes=12)
        world.step_clock(step)
        world.advance(minutes=15)
        world.step_clock(-step)
        right_at = world.time
        world.advance(seconds=5)
        assert {world.state(name) for name in RUNNING} <= {"up", "new"}, "what was misjudged is judged again"
        world.advance(minutes=25)
        assert world.pages(since=right_at + 5) == []
        world.stop(*RUNNING)
        heard_at = world.time - world.time % (10 * MINUTE)
        world.advance(minutes=13)
        assert 12 * MINUTE <= told(world, "poll", heard_at)[0] <= 12 * MINUTE + SOON + 5
        assert world.machine.errors.told == []


@pytest.mark.parametrize("step", STEPS)
def test_a_clock_that_is_set_right_pages_in_time_for_what_fell_silent_and_for_nothing_else(
    step: float,
) -> None:
    with World(POLL, IMPORT) as world:
        world.run("poll", "import")
        world.advance(minutes=11, seconds=17)
        world.stop("poll")
        heard_at = 10 * MINUTE
        world.step_clock(step)
        world.advance(minutes=14)
        assert 12 * MINUTE <= told(world, "poll", heard_at)[0] <= 12 * MINUTE + SOON
        assert told(world, "import", 0.0) == []


@pytest.mark.parametrize("step", [MINUTE, -MINUTE, YEAR, -YEAR])
def test_a_quiet_and_a_wait_are_as_long_as_they_were_asked_to_be(step: float) -> None:
    with World(POLL, IMPORT) as world:
        world.ping("poll", signal="fail")
        world.advance(seconds=15)
        incident = world.incident()["id"]
        world.acknowledge(incident, minutes=30)
        world.ping("import", signal="fail")
        world.advance(seconds=30)
        world.step_clock(step)
        asked_at, pages = world.time - 30, len(world.pages())
        world.advance(minutes=5)
        later = [page.at for page in world.pages()[pages:]]
        assert all(page.names("import") for page in world.pages()[pages:])
        assert min(later) - asked_at >= 2 * MINUTE - 20, "the second person is paged when it is time"
        world.ping("import")
        world.advance(seconds=asked_at + 29 * MINUTE - world.time)
        assert told(world, "poll", asked_at) == []
        world.advance(minutes=2)
        assert told(world, "poll", asked_at), "the acknowledgement has expired"


@pytest.mark.parametrize("step", [-HOUR, YEAR])
def test_a_clock_that_was_set_while_no_process_ran_is_noticed(step: float) -> None:
    with World(POLL) as world:
        world.run("poll")
        world.advance(minutes=11)
        world.crash(downtime=30)
        world.step_clock(step)
        world.advance(minutes=12)
        assert world.pages() == []
        world.stop("poll")
        world.advance(minutes=10)
        assert 12 * MINUTE <= told(world, "poll", 20 * MINUTE)[0] <= 12 * MINUTE + SOON


def test_a_clock_that_is_set_back_twice_within_two_seconds_makes_nothing_late() -> None:
    with World(POLL) as world:
        world.advance(minutes=4)
        world.step_clock(-HOUR)
        world.advance(seconds=2)
        world.step_clock(-HOUR)
        world.advance(minutes=5)
        assert world.state("poll") == "new"
        world.advance(minutes=4)
        assert 12 * MINUTE <= told(world, "poll", 0.0)[0] <= 12 * MINUTE + SOON


@pytest.mark.parametrize("ahead", [HOUR, YEAR])
def test_a_machine_that_starts_with_a_wrong_clock_pages_for_nothing(ahead: float) -> None:
    with World(POLL, replace(IMPORT, max_runtime=None)) as world:
        world.run("poll", "import")
        world.advance(minutes=11)
        world.crash(downtime=20)
        world.clock.boot = "the machine, started again"
        world.step_clock(ahead)
        world.advance(seconds=40)
        assert world.state("poll") == "new", "as far as anybody can know, it could not be heard for so long"
        world.step_clock(-ahead)
        world.advance(minutes=11)
        assert {world.state("poll"), world.state("import")} == {"up"}
        assert world.pages() == []
        world.stop("poll", "import")
        world.advance(minutes=14)
        assert told(world, "poll", 15 * MINUTE)
        assert told(world, "import", 15 * MINUTE)


@pytest.mark.parametrize("step", [DAY, YEAR])
def test_no_news_that_waits_for_a_provider_grows_too_old_by_a_step(step: float) -> None:
    with World(POLL) as world:
        world.ping("poll", signal="fail")
        world.advance(seconds=15)
        world.spoil("first/1", Ill.REFUSES, minutes=2)
        world.acknowledge(world.incident()["id"], by="second")
        world.advance(seconds=30)
        world.step_clock(step)
        world.advance(minutes=8)
        assert world.shows("first", kind="acknowledged") != []


def test_the_operator_is_told_of_a_step(caplog: pytest.LogCaptureFixture) -> None:
    with World(POLL) as world:
        metrics = world.machine.system.context.metrics.registry
        world.advance(minutes=1)
        world.step_clock(-HOUR)
        world.advance(seconds=5)
        assert metrics.get_sample_value("heartbeat_clock_steps_total", {"direction": "back"}) == 1
        assert metrics.get_sample_value("heartbeat_clock_last_step_seconds") == pytest.approx(-HOUR)


def test_nothing_is_deleted_by_its_age_until_the_clock_has_been_right_for_a_day() -> None:
    with World(POLL) as world:
        world.pause("poll")
        world.advance(seconds=1)
        guard = world.machine.system.guard
        assert guard.calm()
        world.step_clock(YEAR)
        world.advance(minutes=5)
        assert not guard.calm()
        world.restart()
        world.advance(hours=23)
        guard = world.machine.system.guard
        assert not guard.calm(), "also after a restart"
        world.advance(hours=2)
        assert guard.calm()


def test_a_machine_without_power_has_no_clock_to_set() -> None:
    """Once it runs again, a clock that was put forward meanwhile looks like a longer time away."""
    with World() as world:
        world.cut_power(downtime=40)
        world.step_clock(3600)
        world.advance(minutes=2)
        assert world.journal.steps == []
        world.step_clock(3600)
        assert len(world.journal.steps) == 1


def test_a_machine_whose_clock_was_set_while_no_process_ran_keeps_power() -> None:
    with World() as world:
        world.crash(downtime=40)
        world.step_clock(60)
        boot = world.clock.boot
        world.cut_power(downtime=40)
        assert world.clock.boot == boot
