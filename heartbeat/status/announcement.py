"""Announcements to customers of incidents and maintenance, and the statuses they go through. Pure.

Source of the statuses and impacts: the Statuspage API, version 2, whose readers understand no others.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from heartbeat.definitions.entry import line
from heartbeat.definitions.status_page import StatusPage
from heartbeat.safe_text import is_harmless
from heartbeat.status.health import TROUBLED, WORST_FIRST, Claim, Health

MOST_SHOWN = 200
"""The largest number of announcements on a status page, newest first."""
MAX_TITLE = 200
MAX_BODY = 10_000
MAX_UNRELATED = 20
EARLIEST, LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
"""Times outside of these are taken for typing errors."""


class AnnouncementKind(StrEnum):
    """The kinds of announcement."""

    INCIDENT = "incident"
    MAINTENANCE = "maintenance"


class Status(StrEnum):
    """The stages of an announcement."""

    INVESTIGATING = "investigating"
    IDENTIFIED = "identified"
    MONITORING = "monitoring"
    RESOLVED = "resolved"
    POSTMORTEM = "postmortem"
    SCHEDULED = "scheduled"
    IN_PROGRESS = "in_progress"
    VERIFYING = "verifying"
    COMPLETED = "completed"


class Impact(StrEnum):
    """The impact on customers, least first."""

    NONE = "none"
    MINOR = "minor"
    MAJOR = "major"
    CRITICAL = "critical"
    MAINTENANCE = "maintenance"


S = Status
_UNDER_WAY = (S.INVESTIGATING, S.IDENTIFIED, S.MONITORING)
_NEXT: dict[Status, tuple[Status, ...]] = {
    **dict.fromkeys(_UNDER_WAY, (*_UNDER_WAY, S.RESOLVED)),
    S.RESOLVED: (S.POSTMORTEM,),
    S.POSTMORTEM: (S.POSTMORTEM,),
    S.SCHEDULED: (S.SCHEDULED, S.IN_PROGRESS, S.COMPLETED),
    S.IN_PROGRESS: (S.IN_PROGRESS, S.VERIFYING, S.COMPLETED),
    S.VERIFYING: (S.VERIFYING, S.IN_PROGRESS, S.COMPLETED),
    S.COMPLETED: (),
}
_FIRST = {
    AnnouncementKind.INCIDENT: (*_UNDER_WAY, S.RESOLVED),
    AnnouncementKind.MAINTENANCE: (S.SCHEDULED, S.IN_PROGRESS),
}
OVER = frozenset({S.RESOLVED, S.POSTMORTEM, S.COMPLETED})
_IMPACTS = {Health.STOPPED: Impact.CRITICAL, Health.PARTLY: Impact.MAJOR, Health.DELAYED: Impact.MINOR}


class InvalidAnnouncement(ValueError):
    """An announcement is refused. The message names the field and says what it must be."""


@dataclass(frozen=True, slots=True)
class Affected:
    """An affected component, its health, and its regions. Without regions it is affected everywhere."""

    component: str
    health: Health
    regions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Update:
    """One update of an announcement. `body` is Markdown. `by` is the author, whom customers do not see."""

    id: int
    at: datetime
    status: Status
    body: str
    by: str
    automatic: bool = False
    affected: tuple[Affected, ...] = ()


@dataclass(frozen=True, slots=True)
class Announcement:
    """An incident or a maintenance as customers see it. Without `published_at` it is a draft.

    `starts_at` is the start of the incident or the maintenance, `ends_at` the planned end of a maintenance. `draft`
    is the first update until it is published. `incident_id` and `maintenance_id` are the numbers of the internal
    incident and the window that it was drafted from.
    """

    id: int
    page: str
    kind: AnnouncementKind
    title: str
    status: Status
    impact: Impact
    starts_at: datetime
    made_at: datetime
    changed_at: datetime
    affected: tuple[Affected, ...] = ()
    unrelated: tuple[int, ...] = ()
    ends_at: datetime | None = None
    published_at: datetime | None = None
    monitoring_at: datetime | None = None
    resolved_at: datetime | None = None
    draft: str = ""
    incident_id: int | None = None
    maintenance_id: int | None = None
    automatic: bool = False
    installation: str | None = None
    """The name of the installation when it was made, a part of its ids outside."""
    updates: tuple[Update, ...] = field(default=(), compare=True)
    """Newest first."""

    @property
    def outside_id(self) -> str:
        """The id by which readers of feeds and mails know it: see `outside_id`."""
        return outside_id(self.id, self.installation)

    @property
    def open(self) -> bool:
        """True if it is published and has not ended."""
        return self.published_at is not None and self.status not in OVER

    @property
    def under_way(self) -> bool:
        """True for an open incident and for a maintenance that has started."""
        return self.open and self.status is not Status.SCHEDULED

    @property
    def counts(self) -> bool:
        """True if it determines the health of its components. An incident that is only monitored does not."""
        return self.under_way and self.status not in (Status.MONITORING, Status.VERIFYING)

    @property
    def by_hand(self) -> bool:
        """True unless the page named the affected components automatically. A maintenance is planned by a human."""
        automatic = bool(self.updates) and self.updates[0].automatic and not self._changed_since
        return self.kind is AnnouncementKind.MAINTENANCE or not automatic

    @property
    def said_at(self) -> datetime:
        """The time at which the affected components were published last. Every update publishes them again."""
        return self.updates[0].at if self.updates and not self._changed_since else self.changed_at

    @property
    def _changed_since(self) -> bool:
        return self.updates[0].affected != self.affected


def outside_id(number: int, installation: str | None) -> str:
    """Return the id by which others know an announcement.

    Another installation, or this one after a restore, can have an announcement of the same number.
    """
    return str(number) if installation is None else f"{number}-{installation}"


@dataclass(frozen=True, slots=True)
class AnnouncementFields:
    """The fields of an announcement that its author writes."""

    kind: AnnouncementKind
    title: str
    status: Status
    body: str
    starts_at: datetime
    ends_at: datetime | None = None
    impact: Impact | None = None
    affected: tuple[Affected, ...] = ()
    unrelated: tuple[int, ...] = ()


def completed(fields: AnnouncementFields, page: StatusPage) -> AnnouncementFields:
    """Return the fields with everything filled in. Raises `InvalidAnnouncement`."""
    _title(fields.title)
    body(fields.body)
    affected = of_kind(fields.kind, fields.affected)
    refuse_unknown(affected, page)
    if fields.status not in _FIRST[fields.kind]:
        raise InvalidAnnouncement(
            f"status: must be one of {', '.join(_FIRST[fields.kind])} for a new {fields.kind}."
        )
    for name, at in (("starts_at", fields.starts_at), ("ends_at", fields.ends_at)):
        if at is not None and not EARLIEST <= at < LATEST:
            raise InvalidAnnouncement(f"{name}: must lie between {EARLIEST:%Y} and {LATEST:%Y}.")
    if len(fields.unrelated) > MAX_UNRELATED:
        raise InvalidAnnouncement(f"not_related_to: must name at most {MAX_UNRELATED}.")
    if fields.kind is AnnouncementKind.MAINTENANCE:
        if fields.ends_at is None or fields.ends_at <= fields.starts_at:
            raise InvalidAnnouncement("ends_at: a maintenance must end after it begins.")
        return replace(fields, impact=Impact.MAINTENANCE, affected=affected)
    if fields.impact is Impact.MAINTENANCE:
        raise InvalidAnnouncement("impact: must be one of none, minor, major, critical for an incident.")
    return replace(fields, impact=fields.impact or impact_of(affected), ends_at=None)


def of_kind(kind: AnnouncementKind, affected: Iterable[Affected]) -> tuple[Affected, ...]:
    """Return the affected components: a maintenance puts all of its own under maintenance."""
    if kind is AnnouncementKind.MAINTENANCE:
        return tuple(replace(part, health=Health.MAINTENANCE) for part in affected)
    return tuple(affected)


def body(text: str) -> str:
    """Return the text if it can be the body of an update. Raises `InvalidAnnouncement`."""
    if not text.strip():
        raise InvalidAnnouncement("body: must not be empty.")
    if len(text) > MAX_BODY:
        raise InvalidAnnouncement(
            f"body: must have at most {MAX_BODY:,} characters; this one has {len(text):,}."
        )
    if not is_harmless(text.replace("\r\n", "\n")):
        raise InvalidAnnouncement("body: must be text without control characters.")
    return text


def refuse_unknown(affected: Collection[Affected], page: StatusPage) -> None:
    """Raise `InvalidAnnouncement` for names that are not on the page, and for contradictions."""
    columns = page.regions.columns if page.regions else {}
    places = {value: page.regions.place(value) for value in columns} if page.regions else {}
    for part in affected:
        if page.component(part.component) is None:
            raise InvalidAnnouncement(
                f"affected: there is no component {part.component[:100]!r} on this page."
            )
        for region in part.regions:
            if region not in columns:
                raise InvalidAnnouncement(f"affected: there is no region {region[:100]!r} on this page.")
    for component, parts in by_component(affected).items():
        _refuse_contradictions(component, parts, places)


def _refuse_contradictions(component: str, parts: Sequence[Affected], places: Mapping[str, str]) -> None:
    """Refuse a better health in a region than everywhere, since the worse of the two would count."""
    healths: dict[str, Health] = {}
    for part in parts:  # worst first
        for region in part.regions or ("",):
            other = healths.setdefault(region, healths.get("", part.health))
            if other is not part.health:
                place = f" in {places[region]}" if region else ""
                raise InvalidAnnouncement(
                    f"affected: {component} is both {other.value.lower()} and {part.health.value.lower()}{place}. "
                    "Choose one, or name its regions one by one if they differ."
                )


def affected_values(affected: Iterable[Affected]) -> list[dict[str, Any]]:
    """Return affected components as they are stored."""
    return [
        {"component": part.component, "health": part.health.name, "regions": list(part.regions)}
        for part in affected
    ]


def affected_of(values: Iterable[Mapping[str, Any]]) -> tuple[Affected, ...]:
    """Return stored affected components."""
    return tuple(
        Affected(part["component"], Health[part["health"]], tuple(part["regions"])) for part in values
    )


def impact_of(affected: Sequence[Affected]) -> Impact:
    """Return the impact that fits the worst health of the affected components."""
    healths = {part.health for part in affected}
    return next((_IMPACTS[health] for health in TROUBLED if health in healths), Impact.NONE)


def by_component(affected: Collection[Affected]) -> dict[str, list[Affected]]:
    """Group by component, worst first: a component may be better in one region than in another."""
    parts: dict[str, list[Affected]] = {}
    for part in sorted(affected, key=lambda part: WORST_FIRST.index(part.health)):
        parts.setdefault(part.component, []).append(part)
    return {name: parts[name] for name in dict.fromkeys(part.component for part in affected)}


def next_statuses(announcement: Announcement) -> tuple[Status, ...]:
    """Return the statuses that the next update may have."""
    return _NEXT[announcement.status] if announcement.published_at else _FIRST[announcement.kind]


def published(announcement: Announcement, now: datetime) -> Announcement:
    """Return the draft as published. Raises `InvalidAnnouncement`."""
    if announcement.published_at is not None:
        raise InvalidAnnouncement("It is already published. Nothing was changed.")
    body(announcement.draft)
    return _stamped(replace(announcement, published_at=now, draft="", changed_at=now), now)


def updated(
    announcement: Announcement, status: Status, now: datetime, affected: tuple[Affected, ...] | None = None
) -> Announcement:
    """Return the announcement after an update. Without `affected`, the affected components stay the same."""
    if announcement.published_at is None:
        raise InvalidAnnouncement("It is a draft. Publish it first.")
    if status not in _NEXT[announcement.status]:
        allowed = ", ".join(_NEXT[announcement.status])
        rule = f"must be one of {allowed}" if allowed else "no update can follow"
        raise InvalidAnnouncement(f"status: after {announcement.status} {rule}.")
    affected_now = announcement.affected if affected is None else of_kind(announcement.kind, affected)
    changed = replace(announcement, status=status, changed_at=now, affected=affected_now)
    return _stamped(replace(changed, impact=_raised(announcement, affected_now)), now)


def _raised(announcement: Announcement, affected: Sequence[Affected]) -> Impact:
    """Return the impact after an update. A worse health raises it, a better one does not lower it."""
    order = list(Impact).index
    before, after = impact_of(announcement.affected), impact_of(affected)
    return max(announcement.impact, after if order(after) > order(before) else Impact.NONE, key=order)


def due(announcement: Announcement, now: datetime) -> Status | None:
    """Return the status that a maintenance takes automatically by now, if any."""
    if announcement.kind is not AnnouncementKind.MAINTENANCE or not announcement.open:
        return None
    if announcement.ends_at is not None and now >= announcement.ends_at:
        return Status.COMPLETED
    return (
        Status.IN_PROGRESS
        if announcement.status is Status.SCHEDULED and now >= announcement.starts_at
        else None
    )


def claims(announcements: Iterable[Announcement]) -> list[Claim]:
    """Return the health that announcements under way claim for their components."""
    return [
        Claim(
            part.component,
            part.health,
            announcement.starts_at,
            part.regions,
            announcement.said_at,
            announcement.by_hand,
        )
        for announcement in announcements
        if announcement.counts
        for part in announcement.affected
    ]


def _stamped(announcement: Announcement, now: datetime) -> Announcement:
    if announcement.status is Status.MONITORING and announcement.monitoring_at is None:
        announcement = replace(announcement, monitoring_at=now)
    ends_now = announcement.status in OVER and announcement.resolved_at is None
    return replace(announcement, resolved_at=now) if ends_now else announcement


def _title(text: str) -> None:
    try:
        line(MAX_TITLE)(text)
    except ValueError as error:
        raise InvalidAnnouncement(f"title: {error}") from None
