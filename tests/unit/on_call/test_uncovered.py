"""Gaps of coverage in words."""

from dataclasses import replace
from datetime import datetime, timedelta

from alerting.coverage import Gap, Lack
from alerting.severity import Severity
from heartbeat.on_call import uncovered

HOUR = timedelta(hours=1)
NOW = datetime.fromisoformat("2026-11-30T12:00:00+00:00")
FRIDAY = datetime.fromisoformat("2026-12-04T09:00:00+01:00")
GAP = Gap("ops", FRIDAY, FRIDAY + 8 * HOUR, Lack.NOBODY)


def test_a_few_gaps_are_named_and_the_others_counted() -> None:
    gaps = [
        replace(GAP, start=FRIDAY + day * 24 * HOUR, end=FRIDAY + (24 * day + 1) * HOUR) for day in range(7)
    ]
    words = uncovered.why(gaps, NOW, "Europe/Berlin")
    assert words.startswith("Fri 04 Dec 09:00 to 10:00 CET: nobody is on call; Sat 05 Dec 09:00 to 10:00 CET")
    assert words.endswith("; and 2 more gaps")


def test_the_advice_is_about_the_worst_gap() -> None:
    gaps = [replace(GAP, lack=Lack.UNPROVEN, people=("Anna",)), GAP]
    symptom = uncovered.symptom(gaps, NOW, "UTC", None)
    assert symptom.facts.runbook == "take the shift, or let somebody else take it, under On call"
    assert symptom.facts.why.startswith(
        "Fri 04 Dec 08:00 to 16:00 UTC: nobody on call has a proven contact (Anna); "
    )


def test_only_gaps_that_begin_soon_count() -> None:
    assert uncovered.soon([GAP], NOW, 72 * HOUR) == []
    assert uncovered.soon([GAP], NOW + 24 * HOUR, 72 * HOUR) == [GAP]


def test_a_gap_of_nobody_that_has_begun_is_worse_than_one_of_an_unproven_contact() -> None:
    begun = replace(GAP, start=NOW)
    unproven = replace(begun, lack=Lack.UNPROVEN, people=("Anna",))
    nobody, doubtful = (uncovered.symptom([gap], NOW, "UTC", None) for gap in (begun, unproven))
    assert (nobody.severity, doubtful.severity) == (Severity.ERROR, Severity.WARNING)
    assert "terminal" in nobody.facts.description
    assert (
        doubtful.facts.description
        == "Pages in that time go to contacts of which nobody knows whether they work."
    )
