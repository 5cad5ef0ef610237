"""The quiet hours of people, worked out by brute force. All of them live in UTC."""

from collections.abc import Iterable

from tests.simulation.journal import Span, merged
from tests.simulation.providers import Beeper
from tests.simulation.virtual import EPOCH
from tests.simulation.world import World

DAY = 86_400.0
DAYS = 3


def quiet(world: World, people: Iterable[str]) -> list[Span]:
    """When any of these people has quiet hours, in the wall clock's seconds since the epoch."""
    midnight = -(EPOCH.hour * 3600.0 + EPOCH.minute * 60.0 + EPOCH.second)
    spans = []
    for name in people:
        hours = world.people[name].quiet_hours if name in world.people else None
        if hours is None:
            continue
        begins, ends = (at.hour * 3600.0 + at.minute * 60.0 for at in (hours.begins, hours.ends))
        length = (ends - begins) % DAY
        for day in range(-1, DAYS):
            at = midnight + day * DAY + begins
            spans.append((at, at + length))
    return merged(spans)


def closed(world: World, policy: str) -> list[Span]:
    """When warnings of a policy wait for its working hours, which are the same each day."""
    hours = world.policies[policy].warnings_wait_for if policy in world.policies else None
    if hours is None:
        return []
    (window,) = hours.windows
    midnight = -(EPOCH.hour * 3600.0 + EPOCH.minute * 60.0 + EPOCH.second)
    opens, closes = (midnight + at.total_seconds() for at in (window.opens, window.closes))
    return [(closes + (day - 1) * DAY, opens + day * DAY) for day in range(DAYS)]


def is_stepped(world: World, person: str) -> bool:
    """Whether the contacts of a person are paged one after the other, where nobody answers."""
    versions = [known for one in world.journal.configured if (known := one.people.get(person))]
    return any(
        contact.after is not None or contact.kind == Beeper.kind
        for known in versions
        for contact in known.all_contacts
    )
