"""The numbers of a run: its own come beside those that it reports."""

from datetime import timedelta

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
