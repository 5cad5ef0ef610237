"""An announcement as the fields of a form, and its affected components as lines of the form. Pure."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256

from starlette.datastructures import FormData

from heartbeat.status.announcement import (
    Affected,
    Announcement,
    AnnouncementFields,
    AnnouncementKind,
    Impact,
    InvalidAnnouncement,
    Status,
    impact_of,
)
from heartbeat.status.health import Health

BLANK_LINES = 3
"""Empty lines at the end of the form."""
MAX_LINES = 27
"""The most lines that a form can change. Only the API can change more."""
IMPACTS = (Impact.NONE, Impact.MINOR, Impact.MAJOR, Impact.CRITICAL)
LABELS = {
    "title": "Title",
    "status": "Status",
    "body": "Message",
    "affected": "Affected components",
    "not_related_to": "Not related to",
    "impact": "Impact",
    "starts_at": "Start",
    "ends_at": "End",
}
"""The labels of the fields that a problem names."""
_HEALTHS = {health.name: health for health in Health if health is not Health.UNKNOWN}


@dataclass(frozen=True, slots=True)
class Line:
    """A component in one region, or everywhere. A line without a component is empty."""

    component: str = ""
    region: str = ""
    health: Health = Health.DELAYED


@dataclass(frozen=True, slots=True)
class Filled:
    """The form of an announcement as it is filled: everything as it was typed, right or wrong."""

    title: str
    status: str
    body: str
    impact: str
    starts_at: str
    ends_at: str
    unrelated: tuple[int, ...]
    affected: tuple[Affected, ...]
    fingerprint: str
    """The affected components that the form was loaded with."""

    @property
    def lines(self) -> tuple[Line, ...]:
        """The affected components, and empty lines for more."""
        return lines(self.affected)


def of_announcement(announcement: Announcement) -> Filled:
    """Fill the form with an announcement."""
    return Filled(
        announcement.title,
        announcement.status.value,
        announcement.draft,
        "" if announcement.impact is impact_of(announcement.affected) else announcement.impact.value,
        _written(announcement.starts_at),
        _written(announcement.ends_at) if announcement.ends_at else "",
        announcement.unrelated,
        announcement.affected,
        fingerprint(announcement.affected),
    )


def of_form(form: FormData, current: Announcement | None = None) -> Filled:
    """Fill the form with what was typed, over the announcement that it changes."""
    affected = typed(form, current.affected if current else ())
    return Filled(
        text(form, "title"),
        text(form, "status"),
        text(form, "body"),
        text(form, "impact"),
        text(form, "starts_at"),
        text(form, "ends_at"),
        tuple(
            int(number)
            for number in map(str, form.getlist("unrelated"))
            if number.isascii() and number.isdigit() and len(number) < 19
        ),
        affected,
        text(form, "shown") or fingerprint(affected),
    )


def announcement_fields(filled: Filled, kind: AnnouncementKind) -> AnnouncementFields:
    """Return the fields of an announcement. Raises `InvalidAnnouncement`."""
    return AnnouncementFields(
        kind=kind,
        title=filled.title.strip(),
        status=status(filled.status),
        body=filled.body or "-",
        starts_at=_instant("starts_at", filled.starts_at),
        ends_at=_instant("ends_at", filled.ends_at) if kind is AnnouncementKind.MAINTENANCE else None,
        impact=Impact(filled.impact) if filled.impact in list(IMPACTS) else None,
        affected=filled.affected,
        unrelated=filled.unrelated,
    )


def status(written: str) -> Status:
    """Return the status of this name, or the first of an incident."""
    return Status(written) if written in list(Status) else Status.INVESTIGATING


def text(form: FormData, name: str) -> str:
    """Return what was typed in a field, without what no database takes."""
    return str(form.get(name, "")).replace("\0", "").replace("\r\n", "\n")


def problem(error: InvalidAnnouncement) -> str:
    """Return the sentence of an error with the label of its field."""
    field, colon, sentence = str(error).partition(": ")
    return f"{LABELS[field]}: {sentence}" if colon and field in LABELS else str(error)


def _written(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M}"


def _instant(name: str, written: str) -> datetime:
    try:
        return datetime.fromisoformat(written).replace(tzinfo=UTC)
    except ValueError:
        raise InvalidAnnouncement(f"{name}: must be a date and a time, such as 2026-05-02T08:30.") from None


def lines(affected: Iterable[Affected]) -> tuple[Line, ...]:
    """Return the lines for these components and some empty ones, or none if a form cannot hold them."""
    filled = [
        Line(part.component, region, part.health) for part in affected for region in part.regions or ("",)
    ]
    return (*filled, *[Line()] * BLANK_LINES) if len(filled) <= MAX_LINES else ()


def affected_by(lines_: Iterable[Line]) -> tuple[Affected, ...]:
    """Return the affected components of these lines. Regions in which a component has the same health are merged."""
    by_health: dict[tuple[str, Health], list[str]] = {}
    for line in lines_:
        if line.component:
            by_health.setdefault((line.component, line.health), []).append(line.region)
    affected: list[Affected] = []
    for (component, health), regions in by_health.items():
        affected += [Affected(component, health)] if "" in regions else []
        named = tuple(dict.fromkeys(region for region in regions if region))
        affected += [Affected(component, health, named)] if named else []
    return tuple(affected)


def typed(form: FormData, previous: Sequence[Affected]) -> tuple[Affected, ...]:
    """Return the affected components of a form, or `previous` if the form has no lines for them."""
    components = [str(name) for name in form.getlist("component")]
    regions, healths = ([str(text) for text in form.getlist(field)] for field in ("region", "health"))
    regions += [""] * (len(components) - len(regions))
    healths += [Health.DELAYED.name] * (len(components) - len(healths))
    if not components:
        return tuple(previous)
    return affected_by(
        Line(component.strip(), region, _HEALTHS.get(health, Health.DELAYED))
        for component, region, health in zip(components, regions, healths, strict=False)
    )


def details(form: FormData, announcement: Announcement) -> AnnouncementFields:
    """Return the fields that a form changes. Raises `InvalidAnnouncement`.

    Components that the reader left alone stay as they are, even if somebody else has changed them meanwhile.
    """
    filled = of_form(form, announcement)
    if "shown" in form and not changed(form, filled.affected):
        filled = replace(filled, affected=announcement.affected)
    return announcement_fields(filled, announcement.kind)


def changed(form: FormData, typed_: Iterable[Affected]) -> bool:
    """Return True if these components differ from those that the form was loaded with."""
    return form.get("shown", fingerprint(typed_)) != fingerprint(typed_)


def fingerprint(affected: Iterable[Affected]) -> str:
    """Return a hash that is equal for forms with the same filled lines."""
    content = sorted({(line.component, line.region, line.health.name) for line in lines(affected)})
    return sha256(json.dumps(content).encode()).hexdigest()[:16]
