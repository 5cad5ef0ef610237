"""Checks translated into symptoms, and the groups that alerting asks about."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Connection

from alerting import desk
from alerting.escalation import Policy, Step
from alerting.incident import Symptom
from heartbeat import installation
from heartbeat.checks import life, placing, symptoms
from heartbeat.checks.check import Change, Check, Ping, Signal
from heartbeat.checks.symptoms import Fall
from tests.unit.conftest import FIRST, NOW, a_check

FIVE_MINUTES = timedelta(minutes=5)
DOWN_AT = NOW + timedelta(minutes=6)
STEPS = (Step((FIRST.id,), FIVE_MINUTES),)


def symptom_of(db: Connection, change: Change, job: Check, body: bytes | None = None) -> Symptom:
    (symptom,) = symptoms.of_falls(db, [Fall(change, job, body)], NOW)
    return symptom


def failed(job: Check) -> Change:
    return life.on_ping(job, Ping(Signal.FAIL, NOW, exit_status=2))


def test_the_key_of_a_symptom_leads_back_to_its_check() -> None:
    key = symptoms.key_of(a_check(id=12))
    assert symptoms.check_ids([key]) == {key: 12}


def test_a_key_that_is_not_of_a_check_leads_to_none() -> None:
    assert symptoms.check_ids(["notifier:3"]) == {}


def test_the_symptom_of_a_silent_check_has_its_due_time(db: Connection) -> None:
    desk.install(db, [FIRST], [Policy("ops", STEPS)], {})
    job = a_check(id=7, labels={"host": "a"}, policy="ops")
    symptom = symptom_of(db, life.fallen_silent(job, DOWN_AT), job)
    assert (symptom.key, symptom.cause_key, symptom.incident_title) == ("check:7", "silent:ops:host=a", "a")
    assert (symptom.title, symptom.cause, symptom.policy) == ("job", "silent", "ops")
    assert (symptom.facts.expected_at, symptom.facts.never_well) == (NOW + FIVE_MINUTES, True)


def test_the_symptom_of_a_failed_check_has_the_last_line_of_its_ping(db: Connection) -> None:
    job = replace(a_check(id=7, labels={"host": "a"}), last_ok_at=NOW - FIVE_MINUTES)
    symptom = symptom_of(db, failed(job), job, b"copying\nno space left\n \n")
    assert (symptom.cause, symptom.cause_key) == ("failed", "failed::check=job")
    assert (symptom.facts.last_said, symptom.facts.expected_at) == ("no space left", None)
    assert (symptom.facts.never_well, symptom.facts.last_well_at) == (False, NOW - FIVE_MINUTES)


def test_the_symptom_of_a_check_that_keeps_failing_has_the_time_of_its_newest_failure(db: Connection) -> None:
    first = failed(a_check(id=7)).check
    again = life.on_ping(first, Ping(Signal.FAIL, NOW + FIVE_MINUTES))
    facts = symptom_of(db, again, first).facts
    assert (facts.since, facts.why_at) == (NOW, NOW + FIVE_MINUTES)


def test_an_incident_opens_under_the_name_of_the_installation(db: Connection) -> None:
    desk.install(db, [FIRST], [Policy("ops", (Step((FIRST.id,), FIVE_MINUTES),))], {})
    names: list[str | None] = []
    for slug in ("one", "two"):
        job = a_check(slug, id=len(names) + 1)
        placing.raise_(db, [Fall(failed(job), job)], NOW)
        names.append(installation.name(db))
        installation.rename(db)
    assert [incident.installation for incident in desk.incidents(db)] == names[::-1]
    assert len({*names, installation.name(db)}) == 3


@pytest.mark.parametrize(
    ("body", "line"),
    [
        (None, ""),
        (b"", ""),
        (b"\n \n", ""),
        (b"\xff\x1b[31mred", "\N{REPLACEMENT CHARACTER} [31mred"),
        (b"x" * 300, "x" * symptoms.LONGEST_LINE),
    ],
)
def test_the_last_line_is_short_printable_text(body: bytes | None, line: str, db: Connection) -> None:
    job = a_check(id=7)
    assert symptom_of(db, failed(job), job, body).facts.last_said == line


def test_a_check_that_is_not_down_has_no_symptom(db: Connection) -> None:
    up = life.on_ping(a_check(id=7), Ping(Signal.SUCCESS, NOW))
    with pytest.raises(TypeError):
        symptom_of(db, up, a_check(id=7))


def test_failures_are_grouped_as_the_configuration_says(db: Connection) -> None:
    job = a_check(id=7, labels={"host": "a", "team": "web"})
    installation.remember(db, "group_failures_by", ["team"])
    symptom = symptom_of(db, failed(job), job)
    assert (symptom.cause_key, symptom.incident_title) == ("failed::team=web", "web")


def test_the_default_policy_stands_in_where_that_of_a_check_does_not_exist(db: Connection) -> None:
    desk.install(db, [FIRST], [Policy("day", STEPS), Policy("night", STEPS)], {})
    jobs = [a_check("one"), a_check("two", policy="night"), a_check("three", policy="gone")]
    raised = symptoms.of_falls(db, [Fall(failed(job), job) for job in jobs], NOW)
    assert installation.default_policy(db) == "day"
    assert [symptom.policy for symptom in raised] == ["day", "night", "day"]
    assert raised[1].cause_key == "failed:night:check=two"
