"""The first sentences of screens, word for word."""

from datetime import datetime, timedelta

import pytest

from alerting.incident import State as Life
from heartbeat.checks.check import State
from heartbeat.http.pages import summary
from heartbeat.http.pages.summary import Count
from tests.unit.conftest import NOW
from tests.unit.http.pages.conftest import plain

HEARD = "last heard 12 s ago."


def count(newest: datetime | None = None, **states: int) -> Count:
    """Count checks by state."""
    return Count({State(state): number for state, number in states.items()}, newest)


@pytest.mark.parametrize(
    ("counted", "late", "incidents", "sentence"),
    [
        (count(), 0, {}, "Nothing is watched yet."),
        (count(NOW, up=11), 0, {}, f"All 11 checks are fine; {HEARD}"),
        (count(NOW, up=1), 0, {}, f"The only check is fine; {HEARD}"),
        (
            count(NOW, up=9, new=2),
            0,
            {},
            f"All 11 checks are fine; {HEARD} 2 have not been heard yet.",
        ),
        (count(NOW, up=9, paused=2), 0, {}, f"All 9 checks are fine; {HEARD}"),
        (
            Count({State.UP: 2}, NOW, failing=1),
            0,
            {},
            f"None of 2 checks is down; {HEARD} 1 failed its last run.",
        ),
        (
            Count({State.UP: 7}, NOW, failing=1, missing=2),
            1,
            {},
            f"1 of 7 checks is late, none is down; {HEARD} 1 failed its last run. 2 missed their last runs.",
        ),
        (
            Count({State.UP: 1}, NOW, missing=1),
            0,
            {},
            f"The only check is not down; {HEARD} It missed its last run.",
        ),
        (
            Count({State.NEW: 1}, None, failing=1),
            0,
            {},
            "The only check is not down. It failed its last run.",
        ),
        (count(NOW, up=11), 1, {}, f"1 of 11 checks is late, none is down; {HEARD}"),
        (
            count(NOW, up=9, new=2),
            2,
            {},
            f"2 of 11 checks are late, none is down; {HEARD} 2 have not been heard yet.",
        ),
        (count(NOW, up=1), 1, {}, f"The only check is late; {HEARD}"),
        (count(new=1), 1, {}, "The only check is late."),
        (count(new=1), 0, {}, "The only check has not been heard yet."),
        (count(new=2), 0, {}, "None of 2 checks has been heard yet."),
        (count(paused=1), 0, {}, "The only check is paused."),
        (count(paused=2), 0, {}, "All 2 checks are paused."),
        (count(NOW, up=7), 0, {Life.OPEN: 1}, "1 incident is open."),
        (count(NOW, up=7, down=4), 0, {Life.OPEN: 1}, "4 checks are down for one cause."),
        (
            count(NOW, up=7, down=1),
            0,
            {Life.ACKNOWLEDGED: 1},
            "1 check is down. It is acknowledged.",
        ),
        (
            count(NOW, up=7, down=3),
            2,
            {Life.OPEN: 1, Life.ACKNOWLEDGED: 1},
            "3 checks are down for 2 causes. 1 is acknowledged. 2 are late.",
        ),
        (count(NOW, down=3), 0, {Life.SNOOZED: 2}, "3 checks are down for 2 causes. All are snoozed."),
        (
            count(NOW, down=300),
            0,
            {Life.OPEN: 290, Life.SNOOZED: 10},
            "300 checks are down for 300 causes. 10 are snoozed.",
        ),
    ],
)
def test_the_overview_sums_up_all_checks_and_incidents(
    counted: Count, late: int, incidents: dict[Life, int], sentence: str
) -> None:
    assert plain(summary.overview(counted, late, incidents, NOW + timedelta(seconds=12)), NOW) == sentence


def test_an_incident_of_no_check_is_no_cause_for_which_checks_are_down() -> None:
    incidents = {Life.OPEN: 3, Life.ACKNOWLEDGED: 1}
    several = plain(summary.overview(count(NOW, up=7, down=3), 0, incidents, NOW, 0, 2), NOW)
    assert several == "3 checks are down for 2 causes. 2 other incidents are open. 1 is acknowledged."
    alone = plain(summary.overview(count(NOW, up=7, down=1), 0, {Life.OPEN: 2}, NOW, 0, 1), NOW)
    assert alone == "1 check is down. 1 other incident is open."


def test_the_overview_names_what_is_recovering_apart() -> None:
    fine = plain(summary.overview(count(NOW, up=7), 0, {}, NOW, 1), NOW)
    assert fine.endswith("1 incident is recovering.")
    down = plain(summary.overview(count(NOW, up=7, down=2), 0, {Life.OPEN: 1}, NOW, 2), NOW)
    assert down == "2 checks are down for one cause. 2 incidents are recovering."
