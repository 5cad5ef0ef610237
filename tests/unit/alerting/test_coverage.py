"""Gaps of coverage: shifts of nobody, people without contacts, and proofs that end."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from alerting import coverage, proof
from alerting.coverage import Gap, Lack
from alerting.crew import Crew, Team
from alerting.escalation import Condition, Policy, Step
from alerting.person import Contact, Person
from alerting.proof import Proof
from alerting.rotation import Change, Layer, Length, Override, Rotation, Window
from alerting.severity import Severity
from tests.unit.conftest import NOW

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MAIL, SMS = Contact("email", "a@example.com"), Contact("sms", "+440000000000")
ANNA, BEN = Person("anna", "Anna", (MAIL, SMS)), Person("ben", "Ben", (MAIL,))
NEVER_TRIED = Person("cleo", "Cleo", (MAIL,))
MUTE = Person("dan", "Dan", ())
PEOPLE = {person.id: person for person in (ANNA, BEN, NEVER_TRIED, MUTE)}
LONG = Proof(proven_at=NOW)
PROOFS = {("anna", SMS.mark): LONG, ("ben", MAIL.mark): LONG}
NOON = datetime.fromisoformat("2026-11-30T12:00:00+00:00")
FRIDAY = datetime.fromisoformat("2026-12-04T09:00:00+01:00")
SPRING = datetime.fromisoformat("2027-03-27T09:00:00+01:00")
START = NOW.replace(tzinfo=None) - DAY
END = NOW + coverage.AHEAD


def policy(*targets: str) -> Policy:
    return Policy("ops", tuple(Step((target,), HOUR) for target in targets))


def gaps(of: Policy, crew: Crew = Crew(PEOPLE), proofs: dict[tuple[str, str], Proof] = PROOFS) -> list[Gap]:  # noqa: B008 - a frozen value
    return coverage.gaps(of, crew, proofs, NOW, END)


def rotation(*people: str, shift: str = "1w", only: tuple[Window, ...] = ()) -> Rotation:
    return Rotation("infra", "UTC", (Layer(people, Length.parse(shift), START, only),))


def crew(rota: Rotation) -> Crew:
    return Crew(PEOPLE, {rota.name: rota}, {"both": Team("both", ("dan", "anna"))})


def test_one_proven_contact_of_one_person_of_any_step_is_enough() -> None:
    assert gaps(policy("anna")) == []
    assert gaps(policy("dan", "cleo", "anna")) == []
    assert gaps(policy("both"), crew(rotation("anna"))) == []


def test_the_reason_is_the_first_that_keeps_pages_from_a_human() -> None:
    assert gaps(policy("gone")) == [Gap("ops", NOW, None, Lack.NOBODY)]
    assert gaps(policy("gone", "dan")) == [Gap("ops", NOW, None, Lack.NO_CONTACT, ("Dan",))]
    assert gaps(policy("dan", "cleo")) == [Gap("ops", NOW, None, Lack.UNPROVEN, ("Dan", "Cleo"))]


def test_a_proof_that_ends_opens_a_gap() -> None:
    old = {("anna", SMS.mark): Proof(proven_at=NOW - proof.LASTS + 3 * DAY)}
    assert gaps(policy("anna"), proofs=old) == [Gap("ops", NOW + 3 * DAY, None, Lack.UNPROVEN, ("Anna",))]
    assert gaps(policy("anna", "ben"), proofs=old | {("ben", MAIL.mark): LONG}) == []


def test_only_proofs_of_those_whom_the_policy_may_page_part_its_gaps() -> None:
    soon = {("ben", MAIL.mark): Proof(proven_at=NOW - proof.LASTS + DAY)}
    assert len(gaps(policy("gone"), proofs=soon)) == 1
    assert coverage.edges(policy("gone"), Crew(PEOPLE), soon, NOW, END) == [NOW, END]
    assert coverage.edges(policy("both"), crew(rotation("ben")), soon, NOW, END) == [NOW, END]
    assert len(coverage.edges(policy("infra"), crew(rotation("ben")), soon, NOW, END)) == 3


def test_hours_of_a_rotation_leave_the_others_uncovered() -> None:
    office = Window(opens=9 * HOUR, closes=17 * HOUR)
    found = gaps(policy("infra"), crew(rotation("anna", "ben", only=(office,))))
    assert {gap.lack for gap in found} == {Lack.NOBODY}
    assert {(gap.start.hour, gap.end.hour) for gap in found[1:-1] if gap.end} == {(17, 9)}
    assert len(found) == 15
    assert gaps(policy("infra", "ben"), crew(rotation("anna", only=(office,)))) == []


def test_a_step_covers_only_what_it_is_meant_for() -> None:
    office = Condition(windows=(Window(opens=9 * HOUR, closes=17 * HOUR),))
    steps = (Step(("anna",), HOUR, only=office), Step(("ben",), HOUR, only=Condition((Severity.WARNING,))))
    found = gaps(Policy("ops", steps))
    assert {gap.lack for gap in found} == {Lack.NOBODY}
    assert {(gap.start.hour, gap.end.hour) for gap in found[1:-1] if gap.end} == {(17, 9)}


def test_the_shifts_of_whoever_cannot_be_reached_are_gaps() -> None:
    found = gaps(policy("infra"), crew(rotation("anna", "dan", "dan", "cleo", shift="2d")))
    assert [(gap.start - NOW, (gap.end or END) - NOW, gap.lack) for gap in found] == [
        (DAY, 5 * DAY, Lack.NO_CONTACT),
        (5 * DAY, 7 * DAY, Lack.UNPROVEN),
        (9 * DAY, 13 * DAY, Lack.NO_CONTACT),
        (13 * DAY, 14 * DAY, Lack.UNPROVEN),
    ]


def test_leave_without_a_substitute_is_a_gap_and_a_substitute_closes_it() -> None:
    leave = Override(Change.REMOVE, NOW + DAY, NOW + 2 * DAY, off="anna")
    alone = rotation("anna")
    away = replace(alone, overrides=(leave,))
    assert gaps(policy("infra"), crew(away)) == [Gap("ops", NOW + DAY, NOW + 2 * DAY, Lack.NOBODY)]
    covered = replace(alone, overrides=(replace(leave, on="ben"),))
    assert gaps(policy("infra"), crew(covered)) == []


@pytest.mark.parametrize(
    ("start", "end", "words"),
    [
        (FRIDAY, FRIDAY + 8 * HOUR, "Fri 04 Dec 09:00 to 17:00 CET"),
        (FRIDAY, FRIDAY + 24 * HOUR, "Fri 04 Dec 09:00 to Sat 05 Dec 09:00 CET"),
        (SPRING, SPRING + 23 * HOUR, "Sat 27 Mar 09:00 CET to Sun 28 Mar 09:00 CEST"),
        (FRIDAY, None, "from Fri 04 Dec 09:00 CET on"),
        (NOON, FRIDAY, "now until Fri 04 Dec 09:00 CET"),
        (NOON, None, "from now on"),
    ],
)
def test_a_span_is_told_on_the_clock_of_the_installation(
    start: datetime, end: datetime | None, words: str
) -> None:
    assert coverage.span(start, end, NOON, "Europe/Berlin") == words


def test_a_round_pages_one_person_alone_so_all_of_them_need_a_proof() -> None:
    in_turn = Step(("anna", "cleo"), HOUR, round_robin=True)
    assert gaps(Policy("ops", (in_turn,))) == []  # Repeated, it comes to Anna.
    assert gaps(Policy("ops", (in_turn, Step(("dan",), HOUR)))) == [
        Gap("ops", NOW, None, Lack.UNPROVEN, ("Anna", "Cleo", "Dan"))
    ]
    both = Step(("anna", "ben", "dan"), HOUR, round_robin=True)  # Dan, who has no contact, is passed over.
    assert gaps(Policy("ops", (both, Step(("dan",), HOUR)))) == []


def test_a_leave_of_everybody_in_a_round_is_a_gap() -> None:
    leave = Override(Change.REMOVE, NOW + DAY, NOW + 2 * DAY, off="anna")
    away = Crew(PEOPLE, leaves=(leave,))
    in_turn = Policy("ops", (Step(("anna", "dan"), HOUR, round_robin=True),))
    assert gaps(in_turn, away) == [Gap("ops", NOW + DAY, NOW + 2 * DAY, Lack.NOBODY)]
