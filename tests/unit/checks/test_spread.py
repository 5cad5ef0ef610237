"""The first deadlines of many checks: none falls due with all others, and none much later than it would alone."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta

import pytest

from heartbeat.checks import life, spread
from heartbeat.checks.check import Change, Check, Ping, Signal, State
from heartbeat.checks.schedule import Cron, Every
from tests.unit.conftest import NOW, a_check

HOURLY = Every(timedelta(hours=1))
MANY = 1_000


def _per_second(checks: list[Check]) -> Counter[timedelta]:
    assert all(check.wake_at is not None for check in checks)
    return Counter(
        timedelta(seconds=(check.wake_at - NOW) // timedelta(seconds=1)) for check in checks if check.wake_at
    )


def _check(change: Check | Change) -> Check:
    return change.check if isinstance(change, Change) else change


@pytest.mark.parametrize(
    "expect",
    [
        lambda job, place: life.rearmed(job, NOW, place),
        lambda job, place: life.resumed(life.paused(job, NOW, "anna").check, NOW, place),
        lambda job, place: life.excused(job, NOW, place),
        lambda job, place: life.redefined(job, NOW, place, schedule=Every(timedelta(minutes=30))),
    ],
    ids=["re-armed", "resumed", "restored", "re-scheduled"],
)
def test_of_many_checks_that_are_expected_anew_few_fall_due_in_one_second(
    expect: Callable[[Check, int], Check | Change],
) -> None:
    jobs = [a_check(schedule=HOURLY) for _ in range(MANY)]
    anew = [_check(expect(job, place)) for place, job in enumerate(jobs)]
    assert max(_per_second(anew).values()) <= spread.PER_SECOND


def test_few_checks_are_expected_at_once() -> None:
    assert spread.delay(spread.PER_SECOND - 1, HOURLY) == timedelta()


def test_no_check_is_expected_later_than_a_tenth_of_its_interval() -> None:
    delays = [spread.delay(place, Every(timedelta(minutes=1))) for place in range(0, 100_000, 50)]
    assert max(delays) < timedelta(seconds=6)
    assert max(Counter(delays).values()) <= len(delays) / 6 + 1


def test_the_times_of_a_calendar_stay() -> None:
    nightly = a_check(schedule=Cron("0 3 * * *", "UTC"))
    assert life.rearmed(nightly, NOW, 5_000) == life.rearmed(nightly, NOW)


def test_a_ping_before_a_delayed_beginning_counts() -> None:
    job = life.rearmed(a_check(schedule=HOURLY), NOW, 20_000)
    heard = life.on_ping(job, Ping(Signal.SUCCESS, NOW + timedelta(seconds=10))).check
    assert heard.state is State.UP
    assert heard.wake_at == job.wake_at
