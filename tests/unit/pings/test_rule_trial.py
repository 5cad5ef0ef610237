"""What a rule would have said: of the runs in the ring, and of the days before by the figures of their hours."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection

from heartbeat.checks import rule_grammar
from heartbeat.checks.check import Check, Signal
from heartbeat.checks.rule import Rule
from heartbeat.measurements import history
from heartbeat.measurements import store as measurements
from heartbeat.pings import rule_trial, store
from heartbeat.pings.arrival import Arrival, ByUuid, NumberedPing
from heartbeat.pings.rule_trial import BrokenDay, Trial
from tests.unit.conftest import NOW, a_check

Insert = Callable[[Connection, list[Check]], dict[str, Check]]
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


@pytest.fixture
def job(db: Connection, insert: Insert) -> Check:
    return insert(db, [a_check("reset")])["reset"]


def run(db: Connection, job: Check, *values: float) -> None:
    """Store the last runs: one an hour, the last one now."""
    numbered = []
    for n, value in enumerate(values, 1):
        at = NOW - HOUR * (len(values) - n)
        arrival = Arrival(
            ByUuid(job.uuid.hex), Signal.SUCCESS, at, "POST", "", "", measurements={"rows": value}
        )
        numbered.append(NumberedPing(job.id, n, arrival, None))
    store.keep(db, numbered)


def remember(db: Connection, job: Check, values: Mapping[datetime, float]) -> None:
    """Store the history of hours whose runs are no longer in the ring."""
    by_day: dict[object, list[tuple[datetime, float]]] = {}
    for at, value in sorted(values.items()):
        by_day.setdefault(history.day_of(at), []).append((at, value))
    days = {(job.id, "rows", day): history.added(None, of_day) for day, of_day in by_day.items()}
    measurements.put(db, days, {})  # type: ignore[arg-type]


def tried(db: Connection, job: Check, text: str, runs: int = 1) -> Trial:
    return rule_trial.of(db, job, Rule(rule_grammar.parse(text), runs=runs), NOW)


def hourly(days: int, value: Callable[[int], float], each: int = 1) -> dict[datetime, float]:
    """Return `each` values an hour for so many days, until ten hours ago: those of an hour by its number."""
    first = NOW - days * DAY
    hours = range(days * 24 - 10)
    return {
        first + number * HOUR + part * timedelta(minutes=5): value(number)
        for number in hours
        for part in range(each)
    }


def test_a_limit_is_judged_by_the_extremes_of_the_hours_before_the_runs(db: Connection, job: Check) -> None:
    remember(
        db, job, {NOW - DAY: 12, NOW - DAY + timedelta(minutes=9): 0, NOW - DAY + HOUR: 0, NOW - 3 * DAY: 7}
    )
    run(db, job, 5, 0, 8)
    trial = tried(db, job, "rows > 0")
    assert (len(trial.runs), len(trial.broken), len(trial.falls)) == (3, 1, 1)
    assert (trial.earlier, trial.days) == (2, [BrokenDay((NOW - DAY).date(), 2, "rows must be > 0, was 0")])
    assert list(rule_trial.lines(trial)) == [
        "Rule: rows > 0",
        "Broken by 1 of the last 3 runs, since 2024-05-03 01:00 UTC. It would have paged once.",
        "  2024-05-03 02:00 UTC  rows must be > 0, was 0; would have paged",
        "Broken on 1 of 2 days before that, judged by the lowest and highest value of each hour.",
        "  2024-05-02  2 hours, first: rows must be > 0, was 0",
    ]


def test_a_trend_is_judged_by_the_middles_of_the_hours(db: Connection, job: Check) -> None:
    """It fell all the time, but for ten hours of one day."""
    remember(db, job, hourly(9, lambda hour: 1_000 - (hour if hour < 100 else max(100, hour - 10)), each=3))
    run(db, job, 9, 8, 7)
    trial = tried(db, job, "rows falls over 3 runs")
    assert trial.broken == []
    assert [(day.day - (NOW - 9 * DAY).date(), day.why) for day in trial.days] == [
        (4 * DAY, "rows must fall over 3 runs, went from 900 to 900")
    ]
    assert "judged by the median of each hour." in list(rule_trial.lines(trial))[2]


def test_an_estimate_is_judged_by_the_middles_of_the_hours(db: Connection, job: Check) -> None:
    remember(db, job, hourly(3, lambda hour: 100 - hour))
    run(db, job, 3, 2, 1)
    assert tried(db, job, "rows eta < 200h").days == []
    assert len(tried(db, job, "rows eta < 50h").days) == 3


def test_a_median_is_that_of_as_many_runs_as_there_were(db: Connection, job: Check) -> None:
    values = hourly(3, lambda _: 10, each=6)
    values[NOW - DAY + timedelta(minutes=26)] = 31
    remember(db, job, values)
    run(db, job, 10)
    (day,) = tried(db, job, "rows < 3x median of 12 runs").days
    assert day.why == "rows must be < 3x its median of 10, was 31"


def test_the_first_kept_runs_are_compared_with_hours_of_a_week_before(db: Connection, job: Check) -> None:
    remember(db, job, hourly(20, lambda _: 1_000, each=2))
    run(db, job, 1_000, 400, 1_050)
    trial = tried(db, job, "rows changes by less than 50% of the same weekday")
    assert [found.finding.why for found in trial.broken] == [
        "rows must change by less than 50% in a week, went from 1,000 to 400"
    ]
    assert (trial.days, trial.earlier) == ([], 20)


def test_hours_are_judged_against_the_week_before_them(db: Connection, job: Check) -> None:
    remember(db, job, hourly(20, lambda hour: 1_000 if hour < 14 * 24 else 100))
    assert len(tried(db, job, "rows changes by less than 50% of the same weekday").days) == 6


def test_a_trial_says_what_it_does_not_know(db: Connection, job: Check) -> None:
    assert list(rule_trial.lines(tried(db, job, "rows > 0")))[1:] == ["No run of the last 90 days is kept."]
    remember(db, job, {NOW - 91 * DAY: 0, NOW - 9 * DAY: 0})
    assert list(rule_trial.lines(tried(db, job, "rows > 0", runs=2)))[1:] == [
        "Broken on 1 of 1 day, judged by the lowest and highest value of each hour. "
        'There, "for 2 runs" is not applied.',
        "  2024-04-24  rows must be > 0, was 0",
    ]
    run(db, job, 5)
    assert list(rule_trial.lines(tried(db, job, 'body has "ok"')))[-1] == (
        "Bodies are kept of the last 100 pings only."
    )
