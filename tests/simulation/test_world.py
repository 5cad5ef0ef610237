"""Nights on call, told as stories: each begins with a job and ends with what a phone showed."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from urllib.parse import urlsplit

import pytest

from alerting.escalation import Policy
from alerting.severity import Severity
from heartbeat.checks.check import State
from tests.simulation import cast
from tests.simulation.cast import DAY, HOUR, MINUTE, Job
from tests.simulation.process import Point
from tests.simulation.providers import Ill, Show, ntfy, webhook
from tests.simulation.referee import Referee
from tests.simulation.verdict import Verdict
from tests.simulation.world import World

RESET = Job("daily-cpu-reset", every=10 * MINUTE, host="us-housekeeping", severity=Severity.CRITICAL)
SILENT = tuple(Job(f"silent-{n}", every=10 * MINUTE, host="us-housekeeping") for n in range(3))
WELL = tuple(Job(f"well-{n}", every=10 * MINUTE, host="us-housekeeping") for n in range(7))
EUROPE = tuple(Job(f"eu-{n}", every=10 * MINUTE, host="eu-housekeeping") for n in range(11))
HOUSEKEEPING = (RESET, *SILENT, *WELL, *EUROPE)
LONELY = Job("backup", every=HOUR)


@pytest.fixture
def world() -> Iterator[World]:
    """One job, which has run once and then falls silent when its time comes."""
    with World(LONELY) as world:
        world.ping("backup")
        yield world


def titles(shows: list[Show]) -> list[str]:
    return [show.title for show in shows]


def fail_and_page(world: World) -> None:
    """The job says that it failed, and the first responder's phone rings."""
    world.ping("backup", signal="fail")
    world.advance(seconds=15)
    assert titles(world.pages("first")) == ["ERROR backup failed"]


def test_a_silence_becomes_a_page_an_answer_and_a_recovery(world: World) -> None:
    world.advance(minutes=60)
    assert world.state("backup") == "up"
    world.advance(minutes=1, seconds=1)
    assert world.state("backup") == "down silent"
    world.advance(seconds=11)
    assert titles(world.pages("first")) == ["ERROR backup silent"]
    world.acknowledge(world.incident()["id"], by="First responder", occurrence=1)
    world.advance(minutes=30)
    assert len(world.pages()) == 1, "nobody is paged while somebody is on it"
    world.ping("backup")
    world.advance(minutes=2, seconds=5)
    assert world.incidents() == []
    assert titles(world.shows("first", kind="recovered")) == [
        "OK backup: fine since 04:31 UTC, silent for 30 min"
    ]


def test_four_of_eleven_jobs_make_one_page_that_says_who_is_alive() -> None:
    with World(*HOUSEKEEPING) as world:
        world.run(*(job.name for job in HOUSEKEEPING))
        world.advance(minutes=30)
        world.stop(RESET.name, *(job.name for job in SILENT))
        world.advance(minutes=11, seconds=30)
        (page,) = world.pages("first")
        assert page.title == "CRITICAL us-housekeeping: 4 of 11 jobs silent"
        assert all(page.names(job.name) for job in (RESET, *SILENT))
        assert "7 other jobs on us-housekeeping are fine" in page.text
        assert "The other host is fine." in page.text


def test_who_joins_later_is_told_in_the_same_thread_also_after_an_answer() -> None:
    late = tuple(replace(job, grace=5 * MINUTE) for job in SILENT[:2])
    with World(RESET, *late, *WELL) as world:
        world.run(*(job.name for job in WELL))
        world.ping(RESET.name, *(job.name for job in late))
        world.advance(minutes=11, seconds=15)
        (page,) = world.pages("first")
        world.acknowledge(world.incident()["id"], by="first")
        world.advance(minutes=4, seconds=15)
        (told,) = world.shows("first", kind="update")
        assert told.title == "+2 on us-housekeeping (3 of 10 silent)"
        assert told.dedup == page.dedup
        assert len(world.pages("first")) == 1


def test_what_recovers_is_told_once_it_has_settled_and_the_last_ends_it() -> None:
    with World(RESET, SILENT[0]) as world:
        world.ping(RESET.name, SILENT[0].name)
        world.advance(minutes=11, seconds=15)
        world.ping(RESET.name)
        world.advance(minutes=2, seconds=5)
        assert titles(world.shows("first", kind="update")) == ["1 back on us-housekeeping (1 of 2 silent)"]
        world.ping(SILENT[0].name)
        world.advance(minutes=2, seconds=5)
        assert titles(world.shows("first", kind="recovered")) == [
            "OK us-housekeeping: both jobs fine since 03:13 UTC"
        ]


def test_steps_come_in_order_and_the_last_repeats_until_somebody_answers(world: World) -> None:
    fail_and_page(world)
    world.advance(minutes=2)
    assert len(world.pages("second")) == 1
    world.advance(minutes=30)
    assert len(world.pages("second")) == 11, "one every three minutes, for ever"


def test_a_dead_contact_hands_over_to_the_next_within_seconds(world: World) -> None:
    world.spoil("first/1", Ill.GONE)
    world.ping("backup", signal="fail")
    world.advance(seconds=20)
    assert [page.contact for page in world.pages("first")] == ["first/2"]


def test_a_provider_that_is_broken_for_an_hour_loses_nothing() -> None:
    with World(LONELY, policies=[Policy("ops", (cast.step("third", minutes=60),))]) as world:
        world.spoil("third/1", Ill.BROKEN, minutes=55)
        world.ping("backup", signal="fail")
        world.advance(minutes=55)
        assert world.pages() == []
        world.advance(minutes=5)
        assert len(world.pages("third")) == 1


@pytest.mark.parametrize("hanging", [False, True])
def test_a_database_that_is_away_when_a_send_is_to_be_recorded_costs_no_second_page(
    world: World, hanging: bool
) -> None:
    world.ping("backup", signal="fail")
    world.advance(seconds=9)
    while not world.pages("first"):
        world.advance(seconds=0.005)
    world.lose_database(seconds=6, hanging=hanging)
    world.advance(seconds=90)
    assert len(world.pages("first")) == 1
    (page,) = world.disk.rows("SELECT state FROM pages WHERE kind = 'page'")
    assert page["state"] == "delivered"
    (attempt,) = world.disk.rows("SELECT outcome FROM attempts")
    assert attempt["outcome"] == "accepted"


def test_a_storm_against_a_rate_limit_becomes_a_digest_that_names_every_cause() -> None:
    lonely = [Job(f"job-{n:02}", every=HOUR, policy="solo") for n in range(30)]
    with World(*lonely, policies=[Policy("solo", (cast.step("third", minutes=60),))]) as world:
        world.spoil("third/1", Ill.LIMITED, minutes=3, retry_after=30)
        world.ping(*(job.name for job in lonely), signal="fail")
        world.advance(minutes=20)
        (digest,) = world.shows("third")
        assert all(job.name in digest.text for job in lonely)


def test_a_storm_of_2000_hosts_is_three_messages_and_one_press_answers_each() -> None:
    hosts = [Job(f"h{n}-job", every=HOUR, host=f"h{n}", policy="solo") for n in range(2000)]
    worse = Job("core", every=DAY, severity=Severity.CRITICAL, policy="solo")
    policy = Policy("solo", (cast.step("third", "fourth", minutes=60),))
    people = [cast.THIRD, cast.person("fourth", ntfy("fourth/1"))]
    with World(*hosts, worse, people=people, policies=[policy], gathering=10.0) as world:
        for second in range(50):
            world.ping(*(host.name for host in hosts[second * 40 : second * 40 + 40]))
            world.advance(seconds=1)
        world.advance(minutes=63)
        digests = world.shows("third")
        counts = [
            int(re.findall(r"([\d,]+) incidents: ", show.title)[0].replace(",", "")) for show in digests
        ]
        assert (sum(counts), len(digests) <= 3) == (2000, True)
        assert all(len(show.text) < 4000 for show in digests)
        for show in digests:
            assert show.ack_url is not None
            reply = world.knock("POST", urlsplit(show.ack_url).path)
            assert reply is not None
            assert reply.status == 200
        world.advance(minutes=1)
        assert {incident["state"] for incident in world.incidents()} == {"acknowledged"}
        pressed_at = world.time - MINUTE
        assert world.shows("third", since=pressed_at) == [], "nobody hears of what they did themselves"
        told = world.shows("fourth", since=pressed_at)
        assert {show.kind for show in told} == {"acknowledged"}
        assert len(told) <= 3
        world.ping("core", signal="fail")
        world.advance(seconds=15)
        assert world.shows("third")[-1].title.startswith("CRITICAL core")


def test_a_death_between_sending_and_recording_costs_one_duplicate_of_the_same_name(world: World) -> None:
    world.ping("backup", signal="fail")
    world.crash_at(Point.AFTER_SEND)
    world.advance(minutes=1)
    first, second = world.pages("first")
    assert (first.notice, first.dedup) == (second.notice, second.dedup)


def test_an_acknowledgement_expires_and_pages_again(world: World) -> None:
    fail_and_page(world)
    world.acknowledge(world.incident()["id"], minutes=20)
    world.advance(minutes=19)
    assert len(world.pages()) == 1
    world.advance(minutes=1, seconds=5)
    assert len(world.pages("first")) == 2
    assert world.incident()["occurrence"] == 2


def test_a_snooze_ends(world: World) -> None:
    fail_and_page(world)
    world.snooze(world.incident()["id"], minutes=20)
    world.advance(minutes=20, seconds=5)
    assert len(world.pages("first")) == 2


def test_the_button_of_an_old_page_does_not_silence_the_new_occurrence(world: World) -> None:
    fail_and_page(world)
    (page,) = world.pages("first")
    world.acknowledge(world.incident()["id"], minutes=20)
    world.advance(minutes=20, seconds=5)
    assert page.ack_url is not None
    reply = world.knock("POST", page.ack_url.removeprefix("https://heartbeat.test"))
    assert reply is not None
    assert reply.status == 409
    assert world.incident()["state"] == "open"


def test_looking_at_the_link_of_a_page_answers_nothing(world: World) -> None:
    fail_and_page(world)
    (page,) = world.pages("first")
    assert page.ack_url is not None
    world.knock("GET", page.ack_url.removeprefix("https://heartbeat.test"))
    assert world.incident()["state"] == "open"
    world.knock("POST", page.ack_url.removeprefix("https://heartbeat.test"))
    assert world.incident()["state"] == "acknowledged"


def test_a_job_that_was_never_heard_is_missed(world: World) -> None:
    with World(LONELY) as fresh:
        fresh.advance(minutes=61, seconds=15)
        assert titles(fresh.pages("first")) == ["ERROR backup silent"]


def test_a_paused_job_is_not_missed_and_a_resumed_one_is_again(world: World) -> None:
    world.pause("backup")
    world.advance(hours=3)
    assert world.pages() == []
    world.resume("backup")
    world.advance(minutes=61, seconds=15)
    assert len(world.pages("first")) == 1


POLL = Job("poll", every=10 * MINUTE, failures=3, missed=2)


@pytest.fixture
def poll() -> Iterator[World]:
    """A job that tolerates two failures and one missed run, under the eyes of a referee."""
    with World(POLL) as world:
        referee = Referee(world)
        world.ping("poll")
        yield world
        referee.look()
        Verdict(referee).give()


def test_the_third_failure_in_a_row_pages_also_after_a_crash(poll: World) -> None:
    for _ in range(2):
        poll.ping("poll", signal="fail")
        poll.advance(minutes=1)
    poll.crash(downtime=30)
    poll.advance(minutes=2)
    assert (poll.state("poll"), poll.shows()) == ("up", [])
    poll.ping("poll", signal="fail")
    poll.advance(seconds=15)
    assert titles(poll.pages("first")) == ["ERROR poll failed"]


def test_a_success_between_failures_keeps_everybody_asleep(poll: World) -> None:
    for signal in ("fail", "fail", "success", "fail", "fail"):
        poll.ping("poll", signal=signal)
        poll.advance(minutes=1)
    assert (poll.state("poll"), poll.shows()) == ("up", [])


def test_the_second_missed_run_pages_and_the_first_does_not(poll: World) -> None:
    poll.advance(minutes=20, seconds=50)
    assert (poll.state("poll"), poll.shows()) == ("up", [])
    poll.advance(seconds=30)
    assert titles(poll.pages("first")) == ["ERROR poll silent"]


def test_a_lower_tolerance_pages_for_what_has_failed_often_enough(poll: World) -> None:
    for _ in range(2):
        poll.ping("poll", signal="fail")
        poll.advance(minutes=1)
    poll.redefine("poll", failures=2)
    poll.advance(seconds=20)
    assert titles(poll.pages("first")) == ["ERROR poll failed"]


def test_a_deadline_that_passed_while_nobody_could_hear_makes_its_check_unknown_until_the_next_one(
    world: World,
) -> None:
    world.crash(downtime=2 * HOUR)
    world.advance(hours=2, minutes=60, seconds=50)
    assert (world.pages(), world.state("backup")) == ([], "new")
    world.advance(seconds=30)
    assert titles(world.pages("first")) == ["ERROR backup silent"]


def test_a_blindness_is_told_once_and_wakes_nobody(world: World) -> None:
    world.crash(downtime=2 * HOUR)
    world.advance(hours=2, minutes=16)
    (told,) = world.shows()
    assert told.kind == "recovered"
    assert told.title == "heartbeat could not hear pings for 2 h"


def look(world: World, seconds: int) -> None:
    """Let time pass while the alarm for lost sight looks every five seconds."""
    for _ in range(seconds // 5):
        world.advance(seconds=5)
        world._run(world.machine.while_alive(world.machine.system.beside.sight_alarm.watch()))


def test_a_blindness_that_lasts_is_told_once_while_nothing_is_judged_and_once_when_it_is_over() -> None:
    """Whatever takes pings is gone, and the process that judges and pages goes on."""
    people = [cast.person("first", webhook("first/1")), cast.person("second", webhook("second/1"))]
    policies = [Policy("ops", (cast.step("first", minutes=30), cast.step("second", minutes=30)))]
    with World(replace(LONELY, policy="ops"), people=people, policies=policies) as world:
        world.ping("backup")
        world.advance(minutes=55)
        look(world, 5)
        assert world.machine._beating is not None
        world.machine._beating.cancel()
        look(world, 10 * 60)
        told = world.shows()
        assert {show.person for show in told} == {"first", "second"}
        assert len(told) == 2
        assert re.fullmatch(r"heartbeat on \S+ has been blind since \d\d:\d\d UTC", told[0].title)
        assert world.state("backup") == "up", "it was due, and nobody could hear it"
        world.machine._beating = world.machine.loop.create_task(world.machine.system.beside.liveness.run())
        look(world, 2 * 60)
        over, other, report = titles(world.shows()[2:])
        assert over == other
        assert re.fullmatch(r"OK: heartbeat on \S+ hears pings again", over)
        assert report == "heartbeat could not hear pings for 10 min"
        assert world.check("backup").state is State.UNKNOWN


def test_a_ping_that_comes_later_with_its_own_time_makes_an_unknown_check_known(world: World) -> None:
    due = world.now + timedelta(hours=1)
    world.crash(downtime=2 * HOUR)
    world.advance(hours=2, seconds=30)
    assert world.check("backup").state is State.UNKNOWN
    sent = f"/ping/{world.uuids['backup']}?at={due:%Y-%m-%dT%H:%M:%SZ}"
    for _ in range(2):
        reply = world.knock("GET", sent)
        assert reply is not None
        assert reply.status == 200
    check = world.check("backup")
    assert (check.state, check.pings, world.pages()) == (State.UP, 2, [])
    world.advance(minutes=61)
    assert titles(world.pages("first")) == ["ERROR backup silent"]


def test_a_clock_that_is_set_back_erases_no_deadline(world: World) -> None:
    world.advance(minutes=30)
    world.step_clock(-60)
    world.advance(minutes=32, seconds=15)
    assert titles(world.pages("first")) == ["ERROR backup silent"]


def test_a_database_hangs_no_longer_than_the_weather_is_bad(world: World) -> None:
    world.lose_database(seconds=600, hanging=True)
    world.advance(seconds=20)
    world.mend()
    world.advance(seconds=5)
    assert len(world.disk.rows("SELECT id FROM blind_spans")) == 1, "the service sees again within seconds"


def test_a_time_away_ends_when_the_service_is_back(world: World) -> None:
    world.crash(downtime=1800)
    world.suspend(seconds=40)
    world.mend()
    world.advance(seconds=5)
    (_, back), (_, ends) = world.journal.downtimes
    assert back <= world.time
    assert ends <= world.time


def test_resolving_by_hand_arms_the_job_afresh(world: World) -> None:
    fail_and_page(world)
    world.resolve(world.incident()["id"])
    assert world.incidents() == []
    world.advance(minutes=61, seconds=15)
    assert titles(world.pages("first")) == ["ERROR backup failed", "ERROR backup silent"]


def test_a_hanging_provider_delays_nobody_else() -> None:
    people = [cast.person("first", webhook("first/1")), cast.person("second", webhook("second/1"))]
    policies = [
        Policy("ops", (cast.step("first", minutes=30),)),
        Policy("solo", (cast.step("second", minutes=30),)),
    ]
    jobs = [Job(f"job-{n:02}", every=HOUR, policy="ops") for n in range(40)]
    well = Job("well", every=HOUR, policy="solo", severity=Severity.INFO)
    with World(*jobs, well, people=people, policies=policies) as world:
        world.spoil("first/1", Ill.HANGS)
        world.ping(*(job.name for job in jobs), signal="fail")
        world.ping("well", signal="fail")
        world.advance(seconds=50)
        assert len(world.pages("second")) == 1


REPORT = Job("report", every=HOUR, host="vault")
ARCHIVE = Job("archive", every=2 * HOUR, host="vault", severity=Severity.WARNING)


@pytest.fixture
def vault() -> Iterator[World]:
    """Two jobs on one host; a referee who was there from the beginning has the last word."""
    with World(REPORT, ARCHIVE) as world:
        referee = Referee(world)
        world.ping("report", "archive")
        yield world
        for _ in range(10):
            world.advance(seconds=30)
            referee.look()
        Verdict(referee).give()


def test_what_falls_silent_under_maintenance_is_paged_for_at_its_end(vault: World) -> None:
    vault.advance(minutes=50)
    vault.maintain(minutes=90, host="vault")
    vault.advance(minutes=89, seconds=55)
    assert vault.state("report") == "down silent"
    assert vault.pages() == []
    vault.advance(seconds=10)
    assert titles(vault.pages("first")) == ["ERROR vault is silent: both jobs"]


def test_what_comes_back_under_maintenance_pages_nobody(vault: World) -> None:
    vault.advance(minutes=50)
    vault.maintain(minutes=60, host="vault")
    vault.advance(minutes=20)
    assert vault.state("report") == "down silent"
    vault.ping("report")
    vault.advance(minutes=45)
    assert vault.incidents() == []
    assert vault.shows() == []


def test_maintenance_that_ends_early_pages_at_once(vault: World) -> None:
    vault.advance(minutes=50)
    number = vault.maintain(minutes=240, host="vault")
    vault.advance(minutes=20)
    assert vault.pages() == []
    assert number is not None
    vault.end_maintenance(number)
    vault.advance(seconds=5)
    assert len(vault.pages("first")) == 1


def test_who_joins_from_outside_of_the_maintenance_brings_the_page_forward() -> None:
    other = Job("other", every=90 * MINUTE, host="vault")
    with World(REPORT, other) as world:
        world.ping("report", "other")
        world.advance(minutes=50)
        world.maintain(minutes=240, host="vault")
        world.advance(minutes=20)
        (held,) = world.incidents()
        world.redefine("other", host="elsewhere")
        world.advance(minutes=21, seconds=20)
        (page,) = world.pages("first")
        assert page.incident != held["id"]
        assert page.names("other")
        assert world.incidents()[0]["step"] == 0, "the first is still held"


def test_a_crash_forgets_no_hold_and_holds_nothing_for_longer(vault: World) -> None:
    vault.advance(minutes=50)
    vault.maintain(minutes=60, host="vault")
    vault.advance(minutes=11, seconds=2)
    vault.crash(downtime=30.0)
    vault.advance(minutes=3, seconds=58)
    assert vault.state("report") == "down silent"
    vault.crash(downtime=300.0)
    vault.advance(minutes=44, seconds=50)
    assert vault.pages() == []
    vault.crash_at(Point.BEFORE_COMMIT, downtime=40.0)
    vault.advance(seconds=70)
    assert len(vault.pages("first")) == 1
