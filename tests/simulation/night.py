"""What stories have in common: a night under a referee, with two policies."""

from alerting.escalation import Policy
from tests.simulation import cast
from tests.simulation.cast import Job
from tests.simulation.providers import Show
from tests.simulation.referee import Referee
from tests.simulation.world import World

OPS = Policy("ops", (cast.step("first", minutes=5), cast.step("second", minutes=30)))
OFFICE = Policy("office", (cast.step("third", minutes=60),))


class Night:
    """A world with a referee who was there from the beginning, and has the last word."""

    def __init__(self, *jobs: Job, levels: tuple[str, ...] = ()) -> None:
        self.world = World(*jobs, policies=[OPS, OFFICE], levels=levels)
        self.referee = Referee(self.world)

    def advance(self, *, minutes: float = 0, seconds: float = 0) -> None:
        left = minutes * 60 + seconds
        while left > 0:
            self.world.advance(seconds=min(left, 30.0))
            self.referee.look()
            left -= 30.0


def titles(shows: list[Show]) -> list[str]:
    return [show.title for show in shows]


def begin(
    nights: list[Night], *jobs: Job, running: tuple[str, ...] = (), levels: tuple[str, ...] = ()
) -> Night:
    """A night in which all jobs are heard once. Those that are `running` go on."""
    night = Night(*jobs, levels=levels)
    nights.append(night)
    night.world.ping(*(job.name for job in jobs if job.name not in running))
    if running:
        night.world.run(*running)
    return night
