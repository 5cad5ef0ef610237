"""Round robin: each incident begins with the next person, and a repetition goes on to the one after."""

from collections import Counter
from dataclasses import replace
from datetime import datetime, time, timedelta

import pytest
from sqlalchemy import Connection

from alerting import desk, escalation, escalator, outbox, round_robin, round_robin_store
from alerting.crew import Crew, Team
from alerting.desk import Relief
from alerting.escalation import Policy, Step
from alerting.notice import NoticeKind
from alerting.person import OPERATOR, Contact, Person
from alerting.quiet_hours import QuietHours
from alerting.rotation import Change, Layer, Length, Override, Rotation
from alerting.round_robin import Turn
from alerting.severity import Severity
from tests.unit.alerting.conftest import HOUR, MINUTE, PAGED_AT, a_symptom, incident_of, story_of
from tests.unit.conftest import NOW

FIVE = 5 * MINUTE
ANNA, BEN, CLEO = (Person(name, name.title(), (Contact("pager", name),)) for name in ("anna", "ben", "cleo"))
BOSS = Person("boss", "Boss", (Contact("pager", "boss"),))
EVERYBODY = Crew({person.id: person for person in (ANNA, BEN, CLEO, BOSS)})
ROUND = Step(("anna", "ben", "cleo"), FIVE, round_robin=True)
THEN_BOSS = Policy("ops", (ROUND, Step(("boss",), FIVE)))
ALONE = Policy("ops", (ROUND,))
ERROR = Severity.ERROR


def crew_of(db: Connection, policy: Policy, *people: Person) -> None:
    desk.install(db, people or (ANNA, BEN, CLEO, BOSS), [policy], {})


def opened(db: Connection, *numbers: int, severity: Severity = ERROR, at: datetime = NOW) -> None:
    """Open an incident for each number, and let it page."""
    for number in numbers:
        desk.raise_(db, [a_symptom(f"check:{number}", f"failed:{number}", severity)], at)
    escalator.sweep(db, at + timedelta(seconds=10))


def paged(db: Connection, number: int) -> list[str]:
    """Everybody who was paged for an incident, in order, as its timeline says."""
    return [words.rpartition(": ")[2].lower() for kind, words in story_of(db, number) if kind == "paged"]


# --- Pure: the entries, their order, and how turns are dealt.


def test_the_entries_are_people_and_rotations_and_those_of_each_team_once() -> None:
    crew = replace(EVERYBODY, teams={"web": Team("web", ("ben", "cleo"))})
    assert round_robin.entries(("ben", "web", "infra"), crew) == ["ben", "cleo", "infra"]


def test_turns_go_to_whoever_has_waited_longest_and_first_to_newcomers() -> None:
    dealt, last = round_robin.deal({"anna": 7, "ben": 9}, ["anna", "ben", "cleo"], 5)
    assert dealt == ["cleo", "anna", "ben", "cleo", "anna"]
    assert round_robin.deal(last, ["anna", "ben", "cleo"], 1)[0] == ["ben"]
    assert round_robin.deal(last, ["anna"], 1)[0] == ["anna"]


def test_any_number_of_turns_is_spread_evenly() -> None:
    last: dict[str, int] = {}
    turns: Counter[str] = Counter()
    for hands in (1, 4, 100, 2, 1, 7):
        dealt, last = round_robin.deal(last, ["anna", "ben", "cleo"], hands)
        turns.update(dealt)
    assert max(turns.values()) - min(turns.values()) <= 1


def test_a_turn_is_kept_at_its_count_and_moves_on_after_it() -> None:
    turn = Turn(1, "ben", 0)
    assert round_robin.order(["anna", "ben", "cleo"], turn, 0) == ["ben", "cleo", "anna"]
    assert round_robin.order(["anna", "ben", "cleo"], turn, 1) == ["cleo", "anna", "ben"]
    (rested,) = round_robin.rested([turn])
    assert round_robin.order(["anna", "ben", "cleo"], rested, 0) == ["ben", "cleo", "anna"]
    assert round_robin.order(["anna", "cleo"], turn, 0) == []
    assert round_robin.from_json(round_robin.to_json([turn, rested])) == (turn, rested)


# --- Pure: what a policy decides.


def test_a_step_that_goes_round_draws_one_and_its_repetition_is_the_next_one() -> None:
    decision = escalation.decide(ALONE, 0, NOW, EVERYBODY, ERROR)
    assert (decision.targets, decision.draws, decision.next_draws) == (("anna", "ben", "cleo"), True, True)
    assert decision.reason == "step 1 of ops, in turn"
    drawn = decision.drawn("cleo")
    assert drawn.turn == Turn(1, "cleo", 0)
    again = escalation.decide(ALONE, 1, NOW + FIVE, EVERYBODY, ERROR, escalation.taking((), drawn))
    assert (again.targets, again.draws) == (("anna",), False)
    assert (again.next_targets, again.next_draws) == (("ben",), False)
    assert again.reason == "step 1 of ops, in turn, again"


def test_a_decision_that_is_asked_twice_pages_the_same_person() -> None:
    turns = (Turn(1, "ben", 0),)
    for _ in range(2):
        assert escalation.decide(ALONE, 0, NOW, EVERYBODY, ERROR, turns).targets == ("ben",)


@pytest.mark.parametrize(
    "crew",
    [
        replace(EVERYBODY, people=dict(EVERYBODY.people) | {"ben": Person("ben", "Ben", ())}),
        replace(EVERYBODY, people={name: one for name, one in EVERYBODY.people.items() if name != "ben"}),
        replace(EVERYBODY, leaves=(Override(Change.REMOVE, NOW - HOUR, NOW + HOUR, off="ben"),)),
    ],
    ids=["without a contact", "unknown", "on leave"],
)
def test_whoever_cannot_be_paged_is_passed_over_at_once(crew: Crew) -> None:
    assert escalation.decide(ALONE, 0, NOW, crew, ERROR).targets == ("anna", "cleo")
    assert escalation.decide(ALONE, 1, NOW, crew, ERROR, (Turn(1, "anna", 0),)).targets == ("cleo",)


def test_a_leave_ends() -> None:
    crew = replace(EVERYBODY, leaves=(Override(Change.REMOVE, NOW - HOUR, NOW, off="ben"),))
    assert escalation.decide(ALONE, 0, NOW, crew, ERROR).targets == ("anna", "ben", "cleo")


def test_whoever_has_quiet_hours_is_passed_over_unless_all_have_some() -> None:
    now = QuietHours((NOW - HOUR).time().replace(second=0), (NOW + HOUR).time().replace(second=0))
    quiet = {name: replace(person, quiet_hours=now) for name, person in EVERYBODY.people.items()}
    crew = Crew({**EVERYBODY.people, "ben": quiet["ben"]})
    assert escalation.candidates(ROUND, crew, Severity.WARNING, NOW) == ["anna", "cleo"]
    assert escalation.candidates(ROUND, crew, Severity.CRITICAL, NOW) == ["anna", "ben", "cleo"]
    assert escalation.candidates(ROUND, Crew(quiet), Severity.WARNING, NOW) == ["anna", "ben", "cleo"]


def test_a_round_of_which_nobody_can_be_paged_falls_through_at_once() -> None:
    away = tuple(Override(Change.REMOVE, NOW - HOUR, NOW + HOUR, off=name) for name in ROUND.targets)
    decision = escalation.decide(THEN_BOSS, 0, NOW, replace(EVERYBODY, leaves=away), ERROR)
    assert (decision.targets, decision.step) == (("boss",), 1)
    assert escalation.people_of(ALONE, 0, Crew(), ERROR, NOW).people == [OPERATOR]


def test_the_number_of_a_step_is_that_of_whoever_is_paged_instead_of_nobody() -> None:
    policy, turns = Policy("ops", (ROUND, Step(("gone",), FIVE))), (Turn(1, "anna", 0),)
    ahead = [decision for _, decision in escalation.ahead(policy, 0, NOW, EVERYBODY, ERROR, turns)]
    assert [(one.number, one.targets) for one in ahead] == [(1, ("anna",)), (1, ("ben",)), (1, ("cleo",))]
    assert [one.reason for one in ahead[1:]] == ["step 1 of ops, in turn", "step 1 of ops, in turn, again"]


def test_a_step_that_goes_round_comes_back_from_its_row() -> None:
    assert escalation.from_json(escalation.to_json(THEN_BOSS)) == THEN_BOSS


def test_the_steps_ahead_name_one_of_those_who_may_be_drawn() -> None:
    ahead = [decision for _, decision in escalation.ahead(THEN_BOSS, 0, NOW, EVERYBODY, ERROR)]
    assert [(one.targets, one.draws) for one in ahead] == [
        (ROUND.targets, True),
        (("boss",), False),
        (("boss",), False),
    ]
    turns = (Turn(1, "ben", 0),)
    on = [decision for _, decision in escalation.ahead(ALONE, 1, NOW, EVERYBODY, ERROR, turns)]
    assert [one.targets for one in on] == [("cleo",)]


# --- In the database: incidents, their turns and their repetitions.


def test_each_incident_begins_with_the_next_person(db: Connection) -> None:
    crew_of(db, THEN_BOSS)
    for number in (1, 2, 3, 4):
        opened(db, number)
    assert [paged(db, number) for number in (1, 2, 3, 4)] == [["anna"], ["ben"], ["cleo"], ["anna"]]
    assert story_of(db)[-1] == ("paged", "step 1 of ops, in turn: Anna")


def test_a_storm_is_spread_evenly(db: Connection) -> None:
    crew_of(db, THEN_BOSS)
    opened(db, *range(1, 32))
    turns = Counter(person for number in range(1, 32) for person in paged(db, number))
    assert sorted(turns.values()) == [10, 10, 11]


def test_unanswered_it_goes_to_the_next_step_and_no_turn_is_used_up(db: Connection) -> None:
    crew_of(db, THEN_BOSS)
    opened(db, 1)
    escalator.sweep(db, PAGED_AT + FIVE)
    escalator.sweep(db, PAGED_AT + 2 * FIVE)
    assert paged(db, 1) == ["anna", "boss", "boss"]
    opened(db, 2, at=NOW + HOUR)
    assert paged(db, 2) == ["ben"]


def test_a_repetition_pages_the_next_person_from_where_the_incident_began(db: Connection) -> None:
    crew_of(db, ALONE)
    opened(db, 1)
    opened(db, 2)
    for repetition in range(1, 4):
        escalator.sweep(db, PAGED_AT + repetition * FIVE)
    assert paged(db, 1) == ["anna", "ben", "cleo", "anna"]
    assert paged(db, 2) == ["ben", "cleo", "anna", "ben"]
    assert incident_of(db, 1).turns == (Turn(1, "anna", 3),)
    people = [page.person for page in outbox.pages_of(db, 1) if page.kind is NoticeKind.PAGE]
    assert people == ["anna", "ben", "cleo"]  # Anna's first page still waits.


def test_an_acknowledgement_that_expires_pages_the_same_person_again(db: Connection) -> None:
    crew_of(db, ALONE)
    opened(db, 1)
    escalator.sweep(db, PAGED_AT + FIVE)
    desk.acknowledge(db, 1, "Ben", PAGED_AT + FIVE, until=PAGED_AT + HOUR)
    opened(db, 2, at=NOW + FIVE + MINUTE)
    escalator.sweep(db, PAGED_AT + HOUR)
    assert paged(db, 1) == ["anna", "ben", "ben"]
    escalator.sweep(db, PAGED_AT + HOUR + FIVE)
    assert paged(db, 1)[-1] == "cleo"


def test_a_person_who_leaves_the_policy_is_followed_by_whoever_has_waited_longest(db: Connection) -> None:
    crew_of(db, ALONE)
    desk.define_team(db, Team("web", ("anna", "ben", "cleo")))
    desk.define_policy(db, Policy("ops", (Step(("web",), FIVE, round_robin=True),)))
    opened(db, 1)
    opened(db, 2)  # Ben
    desk.define_team(db, Team("web", ("ben", "cleo")))
    escalator.sweep(db, PAGED_AT + FIVE)
    assert paged(db, 1)[:2] == ["anna", "cleo"]


def test_each_policy_and_each_step_has_turns_of_its_own(db: Connection) -> None:
    both = Policy("ops", (ROUND, ROUND))
    desk.install(db, (ANNA, BEN, CLEO), [both, replace(ALONE, name="web")], {})
    opened(db, 1)
    desk.raise_(db, [replace(a_symptom("check:2", "failed:2"), policy="web")], NOW)
    escalator.sweep(db, PAGED_AT)
    escalator.sweep(db, PAGED_AT + FIVE)
    assert paged(db, 1) == ["anna", "anna"]
    assert paged(db, 2) == ["anna", "ben"]


def test_a_page_of_warnings_passes_over_who_sleeps_and_takes_no_turn_while_all_do(db: Connection) -> None:
    at = NOW.replace(hour=2)
    night = QuietHours(time(22), time(7))
    people = [replace(person, quiet_hours=night) for person in (ANNA, BEN, CLEO)]
    desk.install(db, people, [ALONE], {})
    opened(db, 1, severity=Severity.WARNING, at=at)
    assert paged(db, 1) == []
    assert round_robin_store.last_turns(db, "ops", 1) == {}
    desk.define_person(db, replace(people[1], quiet_hours=None))
    opened(db, 2, severity=Severity.WARNING, at=at)
    assert paged(db, 2) == ["ben"]


def test_a_rotation_in_a_round_is_whoever_is_on_call(db: Connection) -> None:
    turns = Layer(("anna", "ben"), Length.parse("1d"), (NOW - HOUR).replace(tzinfo=None))
    infra = Rotation("infra", "UTC", (turns,))
    policy = Policy("ops", (Step(("infra", "cleo"), FIVE, round_robin=True),))
    desk.install(db, [ANNA, BEN, CLEO], [policy], {}, [infra])
    opened(db, 1)
    opened(db, 2)
    assert paged(db, 1) == ["anna"]
    assert paged(db, 2) == ["cleo"]
    assert incident_of(db, 1).turns == (Turn(1, "infra", 0),)
    # The shift changes: what it was Anna's turn for goes over to Ben, and what it was Cleo's turn for does not.
    service = replace(a_symptom("relief"), cause_key="relieved")
    assert desk.relieve(db, Relief("infra", (ANNA,), (BEN,)), service, "heartbeat", NOW + HOUR) == [1]


def test_turns_go_with_their_policy(db: Connection) -> None:
    crew_of(db, ALONE)
    opened(db, 1)
    assert round_robin_store.last_turns(db, "ops", 1) == {"anna": 1}
    crew_of(db, ALONE)  # Applied again: the turns stay.
    assert round_robin_store.last_turns(db, "ops", 1) == {"anna": 1}
    desk.forget_policy(db, "ops")
    assert round_robin_store.last_turns(db, "ops", 1) == {}


def test_a_reassigned_incident_keeps_its_turn(db: Connection) -> None:
    crew_of(db, ALONE)
    opened(db, 1)
    desk.reassign(db, 1, "boss", "Cleo", PAGED_AT + MINUTE)
    escalator.sweep(db, PAGED_AT + MINUTE)
    escalator.sweep(db, PAGED_AT + MINUTE + FIVE)
    assert paged(db, 1) == ["anna", "boss", "anna"]
