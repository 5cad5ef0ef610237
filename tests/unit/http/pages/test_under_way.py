"""The run under way on the screens, word for word."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from heartbeat.checks.check import Check, Run
from heartbeat.checks.progress import Amount, Progress, reported
from heartbeat.http.pages import under_way
from heartbeat.http.pages.sentence import Words
from tests.unit.conftest import NOW, a_check

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def running(until: int, a_minute: float = 1.0, total: float | None = 900, **definition: Any) -> Check:
    """A check whose run began at `NOW` and has reported each minute since."""
    so_far: Progress | None = None
    for minute in range(until + 1):
        so_far = reported(so_far, Amount(minute * a_minute, total), NOW + minute * MINUTE)
    return a_check(runs=(Run(None, NOW, progress=so_far),), **definition)


def said(words: Words) -> str:
    return "".join(f"{part:%H:%M} UTC" if isinstance(part, datetime) else part for part in words)


def sentences(check: Check, now: datetime) -> str:
    run = under_way.of(check, now)
    assert run is not None
    return " ".join(filter(None, map(said, (run.amount, run.end, run.last))))


def test_a_run_says_how_far_it_is_how_fast_and_when_it_ends() -> None:
    assert sentences(running(300), NOW + 301 * MINUTE) == (
        "300 of 900 done, about 1 a minute. It ends about 18:00 UTC. Reported 1 min ago."
    )
    assert said(under_way.in_short(running(300), NOW + 301 * MINUTE)) == "33 % done, ends about 18:00 UTC"


@pytest.mark.parametrize(
    ("pace", "words"),
    [(123.4, "about 2.1 a second"), (12.34, "about 12 a minute"), (0.0321, "about 1.9 an hour")],
)
def test_the_pace_is_told_in_the_unit_that_reads_best(pace: float, words: str) -> None:
    assert f"done, {words}." in sentences(running(60, pace, 1e6), NOW + HOUR)


def test_a_run_that_has_just_begun_has_no_estimate() -> None:
    assert sentences(running(1), NOW + MINUTE) == (
        "1 of 900 done. There is no estimate of its end yet. Reported just now."
    )
    assert said(under_way.in_short(running(1), NOW + MINUTE)) == "0 % done"


def test_a_run_that_does_not_know_its_total_tells_what_it_has_done() -> None:
    assert sentences(running(60, 1, None), NOW + HOUR) == "60 done, about 1 a minute. Reported just now."
    assert said(under_way.in_short(running(60, 1, None), NOW + HOUR)) == "60 done"


def test_a_stuck_run_has_no_pace_and_no_end() -> None:
    check = running(300, stuck_after=15 * MINUTE)
    (run,) = check.runs
    assert run.progress is not None
    again = reported(run.progress, Amount(300, 900), NOW + 320 * MINUTE)
    check = a_check(runs=(Run(None, NOW, progress=again),), stuck_after=15 * MINUTE)
    assert sentences(check, NOW + 321 * MINUTE) == (
        "300 of 900 done. It does not move. Reported 1 min ago; last moved 21 min ago."
    )
    assert said(under_way.in_short(check, NOW + 321 * MINUTE)) == "33 % done"


def test_an_estimate_that_has_passed_says_so() -> None:
    assert "It should have ended about 18:00 UTC." in sentences(running(840), NOW + 16 * HOUR)


def test_a_check_without_reports_has_no_run_to_show() -> None:
    check = a_check(runs=(Run(None, NOW),))
    assert (under_way.of(check, NOW), under_way.in_short(check, NOW)) == (None, ())
