"""The first sentences of screens, word for word."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest

from alerting import times
from alerting.escalation import Policy, Step
from alerting.incident import Incident
from alerting.incident import State as Life
from alerting.recap import PastAnswer, Recap
from alerting.severity import Severity
from heartbeat.checks import life
from heartbeat.checks.cause import Cause
from heartbeat.checks.check import Check, Ping, Raised, Signal, State, Tolerance, Tolerated
from heartbeat.checks.expectation import Expectation
from heartbeat.checks.progress import Amount
from heartbeat.checks.schedule import Cron, Every
from heartbeat.http.pages import summary
from heartbeat.http.pages.summary import Count, Words
from tests.unit.conftest import NOW, a_check

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
DAILY: dict[str, Any] = {"schedule": Cron("0 3 * * *", "UTC"), "grace": 15 * MINUTE}
OPEN = Incident(
    id=5,
    cause_key="silent:host=us",
    title="us",
    cause="silent",
    state=Life.OPEN,
    severity=Severity.CRITICAL,
    occurrence=1,
    policy=Policy("ops", (Step(("first",), 5 * MINUTE),)),
    step=1,
    opened_at=NOW,
    next_at=NOW + 20 * MINUTE,
)
ACKNOWLEDGED = replace(OPEN, state=Life.ACKNOWLEDGED, acknowledged_by="Ann", acknowledged_at=NOW + MINUTE)
HEARD = "last heard 12 s ago."
SNOOZED = replace(OPEN, state=Life.SNOOZED)


def plain(sentence: Words, now: datetime) -> str:
    """Return the sentence as text."""
    return "".join(
        f"{times.instant(part, now, 'UTC')} UTC" if isinstance(part, datetime) else part for part in sentence
    )


def heard(job: Check, at: datetime, signal: Signal = Signal.SUCCESS, status: int | None = None) -> Check:
    """Return the check after a ping."""
    return life.on_ping(job, Ping(signal, at, exit_status=status)).check


def count(newest: datetime | None = None, **states: int) -> Count:
    """Count checks by state."""
    return Count({State(state): number for state, number in states.items()}, newest)


@pytest.mark.parametrize(
    ("counted", "late", "incidents", "sentence"),
    [
        (count(), 0, {}, "Nothing is watched yet."),
        (count(NOW, up=11), 0, {}, f"All 11 checks are fine; {HEARD}"),
        (count(NOW, up=1), 0, {}, f"The only check is fine; {HEARD}"),
        (
            count(NOW, up=9, new=2),
            0,
            {},
            f"All 11 checks are fine; {HEARD} 2 have not been heard yet.",
        ),
        (count(NOW, up=9, paused=2), 0, {}, f"All 9 checks are fine; {HEARD}"),
        (
            Count({State.UP: 2}, NOW, failing=1),
            0,
            {},
            f"None of 2 checks is down; {HEARD} 1 failed its last run.",
        ),
        (
            Count({State.UP: 7}, NOW, failing=1, missing=2),
            1,
            {},
            f"1 of 7 checks is late, none is down; {HEARD} 1 failed its last run. 2 missed their last runs.",
        ),
        (
            Count({State.UP: 1}, NOW, missing=1),
            0,
            {},
            f"The only check is not down; {HEARD} It missed its last run.",
        ),
        (
            Count({State.NEW: 1}, None, failing=1),
            0,
            {},
            "The only check is not down. It failed its last run.",
        ),
        (count(NOW, up=11), 1, {}, f"1 of 11 checks is late, none is down; {HEARD}"),
        (
            count(NOW, up=9, new=2),
            2,
            {},
            f"2 of 11 checks are late, none is down; {HEARD} 2 have not been heard yet.",
        ),
        (count(NOW, up=1), 1, {}, f"The only check is late; {HEARD}"),
        (count(new=1), 1, {}, "The only check is late."),
        (count(new=1), 0, {}, "The only check has not been heard yet."),
        (count(new=2), 0, {}, "None of 2 checks has been heard yet."),
        (count(paused=1), 0, {}, "The only check is paused."),
        (count(paused=2), 0, {}, "All 2 checks are paused."),
        (count(NOW, up=7), 0, {Life.OPEN: 1}, "1 incident is open."),
        (count(NOW, up=7, down=4), 0, {Life.OPEN: 1}, "4 checks are down for one cause."),
        (
            count(NOW, up=7, down=1),
            0,
            {Life.ACKNOWLEDGED: 1},
            "1 check is down. It is acknowledged.",
        ),
        (
            count(NOW, up=7, down=3),
            2,
            {Life.OPEN: 1, Life.ACKNOWLEDGED: 1},
            "3 checks are down for 2 causes. 1 is acknowledged. 2 are late.",
        ),
        (count(NOW, down=3), 0, {Life.SNOOZED: 2}, "3 checks are down for 2 causes. All are snoozed."),
        (
            count(NOW, down=300),
            0,
            {Life.OPEN: 290, Life.SNOOZED: 10},
            "300 checks are down for 300 causes. 10 are snoozed.",
        ),
    ],
)
def test_the_overview_sums_up_all_checks_and_incidents(
    counted: Count, late: int, incidents: dict[Life, int], sentence: str
) -> None:
    assert plain(summary.overview(counted, late, incidents, NOW + timedelta(seconds=12)), NOW) == sentence


def test_the_overview_names_what_is_recovering_apart() -> None:
    fine = plain(summary.overview(count(NOW, up=7), 0, {}, NOW, 1), NOW)
    assert fine.endswith("1 incident is recovering.")
    down = plain(summary.overview(count(NOW, up=7, down=2), 0, {Life.OPEN: 1}, NOW, 2), NOW)
    assert down == "2 checks are down for one cause. 2 incidents are recovering."


def test_a_new_check_says_when_it_is_first_due() -> None:
    job = a_check(**DAILY)
    assert plain(summary.of_check(job, "", NOW + HOUR), NOW) == (
        "Not heard yet; first due 04 May 03:00 UTC, in 23 h."
    )


def test_a_resumed_check_says_when_it_is_next_due() -> None:
    job = life.resumed(life.paused(heard(a_check(), NOW), NOW, "admin").check, NOW).check
    assert plain(summary.of_check(job, "", NOW + MINUTE), NOW) == (
        "Last heard 03:00 UTC (1 min ago); next due 03:05 UTC, in 4 min."
    )


def test_a_check_that_is_up_says_when_it_was_heard_and_is_due() -> None:
    job = heard(a_check(**DAILY), NOW)
    assert plain(summary.of_check(job, "", NOW + HOUR), NOW) == (
        "Last heard 03:00 UTC (1 h ago); next due 04 May 03:00 UTC, in 23 h."
    )


def test_a_late_check_says_when_it_will_be_silent() -> None:
    job = heard(a_check(), NOW)
    assert plain(summary.of_check(job, "", NOW + 5.5 * MINUTE), NOW) == (
        "Late: due 03:05 UTC (30 s ago). It is down at 03:06 UTC if it stays silent."
    )


def test_a_late_check_whose_run_reports_its_progress_waits_for_its_end() -> None:
    job = heard(a_check(until_done=True, max_runtime=20 * HOUR), NOW)
    job = life.on_ping(job, Ping(Signal.PROGRESS, NOW + 4 * MINUTE, amount=Amount(1, 9))).check
    assert plain(summary.of_check(job, "", NOW + 10 * MINUTE), NOW) == (
        "Late: due 03:05 UTC (5 min ago). It is down at 04:04 UTC unless its run moves or ends."
    )


def test_a_stuck_check_says_how_far_it_is() -> None:
    job = heard(a_check(schedule=Every(HOUR), stuck_after=15 * MINUTE), NOW)
    job = life.on_ping(job, Ping(Signal.PROGRESS, NOW + 4 * MINUTE, amount=Amount(1, 9))).check
    change = life.on_due(job, NOW + 19 * MINUTE)
    assert isinstance(change.event, Raised)
    assert plain(summary.of_check(change.check, change.event.why, NOW + 20 * MINUTE), NOW) == (
        "Stuck since 03:19 UTC: no progress for 15 min, at 1 of 9 (11 %)."
    )


TOLERANT = a_check(alert_after=Tolerance(failures=3, missed=2))


def test_a_check_that_has_missed_a_run_says_how_many_it_may_miss() -> None:
    job = life.on_due(heard(TOLERANT, NOW), NOW + 6 * MINUTE).check
    assert plain(summary.of_check(job, "missed 1 of 2", NOW + 7 * MINUTE), NOW) == (
        "Late: due 03:05 UTC (2 min ago), missed 1 of 2. It is down at 03:11 UTC if it stays silent."
    )
    assert summary.tolerated(job) == "missed 1 of 2"


def test_a_check_that_has_failed_says_that_nobody_is_paged_yet() -> None:
    change = life.on_ping(TOLERANT, Ping(Signal.FAIL, NOW, exit_status=3))
    assert isinstance(change.event, Tolerated)
    assert plain(summary.of_check(change.check, change.event.why, NOW), NOW) == (
        "Failed at 03:00 UTC: exit status 3, failure 1 of 3. Nobody is paged yet; next due 03:05 UTC, in 5 min."
    )
    assert summary.tolerated(change.check) == "failed once, down after 3"
    assert summary.tolerated(heard(change.check, NOW, Signal.FAIL)) == "failed 2 times, down after 3"
    assert summary.tolerated(heard(change.check, NOW)) == ""


def test_a_silent_check_says_its_start_the_expected_time_and_the_next() -> None:
    london = heard(a_check(schedule=Cron("0 4 * * *", "Europe/London"), grace=15 * MINUTE), NOW)
    now = NOW + timedelta(days=1) + 16 * MINUTE
    down = life.on_due(london, now).check
    assert down.state is State.DOWN
    assert plain(summary.of_check(down, "was not heard in time", now), now) == (
        "Silent since 03:16 UTC, expected 03:00 UTC (04:00 Europe/London); last heard 03 May 03:00 UTC "
        "(24 h ago); next due 05 May 03:00 UTC (04:00 Europe/London), in 23 h 44 min."
    )


def test_a_silent_check_that_was_never_heard_says_so() -> None:
    now = NOW + 6 * MINUTE
    assert plain(summary.of_check(life.on_due(a_check(), now).check, "was never heard", now), now) == (
        "Silent since 03:06 UTC, expected 03:05 UTC; never heard."
    )


def test_a_failed_check_says_how() -> None:
    job = heard(a_check(), NOW, Signal.FAIL, 3)
    assert plain(summary.of_check(job, "exit status 3", NOW), NOW) == (
        "Failed at 03:00 UTC: exit status 3; next due 03:05 UTC, in 5 min."
    )


def test_a_check_that_overran_says_its_limit() -> None:
    job = life.on_due(heard(a_check(max_runtime=4 * MINUTE), NOW, Signal.START), NOW + 4 * MINUTE).check
    assert job.cause is Cause.OVERRUN
    assert plain(summary.of_check(job, "", NOW), NOW) == (
        "Overran at 03:04 UTC: still running after its maximum run time of 4 min."
    )


def test_an_unfinished_check_says_when_it_began_or_was_last_heard() -> None:
    by_six = Expectation(finish_by=time(6), timezone="UTC")
    job = heard(a_check(schedule=Cron("30 1 * * *", "UTC"), grace=12 * HOUR, expectation=by_six), NOW)
    six = NOW + 27 * HOUR
    silent = life.on_due(job, six).check
    assert plain(summary.of_check(silent, "not finished by 06:00 UTC", six), six) == (
        "Unfinished since 06:00 UTC: not finished by 06:00 UTC; last heard 03 May 03:00 UTC (27 h ago)."
    )
    running = life.on_due(heard(job, NOW + 24 * HOUR, Signal.START), six).check
    assert plain(summary.of_check(running, "not finished by 06:00 UTC", six), six) == (
        "Unfinished since 06:00 UTC: not finished by 06:00 UTC; started 03:00 UTC (3 h ago)."
    )


def test_a_late_check_says_by_which_time_of_day_it_must_have_succeeded() -> None:
    by_four = Expectation(finish_by=time(4), timezone="UTC")
    job = heard(a_check(schedule=Cron("10 3 * * *", "UTC"), grace=12 * HOUR, expectation=by_four), NOW)
    now = NOW + 30 * MINUTE
    assert plain(summary.of_check(job, "", now), now) == (
        "Late: due 03:10 UTC (20 min ago). It is down at 04:00 UTC unless it succeeds."
    )


def test_a_run_that_broke_an_expectation_says_which() -> None:
    job = heard(a_check(expectation=Expectation(min_runtime=MINUTE / 2)), NOW, Signal.START)
    job = heard(job, NOW + timedelta(seconds=2))
    assert plain(summary.of_check(job, "took 2 s instead of at least 30 s", NOW), NOW) == (
        "Ended too soon at 03:00 UTC: took 2 s instead of at least 30 s; next due 03:05 UTC, in 5 min."
    )


def test_a_paused_check_says_how_it_resumes() -> None:
    job = life.paused(a_check(), NOW, "admin").check
    assert plain(summary.of_check(job, "", NOW), NOW) == (
        "Paused since 03:00 UTC. It resumes with its next ping, or by hand."
    )
    manual = replace(job, manual_resume=True)
    assert plain(summary.of_check(manual, "", NOW), NOW) == (
        "Paused since 03:00 UTC. It resumes only by hand."
    )


def test_an_incident_says_who_is_paged_next() -> None:
    now = NOW + 12 * MINUTE

    def of(incident: Incident, *people: str, past: Recap = Recap(1), held: str = "") -> str:  # noqa: B008 - frozen
        return plain(summary.of_incident(incident, people, past, now, held=held), now)

    bob = PastAnswer("snoozed", "Bob", NOW)

    assert (
        of(OPEN, "Ann") == "Open since 03:00 UTC, for 12 min. Nobody has answered; Ann is paged at 03:20 UTC."
    )
    assert of(OPEN, "Ann", "Bob", "Cem").endswith("; Ann, Bob and Cem are paged at 03:20 UTC.")
    assert of(ACKNOWLEDGED) == "Acknowledged by Ann at 03:01 UTC; pages again at 03:20 UTC unless resolved."
    assert of(OPEN, "Ann", past=Recap()).endswith(" Nobody was paged yet; Ann is paged at 03:20 UTC.")
    assert of(OPEN, "Ann", past=Recap(), held="Maintenance holds its pages").endswith(
        " Maintenance holds its pages; Ann is paged at 03:20 UTC if it is still down then."
    )
    to_ann = summary.of_incident(OPEN, ["Ann"], Recap(1), now, reader="Ann")
    assert plain(to_ann, now).endswith("Nobody has answered; you are paged at 03:20 UTC.")
    handed_on = PastAnswer("acknowledged", "Ann", NOW, "handed on", "Ann")
    assert of(OPEN, "Bob", past=Recap(2, None, handed_on)).endswith(
        " Ann acknowledged it at 03:00 UTC and handed it on; Bob is paged at 03:20 UTC."
    )
    assert (
        of(SNOOZED, past=Recap(1, None, bob)) == "Snoozed by Bob; pages again at 03:20 UTC unless resolved."
    )
    over = replace(OPEN, state=Life.RESOLVED, next_at=None, resolved_at=now, resolved_by="recovery")
    assert of(over) == "Recovered at 03:12 UTC; it lasted 12 min."
    assert of(replace(over, resolved_by="admin")) == "Resolved by admin at 03:12 UTC; it lasted 12 min."


def test_resolving_says_what_stays_down() -> None:
    assert summary.resolving([]) == ["Paging stops, and everybody who was paged gets a message."]
    assert summary.resolving(["Invoices"])[1] == (
        "Still down: Invoices. It is expected again from now on, and pages if it stays silent."
    )
    assert summary.resolving([f"job-{n}" for n in range(7)])[1].startswith(
        "Still down: job-0, job-1, job-2, job-3, job-4 and 2 more. Each is expected again from now on"
    )


def test_times_to_come_are_relative() -> None:
    at = datetime(2024, 5, 3, 4, 30, tzinfo=UTC)
    assert summary.ahead(at, NOW) == "in 1 h 30 min"
    assert summary.ahead(NOW, NOW) == "now"
