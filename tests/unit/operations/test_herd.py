"""Jobs that are due in the same minute: which minutes and hosts, and an even spread that the file can take."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
import yaml

from heartbeat.checks.check import Check, State
from heartbeat.checks.schedule import Cron, Every, OnCalendar, Schedule, upcoming
from heartbeat.operations import herd
from tests.unit.conftest import a_check

NOW = datetime(2026, 3, 2, 12, 0, 30, tzinfo=UTC)
NIGHTLY = Cron("0 3 * * *", "UTC")


def jobs(count: int, schedule: Schedule = NIGHTLY, host: str = "db-1", name: str = "job") -> list[Check]:
    return [
        replace(a_check(f"{name}-{n:03}", schedule=schedule, labels={"host": host}), id=hash((name, n)))
        for n in range(count)
    ]


def minutes(spread: herd.Herd, checks: Sequence[Check]) -> Counter[datetime]:
    """Return how many jobs are due in each minute of the next day."""
    return Counter(
        at.replace(second=0)
        for check in checks
        for at in upcoming(spread.moves.get(check.slug, check.schedule), NOW, 1)
    )


def test_a_minute_with_many_jobs_is_named_with_its_hosts() -> None:
    found = herd.of([*jobs(12), *jobs(3, host="db-2", name="other")], NOW)
    (crowd,) = found.crowds
    assert (crowd.at, crowd.jobs) == (datetime(2026, 3, 3, 3, 0, tzinfo=UTC), 15)
    assert crowd.hosts == {"db-1": 12, "db-2": 3}
    assert (
        next(herd.lines(found)) == "# 03:00 UTC: 15 jobs due in one minute on 2 hosts, the most on db-1 (12)."
    )


def test_the_minutes_that_are_not_named_are_told_with_their_most_jobs() -> None:
    told = list(herd.lines(herd.of(jobs(12, Cron("*/2 * * * *", "UTC")), NOW)))
    assert told[herd.SHOWN] == "# 700 more minutes with at most 12 jobs each."


@pytest.mark.parametrize("schedule", [Cron("* * * * *", "UTC"), Every(timedelta(minutes=1))])
def test_jobs_that_are_due_every_minute_are_told_once(schedule: Schedule) -> None:
    told = list(herd.lines(herd.of([*jobs(12, schedule, name="poll"), *jobs(11)], NOW)))
    assert told[:2] == [
        "# Every minute: 12 jobs due, not counted below.",
        "# 03:00 UTC: 11 jobs due in one minute, all on db-1.",
    ]


def test_crowds_that_could_move_are_named_before_those_with_an_interval() -> None:
    """Jobs with an interval are due in a minute of each hour, and would fill the screen."""
    hourly = [
        replace(check, armed_at=NOW - timedelta(minutes=1))
        for check in jobs(40, Every(timedelta(hours=1)), name="poll")
    ]
    nightly = [*jobs(12), *jobs(5, host="db-2", name="b"), *jobs(1, host="db-3", name="c")]
    each_hour = jobs(15, Cron("0 * * * *", "UTC"), host="db-4", name="cron")
    told = list(herd.lines(herd.of([*hourly, *nightly, *each_hour], NOW)))
    assert told[0] == "# 03:00 UTC: 33 jobs due in one minute on 4 hosts, the most on db-4 (15)."
    assert told[1] == "# 12:00 UTC: 15 jobs due in one minute, all on db-4."
    apart = [line for line in told if line.startswith("# 40 jobs")]
    assert apart == [
        "# 40 jobs with an interval or a list of minutes: not moved. "
        "Up to 40 are due in one minute, as at 12:59 UTC, all on db-1."
    ]
    assert "# The fullest minute then has 1 job, not 33." in told


def test_jobs_that_fill_their_hour_evenly_get_no_emptier_minute() -> None:
    even = [job for n in range(60) for job in jobs(10, Cron(f"{n} 3 * * *", "UTC"), name=f"at-{n}")]
    found = herd.of(even, NOW)
    assert (found.fullest, found.fullest_then) == (10, 10)
    assert not [line for line in herd.lines(found) if "fullest" in line]


@pytest.mark.parametrize(
    ("hosts", "told"),
    [
        ({"r7": 1, "r8": 1, "r9": 1}, "3 jobs due in one minute on 3 hosts, 1 on each."),
        ({"r7": 2, "r8": 1}, "3 jobs due in one minute on 2 hosts, the most on r7 (2)."),
        ({"r7": 2, "": 1}, "3 jobs due in one minute, 2 of them on r7."),
        ({"": 3}, "3 jobs due in one minute."),
    ],
)
def test_the_hosts_of_a_crowd_are_told_as_they_are(hosts: dict[str, int], told: str) -> None:
    checks = [check for host, count in hosts.items() for check in jobs(count, host=host, name=f"job-{host}")]
    assert next(herd.lines(herd.of(checks, NOW, many=3))) == f"# 03:00 UTC: {told}"


def test_fewer_jobs_than_asked_for_are_no_crowd() -> None:
    found = herd.of(jobs(9), NOW)
    assert not found.crowds
    assert not found.moves
    assert list(herd.lines(found)) == [
        "# Nothing to spread: at most 9 jobs due in one minute of the next 7 days."
    ]
    assert len(herd.of(jobs(9), NOW, many=9).crowds) == 1


def test_the_spread_is_even_and_stays_in_the_hour() -> None:
    checks = jobs(120)
    due = minutes(herd.of(checks, NOW), checks)
    assert set(due.values()) == {2}
    assert {at.hour for at in due} == {3}


def test_the_jobs_of_each_host_are_spread_evenly_too() -> None:
    checks = [*jobs(60), *jobs(60, host="db-2", name="other")]
    found = herd.of(checks, NOW)
    for host in ("db-1", "db-2"):
        own = [check for check in checks if check.labels["host"] == host]
        assert max(minutes(found, own).values()) == 1
    assert found.fullest_then == 2


def test_few_jobs_of_a_host_do_not_stand_in_neighbouring_minutes() -> None:
    checks = jobs(10)
    due = sorted(minutes(herd.of(checks, NOW), checks))
    assert len(due) == 10
    assert min(later - at for at, later in pairwise(due)) >= timedelta(minutes=2)


@pytest.mark.parametrize(
    ("schedule", "moved"),
    [
        (Cron("@daily", "Europe/London"), r"^\d+ 0 \* \* \*$"),
        (Cron("15 3 * * 1-5", "UTC"), r"^\d+ 3 \* \* 1-5$"),
        (Cron("*/5 * * * *", "UTC"), r"^(\*|[1-4]-59)/5 \* \* \* \*$"),
        (Cron("0 3 * * *", "UTC", kubernetes=True), r"^\d+ 3 \* \* \*$"),
        (OnCalendar("Mon..Fri 03:00", "UTC"), r"^Mon\.\.Fri 03:\d\d$"),
        (OnCalendar("*-*-* *:00:00", "UTC"), r"^\*-\*-\* \*:\d\d:00$"),
    ],
)
def test_only_the_minute_of_a_schedule_moves(schedule: Cron | OnCalendar, moved: str) -> None:
    found = herd.of(jobs(20, schedule), NOW)
    assert found.moves
    for other in found.moves.values():
        assert isinstance(other, type(schedule))
        assert replace(other, expression=schedule.expression) == schedule
        assert re.fullmatch(moved, other.expression)
    assert found.fullest_then < found.most


@pytest.mark.parametrize(
    "schedule", [Every(timedelta(hours=1)), Cron("0,30 3 * * *", "UTC"), Cron("0 0 3 * * *", "UTC")]
)
def test_a_job_without_one_minute_is_counted_and_stays(schedule: Schedule) -> None:
    found = herd.of(jobs(12, schedule), NOW)
    assert found.crowds
    assert not found.moves
    assert list(herd.lines(found))[-1].startswith(
        "# 12 jobs with an interval or a list of minutes: not moved."
    )


def test_jobs_that_stay_are_not_joined_by_others() -> None:
    stay = jobs(12, Cron("7,37 3 * * *", "UTC"), name="stay")
    moving = jobs(40)
    found = herd.of([*stay, *moving], NOW)
    assert datetime(2026, 3, 3, 3, 7, tzinfo=UTC) not in minutes(found, moving)


def test_a_paused_job_is_not_due() -> None:
    assert not herd.of([replace(check, state=State.PAUSED) for check in jobs(12)], NOW).crowds


def test_a_weekly_crowd_is_seen_on_its_day() -> None:
    weekly = herd.of(jobs(12, Cron("0 0 * * 0", "UTC")), NOW)
    assert [crowd.at for crowd in weekly.crowds] == [datetime(2026, 3, 8, tzinfo=UTC)]


def test_the_printed_spread_is_a_part_of_a_configuration_file() -> None:
    found = herd.of(jobs(30), NOW)
    document = yaml.safe_load("\n".join(herd.lines(found)))
    assert document["checks"].keys() == found.moves.keys()
    assert all(list(fields) == ["schedule"] for fields in document["checks"].values())
    assert "# The fullest minute then has 1 job, not 30." in list(herd.lines(found))


def test_a_spread_that_was_applied_leaves_no_crowd() -> None:
    checks = jobs(100)
    found = herd.of(checks, NOW)
    applied = [replace(check, schedule=found.moves.get(check.slug, check.schedule)) for check in checks]
    assert not herd.of(applied, NOW).moves
