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
    Impact,
    InvalidAnnouncement,
    Kind,
    Status,
)
from heartbeat.status.health import Claim, Health
from tests.unit.conftest import NOW
from tests.unit.status.conftest import PAGE

LATER = NOW + timedelta(hours=1)
CPU = Affected("CPU allowance", Health.DELAYED, ("us",))


def an_announcement(**facts: Any) -> Announcement:
    """An incident that has been published."""
    given: dict[str, Any] = {"kind": Kind.INCIDENT, "status": Status.INVESTIGATING, "impact": Impact.MINOR}
    given |= {"published_at": NOW, "starts_at": NOW, "made_at": NOW, "changed_at": NOW, "affected": (CPU,)}
    return Announcement(1, "public", title="Resets are late", **given | facts)


def a_maintenance(**facts: Any) -> Announcement:
    given: dict[str, Any] = {"kind": Kind.MAINTENANCE, "status": Status.SCHEDULED, "ends_at": LATER}
    return an_announcement(**given | {"impact": Impact.MAINTENANCE} | facts)


def wanted(**facts: Any) -> AnnouncementFields:
    given: dict[str, Any] = {"kind": Kind.INCIDENT, "title": "Resets are late", "body": "We look into it."}
    given |= {"status": Status.INVESTIGATING, "starts_at": NOW, "affected": (CPU,)}
    return AnnouncementFields(**given | facts)


@pytest.mark.parametrize(
    ("before", "after", "allowed"),
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
def test_updates_follow_the_allowed_statuses(before: str, after: str, allowed: bool) -> None:
    maintenance = before in ("scheduled", "in_progress", "verifying", "completed")
    made = a_maintenance if maintenance else an_announcement
    one = made(status=Status(before))
    if allowed:
        assert life.updated(one, Status(after), LATER).status == after
    else:
        with pytest.raises(InvalidAnnouncement, match=r"^status: after "):
            life.updated(one, Status(after), LATER)


@given(st.lists(st.sampled_from(list(Status)), max_size=8))
def test_an_ended_announcement_stays_ended(steps: list[Status]) -> None:
    one, ended = an_announcement(), False
    for number, step in enumerate(steps, 1):
        try:
            one = life.updated(one, step, NOW + timedelta(minutes=number))
        except InvalidAnnouncement:
            continue
        assert not (ended and one.open)
        ended = ended or one.status in life.OVER
        assert (one.resolved_at is not None) == ended


def test_the_times_of_stages_are_set_once() -> None:
    one = life.updated(an_announcement(), Status.MONITORING, LATER)
    one = life.updated(one, Status.MONITORING, LATER + timedelta(hours=1))
    assert one.monitoring_at == LATER
    one = life.updated(one, Status.RESOLVED, LATER + timedelta(hours=2))
    one = life.updated(one, Status.POSTMORTEM, LATER + timedelta(hours=3))
    assert one.resolved_at == LATER + timedelta(hours=2)


def test_a_draft_is_published_once() -> None:
    draft = an_announcement(published_at=None, draft="We look into it.")
    assert not draft.open
    known = life.published(draft, LATER)
    assert (known.published_at, known.draft, known.open) == (LATER, "", True)
    with pytest.raises(InvalidAnnouncement, match="already published"):
        life.published(known, LATER)
    with pytest.raises(InvalidAnnouncement, match="It is a draft"):
        life.updated(draft, Status.RESOLVED, LATER)


@pytest.mark.parametrize(
    ("facts", "words"),
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
            "affected: CPU allowance is both not working and delayed in United States. Choose one",
        ),
        (
            {"affected": (CPU, Affected("CPU allowance", Health.STOPPED))},
            "affected: CPU allowance is both not working and delayed in United States. Choose one",
        ),
        (
            {"affected": (Affected("Mail", Health.PARTLY), Affected("Mail", Health.DELAYED))},
            "affected: Mail is both partly not working and delayed. Choose one",
        ),
        ({"starts_at": datetime(1, 1, 1, tzinfo=UTC)}, "starts_at: must lie between 2000 and 2200."),
        ({"unrelated": tuple(range(21))}, "not_related_to: must name at most 20."),
        ({"kind": Kind.MAINTENANCE, "status": Status.SCHEDULED}, "ends_at: a maintenance must end after"),
        (
            {"kind": Kind.MAINTENANCE, "status": Status.SCHEDULED, "ends_at": NOW},
            "ends_at: a maintenance must end after",
        ),
    ],
)
def test_an_invalid_announcement_is_refused_in_one_sentence(facts: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidAnnouncement) as refused:
        life.completed(wanted(**facts), PAGE)
    assert str(refused.value).startswith(words)


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
    assert life.completed(wanted(affected=affected), PAGE).impact == impact
    assert life.completed(wanted(affected=affected, impact=Impact.MINOR), PAGE).impact == "minor"


def test_a_component_may_be_worse_in_a_region_than_everywhere() -> None:
    stopped = Affected("CPU allowance", Health.STOPPED, ("eu",))
    for affected in ((CPU, stopped), (stopped, Affected("CPU allowance", Health.DELAYED))):
        assert life.completed(wanted(affected=affected), PAGE).affected == affected
        assert life.completed(wanted(affected=affected), PAGE).impact is Impact.CRITICAL


def test_a_maintenance_puts_its_components_under_maintenance() -> None:
    quiet = replace(CPU, health=Health.MAINTENANCE)
    planned = wanted(kind=Kind.MAINTENANCE, status=Status.SCHEDULED, ends_at=LATER)
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
    one = a_maintenance(starts_at=NOW + timedelta(minutes=30))
    assert life.due(one, NOW) is None
    assert life.due(one, NOW + timedelta(minutes=30)) is Status.IN_PROGRESS
    begun = replace(one, status=Status.IN_PROGRESS)
    assert life.due(begun, NOW + timedelta(minutes=59)) is None
    assert life.due(begun, LATER) is Status.COMPLETED
    assert life.due(one, LATER) is Status.COMPLETED
    assert life.due(replace(one, published_at=None), LATER) is None
    assert life.due(replace(begun, status=Status.COMPLETED), LATER) is None
    assert life.due(an_announcement(), LATER) is None


def test_only_announcements_under_way_affect_components() -> None:
    said = [Claim("CPU allowance", Health.DELAYED, NOW, ("us",))]
    assert life.claims([an_announcement()]) == said
    for quiet in (Status.MONITORING, Status.RESOLVED):
        assert life.claims([an_announcement(status=quiet)]) == []
    assert life.claims([an_announcement(published_at=None)]) == []
    assert life.claims([a_maintenance()]) == []
