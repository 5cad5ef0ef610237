"""A day away: everything is overdue at once. Jobs that ping meanwhile page nobody, and the dead ones are paged."""

from tests.simulation.cast import DAY, HOUR, Job
from tests.simulation.world import World

ALIVE = [Job(f"alive-{n}", every=HOUR, host=f"host-{n}") for n in range(150)]
DEAD = [Job(f"dead-{n}", every=HOUR, host=f"lost-{n}") for n in range(3)]


def watch(world: World, seconds: float) -> None:
    """Let time pass while the service sees: it beats, as its process does beside the ticker."""
    for _ in range(max(int(seconds), 1)):
        world._run(world.machine.while_alive(world.machine.system.beside.liveness.beat()))
        world.advance(seconds=seconds / max(int(seconds), 1))


def test_of_many_jobs_that_are_overdue_after_a_day_away_only_those_that_stay_silent_are_paged() -> None:
    with World(*ALIVE, *DEAD) as world:
        world.ping(*(job.name for job in [*ALIVE, *DEAD]))
        watch(world, 5)
        world.crash(downtime=DAY)
        world.advance(seconds=DAY)
        for start in range(0, len(ALIVE), 25):
            # They come while the backlog is being judged.
            watch(world, 5)
            assert set(world.ping(*(job.name for job in ALIVE[start : start + 25]))) == {200}
        watch(world, HOUR / 2)
        assert world.pages() == []
        world.ping(*(job.name for job in ALIVE))
        watch(world, HOUR / 2 + 120)
        paged = {job.name for job in [*ALIVE, *DEAD] if any(page.names(job.name) for page in world.pages())}
        assert paged == {job.name for job in DEAD}
        assert {world.state(job.name) for job in DEAD} == {"down silent"}
        assert {world.state(job.name) for job in ALIVE} == {"up"}
