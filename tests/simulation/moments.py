"""Moments near which things happen: a step that is due, a page that moves on, a deadline, as the books say them."""

from dataclasses import dataclass
from enum import StrEnum

from tests.simulation import books
from tests.simulation.world import World

FARTHEST = 240.0
"""Seconds for which a moment is waited for."""
ELSE = 12.0
"""Seconds that pass where there is none."""


class Moment(StrEnum):
    """What is due, and the query of its times."""

    STEP = "SELECT coalesce(settles_at, next_at) AS at FROM incidents WHERE next_at IS NOT NULL"
    """A page, the end of a quiet, or the end of a recovery. Its page is shown within half a second."""
    CONTACT = "SELECT next_at AS at FROM pages WHERE next_at IS NOT NULL"
    """A page tries again, or goes to the next contact."""
    DEADLINE = "SELECT wake_at AS at FROM checks WHERE wake_at IS NOT NULL"
    """A check is judged."""


@dataclass(frozen=True, slots=True)
class Near:
    """So many seconds after the next moment of a kind, or before it."""

    moment: Moment
    by: float = 0.0

    def gap(self, world: World) -> float:
        """Seconds from now until then."""
        now = world.clock.shown(world.time)
        coming = [at for at in books.times(world.disk, self.moment) if at + self.by >= now]
        gap = min(coming, default=now + FARTHEST + 1.0) + self.by - now
        return gap if gap <= FARTHEST else ELSE
