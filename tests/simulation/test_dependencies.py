"""Dependencies, told as stories: which jobs wait for others, and which do not."""

from dataclasses import replace

from alerting.severity import Severity
from heartbeat.checks.dependency import After
from tests.simulation.cast import MINUTE, Job
from tests.simulation.night import Night, begin, titles

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


def test_a_job_that_runs_once_its_parent_is_well_pages_nobody(nights: list[Night]) -> None:
    night = night_of(nights, BACKUP, REPORT)
    night.advance(minutes=15)
    night.world.run(BACKUP.name)
    night.advance(minutes=5)
    night.world.run(REPORT.name)
    night.advance(minutes=20)
    assert first_pages(night) == ["ERROR nightly-backup silent"]
    assert night.world.incidents() == []


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


def test_a_job_of_another_policy_pages_its_own_people(nights: list[Night]) -> None:
    night = night_of(nights, BACKUP, replace(REPORT, policy="office"))
    night.advance(minutes=15)
    assert first_pages(night) == ["ERROR nightly-backup silent"]
    assert titles(night.world.pages("third")) == ["ERROR report silent"]


def test_a_job_whose_parent_is_under_maintenance_pages_by_itself(nights: list[Night]) -> None:
    night = night_of(nights, replace(BACKUP, host="db-1"), REPORT)
    night.world.maintain(minutes=60, host="db-1")
    night.advance(minutes=15)
    assert first_pages(night) == ["ERROR report silent"]


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


def test_a_paused_parent_holds_nobody(nights: list[Night]) -> None:
    night = night_of(nights, BACKUP, REPORT)
    night.advance(minutes=15)
    night.world.pause(BACKUP.name)
    night.advance(minutes=1)
    assert first_pages(night) == ["ERROR nightly-backup silent", "ERROR report silent"]


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


def test_a_chain_waits_in_the_incident_of_its_first_job(nights: list[Night]) -> None:
    last = Job("mail", every=14 * MINUTE, after=After(("report",)))
    night = night_of(nights, BACKUP, REPORT, last)
    night.advance(minutes=17)
    assert [one["title"] for one in night.world.incidents()] == ["nightly-backup"]
    night.world.run(BACKUP.name)
    night.advance(minutes=20)
    # The report has had its chance. What runs after it waits for it now.
    assert first_pages(night) == ["ERROR nightly-backup silent", "ERROR report silent"]
    (page,) = [show for show in night.world.pages("first") if "report" in show.title]
    assert "mail waits for report." in page.text


def test_jobs_of_one_host_that_wait_page_in_an_incident_of_their_own(nights: list[Night]) -> None:
    night = night_of(nights, replace(BACKUP, host="db-1"), replace(REPORT, host="db-1"))
    night.advance(minutes=15)
    first = night.world.incident()["id"]
    night.world.acknowledge(first, minutes=240)
    night.world.run(BACKUP.name)
    night.advance(minutes=17)
    assert first_pages(night) == ["ERROR nightly-backup silent (db-1)", "ERROR report silent (db-1)"]
    assert night.world.incident()["id"] != first
