"""An incident's story: newest on top, nothing told twice, and as long as a reader can bear."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from alerting.desk import Attempt, Dossier, Page
from alerting.escalation import Policy, Step
from alerting.incident import Entry, Facts, Incident, RaisedSymptom, State
from alerting.news import NO_NEWS
from alerting.notice import NoticeKind
from alerting.severity import Severity
from heartbeat.http.pages import render
from heartbeat.review import timeline as incident_timeline
from heartbeat.review.timeline import Moment
from tests.unit.conftest import NOW

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
INCIDENT = Incident(
    id=1,
    cause_key="silent:host=us",
    title="us",
    cause="silent",
    state=State.OPEN,
    severity=Severity.ERROR,
    occurrence=1,
    policy=Policy("ops", (Step(("first",), 5 * MINUTE), Step(("second",), 5 * MINUTE))),
    step=1,
    opened_at=NOW,
    next_at=NOW + 5 * MINUTE,
)


def dossier(
    *timeline: tuple[datetime, str, str],
    symptoms: list[RaisedSymptom] | None = None,
    incident: Incident = INCIDENT,
) -> Dossier:
    """Return the dossier of an incident with this timeline."""
    return Dossier(
        incident, symptoms or [], [Entry(1, at, kind, line) for at, kind, line in timeline], [], []
    )


def symptom(number: int, facts: Facts) -> RaisedSymptom:
    """A job that is silent."""
    return RaisedSymptom(
        number, 1, f"check:{number}", f"job-{number}", "silent", Severity.ERROR, facts, NOW, None, None
    )


def message(number: int, kind: NoticeKind, person: str, step: int, at: datetime) -> Page:
    """A page that was delivered."""
    return Page(
        number,
        1,
        kind,
        person,
        1,
        step,
        Severity.ERROR,
        "",
        NO_NEWS,
        "delivered",
        at,
        0,
        "ntfy",
        "m",
        1,
        0,
        False,
        1,
        None,
        at,
    )


def test_entries_of_one_second_are_one_moment_and_the_newest_is_on_top() -> None:
    moments = incident_timeline.moments(
        dossier(
            (NOW, "down", "job-1 was not heard in time"),
            (NOW + timedelta(milliseconds=3), "down", "job-2 was not heard in time"),
            (NOW + MINUTE, "acknowledged", "acknowledged by Ann"),
        )
    )
    assert moments == [
        Moment(NOW + MINUTE, "acknowledged", ("acknowledged by Ann",)),
        Moment(NOW, "down", ("job-1 was not heard in time", "job-2 was not heard in time")),
    ]


def test_accepted_messages_join_their_page_and_refused_ones_stand_apart() -> None:
    moments = incident_timeline.moments(
        dossier(
            (NOW, "paged", "step 1 of ops: Ann"),
            (NOW + 2 * SECOND, "not told", "page to Ann by ntfy: not reached (503)"),
            (NOW + 5 * SECOND, "told", "page to Ann by ntfy: accepted"),
            (NOW + MINUTE, "paged", "step 2 of ops: Bob"),
            (NOW + MINUTE + SECOND, "told", "page to Bob by ntfy: accepted"),
        )
    )
    assert [(moment.kind, moment.taken) for moment in moments] == [
        ("paged", ("page to Bob by ntfy: accepted",)),
        ("told", ()),
        ("not told", ()),
        ("paged", ()),
    ]


@pytest.mark.parametrize("kind", ["handed over", "handed on", "reassigned", "withdrawn", "moved on"])
def test_messages_join_whatever_has_sent_them(kind: str) -> None:
    moments = incident_timeline.moments(
        dossier(
            (NOW, kind, "Ben is on call for infra now, and Anna is not any more"),
            (NOW + SECOND, "told", "page to Ben by ntfy: accepted"),
            (NOW + 2 * SECOND, "told", "page to Ben by ntfy: delivered"),
        )
    )
    assert [(moment.kind, moment.taken) for moment in moments] == [
        (kind, ("page to Ben by ntfy: accepted", "page to Ben by ntfy: delivered"))
    ]


def test_unanswered_pages_are_one_moment() -> None:
    pages = [(NOW + n * 30 * MINUTE, "paged", "step 2 of ops, again: Bob") for n in range(10)]
    taken = [(at + SECOND, "told", f"page to Bob: accepted {at:%H:%M}") for at, *_ in pages]
    (moment,) = incident_timeline.moments(dossier(*sorted(pages + taken)))
    assert (moment.at, moment.times, moment.since) == (pages[-1][0], 10, NOW)
    assert moment.taken == (f"page to Bob: accepted {moment.at:%H:%M}",)


def test_the_story_begins_with_what_was_heard_and_what_was_due() -> None:
    symptoms = [
        symptom(1, Facts(NOW, expected_at=NOW - 15 * MINUTE, last_heard_at=NOW - timedelta(days=1))),
        symptom(2, Facts(NOW, expected_at=NOW - 15 * MINUTE, last_heard_at=NOW - timedelta(hours=1))),
        symptom(3, Facts(NOW)),
    ]
    assert incident_timeline.moments(dossier(symptoms=symptoms)) == [
        Moment(NOW - 15 * MINUTE, "due", ("job-1", "job-2")),
        Moment(NOW - timedelta(hours=1), "heard", ("job-2, the last of these jobs to be heard",)),
    ]


def test_notes_say_who_wrote_them_and_are_not_told_together_with_those_of_others() -> None:
    notes = [("Ann", "first line\nsecond line"), ("Ann", "and more"), ("Bob", "I am on it")]
    timeline = [Entry(1, NOW, "note", line, by) for by, line in notes]
    assert incident_timeline.moments(replace(dossier(), timeline=timeline)) == [
        Moment(NOW, "note", ("I am on it",), by="Bob"),
        Moment(NOW, "note", ("first line\nsecond line", "and more"), by="Ann"),
    ]


def test_each_job_is_listed_once_and_those_down_come_first() -> None:
    first = [symptom(n, Facts(NOW)) for n in (1, 2, 3, 4)]
    back = [replace(raised, cleared_at=NOW + raised.id * MINUTE, cleared_why="ok") for raised in first[:3]]
    reraised = replace(symptom(1, Facts(NOW)), id=9, raised_at=NOW + 9 * MINUTE)
    worse = replace(symptom(5, Facts(NOW)), severity=Severity.CRITICAL, raised_at=NOW + 8 * MINUTE)
    assert incident_timeline.jobs([*back, first[3], worse, reraised]) == [
        worse,
        first[3],
        reraised,
        back[2],
        back[1],
    ]


def test_what_was_split_off_was_detected_in_the_other_incident() -> None:
    split_off = replace(INCIDENT, opened_at=NOW + 9 * MINUTE)
    due = Facts(since=NOW, expected_at=NOW - MINUTE)
    story = dossier(symptoms=[symptom(1, due)], incident=split_off)
    assert incident_timeline.measures(story)[0] == "detected 1 min after the first due time"


def test_the_end_of_a_merged_incident_is_told_as_merged() -> None:
    over = dossier((NOW, "resolved", "merged into incident 5 by Ann"))
    assert [moment.kind for moment in incident_timeline.moments(over)] == ["merged"]


def test_a_merged_incident_was_not_resolved() -> None:
    merged = replace(INCIDENT, state=State.RESOLVED, resolved_at=NOW + 9 * MINUTE, merged_into=5)
    told = ["not acknowledged here", "merged into incident 5 after 9 min"]
    assert incident_timeline.measures(dossier(incident=merged))[1:] == told


def test_a_storm_is_counted() -> None:
    (moment,) = incident_timeline.moments(
        dossier(*((NOW, "down", f"job-{n} was never heard") for n in range(500)))
    )
    assert len(moment.lines) == incident_timeline.LINES + 1
    assert moment.lines[-1] == "and 492 more"


@pytest.mark.parametrize(
    ("answered", "resolved", "states"),
    [
        (None, None, ["not acknowledged yet", "not resolved yet"]),
        (NOW + MINUTE, None, ["acknowledged after 1 min", "not resolved yet"]),
        (None, NOW + 9 * MINUTE, ["never acknowledged", "resolved after 9 min"]),
        (NOW + MINUTE, NOW + 9 * MINUTE, ["acknowledged after 1 min", "resolved after 9 min"]),
    ],
)
def test_the_times_to_detect_acknowledge_and_resolve(
    answered: datetime | None, resolved: datetime | None, states: list[str]
) -> None:
    timeline = [(answered, "acknowledged", "by Ann")] if answered else []
    state = State.RESOLVED if resolved else State.OPEN
    incident = replace(INCIDENT, state=state, resolved_at=resolved)
    due = symptom(1, Facts(NOW, expected_at=NOW - 15 * MINUTE))
    measures = incident_timeline.measures(dossier(*timeline, symptoms=[due], incident=incident))
    assert measures == ["detected 15 min after the first due time", *states]
    assert incident_timeline.measures(dossier(*timeline, incident=incident))[0] == "detected at once"


def test_messages_are_grouped_by_person() -> None:
    pages = [
        replace(message(1, NoticeKind.PAGE, "first", 0, NOW), words="step 1 of ops"),
        replace(message(2, NoticeKind.PAGE, "second", 7, NOW + MINUTE), words="step 2 of ops, again"),
        message(3, NoticeKind.RECOVERED, "first", 7, NOW + 2 * MINUTE),
    ]
    attempts = [
        Attempt(1, NOW, "ntfy", "unreachable", "503"),
        Attempt(1, NOW + SECOND, "ntfy", "accepted", ""),
    ]
    recipients = incident_timeline.recipients(
        replace(dossier(), pages=pages, attempts=attempts), {"first": "Ann"}
    )
    assert [
        (recipient.person, [message.title for message in recipient.messages]) for recipient in recipients
    ] == [
        ("Ann", ["End", "Page, step 1 of ops"]),
        ("second", ["Page, step 2 of ops, again"]),
    ]
    assert [attempt.outcome for attempt in recipients[0].messages[1].attempts] == ["unreachable", "accepted"]


def test_a_message_says_where_it_goes_next() -> None:
    later = NOW + 5 * MINUTE
    delivered = message(1, NoticeKind.PAGE, "first", 0, NOW)
    waiting = replace(message(2, NoticeKind.PAGE, "first", 0, NOW), state="pending")
    pages = [replace(delivered, onward_at=later, not_before=NOW), replace(waiting, not_before=later)]
    (recipient,) = incident_timeline.recipients(replace(dossier(), pages=pages), {})
    assert [(one.onward_at, one.held_until) for one in recipient.messages] == [(None, later), (later, None)]


@pytest.mark.parametrize(
    ("body", "end", "cut"),
    [
        (b"one\r\ntwo\r\n", "one\ntwo", False),
        (b"", "", False),
        (b"x" * 801, "x" * 800, True),
        (b"\n".join(b"%d" % n for n in range(25)), "\n".join(map(str, range(5, 25))), True),
        ("é".encode() * 800, "é" * 800, False),
        (b"\xff\xfe ok", "\ufffd\ufffd ok", False),
    ],
)
def test_the_end_of_a_body_is_shown(body: bytes, end: str, cut: bool) -> None:
    assert render.ending(body) == (end, cut)
