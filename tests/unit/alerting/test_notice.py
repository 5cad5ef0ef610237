"""Notices, read as a tired person reads them."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from alerting import notice
from alerting.escalation import Policy, Step
from alerting.incident import CauseWords, Facts, Incident, RaisedSymptom, State, Surroundings
from alerting.notice import SMS_LIMIT, TITLE_LIMIT, Links, NoticeKind, Subject
from alerting.person import Contact, Person
from alerting.severity import Severity
from heartbeat.checks import cause

AT = datetime(2024, 5, 3, 3, 15, 10, tzinfo=UTC)
FIRST = Person("first", "First responder", (Contact("console", "terminal"),))
INCIDENT = Incident(
    id=12,
    cause_key="silent:host=us-housekeeping",
    title="us-housekeeping",
    cause="silent",
    state=State.OPEN,
    severity=Severity.CRITICAL,
    occurrence=1,
    policy=Policy("ops", (Step(("first",), timedelta(minutes=5)), Step(("second",), timedelta(minutes=5)))),
    step=1,
    opened_at=AT - timedelta(seconds=10),
    next_at=AT + timedelta(minutes=5),
)


def symptom(title: str, **changes: object) -> RaisedSymptom:
    facts = Facts(
        since=AT,
        expected_at=datetime(2024, 5, 3, 3, 0, tzinfo=UTC),
        last_heard_at=datetime(2024, 5, 2, 3, 1, tzinfo=UTC),
        last_said="reset 18 211 accounts",
        why="was not heard in time",
    )
    template = RaisedSymptom(
        id=1,
        incident_id=12,
        key="check:1",
        title=title,
        cause="silent",
        severity=Severity.CRITICAL,
        facts=facts,
        raised_at=AT,
        cleared_at=None,
        cleared_why=None,
    )
    return replace(template, **changes)  # type: ignore[arg-type]  # the test names the fields


JOBS = [symptom(name) for name in ("daily-cpu-reset", "log-rotation", "quota-report", "stale-session-sweep")]
AROUND = Surroundings(
    total=11,
    alive=7,
    newest_at=datetime(2024, 5, 3, 3, 4, tzinfo=UTC),
    others=("eu-housekeeping 11 of 11 alive",),
)


def subject(kind: NoticeKind = NoticeKind.PAGE, **changes: object) -> Subject:
    template = Subject(
        kind=kind,
        page="page-5",
        sequence=0,
        words="",
        step=0,
        incident=INCIDENT,
        symptoms=JOBS,
        surroundings=AROUND,
        describe=cause.in_words,
        person=FIRST,
        next_people=["Second responder"],
        links=Links("https://h.example/incidents/12", "https://h.example/answer/token"),
    )
    return replace(template, **changes)  # type: ignore[arg-type]  # the test names the fields


def test_the_page_answers_in_the_order_of_need() -> None:
    page = notice.compose(subject(), AT)
    assert page.title == "CRITICAL us-housekeeping: 4 of 11 jobs silent"
    assert page.lines == (
        "daily-cpu-reset due 03:00, last heard 02 May 03:01 UTC (24 h 14 min ago)",
        "log-rotation due 03:00, last heard 02 May 03:01 UTC (24 h 14 min ago)",
        "quota-report due 03:00, last heard 02 May 03:01 UTC (24 h 14 min ago)",
        "stale-session-sweep due 03:00, last heard 02 May 03:01 UTC (24 h 14 min ago)",
        "7 jobs on us-housekeeping alive, newest 03:04; eu-housekeeping 11 of 11 alive",
        "last said: reset 18 211 accounts",
        "You are first on call (ops). If nobody answers, Second responder is paged at 03:20 UTC",
    )
    assert page.ack_url == "https://h.example/answer/token"


def test_ten_questions_are_answered_within_twelve_lines() -> None:
    page = notice.compose(subject(), AT)
    text = "\n".join([page.title, *page.lines][:12])
    fault, how_many, since, bad = "daily-cpu-reset", "4 of 11", "(24 h 14 min ago)", "CRITICAL"
    due, alive, last, why_me, who_next = (
        "due 03:00",
        "7 jobs",
        "02 May 03:01",
        "You are first on call (ops)",
        "Second responder is paged",
    )
    for answer in (fault, how_many, since, bad, due, alive, last, why_me, who_next):
        assert answer in text
    assert page.ack_url is not None


def test_times_are_in_the_readers_zone_with_the_zone_named() -> None:
    londoner = replace(FIRST, timezone="Europe/London")
    page = notice.compose(subject(person=londoner), AT)
    assert page.lines[0].startswith("daily-cpu-reset due 04:00, last heard 02 May 04:01 BST")


HEARD = AT - timedelta(minutes=1)


@pytest.mark.parametrize(
    ("facts", "line"),
    [
        (
            Facts(AT, last_heard_at=AT, last_well_at=HEARD, why="exit status 1"),
            "backup: exit status 1 at 03:15, last succeeded 03:14 UTC (1 min ago)",
        ),
        (
            Facts(AT, last_heard_at=AT, never_well=True, why="reported failure"),
            "backup: reported failure at 03:15, has never succeeded",
        ),
        (Facts(AT, last_heard_at=AT, why="reported failure"), "backup: reported failure at 03:15"),
        (
            Facts(AT, began_at=HEARD, why="still running after its maximum run time of 10 s"),
            "backup still running after its maximum run time of 10 s, started 03:14 UTC (1 min ago)",
        ),
        (Facts(AT, expected_at=HEARD, never_well=True), "backup due 03:14, never heard"),
    ],
)
def test_each_cause_tells_its_own_facts(facts: Facts, line: str) -> None:
    page = notice.compose(subject(symptoms=[symptom("backup", facts=facts)]), AT)
    assert page.lines[0] == line


def test_one_job_alone_on_its_host_is_called_by_its_own_name_without_counts() -> None:
    alone = subject(symptoms=JOBS[:1], surroundings=Surroundings())
    page = notice.compose(alone, AT)
    assert page.title == "CRITICAL daily-cpu-reset: silent"
    assert "alive" not in page.text


def test_every_silent_job_is_named_however_many_there_are() -> None:
    many = [symptom(f"job-{n}") for n in range(300)]
    page = notice.compose(subject(symptoms=many, surroundings=Surroundings(300, 0)), AT)
    assert page.title == "CRITICAL us-housekeeping: 300 of 300 jobs silent"
    assert all(f"job-{n}" in page.text for n in range(300))
    assert len(page.lines) <= 10


def test_joiners_and_returns_are_told_in_short() -> None:
    more = [*JOBS, symptom("mail-queue"), symptom("node-probe")]
    update = notice.compose(subject(NoticeKind.UPDATE, words="+2", symptoms=more), AT)
    assert update.title == "+2 on us-housekeeping (6 of 11 jobs silent)"


@pytest.mark.parametrize("state", [State.ACKNOWLEDGED, State.SNOOZED])
def test_an_acknowledgement_tells_the_end_of_the_quiet(state: State) -> None:
    quiet = replace(INCIDENT, state=state, next_at=AT + timedelta(hours=4))
    notification = notice.compose(
        subject(NoticeKind.ACKNOWLEDGED, incident=quiet, words="acknowledged by Pedro"), AT
    )
    assert notification.title.endswith(": acknowledged by Pedro")
    assert re.fullmatch(
        r"No more pages until \S+ .+\. If it is not over by then, it pages again\.", notification.lines[0]
    )
    reopened = replace(quiet, state=State.OPEN)
    notification = notice.compose(
        subject(NoticeKind.ACKNOWLEDGED, incident=reopened, words="acknowledged by Pedro"), AT
    )
    assert not notification.lines[0].startswith("No more pages")


def test_a_recovery_says_since_when_and_how_long_it_was_silent() -> None:
    ended = replace(
        INCIDENT,
        state=State.RESOLVED,
        next_at=None,
        resolved_by="recovery",
        resolved_at=datetime(2024, 5, 3, 7, 53, 0, tzinfo=UTC),
    )
    back = [replace(job, cleared_at=ended.resolved_at) for job in JOBS]
    whole = replace(AROUND, alive=11)
    recovery = notice.compose(
        subject(NoticeKind.RECOVERED, incident=ended, symptoms=back, surroundings=whole),
        ended.resolved_at or AT,
    )
    assert recovery.title == "OK us-housekeeping: all 11 alive since 07:53"
    assert recovery.lines[0].startswith("It was silent for 4 h 38 min: daily-cpu-reset, log-rotation")
    assert recovery.ack_url is None


@pytest.mark.parametrize(
    ("called", "words"), [("failed", "It was failing for"), ("overrun", "It was overrunning for")]
)
def test_a_recovery_names_the_cause_in_the_past(called: str, words: str) -> None:
    ended = replace(
        INCIDENT, cause=called, state=State.RESOLVED, next_at=None, resolved_by="recovery", resolved_at=AT
    )
    assert notice.compose(subject(NoticeKind.RECOVERED, incident=ended), AT).lines[0].startswith(words)


def test_a_notice_uses_the_words_of_any_cause() -> None:
    """A cause that alerting has never heard of reads as well as any other."""

    def describe(_: str) -> CauseWords:
        return CauseWords("ineffective", "ran without effect", "was without effect")

    new = [
        replace(job, cause="no_effect", facts=replace(job.facts, expected_at=None, why=""))
        for job in JOBS * 2
    ]
    incident = replace(INCIDENT, cause="no_effect")
    page = notice.compose(subject(incident=incident, symptoms=new, describe=describe), AT)
    assert page.title == "CRITICAL us-housekeeping: 8 of 11 jobs ineffective"
    assert page.lines[0].startswith("daily-cpu-reset: ineffective at 03:15")
    assert page.lines[5].startswith("also ineffective: ")
    ended = replace(incident, state=State.RESOLVED, next_at=None, resolved_by="recovery", resolved_at=AT)
    notice_of_end = notice.compose(subject(NoticeKind.RECOVERED, incident=ended, describe=describe), AT)
    assert notice_of_end.lines[0].startswith("It was without effect for ")
    assert "no_effect" not in page.text + notice_of_end.text


def test_an_incident_that_did_not_recover_is_closed_and_not_ok() -> None:
    moved = replace(INCIDENT, state=State.RESOLVED, next_at=None, resolved_by="Ann", resolved_at=AT)
    closing = notice.compose(subject(NoticeKind.RECOVERED, incident=moved, words="resolved by Ann"), AT)
    assert closing.title == "CLOSED us-housekeeping: resolved by Ann"


@pytest.mark.parametrize("kind", list(NoticeKind)[:4])
def test_titles_and_short_texts_keep_their_limits(kind: NoticeKind) -> None:
    long = replace(INCIDENT, title="a very long name of a host that somebody gave to it " * 5)
    composed = notice.compose(subject(kind, incident=long, words="+2"), AT)
    assert len(composed.title) <= TITLE_LIMIT
    assert len(composed.short) <= SMS_LIMIT
    assert "\n" not in composed.title


def test_a_digest_names_every_cause_worst_first() -> None:
    calm = notice.compose(subject(incident=replace(INCIDENT, severity=Severity.WARNING, title="calm")), AT)
    worst = notice.compose(subject(), AT)
    combined = notice.digest([calm, worst], "https://h.example/incidents", AT)
    assert combined.lines == (worst.title, calm.title)
    assert combined.severity is Severity.CRITICAL
    assert combined.open_url == "https://h.example/incidents"


@pytest.mark.parametrize(
    ("step", "names", "line"),
    [
        (0, ["Ben"], "You are first on call (ops). If nobody answers, Ben is paged at 03:20 UTC"),
        (
            1,
            ["Ben", "Cleo"],
            "You are second on call (ops). If nobody answers, Ben and Cleo are paged at 03:20 UTC",
        ),
        (9, ["Ben"], "You are tenth on call (ops). If nobody answers, Ben is paged at 03:20 UTC"),
        (10, ["Ben"], "You are on call in step 11 (ops). If nobody answers, Ben is paged at 03:20 UTC"),
        (99, ["Ben"], "You are on call in step 12 (ops). If nobody answers, Ben is paged at 03:20 UTC"),
    ],
)
def test_a_page_says_your_place_and_who_is_next(step: int, names: list[str], line: str) -> None:
    long = replace(INCIDENT, policy=Policy("ops", (Step(("first",), timedelta(minutes=5)),) * 12))
    page = notice.compose(subject(step=step, incident=long, next_people=names), AT)
    assert page.lines[-1] == line
