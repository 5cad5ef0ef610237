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
CPU = Component("CPU allowance", {"component": "cpu"})
MAIL = Component("Mail", {"component": "mail"})


def bearing(component: str, region: str | None, state: str, count: int = 1, at: Any = NOW) -> CheckCount:
    """Checks of a component in a region."""
    return CheckCount({"component": component} | ({"region": region} if region else {}), state, count, at)


def rows(
    *bearings: CheckCount, claims: tuple[Claim, ...] = (), regions: Regions | None = REGIONS
) -> tuple[ServiceRow, ...]:
    return health.rows(StatusPage("p", "Page", (CPU, MAIL), regions=regions), bearings, claims)


def health_of(row: ServiceRow) -> list[Health | None]:
    """The states of a row: as a whole, and region by region."""
    return [row.whole.health, *(cell.health if cell else None for cell in row.cells.values())]


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        (UpAndDown(up=2), Health.NORMAL),
        (UpAndDown(up=1, down=1), Health.DELAYED),
        (UpAndDown(down=2), Health.STOPPED),
        (UpAndDown(), Health.UNKNOWN),
    ],
)
def test_the_health_of_a_component_follows_its_checks(counts: UpAndDown, expected: Health) -> None:
    assert health.measured(counts).health is expected


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


def test_an_announcement_counts_if_it_is_worse_than_the_checks() -> None:
    up, down = bearing("cpu", "us", "up"), bearing("cpu", "us", "down")
    worse = Claim("CPU allowance", Health.PARTLY, LATER)
    assert health_of(rows(up, claims=(worse,))[0]) == [Health.PARTLY, Health.PARTLY, None]
    assert health_of(rows(down, claims=(worse,))[0]) == [Health.STOPPED, Health.STOPPED, None]
    assert health_of(rows(claims=(Claim("CPU allowance", Health.NORMAL, NOW),))[0])[0] is Health.NORMAL


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
