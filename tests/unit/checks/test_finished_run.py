"""The numbers of a run: its own come beside those that it reports."""

from datetime import timedelta

import pytest

from heartbeat.checks import finished_run


def test_a_run_has_numbers_of_its_own() -> None:
    assert finished_run.values(None, None, None, 0) == {"body_size": 0}
    minute = timedelta(minutes=1)
    assert finished_run.values({"rows": 3}, minute, 2, 40) == {
        "rows": 3,
        "duration": 60.0,
        "exit_status": 2,
        "body_size": 40,
    }


def test_a_reported_duration_counts_if_none_was_measured() -> None:
    assert finished_run.values({"duration": 5}, None, None, 0)["duration"] == 5
    assert finished_run.values({"duration": 5}, timedelta(minutes=1), None, 0)["duration"] == 60


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (-0.0, "0"),
        (12, "12"),
        (12000.0, "12,000"),
        (-1234567, "-1,234,567"),
        (1 / 3, "0.333333"),
        (4072.55, "4,072.55"),
        (-12345.678, "-12,345.7"),
        (1234567.8, "1,234,568"),
        (1.5e20, "1.5e+20"),
        (10**15, "1e+15"),
        (1e-9, "1e-09"),
    ],
)
def test_numbers_are_written_for_people(value: float, text: str) -> None:
    assert finished_run.written(value) == text
