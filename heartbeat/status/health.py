"""The health of the components of a status page, in customers' words. Pure.

What a human publishes for a component and region holds against the measurement, for better and for worse, until they
end it or the checks recover after it was published. Checks recover when one of them was down, and then none is down and
one is up until that has settled, as for incidents. If they were well all along, the human knows more than they measure,
and the word stands. Each region is judged by itself. Of several words for one place, the worst holds. A maintenance
holds until its end. An automatic announcement can only make the measured health worse.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from heartbeat.checks.check import State
from heartbeat.definitions.status_page import Component, Regions, StatusPage

NAMED = 3
"""The largest number of troubled components that the headline names. More are counted."""


class Health(StrEnum):
    """The health of a component, in the words of its row, worst first."""

    STOPPED = "Not working"
    PARTLY = "Partly not working"
    DELAYED = "Delayed"
    MAINTENANCE = "Under maintenance"
    UNKNOWN = "No information"
    NORMAL = "Working normally"


WORST_FIRST = tuple(Health)
TROUBLED = (Health.STOPPED, Health.PARTLY, Health.DELAYED)


@dataclass(frozen=True, slots=True)
class CheckCount:
    """The number of checks with the same labels and state, and the time since which the first has been in it."""

    labels: Mapping[str, str]
    state: str
    count: int
    since: datetime


@dataclass(frozen=True, slots=True)
class UpAndDown:
    """The numbers of checks of one component that are up and down. Paused and never heard ones do not count."""

    up: int = 0
    down: int = 0
    down_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class HealthCell:
    """The health of a component in one region or everywhere. `since` is the time since which it is not normal."""

    health: Health
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class ServiceRow:
    """A component on the page: its health everywhere, and by region in the order of the columns."""

    component: Component
    whole: HealthCell
    cells: Mapping[str, HealthCell | None] = field(default_factory=dict)
    """By the region's value; None if the component is not offered there."""
    outside: HealthCell | None = None
    """The health outside of all regions, if it has checks there or no regions at all."""

    @property
    def name(self) -> str:
        return self.component.name

    @property
    def by_region(self) -> bool:
        """True if the row can show its regions: the worst of them is as bad as the whole."""
        severities = [WORST_FIRST.index(cell.health) for cell in self.cells.values() if cell]
        return bool(severities) and min(severities) <= WORST_FIRST.index(self.whole.health)

    @property
    def places(self) -> Mapping[str, HealthCell]:
        """The health in each place that is judged by itself: regions, and "" outside of them."""
        places = {value: cell for value, cell in self.cells.items() if cell}
        return places if self.outside is None else places | {"": self.outside}


@dataclass(frozen=True, slots=True)
class Claim:
    """The health of a component that an open announcement states. Without regions it holds everywhere.

    `since` is the start of the trouble. `said_at` is the time at which it was published last, `by_hand` unless the page
    did that automatically.
    """

    component: str
    health: Health
    since: datetime
    regions: Sequence[str] = ()
    said_at: datetime | None = None
    by_hand: bool = True


Recoveries = Mapping[tuple[str, str], datetime]
"""The last settled recovery of each component's checks by region. Those outside of all regions have an empty one."""


@dataclass(frozen=True, slots=True)
class Standing:
    """The rows of a status page at an instant, and the recoveries that have settled by then."""

    rows: tuple[ServiceRow, ...]
    recoveries: Recoveries = field(default_factory=dict)


def rows(
    page: StatusPage,
    check_counts: Sequence[CheckCount],
    claims: Sequence[Claim],
    recoveries: Recoveries = MappingProxyType({}),
) -> tuple[ServiceRow, ...]:
    """Return the row of every component of a page, from its checks and from announcements."""
    return tuple(
        _row(component, page.regions, check_counts, claims, recoveries) for component in page.components
    )


def up_and_down(check_counts: Iterable[CheckCount], match: Mapping[str, str]) -> UpAndDown:
    """Count the checks that have all of these labels."""
    up, down, since = 0, 0, None
    for counted in check_counts:
        if match.items() <= counted.labels.items():
            up += counted.count if counted.state == State.UP else 0
            if counted.state == State.DOWN:
                down, since = down + counted.count, min(since or counted.since, counted.since)
    return UpAndDown(up, down, since)


def measured(counts: UpAndDown, *, stops: bool) -> HealthCell:
    """Return the health that the checks show: delayed if any is down, not working if all are and it `stops` then."""
    if counts.down:
        return HealthCell(Health.STOPPED if stops and not counts.up else Health.DELAYED, counts.down_since)
    return HealthCell(Health.NORMAL if counts.up else Health.UNKNOWN)


def worst(cells: Iterable[HealthCell]) -> HealthCell:
    """Return the worst cell. Of equally bad ones, return the one that began first."""
    return min(cells, key=lambda cell: (WORST_FIRST.index(cell.health), cell.since is None, str(cell.since)))


def _row(
    component: Component,
    regions: Regions | None,
    check_counts: Sequence[CheckCount],
    claims: Sequence[Claim],
    recoveries: Recoveries,
) -> ServiceRow:
    own_claims = [claim for claim in claims if claim.component == component.name]
    own_counts = [counted for counted in check_counts if component.match.items() <= counted.labels.items()]
    cells: dict[str, HealthCell | None] = {}
    for value in regions.columns if regions else ():
        cells[value] = _in_region(component, regions, value, own_counts, own_claims, recoveries)
    regional = [cell for cell in cells.values() if cell]
    outside = _outside(component, regions, own_counts, own_claims, regional, recoveries)
    if outside is not None and not regional:
        return ServiceRow(component, outside, cells, outside)
    return ServiceRow(component, _together([*regional, *([outside] if outside else [])]), cells, outside)


def _outside(
    component: Component,
    regions: Regions | None,
    own_counts: Sequence[CheckCount],
    own_claims: Sequence[Claim],
    regional: Sequence[HealthCell],
    recoveries: Recoveries,
) -> HealthCell | None:
    """Return the health outside of the regions, or everywhere if there are none. None if no check is there."""
    recovered_at = recoveries.get((component.name, ""))
    if regions is None or not regional:
        return _claimed(_measured(component, own_counts), own_claims, recovered_at)
    outside = [counted for counted in own_counts if counted.labels.get(regions.label) not in regions.columns]
    if not outside:
        return None
    rest = _measured(component, outside)
    if rest.health is Health.STOPPED and any(cell.health is not Health.STOPPED for cell in regional):
        # Checks outside of the regions make the whole slow; they are no outage in a region.
        rest = HealthCell(Health.DELAYED, rest.since)
    return _claimed(rest, [claim for claim in own_claims if not claim.regions], recovered_at)


def _together(parts: Sequence[HealthCell]) -> HealthCell:
    """Return the health everywhere. A component that is out in some of its places only is partly out."""
    informed = [part for part in parts if part.health is not Health.UNKNOWN]
    if not informed:
        return parts[0]
    if all(part.health is Health.STOPPED for part in parts):
        return worst(parts)
    return worst(
        HealthCell(Health.PARTLY, part.since) if part.health is Health.STOPPED else part for part in informed
    )


def _in_region(
    component: Component,
    regions: Regions | None,
    region: str,
    own_counts: Sequence[CheckCount],
    own_claims: Sequence[Claim],
    recoveries: Recoveries,
) -> HealthCell | None:
    label = regions.label if regions else ""
    regional = [counted for counted in own_counts if counted.labels.get(label) == region]
    regional_claims = [
        claim for claim in own_claims if region in claim.regions or (regional and not claim.regions)
    ]
    if not regional and not regional_claims:
        return None
    return _claimed(_measured(component, regional), regional_claims, recoveries.get((component.name, region)))


def _measured(component: Component, own_counts: Sequence[CheckCount]) -> HealthCell:
    return measured(up_and_down(own_counts, component.match), stops=component.stops)


def _claimed(cell: HealthCell, claims: Sequence[Claim], recovered_at: datetime | None) -> HealthCell:
    """Return what humans say, and without their word the worse of the measured and the automatic claims."""
    standing = [
        claim
        for claim in claims
        if claim.health is Health.MAINTENANCE or not is_overtaken(claim.said_at, recovered_at)
    ]
    if by_hand := [claim for claim in standing if claim.by_hand]:
        return _worst_claim(by_hand)
    if not standing:
        return cell
    assumed = cell if cell.health is not Health.UNKNOWN else HealthCell(Health.NORMAL)
    return worst([assumed, _worst_claim(standing)])


def is_overtaken(said_at: datetime | None, recovered_at: datetime | None) -> bool:
    """Return True if the checks of a place have recovered since a word about it was published."""
    return said_at is not None and recovered_at is not None and recovered_at > said_at


def _worst_claim(claims: Sequence[Claim]) -> HealthCell:
    cell = worst(HealthCell(claim.health, claim.since) for claim in claims)
    return cell if cell.health is not Health.NORMAL else HealthCell(Health.NORMAL)
