"""The catch-all: those who are paged where nobody of a policy can be reached, and why they are told."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Connection

from alerting import coverage, desk, escalation, escalator, outbox
from alerting.coverage import Gap, Lack
from alerting.crew import CatchAll, Crew
from alerting.escalation import CATCH_ALL, Policy, Step
from alerting.origin import Origin
from alerting.person import OPERATOR, Contact, Person
from alerting.proof import Proof
from alerting.severity import Severity
from tests.unit.alerting.conftest import MINUTE, PAGED_AT, a_symptom, story_of
from tests.unit.alerting.subjects import INCIDENT, subject
from tests.unit.alerting.test_notice_lines import lines
from tests.unit.conftest import NOW

MUTE = Person("mute", "Mute", ())
ANNA, ROOM = (
    Person("anna", "Anna", (Contact("pager", "anna"),)),
    Person("room", "Room", (Contact("pager", "room"),), channel=True),
)
OPS = Policy("ops", (Step(("mute",), 5 * MINUTE), Step(("gone",), 5 * MINUTE)))
EVERYBODY = {person.id: person for person in (MUTE, ANNA, ROOM)}
ERROR = Severity.ERROR


def crew(*last: str) -> Crew:
    return Crew(EVERYBODY, catch_all=last)


def test_the_terminal_is_the_catch_all_while_nobody_else_is_and_always_behind_them() -> None:
    assert escalation.recipients(["mute"], crew(), NOW) == [OPERATOR]
    assert escalation.recipients(["mute"], crew("anna", "room"), NOW) == [ANNA, ROOM]
    assert escalation.recipients(["mute"], crew("mute", "gone"), NOW) == [OPERATOR]
    assert escalation.recipients(["anna"], crew("room"), NOW) == [ANNA]


def test_without_any_policy_the_catch_all_is_paged() -> None:
    assert escalation.people_of(CATCH_ALL, 0, crew("room"), ERROR, NOW).people == [ROOM]
    assert escalation.people_of(CATCH_ALL, 0, crew(), ERROR, NOW).people == [OPERATOR]


def test_a_decision_says_why_the_catch_all_is_paged() -> None:
    reasons = [decision.reason for _, decision in escalation.ahead(OPS, 0, NOW, crew("anna"), ERROR)]
    why = "nobody of policy ops could be reached"
    assert reasons == [why, why, f"{why}, again"]


@pytest.mark.parametrize(
    ("shared", "who"), [(False, "so you are paged, as the catch-all"), (True, "so Anna is paged")]
)
def test_the_page_says_why_it_came(shared: bool, who: str) -> None:
    why = escalation.nobody_reached(INCIDENT.policy)
    line = lines(subject(words=why, shared=shared))[-1]
    assert line.startswith(f"Nobody of policy ops could be reached, {who}")
    assert "first on call" not in line


def test_where_nobody_of_a_policy_can_be_reached_the_catch_all_is_paged_again_and_again(
    db: Connection,
) -> None:
    desk.install(db, EVERYBODY.values(), [OPS], {}, catch_all=["room", "anna"])
    desk.raise_(db, [a_symptom()], NOW)
    escalator.sweep(db, PAGED_AT)
    pages = outbox.pages_of(db, 1)
    assert [(page.person, page.words) for page in pages] == [
        ("room", "nobody of policy ops could be reached"),
        ("anna", "nobody of policy ops could be reached"),
    ]
    assert story_of(db)[-1] == ("paged", "nobody of policy ops could be reached: Room, Anna")
    escalator.sweep(db, PAGED_AT + 5 * MINUTE)
    assert story_of(db)[-1][1].startswith("nobody of policy ops could be reached")


def test_an_edit_of_the_catch_all_applies_to_what_is_open(db: Connection) -> None:
    desk.install(db, EVERYBODY.values(), [OPS], {}, catch_all=["room"])
    desk.raise_(db, [a_symptom()], NOW)
    desk.install(db, EVERYBODY.values(), [OPS], {}, catch_all=["anna"])
    assert desk.catch_all(db) == CatchAll(("anna",))
    escalator.sweep(db, PAGED_AT)
    assert [page.person for page in outbox.pages_of(db, 1)] == ["anna"]


def test_what_was_defined_outside_of_the_file_stays_until_the_file_defines_another_one(
    db: Connection,
) -> None:
    desk.install(db, EVERYBODY.values(), [OPS], {})
    desk.define_catch_all(db, CatchAll(("anna", "room"), Origin.API))
    desk.install(db, EVERYBODY.values(), [OPS], {})
    stored = desk.catch_all(db)
    assert stored is not None
    assert (stored.names, stored.origin) == (("anna", "room"), Origin.API)
    desk.raise_(db, [a_symptom()], NOW)
    escalator.sweep(db, PAGED_AT)
    assert [page.person for page in outbox.pages_of(db, 1)] == ["anna", "room"]
    desk.install(db, EVERYBODY.values(), [OPS], {}, catch_all=["room"])
    stored = desk.catch_all(db)
    assert stored is not None
    assert (stored.names, stored.origin) == (("room",), Origin.FILE)
    desk.install(db, EVERYBODY.values(), [OPS], {})
    assert desk.catch_all(db) is None
    desk.define_catch_all(db, CatchAll(("anna",), Origin.API))
    desk.forget_catch_all(db)
    assert desk.catch_all(db) is None


def test_coverage_counts_people_of_the_catch_all_where_no_step_reaches_anybody() -> None:
    end, proven = NOW + timedelta(days=2), {("anna", ANNA.contacts[0].mark): Proof(proven_at=NOW)}
    assert coverage.gaps(OPS, crew("anna"), proven, NOW, end) == []
    (gap,) = coverage.gaps(OPS, crew("anna"), {}, NOW, end)
    assert gap == Gap("ops", NOW, None, Lack.UNPROVEN, ("Mute", "Anna"))
    # A room is nobody, and somebody of a step who can be paged keeps pages from the catch-all.
    assert coverage.gaps(OPS, crew("room"), {}, NOW, end)[0].lack is Lack.NO_CONTACT
    other = replace(OPS, steps=(Step(("room",), 5 * MINUTE),))
    assert coverage.gaps(other, crew("anna"), proven, NOW, end)[0].lack is Lack.NOBODY
