"""The stages of announcements, and what is refused in one sentence."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heartbeat.status import announcement as life
from heartbeat.status.announcement import (
    Affected,
    Announcement,
    AnnouncementFields,
    AnnouncementKind,
    Impact,
    InvalidAnnouncement,
    Status,
)
from heartbeat.status.health import Claim, Health
from tests.unit.conftest import NOW
from tests.unit.status.conftest import PAGE

LATER = NOW + timedelta(hours=1)
CPU = Affected("CPU allowance", Health.DELAYED, ("us",))


def an_announcement(**facts: Any) -> Announcement:
    """An incident that has been published."""
    defaults: dict[str, Any] = {
        "kind": AnnouncementKind.INCIDENT,
        "status": Status.INVESTIGATING,
        "impact": Impact.MINOR,
    }
    defaults |= {"published_at": NOW, "starts_at": NOW, "made_at": NOW, "changed_at": NOW, "affected": (CPU,)}
    return Announcement(1, "public", title="Resets are late", **defaults | facts)


def a_maintenance(**facts: Any) -> Announcement:
    defaults: dict[str, Any] = {
        "kind": AnnouncementKind.MAINTENANCE,
        "status": Status.SCHEDULED,
        "ends_at": LATER,
    }
    return an_announcement(**defaults | {"impact": Impact.MAINTENANCE} | facts)


def announcement_fields(**facts: Any) -> AnnouncementFields:
    defaults: dict[str, Any] = {
        "kind": AnnouncementKind.INCIDENT,
        "title": "Resets are late",
        "body": "We look into it.",
    }
    defaults |= {"status": Status.INVESTIGATING, "starts_at": NOW, "affected": (CPU,)}
    return AnnouncementFields(**defaults | facts)


@pytest.mark.parametrize(
    ("status", "following", "allowed"),
    [
        ("investigating", "identified", True),
        ("identified", "monitoring", True),
        ("monitoring", "investigating", True),
        ("investigating", "resolved", True),
        ("resolved", "postmortem", True),
        ("resolved", "investigating", False),
        ("investigating", "postmortem", False),
        ("investigating", "in_progress", False),
        ("scheduled", "in_progress", True),
        ("in_progress", "verifying", True),
        ("verifying", "completed", True),
        ("scheduled", "verifying", False),
        ("completed", "in_progress", False),
    ],
)
def test_updates_follow_the_allowed_statuses(status: str, following: str, allowed: bool) -> None:
    maintenance = status in ("scheduled", "in_progress", "verifying", "completed")
    make = a_maintenance if maintenance else an_announcement
    announcement = make(status=Status(status))
    if allowed:
        assert life.updated(announcement, Status(following), LATER).status == following
    else:
        with pytest.raises(InvalidAnnouncement, match=r"^status: after "):
            life.updated(announcement, Status(following), LATER)


@given(st.lists(st.sampled_from(list(Status)), max_size=8))
def test_an_ended_announcement_stays_ended(steps: list[Status]) -> None:
    announcement, ended = an_announcement(), False
    for number, step in enumerate(steps, 1):
        try:
            announcement = life.updated(announcement, step, NOW + timedelta(minutes=number))
        except InvalidAnnouncement:
            continue
        assert not (ended and announcement.open)
        ended = ended or announcement.status in life.OVER
        assert (announcement.resolved_at is not None) == ended


def test_the_times_of_stages_are_set_once() -> None:
    announcement = life.updated(an_announcement(), Status.MONITORING, LATER)
    announcement = life.updated(announcement, Status.MONITORING, LATER + timedelta(hours=1))
    assert announcement.monitoring_at == LATER
    announcement = life.updated(announcement, Status.RESOLVED, LATER + timedelta(hours=2))
    announcement = life.updated(announcement, Status.POSTMORTEM, LATER + timedelta(hours=3))
    assert announcement.resolved_at == LATER + timedelta(hours=2)


def test_a_draft_is_published_once() -> None:
    draft = an_announcement(published_at=None, draft="We look into it.")
    assert not draft.open
    published = life.published(draft, LATER)
    assert (published.published_at, published.draft, published.open) == (LATER, "", True)
    with pytest.raises(InvalidAnnouncement, match="already published"):
        life.published(published, LATER)
    with pytest.raises(InvalidAnnouncement, match="It is a draft"):
        life.updated(draft, Status.RESOLVED, LATER)


@pytest.mark.parametrize(
    ("facts", "problem"),
    [
        ({"title": " "}, "title: must be one line of text."),
        ({"title": "x" * 201}, "title: has 201 characters; there can be at most 200."),
        ({"body": " \n"}, "body: must not be empty."),
        ({"body": "x" * 10_001}, "body: must have at most 10,000 characters; this one has 10,001."),
        ({"body": "\x1b[2J"}, "body: must be text without control characters."),
        ({"affected": (Affected("Nope", Health.DELAYED),)}, "affected: there is no component 'Nope'"),
        ({"affected": (replace(CPU, regions=("mars",)),)}, "affected: there is no region 'mars'"),
        ({"status": Status.SCHEDULED}, "status: must be one of investigating"),
        ({"status": Status.POSTMORTEM}, "status: must be one of investigating"),
        ({"impact": Impact.MAINTENANCE}, "impact: must be one of none, minor, major"),
        (
            {"affected": (CPU, replace(CPU, health=Health.STOPPED))},
            "affected: CPU allowance is both not working and delayed in the United States. Choose one",
        ),
        (
            {"affected": (CPU, Affected("CPU allowance", Health.STOPPED))},
            "affected: CPU allowance is both not working and delayed in the United States. Choose one",
        ),
        (
            {"affected": (Affected("Mail", Health.PARTLY), Affected("Mail", Health.DELAYED))},
            "affected: Mail is both partly not working and delayed. Choose one",
        ),
        ({"starts_at": datetime(1, 1, 1, tzinfo=UTC)}, "starts_at: must lie between 2000 and 2200."),
        ({"unrelated": tuple(range(21))}, "not_related_to: must name at most 20."),
        (
            {"kind": AnnouncementKind.MAINTENANCE, "status": Status.SCHEDULED},
            "ends_at: a maintenance must end after",
        ),
        (
            {"kind": AnnouncementKind.MAINTENANCE, "status": Status.SCHEDULED, "ends_at": NOW},
            "ends_at: a maintenance must end after",
        ),
    ],
)
def test_an_invalid_announcement_is_refused_in_one_sentence(facts: dict[str, Any], problem: str) -> None:
    with pytest.raises(InvalidAnnouncement) as refused:
        life.completed(announcement_fields(**facts), PAGE)
    assert str(refused.value).startswith(problem)


@pytest.mark.parametrize(
    ("healths", "impact"),
    [
        ([], "none"),
        (["NORMAL"], "none"),
        (["DELAYED"], "minor"),
        (["DELAYED", "PARTLY"], "major"),
        (["STOPPED", "DELAYED"], "critical"),
    ],
)
def test_the_impact_follows_from_the_worst_health(healths: list[str], impact: str) -> None:
    names = ("Mail", "CPU allowance")
    affected = tuple(Affected(name, Health[how]) for name, how in zip(names, healths, strict=False))
    assert life.completed(announcement_fields(affected=affected), PAGE).impact == impact
    assert life.completed(announcement_fields(affected=affected, impact=Impact.MINOR), PAGE).impact == "minor"


@pytest.mark.parametrize(
    ("impact", "health", "risen"),
    [
        ("minor", "STOPPED", "critical"),
        ("none", "STOPPED", "critical"),
        ("critical", "PARTLY", "critical"),
        ("none", "DELAYED", "none"),
        ("minor", "NORMAL", "minor"),
    ],
)
def test_an_update_that_makes_it_worse_raises_the_impact(impact: str, health: str, risen: str) -> None:
    announcement = an_announcement(impact=Impact(impact))
    worse = (replace(CPU, health=Health[health]),)
    assert life.updated(announcement, Status.IDENTIFIED, LATER, worse).impact == risen
    assert life.updated(announcement, Status.IDENTIFIED, LATER).impact == impact
    assert life.updated(a_maintenance(), Status.IN_PROGRESS, LATER, worse).impact is Impact.MAINTENANCE


def test_a_component_may_be_worse_in_a_region_than_everywhere() -> None:
    stopped = Affected("CPU allowance", Health.STOPPED, ("eu",))
    for affected in ((CPU, stopped), (stopped, Affected("CPU allowance", Health.DELAYED))):
        assert life.completed(announcement_fields(affected=affected), PAGE).affected == affected
        assert life.completed(announcement_fields(affected=affected), PAGE).impact is Impact.CRITICAL


def test_a_maintenance_puts_its_components_under_maintenance() -> None:
    quiet = replace(CPU, health=Health.MAINTENANCE)
    planned = announcement_fields(kind=AnnouncementKind.MAINTENANCE, status=Status.SCHEDULED, ends_at=LATER)
    assert life.completed(planned, PAGE).affected == (quiet,)
    assert life.updated(a_maintenance(), Status.IN_PROGRESS, NOW, (CPU,)).affected == (quiet,)


def test_the_parts_of_a_component_are_grouped_worst_first() -> None:
    worse = Affected("CPU allowance", Health.STOPPED, ("eu",))
    mail = Affected("Mail", Health.STOPPED)
    assert list(life.by_component((CPU, mail, worse)).items()) == [
        ("CPU allowance", [worse, CPU]),
        ("Mail", [mail]),
    ]


def test_a_maintenance_begins_and_ends_at_its_times() -> None:
    maintenance = a_maintenance(starts_at=NOW + timedelta(minutes=30))
    assert life.due(maintenance, NOW) is None
    assert life.due(maintenance, NOW + timedelta(minutes=30)) is Status.IN_PROGRESS
    begun = replace(maintenance, status=Status.IN_PROGRESS)
    assert life.due(begun, NOW + timedelta(minutes=59)) is None
    assert life.due(begun, LATER) is Status.COMPLETED
    assert life.due(maintenance, LATER) is Status.COMPLETED
    assert life.due(replace(maintenance, published_at=None), LATER) is None
    assert life.due(replace(begun, status=Status.COMPLETED), LATER) is None
    assert life.due(an_announcement(), LATER) is None


def test_only_announcements_under_way_affect_components() -> None:
    claimed = [Claim("CPU allowance", Health.DELAYED, NOW, ("us",), NOW)]
    assert life.claims([an_announcement()]) == claimed
    for quiet in (Status.MONITORING, Status.RESOLVED):
        assert life.claims([an_announcement(status=quiet)]) == []
    assert life.claims([an_announcement(published_at=None)]) == []
    assert life.claims([a_maintenance()]) == []
