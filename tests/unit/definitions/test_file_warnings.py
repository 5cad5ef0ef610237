"""Warnings about entries of the file that are right, but perhaps not meant."""

import pytest

from tests.unit.definitions.declared import parse

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
