"""Warnings about entries of the file that are right, but perhaps not meant."""

from pathlib import Path

import pytest

from heartbeat.definitions import file
from tests.unit.definitions.declared import KINDS, parse

POLICY = "people: {me: {contacts: [{console: x}]}}\npolicies: {ops: [{page: me, wait: 5m}]}\n"
SUMMER = "EST is UTC-5 all year, also in summer; if you mean local time, write America/New_York."


def test_a_zone_without_summer_time_is_a_warning_where_it_is_written() -> None:
    text = (
        "timezone: EST\n" + POLICY + "checks:\n"
        "  a: {schedule: 0 3 * * *}\n"
        "  b:\n    schedule: 0 3 * * *\n    timezone: Etc/GMT+5\n"
        "  c:\n    on_calendar: 03:00 EST\n"
    )
    assert parse(text).warnings == (
        f"f:1: timezone: {SUMMER}",
        "f:8: checks.b.timezone: Etc/GMT+5 is UTC-5: the sign in this name is the opposite one.",
        f"f:10: checks.c.on_calendar: {SUMMER}",
    )


def test_a_component_that_shows_the_progress_of_no_check_is_a_warning() -> None:
    text = POLICY + (
        "checks: {repair: {every: 1d, labels: {a: b}}}\n"
        "status_pages:\n  p:\n    title: t\n    components:\n"
        "      - {name: x, match: {a: b}, progress: repair}\n"
        "      - {name: y, match: {a: b}, progress: repairs}\n"
    )
    assert parse(text).warnings == (
        "f:9: status_pages.p.components[1].progress: is no check of this file, so this row shows no progress.",
    )


def test_labels_of_a_rule_or_of_a_parent_that_fit_no_check_are_a_warning() -> None:
    text = (
        "rules:\n"
        "  - {match: {team: web}, rule: rows > 0}\n"
        "  - {match: {team: wbe}, rule: rows > 0}\n" + POLICY + "checks:\n"
        "  one: {every: 1d, labels: {team: web}}\n"
        "  two:\n    every: 1d\n    after: [one, {team: web}, {nope: y}]\n"
        "  three: {every: 1d, after: {nope: y}}\n"
    )
    assert parse(text).warnings == (
        "f:3: rules[1].match: fits no check of this file.",
        "f:10: checks.two.after[2]: fits no check of this file.",
        "f:11: checks.three.after: fits no check of this file.",
    )


@pytest.mark.parametrize("offline", [True, False])
def test_a_parent_that_is_no_check_of_the_file_is_a_warning_where_no_database_knows_the_others(
    offline: bool,
) -> None:
    """Elsewhere it is an error, or a check of the API."""
    text = POLICY + (
        "checks:\n"
        "  backup: {every: 1d, formerly: nightly}\n"
        "  report:\n    every: 1d\n    after: [backup, nightly, nightly-bakup]\n"
        "  mail: {every: 1d, after: bakup}\n"
    )
    parsed = file.parse(text, "f", notifiers=KINDS, env={}, read=Path.read_text, offline=offline)
    assert parsed.warnings == (
        (
            "f:7: checks.report.after[2]: there is no check nightly-bakup in this file, and without --offline it must "
            "exist.",
            "f:8: checks.mail.after: there is no check bakup in this file, and without --offline it must exist.",
        )
        if offline
        else ()
    )


@pytest.mark.parametrize(
    ("fields", "warned"),
    [
        ("schedule: 0 3 * * *, window: 05:00-06:00", "at 03:00 every day, UTC"),
        ("schedule: 0 3 * * *, window: 05:00-06:00, grace: 2h", ""),
        ("schedule: 0 3 * * *, window: 02:00-04:00", ""),
        ("schedule: 0 3 * * *, timezone: Asia/Tokyo, window: 02:00-04:00", ""),
        ("schedule: 0 23 * * *, window: 22:00-04:00", ""),
        ("schedule: 0 12 * * *, window: 22:00-04:00", "at 12:00 every day, UTC"),
        ("every: 1h, window: 05:00-06:00", ""),
    ],
)
def test_a_window_in_which_no_run_is_due_is_a_warning(fields: str, warned: str) -> None:
    parsed = parse(POLICY + f"checks:\n  report: {{{fields}}}\n")
    told = f"f:4: checks.report.window: no run of this check is due in it, but {warned}."
    assert parsed.warnings == ((told,) if warned else ())


def chain(parent: str, child: str) -> tuple[str, ...]:
    text = POLICY + f"checks:\n  backup: {{{parent}}}\n  report:\n    {child}\n    after: backup\n"
    return parse(text).warnings


@pytest.mark.parametrize(
    ("parent", "child", "lead", "grace"),
    [
        ("schedule: 0 1 * * *, grace: 1h", "schedule: 30 1 * * *", "25 min", "30m"),
        ("schedule: 0 1 * * 1, grace: 2h", "schedule: 0 2 * * *", "55 min", "1h"),
        ("every: 1h, grace: 30m", "every: 1h", "25 min", "30m"),
        ("every: 1h, alert_after: {missed: 2}", "every: 1h", "1 h", "1h5m"),
    ],
)
def test_a_check_that_pages_before_the_one_that_it_runs_after_is_a_warning(
    parent: str, child: str, lead: str, grace: str
) -> None:
    assert chain(parent, child) == (
        f"f:7: checks.report.after: its deadline comes {lead} before that of backup, so it pages first; "
        f"a grace of {grace} mends that.",
    )
    mended = child + f"\n    grace: {grace}"
    assert chain(parent, mended) == ()


@pytest.mark.parametrize(
    ("parent", "child"),
    [
        ("schedule: 0 1 * * *, grace: 1h", "schedule: 0 2 * * *"),
        ("schedule: 0 1 * * *, grace: 1h", "every: 1h"),
        ("every: 1d, grace: 1h", "every: 5m"),
        ("schedule: 0 1 * * *, grace: 1h", "schedule: 0 3 * * 1"),
    ],
)
def test_a_check_whose_deadline_comes_later_or_cannot_be_compared_is_no_warning(
    parent: str, child: str
) -> None:
    assert chain(parent, child) == ()


def a_fleet(label: str) -> str:
    jobs = "".join(f"  job-{n}: {{every: 5m, labels: {{host: h{n}}}}}\n" for n in range(3))
    return POLICY + "checks:\n" + jobs + f"  last:\n    every: 5m\n    labels:\n      {label}: h9\n"


@pytest.mark.parametrize("label", ["hots", "hosts", "Host", "hst"])
def test_a_label_used_once_beside_many_of_a_similar_name_is_a_warning(label: str) -> None:
    assert parse(a_fleet(label)).warnings == (
        f"f:10: checks.last.labels.{label}: no other check has this label, and 3 have host; did you mean that?",
    )


@pytest.mark.parametrize("label", ["host", "region", "host2"])
def test_a_label_with_the_usual_or_a_quite_different_name_is_no_warning(label: str) -> None:
    assert parse(a_fleet(label)).warnings == ()


def test_a_check_that_has_both_labels_means_both() -> None:
    text = a_fleet("hots").replace("hots: h9", "hots: h9\n      host: h9")
    assert parse(text).warnings == ()
