"""The incident that a down check belongs to."""

from collections.abc import Sequence

import pytest

from heartbeat.checks import cause
from heartbeat.checks.cause import Cause, IncidentIdentity, Membership
from heartbeat.checks.check import Check
from tests.unit.conftest import a_check


def incident_of(
    check: Check, down_for: Cause, policy: str | None = "ops", failures_by: Sequence[str] = ()
) -> IncidentIdentity:
    member = Membership(check.slug, check.name, check.labels, check.group_key, policy)
    return cause.of(down_for, member, failures_by)


def test_checks_with_the_same_label_share_a_fate_and_others_stand_alone() -> None:
    on_host = a_check("reset", labels={"host": "us", "region": "us"})
    alone = a_check("lonely", labels={"region": "us"})
    assert incident_of(on_host, Cause.SILENT) == IncidentIdentity("silent:ops:host=us", "us", "silent")
    assert incident_of(alone, Cause.SILENT) == IncidentIdentity("silent:ops:check=lonely", "lonely", "silent")


def test_silence_and_overrun_have_one_cause_and_failure_another() -> None:
    job = a_check("reset", labels={"host": "us"})
    assert incident_of(job, Cause.OVERRUN).key == incident_of(job, Cause.SILENT).key
    assert incident_of(job, Cause.FAILED) == IncidentIdentity("failed:ops:check=reset", "reset", "failed")
    assert incident_of(job, Cause.FAILED, failures_by=["host"]).key == "failed:ops:host=us"


def test_checks_with_different_policies_share_no_incident() -> None:
    job = a_check("reset", labels={"host": "us"})
    keys = {incident_of(job, Cause.SILENT, policy).key for policy in ("ops", "office", None)}
    assert len(keys) == 3


@pytest.mark.parametrize("key", ["silent:ops:host=a:b", "silent::host=a:b", "silent:host=a:b"])
def test_the_group_of_an_incident_is_in_its_key(key: str) -> None:
    assert cause.group_of(key) == "host=a:b"


def test_several_labels_make_one_key_and_no_value_can_pretend_to_be_another() -> None:
    key = cause.group_key("x", {"host": "a,region=b", "region": "c"}, ["host", "region"])
    assert key != cause.group_key("x", {"host": "a", "region": "b,region=c"}, ["host", "region"])
    assert cause.key_title(key) == "a,region=b c"
    assert cause.group_key("x", {"host": "a"}, ["host", "region"]) == "check=x"
    assert cause.group_key("x", {"host": "a"}, []) == "check=x"
