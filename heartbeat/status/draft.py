"""A draft for customers from what is known inside: which of their services are touched, where, and since when. Pure.

It says nothing of how we know, and promises nothing: a human makes it right before anybody reads it.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from alerting import spell
from heartbeat.config import StatusPage
from heartbeat.status.announcement import Affected, Kind, Status, Wanted
from heartbeat.status.health import NAMED, TROUBLED, Health, Row, worst

WATCHING = "We are watching whether it stays that way."


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
        everywhere = not inside or any(region not in columns for region in regions)
        found.append(Affected(name, _health(by_name[name], inside), () if everywhere else inside))
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
    quiet = tuple(Affected(one.component, Health.MAINTENANCE, one.regions) for one in affected)
    return Wanted(Kind.MAINTENANCE, name, Status.SCHEDULED, words, begins, ends, affected=quiet)


def title(page: StatusPage, affected: Sequence[Affected]) -> str:
    """What it is called: the sentence, as a heading."""
    said = sentence(page, affected)
    return said[:1].upper() + said[1:]


def sentence(page: StatusPage, affected: Sequence[Affected]) -> str:
    """Which services do how, and where: "CPU allowance is delayed in the US"."""
    names = _names(affected)
    if not names:
        return f"{len(affected)} services are affected"
    healths = {one.health for one in affected}
    how = healths.pop().value.lower() if len(healths) == 1 else "affected"
    verb = "is" if len(affected) == 1 else "are"
    return f"{names} {verb} {how}{_where(page, affected)}"


def recovery(page: StatusPage, affected: Sequence[Affected]) -> str:
    """That it is over."""
    names = _names(affected) or "All services"
    verb = "works" if len(affected) == 1 else "work"
    return f"{names} {verb} normally again{_where(page, affected)}."


def _names(affected: Sequence[Affected]) -> str:
    names = [one.component for one in affected]
    if not names or len(names) > NAMED:
        return ""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _where(page: StatusPage, affected: Sequence[Affected]) -> str:
    places = {one.regions for one in affected}
    if len(places) != 1 or page.regions is None or not (regions := places.pop()):
        return ""
    return f" in {' and '.join(page.regions.columns[value] for value in regions)}"


def _health(row: Row, regions: Sequence[str]) -> Health:
    """How it does there now; what is said to be wrong and looks well is at least delayed."""
    cells = [cell for value in regions if (cell := row.cells.get(value))] or [row.whole]
    found = worst(cells).health
    return found if found in TROUBLED else Health.DELAYED


def _when(page: StatusPage, at: datetime, now: datetime) -> str:
    zone = page.timezone
    name = "UTC" if zone == "UTC" else at.astimezone(ZoneInfo(zone)).tzname()
    return f"{spell.instant(at, now, zone)} {name}"
