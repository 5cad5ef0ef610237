"""The rows of lists, in pure values."""

from datetime import timedelta

import pytest

from heartbeat.checks.cause import Cause
from heartbeat.checks.check import State
from heartbeat.checks.schedule import Cron, Every, Schedule
from heartbeat.http.pages import rows
from tests.unit.alerting.subjects import symptom, well
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


@pytest.mark.parametrize(
    ("why", "word", "down", "moved_to"),
    [
        ("heard again", "resolved", False, None),
        ("paused by Ann", "silent", False, None),
        ("resolved by Ann", "silent", True, None),
        ("moved to incident 12 by Ann", "moved", False, 12),
        ("merged into incident 5 by Ann", "moved", False, 5),
    ],
)
def test_a_job_that_left_its_incident_looks_as_it_left(
    why: str, word: str, down: bool, moved_to: int | None
) -> None:
    (job,) = well([symptom("job")], NOW, why)
    row = rows.job_row(job)
    assert (row.word, row.down, row.moved_to) == (word, down, moved_to)
