"""Whom a step means at a moment, worked out minute by minute: nothing here is the service's own code.

Rotations are kept in UTC here. `tests.unit.alerting.rotation_oracle` walks all other clocks.
"""

from collections.abc import Collection, Iterable
from dataclasses import replace
from functools import cache

from alerting.rotation import Change, Override, Rotation
from tests.simulation.journal import Configured
from tests.simulation.providers import OPERATOR
from tests.simulation.virtual import EPOCH
from tests.unit.alerting.rotation_oracle import DAY, Walk

DAYS = 3
MINUTES = 24 * 60
NOBODY_HERE = OPERATOR.partition("/")[0]
"""Who is paged where a policy reaches nobody."""


def paged(configured: Configured, steps: Collection[Collection[str]], place: int, shown: float) -> set[str]:
    """Who must be paged by the step at a place: those of its people who have a contact.

    The operator is, where no step of the policy reaches anybody; nobody, where another step does.
    """
    mine = reached(configured, list(steps)[place], shown)
    if mine or any(reached(configured, targets, shown) for targets in steps):
        return mine
    return {NOBODY_HERE}


def reached(configured: Configured, targets: Iterable[str], shown: float) -> set[str]:
    """Which people with a contact these targets mean."""
    names = {name for target in targets for name in _meant(configured, target, shown)}
    return {name for name in names if name in configured.people and configured.people[name].contacts}


def members(configured: Configured, target: str) -> set[str]:
    """All whom a target may ever mean."""
    rotation = configured.rotations.get(target)
    return {target} if rotation is None else set(rotation.members)


def defined(configured: Configured, target: str) -> set[str]:
    """Those of them who can be paged."""
    people = configured.people
    return {name for name in members(configured, target) if name in people and people[name].contacts}


def _meant(configured: Configured, target: str, shown: float) -> tuple[str, ...]:
    rotation = configured.rotations.get(target)
    if rotation is None:
        return (target,)
    minute = min(max(int((shown + DAY.total_seconds()) // 60), 0), DAYS * MINUTES - 1)
    return _walk().on_call(_of_those(rotation, configured.people), minute)


def _of_those(rotation: Rotation, people: Collection[str]) -> Rotation:
    """The same without those who are not defined: whoever comes next takes their turns."""
    begins, ends = EPOCH - DAYS * DAY, EPOCH + DAYS * DAY
    gone = [Override(Change.REMOVE, begins, ends, off=name) for name in rotation.people if name not in people]
    known = [one for one in rotation.overrides if not one.on or one.on in people]
    return replace(rotation, overrides=(*gone, *known))


@cache
def _walk() -> Walk:
    return Walk("UTC", EPOCH - DAY, DAYS * MINUTES)
