"""What customers read of an announcement after its components have recovered: never another thing than the headline."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from heartbeat.definitions.status_page import StatusPage
from heartbeat.status import announcement as life
from heartbeat.status import health, in_force
from heartbeat.status.announcement import Affected, Announcement, Status
from heartbeat.status.health import CheckCount, Health
from heartbeat.status.in_force import InForce, Overtaken, Recovered
from heartbeat.status.publish import html
from heartbeat.status.publish.snapshot import Snapshot
from tests.unit.conftest import NOW
from tests.unit.status.conftest import PAGE
from tests.unit.status.publish.test_html import read
from tests.unit.status.test_announcement import an_announcement

CPU = "CPU allowance"
LATER = NOW + timedelta(minutes=5)
Recoveries = Mapping[tuple[str, str], datetime]
US_STOPPED = Affected(CPU, Health.STOPPED, ("us",))


def counts(us: str = "up", eu: str = "up", mail: str = "up") -> list[CheckCount]:
    places = (("cpu", "us", us), ("cpu", "eu", eu), ("mail", "eu", mail))
    return [CheckCount({"component": name, "region": where}, state, 1, NOW) for name, where, state in places]


def a_page(
    announcement: Announcement, recoveries: Recoveries, *counted: CheckCount, page: StatusPage = PAGE
) -> Snapshot:
    rows = health.rows(page, counted, life.claims([announcement]), recoveries)
    return Snapshot(page, LATER, rows, "", (announcement,), recoveries=recoveries)


def said(*affected: Affected) -> Announcement:
    return an_announcement(affected=affected)


def test_what_has_recovered_is_told_with_its_time() -> None:
    announcement = said(US_STOPPED)
    page = a_page(announcement, {(CPU, "us"): LATER}, *counts(mail="down"))
    assert page.in_force(announcement) == InForce((), (Recovered(CPU, ("us",), LATER),))
    assert in_force.overtaken(announcement, page.rows, page.recoveries) == (
        Overtaken(CPU, "us", Health.STOPPED, Health.NORMAL, LATER),
    )
    words = read(html.index(page)).words
    assert "Mail is delayed. CPU allowance is working normally again." in words
    again = "Working normally again: CPU allowance in the United States since 03:05 UTC . We are still watching it."
    assert again in words
    assert "Affected:" not in words
    assert "not affected" not in words


def test_what_works_again_stands_between_what_is_affected_and_what_is_not() -> None:
    announcement = said(US_STOPPED, Affected(CPU, Health.STOPPED, ("eu",)), Affected("Mail", Health.NORMAL))
    words = read(html.index(a_page(announcement, {(CPU, "us"): LATER}, *counts()))).words
    again = "Working normally again: CPU allowance in the United States since 03:05 UTC . We are still watching it."
    assert f"Affected: CPU allowance not working in Europe {again} Not affected: Mail" in words


def test_without_any_trouble_left_the_headline_says_that_we_watch() -> None:
    page = a_page(said(US_STOPPED), {(CPU, "us"): LATER}, *counts())
    assert page.headline == "All services are working normally. We are watching the recovery."


def test_what_went_down_again_since_is_shown_as_measured() -> None:
    announcement = said(US_STOPPED)
    page = a_page(announcement, {(CPU, "us"): LATER}, *counts(us="down"))
    assert page.in_force(announcement) == InForce((Affected(CPU, Health.DELAYED, ("us",)),))
    words = read(html.index(page)).words
    assert "CPU allowance is delayed in the United States." in words
    assert "Affected: CPU allowance delayed in the United States" in words
    assert "not working" not in words


def test_a_word_for_all_regions_ends_region_by_region() -> None:
    announcement = said(Affected(CPU, Health.STOPPED), Affected("Mail", Health.NORMAL))
    page = a_page(announcement, {(CPU, "us"): LATER, ("Mail", "eu"): LATER}, *counts())
    assert page.in_force(announcement) == InForce(
        (Affected(CPU, Health.STOPPED, ("eu",)), Affected("Mail", Health.NORMAL, ("eu",))),
        (Recovered(CPU, ("us",), LATER),),
    )
    both = {(CPU, "us"): NOW + timedelta(minutes=1), (CPU, "eu"): LATER}
    page = a_page(announcement, both, *counts())
    assert page.in_force(announcement).recovered == (Recovered(CPU, ("us", "eu"), LATER),)


def test_without_regions_the_whole_word_ends() -> None:
    announcement, page = said(Affected(CPU, Health.STOPPED)), replace(PAGE, regions=None)
    now = a_page(announcement, {(CPU, ""): LATER}, *counts(), page=page)
    assert now.in_force(announcement) == InForce((), (Recovered(CPU, (), LATER),))
    assert "Working normally again: CPU allowance since 03:05 UTC ." in read(html.index(now)).words


@pytest.mark.parametrize(
    ("announcement", "recovered_at"),
    [
        (said(US_STOPPED), NOW),
        (replace(said(US_STOPPED), status=Status.MONITORING), LATER),
        (said(Affected("Gone", Health.STOPPED)), LATER),
        (said(Affected(CPU, Health.STOPPED, ("eu",))), LATER),
    ],
)
def test_a_word_stays_unless_its_own_place_recovers_after_it(
    announcement: Announcement, recovered_at: datetime
) -> None:
    page = a_page(announcement, {(CPU, "us"): recovered_at, ("Gone", ""): LATER}, *counts())
    assert page.in_force(announcement) == InForce(announcement.affected)
