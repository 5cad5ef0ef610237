"""The progress of a long repair, as customers read it: measured, with its age, and nothing that is no longer so."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from heartbeat.checks import life
from heartbeat.checks.cause import Cause
from heartbeat.checks.check import Check, Run, State
from heartbeat.checks.progress import Amount, Progress, reported
from heartbeat.status import catching_up
from heartbeat.status.catching_up import CatchingUp
from heartbeat.status.publish import atlassian, html
from tests.unit.conftest import NOW, a_check
from tests.unit.status.conftest import PAGE, a_snapshot

MINUTE = timedelta(minutes=1)
LAST = NOW + 300 * MINUTE


def repair(total: float | None = 735, still: int = 0, **changes: Any) -> Check:
    """A run that does one a minute for five hours, and then reports `still` minutes that nothing moves."""
    so_far: Progress | None = None
    for minute in range(301 + still):
        so_far = reported(so_far, Amount(min(minute, 300), total), NOW + minute * MINUTE)
    return a_check("repair", runs=(Run(None, NOW, progress=so_far),), **changes)


def test_a_run_that_moves_tells_its_share_its_age_and_its_end_rounded_up() -> None:
    assert catching_up.of(repair(), LAST + MINUTE) == CatchingUp(
        40, LAST, datetime(2024, 5, 3, 15, 30, tzinfo=UTC)
    )


def test_an_end_that_has_passed_is_not_expected() -> None:
    late = repair(total=301)
    assert catching_up.of(late, LAST + 10 * MINUTE) == CatchingUp(99, LAST)


@pytest.mark.parametrize(
    ("check", "minutes"),
    [
        (repair(), 16),
        (repair(still=16), 16),
        (repair(state=State.DOWN, cause=Cause.STUCK), 1),
        (repair(total=None), 1),
        (a_check(), 1),
        (a_check(runs=(Run(None, NOW),)), 1),
        (life.paused(repair(), LAST, "Ann").check, 1),
    ],
    ids=["not heard", "not moved", "stuck", "no total", "no run", "no report", "paused"],
)
def test_what_is_not_known_to_move_is_not_told(check: Check, minutes: int) -> None:
    assert catching_up.of(check, LAST + minutes * MINUTE) is None


def test_a_component_shows_it_in_the_zone_of_its_page() -> None:
    cpu = replace(PAGE.components[0], progress="repair", progress_says="Resets are catching up")
    page = replace(PAGE, components=(cpu, *PAGE.components[1:]), timezone="Europe/London")
    known = CatchingUp(41, LAST, datetime(2024, 5, 4, 2, tzinfo=UTC))
    sentence = "Resets are catching up: 41 % done, expected by 04 May 03:00 BST (measured at 09:00 BST)"
    snapshot = a_snapshot(page, at=LAST + MINUTE, progress={cpu.name: known})
    assert f"<bdi>{sentence}</bdi>" in html.index(snapshot).decode()
    components = atlassian.documents(snapshot)["api/v2/components.json"]["components"]
    descriptions = {component["name"]: component["description"] for component in components}
    assert descriptions["CPU allowance"] == f"Reset once a day {sentence}."
    assert descriptions["Mail"] is None
    silent = a_snapshot(page, at=LAST + MINUTE)
    assert "Resets are catching up" not in html.index(silent).decode()
