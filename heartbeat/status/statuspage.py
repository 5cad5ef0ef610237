"""A page as readers of Atlassian Statuspage understand it. Pure.

Source: the Statuspage status API, version 2 (`/api/v2/…json`), which many programs read. It knows nothing of what is
unknown: a component of which there is no information is called operational, and says so in its description.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, time
from typing import Any

from heartbeat.status.announcement import Affected, Announcement, Impact, Kind, Status, by_component
from heartbeat.status.health import Health, Row
from heartbeat.status.snapshot import Snapshot, mark

MOST = 50
"""Incidents that the list of all has."""
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
    """Every document by its path below the page."""
    page, components = _page(snapshot), _components(snapshot)
    incidents = [_incident(snapshot, one) for one in snapshot.told if one.kind is Kind.INCIDENT]
    planned = [_incident(snapshot, one) for one in snapshot.told if one.kind is Kind.MAINTENANCE]
    unresolved = [one for one in incidents if one["status"] not in (Status.RESOLVED, Status.POSTMORTEM)]
    upcoming = [one for one in planned if one["status"] == Status.SCHEDULED]
    active = [one for one in planned if one["status"] in (Status.IN_PROGRESS, Status.VERIFYING)]
    status = {"indicator": indicator(snapshot), "description": snapshot.headline}
    found: dict[str, Document] = {
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
    return {f"api/v2/{path}.json": {"page": page, **body} for path, body in found.items()}


def indicator(snapshot: Snapshot) -> str:
    """How bad it is in one word: the worst of what is measured and of what is announced."""
    troubled = [_MEASURED[row.whole.health] for row in snapshot.rows if row.whole.health in _MEASURED]
    if snapshot.rows and all(row.whole.health is Health.STOPPED for row in snapshot.rows):
        troubled.append("critical")
    announced = [one.impact.value for one in snapshot.open if one.impact is not Impact.MAINTENANCE]
    return max([*troubled, *announced, "none"], key=_INDICATORS.index)


def component_id(snapshot: Snapshot, name: str) -> str:
    """What a component is known by, for as long as it keeps its name."""
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
    shown: list[Document] = []
    for group, members in snapshot.groups():
        if group is not None:
            shown.append(_group(snapshot, group.name, group.description, members, len(shown) + 1))
        shown += [
            _component(snapshot, rows[row.name], place) for place, row in enumerate(members, len(shown) + 1)
        ]
    return shown


def _component(snapshot: Snapshot, row: Row, position: int) -> Document:
    one = row.component
    unknown = "No information at the moment." if row.whole.health is Health.UNKNOWN else ""
    description = " ".join(part for part in (one.description, unknown) if part)
    return _entry(
        snapshot,
        id=component_id(snapshot, one.name),
        name=one.name,
        status=_STATUS[row.whole.health],
        changed=row.whole.since,
        position=position,
        description=description or None,
        showcase=one.showcase,
        group_id=mark(snapshot.page.slug, "group", one.group) if one.group else None,
    )


def _group(
    snapshot: Snapshot, name: str, description: str, members: Sequence[Row], position: int
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


def _incident(snapshot: Snapshot, one: Announcement) -> Document:
    number = mark(snapshot.page.slug, "incident", str(one.id))
    concerned = {part.component for part in one.affected}
    shown: Document = {
        "id": number,
        "name": one.title,
        "status": one.status.value,
        "created_at": _at(one.published_at or one.made_at),
        "updated_at": _at(one.changed_at),
        "monitoring_at": _at(one.monitoring_at),
        "resolved_at": _at(one.resolved_at),
        "impact": one.impact.value,
        "shortlink": f"{snapshot.home}/history.html#i{one.id}",
        "started_at": _at(one.starts_at),
        "page_id": mark(snapshot.page.slug),
        "incident_updates": _updates(snapshot, one, number),
        "components": [
            part for part in _components(snapshot) if not part["group"] and part["name"] in concerned
        ],
        "reminder_intervals": None,
    }
    if one.kind is Kind.MAINTENANCE:
        shown |= {"scheduled_for": _at(one.starts_at), "scheduled_until": _at(one.ends_at)}
    return shown


def _updates(snapshot: Snapshot, one: Announcement, number: str) -> list[Document]:
    shown = []
    for place, said in enumerate(one.updates):
        before = one.updates[place + 1].affected if place + 1 < len(one.updates) else ()
        shown.append(
            {
                "id": mark(snapshot.page.slug, "update", str(said.id)),
                "status": said.status.value,
                "body": said.body,
                "incident_id": number,
                "created_at": _at(said.at),
                "updated_at": _at(said.at),
                "display_at": _at(said.at),
                "affected_components": _changes(snapshot, said.affected, before) or None,
                "deliver_notifications": True,
                "custom_tweet": None,
                "tweet_id": None,
            }
        )
    return shown


def _changes(snapshot: Snapshot, now: Sequence[Affected], before: Sequence[Affected]) -> list[Document]:
    columns = snapshot.page.regions.columns if snapshot.page.regions else {}
    earlier = {name: _said(parts, columns) for name, parts in by_component(before).items()}
    return [
        {
            "code": component_id(snapshot, name),
            "name": name,
            "old_status": earlier.get(name, "operational"),
            "new_status": _said(parts, columns),
        }
        for name, parts in by_component(now).items()
    ]


def _said(parts: Sequence[Affected], columns: Collection[str]) -> str:
    """What was said of a component, worst first: what was out in some of the regions was out in part."""
    out = [part for part in parts if part.health is Health.STOPPED]
    if (
        out
        and all(part.regions for part in out)
        and {one for part in out for one in part.regions} < set(columns)
    ):
        return _STATUS[Health.PARTLY]
    return _STATUS[parts[0].health]


def _at(instant: datetime | None) -> str | None:
    return (
        None
        if instant is None
        else instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + (f"{instant.microsecond // 1000:03}Z")
    )
