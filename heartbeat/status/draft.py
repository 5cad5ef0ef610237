"""Drafts of announcements: the affected services, their regions, and the start. Pure.

A draft does not reveal how we know, and promises nothing. A human completes it before customers read it.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

from alerting import times
from heartbeat.definitions.status_page import StatusPage
from heartbeat.status.announcement import Affected, AnnouncementFields, AnnouncementKind, Status, by_component
from heartbeat.status.headline import are, are_many
from heartbeat.status.health import NAMED, TROUBLED, Health, ServiceRow, worst

WATCHING = "We are monitoring the recovery."
LONGEST = 160
"""The largest number of characters of a sentence that names each service."""


def affected_components(
    page: StatusPage, labelled: Iterable[Mapping[str, str]], rows: Sequence[ServiceRow]
) -> tuple[Affected, ...]:
    """Return the components of a page that match these labels, with their regions and their health."""
    labelled_regions: dict[str, list[str]] = {}
    for labels in labelled:
        for component in page.components:
            if component.match.items() <= labels.items():
                region = labels.get(page.regions.label, "") if page.regions else ""
                labelled_regions.setdefault(component.name, []).append(region)
    by_name = {row.name: row for row in rows}
    columns = page.regions.columns if page.regions else {}
    affected = []
    for name, regions in labelled_regions.items():
        shown = tuple(value for value in columns if value in regions)
        if not shown or any(region not in columns for region in regions):
            affected.append(Affected(name, _health(by_name[name], shown)))
        else:
            affected += _by_health(by_name[name], shown)
    return tuple(affected)


def incident(
    page: StatusPage, affected: tuple[Affected, ...], since: datetime, now: datetime
) -> AnnouncementFields:
    """Draft the first update of an incident."""
    body = f"Since {_when(page, since, now)}, {sentence(page, affected)}. We are looking into it."
    return AnnouncementFields(
        AnnouncementKind.INCIDENT, title(page, affected), Status.INVESTIGATING, body, since, affected=affected
    )


def recovering_incident(
    page: StatusPage,
    affected: tuple[Affected, ...],
    rows: Sequence[ServiceRow],
    since: datetime,
    now: datetime,
) -> AnnouncementFields:
    """Draft the announcement of an incident whose checks have just recovered."""
    body = f"Since {_when(page, since, now)}, {past_sentence(page, affected)}.{_again(page, affected, rows)} {WATCHING}"
    return _of_the_past(page, affected, Status.MONITORING, body, since)


def past_incident(
    page: StatusPage,
    affected: tuple[Affected, ...],
    rows: Sequence[ServiceRow],
    since: datetime,
    until: datetime,
    now: datetime,
) -> AnnouncementFields:
    """Draft the announcement of an incident that is over, the only one about it."""
    span = f"From {_when(page, since, now)} until {_when(page, until, now)}"
    body = f"{span}, {past_sentence(page, affected)}.{_again(page, affected, rows)}"
    return _of_the_past(page, affected, Status.RESOLVED, body, since)


def maintenance(
    name: str,
    description: str,
    affected: tuple[Affected, ...],
    begins: datetime,
    ends: datetime,
) -> AnnouncementFields:
    """Draft the announcement of a maintenance."""
    services = _names(affected) or "Some services"
    body = description.strip() or f"During this time {services} may not be available."
    under_maintenance = tuple(
        Affected(name, Health.MAINTENANCE, regions) for name, regions in regions_of(affected).items()
    )
    return AnnouncementFields(
        AnnouncementKind.MAINTENANCE, name, Status.SCHEDULED, body, begins, ends, affected=under_maintenance
    )


def past_sentence(page: StatusPage, affected: Sequence[Affected]) -> str:
    """Return which services were affected in words: "CPU allowance was affected in the US"."""
    regions = regions_of(affected)
    names = _names(affected) or f"{len(regions)} services"
    verb = "were" if len(regions) > NAMED or are_many(list(regions)) else "was"
    distinct = set(regions.values())
    return f"{names} {verb} affected{_in(page, distinct.pop()) if len(distinct) == 1 else ''}"


def title(page: StatusPage, affected: Sequence[Affected]) -> str:
    """Return the sentence as a heading."""
    text = sentence(page, affected)
    return text[:1].upper() + text[1:]


def sentence(page: StatusPage, affected: Sequence[Affected]) -> str:
    """Return the health of services in words: "CPU allowance is delayed in the US, and Mail is not working"."""
    by_name = by_component(affected)
    if len(by_name) > NAMED or not by_name:
        return f"{len(by_name)} services are affected"
    alike: dict[str, list[str]] = {}
    for name, parts in by_name.items():
        words_of_health = " and ".join(
            f"{part.health.value.lower()}{_in(page, part.regions)}" for part in parts
        )
        alike.setdefault(words_of_health, []).append(name)
    clauses = [
        f"{times.names(names)} {are(names)} {words_of_health}" for words_of_health, names in alike.items()
    ]
    text = ", ".join(clauses) if len(clauses) == 1 else f"{', '.join(clauses[:-1])}, and {clauses[-1]}"
    return text if len(text) <= LONGEST else f"{times.names(list(by_name))} {are(by_name)} affected"


def regions_of(affected: Collection[Affected]) -> dict[str, tuple[str, ...]]:
    """Return the affected regions of each component; an empty tuple stands for everywhere."""
    regions: dict[str, tuple[str, ...]] = {}
    for name, parts in by_component(affected).items():
        everywhere = any(not part.regions for part in parts)
        regions[name] = (
            () if everywhere else tuple(sorted({region for part in parts for region in part.regions}))
        )
    return regions


def recovery(page: StatusPage, affected: Sequence[Affected]) -> str:
    """Say that the affected services work again."""
    regions = regions_of(affected)
    names = _names(affected) or "All services"
    verb = "work" if are_many(list(regions)) else "works"
    distinct = set(regions.values())
    return f"{names} {verb} normally again{_in(page, distinct.pop()) if len(distinct) == 1 else ''}."


def _of_the_past(
    page: StatusPage, affected: tuple[Affected, ...], status: Status, body: str, since: datetime
) -> AnnouncementFields:
    # What is measured now may be another trouble: of this one we know no more than that it delayed something.
    least = tuple(Affected(name, Health.DELAYED, regions) for name, regions in regions_of(affected).items())
    text = past_sentence(page, affected)
    heading = text[:1].upper() + text[1:]
    return AnnouncementFields(AnnouncementKind.INCIDENT, heading, status, body, since, affected=least)


def _again(page: StatusPage, affected: Sequence[Affected], rows: Sequence[ServiceRow]) -> str:
    """Say that the affected services work again, if they do. There may be other trouble by now."""
    by_name = {row.name: row for row in rows}
    places = [
        cell
        for name, regions in regions_of(affected).items()
        for cell in [by_name[name].cells.get(region) for region in regions] or [by_name[name].whole]
    ]
    work = all(cell is not None and cell.health is Health.NORMAL for cell in places)
    return f" {recovery(page, affected)}" if work else ""


def _names(affected: Sequence[Affected]) -> str:
    names = list(by_component(affected))
    return times.names(names) if 0 < len(names) <= NAMED else ""


def _in(page: StatusPage, regions: Collection[str]) -> str:
    if page.regions is None:
        return ""
    places = [page.regions.place(value) for value in page.regions.columns if value in regions]
    return f" in {times.names(places)}" if places else ""


def _by_health(row: ServiceRow, regions: Sequence[str]) -> list[Affected]:
    """Return a component in these regions, grouped by its health."""
    by_health: dict[Health, list[str]] = {}
    for region in regions:
        by_health.setdefault(_health(row, (region,)), []).append(region)
    return [Affected(row.name, health, tuple(alike)) for health, alike in by_health.items()]


def _health(row: ServiceRow, regions: Sequence[str]) -> Health:
    """Return the worst health in these regions, but at least delayed."""
    cells = [cell for value in regions if (cell := row.cells.get(value))] or [row.whole]
    health = worst(cells).health
    return health if health in TROUBLED else Health.DELAYED


def _when(page: StatusPage, at: datetime, now: datetime) -> str:
    return f"{times.instant(at, now, page.timezone)} {page.zone_name(at)}"
