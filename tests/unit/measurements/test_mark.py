"""The marks of unusual runs, and their words."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from heartbeat.checks.finished_run import FinishedRun
from heartbeat.measurements import mark
from heartbeat.measurements.band import Band
from heartbeat.measurements.mark import Mark

NOW = datetime(2024, 5, 4, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def runs(*values: dict[str, float], failed: bool = False) -> list[FinishedRun]:
    """Thirty ordinary runs of the reset of accounts, and then these."""
    usual = [{"processed": 4_000.0 + 30 * (n % 7), "duration": 60.0 + n % 5} for n in range(30)]
    first = NOW - HOUR * (len(usual) + len(values) - 1)
    return [
        FinishedRun(first + n * HOUR, numbers, failed and n >= len(usual))
        for n, numbers in enumerate([*usual, *values])
    ]


def test_the_run_that_processed_nothing_is_marked() -> None:
    """In the night of 4 May the job runs again, succeeds each time, and changes nothing."""
    (found,) = mark.of(runs({"processed": 0, "duration": 61}), NOW - HOUR, {})
    assert (found.at, found.name, found.value) == (NOW, "processed", 0)
    assert found.words.startswith("processed 0, usually about 4,")


def test_a_run_like_those_before_is_not_marked() -> None:
    assert not list(mark.of(runs({"processed": 4_100, "duration": 62}), NOW - HOUR, {}))


def test_only_runs_after_the_time_are_marked() -> None:
    assert not list(mark.of(runs({"processed": 0}, {"processed": 4_000}), NOW - HOUR, {}))
    assert len(list(mark.of(runs({"processed": 0}, {"processed": 4_000}), NOW - 2 * HOUR, {}))) == 1


def test_a_failed_run_is_neither_marked_nor_learnt_from() -> None:
    assert not list(mark.of(runs({"processed": 0}, failed=True), NOW - HOUR, {}))
    failures = [FinishedRun(run.at, {"processed": 0}, failed=True) for run in runs()]
    mixed = sorted([*runs({"processed": 0}), *failures], key=lambda run: run.at)
    assert len(list(mark.of(mixed, NOW - HOUR, {}))) == 1


def test_a_new_number_is_not_marked_until_enough_is_known() -> None:
    assert not list(mark.of(runs({"errors": 5}), NOW - HOUR, {}))


def test_the_exit_status_of_a_success_is_no_matter() -> None:
    odd = [FinishedRun(run.at, {**run.values, "exit_status": 0}, failed=False) for run in runs()]
    assert not list(mark.of([*odd, FinishedRun(NOW + HOUR, {"exit_status": 3}, failed=False)], NOW, {}))


@pytest.mark.parametrize(
    ("name", "value", "band", "words"),
    [
        (
            "processed",
            0,
            Band(3_812, 4_000, 4_410),
            "processed 0, usually about 4,000 (unusual below 3,812)",
        ),
        (
            "processed",
            9e3,
            Band(-200, 40, 410, weekly=True),
            "processed 9,000, usually about 40 at this hour of the week (unusual above 410)",
        ),
        ("duration", 754, Band(58, 61, 66), "took 12 min, usually about 61 s (unusual above 66 s)"),
        (
            "duration",
            905,
            Band(300, 600, 902),
            "took 15 min 5 s, usually about 10 min (unusual above 15 min 2 s)",
        ),
        (
            "body_size",
            0,
            Band(900, 1_000, 1_100),
            "output of 0 bytes, usually about 1,000 bytes (unusual below 900 bytes)",
        ),
        ("ratio", 0.9, Band(0.111, 0.2, 0.299), "ratio 0.9, usually about 0.2 (unusual above 0.3)"),
        ("ratio", 0.2995, Band(0.111, 0.2, 0.299), "ratio 0.2995, usually about 0.2 (unusual above 0.299)"),
        ("rows", 451.4, Band(-20, 25, 451.2), "rows 451.4, usually about 25 (unusual above 451)"),
    ],
)
def test_a_mark_says_the_number_and_what_is_usual(name: str, value: float, band: Band, words: str) -> None:
    assert Mark(NOW, name, value, band).words == words


def test_a_band_without_an_end_has_words() -> None:
    found = Mark(NOW, "rows", -5, Band(1, 10, float("inf")))
    assert found.words == "rows -5, usually about 10 (unusual below 1)"


def test_a_mark_claims_no_value_that_was_never_seen() -> None:
    """29 runs of 0 to 49 make a band of 0 to 451."""
    seen = [{"rows": n * 12 % 50} for n in range(29)]
    past = [FinishedRun(NOW - HOUR * (30 - n), numbers, failed=False) for n, numbers in enumerate(seen)]
    (found,) = mark.of([*past, FinishedRun(NOW, {"rows": 9_000}, failed=False)], NOW - HOUR, {})
    assert re.fullmatch(r"rows 9,000, usually about 2\d \(unusual above \d+\)", found.words)
