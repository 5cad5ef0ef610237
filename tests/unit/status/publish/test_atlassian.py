"""The documents for readers of Statuspage: every field, and nothing that they would not understand."""

import json
import re
from dataclasses import replace
from datetime import timedelta
from typing import Any
from xml.etree import ElementTree

import pytest

from heartbeat.definitions.status_page import StatusPage
from heartbeat.status.announcement import Affected, Announcement, AnnouncementKind, Impact, Status, Update
from heartbeat.status.health import Health
from heartbeat.status.publish import atlassian, atom, badge, edition
from tests.unit.conftest import NOW
from tests.unit.status.conftest import PAGE, a_snapshot
from tests.unit.status.test_announcement import an_announcement

LATER = NOW + timedelta(hours=1)
AFFECTED = (Affected("CPU allowance", Health.DELAYED, ("us",)),)
OPEN = an_announcement(
    impact=Impact.MINOR,
    affected=AFFECTED,
    status=Status.IDENTIFIED,
    updates=(
        Update(2, NOW, Status.IDENTIFIED, "Found **it**.", "anna", affected=AFFECTED),
        Update(1, NOW, Status.INVESTIGATING, "We <b>look</b>.", "anna", affected=AFFECTED),
    ),
)
DONE = replace(OPEN, id=2, status=Status.RESOLVED, resolved_at=NOW, title="Slow & <sites>")
PLANNED = replace(
    OPEN,
    id=3,
    kind=AnnouncementKind.MAINTENANCE,
    status=Status.SCHEDULED,
    impact=Impact.MAINTENANCE,
    starts_at=LATER,
    ends_at=LATER + timedelta(hours=1),
)
ACTIVE = replace(PLANNED, id=4, status=Status.IN_PROGRESS, starts_at=NOW)
TOLD = (OPEN, DONE, PLANNED, ACTIVE)

PAGE_KEYS = {"id", "name", "url", "time_zone", "updated_at"}
COMPONENT = {
    "id", "name", "status", "created_at", "updated_at",
    "position", "description", "showcase", "start_date", "group_id",
    "page_id", "group", "only_show_if_degraded",
}  # fmt: skip
INCIDENT = {
    "id", "name", "status", "created_at", "updated_at",
    "monitoring_at", "resolved_at", "impact", "shortlink", "started_at",
    "page_id", "incident_updates", "components", "reminder_intervals",
}  # fmt: skip
UPDATE = {
    "id", "status", "body", "incident_id", "created_at",
    "updated_at", "display_at", "affected_components", "deliver_notifications", "custom_tweet",
    "tweet_id",
}  # fmt: skip
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def documents(announcements: tuple[Announcement, ...] = TOLD, page: StatusPage = PAGE) -> dict[str, Any]:
    files = edition.render(a_snapshot(page, announcements=announcements)).files
    return {
        path.removeprefix("api/v2/").removesuffix(".json"): json.loads(content)
        for path, content in files.items()
        if path.startswith("api/v2/")
    }


def test_every_document_has_its_parts() -> None:
    by_path = documents()
    assert {path: set(body) for path, body in by_path.items()} == {
        "summary": {"page", "components", "incidents", "scheduled_maintenances", "status"},
        "status": {"page", "status"},
        "components": {"page", "components"},
        "incidents": {"page", "incidents"},
        "incidents/unresolved": {"page", "incidents"},
        "scheduled-maintenances": {"page", "scheduled_maintenances"},
        "scheduled-maintenances/upcoming": {"page", "scheduled_maintenances"},
        "scheduled-maintenances/active": {"page", "scheduled_maintenances"},
    }
    assert all(set(body["page"]) == PAGE_KEYS for body in by_path.values())


def test_components_and_groups_have_every_field() -> None:
    cpu, group, mail = documents()["components"]["components"]
    assert (set(cpu), set(mail), set(group)) == (COMPONENT, COMPONENT, COMPONENT | {"components"})
    assert (group["group"], group["components"], mail["group_id"]) == (True, [mail["id"]], group["id"])
    assert [component["position"] for component in (cpu, group, mail)] == [1, 2, 3]
    assert (cpu["status"], cpu["description"]) == ("degraded_performance", "Reset once a day")
    statuses = {"operational", "degraded_performance", "partial_outage", "major_outage", "under_maintenance"}
    assert set(atlassian._STATUS.values()) == statuses
    assert set(atlassian._STATUS) == set(Health)


def test_a_component_is_listed_once_by_its_worst_region() -> None:
    affected = (*AFFECTED, Affected("CPU allowance", Health.STOPPED, ("eu",)))
    newest = replace(OPEN.updates[0], affected=affected)
    announcement = replace(OPEN, affected=affected, updates=(newest, OPEN.updates[1]))
    (incident,) = documents(announcements=(announcement,))["incidents/unresolved"]["incidents"]
    (change,) = incident["incident_updates"][0]["affected_components"]
    assert (change["old_status"], change["new_status"]) == ("degraded_performance", "partial_outage")


def test_incidents_have_every_field() -> None:
    by_path = documents()
    (incident,) = by_path["incidents/unresolved"]["incidents"]
    assert set(incident) == INCIDENT
    assert [set(update) for update in incident["incident_updates"]] == [UPDATE, UPDATE]
    newest, first = incident["incident_updates"]
    assert set(first["affected_components"][0]) == {"code", "name", "old_status", "new_status"}
    assert first["affected_components"][0]["old_status"] == "operational"
    assert newest["affected_components"][0]["old_status"] == "degraded_performance"
    assert [part["name"] for part in incident["components"]] == ["CPU allowance"]
    assert incident["monitoring_at"] is None
    for update in (
        incident["created_at"],
        incident["started_at"],
        newest["display_at"],
        by_path["status"]["page"]["updated_at"],
    ):
        assert INSTANT.fullmatch(update)
    assert "anna" not in json.dumps(by_path)


def test_maintenance_is_listed_by_its_stage() -> None:
    by_path = documents()
    (upcoming,) = by_path["scheduled-maintenances/upcoming"]["scheduled_maintenances"]
    (active,) = by_path["scheduled-maintenances/active"]["scheduled_maintenances"]
    assert set(upcoming) == INCIDENT | {"scheduled_for", "scheduled_until"}
    assert (upcoming["status"], active["status"], upcoming["impact"]) == (
        "scheduled",
        "in_progress",
        "maintenance",
    )
    assert by_path["summary"]["scheduled_maintenances"] == [active, upcoming]
    assert len(by_path["scheduled-maintenances"]["scheduled_maintenances"]) == 2


def test_ids_are_permanent() -> None:
    original, retitled = documents(), documents((replace(OPEN, title="Other"),))
    assert original["components"]["components"][0]["id"] == retitled["components"]["components"][0]["id"]
    assert (
        original["incidents/unresolved"]["incidents"][0]["id"] == retitled["incidents"]["incidents"][0]["id"]
    )
    every = [
        entry["id"] for entry in original["incidents"]["incidents"] + original["components"]["components"]
    ]
    assert len(set(every)) == len(every)


@pytest.mark.parametrize(
    ("announcements", "indicator"),
    [
        ((), "major"),
        ((OPEN,), "major"),
        ((replace(OPEN, impact=Impact.CRITICAL),), "critical"),
        ((DONE,), "major"),
    ],
)
def test_the_indicator_is_the_worst_impact(announcements: tuple[Announcement, ...], indicator: str) -> None:
    assert atlassian.indicator(a_snapshot(announcements=announcements)) in (indicator, "minor")


def test_the_feed_is_valid_atom() -> None:
    content = atom.feed(a_snapshot(announcements=TOLD))
    root = ElementTree.fromstring(content)
    name = "{http://www.w3.org/2005/Atom}"
    assert root.tag == f"{name}feed"
    entries = root.findall(f"{name}entry")
    # RFC 4287, 4.1.1 and 4.1.2: exactly one each of these; an author in the feed; an alternate link without content.
    for element in (root, *entries):
        for part in ("id", "title", "updated"):
            assert len(element.findall(f"{name}{part}")) == 1
        assert (element.findtext(f"{name}id") or "").startswith("urn:uuid:")
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", element.findtext(f"{name}updated") or "")
        links = [link.get("rel") for link in element.findall(f"{name}link")]
        assert links.count("alternate") == 1
    assert root.find(f"{name}author/{name}name") is not None
    assert len({element.findtext(f"{name}id") for element in entries}) == len(entries) == 4
    body = entries[0].find(f"{name}content")
    assert body is not None
    assert body.get("type") == "html"
    assert "<b>" not in (body.text or "")
    assert "<strong>it</strong>" in (body.text or "")
    assert atom.feed(a_snapshot(announcements=TOLD, at=LATER)) == content


def ids_of(announcement: Announcement) -> list[str]:
    """The ids of an announcement in the feed and in the documents, and those of its updates."""
    snapshot = a_snapshot(announcements=(announcement,))
    (incident,) = atlassian.documents(snapshot)["api/v2/incidents.json"]["incidents"]
    entry = ElementTree.fromstring(atom.feed(snapshot)).find("{http://www.w3.org/2005/Atom}entry")
    assert entry is not None
    feed_id = entry.findtext("{http://www.w3.org/2005/Atom}id") or ""
    return [feed_id, incident["id"], *(update["id"] for update in incident["incident_updates"])]


def test_an_announcement_of_a_restored_installation_has_ids_of_its_own() -> None:
    names = (None, "north", "south")
    announcements = [replace(OPEN, updates=OPEN.updates[:1], installation=name) for name in names]
    every = [one for announcement in announcements for one in ids_of(announcement)]
    assert len(set(every)) == len(every) == 9


def test_an_update_after_a_restore_has_an_id_of_its_own() -> None:
    """The announcement keeps its name, and gives the number of the update again."""
    before = replace(OPEN, updates=OPEN.updates[:1], installation="north")
    after = replace(before, updates=(replace(OPEN.updates[0], at=LATER),))
    assert ids_of(before)[:2] == ids_of(after)[:2]
    assert ids_of(before)[2] != ids_of(after)[2]


@pytest.mark.parametrize(
    "character", ["\0", "\x0b", "\x1f", "\x7f", "\ud800", "\ufffe", "\uffff", "]]>", "\u202e"]
)
def test_no_character_breaks_the_feed_or_a_badge(character: str) -> None:
    text = f"a{character}b"
    update = replace(OPEN.updates[0], body=text)
    content = atom.feed(
        a_snapshot(replace(PAGE, title=text), announcements=(replace(OPEN, title=text, updates=(update,)),))
    )
    ElementTree.fromstring(content)
    ElementTree.fromstring(badge.of(text, Health.NORMAL)["svg"])


def test_an_empty_feed_stays_the_same_through_the_day() -> None:
    assert atom.feed(a_snapshot()) == atom.feed(a_snapshot(at=LATER))


@pytest.mark.parametrize(
    ("regions", "status"), [(("us",), "partial_outage"), ((), "major_outage"), (("us", "eu"), "major_outage")]
)
def test_an_outage_announced_for_one_region_is_partial(regions: tuple[str, ...], status: str) -> None:
    parts = (Affected("Mail", Health.STOPPED, regions),)
    announcement = replace(OPEN, affected=parts, updates=(replace(OPEN.updates[0], affected=parts),))
    (incident,) = documents((announcement,))["incidents"]["incidents"]
    (changed,) = incident["incident_updates"][0]["affected_components"]
    assert (changed["old_status"], changed["new_status"]) == ("operational", status)


def test_badges_are_images_and_json_for_shields() -> None:
    files = edition.render(a_snapshot()).files
    name = atlassian.component_id(a_snapshot(), "Mail")
    assert json.loads(files[f"badge/{name}.json"]) == {
        "schemaVersion": 1,
        "label": "Mail",
        "message": "working normally",
        "color": "1f7a4a",
    }
    drawing = ElementTree.fromstring(files["badge.svg"])
    assert drawing.get("aria-label") == "Example status: delayed"
    hostile = badge.of('"/><script>alert(1)</script>' + "x" * 100, Health.NORMAL)["svg"]
    assert b"<script" not in hostile
    ElementTree.fromstring(hostile)


def test_a_badge_that_is_too_old_says_so() -> None:
    files = edition.render(a_snapshot()).files
    assert b"not up to date" in edition.stale("badge.svg", files["badge.svg"])
    assert json.loads(edition.stale("badge.json", files["badge.json"]))["message"] == "not up to date"
