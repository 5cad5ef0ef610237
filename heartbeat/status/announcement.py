"""What customers are told of an incident or of a maintenance, and the life of it. Pure.

Source of the statuses and impacts: the Statuspage API, version 2, whose readers understand no others.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum

from heartbeat.config.entry import line
from heartbeat.config.public import StatusPage
from heartbeat.status.health import TROUBLED, WORST_FIRST, Claim, Health

MAX_TITLE = 200
MAX_BODY = 10_000
MAX_UNRELATED = 20
EARLIEST, LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
"""Times outside of these are mistyped."""


class Kind(StrEnum):
    """What is announced."""

    INCIDENT = "incident"
    MAINTENANCE = "maintenance"


class Status(StrEnum):
    """How far it has come."""

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
    """How bad it is for customers, least first."""

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
_FIRST = {Kind.INCIDENT: (*_UNDER_WAY, S.RESOLVED), Kind.MAINTENANCE: (S.SCHEDULED, S.IN_PROGRESS)}
OVER = frozenset({S.RESOLVED, S.POSTMORTEM, S.COMPLETED})
_IMPACTS = {Health.STOPPED: Impact.CRITICAL, Health.PARTLY: Impact.MAJOR, Health.DELAYED: Impact.MINOR}


class NotSo(ValueError):
    """What was asked cannot be: one sentence that names the field and what would be right."""


@dataclass(frozen=True, slots=True)
class Affected:
    """A component that it is about, how that does, and in which regions; everywhere where none is named."""

    component: str
    health: Health
    regions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Update:
    """What was said at an instant. `body` is Markdown. `by` is who wrote it, and is not shown to customers."""

    id: int
    at: datetime
    status: Status
    body: str
    by: str
    automatic: bool = False
    affected: tuple[Affected, ...] = ()


@dataclass(frozen=True, slots=True)
class Announcement:
    """An incident or a maintenance as customers are told of it. Without `published_at` it is a draft.

    `starts_at` is since when, and for a maintenance from when; `ends_at` is the planned end of one.
    `draft` is the first update while nobody has published it. `incident_id` is the number of the one inside that
    it was drafted from, `maintenance_id` that of the window.
    """

    id: int
    page: str
    kind: Kind
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
    updates: tuple[Update, ...] = field(default=(), compare=True)
    """Newest first."""

    @property
    def open(self) -> bool:
        """Whether customers are told of it as of something that is not over."""
        return self.published_at is not None and self.status not in OVER

    @property
    def under_way(self) -> bool:
        """Whether it is happening: an open incident, or a maintenance that has begun."""
        return self.open and self.status is not Status.SCHEDULED

    @property
    def counts(self) -> bool:
        """Whether components do as it says. Of an incident being watched nothing is affected any more."""
        return self.under_way and self.status not in (Status.MONITORING, Status.VERIFYING)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a human writes."""

    kind: Kind
    title: str
    status: Status
    body: str
    starts_at: datetime
    ends_at: datetime | None = None
    impact: Impact | None = None
    affected: tuple[Affected, ...] = ()
    unrelated: tuple[int, ...] = ()


def judged(wanted: Wanted, page: StatusPage) -> Wanted:
    """What is wanted with everything filled in. Raises `NotSo`."""
    _title(wanted.title)
    body(wanted.body)
    affected = _of_kind(wanted.kind, wanted.affected)
    about(affected, page)
    if wanted.status not in _FIRST[wanted.kind]:
        raise NotSo(f"status: of a new {wanted.kind} must be one of {', '.join(_FIRST[wanted.kind])}.")
    for name, at in (("starts_at", wanted.starts_at), ("ends_at", wanted.ends_at)):
        if at is not None and not EARLIEST <= at < LATEST:
            raise NotSo(f"{name}: must lie between {EARLIEST:%Y} and {LATEST:%Y}.")
    if len(wanted.unrelated) > MAX_UNRELATED:
        raise NotSo(f"not_related_to: names at most {MAX_UNRELATED}.")
    if wanted.kind is Kind.MAINTENANCE:
        if wanted.ends_at is None or wanted.ends_at <= wanted.starts_at:
            raise NotSo("ends_at: a maintenance must end after it begins.")
        return replace(wanted, impact=Impact.MAINTENANCE, affected=affected)
    if wanted.impact is Impact.MAINTENANCE:
        raise NotSo("impact: of an incident must be one of none, minor, major, critical.")
    return replace(wanted, impact=wanted.impact or impact_of(affected), ends_at=None)


def _of_kind(kind: Kind, affected: Iterable[Affected]) -> tuple[Affected, ...]:
    """Whatever a maintenance is about is under maintenance."""
    if kind is Kind.MAINTENANCE:
        return tuple(replace(one, health=Health.MAINTENANCE) for one in affected)
    return tuple(affected)


def body(text: str) -> str:
    """What an update says. Raises `NotSo`."""
    if not text.strip():
        raise NotSo("body: must say something.")
    if len(text) > MAX_BODY:
        raise NotSo(f"body: has {len(text):,} characters; there can be at most {MAX_BODY:,}.")
    if not all(char.isprintable() or char in "\n\r\t" for char in text):
        raise NotSo("body: must be text without control characters.")
    return text


def about(affected: Collection[Affected], page: StatusPage) -> None:
    """Everything that is named is on the page, and nothing is said to do now so, now otherwise. Raises `NotSo`."""
    columns = page.regions.columns if page.regions else {}
    for one in affected:
        if page.component(one.component) is None:
            raise NotSo(f"affected: there is no component {one.component[:100]!r} on this page.")
        for region in one.regions:
            if region not in columns:
                raise NotSo(f"affected: there is no region {region[:100]!r} on this page.")
    for component, parts in by_component(affected).items():
        _not_twice(component, parts, columns)


def _not_twice(component: str, parts: Sequence[Affected], columns: Mapping[str, str]) -> None:
    """What is said of everywhere may be worse in a region, but not better: the worse of the two would count."""
    said: dict[str, Health] = {}
    for part in parts:  # worst first
        for region in part.regions or ("",):
            other = said.setdefault(region, said.get("", part.health))
            if other is not part.health:
                where = f" in {columns[region]}" if region else ""
                raise NotSo(
                    f"affected: {component} is said to be {other.value.lower()} as well as {part.health.value.lower()}"
                    f"{where}: say one of them; name its regions one by one where they differ."
                )


def impact_of(affected: Sequence[Affected]) -> Impact:
    """How bad it is, as the worst of what it is about."""
    healths = {one.health for one in affected}
    return next((_IMPACTS[bad] for bad in TROUBLED if bad in healths), Impact.NONE)


def by_component(affected: Collection[Affected]) -> dict[str, list[Affected]]:
    """All that is said of each component, worst first: it may do better in one region than in another."""
    found: dict[str, list[Affected]] = {}
    for one in sorted(affected, key=lambda part: WORST_FIRST.index(part.health)):
        found.setdefault(one.component, []).append(one)
    return {name: found[name] for name in dict.fromkeys(one.component for one in affected)}


def next_statuses(one: Announcement) -> tuple[Status, ...]:
    """What its next update may say."""
    return _NEXT[one.status] if one.published_at else _FIRST[one.kind]


def published(one: Announcement, now: datetime) -> Announcement:
    """A draft becomes known. Raises `NotSo`."""
    if one.published_at is not None:
        raise NotSo("It has been published already; nothing was changed.")
    body(one.draft)
    return _stamped(replace(one, published_at=now, draft="", changed_at=now), now)


def updated(
    one: Announcement, status: Status, now: datetime, affected: tuple[Affected, ...] | None = None
) -> Announcement:
    """As it is once this has been said. Without `affected` that stays, and what is over affects nothing more."""
    if one.published_at is None:
        raise NotSo("It is a draft: publish it first.")
    if status not in _NEXT[one.status]:
        known = ", ".join(_NEXT[one.status]) or "nothing: it is over"
        raise NotSo(f"status: after {one.status} can be {known}.")
    about_now = one.affected if affected is None else _of_kind(one.kind, affected)
    return _stamped(replace(one, status=status, changed_at=now, affected=about_now), now)


def due(one: Announcement, now: datetime) -> Status | None:
    """What a maintenance becomes by itself when its time has come."""
    if one.kind is not Kind.MAINTENANCE or not one.open:
        return None
    if one.ends_at is not None and now >= one.ends_at:
        return Status.COMPLETED
    return Status.IN_PROGRESS if one.status is Status.SCHEDULED and now >= one.starts_at else None


def claims(announcements: Iterable[Announcement]) -> list[Claim]:
    """What those that are under way say of components."""
    return [
        Claim(about.component, about.health, one.starts_at, about.regions)
        for one in announcements
        if one.counts
        for about in one.affected
    ]


def _stamped(one: Announcement, now: datetime) -> Announcement:
    if one.status is Status.MONITORING and one.monitoring_at is None:
        one = replace(one, monitoring_at=now)
    return replace(one, resolved_at=now) if one.status in OVER and one.resolved_at is None else one


def _title(text: str) -> None:
    try:
        line(MAX_TITLE)(text)
    except ValueError as error:
        raise NotSo(f"title: {error}") from None
