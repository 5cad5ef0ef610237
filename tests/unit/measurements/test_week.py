"""The unusual runs of a week, in words."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from heartbeat.measurements import week
from heartbeat.measurements.band import Band
from heartbeat.measurements.mark import Mark
from tests.unit.conftest import NOW, a_check

RESET = a_check("reset", id=1, labels={"host": "us-housekeeping"})
BACKUP = a_check("backup", id=2)
BAND = Band(3_812, 4_000, 4_410)


def mark(hours_ago: float, name: str = "processed") -> Mark:
    return Mark(NOW - timedelta(hours=hours_ago), name, 0, BAND)


def test_the_check_with_the_most_unusual_runs_comes_first() -> None:
    marks = [(BACKUP, mark(1)), (RESET, mark(2)), (RESET, mark(2, "duration")), (RESET, mark(5))]
    entries = week.of(marks)
    assert [(entry.check.slug, entry.runs, entry.newest) for entry in entries] == [
        ("reset", 2, mark(2)),
        ("backup", 1, mark(1)),
    ]
    assert week.sentence(entries) == "3 runs of 2 checks were unusual in the last 7 days."


def test_a_calm_week_is_one_sentence() -> None:
    assert week.sentence([]) == "No run was unusual in the last 7 days."
    assert week.sentence(week.of([(BACKUP, mark(1))])) == "1 run of 1 check was unusual in the last 7 days."


def test_the_mail_names_each_check_with_its_newest_run_and_its_address() -> None:
    lines = list(week.text(week.of([(RESET, mark(3)), (RESET, mark(9))]), "https://hb.example.com"))
    assert lines[0] == "2 runs of 1 check were unusual in the last 7 days."
    assert "paged" not in " ".join(lines), "with HEARTBEAT_UNUSUAL=warn, somebody was"
    assert lines[3:5] == [
        "reset (us-housekeeping): 2 times, last Fri 03 May 00:00 UTC: "
        "processed 0, usually about 4,000 (unusual below 3,812)",
        "  https://hb.example.com/checks/reset",
    ]
    assert lines[-1] == "All unusual runs: https://hb.example.com/unusual-runs"


def test_a_long_mail_ends_with_a_count() -> None:
    many = [(replace(BACKUP, id=n, slug=f"job-{n}"), mark(1)) for n in range(week.LISTED + 5)]
    assert "5 more checks." in list(week.text(week.of(many), ""))


def test_a_week_is_told_on_monday_at_eight() -> None:
    monday = datetime(2024, 5, 6, 8, 0, tzinfo=UTC)
    assert week.told_at(monday) == monday
    assert week.told_at(monday - timedelta(seconds=1)) == monday - timedelta(days=7)
    assert week.told_at(monday + timedelta(days=6, hours=23)) == monday
