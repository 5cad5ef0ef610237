"""The facts of a notice for machines."""

from dataclasses import replace

from alerting.notice_details import MOST_SYMPTOMS, details
from tests.unit.alerting.subjects import AT, INCIDENT, JOBS, SILENT, failed, subject, symptom


def test_a_machine_gets_the_facts_of_each_symptom_and_no_internal_key() -> None:
    facts = replace(
        SILENT, slug="cpu", uuid="c0ffee", labels={"host": "us"}, description="Resets.", runbook="Call"
    )
    told = details(subject(symptoms=[replace(JOBS[0], facts=facts)]), AT)
    assert told["symptoms"] == [
        {
            "slug": "cpu",
            "uuid": "c0ffee",
            "title": "daily-cpu-reset",
            "labels": {"host": "us"},
            "severity": "critical",
            "cause": "silent",
            "why": "was not heard in time",
            "evidence": "",
            "since": "2024-05-03T03:15:10+00:00",
            "due": "2024-05-03T03:00:00+00:00",
            "last_heard": "2024-05-02T03:01:00+00:00",
            "description": "Resets.",
            "runbook": "Call",
            "raised_at": "2024-05-03T03:15:10+00:00",
            "cleared_at": None,
            "waits_for": "",
        }
    ]


def test_the_cause_is_that_of_most_jobs_that_are_down_now() -> None:
    was_failed = replace(INCIDENT, cause="failed")
    assert details(subject(incident=was_failed), AT)["cause"] == "silent"
    assert (
        details(subject(symptoms=[*JOBS[:1], *(failed(f"{n}", n) for n in (7, 8))]), AT)["cause"] == "failed"
    )


def test_the_number_of_symptoms_is_bounded() -> None:
    told = details(subject(symptoms=[symptom(f"job-{n}", n) for n in range(MOST_SYMPTOMS + 1)]), AT)
    assert told["symptom_count"] == MOST_SYMPTOMS + 1
    assert len(told["symptoms"]) == MOST_SYMPTOMS  # type: ignore[arg-type]  # it is a list
