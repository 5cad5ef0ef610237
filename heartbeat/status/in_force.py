"""What of an announcement customers read now: what it says, except where its components have recovered since. Pure.

So the announcement never contradicts the headline above it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from heartbeat.status.announcement import Affected, Announcement, AnnouncementKind
from heartbeat.status.health import Health, Recoveries, ServiceRow, is_overtaken


@dataclass(frozen=True, slots=True)
class Overtaken:
    """A published health that no longer holds in one region (empty outside of all), and what is shown instead."""

    component: str
    region: str
    said: Health
    health: Health
    well_since: datetime

    @property
    def recovered(self) -> bool:
        """True if it was said to be in trouble, and is well."""
        return self.health is Health.NORMAL and self.said is not Health.NORMAL


@dataclass(frozen=True, slots=True)
class Recovered:
    """A component that works again in these regions, without regions everywhere, and the time since which."""

    component: str
    regions: tuple[str, ...]
    since: datetime


@dataclass(frozen=True, slots=True)
class InForce:
    """The components that an announcement names with their health now, and those that work again."""

    affected: tuple[Affected, ...]
    recovered: tuple[Recovered, ...] = ()


def overtaken(
    announcement: Announcement, rows: Sequence[ServiceRow], recoveries: Recoveries
) -> tuple[Overtaken, ...]:
    """Return what the announcement says of places that have recovered since."""
    if not announcement.counts or announcement.kind is AnnouncementKind.MAINTENANCE:
        return ()
    places = {row.name: row.places for row in rows}
    return tuple(
        Overtaken(part.component, region, part.health, own[region].health, recovered_at)
        for part in announcement.affected
        if (own := places.get(part.component))
        for region in part.regions or own
        if (recovered_at := recoveries.get((part.component, region))) is not None
        and region in own
        and is_overtaken(announcement.said_at, recovered_at)
    )


def of(announcement: Announcement, rows: Sequence[ServiceRow], recoveries: Recoveries) -> InForce:
    """Return the announcement's components as customers read them now."""
    changed = overtaken(announcement, rows, recoveries)
    if not changed:
        return InForce(announcement.affected)
    by_place = {(each.component, each.region, each.said): each for each in changed}
    places = {row.name: row.places for row in rows}
    affected: list[Affected] = []
    for part in announcement.affected:
        own = part.regions or tuple(places.get(part.component, ()))
        left = [region for region in own if (part.component, region, part.health) not in by_place]
        if len(left) == len(own):
            affected.append(part)
        elif left:
            affected.append(Affected(part.component, part.health, _named(left)))
    worse: dict[tuple[str, Health], list[str]] = {}
    again: dict[str, list[Overtaken]] = {}
    for each in changed:
        if each.recovered:
            again.setdefault(each.component, []).append(each)
        else:
            worse.setdefault((each.component, each.health), []).append(each.region)
    affected += [Affected(name, health, _named(regions)) for (name, health), regions in worse.items()]
    return InForce(tuple(affected), tuple(_recovered(name, parts) for name, parts in again.items()))


def named(announcements: Sequence[Announcement]) -> Mapping[str, None]:
    """Return the components that these announcements of incidents name as affected, in their order."""
    return {
        part.component: None
        for announcement in announcements
        if announcement.kind is AnnouncementKind.INCIDENT
        for part in announcement.affected
        if part.health is not Health.NORMAL
    }


def _recovered(component: str, parts: Sequence[Overtaken]) -> Recovered:
    return Recovered(
        component, _named([part.region for part in parts]), max(part.well_since for part in parts)
    )


def _named(regions: Sequence[str]) -> tuple[str, ...]:
    """Return the regions without the one outside of all, which has no name."""
    return tuple(dict.fromkeys(region for region in regions if region))
