"""Dependencies, told as stories: which jobs wait for others, and which do not."""

from dataclasses import replace

import pytest

from alerting.severity import Severity
from heartbeat.checks import waiting
from heartbeat.checks.dependency import After
from tests.simulation.cast import MINUTE, Job
from tests.simulation.night import Night, begin, titles
from tests.simulation.referee import Broken

BACKUP = Job("nightly-backup", every=10 * MINUTE)
AFTER_BACKUP = After(("nightly-backup",))
REPORT = Job("report", every=12 * MINUTE, after=AFTER_BACKUP)


def night_of(nights: list[Night], *cast: Job, running: tuple[Job, ...] = ()) -> Night:
    return begin(nights, *cast, running=tuple(job.name for job in running))


def first_pages(night: Night) -> list[str]:
    return titles(night.world.pages("first"))


def test_a_job_whose_parent_is_down_pages_nobody_and_stands_in_its_incident(nights: list[Night]) -> None:
    night = night_of(nights, BACKUP, REPORT)
    night.advance(minutes=15)
    assert first_pages(night) == ["ERROR nightly-backup silent"]
    assert night.world.incident()["title"] == "nightly-backup"


def test_a_job_whose_parent_is_well_pages_by_itself(nights: list[Night]) -> None:
    night = night_of(nights, BACKUP, REPORT, running=(BACKUP,))
    night.advance(minutes=15)
    assert first_pages(night) == ["ERROR report silent"]


def test_a_job_that_does_not_run_once_its_parent_is_well_pages(nights: list[Night]) -> None:
    night = night_of(nights, BACKUP, REPORT)
    night.advance(minutes=15)
    night.world.acknowledge(night.world.incident()["id"], minutes=240)
    night.world.run(BACKUP.name)
    night.advance(minutes=14)
    assert first_pages(night) == ["ERROR nightly-backup silent"]
    night.advance(minutes=2)
    assert first_pages(night) == ["ERROR nightly-backup silent", "ERROR report silent"]


def test_a_job_that_was_down_before_its_parent_pages_by_itself(nights: list[Night]) -> None:
    early = replace(REPORT, every=6 * MINUTE)
    night = night_of(nights, BACKUP, early)
    night.advance(minutes=13)
    assert first_pages(night) == ["ERROR report silent", "ERROR nightly-backup silent"]


def test_a_more_severe_job_pages_from_the_first_step_although_its_parent_is_acknowledged(
    nights: list[Night],
) -> None:
    night = night_of(nights, BACKUP, replace(REPORT, severity=Severity.CRITICAL))
    night.advance(minutes=12)
    night.world.acknowledge(night.world.incident()["id"], minutes=240)
    night.advance(minutes=3)
    assert first_pages(night) == [
        "ERROR nightly-backup silent",
        "CRITICAL nightly-backup: 2 of 2 jobs silent",
    ]
    assert len(night.world.incidents()) == 1


def test_a_parent_that_flaps_keeps_its_child_waiting(nights: list[Night]) -> None:
    night = night_of(nights, BACKUP, REPORT)
    night.advance(minutes=15)
    number = night.world.incident()["id"]
    for _ in range(3):
        night.world.ping(BACKUP.name)
        night.advance(minutes=1)
        night.world.ping(BACKUP.name, signal="fail")
        night.advance(minutes=2)
    assert [one["id"] for one in night.world.incidents()] == [number]
    assert all("report" not in title for title in first_pages(night))


def test_a_child_waits_again_if_its_parent_is_down_again_before_it_has_run(nights: list[Night]) -> None:
    night = night_of(nights, BACKUP, REPORT)
    night.advance(minutes=15)
    night.world.ping(BACKUP.name)
    # The recovery settles, and ten minutes later the backup is silent again.
    night.advance(minutes=30)
    assert first_pages(night) == ["ERROR nightly-backup silent", "ERROR nightly-backup silent"]
    assert [one["title"] for one in night.world.incidents()] == ["nightly-backup"]


def test_a_child_that_fails_although_its_parent_is_well_pages_at_once(nights: list[Night]) -> None:
    night = night_of(nights, BACKUP, REPORT)
    night.advance(minutes=15)
    night.world.run(BACKUP.name)
    night.advance(minutes=4)
    night.world.ping(REPORT.name, signal="fail")
    night.advance(minutes=1)
    assert first_pages(night) == ["ERROR nightly-backup silent", "ERROR report failed"]


def test_a_late_parent_holds_nobody(nights: list[Night]) -> None:
    night = night_of(nights, replace(BACKUP, grace=10 * MINUTE), REPORT)
    night.advance(minutes=14)
    assert first_pages(night) == ["ERROR report silent"]


def test_the_referee_refuses_children_that_are_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "next_due", lambda _db: None)
    monkeypatch.setattr(waiting, "sweep", lambda _db, _now, _limit: 0)
    night = begin([], BACKUP, REPORT)
    night.advance(minutes=15)
    night.world.run(BACKUP.name)
    with pytest.raises(Broken, match="report is down, and its incident"):
        night.advance(minutes=5)
    night.world.machine.close()
