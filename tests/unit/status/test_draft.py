"""Drafts in customers' words: the affected services, their health and their regions."""

from dataclasses import replace

import pytest

from heartbeat.definitions.status_page import Component, Regions
from heartbeat.status import draft, health
from heartbeat.status.announcement import Affected
from heartbeat.status.health import CheckCount, Health
from tests.unit.conftest import NOW
from tests.unit.status.conftest import PAGE

CPU, MAIL = "CPU allowance", "Mail"
LATE, OUT = Health.DELAYED, Health.STOPPED


@pytest.mark.parametrize(
    ("affected", "text"),
    [
        ([Affected(CPU, LATE, ("us",))], "CPU allowance is delayed in the United States"),
        ([Affected(CPU, LATE), Affected(MAIL, LATE)], "CPU allowance and Mail are delayed"),
        (
            [Affected(CPU, LATE, ("us",)), Affected(CPU, OUT, ("eu",))],
            "CPU allowance is not working in Europe and delayed in the United States",
        ),
        (
            [Affected(CPU, LATE, ("us",)), Affected(MAIL, OUT)],
            "CPU allowance is delayed in the United States, and Mail is not working",
        ),
        (
            [Affected(CPU, LATE, ("us",)), Affected(MAIL, LATE, ("eu",))],
            "CPU allowance is delayed in the United States, and Mail is delayed in Europe",
        ),
        ([Affected(CPU, LATE, ("gone",))], "CPU allowance is delayed"),
        ([Affected("CPU allowance resets", LATE)], "CPU allowance resets are delayed"),
        ([Affected(name, LATE) for name in "ABCD"], "4 services are affected"),
        (
            [Affected("A" * 90, LATE), Affected("B" * 90, OUT)],
            f"{'A' * 90} and {'B' * 90} are affected",
        ),
    ],
)
def test_a_draft_names_the_affected_services_and_regions(affected: list[Affected], text: str) -> None:
    assert draft.sentence(PAGE, affected) == text


@pytest.mark.parametrize(
    ("affected", "text"),
    [
        (
            [Affected(CPU, LATE, ("us",)), Affected(CPU, OUT, ("eu",))],
            "CPU allowance works normally again in the United States and Europe.",
        ),
        ([Affected("Websites", OUT)], "Websites work normally again."),
        ([Affected(CPU, OUT, ("us",)), Affected(MAIL, LATE)], "CPU allowance and Mail work normally again."),
        ([Affected(CPU, OUT, ("us",)), Affected(CPU, LATE)], "CPU allowance works normally again."),
    ],
)
def test_a_recovery_names_the_affected_regions(affected: list[Affected], text: str) -> None:
    assert draft.recovery(PAGE, affected) == text


def test_a_draft_has_the_measured_health_of_each_region() -> None:
    page = replace(
        PAGE,
        components=(Component(CPU, {"component": "cpu"}, silent_means="not working"),),
        regions=Regions("region", {"us": "US", "eu": "EU", "ap": "Asia"}),
    )
    states = [("us", "down"), ("us", "up"), ("eu", "down"), ("ap", "down"), ("ap", "up")]
    bearings = [CheckCount({"component": "cpu", "region": where}, state, 1, NOW) for where, state in states]
    affected = draft.affected_components(
        page, [counted.labels for counted in bearings], health.rows(page, bearings, ())
    )
    assert affected == (Affected(CPU, LATE, ("us", "ap")), Affected(CPU, OUT, ("eu",)))
