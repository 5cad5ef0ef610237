"""Everything that one public page shows, as it stood at an instant. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from hashlib import sha256
from zoneinfo import ZoneInfo

from heartbeat.config.public import Group, StatusPage
from heartbeat.status import headline
from heartbeat.status.announcement import Announcement, Kind, Status
from heartbeat.status.health import Health, Row
from heartbeat.status.uptime import Day, Place

PAST = timedelta(days=90)
"""How far back a page tells what has been."""
RECENT = timedelta(days=14)
"""How far back it tells so on its first page."""
MOST = 200
"""Announcements that a page tells of, newest first."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One page at an instant."""

    page: StatusPage
    at: datetime
    rows: tuple[Row, ...]
    home: str
    """The address at which this installation serves the page, without a slash at its end."""
    told: tuple[Announcement, ...] = ()
    """What is open and what was over lately, newest first; `MOST` at the most."""
    days: Mapping[Place, Sequence[Day]] = field(default_factory=dict)
    """The last days of each component, and of it in each region where it is known, oldest first."""
    subscribable: bool = False
    """Whether mail can be sent to who asks for it."""

    @property
    def zone(self) -> ZoneInfo:
        """The page's own time zone."""
        return ZoneInfo(self.page.timezone)

    def began(self, component: str) -> date:
        """The first day of which we know anything of a component; today where there is none."""
        known = (day.day for day in self.days.get((component, ""), ()) if day.known or day.maintenance)
        return next(known, self.at.astimezone(self.zone).date())

    def there(self, row: Row) -> list[tuple[str, Sequence[Day]]]:
        """The days of a component in each region where something is known of it, by the region's name. None where
        its regions do not tell all: then only the days of the whole can be believed."""
        if self.page.regions is None or not row.apart:
            return []
        columns = self.page.regions.columns.items()
        days = [(name, self.days.get((row.name, value), ())) for value, name in columns]
        return [(name, some) for name, some in days if any(day.total for day in some)]

    @property
    def headline(self) -> str:
        """The answer to "is it them or us?"."""
        said = headline.headline(self.rows, self.page.regions)
        calm = all(row.whole.health in (Health.NORMAL, Health.UNKNOWN) for row in self.rows)
        incidents = [one for one in self.open if one.kind is Kind.INCIDENT]
        if not calm or not incidents:
            return said
        watched = all(one.status is Status.MONITORING for one in incidents)
        how = "We are watching the recovery." if watched else "We are looking into a problem."
        return f"{said} {how}"

    @property
    def open(self) -> list[Announcement]:
        """What is happening, with the newest update first."""
        return sorted((one for one in self.told if one.under_way), key=_newest, reverse=True)

    @property
    def upcoming(self) -> list[Announcement]:
        """What is planned, the next one first."""
        planned = (one for one in self.told if one.open and not one.under_way)
        return sorted(planned, key=lambda one: one.starts_at)

    def past(self, length: timedelta) -> list[tuple[date, list[Announcement]]]:
        """What was over within so long, by the day on which it began, newest first."""
        over = [one for one in self.told if one.resolved_at and one.resolved_at > self.at - length]
        days: dict[date, list[Announcement]] = {}
        for one in sorted(over, key=lambda one: (one.starts_at, one.id), reverse=True):
            days.setdefault(one.starts_at.astimezone(self.zone).date(), []).append(one)
        return list(days.items())

    def unrelated(self) -> dict[int, dict[int, str]]:
        """By announcement the titles of those that it is not related to, whichever of the two says so."""
        shown = {one.id: one.title for one in self.told}
        apart: dict[int, dict[int, str]] = {one.id: {} for one in self.told}
        for one in self.told:
            for other in one.unrelated:
                if other in shown:
                    apart[one.id][other] = shown[other]
                    apart[other][one.id] = one.title
        return apart

    def groups(self) -> list[tuple[Group | None, Sequence[Row]]]:
        """The rows under their headings, those without one first."""
        loose = [row for row in self.rows if not row.component.group]
        under = [
            (one, [row for row in self.rows if row.component.group == one.name]) for one in self.page.groups
        ]
        return [*([(None, loose)] if loose else []), *under]


def mark(*names: str) -> str:
    """An identity for what has these names, the same for ever: twelve hexadecimal digits."""
    return sha256("\n".join(names).encode()).hexdigest()[:12]


def recent(some: Iterable[Announcement], at: datetime) -> list[Announcement]:
    """Those that stand on the first page."""
    return [one for one in some if one.resolved_at is None or one.resolved_at > at - RECENT]


def _newest(one: Announcement) -> datetime:
    return one.updates[0].at if one.updates else one.starts_at
