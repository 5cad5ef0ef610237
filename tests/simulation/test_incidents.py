"""What an incident is, told as stories: one trouble, one incident, and no word about it that is not so."""

from dataclasses import replace

import pytest

from alerting.severity import Severity
from tests.simulation.cast import HOUR, MINUTE, Job
from tests.simulation.night import OPS, Night, begin, titles
from tests.simulation.world import World

IMPORT = Job("import-feed", every=HOUR, host="twohost")
HOST = tuple(Job(f"job-{n:02}", every=10 * MINUTE, host="us") for n in range(11))


def test_a_job_that_fails_and_then_falls_silent_is_one_incident_told_once(nights: list[Night]) -> None:
    night = begin(nights, IMPORT)
    world = night.world
    world.ping("import-feed", signal="fail")
    night.advance(seconds=15)
    (page,) = world.pages("first")
    night.advance(minutes=61)
    assert world.state("import-feed") == "down silent"
    incident = world.incident()
    assert (incident["id"], incident["occurrence"]) == (page.incident, 1)
    told = world.shows(kind="update")
    assert {show.person for show in told} == {"first", "second"}
    assert len([show for show in told if show.person == "first"]) == 1
    assert world.shows(kind="recovered") == []
    assert page.ack_url is not None
    reply = world.knock("GET", page.ack_url.removeprefix("https://heartbeat.test"))
    assert reply is not None
    assert reply.status == 200
    assert b"silent" in reply.body


def test_an_acknowledgement_holds_when_the_cause_changes(nights: list[Night]) -> None:
    night = begin(nights, IMPORT)
    night.world.ping("import-feed", signal="fail")
    night.advance(seconds=15)
    night.world.acknowledge(night.world.incident()["id"], minutes=240)
    night.advance(minutes=62)
    assert night.world.state("import-feed") == "down silent"
    assert len(night.world.pages()) == 1
    assert night.world.incident()["state"] == "acknowledged"


def test_checks_with_different_policies_page_each_their_own_people(nights: list[Night]) -> None:
    idle = Job("tidy-tmp", every=10 * MINUTE, host="us", severity=Severity.INFO, policy="office")
    reset = Job("reset-cpu", every=20 * MINUTE, host="us", severity=Severity.CRITICAL)
    night = begin(nights, idle, reset)
    night.advance(minutes=12)
    assert [page.person for page in night.world.pages()] == ["third"]
    night.advance(minutes=9, seconds=15)
    assert [page.person for page in night.world.pages()] == ["third", "first"]


def test_what_is_worse_than_the_answer_pages_from_the_first_step_and_what_is_not_is_told(
    nights: list[Night],
) -> None:
    mild = [
        Job(f"mild-{n}", every=10 * MINUTE, grace=(1 + n) * MINUTE, host="us", severity=Severity.WARNING)
        for n in (0, 6)
    ]
    bad = Job("bad", every=10 * MINUTE, grace=4 * MINUTE, host="us", severity=Severity.CRITICAL)
    night = begin(nights, *mild, bad)
    night.advance(minutes=11, seconds=15)
    assert titles(night.world.pages()) == ["WARNING mild-0 silent (us)"]
    night.world.acknowledge(night.world.incident()["id"], minutes=240)
    night.advance(minutes=3)
    pages = night.world.pages("first")
    assert titles(pages)[1:] == ["CRITICAL us: 2 of 3 jobs silent"]
    assert night.world.incident()["occurrence"] == 2
    night.world.acknowledge(night.world.incident()["id"], minutes=240)
    night.advance(minutes=3, seconds=15)
    (update,) = night.world.shows("first", kind="update")
    assert update.title.startswith("+1 on us")
    assert len(night.world.pages()) == 2


def test_a_job_that_flips_each_minute_is_one_incident_that_climbs(nights: list[Night]) -> None:
    night = begin(nights, IMPORT)
    for _ in range(5):
        night.world.ping("import-feed", signal="fail")
        night.advance(minutes=1)
        night.world.ping("import-feed")
        night.advance(minutes=1)
    assert len(night.world.incidents(open_only=False)) == 1
    assert len(night.world.shows("first")) <= 4
    assert len(night.world.pages("second")) == 1
    assert night.world.shows(kind="recovered") == []
    # Four returns: it settles for 32 minutes, from the last recovery on.
    night.advance(minutes=30)
    assert night.world.shows(kind="recovered") == []
    night.advance(minutes=2)
    assert len(night.world.shows("first", kind="recovered")) == 1
    assert len(night.world.shows("second", kind="recovered")) == 1
    assert len(night.world.shows("first")) <= 4


def test_a_snooze_holds_for_a_job_that_flips(nights: list[Night]) -> None:
    night = begin(nights, IMPORT)
    night.world.ping("import-feed", signal="fail")
    night.advance(seconds=15)
    night.world.snooze(night.world.incident()["id"], minutes=60)
    for _ in range(6):
        night.world.ping("import-feed")
        night.advance(minutes=1)
        night.world.ping("import-feed", signal="fail")
        night.advance(minutes=1)
    assert len(night.world.pages()) == 1
    assert night.world.incident()["state"] == "snoozed"
    night.advance(minutes=49)
    assert len(night.world.pages("first")) == 2


def test_jobs_that_return_together_are_told_together(nights: list[Night]) -> None:
    night = begin(nights, *HOST)
    night.advance(minutes=12)
    assert len(night.world.pages("first")) == 1
    for job in HOST:
        night.world.ping(job.name)
        night.advance(seconds=5)
    night.advance(minutes=3)
    assert night.world.shows(kind="update") == []
    (told,) = night.world.shows("first", kind="recovered")
    assert told.title.startswith("OK us: all 11")


def test_what_goes_down_and_comes_back_in_a_window_is_heard_by_nobody(nights: list[Night]) -> None:
    down = Job("down", every=10 * MINUTE, host="us", severity=Severity.WARNING)
    others = [Job(f"other-{n}", every=20 * MINUTE, host="us", severity=Severity.CRITICAL) for n in range(3)]
    last = Job("last", every=25 * MINUTE, host="us", severity=Severity.CRITICAL)
    night = begin(nights, down, *others, last)
    night.advance(minutes=12)
    assert titles(night.world.pages()) == ["WARNING down silent (us)"]
    incident = night.world.incident()["id"]
    night.world.maintain(minutes=60, host="us")
    night.world.acknowledge(incident, minutes=60)
    night.advance(minutes=15)
    assert night.world.state("other-0") == "down silent"
    night.world.ping(*(job.name for job in others))
    night.advance(minutes=30)
    assert len(night.world.pages()) == 1
    assert night.world.shows(kind="update") == []
    night.advance(minutes=16)
    pages = night.world.pages("first")
    assert pages[-1].title.startswith("CRITICAL us is silent: all 5 jobs")
    assert pages[-1].names("last")


def test_what_is_worse_may_end_first_and_severity_falls(nights: list[Night]) -> None:
    mild = Job("mild", every=10 * MINUTE, host="us", severity=Severity.INFO)
    bad = Job("bad", every=10 * MINUTE, host="us", severity=Severity.CRITICAL)
    night = begin(nights, mild, bad)
    night.advance(minutes=11, seconds=15)
    assert titles(night.world.pages("first")) == ["CRITICAL us is silent: both jobs"]
    night.world.ping("bad")
    night.advance(minutes=5)
    assert titles(night.world.pages("second")) == ["INFO mild silent (us), 2nd page, unanswered for 5 min"]


def test_a_failed_job_and_a_silent_one_of_a_host_are_two_incidents(nights: list[Night]) -> None:
    night = begin(nights, IMPORT, replace(IMPORT, name="export"))
    night.world.ping("export", signal="fail")
    night.advance(minutes=61, seconds=15)
    assert [one["cause_key"] for one in night.world.incidents()] == [
        "failed:ops:check=export",
        "silent:ops:host=twohost",
    ]


@pytest.mark.parametrize("gathering", [0.0, 2.0])
def test_whoever_joins_while_others_are_told_is_told(gathering: float) -> None:
    jobs = [Job(f"job-{n:03}", every=10 * MINUTE, grace=60 + n * 0.03, host="us") for n in range(200)]
    with World(*jobs, policies=[OPS], gathering=gathering) as world:
        world.ping(*(job.name for job in jobs))
        world.advance(minutes=11, seconds=20)
        shows = world.shows("first")
        assert [show.kind for show in shows][:1] == ["page"]
        joined = world.disk.rows("SELECT count(*) AS n FROM symptoms WHERE told IS NULL")
        assert joined == [{"n": 0}]
        told = sum(int(show.title.split()[0]) for show in shows if show.kind == "update")
        paged = sum(show.names(job.name) for job in jobs for show in shows[:1])
        assert paged + told == len(jobs)
