"""A draft for customers from what is known inside: which of their services are touched, where, and since when. Pure.

It says nothing of how we know, and promises nothing: a human makes it right before anybody reads it.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from alerting import spell
from heartbeat.config.public import StatusPage
from heartbeat.status.announcement import Affected, Kind, Status, Wanted, by_component
from heartbeat.status.health import NAMED, TROUBLED, Health, Row, worst

WATCHING = "We are watching whether it stays that way."
LONGEST = 160
"""Characters that a sentence has at the most where it tells each service apart."""


def touched(
    page: StatusPage, labelled: Iterable[Mapping[str, str]], rows: Sequence[Row]
) -> tuple[Affected, ...]:
    """Which components of a page stand for things with these labels, in which regions, and how they do."""
    places: dict[str, list[str]] = {}
    for labels in labelled:
        for one in page.components:
            if one.match.items() <= labels.items():
                region = labels.get(page.regions.label, "") if page.regions else ""
                places.setdefault(one.name, []).append(region)
    by_name = {row.name: row for row in rows}
    columns = page.regions.columns if page.regions else {}
    found = []
    for name, regions in places.items():
        inside = tuple(value for value in columns if value in regions)
        if not inside or any(region not in columns for region in regions):
            found.append(Affected(name, _health(by_name[name], inside)))
        else:
            found += _apart(by_name[name], inside)
    return tuple(found)


def incident(page: StatusPage, affected: tuple[Affected, ...], since: datetime, now: datetime) -> Wanted:
    """The first words on an incident."""
    words = f"Since {_when(page, since, now)} {sentence(page, affected)}. We are looking into it."
    return Wanted(Kind.INCIDENT, title(page, affected), Status.INVESTIGATING, words, since, affected=affected)


def maintenance(
    name: str,
    description: str,
    affected: tuple[Affected, ...],
    begins: datetime,
    ends: datetime,
) -> Wanted:
    """The first words on a maintenance."""
    services = _names(affected) or "Some services"
    words = description.strip() or f"During this time {services} may not be available."
    quiet = tuple(Affected(name, Health.MAINTENANCE, where) for name, where in places(affected).items())
    return Wanted(Kind.MAINTENANCE, name, Status.SCHEDULED, words, begins, ends, affected=quiet)


def title(page: StatusPage, affected: Sequence[Affected]) -> str:
    """What it is called: the sentence, as a heading."""
    said = sentence(page, affected)
    return said[:1].upper() + said[1:]


def sentence(page: StatusPage, affected: Sequence[Affected]) -> str:
    """Which services do how, and where: "CPU allowance is delayed in the US, and Mail is not working"."""
    by_name = by_component(affected)
    if len(by_name) > NAMED or not by_name:
        return f"{len(by_name)} services are affected"
    alike: dict[str, list[str]] = {}
    for name, parts in by_name.items():
        how = " and ".join(f"{part.health.value.lower()}{_in(page, part.regions)}" for part in parts)
        alike.setdefault(how, []).append(name)
    said = [f"{_listed(names)} {_are(names)} {how}" for how, names in alike.items()]
    words = ", ".join(said) if len(said) == 1 else f"{', '.join(said[:-1])}, and {said[-1]}"
    return words if len(words) <= LONGEST else f"{_listed(by_name)} {_are(by_name)} affected"


def places(affected: Collection[Affected]) -> dict[str, tuple[str, ...]]:
    """In which regions each component is touched; everywhere where none is named."""
    found: dict[str, tuple[str, ...]] = {}
    for name, parts in by_component(affected).items():
        everywhere = any(not part.regions for part in parts)
        found[name] = () if everywhere else tuple(sorted({one for part in parts for one in part.regions}))
    return found


def recovery(page: StatusPage, affected: Sequence[Affected]) -> str:
    """That it is over."""
    where = places(affected)
    names = _names(affected) or "All services"
    verb = "works" if len(where) == 1 else "work"
    common = set(where.values())
    return f"{names} {verb} normally again{_in(page, common.pop()) if len(common) == 1 else ''}."


def _names(affected: Sequence[Affected]) -> str:
    names = list(by_component(affected))
    return _listed(names) if 0 < len(names) <= NAMED else ""


def _listed(some: Iterable[str]) -> str:
    names = list(some)
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _are(names: Collection[str]) -> str:
    return "is" if len(names) == 1 else "are"


def _in(page: StatusPage, regions: Collection[str]) -> str:
    columns = page.regions.columns if page.regions else {}
    there = [name for value, name in columns.items() if value in regions]
    return f" in {' and '.join(there)}" if there else ""


def _apart(row: Row, regions: Sequence[str]) -> list[Affected]:
    """A component in these regions; those in which it does alike together."""
    by_health: dict[Health, list[str]] = {}
    for region in regions:
        by_health.setdefault(_health(row, (region,)), []).append(region)
    return [Affected(row.name, health, tuple(there)) for health, there in by_health.items()]


def _health(row: Row, regions: Sequence[str]) -> Health:
    """How it does there now; what is said to be wrong and looks well is at least delayed."""
    cells = [cell for value in regions if (cell := row.cells.get(value))] or [row.whole]
    found = worst(cells).health
    return found if found in TROUBLED else Health.DELAYED


def _when(page: StatusPage, at: datetime, now: datetime) -> str:
    zone = page.timezone
    name = "UTC" if zone == "UTC" else at.astimezone(ZoneInfo(zone)).tzname()
    return f"{spell.instant(at, now, zone)} {name}"
