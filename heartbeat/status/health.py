"""The health of the components of a status page, in customers' words. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

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

    @property
    def name(self) -> str:
        return self.component.name

    @property
    def by_region(self) -> bool:
        """True if the row can show its regions: the worst of them is as bad as the whole."""
        severities = [WORST_FIRST.index(cell.health) for cell in self.cells.values() if cell]
        return bool(severities) and min(severities) <= WORST_FIRST.index(self.whole.health)


@dataclass(frozen=True, slots=True)
class Claim:
    """The health of a component that an open announcement states. Without regions it holds everywhere."""

    component: str
    health: Health
    since: datetime
    regions: Sequence[str] = ()


def rows(
    page: StatusPage, check_counts: Sequence[CheckCount], claims: Sequence[Claim]
) -> tuple[ServiceRow, ...]:
    """Return the row of every component of a page, from its checks and from announcements."""
    return tuple(_row(component, page.regions, check_counts, claims) for component in page.components)


def up_and_down(check_counts: Iterable[CheckCount], match: Mapping[str, str]) -> UpAndDown:
    """Count the checks that have all of these labels."""
    up, down, since = 0, 0, None
    for counted in check_counts:
        if match.items() <= counted.labels.items():
            up += counted.count if counted.state == State.UP else 0
            if counted.state == State.DOWN:
                down, since = down + counted.count, min(since or counted.since, counted.since)
    return UpAndDown(up, down, since)


def measured(counts: UpAndDown) -> HealthCell:
    """Return the health that the checks show: not working if all are down, delayed if some are."""
    if counts.down:
        return HealthCell(Health.DELAYED if counts.up else Health.STOPPED, counts.down_since)
    return HealthCell(Health.NORMAL if counts.up else Health.UNKNOWN)


def worst(cells: Iterable[HealthCell]) -> HealthCell:
    """Return the worst cell. Of equally bad ones, return the one that began first."""
    return min(cells, key=lambda cell: (WORST_FIRST.index(cell.health), cell.since is None, str(cell.since)))


def _row(
    component: Component, regions: Regions | None, check_counts: Sequence[CheckCount], claims: Sequence[Claim]
) -> ServiceRow:
    own_claims = [claim for claim in claims if claim.component == component.name]
    own_counts = [counted for counted in check_counts if component.match.items() <= counted.labels.items()]
    cells: dict[str, HealthCell | None] = {}
    for value in regions.columns if regions else ():
        cells[value] = _in_region(component, regions, value, own_counts, own_claims)
    return ServiceRow(component, _whole(component, regions, own_counts, own_claims, cells), cells)


def _whole(
    component: Component,
    regions: Regions | None,
    own_counts: Sequence[CheckCount],
    own_claims: Sequence[Claim],
    cells: Mapping[str, HealthCell | None],
) -> HealthCell:
    """Return the health everywhere. A component that is out in some of its regions only is partly out."""
    regional = [cell for cell in cells.values() if cell]
    if regions is None or not regional:
        return _claimed(measured(up_and_down(own_counts, component.match)), own_claims)
    outside = [counted for counted in own_counts if counted.labels.get(regions.label) not in regions.columns]
    parts = list(regional)
    if outside:
        rest = measured(up_and_down(outside, component.match))
        partial = any(cell.health is not Health.STOPPED for cell in regional)
        if rest.health is Health.STOPPED and partial:
            # Checks outside of the regions make the whole slow; they are no outage in a region.
            rest = HealthCell(Health.DELAYED, rest.since)
        parts.append(_claimed(rest, [claim for claim in own_claims if not claim.regions]))
    return _together(parts)


def _together(parts: Sequence[HealthCell]) -> HealthCell:
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
) -> HealthCell | None:
    label = regions.label if regions else ""
    regional = [counted for counted in own_counts if counted.labels.get(label) == region]
    regional_claims = [
        claim for claim in own_claims if region in claim.regions or (regional and not claim.regions)
    ]
    if not regional and not regional_claims:
        return None
    return _claimed(measured(up_and_down(regional, component.match)), regional_claims)


def _claimed(cell: HealthCell, claims: Sequence[Claim]) -> HealthCell:
    """Return the worse of the measured and the claimed health. A maintenance overrides what is measured."""
    worst_claim = worst([HealthCell(claim.health, claim.since) for claim in claims]) if claims else None
    if worst_claim is None:
        return cell
    if worst_claim.health is Health.MAINTENANCE:
        return worst_claim
    assumed = cell if cell.health is not Health.UNKNOWN else HealthCell(Health.NORMAL)
    return worst([assumed, worst_claim])
