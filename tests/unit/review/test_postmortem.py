"""The draft of a post-mortem: how long it took, what happened in its order, and room for what people learn."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from alerting.desk import Attempt, Dossier
from alerting.incident import Entry, Facts, State
from alerting.notice import NoticeKind
from heartbeat.review import postmortem
from heartbeat.review.postmortem import Material
from heartbeat.status.announcement import Announcement, AnnouncementKind, Impact, Status, Update
from tests.unit.conftest import NOW
from tests.unit.review.test_timeline import INCIDENT, MINUTE, dossier, message, symptom

HOME = "https://hb.example.com"
FACTS = Facts(NOW, expected_at=NOW - 15 * MINUTE, last_heard_at=NOW - 75 * MINUTE)
OVER = replace(INCIDENT, state=State.RESOLVED, resolved_at=NOW + 92 * MINUTE, next_at=None)
STORY = (
    (NOW, "down", "job-1 was not heard in time"),
    (NOW + 16 * MINUTE, "acknowledged", "acknowledged by Ben"),
    (NOW + 92 * MINUTE, "resolved", "all well again"),
)


def drafted(
    told: Dossier,
    title: str = "us",
    *,
    plots: Mapping[str, Sequence[str]] | None = None,
    announcements: Sequence[Announcement] = (),
) -> str:
    """Return the draft of this incident. Anna is first on call; the check of job-1 is still there."""
    material = Material(told, title, {"first": "Anna"}, {"check:1": "job-1"}, plots or {}, announcements)
    return postmortem.draft(material, HOME)


def section(text: str, title: str) -> list[str]:
    """Return the lines of a section."""
    return text.partition(f"## {title}\n\n")[2].partition("\n\n## ")[0].splitlines()


def test_a_draft_says_how_long_it_took_to_detect_acknowledge_and_resolve() -> None:
    text = drafted(dossier(*STORY, symptoms=[symptom(1, FACTS)], incident=OVER))
    assert text.startswith("# us: post-mortem (draft)\n")
    assert "- Detected 15 min after the first due time." in text
    assert "- Acknowledged after 16 min." in text
    assert "- Resolved after 1 h 32 min." in text


def test_a_draft_tells_the_story_in_its_order() -> None:
    text = drafted(dossier(*STORY, symptoms=[symptom(1, FACTS)], incident=OVER))
    story = [line.partition(" UTC ")[2] for line in text.splitlines() if " UTC " in line and line[0] == "-"]
    assert story == [
        "heard: job-1",
        "due: job-1",
        "down: job-1 was not heard in time",
        "acknowledged by Ben",
        "resolved: all well again",
    ]


def test_a_draft_tells_the_messages_of_a_moment_with_it() -> None:
    told = (NOW, "paged", "step 1 of ops: First"), (NOW, "told", "page to First by ntfy: accepted (200 OK)")
    (line,) = section(drafted(dossier(*told)), "Timeline")
    assert line.endswith(" UTC paged: step 1 of ops: First; page to First by ntfy: accepted (200 OK)")


def test_a_draft_has_each_job_with_what_was_wrong_and_its_end() -> None:
    well = replace(
        symptom(1, replace(FACTS, why="was not heard in time")),
        cleared_at=NOW + 90 * MINUTE,
        cleared_why="heard again",
    )
    text = drafted(dossier(*STORY, symptoms=[well, symptom(2, FACTS)], incident=OVER))
    assert "- [job-1](https://hb.example.com/checks/job-1): was not heard in time; heard again" in text
    assert "- job-2: silent; not fine again" in text


def test_a_draft_of_a_merged_incident_says_where_it_went_on() -> None:
    text = drafted(dossier(*STORY, symptoms=[symptom(1, FACTS)], incident=replace(OVER, merged_into=5)))
    assert "UTC. It went on as a part of [incident 5](https://hb.example.com/incidents/5)." in text
    assert "- Merged into incident 5 after 1 h 32 min." in text
    assert "- Resolved" not in text


def test_a_draft_of_an_open_incident_says_so() -> None:
    text = drafted(dossier(*STORY[:2], symptoms=[symptom(1, FACTS)]))
    assert "It is not over yet." in text
    assert "- Not resolved yet." in text


def test_the_words_of_jobs_and_people_do_not_become_markdown() -> None:
    text = drafted(dossier((NOW, "note", "see [here](x) <b>\n# end")), "us *east*")
    assert "# us \\*east\\*: post-mortem" in text
    assert "see \\[here\\](x) \\<b> # end" in text


def test_a_draft_has_each_page_with_its_attempts() -> None:
    told = dossier(*STORY, symptoms=[symptom(1, FACTS)], incident=OVER)
    assert section(drafted(told), "Pages") == ["Nobody was paged."]
    pages = [
        replace(message(1, NoticeKind.PAGE, "first", 0, NOW), words="step 1 of ops"),
        replace(
            message(2, NoticeKind.PAGE, "ben", 7, NOW + MINUTE),
            words="step 1 of ops, again",
            state="superseded",
        ),
        message(3, NoticeKind.RECOVERED, "first", 7, NOW + 2 * MINUTE),
    ]
    attempts = [
        Attempt(1, NOW, "ntfy", "unreachable", "503 [busy]"),
        Attempt(
            1, NOW + MINUTE, "sms", "accepted", "queued", "SM1", "undelivered", "no signal", NOW + 2 * MINUTE
        ),
    ]
    assert section(drafted(replace(told, pages=pages, attempts=attempts)), "Pages") == [
        "- 03 May 03:00 UTC Anna, step 1 of ops: ntfy unreachable at 03:00:00 (503 \\[busy\\]); "
        "sms accepted at 03:01:00, then undelivered at 03:02:00 (no signal)",
        "- 03 May 03:01 UTC ben, step 1 of ops, again: superseded",
    ]


def test_a_draft_has_the_plots_of_its_checks_as_text() -> None:
    told = dossier(*STORY, symptoms=[symptom(1, FACTS), symptom(2, FACTS)], incident=OVER)
    text = drafted(told, plots={"check:1": ["from 03 May", "state ···███"]})
    assert "[job-1](https://hb.example.com/checks/job-1)" in text
    fence = text.partition("```text\n")[2].partition("```")[0].splitlines()
    assert fence[1:] == ["", "job-1", "from 03 May", "state ···███"]
    assert "1 check without a plot." in text


def test_a_draft_has_the_notes_whole_and_their_beginning_in_the_timeline() -> None:
    words = "The disk of db-1 was full.\n\n# 1\n1. one\n- two\n2024 rows\n" + "We removed *old* dumps. " * 9
    told = replace(dossier(*STORY), timeline=[Entry(1, NOW, "note", words, "Ben")])
    text = drafted(told)
    assert section(text, "Notes") == [
        "- 03 May 03:00 UTC, Ben: The disk of db-1 was full.",
        "",
        "  \\# 1",
        "  1\\. one",
        "  \\- two",
        "  2024 rows",
        "  " + "We removed \\*old\\* dumps. " * 8 + "We removed \\*old\\* dumps.",
    ]
    (line,) = section(text, "Timeline")
    assert line.startswith(
        "- 03 May 03:00 UTC note: The disk of db-1 was full. # 1 1. one - two 2024 rows We removed"
    )
    assert "… (Ben)" in line
    assert section(drafted(dossier(*STORY)), "Notes") == ["Nobody wrote a note."]


def told_customers(number: int, *updates: Update, incident: int | None = 1) -> Announcement:
    return Announcement(
        number,
        "acme",
        AnnouncementKind.INCIDENT,
        f"Slow exports {number}",
        Status.RESOLVED,
        Impact.MINOR,
        NOW,
        NOW,
        NOW,
        incident_id=incident,
        updates=updates,
    )


def update(at: datetime, status: Status, body: str, *, automatic: bool = False) -> Update:
    return Update(1, at, status, body, "Ben", automatic)


def test_a_draft_has_what_customers_were_told() -> None:
    assert section(drafted(dossier(*STORY)), "What customers were told") == ["Nothing."]
    own = told_customers(
        7,
        update(NOW + 9 * MINUTE, Status.RESOLVED, "Exports are **fast** again."),
        update(NOW, Status.INVESTIGATING, "Exports are slow.\n\nMore soon.", automatic=True),
    )
    other = told_customers(8, incident=None)
    assert section(drafted(dossier(*STORY), announcements=[own, other]), "What customers were told") == [
        "[Slow exports 7](https://hb.example.com/announcements/7), on the status page acme.",
        "",
        "03 May 03:00 UTC, investigating, automatically:",
        "",
        "> Exports are slow.",
        ">",
        "> More soon.",
        "",
        "03 May 03:09 UTC, resolved, by Ben:",
        "",
        "> Exports are **fast** again.",
        "",
        "[Slow exports 8](https://hb.example.com/announcements/8), on the status page acme. "
        "Not linked to this incident.",
    ]
