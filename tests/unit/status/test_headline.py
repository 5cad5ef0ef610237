"""The headline: what does not work, where, and what is not affected, in a line or two."""

import pytest

from heartbeat.definitions.status_page import Component
from heartbeat.status.headline import LONGEST, are, headline
from heartbeat.status.health import Claim, Health, HealthCell, ServiceRow
from tests.unit.conftest import NOW
from tests.unit.status.test_health import REGIONS, bearing, rows


@pytest.mark.parametrize(
    ("healths", "text"),
    [
        ("", "No services are listed here yet."),
        ("n", "The service is working normally."),
        ("nnn", "All services are working normally."),
        ("dnn", "A is delayed. B and C are not affected."),
        ("dn", "A is delayed. B is not affected."),
        ("dsn", "B is not working. A is delayed. C is not affected."),
        ("pn", "A is partly not working. B is not affected."),
        ("d", "A is delayed."),
        ("dun", "A is delayed. C is not affected."),
        ("dunn", "A is delayed. C and D are not affected."),
        ("mn", "A is under maintenance. Everything else is working normally."),
        ("mm", "A and B are under maintenance."),
        ("mmmmn", "4 of 5 services are under maintenance."),
        ("nu", "There is no information about B at the moment. Everything else is working normally."),
        ("uu", "There is no information about these services at the moment."),
        (
            "nuuuu",
            "There is no information about 4 services at the moment. Everything else is working normally.",
        ),
        ("ddssn", "C and D are not working. A and B are delayed. E is not affected."),
        ("ssssn", "4 services are not working. E is not affected."),
        ("dnnnn", "A is delayed. All other services are working normally."),
        ("dunnnn", "A is delayed. 4 other services are working normally."),
    ],
)
def test_the_headline_answers_whether_it_is_us(healths: str, text: str) -> None:
    kinds = {"n": Health.NORMAL, "d": Health.DELAYED, "s": Health.STOPPED, "u": Health.UNKNOWN}
    kinds |= {"p": Health.PARTLY, "m": Health.MAINTENANCE}
    some = [
        ServiceRow(Component(name, {}), HealthCell(kinds[letter]))
        for name, letter in zip("ABCDEF", healths, strict=False)
    ]
    assert headline(some) == text


@pytest.mark.parametrize(
    ("healths", "text"),
    [
        ("dnn", "A is delayed. B is working normally again. C is not affected."),
        ("dn", "A is delayed. B is working normally again."),
        ("dnnnnn", "A is delayed. All other services are working normally."),
        ("nnn", "All services are working normally."),
    ],
)
def test_an_announced_service_that_works_is_working_again(healths: str, text: str) -> None:
    kinds = {"n": Health.NORMAL, "d": Health.DELAYED}
    some = [
        ServiceRow(Component(name, {}), HealthCell(kinds[letter]))
        for name, letter in zip("ABCDEF", healths, strict=False)
    ]
    assert headline(some, announced=["A", "B"]) == text


def test_the_headline_distinguishes_regions() -> None:
    claims = (
        Claim("CPU allowance", Health.DELAYED, NOW, ("us",)),
        Claim("CPU allowance", Health.STOPPED, NOW, ("eu",)),
    )
    some = rows(
        bearing("cpu", "us", "up"), bearing("cpu", "eu", "up"), bearing("mail", "us", "up"), claims=claims
    )
    assert headline(some, REGIONS) == (
        "CPU allowance is not working in Europe and delayed in the US. Mail is not affected."
    )


def test_the_headline_names_the_regions() -> None:
    some = rows(bearing("cpu", "us", "down"), bearing("cpu", "eu", "up"), bearing("mail", "us", "up"))
    assert headline(some, REGIONS) == "CPU allowance is not working in the US. Mail is not affected."
    everywhere = rows(bearing("cpu", "us", "down"), bearing("cpu", "eu", "down"), bearing("mail", "us", "up"))
    assert headline(everywhere, REGIONS) == "CPU allowance is not working. Mail is not affected."


@pytest.mark.parametrize(
    ("name", "verb"),
    [
        ("CPU allowance resets", "are"),
        ("Websites", "are"),
        ("Search and filters", "are"),
        ("Mail", "is"),
        ("DNS", "is"),
        ("Status", "is"),
        ("Access", "is"),
        ("Analytics", "is"),
    ],
)
def test_the_verb_follows_the_name_of_the_service(name: str, verb: str) -> None:
    assert are([name]) == verb


def test_services_with_the_same_health_share_a_sentence() -> None:
    down, up = HealthCell(Health.STOPPED), HealthCell(Health.NORMAL)
    us = [
        ServiceRow(Component(name, {}), HealthCell(Health.PARTLY), {"us": down, "eu": up})
        for name in ("CPU", "Logs", "Mail")
    ]
    eu = ServiceRow(
        Component("Search", {}), HealthCell(Health.PARTLY), {"us": up, "eu": HealthCell(Health.DELAYED)}
    )
    web = ServiceRow(Component("Websites", {}), up, {"us": up, "eu": up})
    assert headline([*us, eu, web], REGIONS) == (
        "CPU, Logs and Mail are not working in the US. Search is delayed in Europe. Websites are not affected."
    )


@pytest.mark.parametrize("healths", ["s", "sd", "sdp", "sn", "snn", "dddnnn", "m", "mn", "unu", "sdpunnm"])
def test_names_that_do_not_fit_are_counted(healths: str) -> None:
    kinds = {"n": Health.NORMAL, "d": Health.DELAYED, "s": Health.STOPPED, "u": Health.UNKNOWN}
    kinds |= {"p": Health.PARTLY, "m": Health.MAINTENANCE}
    some = [
        ServiceRow(Component(f"{number}" * 99, {}), HealthCell(kinds[health]))
        for number, health in enumerate(healths)
    ]
    text = headline(some)
    assert 20 < len(text) <= LONGEST
    assert text.endswith(".")
