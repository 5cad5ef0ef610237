"""What customers are told of a component, region by region, and the sentence above all."""

from datetime import timedelta
from typing import Any

import pytest

from heartbeat.config.public import Component, Regions, StatusPage
from heartbeat.status import health
from heartbeat.status.health import Bearing, Cell, Claim, Health, Row, Standing
from tests.unit.conftest import NOW

LATER = NOW + timedelta(minutes=5)
REGIONS = Regions("region", {"us": "the US", "eu": "Europe"})
CPU = Component("CPU allowance", {"component": "cpu"})
MAIL = Component("Mail", {"component": "mail"})


def bearing(component: str, region: str | None, state: str, count: int = 1, at: Any = NOW) -> Bearing:
    """Checks of a component in a region."""
    return Bearing({"component": component} | ({"region": region} if region else {}), state, count, at)


def rows(
    *bearings: Bearing, claims: tuple[Claim, ...] = (), regions: Regions | None = REGIONS
) -> tuple[Row, ...]:
    return health.rows(StatusPage("p", "Page", (CPU, MAIL), regions=regions), bearings, claims)


def shown(row: Row) -> list[Health | None]:
    """The states of a row: as a whole, and region by region."""
    return [row.whole.health, *(cell.health if cell else None for cell in row.cells.values())]


@pytest.mark.parametrize(
    ("standing", "expected"),
    [
        (Standing(up=2), Health.NORMAL),
        (Standing(up=1, down=1), Health.DELAYED),
        (Standing(down=2), Health.STOPPED),
        (Standing(), Health.UNKNOWN),
    ],
)
def test_a_component_is_as_well_as_what_is_behind_it(standing: Standing, expected: Health) -> None:
    assert health.measured(standing).health is expected


def test_each_region_stands_for_itself() -> None:
    cpu, mail = rows(
        bearing("cpu", "us", "down", 2, LATER),
        bearing("cpu", "us", "down", 1, NOW),
        bearing("cpu", "eu", "up", 3),
        bearing("mail", "eu", "new"),
    )
    assert shown(cpu) == [Health.PARTLY, Health.STOPPED, Health.NORMAL]
    assert cpu.cells["us"] == Cell(Health.STOPPED, NOW)
    assert shown(mail) == [Health.UNKNOWN, None, Health.UNKNOWN]
    assert cpu.apart
    assert mail.apart


def test_a_row_whose_regions_do_not_tell_all_is_shown_as_a_whole() -> None:
    cpu, mail = rows(bearing("cpu", "us", "up"), bearing("cpu", None, "down"), bearing("mail", None, "up"))
    assert not cpu.apart
    assert not mail.apart


def test_what_humans_say_counts_where_it_is_worse() -> None:
    up, down = bearing("cpu", "us", "up"), bearing("cpu", "us", "down")
    worse = Claim("CPU allowance", Health.PARTLY, LATER)
    assert shown(rows(up, claims=(worse,))[0]) == [Health.PARTLY, Health.PARTLY, None]
    assert shown(rows(down, claims=(worse,))[0]) == [Health.STOPPED, Health.STOPPED, None]
    assert shown(rows(claims=(Claim("CPU allowance", Health.NORMAL, NOW),))[0])[0] is Health.NORMAL


def test_what_humans_say_of_a_region_is_not_said_of_another() -> None:
    claim = Claim("CPU allowance", Health.DELAYED, NOW, ("us",))
    (cpu, _) = rows(bearing("cpu", "us", "up"), bearing("cpu", "eu", "up"), claims=(claim,))
    assert shown(cpu) == [Health.DELAYED, Health.DELAYED, Health.NORMAL]


def test_what_is_out_in_one_region_is_out_in_part() -> None:
    well = (bearing("cpu", "us", "up"), bearing("cpu", "eu", "up"))
    claim = Claim("CPU allowance", Health.STOPPED, LATER, ("us",))
    (cpu, _) = rows(*well, claims=(claim,))
    assert (shown(cpu), cpu.whole.since) == ([Health.PARTLY, Health.STOPPED, Health.NORMAL], LATER)
    (cpu, _) = rows(*well, claims=(claim, Claim("CPU allowance", Health.STOPPED, NOW, ("eu",))))
    assert (shown(cpu), cpu.whole.since) == ([Health.STOPPED] * 3, NOW)
    (cpu, _) = rows(*well, claims=(Claim("CPU allowance", Health.STOPPED, NOW),))
    assert shown(cpu) == [Health.STOPPED] * 3


def test_a_maintenance_of_one_region_explains_what_is_measured_there() -> None:
    down = (bearing("cpu", "us", "down"), bearing("cpu", "eu", "up"))
    (cpu, _) = rows(*down, claims=(Claim("CPU allowance", Health.MAINTENANCE, NOW, ("us",)),))
    assert shown(cpu) == [Health.MAINTENANCE, Health.MAINTENANCE, Health.NORMAL]


def test_what_has_no_region_is_a_slowness_of_the_whole() -> None:
    (cpu, _) = rows(bearing("cpu", "us", "up"), bearing("cpu", None, "down"))
    assert shown(cpu) == [Health.DELAYED, Health.NORMAL, None]
    (cpu, _) = rows(bearing("cpu", "us", "down"), bearing("cpu", None, "down"))
    assert shown(cpu) == [Health.STOPPED, Health.STOPPED, None]


def test_a_maintenance_explains_what_is_measured() -> None:
    claim = Claim("CPU allowance", Health.MAINTENANCE, NOW)
    assert shown(rows(bearing("cpu", "us", "down"), claims=(claim,))[0])[0] is Health.MAINTENANCE
