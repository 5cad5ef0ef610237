"""A status page in the format of Atlassian Statuspage. Pure.

Source: the Statuspage status API, version 2 (`/api/v2/…json`), which many programs read. It has no status for
"unknown": a component without information is called operational, and its description says so. The progress of a
component stands in its description too.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, time
from typing import Any

from heartbeat.status.announcement import (
    Affected,
    Announcement,
    AnnouncementKind,
    Impact,
    Status,
    Update,
    by_component,
)
from heartbeat.status.health import Health, ServiceRow
from heartbeat.status.publish.snapshot import Snapshot, mark

MOST = 50
"""The largest number of incidents in a list."""
_STATUS = {
    Health.NORMAL: "operational",
    Health.UNKNOWN: "operational",
    Health.DELAYED: "degraded_performance",
    Health.PARTLY: "partial_outage",
    Health.STOPPED: "major_outage",
    Health.MAINTENANCE: "under_maintenance",
}
_INDICATORS = ("none", "minor", "major", "critical")
_MEASURED = {Health.DELAYED: "minor", Health.PARTLY: "major", Health.STOPPED: "major"}

Document = dict[str, Any]


def documents(snapshot: Snapshot) -> Mapping[str, Document]:
    """Return every document by its path below the page."""
    page, components = _page(snapshot), _components(snapshot)
    incidents = [
        _incident(snapshot, announcement)
        for announcement in snapshot.announcements
        if announcement.kind is AnnouncementKind.INCIDENT
    ]
    planned = [
        _incident(snapshot, announcement)
        for announcement in snapshot.announcements
        if announcement.kind is AnnouncementKind.MAINTENANCE
    ]
    unresolved = [
        announcement
        for announcement in incidents
        if announcement["status"] not in (Status.RESOLVED, Status.POSTMORTEM)
    ]
    upcoming = [announcement for announcement in planned if announcement["status"] == Status.SCHEDULED]
    active = [
        announcement
        for announcement in planned
        if announcement["status"] in (Status.IN_PROGRESS, Status.VERIFYING)
    ]
    status = {"indicator": indicator(snapshot), "description": snapshot.headline}
    bodies: dict[str, Document] = {
        "summary": {
            "components": components,
            "incidents": unresolved,
            "scheduled_maintenances": [*active, *upcoming],
            "status": status,
        },
        "status": {"status": status},
        "components": {"components": components},
        "incidents": {"incidents": incidents[:MOST]},
        "incidents/unresolved": {"incidents": unresolved},
        "scheduled-maintenances": {"scheduled_maintenances": planned[:MOST]},
        "scheduled-maintenances/upcoming": {"scheduled_maintenances": upcoming},
        "scheduled-maintenances/active": {"scheduled_maintenances": active},
    }
    return {f"api/v2/{path}.json": {"page": page, **body} for path, body in bodies.items()}


def indicator(snapshot: Snapshot) -> str:
    """Return the worst of the measured and the announced impact, in one word."""
    troubled = [_MEASURED[row.whole.health] for row in snapshot.rows if row.whole.health in _MEASURED]
    if snapshot.rows and all(row.whole.health is Health.STOPPED for row in snapshot.rows):
        troubled.append("critical")
    announced = [
        announcement.impact.value
        for announcement in snapshot.open
        if announcement.impact is not Impact.MAINTENANCE
    ]
    return max([*troubled, *announced, "none"], key=_INDICATORS.index)


def component_id(snapshot: Snapshot, name: str) -> str:
    """Return the id of a component, which stays the same as long as its name."""
    return mark(snapshot.page.slug, "component", name)


def _page(snapshot: Snapshot) -> Document:
    return {
        "id": mark(snapshot.page.slug),
        "name": snapshot.page.title,
        "url": snapshot.home,
        "time_zone": snapshot.page.timezone,
        "updated_at": _at(snapshot.at),
    }


def _components(snapshot: Snapshot) -> list[Document]:
    rows = {row.name: row for row in snapshot.rows}
    components: list[Document] = []
    for group, members in snapshot.groups():
        if group is not None:
            components.append(_group(snapshot, group.name, group.description, members, len(components) + 1))
        components += [
            _component(snapshot, rows[row.name], position)
            for position, row in enumerate(members, len(components) + 1)
        ]
    return components


def _component(snapshot: Snapshot, row: ServiceRow, position: int) -> Document:
    component = row.component
    unknown = "No information at the moment." if row.whole.health is Health.UNKNOWN else ""
    progress = snapshot.progress_of(component)
    parts = (component.description, unknown, f"{progress}." if progress else "")
    description = " ".join(part for part in parts if part)
    return _entry(
        snapshot,
        id=component_id(snapshot, component.name),
        name=component.name,
        status=_STATUS[row.whole.health],
        changed=row.whole.since,
        position=position,
        description=description or None,
        showcase=component.showcase,
        group_id=mark(snapshot.page.slug, "group", component.group) if component.group else None,
    )


def _group(
    snapshot: Snapshot, name: str, description: str, members: Sequence[ServiceRow], position: int
) -> Document:
    worst = min((row.whole for row in members), key=lambda cell: list(Health).index(cell.health))
    entry = _entry(
        snapshot,
        id=mark(snapshot.page.slug, "group", name),
        name=name,
        status=_STATUS[worst.health],
        changed=worst.since,
        position=position,
        description=description or None,
        showcase=False,
        group_id=None,
    )
    return entry | {"group": True, "components": [component_id(snapshot, row.name) for row in members]}


def _entry(snapshot: Snapshot, *, changed: datetime | None, **fields: Any) -> Document:
    began = snapshot.began(fields["name"])
    since = datetime.combine(began, time(), UTC)
    return {
        "id": fields["id"],
        "name": fields["name"],
        "status": fields["status"],
        "created_at": _at(since),
        "updated_at": _at(changed or since),
        "position": fields["position"],
        "description": fields["description"],
        "showcase": fields["showcase"],
        "start_date": began.isoformat(),
        "group_id": fields["group_id"],
        "page_id": mark(snapshot.page.slug),
        "group": False,
        "only_show_if_degraded": False,
    }


def _incident(snapshot: Snapshot, announcement: Announcement) -> Document:
    number = mark(snapshot.page.slug, "incident", announcement.outside_id)
    affected = {part.component for part in announcement.affected}
    incident: Document = {
        "id": number,
        "name": announcement.title,
        "status": announcement.status.value,
        "created_at": _at(announcement.published_at or announcement.made_at),
        "updated_at": _at(announcement.changed_at),
        "monitoring_at": _at(announcement.monitoring_at),
        "resolved_at": _at(announcement.resolved_at),
        "impact": announcement.impact.value,
        "shortlink": f"{snapshot.home}/history.html#i{announcement.id}",
        "started_at": _at(announcement.starts_at),
        "page_id": mark(snapshot.page.slug),
        "incident_updates": _updates(snapshot, announcement, number),
        "components": [
            part for part in _components(snapshot) if not part["group"] and part["name"] in affected
        ],
        "reminder_intervals": None,
    }
    if announcement.kind is AnnouncementKind.MAINTENANCE:
        incident |= {
            "scheduled_for": _at(announcement.starts_at),
            "scheduled_until": _at(announcement.ends_at),
        }
    return incident


def _updates(snapshot: Snapshot, announcement: Announcement, number: str) -> list[Document]:
    updates = []
    for position, update in enumerate(announcement.updates):
        previous = (
            announcement.updates[position + 1].affected if position + 1 < len(announcement.updates) else ()
        )
        updates.append(
            {
                "id": _update_id(snapshot, announcement, update),
                "status": update.status.value,
                "body": update.body,
                "incident_id": number,
                "created_at": _at(update.at),
                "updated_at": _at(update.at),
                "display_at": _at(update.at),
                "affected_components": _changes(snapshot, update.affected, previous) or None,
                "deliver_notifications": True,
                "custom_tweet": None,
                "tweet_id": None,
            }
        )
    return updates


def _update_id(snapshot: Snapshot, announcement: Announcement, update: Update) -> str:
    """Return the id of an update. After a restore, an announcement can give one number twice, at different times."""
    names = [str(update.id)]
    if announcement.installation is not None:
        names += [announcement.outside_id, update.at.isoformat()]
    return mark(snapshot.page.slug, "update", *names)


def _changes(snapshot: Snapshot, now: Sequence[Affected], previous: Sequence[Affected]) -> list[Document]:
    columns = snapshot.page.regions.columns if snapshot.page.regions else {}
    earlier = {name: _status_of(parts, columns) for name, parts in by_component(previous).items()}
    return [
        {
            "code": component_id(snapshot, name),
            "name": name,
            "old_status": earlier.get(name, "operational"),
            "new_status": _status_of(parts, columns),
        }
        for name, parts in by_component(now).items()
    ]


def _status_of(parts: Sequence[Affected], columns: Collection[str]) -> str:
    """Return the status of a component: partial if it is out in some regions only. `parts` are worst first."""
    out = [part for part in parts if part.health is Health.STOPPED]
    if (
        out
        and all(part.regions for part in out)
        and {region for part in out for region in part.regions} < set(columns)
    ):
        return _STATUS[Health.PARTLY]
    return _STATUS[parts[0].health]


def _at(instant: datetime | None) -> str | None:
    return (
        None
        if instant is None
        else instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + (f"{instant.microsecond // 1000:03}Z")
    )
