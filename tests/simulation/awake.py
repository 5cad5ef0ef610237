"""The quiet hours of people, worked out by brute force. All of them live in UTC."""

from collections.abc import Iterable, Iterator
from datetime import time

from tests.simulation.journal import FOR_EVER, Configured, Span, merged, overlap
from tests.simulation.providers import Beeper
from tests.simulation.virtual import EPOCH
from tests.simulation.world import World

DAY = 86_400.0
DAYS = 3


def quiet(world: World, people: Iterable[str]) -> list[Span]:
    """When any of these people has quiet hours, in the wall clock's seconds since the epoch."""
    names = list(people)
    return merged(
        span
        for in_force, configured in _versions(world)
        for name in names
        if name in configured.people and (hours := configured.people[name].quiet_hours)
        for span in overlap([[in_force], _each_day(_seconds(hours.begins), _seconds(hours.ends))])
    )


def closed(world: World, policy: str) -> list[Span]:
    """When warnings of a policy wait for its working hours, which are the same each day."""
    spans: list[Span] = []
    for in_force, configured in _versions(world):
        hours = configured.policies[policy].warnings_wait_for if policy in configured.policies else None
        if hours is not None:
            (window,) = hours.windows
            closed_each_day = _each_day(window.closes.total_seconds(), window.opens.total_seconds())
            spans += overlap([[in_force], closed_each_day])
    return merged(spans)


def _versions(world: World) -> Iterator[tuple[Span, Configured]]:
    """Who and what was configured, and when by the wall clock. An edit counts at once."""
    versions = world.journal.configured
    shown = [world.clock.shown(one.at) for one in versions]
    yield from zip(zip([-DAY, *shown[1:]], [*shown[1:], FOR_EVER], strict=True), versions, strict=True)


def _each_day(begins: float, ends: float) -> list[Span]:
    """The span between two seconds of the day, each day."""
    midnight = -_seconds(EPOCH.time())
    length = (ends - begins) % DAY
    starts = [midnight + day * DAY + begins for day in range(-1, DAYS)]
    return [(at, at + length) for at in starts]


def _seconds(at: time) -> float:
    return at.hour * 3600.0 + at.minute * 60.0 + at.second


def is_stepped(world: World, person: str) -> bool:
    """Whether the contacts of a person are paged one after the other, where nobody answers."""
    versions = [known for one in world.journal.configured if (known := one.people.get(person))]
    return any(
        contact.after is not None or contact.kind == Beeper.kind
        for known in versions
        for contact in known.all_contacts
    )
