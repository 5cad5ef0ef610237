"""The health of components, region by region."""

from datetime import timedelta
from typing import Any

import pytest

from heartbeat.definitions.status_page import Component, Regions, StatusPage
from heartbeat.status import health
from heartbeat.status.health import CheckCount, Claim, Health, HealthCell, ServiceRow, UpAndDown
from tests.unit.conftest import NOW

LATER = NOW + timedelta(minutes=5)
REGIONS = Regions("region", {"us": "the US", "eu": "Europe"})
CPU = Component("CPU allowance", {"component": "cpu"}, silent_means="not working")
MAIL = Component("Mail", {"component": "mail"})


def bearing(component: str, region: str | None, state: str, count: int = 1, at: Any = NOW) -> CheckCount:
    """Checks of a component in a region."""
    return CheckCount({"component": component} | ({"region": region} if region else {}), state, count, at)


def rows(
    *bearings: CheckCount,
    claims: tuple[Claim, ...] = (),
    regions: Regions | None = REGIONS,
    recoveries: dict[tuple[str, str], Any] | None = None,
) -> tuple[ServiceRow, ...]:
    page = StatusPage("p", "Page", (CPU, MAIL), regions=regions)
    return health.rows(page, bearings, claims, recoveries or {})


def health_of(row: ServiceRow) -> list[Health | None]:
    """The states of a row: as a whole, and region by region."""
    return [row.whole.health, *(cell.health if cell else None for cell in row.cells.values())]


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        (UpAndDown(up=2), Health.NORMAL),
        (UpAndDown(up=1, down=1), Health.DELAYED),
        (UpAndDown(down=2), Health.DELAYED),
        (UpAndDown(), Health.UNKNOWN),
    ],
)
def test_silence_means_a_delay(counts: UpAndDown, expected: Health) -> None:
    assert health.measured(counts, stops=False).health is expected


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        (UpAndDown(up=2), Health.NORMAL),
        (UpAndDown(up=1, down=1), Health.DELAYED),
        (UpAndDown(down=2), Health.STOPPED),
        (UpAndDown(), Health.UNKNOWN),
    ],
)
def test_a_component_that_says_so_does_not_work_while_all_of_its_checks_are_down(
    counts: UpAndDown, expected: Health
) -> None:
    assert health.measured(counts, stops=True).health is expected


def test_each_region_has_its_own_health() -> None:
    cpu, mail = rows(
        bearing("cpu", "us", "down", 2, LATER),
        bearing("cpu", "us", "down", 1, NOW),
        bearing("cpu", "eu", "up", 3),
        bearing("mail", "eu", "new"),
    )
    assert health_of(cpu) == [Health.PARTLY, Health.STOPPED, Health.NORMAL]
    assert cpu.cells["us"] == HealthCell(Health.STOPPED, NOW)
    assert health_of(mail) == [Health.UNKNOWN, None, Health.UNKNOWN]
    assert cpu.by_region
    assert mail.by_region


def test_a_row_whose_regions_do_not_tell_the_whole_is_shown_as_one() -> None:
    cpu, mail = rows(bearing("cpu", "us", "up"), bearing("cpu", None, "down"), bearing("mail", None, "up"))
    assert not cpu.by_region
    assert not mail.by_region


def claim(health: Health, *regions: str, said_at: Any = NOW, by_hand: bool = True) -> Claim:
    """What an announcement of the component says."""
    return Claim("CPU allowance", health, NOW, regions, said_at, by_hand)


def test_the_word_of_a_human_holds_for_better_and_for_worse() -> None:
    up, down = bearing("cpu", "us", "up"), bearing("cpu", "us", "down")
    assert health_of(rows(up, claims=(claim(Health.PARTLY),))[0]) == [Health.PARTLY, Health.PARTLY, None]
    assert health_of(rows(down, claims=(claim(Health.DELAYED),))[0]) == [Health.DELAYED, Health.DELAYED, None]
    (cpu, _) = rows(down, claims=(claim(Health.NORMAL),))
    assert (health_of(cpu), cpu.whole.since) == ([Health.NORMAL, Health.NORMAL, None], None)
    assert health_of(rows(claims=(claim(Health.NORMAL),))[0])[0] is Health.NORMAL


def test_an_automatic_announcement_counts_only_if_it_is_worse_than_the_checks() -> None:
    up, down = bearing("cpu", "us", "up"), bearing("cpu", "us", "down")
    automatic = claim(Health.PARTLY, by_hand=False)
    assert health_of(rows(up, claims=(automatic,))[0]) == [Health.PARTLY, Health.PARTLY, None]
    assert health_of(rows(down, claims=(automatic,))[0]) == [Health.STOPPED, Health.STOPPED, None]
    both = (automatic, claim(Health.DELAYED))
    assert health_of(rows(down, claims=both)[0])[0] is Health.DELAYED


def test_the_word_of_a_human_ends_once_the_checks_recover_after_it() -> None:
    said = claim(Health.DELAYED, said_at=NOW)
    down, up = bearing("cpu", "us", "down"), bearing("cpu", "us", "up")

    def after(recovered_at: Any, *counts: CheckCount) -> Health | None:
        return health_of(
            rows(*counts, claims=(said,), recoveries={("CPU allowance", "us"): recovered_at})[0]
        )[1]

    assert after(NOW - timedelta(minutes=5), down) is Health.DELAYED
    assert after(NOW, down) is Health.DELAYED
    assert after(LATER, up) is Health.NORMAL
    # The checks turned bad again since: the measurement holds.
    assert after(LATER, down) is Health.STOPPED


def test_a_recovery_ends_the_word_in_its_region_only() -> None:
    counts = bearing("cpu", "us", "up"), bearing("cpu", "eu", "down")
    said = claim(Health.DELAYED), claim(Health.DELAYED, "us")
    for words in (said[:1], said):
        (cpu, _) = rows(*counts, claims=words, recoveries={("CPU allowance", "us"): LATER})
        assert health_of(cpu) == [Health.DELAYED, Health.NORMAL, Health.DELAYED]


def test_a_recovery_ends_what_was_said_before_it_and_not_what_was_said_since() -> None:
    recoveries = {("CPU allowance", "us"): LATER}
    old, new = claim(Health.STOPPED), claim(Health.DELAYED, said_at=LATER + timedelta(minutes=1))
    (cpu, _) = rows(bearing("cpu", "us", "up"), claims=(old, new), recoveries=recoveries)
    assert health_of(cpu)[1] is Health.DELAYED


def test_of_several_words_for_one_place_the_worst_holds() -> None:
    words = claim(Health.NORMAL), claim(Health.PARTLY), claim(Health.DELAYED)
    (cpu, _) = rows(bearing("cpu", "us", "down"), claims=words)
    assert health_of(cpu)[1] is Health.PARTLY


def test_a_recovery_does_not_end_a_maintenance() -> None:
    recoveries = {("CPU allowance", "us"): LATER}
    (cpu, _) = rows(bearing("cpu", "us", "down"), claims=(claim(Health.MAINTENANCE),), recoveries=recoveries)
    assert health_of(cpu)[1] is Health.MAINTENANCE


def test_an_announcement_for_a_region_does_not_affect_another() -> None:
    claim = Claim("CPU allowance", Health.DELAYED, NOW, ("us",))
    (cpu, _) = rows(bearing("cpu", "us", "up"), bearing("cpu", "eu", "up"), claims=(claim,))
    assert health_of(cpu) == [Health.DELAYED, Health.DELAYED, Health.NORMAL]


def test_an_outage_in_one_region_is_a_partial_outage() -> None:
    well = (bearing("cpu", "us", "up"), bearing("cpu", "eu", "up"))
    claim = Claim("CPU allowance", Health.STOPPED, LATER, ("us",))
    (cpu, _) = rows(*well, claims=(claim,))
    assert (health_of(cpu), cpu.whole.since) == ([Health.PARTLY, Health.STOPPED, Health.NORMAL], LATER)
    (cpu, _) = rows(*well, claims=(claim, Claim("CPU allowance", Health.STOPPED, NOW, ("eu",))))
    assert (health_of(cpu), cpu.whole.since) == ([Health.STOPPED] * 3, NOW)
    (cpu, _) = rows(*well, claims=(Claim("CPU allowance", Health.STOPPED, NOW),))
    assert health_of(cpu) == [Health.STOPPED] * 3


def test_a_maintenance_of_one_region_overrides_the_checks_there() -> None:
    down = (bearing("cpu", "us", "down"), bearing("cpu", "eu", "up"))
    (cpu, _) = rows(*down, claims=(Claim("CPU allowance", Health.MAINTENANCE, NOW, ("us",)),))
    assert health_of(cpu) == [Health.MAINTENANCE, Health.MAINTENANCE, Health.NORMAL]


def test_checks_without_a_region_make_the_whole_slow() -> None:
    (cpu, _) = rows(bearing("cpu", "us", "up"), bearing("cpu", None, "down"))
    assert health_of(cpu) == [Health.DELAYED, Health.NORMAL, None]
    (cpu, _) = rows(bearing("cpu", "us", "down"), bearing("cpu", None, "down"))
    assert health_of(cpu) == [Health.STOPPED, Health.STOPPED, None]


def test_a_maintenance_overrides_the_checks() -> None:
    claim = Claim("CPU allowance", Health.MAINTENANCE, NOW)
    assert health_of(rows(bearing("cpu", "us", "down"), claims=(claim,))[0])[0] is Health.MAINTENANCE
