"""The content of a status page at an instant. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from hashlib import sha256
from zoneinfo import ZoneInfo

from alerting import times
from heartbeat.definitions.status_page import Component, Group, StatusPage
from heartbeat.status import headline, in_force
from heartbeat.status.announcement import Announcement, AnnouncementKind, Status
from heartbeat.status.catching_up import CatchingUp
from heartbeat.status.health import Health, Recoveries, ServiceRow
from heartbeat.status.in_force import InForce
from heartbeat.status.uptime.days import ComponentRegion, Day

PAST = timedelta(days=90)
"""The time that the page of past incidents covers."""
RECENT = timedelta(days=14)
"""The time that the first page covers."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One page at an instant."""

    page: StatusPage
    at: datetime
    rows: tuple[ServiceRow, ...]
    home: str
    """The address at which this installation serves the page, without a slash at its end."""
    announcements: tuple[Announcement, ...] = ()
    """The open and the recently ended announcements, newest first, at most `announcement.MOST_SHOWN`."""
    days: Mapping[ComponentRegion, Sequence[Day]] = field(default_factory=dict)
    """The last days of each component, everywhere and in each region with data, oldest first."""
    subscribable: bool = False
    """True if customers can subscribe to mails."""
    recoveries: Recoveries = field(default_factory=dict)
    """The recoveries that have settled since announcements were published."""
    progress: Mapping[str, CatchingUp] = field(default_factory=dict)
    """The progress of the components that show one, by their names."""

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.page.timezone)

    def began(self, component: str) -> date:
        """Return the first day with data about a component, or today if there is none."""
        measured_days = (
            day.day for day in self.days.get((component, ""), ()) if day.measured or day.maintenance
        )
        return next(measured_days, self.at.astimezone(self.zone).date())

    def region_days(self, row: ServiceRow) -> list[tuple[str, Sequence[Day]]]:
        """Return the days of a component in each region with data, by the region's name.

        There are none if its regions do not tell the whole: then only the days of the whole are right.
        """
        if self.page.regions is None or not row.by_region:
            return []
        regions = self.page.regions
        days = [(regions.heading(value), self.days.get((row.name, value), ())) for value in regions.columns]
        return [(name, own) for name, own in days if any(day.total for day in own)]

    @property
    def headline(self) -> str:
        """The sentence that answers "is it them or us?"."""
        incidents = [incident for incident in self.open if incident.kind is AnnouncementKind.INCIDENT]
        sentence = headline.headline(self.rows, self.page.regions, in_force.named(incidents))
        untroubled = all(row.whole.health in (Health.NORMAL, Health.UNKNOWN) for row in self.rows)
        if not untroubled or not incidents:
            return sentence
        watched = all(
            incident.status is Status.MONITORING or self.in_force(incident).recovered
            for incident in incidents
        )
        addition = "We are watching the recovery." if watched else "We are looking into a problem."
        return f"{sentence} {addition}"

    def in_force(self, announcement: Announcement) -> InForce:
        """Return what an announcement says of its components now."""
        return in_force.of(announcement, self.rows, self.recoveries)

    @property
    def open(self) -> list[Announcement]:
        """The announcements under way, the newest update first."""
        return sorted(
            (announcement for announcement in self.announcements if announcement.under_way),
            key=_newest,
            reverse=True,
        )

    @property
    def upcoming(self) -> list[Announcement]:
        """The planned maintenance, the next one first."""
        planned = (
            announcement
            for announcement in self.announcements
            if announcement.open and not announcement.under_way
        )
        return sorted(planned, key=lambda announcement: announcement.starts_at)

    def past(self, length: timedelta) -> list[tuple[date, list[Announcement]]]:
        """Return the announcements that ended within this time, by the day of their start, newest first."""
        ended = [
            announcement
            for announcement in self.announcements
            if announcement.resolved_at and announcement.resolved_at > self.at - length
        ]
        days: dict[date, list[Announcement]] = {}
        for announcement in sorted(
            ended, key=lambda announcement: (announcement.starts_at, announcement.id), reverse=True
        ):
            days.setdefault(announcement.starts_at.astimezone(self.zone).date(), []).append(announcement)
        return list(days.items())

    def progress_of(self, component: Component) -> str:
        """Return the progress of a component and its age; empty if there is none to tell.

        "Resets are catching up: 41 % done, expected by 02:00 UTC (measured at 21:14 UTC)"
        """
        known = self.progress.get(component.name)
        if known is None:
            return ""
        expected = f", expected by {self._clock.at(known.expected_by)}" if known.expected_by else ""
        done = f"{component.progress_says}: {known.percent} % done{expected}"
        return f"{done} (measured at {self._clock.at(known.measured_at)})"

    @property
    def _clock(self) -> times.Clock:
        return times.Clock(self.at, self.page.timezone)

    def unrelated(self) -> dict[int, dict[int, str]]:
        """Return for each announcement the titles of those it is not related to, by either one's word."""
        titles = {announcement.id: announcement.title for announcement in self.announcements}
        unrelated: dict[int, dict[int, str]] = {announcement.id: {} for announcement in self.announcements}
        for announcement in self.announcements:
            for other in announcement.unrelated:
                if other in titles:
                    unrelated[announcement.id][other] = titles[other]
                    unrelated[other][announcement.id] = announcement.title
        return unrelated

    def groups(self) -> list[tuple[Group | None, Sequence[ServiceRow]]]:
        """Return the rows by group, those without one first."""
        loose = [row for row in self.rows if not row.component.group]
        under = [
            (group, [row for row in self.rows if row.component.group == group.name])
            for group in self.page.groups
        ]
        return [*([(None, loose)] if loose else []), *under]


def mark(*names: str) -> str:
    """Return a permanent id for these names: twelve hexadecimal digits."""
    return sha256("\n".join(names).encode()).hexdigest()[:12]


def recent(announcements: Iterable[Announcement], at: datetime) -> list[Announcement]:
    """Return the announcements that the first page shows."""
    return [
        announcement
        for announcement in announcements
        if announcement.resolved_at is None or announcement.resolved_at > at - RECENT
    ]


def _newest(announcement: Announcement) -> datetime:
    return announcement.updates[0].at if announcement.updates else announcement.starts_at
