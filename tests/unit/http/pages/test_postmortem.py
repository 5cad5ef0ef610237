"""The draft of a post-mortem: how long it took, what happened in its order, and room for what people learn."""

from dataclasses import replace

from alerting.incident import Facts, State
from heartbeat.http.pages import postmortem
from tests.unit.conftest import NOW
from tests.unit.http.pages.test_timeline import INCIDENT, MINUTE, dossier, symptom

FACTS = Facts(NOW, expected_at=NOW - 15 * MINUTE, last_heard_at=NOW - 75 * MINUTE)
OVER = replace(INCIDENT, state=State.RESOLVED, resolved_at=NOW + 92 * MINUTE, next_at=None)
STORY = (
    (NOW, "down", "job-1 was not heard in time"),
    (NOW + 16 * MINUTE, "acknowledged", "acknowledged by Ben"),
    (NOW + 92 * MINUTE, "resolved", "all well again"),
)


def test_a_draft_says_how_long_it_took_to_detect_acknowledge_and_resolve() -> None:
    drafted = postmortem.draft(dossier(*STORY, symptoms=[symptom(1, FACTS)], incident=OVER), "us", {})
    assert drafted.startswith("# us: post-mortem (draft)\n")
    assert "- Detected 15 min after the first due time." in drafted
    assert "- Acknowledged after 16 min." in drafted
    assert "- Resolved after 1 h 32 min." in drafted


def test_a_draft_tells_the_story_in_its_order() -> None:
    drafted = postmortem.draft(dossier(*STORY, symptoms=[symptom(1, FACTS)], incident=OVER), "us", {})
    story = [
        line.partition(" UTC ")[2] for line in drafted.splitlines() if " UTC " in line and line[0] == "-"
    ]
    assert story == [
        "heard: job-1",
        "due: job-1",
        "down: job-1 was not heard in time",
        "acknowledged by Ben",
        "resolved: all well again",
    ]


def test_a_draft_has_each_job_with_what_was_wrong_and_its_end() -> None:
    well = replace(
        symptom(1, replace(FACTS, why="was not heard in time")),
        cleared_at=NOW + 90 * MINUTE,
        cleared_why="heard again",
    )
    drafted = postmortem.draft(dossier(*STORY, symptoms=[well, symptom(2, FACTS)], incident=OVER), "us", {})
    assert "- job-1: was not heard in time; heard again" in drafted
    assert "- job-2: silent; not fine again" in drafted


def test_a_draft_of_an_open_incident_says_so() -> None:
    drafted = postmortem.draft(dossier(*STORY[:2], symptoms=[symptom(1, FACTS)]), "us", {})
    assert "It is not over yet." in drafted
    assert "- Not resolved yet." in drafted


def test_the_words_of_jobs_and_people_do_not_become_markdown() -> None:
    drafted = postmortem.draft(dossier((NOW, "note", "see [here](x) <b>\n# end")), "us *east*", {})
    assert "# us \\*east\\*: post-mortem" in drafted
    assert "see \\[here\\](x) \\<b> # end" in drafted


def test_a_draft_counts_the_pages_of_each_person() -> None:
    told = dossier(*STORY, symptoms=[symptom(1, FACTS)], incident=OVER)
    assert "Nobody was paged." in postmortem.draft(told, "us", {})
