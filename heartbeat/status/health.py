"""How a component does, in customers' words: nothing of how we know. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from heartbeat.check import State
from heartbeat.config.public import Component, Regions, StatusPage

NAMED = 3
"""As many troubled components are named in the headline; more are counted."""


class Health(StrEnum):
    """How a component does, in the words of its row."""

    STOPPED = "Not working"
    PARTLY = "Partly not working"
    DELAYED = "Delayed"
    MAINTENANCE = "Under maintenance"
    UNKNOWN = "No information"
    NORMAL = "Working normally"


WORST_FIRST = tuple(Health)
TROUBLED = (Health.STOPPED, Health.PARTLY, Health.DELAYED)


@dataclass(frozen=True, slots=True)
class Bearing:
    """How many checks that bear the same labels stand alike, and since when the first of them has."""

    labels: Mapping[str, str]
    state: str
    count: int
    since: datetime


@dataclass(frozen=True, slots=True)
class Standing:
    """How the checks behind one component stand. Paused ones and those that were never heard say nothing."""

    up: int = 0
    down: int = 0
    down_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Cell:
    """How a component does in one region, or everywhere. `since` is when it ceased to be well."""

    health: Health
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """A component as it is shown: everywhere, and region by region in the order of the columns."""

    component: Component
    whole: Cell
    cells: Mapping[str, Cell | None] = field(default_factory=dict)
    """By the region's value; None where the component is not there."""

    @property
    def name(self) -> str:
        """What customers call it."""
        return self.component.name

    @property
    def apart(self) -> bool:
        """Whether its regions tell all: the worst of them is as bad as the whole."""
        there = [WORST_FIRST.index(cell.health) for cell in self.cells.values() if cell]
        return bool(there) and min(there) <= WORST_FIRST.index(self.whole.health)


@dataclass(frozen=True, slots=True)
class Claim:
    """What humans say of a component in an open incident or a maintenance. Without regions it holds everywhere."""

    component: str
    health: Health
    since: datetime
    regions: Sequence[str] = ()


def rows(page: StatusPage, bearings: Sequence[Bearing], claims: Sequence[Claim]) -> tuple[Row, ...]:
    """Every component of a page, as its checks stand and as humans say."""
    return tuple(_row(one, page.regions, bearings, claims) for one in page.components)


def standing(bearings: Iterable[Bearing], match: Mapping[str, str]) -> Standing:
    """How the checks that bear all of these labels stand."""
    up, down, since = 0, 0, None
    for one in bearings:
        if match.items() <= one.labels.items():
            up += one.count if one.state == State.UP else 0
            if one.state == State.DOWN:
                down, since = down + one.count, min(since or one.since, one.since)
    return Standing(up, down, since)


def measured(standing: Standing) -> Cell:
    """Where all of it is down it does not work, where some of it is it is delayed."""
    if standing.down:
        return Cell(Health.DELAYED if standing.up else Health.STOPPED, standing.down_since)
    return Cell(Health.NORMAL if standing.up else Health.UNKNOWN)


def worst(cells: Iterable[Cell]) -> Cell:
    """The worst of several; of those that are equally bad the first to have begun."""
    return min(cells, key=lambda one: (WORST_FIRST.index(one.health), one.since is None, str(one.since)))


def _row(
    component: Component, regions: Regions | None, bearings: Sequence[Bearing], claims: Sequence[Claim]
) -> Row:
    own = [claim for claim in claims if claim.component == component.name]
    mine = [one for one in bearings if component.match.items() <= one.labels.items()]
    cells: dict[str, Cell | None] = {}
    for value in regions.columns if regions else ():
        cells[value] = _there(component, regions, value, mine, own)
    return Row(component, _whole(component, regions, mine, own, cells), cells)


def _whole(
    component: Component,
    regions: Regions | None,
    mine: Sequence[Bearing],
    own: Sequence[Claim],
    cells: Mapping[str, Cell | None],
) -> Cell:
    """How all of it does: where it is out in some of its regions only, it is out in part."""
    there = [cell for cell in cells.values() if cell]
    if regions is None or not there:
        return _claimed(measured(standing(mine, component.match)), own)
    outside = [one for one in mine if one.labels.get(regions.label) not in regions.columns]
    parts = list(there)
    if outside:
        rest = measured(standing(outside, component.match))
        calm = any(cell.health is not Health.STOPPED for cell in there)
        if rest.health is Health.STOPPED and calm:
            # What belongs to no region is a slowness of the whole, not an outage somewhere.
            rest = Cell(Health.DELAYED, rest.since)
        parts.append(_claimed(rest, [claim for claim in own if not claim.regions]))
    return _together(parts)


def _together(parts: Sequence[Cell]) -> Cell:
    known = [part for part in parts if part.health is not Health.UNKNOWN]
    if not known:
        return parts[0]
    if all(part.health is Health.STOPPED for part in parts):
        return worst(parts)
    return worst(Cell(Health.PARTLY, part.since) if part.health is Health.STOPPED else part for part in known)


def _there(
    component: Component, regions: Regions | None, value: str, mine: Sequence[Bearing], own: Sequence[Claim]
) -> Cell | None:
    label = regions.label if regions else ""
    here = [one for one in mine if one.labels.get(label) == value]
    said = [claim for claim in own if value in claim.regions or (here and not claim.regions)]
    if not here and not said:
        return None
    return _claimed(measured(standing(here, component.match)), said)


def _claimed(cell: Cell, claims: Sequence[Claim]) -> Cell:
    """What humans say counts where it is worse than what is measured. A maintenance explains what is measured."""
    said = worst([Cell(claim.health, claim.since) for claim in claims]) if claims else None
    if said is None:
        return cell
    if said.health is Health.MAINTENANCE:
        return said
    known = cell if cell.health is not Health.UNKNOWN else Cell(Health.NORMAL)
    return worst([known, said])
