"""The strip shows past decisions: a cell for each run, and nothing that is not known."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest

from heartbeat.checks import check
from heartbeat.checks import life as check_life
from heartbeat.checks.cause import Cause
from heartbeat.checks.check import Check, Ping, Raised, Signal, State, Tolerance, Tolerated, Verdict
from heartbeat.checks.expectation import Expectation
from heartbeat.checks.history import Transition
from heartbeat.checks.schedule import Cron, Every
from heartbeat.checks.time_of_day import Window
from heartbeat.http.pages import run_strip
from heartbeat.http.pages.run_strip import Cell, EndedRun, Outcome
from heartbeat.pings.store import KEEP
from tests.unit.conftest import NOW, a_check

DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
DAILY: dict[str, Any] = {"schedule": Cron("0 3 * * *", "UTC"), "grace": timedelta(minutes=15)}
THREE = datetime(2024, 5, 3, 3, 0, tzinfo=UTC)

On, Late, Missed, Failed, Over = (
    Outcome.ON_TIME,
    Outcome.LATE,
    Outcome.MISSED,
    Outcome.FAILED,
    Outcome.OVERRAN,
)


class Life:
    """A check as it is lived: every ping and every silence goes through the decisions of `check`."""

    def __init__(self, job: Check) -> None:
        self.job = job
        self.heard: list[EndedRun] = []
        self.changes: list[Transition] = []

    def ping(self, at: datetime, signal: Signal = Signal.SUCCESS) -> "Life":
        """One ping; the silences before it are noticed when they begin."""
        self.until(at)
        change = check_life.on_ping(self.job, Ping(signal, at))
        self.heard.append(EndedRun(len(self.heard) + 1, at, signal, change.duration))
        self._take(replace(change, check=replace(change.check, pings=len(self.heard))), at)
        return self

    def until(self, at: datetime) -> "Life":
        """Time passes."""
        while (wake := self.job.wake_at) is not None and wake <= at:
            self._take(check_life.on_due(self.job, wake), wake)
        return self

    def pause(self, at: datetime) -> "Life":
        """A human pauses it."""
        self.until(at)
        self._take(check_life.paused(self.job, at, "admin"), at)
        return self

    def resume(self, at: datetime) -> "Life":
        """A human resumes it."""
        self._take(check_life.resumed(self.job, at), at)
        return self

    def cells(self, now: datetime, limit: int = run_strip.RUNS) -> list[Cell]:
        """The strip as it is `now`."""
        return run_strip.cells(self.job, self.heard, self.changes, now, limit)

    def outcomes(self, now: datetime, limit: int = run_strip.RUNS) -> list[Outcome]:
        """Only how the runs ended."""
        return [cell.outcome for cell in self.cells(now, limit)]

    def _take(self, change: check.Change, at: datetime) -> None:
        previous, self.job = self.job, change.check
        if (previous.state, previous.cause) != (self.job.state, self.job.cause) or isinstance(
            change.event, Raised | Tolerated
        ):
            why = change.event.why if change.event else ""
            cause = change.event.cause if isinstance(change.event, Tolerated) else self.job.cause
            self.changes.append(Transition(0, at, self.job.state, cause, why))


def test_a_check_that_was_never_heard_has_no_cell_until_it_is_silent() -> None:
    life = Life(a_check())
    assert life.cells(NOW) == []
    assert life.until(NOW + HOUR).outcomes(NOW + 7 * MINUTE) == [Missed]


def test_a_run_within_its_grace_is_on_time() -> None:
    life = Life(a_check(**DAILY))
    for day in range(5):
        life.ping(THREE + day * DAY + timedelta(minutes=14))
    assert life.outcomes(THREE + 5 * DAY) == [On] * 5


def test_a_run_that_comes_after_its_grace_is_late_and_has_one_cell() -> None:
    life = Life(a_check(**DAILY)).ping(THREE).ping(THREE + DAY + 4 * HOUR).ping(THREE + 2 * DAY)
    assert life.outcomes(THREE + 2 * DAY + HOUR) == [On, Late, On]


TOLERANT = DAILY | {"alert_after": Tolerance(failures=2, missed=3)}


def test_a_tolerated_miss_has_a_cell_at_once() -> None:
    life = Life(a_check(**TOLERANT)).ping(THREE).until(THREE + DAY + HOUR)
    assert life.outcomes(THREE + DAY + HOUR) == [On, Missed]
    assert life.until(THREE + 2 * DAY + HOUR).outcomes(THREE + 2 * DAY + HOUR) == [On, Missed, Missed]
    assert life.ping(THREE + 3 * DAY).outcomes(THREE + 3 * DAY) == [On, Missed, Missed, On]


def test_tolerated_misses_and_the_silence_after_them_have_one_cell_for_each_run() -> None:
    life = Life(a_check(**TOLERANT)).ping(THREE).until(THREE + 4 * DAY + HOUR)
    assert life.job.state is State.DOWN
    assert life.outcomes(THREE + 4 * DAY + HOUR) == [On, *[Missed] * 4]
    assert life.ping(THREE + 5 * DAY).outcomes(THREE + 5 * DAY + HOUR) == [On, *[Missed] * 4, On]


def test_a_run_that_comes_after_its_grace_is_late_also_where_a_miss_is_tolerated() -> None:
    life = Life(a_check(**TOLERANT)).ping(THREE).ping(THREE + DAY + HOUR).ping(THREE + 2 * DAY)
    assert life.outcomes(THREE + 2 * DAY) == [On, Late, On]


def test_a_tolerated_failure_is_a_failed_run() -> None:
    life = Life(a_check(**TOLERANT)).ping(THREE).ping(THREE + DAY, Signal.FAIL).ping(THREE + 2 * DAY)
    assert life.outcomes(THREE + 2 * DAY) == [On, Failed, On]


def test_each_run_that_never_came_is_missed() -> None:
    life = Life(a_check(**DAILY)).ping(THREE).ping(THREE + 4 * DAY + MINUTE)
    assert life.outcomes(THREE + 4 * DAY + HOUR) == [On, Missed, Missed, Missed, On]


def test_a_silence_grows_by_a_cell_for_each_run_whose_grace_is_over() -> None:
    life = Life(a_check(**DAILY)).ping(THREE).until(THREE + 9 * DAY)
    assert life.outcomes(THREE + 2 * DAY + 14 * MINUTE) == [On, Missed]
    assert life.outcomes(THREE + 2 * DAY + 16 * MINUTE) == [On, Missed, Missed]


def test_a_ping_shortly_before_its_slot_is_that_runs_and_the_one_before_was_missed() -> None:
    life = Life(a_check(**DAILY)).ping(THREE).ping(THREE + 2 * DAY - timedelta(seconds=10))
    assert life.outcomes(THREE + 2 * DAY + HOUR) == [On, Missed, On]


def test_a_failure_in_a_silence_is_a_failure() -> None:
    life = Life(a_check(**DAILY)).ping(THREE).ping(THREE + DAY + HOUR, Signal.FAIL)
    assert life.outcomes(THREE + DAY + 2 * HOUR) == [On, Failed]


def test_runs_that_were_not_expected_while_paused_are_not_missed() -> None:
    life = Life(a_check(**DAILY)).ping(THREE).pause(THREE + HOUR).resume(THREE + 9 * DAY - HOUR)
    assert life.ping(THREE + 9 * DAY).outcomes(THREE + 9 * DAY + HOUR) == [On, On]


def test_a_silence_that_a_pause_ends_keeps_what_was_missed_until_then() -> None:
    life = Life(a_check(**DAILY)).ping(THREE).pause(THREE + 2 * DAY + HOUR)
    assert life.outcomes(THREE + 9 * DAY) == [On, Missed, Missed]


def test_starts_and_logs_are_not_runs() -> None:
    life = Life(a_check(**DAILY))
    life.ping(THREE - MINUTE, Signal.START).ping(THREE, Signal.LOG).ping(THREE + MINUTE)
    assert [(cell.outcome, cell.duration) for cell in life.cells(THREE + HOUR)] == [(On, 2 * MINUTE)]


def test_a_run_that_overran_has_one_cell_before_and_after_it_ends() -> None:
    life = Life(a_check(**DAILY, max_runtime=HOUR)).ping(THREE).ping(THREE + DAY, Signal.START)
    life.until(THREE + DAY + 2 * HOUR)
    assert life.job.cause is Cause.OVERRUN
    assert life.outcomes(THREE + DAY + 2 * HOUR) == [On, Over]
    assert life.ping(THREE + DAY + 3 * HOUR).outcomes(THREE + DAY + 4 * HOUR) == [On, Over]


def test_intervals_are_counted_from_the_last_ping() -> None:
    life = Life(a_check()).ping(NOW + 5 * MINUTE)
    assert life.until(NOW + HOUR).outcomes(NOW + 12 * MINUTE) == [On, Missed]
    assert life.outcomes(NOW + 22 * MINUTE) == [On, Missed, Missed, Missed]
    assert life.ping(NOW + 23 * MINUTE).outcomes(NOW + 24 * MINUTE) == [On, Missed, Missed, Late]


def test_a_grace_that_is_longer_than_the_interval_hides_no_silence_and_makes_none() -> None:
    life = Life(a_check(grace=HOUR)).ping(NOW + 5 * MINUTE).ping(NOW + 50 * MINUTE)
    assert life.outcomes(NOW + HOUR) == [On, On]


@pytest.mark.parametrize(
    "schedule", [Every(MINUTE), Cron("* * * * *", "UTC"), Cron("*/7 9-17 * * 1-5", "UTC")]
)
def test_a_long_silence_takes_a_few_cells_and_no_longer_to_find(schedule: Every | Cron) -> None:
    life = Life(a_check(schedule=schedule)).ping(NOW + 5 * MINUTE).until(NOW + 7 * DAY)
    now = NOW + 13 * DAY
    assert life.outcomes(now)[-run_strip.OF_A_SILENCE - 1 :] == [On, *[Missed] * run_strip.OF_A_SILENCE]
    cells = life.cells(now)[-run_strip.OF_A_SILENCE :]
    assert now - 4 * DAY < cells[0].at < cells[-1].at <= now
    assert [cell.runs > 1 for cell in cells] == [True, False, False, False, False]
    assert run_strip.in_words(life.cells(now)).endswith("more than 30 missed")


def test_a_silence_of_a_few_days_is_counted_whole_and_the_runs_before_it_stay() -> None:
    life = Life(a_check(**DAILY))
    for day in range(20):
        life.ping(THREE + day * DAY)
    life.until(THREE + 30 * DAY)
    cells = life.cells(THREE + 28 * DAY + HOUR)
    assert [cell.outcome for cell in cells] == [*[On] * 20, *[Missed] * run_strip.OF_A_SILENCE]
    assert run_strip.in_words(cells) == "Last runs: 20 on time, 9 missed"


def test_the_time_before_the_oldest_stored_ping_is_not_shown() -> None:
    life = Life(a_check(**DAILY)).ping(THREE).ping(THREE + 5 * DAY)
    for day in range(6, 40):
        life.ping(THREE + day * DAY)
    assert life.outcomes(THREE + 40 * DAY) == [On] * run_strip.RUNS
    assert life.outcomes(THREE + 40 * DAY, limit=40) == [On, *[Missed] * 4, *[On] * 35]

    life.job = replace(life.job, pings=KEEP + 1)
    assert (
        run_strip.cells(life.job, life.heard[-20:], life.changes, THREE + 40 * DAY)
        == life.cells(THREE + 40 * DAY)[-20:]
    )


def test_the_order_of_runs_and_changes_does_not_matter() -> None:
    life = Life(a_check(**DAILY)).ping(THREE).ping(THREE + 4 * DAY).ping(THREE + 5 * DAY, Signal.FAIL)
    forward = life.cells(THREE + 6 * DAY)
    life.heard.reverse()
    life.changes.reverse()
    assert life.cells(THREE + 6 * DAY) == forward


def test_a_check_whose_incident_was_resolved_by_hand_keeps_its_past() -> None:
    life = Life(a_check(**DAILY)).ping(THREE).until(THREE + DAY + HOUR)
    at = THREE + DAY + 2 * HOUR
    life._take(check.Change(check_life.rearmed(life.job, at), check.Cleared("resolved by admin")), at)
    assert life.job.state is State.NEW
    assert life.outcomes(THREE + DAY + 3 * HOUR) == [On, Missed]


def test_the_strip_is_drawn_with_one_path_a_kind_and_the_newest_on_the_right() -> None:
    cells = [Cell(outcome, NOW) for outcome in (On, On, Missed, On)]
    assert run_strip.paths(cells, limit=5) == [
        ("none", "M0 8h6"),
        ("ok", "M6 8h11M24 8h5"),
        ("missed", "M18 1h5M18 15h5"),
    ]
    assert [x for x, _ in run_strip.places(cells, limit=5)] == [6, 12, 18, 24]


def test_the_strip_has_words_for_readers_who_cannot_see_it() -> None:
    cells = [Cell(outcome, NOW) for outcome in (Failed, On, On, Missed)]
    assert run_strip.in_words(cells) == "Last 4 runs: 2 on time, 1 missed, 1 failed"
    assert run_strip.in_words(cells[:1]) == "Last run: failed"
    assert run_strip.in_words([]) == "No run yet"
    assert [(key.count, key.word) for key in run_strip.legend(cells)] == [
        ("2", "on time"),
        ("1", "missed"),
        ("1", "failed"),
    ]


SHORT = Expectation(min_runtime=MINUTE)
WINDOW = Expectation(window=Window(time(2), time(5)), timezone="UTC")
BY_SIX = Expectation(finish_by=time(6), timezone="UTC")
Odd = Outcome.UNEXPECTED


def test_a_run_that_ended_too_soon_is_not_as_expected() -> None:
    life = Life(a_check(**DAILY, expectation=SHORT)).ping(THREE, Signal.START).ping(THREE + MINUTE / 2)
    life.ping(THREE + HOUR, Signal.START).ping(THREE + 2 * HOUR)
    assert life.outcomes(THREE + 3 * HOUR) == [Odd, On]
    assert run_strip.in_words(life.cells(THREE + 3 * HOUR)) == "Last 2 runs: 1 on time, 1 not as expected"


def test_a_run_at_the_wrong_time_is_not_as_expected_and_has_one_cell() -> None:
    life = Life(a_check(**DAILY, expectation=WINDOW)).ping(THREE).ping(THREE + 9 * HOUR, Signal.START)
    assert life.outcomes(THREE + 9 * HOUR) == [On]
    assert life.ping(THREE + 9 * HOUR + MINUTE / 7).outcomes(THREE + 10 * HOUR) == [On, Odd]


def test_an_ineffective_run_is_called_so() -> None:
    life = Life(a_check(**DAILY)).ping(THREE)
    verdict = Ping(Signal.SUCCESS, THREE + DAY, verdict=Verdict(Cause.INEFFECTIVE, "processed 0"))
    life.heard.append(EndedRun(2, verdict.at, Signal.SUCCESS))
    life._take(check_life.on_ping(life.job, verdict), verdict.at)
    assert life.outcomes(THREE + DAY) == [On, Outcome.INEFFECTIVE]


def test_an_unfinished_run_is_missed_until_it_ends_and_late_then() -> None:
    daily = DAILY | {"grace": 12 * HOUR}
    life = Life(a_check(**daily, expectation=BY_SIX)).ping(THREE).until(THREE + DAY + 4 * HOUR)
    assert life.job.cause is Cause.UNFINISHED
    assert life.outcomes(THREE + DAY + 4 * HOUR) == [On, Missed]
    life.ping(THREE + DAY + 4 * HOUR).ping(THREE + 2 * DAY)
    assert life.outcomes(THREE + 2 * DAY) == [On, Late, On]


def test_a_run_with_unusual_numbers_is_well_and_stands_out() -> None:
    runs = [
        EndedRun(n, NOW + 5 * n * MINUTE, Signal.SUCCESS, None, "processed 0" if n == 3 else "")
        for n in range(1, 5)
    ]
    drawn = run_strip.cells(a_check(), runs, [], NOW + 21 * MINUTE)
    assert [cell.outcome.value for cell in drawn] == ["on time", "on time", "unusual", "on time"]
    assert (drawn[2].note, run_strip.in_words(drawn)) == ("processed 0", "Last 4 runs: 3 on time, 1 unusual")
