"""How a component does, in customers' words: nothing of how we know. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from heartbeat.config import Component, Regions, StatusPage

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
            up += one.count if one.state == "up" else 0
            if one.state == "down":
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


def headline(rows: Sequence[Row], regions: Regions | None = None) -> str:
    """The answer to "is it them or us?"."""
    if not rows:
        return "No services are listed here yet."
    troubled = [row for bad in TROUBLED for row in rows if row.whole.health is bad]
    unknown = [row for row in rows if row.whole.health is Health.UNKNOWN]
    if not troubled:
        return _untroubled(rows, unknown)
    if len(troubled) > NAMED:
        return f"{len(troubled)} of {len(rows)} services are affected."
    said = [_sentence(row, regions) for row in troubled]
    rest = [row for row in rows if row.whole.health is Health.NORMAL]
    if len(rest) == 1:
        said.append(f"{rest[0].name} is not affected.")
    elif rest:
        all_others = len(rest) + len(troubled) == len(rows)
        said.append(f"{'All other services' if all_others else f'{len(rest)} others'} are working normally.")
    return " ".join(said)


def _row(
    component: Component, regions: Regions | None, bearings: Sequence[Bearing], claims: Sequence[Claim]
) -> Row:
    own = [claim for claim in claims if claim.component == component.name]
    mine = [one for one in bearings if component.match.items() <= one.labels.items()]
    cells: dict[str, Cell | None] = {}
    for value in regions.columns if regions else ():
        cells[value] = _there(component, regions, value, mine, own)
    whole = _claimed(measured(standing(mine, component.match)), own)
    return Row(component, whole, cells)


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


def _untroubled(rows: Sequence[Row], unknown: Sequence[Row]) -> str:
    serviced = [row for row in rows if row.whole.health is Health.MAINTENANCE]
    if serviced and len(serviced) <= NAMED:
        names = " and ".join(row.name for row in serviced)
        said = f"{names} {_are(len(serviced))} under maintenance."
        return (
            said
            if len(serviced) + len(unknown) == len(rows)
            else f"{said} Everything else is working normally."
        )
    if serviced:
        return f"{len(serviced)} of {len(rows)} services are under maintenance."
    if not unknown:
        return "All services are working normally." if len(rows) > 1 else "The service is working normally."
    if len(unknown) == len(rows):
        return "There is no information about these services at the moment."
    names = ", ".join(row.name for row in unknown[:NAMED])
    about = names if len(unknown) <= NAMED else f"{len(unknown)} services"
    return f"There is no information about {about} at the moment. Everything else is working normally."


def _sentence(row: Row, regions: Regions | None) -> str:
    """How a service does, and in which regions where it does better in another one."""
    bad = {value: cell for value, cell in row.cells.items() if cell and cell.health in TROUBLED}
    well = [cell for cell in row.cells.values() if cell and cell.health is Health.NORMAL]
    hows = {value: cell.health for value, cell in bad.items()}
    alike = not well and len(set(hows.values())) == 1
    if regions is None or not bad or alike or len(bad) > NAMED:
        return f"{row.name} is {row.whole.health.value.lower()}."
    return f"{row.name} is {by_region(hows, regions)}."


def by_region(healths: Mapping[str, Health], regions: Regions) -> str:
    """How something does where, worst first: "not working in Europe and delayed in United States"."""
    parts = []
    for health in WORST_FIRST:
        if there := [regions.columns[value] for value, how in healths.items() if how is health]:
            parts.append(f"{health.value.lower()} in {' and '.join(there)}")
    return " and ".join(parts)


def _are(count: int) -> str:
    return "is" if count == 1 else "are"
