"""The rules for Prometheus by promtool: each alert fires for its case, alone, and not a little before it.

A case changes a healthy installation in one thing, so that it also says that no other alert minds.
"""

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.test_prometheus import installed

pytestmark = pytest.mark.e2e

RULES = Path(__file__).parents[2] / "helm" / "files" / "alerts.yaml"
A, B = 'job="heartbeat",instance="a:8000"', 'job="heartbeat",instance="b:8000"'
FOR_EVER = "1x600"
NONE = "0x600"
Series = dict[str, str]


def of_both(name: str, values: str, labels: str = "") -> dict[str, str]:
    """A series of each of two processes."""
    return {f"{name}{{{process}{labels}}}": values for process in (A, B)}


HEALTHY: dict[str, str] = {
    **of_both("up", FOR_EVER),
    **of_both("heartbeat_build_info", FOR_EVER, ',version="1",database="postgresql"'),
    **of_both("process_start_time_seconds", "100x600"),
    **of_both("heartbeat_role", FOR_EVER, ',role="api"'),
    f'heartbeat_role{{{A},role="checker"}}': FOR_EVER,
    f'heartbeat_role{{{A},role="pager"}}': FOR_EVER,
    **of_both("heartbeat_last_tick_timestamp_seconds", "0+60x600"),
    **of_both("heartbeat_tick_failures_total", NONE, ',stage="checker"'),
    **of_both("heartbeat_evaluation_lag_seconds", NONE),
    **of_both("heartbeat_clock_skew_seconds", NONE),
    **of_both("heartbeat_outside_beats_total", "0+6x600", ',result="accepted"'),
    **of_both("heartbeat_outside_beats_total", NONE, ',result="unreachable"'),
    **of_both("heartbeat_pings_total", "0+50x600", ',result="heard"'),
    **of_both("heartbeat_pings_total", NONE, ',result="unavailable"'),
    **of_both("heartbeat_pings_total", NONE, ',result="unknown"'),
    **of_both("heartbeat_pings_total", NONE, ',result="malformed"'),
    **of_both("heartbeat_check_series_left_out", NONE),
    **of_both("heartbeat_status_publications_total", "0+30x600", ',result="unchanged"'),
    **of_both("heartbeat_status_publications_total", NONE, ',result="failed"'),
    **of_both("heartbeat_status_publications_total", NONE, ',result="partly"'),
    **of_both("heartbeat_status_steward_failures_total", NONE),
    **of_both("heartbeat_status_mailman_failures_total", NONE),
    **of_both("heartbeat_status_mails_total", "0+2x600", ',result="accepted"'),
    **of_both("heartbeat_status_mails_total", NONE, ',result="refused"'),
    **of_both("heartbeat_status_mails_total", NONE, ',result="unreachable"'),
    **of_both("heartbeat_status_hook_runs_total", "0+1x600", ',result="done"'),
    **of_both("heartbeat_status_hook_runs_total", NONE, ',result="failed"'),
    **of_both("heartbeat_janitor_failures_total", NONE),
    **of_both("heartbeat_outbox_oldest_seconds", NONE),
    **of_both("heartbeat_unanswered_oldest_seconds", NONE),
    **of_both("heartbeat_pages_total", "0+1x600", ',notifier="ntfy",result="accepted"'),
    **of_both("heartbeat_pages_total", NONE, ',notifier="ntfy",result="refused"'),
    **of_both("heartbeat_pages_total", NONE, ',notifier="ntfy",result="unreachable"'),
    **of_both("heartbeat_database_up", FOR_EVER),
}


@dataclass(frozen=True, slots=True)
class Case:
    """What makes an alert fire, and what almost does. Everything is well for the first 100 minutes."""

    alert: str
    wrong: Series
    """What is different from the 101st minute on."""
    almost: Series
    """What is different, but not enough for any alert, whenever it is asked."""
    after: int = 10
    """Minutes after which it fires."""
    times: int = 1
    """How many alerts of that name fire."""


def gone(*processes: str) -> dict[str, str]:
    """The series of these processes, as a scrape that fails ends them."""
    return {
        series: "1x100 0x500" if series.startswith("up") else values.replace("x600", "x100 stale")
        for series, values in HEALTHY.items()
        if any(process in series for process in processes)
    }


def one(name: str, values: str, labels: str = "") -> dict[str, str]:
    """A series of the first process, different from the 101st minute on."""
    return {f"{name}{{{A}{labels}}}": values}


CASES = (
    Case(
        "HeartbeatAbsent",
        wrong={series: values for series, values in gone(A, B).items() if not series.startswith("up")}
        | of_both("up", "1x100 stale"),
        almost={s: "1x100 stale 1x500" for s in HEALTHY if s.startswith("heartbeat_build_info")},
    ),
    Case(
        "HeartbeatInstanceDown",
        wrong=gone(B),
        almost={f"up{{{B}}}": "1x100 0x3 1x500", 'up{job="other",instance="c:1"}': NONE},
    ),
    Case(
        "HeartbeatRestarts",
        wrong=one("process_start_time_seconds", "100x100 101 102 103 104x500"),
        almost={
            **one("process_start_time_seconds", "100x100 101 102 103x500"),
            'process_start_time_seconds{job="other",instance="c:1"}': "0+1x600",
        },
    ),
    Case(
        "HeartbeatNoApi",
        wrong=of_both("heartbeat_role", "1x100 stale", ',role="api"'),
        almost=one("heartbeat_role", "1x100 stale", ',role="api"'),
    ),
    Case(
        "HeartbeatNoChecker",
        wrong=one("heartbeat_role", "1x100 stale", ',role="checker"'),
        almost=one("heartbeat_role", "1x100 stale 1x500", ',role="checker"'),
    ),
    Case(
        "HeartbeatNoPager",
        wrong=one("heartbeat_role", "1x100 stale", ',role="pager"'),
        almost=one("heartbeat_role", "1x100 stale 1x500", ',role="pager"'),
    ),
    Case(
        "HeartbeatTickerDead",
        wrong=one("heartbeat_last_tick_timestamp_seconds", "0+60x100 6000x500"),
        almost=one("heartbeat_last_tick_timestamp_seconds", "-50+60x600"),
    ),
    Case(
        "HeartbeatTickFailures",
        wrong=one("heartbeat_tick_failures_total", "0x100 1+1x500", ',stage="checker"'),
        almost=one("heartbeat_tick_failures_total", "7x600", ',stage="checker"'),
        after=15,
    ),
    Case(
        "HeartbeatEvaluationLag",
        wrong=one("heartbeat_evaluation_lag_seconds", "0x100 61x500"),
        almost=one("heartbeat_evaluation_lag_seconds", "0x100 59x500"),
    ),
    Case(
        "HeartbeatClockSkew",
        wrong=one("heartbeat_clock_skew_seconds", "0x100 -6x500"),
        almost=one("heartbeat_clock_skew_seconds", "0x100 4x500"),
    ),
    Case(
        "HeartbeatCanarySilent",
        wrong=one("heartbeat_canary_failing", "0x100 1x500"),
        almost=one("heartbeat_canary_age_seconds", "0x100 400x500"),
    ),
    Case(
        "HeartbeatOutsideUnheard",
        wrong={
            **one("heartbeat_outside_beats_total", "0+6x100 600x500", ',result="accepted"'),
            **one("heartbeat_outside_beats_total", "0x100 6+6x500", ',result="unreachable"'),
        },
        almost=one("heartbeat_outside_beats_total", "0x100 1+1x500", ',result="unreachable"'),
        after=15,
    ),
    Case(
        "HeartbeatPingsUnavailable",
        wrong=one("heartbeat_pings_total", "0x100 1+1x500", ',result="unavailable"'),
        almost=one("heartbeat_pings_total", "0x600", ',result="unavailable"'),
    ),
    Case(
        "HeartbeatPingsUnknown",
        wrong=one("heartbeat_pings_total", "0x100 1x500", ',result="unknown"'),
        almost=one("heartbeat_pings_total", "7x600", ',result="unknown"'),
        after=20,
    ),
    Case(
        "HeartbeatPingsMalformed",
        wrong=one("heartbeat_pings_total", "0x100 1x500", ',result="malformed"'),
        almost=one("heartbeat_pings_total", "7x600", ',result="malformed"'),
        after=20,
    ),
    Case(
        "HeartbeatCheckSeriesLeftOut",
        wrong=of_both("heartbeat_check_series_left_out", "0x100 1x500"),
        almost=of_both("heartbeat_check_series_left_out", "0x100 1x5 0x500"),
        after=15,
    ),
    Case(
        "HeartbeatStatusPagesStuck",
        wrong={
            **one("heartbeat_status_publications_total", "0+30x100 3000x500", ',result="unchanged"'),
            **one("heartbeat_status_publications_total", "0x100 1+30x500", ',result="failed"'),
        },
        almost=one("heartbeat_status_publications_total", "0x100 1+1x500", ',result="failed"'),
        after=15,
    ),
    Case(
        "HeartbeatStatusPageBroken",
        wrong=one("heartbeat_status_publications_total", "0x100 1+1x500", ',result="partly"'),
        almost=one("heartbeat_status_publications_total", "0x100 1+1x5 6x500", ',result="partly"'),
        after=15,
    ),
    Case(
        "HeartbeatStatusStewardFails",
        # The days cannot be counted: it is tried every five minutes.
        wrong=one(
            "heartbeat_status_steward_failures_total", "0x100 " + " ".join(f"{n}x4" for n in range(1, 101))
        ),
        almost=one("heartbeat_status_steward_failures_total", "0x100 12x500"),
        after=40,
    ),
    Case(
        "HeartbeatStatusMailFails",
        wrong={
            **of_both("heartbeat_status_mails_total", "0+2x100 200x500", ',result="accepted"'),
            # One mail, each time later.
            **one(
                "heartbeat_status_mails_total",
                "0x100 1 2x1 3x3 4x7 5x15 6x31 7x59 8x59 9x59 10x59 11x59 12x500",
                ',result="unreachable"',
            ),
        },
        almost=one("heartbeat_status_mails_total", "0x100 1+1x500", ',result="unreachable"'),
        after=80,
    ),
    Case(
        "HeartbeatStatusMailFails",
        wrong=one("heartbeat_status_mailman_failures_total", "0x100 1+30x500"),
        almost=one("heartbeat_status_mailman_failures_total", "0x100 30x500"),
        after=15,
    ),
    Case(
        "HeartbeatStatusHookFails",
        wrong={
            **one("heartbeat_status_hook_runs_total", "0+1x100 100x500", ',result="done"'),
            **one("heartbeat_status_hook_runs_total", "0x100 1+1x500", ',result="failed"'),
        },
        almost=one("heartbeat_status_hook_runs_total", "0x100 1+1x500", ',result="failed"'),
        after=25,
    ),
    Case(
        "HeartbeatForgettingFails",
        wrong=one("heartbeat_janitor_failures_total", "0x100 1x60 2x60 3x400"),
        almost=one("heartbeat_janitor_failures_total", "0x100 1x500"),
        after=70,
    ),
    Case(
        "HeartbeatOutboxStuck",
        wrong=of_both("heartbeat_outbox_oldest_seconds", "0x100 301x500"),
        almost=of_both("heartbeat_outbox_oldest_seconds", "0x100 299x500"),
    ),
    Case(
        "HeartbeatPagesRefused",
        wrong=one("heartbeat_pages_total", "0x100 1x500", ',notifier="ntfy",result="refused"'),
        almost=one("heartbeat_pages_total", "3x600", ',notifier="ntfy",result="refused"'),
    ),
    Case(
        "HeartbeatNotifierUnreachable",
        wrong={
            **of_both("heartbeat_pages_total", "100x600", ',notifier="ntfy",result="accepted"'),
            **one("heartbeat_pages_total", "0x100 3x500", ',notifier="ntfy",result="unreachable"'),
        },
        almost=one("heartbeat_pages_total", "0x100 1+1x500", ',notifier="ntfy",result="unreachable"'),
    ),
    Case(
        "HeartbeatNotifierPassedOver",
        wrong=one("heartbeat_notifier_passed_over", "0x100 1x500", ',notifier="sms"'),
        almost=one("heartbeat_notifier_passed_over", "0x100 1 0x500", ',notifier="sms"'),
    ),
    Case(
        "HeartbeatIncidentUnacknowledged",
        wrong=of_both("heartbeat_unanswered_oldest_seconds", "0x100 1801x500"),
        almost=of_both("heartbeat_unanswered_oldest_seconds", "0x100 1799x500"),
    ),
    Case(
        "HeartbeatDatabaseDown",
        wrong=one("heartbeat_database_up", "1x100 0x500"),
        almost=one("heartbeat_database_up", "1x100 0 1x500"),
    ),
)
FIRING = 'count by (alertname) (ALERTS{alertstate="firing"})'


def test_promtool_takes_the_rules() -> None:
    found = _promtool("check", "rules", "--lint=all", "--lint-fatal", str(RULES))
    assert found.returncode == 0, found.stdout + found.stderr


def test_every_alert_has_a_case() -> None:
    rules = [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]
    assert {rule["alert"] for rule in rules if "alert" in rule} == {case.alert for case in CASES}


def test_no_alert_fires_while_all_is_well(tmp_path: Path) -> None:
    _judged(tmp_path, HEALTHY, [_firing(minute) for minute in (0, 1, 5, 60, 300)])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.alert)
def test_an_alert_fires_for_its_case_alone(case: Case, tmp_path: Path) -> None:
    before = [_firing(minute) for minute in (60, 100)]
    _judged(tmp_path, HEALTHY | case.wrong, [*before, _firing(100 + case.after, {case.alert: case.times})])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.alert)
def test_almost_is_not_enough(case: Case, tmp_path: Path) -> None:
    _judged(tmp_path, HEALTHY | case.almost, [_firing(minute) for minute in (100, 101, 103, 110, 130, 300)])


def test_what_an_alert_says_is_for_people(tmp_path: Path) -> None:
    """The sentences with a number in them, as they arrive."""
    case = next(case for case in CASES if case.alert == "HeartbeatTickerDead")
    told = {
        "exp_labels": {"severity": "critical", "job": "heartbeat", "instance": "a:8000"},
        "exp_annotations": {
            "summary": "Checking has stopped in a:8000.",
            "description": "The last clean tick in a:8000 ended 10m 0s ago; normally one ends every second. "
            "This process no longer judges checks, escalates incidents or sends pages.",
            "runbook_url": "docs/runbooks/HeartbeatTickerDead.md",
        },
    }
    asked = {"eval_time": "110m", "alertname": case.alert, "exp_alerts": [told]}
    _judged(tmp_path, HEALTHY | case.wrong, [], [asked])


def _firing(minute: int, alerts: Mapping[str, int] | None = None) -> dict[str, Any]:
    """What must be firing then, and nothing else."""
    samples = [
        {"labels": f'{{alertname="{alert}"}}', "value": count} for alert, count in (alerts or {}).items()
    ]
    return {"expr": FIRING, "eval_time": f"{minute}m", "exp_samples": samples}


def _judged(
    home: Path, series: Series, expressions: list[dict[str, Any]], alerts: list[dict[str, Any]] | None = None
) -> None:
    group = {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": expressions,
        "alert_rule_test": alerts or [],
    }
    asked = home / "asked.yaml"
    asked.write_text(
        json.dumps({"rule_files": [str(RULES)], "evaluation_interval": "1m", "tests": [group]}, indent=1)
    )
    found = _promtool("test", "rules", str(asked))
    assert found.returncode == 0, found.stdout + found.stderr


def _promtool(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [installed("promtool"), *arguments], capture_output=True, text=True, timeout=60, check=False
    )
