"""What is open goes over to whoever comes on call, and both hear of it."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Connection

from alerting import desk, escalator, relief
from alerting.desk import Relief
from alerting.escalation import Condition, Policy, Step
from alerting.incident import Facts, Symptom
from alerting.notice import NoticeKind
from alerting.outbox import Page
from alerting.rotation import Window
from alerting.severity import Severity
from alerting.working_hours import WorkingHours
from tests.unit.alerting.conftest import ANNA, BEN, HOUR, PAGED_AT, SILENT, a_symptom, story_of
from tests.unit.conftest import NOW

LATER = NOW + HOUR
BEN_FOR_ANNA = Relief("infra", (ANNA,), (BEN,))
MESSAGE = Symptom(
    "relief:infra", "relieved", "heartbeat", "infra", "relieved", SILENT, Severity.INFO, "ops", Facts(NOW)
)
BY_ROTATION = Policy("ops", (Step(("infra", "anna"), 2 * HOUR), Step(("other",), HOUR)))


@pytest.fixture(autouse=True)
def policy(db: Connection) -> None:
    desk.define_policy(db, BY_ROTATION)


def opened(db: Connection, key: str = "check:1", cause_key: str = "silent:host=a") -> None:
    """Open an incident whose first step has paged."""
    desk.raise_(db, [a_symptom(key, cause_key)], NOW)
    escalator.sweep(db, PAGED_AT)


def notices(db: Connection, number: int, kind: NoticeKind) -> list[Page]:
    dossier = desk.dossier(db, number)
    assert dossier is not None
    return [page for page in dossier.pages if page.kind is kind]


def test_whoever_comes_is_paged_for_what_nobody_has_acknowledged(db: Connection) -> None:
    opened(db)
    assert desk.relieve(db, BEN_FOR_ANNA, MESSAGE, "heartbeat", LATER) == [1]
    pages = notices(db, 1, NoticeKind.PAGE)
    words = "Ben is on call for infra now, and Anna is not any more"
    assert [(page.person, page.words) for page in pages][-1] == ("ben", words)
    assert ("handed over", words) in story_of(db)
    escalator.sweep(db, LATER + 2 * HOUR)  # The next step pages as ever.


@pytest.mark.parametrize(("severity", "pages"), [(Severity.ERROR, False), (Severity.CRITICAL, True)])
def test_whoever_comes_outside_of_working_hours_is_paged_for_what_is_critical_only(
    db: Connection, severity: Severity, pages: bool
) -> None:
    begins = timedelta(hours=NOW.hour, minutes=NOW.minute)
    office = WorkingHours((Window((NOW.weekday(),), begins, begins + HOUR / 2),), "UTC")
    desk.define_policy(db, replace(BY_ROTATION, warnings_wait_for=office))
    desk.raise_(db, [a_symptom(severity=severity)], NOW)
    escalator.sweep(db, PAGED_AT)
    assert desk.relieve(db, BEN_FOR_ANNA, MESSAGE, "heartbeat", LATER) == [1], "they hear of it all the same"
    assert [page.person for page in notices(db, 2, NoticeKind.RECOVERED)] == ["ben", "anna"]
    assert ("ben" in {page.person for page in notices(db, 1, NoticeKind.PAGE)}) == pages


def test_both_hear_what_is_open_and_who_has_it(db: Connection) -> None:
    opened(db)
    opened(db, "check:2", "silent:host=b")
    desk.acknowledge(db, 2, "Anna", PAGED_AT, until=LATER + HOUR)
    desk.relieve(db, BEN_FOR_ANNA, MESSAGE, "heartbeat", LATER)
    told = notices(db, 3, NoticeKind.RECOVERED)
    assert [page.person for page in told] == ["ben", "anna"]
    assert told[0].words.split("\n") == [
        "infra: Ben on call, 2 incidents open",
        "Ben is on call for infra now, and Anna is not any more.",
        "#1 a (silent): nobody has acknowledged it.",
        "#2 a (silent): acknowledged by Anna.",
    ]
    assert "ben" not in {page.person for page in notices(db, 2, NoticeKind.PAGE)}


def test_nothing_is_said_where_nothing_of_the_rotation_is_open(db: Connection) -> None:
    assert desk.relieve(db, BEN_FOR_ANNA, MESSAGE, "heartbeat", LATER) == []
    opened(db)
    other = Relief("other", (ANNA,), (BEN,))  # Its step has not come yet.
    assert desk.relieve(db, other, MESSAGE, "heartbeat", LATER) == []
    desk.clear(db, {"check:1": "heard"}, LATER)
    assert desk.relieve(db, BEN_FOR_ANNA, MESSAGE, "heartbeat", LATER + timedelta(seconds=1)) == []
    assert len(desk.incidents(db)) == 1


def test_a_step_that_is_not_meant_for_an_incident_hands_nothing_over(db: Connection) -> None:
    critical = Step(("infra",), HOUR, only=Condition((Severity.CRITICAL,)))
    desk.define_policy(db, Policy("ops", (critical, Step(("anna",), 2 * HOUR))))
    opened(db)  # An error: it falls through to Anna.
    assert desk.relieve(db, BEN_FOR_ANNA, MESSAGE, "heartbeat", LATER) == []
    desk.raise_(db, [a_symptom("check:2", "silent:host=b", Severity.CRITICAL)], NOW)
    escalator.sweep(db, PAGED_AT)
    assert desk.relieve(db, BEN_FOR_ANNA, MESSAGE, "heartbeat", LATER) == [2]


def test_whoever_has_a_page_of_it_already_gets_no_other(db: Connection) -> None:
    opened(db)
    desk.relieve(db, Relief("infra", (BEN,), (ANNA,)), MESSAGE, "heartbeat", LATER)
    assert [page.person for page in notices(db, 1, NoticeKind.PAGE)].count("anna") == 1


def test_a_shift_of_nobody_is_said_to_whoever_goes(db: Connection) -> None:
    opened(db)
    desk.relieve(db, Relief("infra", (ANNA,), ()), MESSAGE, "heartbeat", LATER)
    (told,) = notices(db, 2, NoticeKind.RECOVERED)
    assert (told.person, told.words.split("\n")[:2]) == (
        "anna",
        [
            "infra: nobody on call, 1 incident open",
            "Nobody is on call for infra now; Anna is not any more.",
        ],
    )


def test_the_message_names_some_and_counts_the_others(db: Connection) -> None:
    opened(db)
    (incident,) = desk.incidents(db)
    lines = relief.message(BEN_FOR_ANNA, [incident] * 12)
    assert (len(lines), lines[-1]) == (13, "And 2 more incidents.")


def test_the_screen_that_the_message_opens_says_who_took_over_what(db: Connection) -> None:
    opened(db)
    desk.relieve(db, BEN_FOR_ANNA, MESSAGE, "heartbeat", LATER)
    (symptom,) = desk.symptoms(db, [2])[2]
    assert symptom.facts.why == "Ben is on call for infra now, and Anna is not any more"
    assert symptom.facts.description == "#1 a (silent): nobody has acknowledged it."
