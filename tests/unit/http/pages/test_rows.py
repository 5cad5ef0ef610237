"""The rows of lists, in pure values."""

from datetime import timedelta

import pytest

from heartbeat.checks.cause import Cause
from heartbeat.checks.check import State
from heartbeat.checks.schedule import Cron, Every, Schedule
from heartbeat.http.pages import rows
from tests.unit.conftest import NOW, a_check


@pytest.mark.parametrize("planned", [Cron("*/10 * * * *", "UTC"), Every(timedelta(minutes=10))])
def test_a_silent_check_shows_since_when_it_is_due(planned: Schedule) -> None:
    silent = a_check(schedule=planned, state=State.DOWN, cause=Cause.SILENT, last_ok_at=NOW)
    row = rows.check_row(silent, [], [], NOW + timedelta(minutes=24))
    assert row.due_at == NOW + timedelta(minutes=10)


def test_a_failed_check_shows_when_it_is_due_next() -> None:
    failed = a_check(
        schedule=Cron("*/10 * * * *", "UTC"), state=State.DOWN, cause=Cause.FAILED, last_fail_at=NOW
    )
    row = rows.check_row(failed, [], [], NOW + timedelta(minutes=4))
    assert row.due_at == NOW + timedelta(minutes=10)
