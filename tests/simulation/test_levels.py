"""Levels, told as stories: when several hosts are one trouble, and when they are not."""

from dataclasses import replace

from alerting.severity import Severity
from tests.simulation.cast import HOUR, MINUTE, Job
from tests.simulation.night import Night, begin, titles

LEVELS = ("region", "host")


def jobs(region: str, host: str, count: int, grace: float = MINUTE, first: int = 0) -> list[Job]:
    return [
        Job(f"{host}-{n}", every=10 * MINUTE, grace=grace, host=host, region=region)
        for n in range(first, first + count)
    ]


WEB, DB = jobs("us", "us-web", 3), jobs("us", "us-db", 2)
ELSEWHERE = Job("eu-web-0", every=10 * MINUTE, host="eu-web", region="eu")


def night_of(nights: list[Night], *cast: Job, running: tuple[Job, ...] = ()) -> Night:
    return begin(nights, *cast, running=tuple(job.name for job in running), levels=LEVELS)


def keys(night: Night) -> list[str]:
    return sorted(one["cause_key"] for one in night.world.incidents())


def test_a_region_that_falls_silent_is_one_incident_and_one_page(nights: list[Night]) -> None:
    night = night_of(nights, *WEB, *DB, ELSEWHERE, running=(ELSEWHERE,))
    night.advance(minutes=12)
    assert titles(night.world.pages("first")) == ["ERROR us is silent: all 5 jobs"]
    assert keys(night) == ["silent:ops:region=us>="]


def test_a_host_that_falls_silent_is_no_trouble_of_its_region(nights: list[Night]) -> None:
    night = night_of(nights, *WEB, *DB, running=tuple(DB))
    night.advance(minutes=12)
    (page,) = night.world.pages("first")
    assert page.title == "ERROR us-web is silent: all 3 jobs"
    assert "us: 2 of 5 fine" in page.text
    assert keys(night) == ["silent:ops:region=us>host=us-web"]


def test_one_job_of_a_host_is_no_trouble_of_its_host(nights: list[Night]) -> None:
    night = night_of(nights, *WEB, *DB, running=(*WEB[1:], *DB))
    night.advance(minutes=12)
    assert titles(night.world.pages("first")) == ["ERROR us-web-0 silent (us-web)"]
    assert keys(night) == ["silent:ops:region=us>host=us-web"]


def test_a_region_of_one_host_is_called_by_its_host(nights: list[Night]) -> None:
    night = night_of(nights, *WEB)
    night.advance(minutes=12)
    assert titles(night.world.pages("first")) == ["ERROR us-web is silent: all 3 jobs"]


def test_a_job_that_runs_in_two_regions_and_is_silent_in_one_says_so(nights: list[Night]) -> None:
    here = Job("reset-us", every=10 * MINUTE, host="us-web", region="us", called="cpu-reset")
    there = replace(here, name="reset-eu", host="eu-web", region="eu")
    night = night_of(nights, here, there, *DB, running=(there, *DB))
    night.advance(minutes=12)
    assert titles(night.world.pages("first")) == ["ERROR cpu-reset is silent in us, fine in eu"]


def test_a_job_that_is_silent_in_both_regions_is_fine_in_neither(nights: list[Night]) -> None:
    here = Job("reset-us", every=10 * MINUTE, host="us-web", region="us", called="cpu-reset")
    there = replace(here, name="reset-eu", host="eu-web", region="eu")
    night = night_of(nights, here, there, *DB, running=tuple(DB))
    night.advance(minutes=12)
    # Two incidents of one moment go out side by side, in either order.
    assert sorted(titles(night.world.pages("first"))) == [
        "ERROR cpu-reset silent (eu-web)",
        "ERROR cpu-reset silent (us-web)",
    ]


def test_an_incident_grows_to_its_region_and_pages_nobody_again(nights: list[Night]) -> None:
    late = jobs("us", "us-db", 2, grace=20 * MINUTE)
    night = night_of(nights, *WEB, *late)
    night.advance(minutes=12)
    assert titles(night.world.pages("first")) == ["ERROR us-web is silent: all 3 jobs"]
    number = night.world.incident()["id"]
    night.world.acknowledge(number, minutes=240)
    night.advance(minutes=20)
    assert keys(night) == ["silent:ops:region=us>="]
    assert night.world.incident()["id"] == number
    assert len(night.world.pages("first")) == 1
    (update,) = night.world.shows("first", kind="update")
    assert update.title == "+2 in us (5 of 5 silent)"


def test_hosts_that_fall_one_after_the_other_page_as_hosts_and_the_region_pages_nobody(
    nights: list[Night],
) -> None:
    # The second host is heard after the first is silent: they are two troubles, however the night goes on.
    night = night_of(nights, *WEB, *DB)
    night.advance(minutes=9)
    night.world.ping(*(job.name for job in DB))
    night.advance(minutes=3)
    night.world.ping(*(job.name for job in DB))
    night.advance(minutes=12)
    assert sorted(titles(night.world.pages("first"))) == [
        "ERROR us-db is silent: both jobs",
        "ERROR us-web is silent: all 3 jobs",
    ]
    assert keys(night) == ["silent:ops:region=us>host=us-db", "silent:ops:region=us>host=us-web"]


def test_an_old_silence_is_not_the_trouble_of_today(nights: list[Night]) -> None:
    # The only job of one host has been silent for hours and is acknowledged. It swallows no other host.
    old = Job("us-old-0", every=10 * MINUTE, host="us-old", region="us")
    night = night_of(nights, old, *WEB, running=tuple(WEB))
    night.advance(minutes=12)
    night.world.acknowledge(night.world.incident()["id"], minutes=24 * 60)
    night.advance(minutes=120)
    night.world.stop(*(job.name for job in WEB))
    night.advance(minutes=12)
    assert titles(night.world.pages("first"))[-1] == "ERROR us-web is silent: all 3 jobs"
    assert keys(night) == ["silent:ops:region=us>host=us-old", "silent:ops:region=us>host=us-web"]


def test_a_failed_job_is_alive_and_its_region_is_not_silent(nights: list[Night]) -> None:
    night = night_of(nights, *WEB, *DB)
    night.advance(minutes=9)
    night.world.ping(DB[0].name, signal="fail")
    night.advance(minutes=3)
    assert "silent:ops:region=us>=" not in keys(night)
    assert "silent:ops:region=us>host=us-web" in keys(night)


def test_a_host_under_maintenance_says_nothing_about_its_region(nights: list[Night]) -> None:
    night = night_of(nights, *WEB, *DB)
    night.world.maintain(minutes=60, host="us-db")
    night.advance(minutes=12)
    assert titles(night.world.pages("first")) == ["ERROR us-web is silent: all 3 jobs"]
    assert keys(night) == ["silent:ops:region=us>host=us-db", "silent:ops:region=us>host=us-web"]


def test_policies_of_a_silent_region_page_each_their_own_people(nights: list[Night]) -> None:
    office = [replace(job, policy="office") for job in DB]
    night = night_of(nights, *WEB, *office)
    night.advance(minutes=12)
    assert sorted(page.person for page in night.world.pages()) == ["first", "third"]
    assert keys(night) == ["silent:office:region=us>=", "silent:ops:region=us>="]


def test_a_job_that_returns_and_falls_again_stays_with_its_region(nights: list[Night]) -> None:
    night = night_of(nights, *WEB, *DB)
    night.advance(minutes=12)
    number = night.world.incident()["id"]
    night.world.ping(WEB[0].name, DB[0].name)
    # Long enough for these recoveries to settle: it falls as a new symptom, beside others of its host.
    night.advance(minutes=12)
    assert [one["id"] for one in night.world.incidents()] == [number]


def test_a_region_that_recovers_in_part_counts_what_is_left(nights: list[Night]) -> None:
    night = night_of(nights, *WEB, *DB)
    night.advance(minutes=12)
    night.world.run(*(job.name for job in DB))
    night.advance(minutes=4)
    shows = night.world.shows("first", kind="update")
    assert shows[-1].title == "2 back in us (3 of 5 silent)"


def test_worse_jobs_of_a_region_page_although_its_first_host_was_answered(nights: list[Night]) -> None:
    worse = [replace(job, severity=Severity.CRITICAL) for job in jobs("us", "us-db", 2, grace=20 * MINUTE)]
    night = night_of(nights, *WEB, *worse)
    night.advance(minutes=12)
    night.world.acknowledge(night.world.incident()["id"], minutes=240)
    night.advance(minutes=20)
    assert titles(night.world.pages("first"))[-1].startswith("CRITICAL us is silent: all 5 jobs")


def test_checks_without_a_region_stand_alone(nights: list[Night]) -> None:
    alone = Job("alone", every=HOUR, host="us-web")
    night = night_of(nights, alone)
    night.advance(minutes=62)
    assert keys(night) == ["silent:ops:check=alone"]
