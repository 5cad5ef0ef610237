"""Escalation policies: their steps, and the people whom targets mean."""

from dataclasses import replace
from datetime import timedelta

import pytest

from alerting import escalation, next_page
from alerting.crew import Crew, Team
from alerting.escalation import Condition, Policy, Step
from alerting.next_page import Coming
from alerting.person import OPERATOR, Contact, Person
from alerting.quiet_hours import QuietHours
from alerting.rotation import Layer, Length, Rotation, Window
from alerting.severity import Severity
from tests.unit.conftest import NOW

OPS = Policy(
    "ops",
    (Step(("first",), timedelta(minutes=5)), Step(("second", "first"), timedelta(minutes=10))),
)


CONTACTS = {"first": (Contact("ntfy", "x"),), "second": (Contact("ntfy", "y"),), "bare": ()}

EVERYBODY = Crew({name: Person(name, name.title(), contacts) for name, contacts in CONTACTS.items()})


@pytest.mark.parametrize(
    ("step", "people", "minutes", "then", "reason"),
    [
        (0, ("first",), 5, ("second", "first"), "step 1 of ops"),
        (1, ("second", "first"), 10, ("second", "first"), "step 2 of ops"),
        (2, ("second", "first"), 10, ("second", "first"), "step 2 of ops, again"),
        (99, ("second", "first"), 10, ("second", "first"), "step 2 of ops, again"),
    ],
)
def test_steps_come_in_order_and_the_last_repeats_for_ever(
    step: int, people: tuple[str, ...], minutes: int, then: tuple[str, ...], reason: str
) -> None:
    decision = escalation.decide(OPS, step, NOW, EVERYBODY, Severity.ERROR)
    assert decision.targets == people
    assert decision.next_at == NOW + timedelta(minutes=minutes)
    assert (decision.next_targets, decision.reason, decision.step) == (then, reason, step)


def test_a_policy_without_steps_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="policy empty: write at least one step"):
        Policy("empty", ())


def test_an_unknown_policy_falls_back_to_the_first_one_and_then_to_the_operator() -> None:
    day = replace(OPS, name="day")
    policies = {"day": day, "ops": OPS}
    assert escalation.in_force(policies, "ops") == OPS
    assert escalation.in_force(policies, "gone") == escalation.in_force(policies, None) == day
    assert escalation.in_force({}, "ops") == escalation.CATCH_ALL
    assert escalation.CATCH_ALL.steps[0].targets == (OPERATOR.id,)


def test_targets_mean_people_each_of_whom_is_paged_once() -> None:
    first, second, bare = (Person(id_, id_.title(), contacts) for id_, contacts in CONTACTS.items())
    crew = Crew({person.id: person for person in (first, second, bare)})
    assert escalation.on_call("bare", crew, NOW) == [bare]
    assert escalation.on_call("ghost", crew, NOW) == []
    assert escalation.recipients(("second", "ghost", "first", "bare", "second"), crew, NOW) == [
        second,
        first,
    ]
    assert escalation.unreachable(("second", "ghost", "bare"), crew, NOW) == ["ghost", "bare"]
    assert escalation.names_of(("bare", "ghost", "first"), crew, NOW) == ["Bare", "ghost", "First"]


def test_a_team_means_its_people_and_a_rotation_whoever_is_on_call() -> None:
    first, second = (Person(id_, id_.title(), CONTACTS[id_]) for id_ in ("first", "second"))
    begins = (NOW - timedelta(days=1)).replace(tzinfo=None)
    turns = Layer(("first", "second"), Length.parse("1d"), begins)
    crew = Crew(
        {"first": first, "second": second},
        {"infra": Rotation("infra", "UTC", (turns,))},
        {"all": Team("all", ("second", "first", "gone"))},
    )
    assert escalation.on_call("all", crew, NOW) == [second, first]
    assert escalation.on_call("infra", crew, NOW - timedelta(seconds=1)) == [first]
    assert escalation.on_call("infra", crew, NOW) == [second]
    assert escalation.recipients(("infra", "all"), crew, NOW) == [second, first]
    assert escalation.unreachable(("infra",), crew, NOW - timedelta(days=2)) == ["infra"]
    assert crew.targets_of("first") == {"first", "infra", "all"}


def test_a_step_that_reaches_nobody_falls_to_the_operator() -> None:
    crew = Crew({"bare": Person("bare", "Bare", ())})
    assert escalation.recipients(("ghost", "bare"), crew, NOW) == [OPERATOR]
    assert escalation.recipients((OPERATOR.id,), crew, NOW) == [OPERATOR]
    assert escalation.names_of((OPERATOR.id,), crew, NOW) == [OPERATOR.name]


def test_a_policy_knows_the_targets_of_all_its_steps() -> None:
    assert OPS.targets == ["first", "second"]


def test_a_policy_that_was_frozen_into_an_incident_is_still_read() -> None:
    frozen: dict[str, object] = {"name": "ops", "steps": [{"page": ["first"], "wait": 300.0}]}
    policy = escalation.from_json(frozen)
    assert policy == Policy("ops", (Step(("first",), timedelta(minutes=5)),))
    assert escalation.to_json(policy) == frozen


def test_a_policy_comes_back_from_its_row_as_it_was() -> None:
    assert escalation.from_json(escalation.to_json(OPS)) == OPS


def test_an_assigned_target_leads_the_policy_and_takes_no_number() -> None:
    policy = escalation.led_by(OPS, "second")
    assert escalation.from_json(escalation.to_json(policy)) == policy
    assert [escalation.number_of(policy, step) for step in range(4)] == [0, 1, 2, 2]
    assert [escalation.number_of(OPS, step) for step in range(3)] == [1, 2, 2]
    reasons = [escalation.decide(policy, step, NOW, EVERYBODY, Severity.ERROR).reason for step in range(4)]
    assert reasons == ["reassigned", "step 1 of ops", "step 2 of ops", "step 2 of ops, again"]
    assert escalation.led_by(policy, "second") == policy


def reached(policy: Policy, severity: Severity = Severity.ERROR) -> list[tuple[str, int, float]]:
    """Return the first target, the count and the minute of each decision ahead."""
    return [
        (decision.targets[0], decision.step, (at - NOW).total_seconds() / 60)
        for at, decision in escalation.ahead(policy, 0, NOW, EVERYBODY, severity)
    ]


def steps(*targets: str, only: Condition = escalation.ANY) -> tuple[Step, ...]:
    return tuple(Step((target,), timedelta(minutes=5), only=only) for target in targets)


def test_a_step_that_reaches_nobody_falls_through_at_once() -> None:
    assert reached(Policy("ops", steps("ghost", "bare", "first", "ghost", "second"))) == [
        ("first", 2, 0),
        ("second", 4, 5),
        ("second", 5, 10),
    ]
    decision = escalation.decide(
        Policy("ops", steps("first", "ghost", "second")), 0, NOW, EVERYBODY, Severity.ERROR
    )
    assert decision.next_targets == ("second",)


def test_the_last_step_that_reaches_somebody_repeats() -> None:
    assert reached(Policy("ops", steps("first", "second", "ghost"))) == [
        ("first", 0, 0),
        ("second", 1, 5),
        ("second", 2, 10),
        ("second", 3, 15),
    ]
    nobody = Policy("ops", steps("ghost", "bare"))
    assert [target for target, *_ in reached(nobody)] == ["ghost", "bare", "bare"]
    assert escalation.people_of(nobody, 0, EVERYBODY, Severity.ERROR, NOW).people == [OPERATOR]


def test_a_step_for_some_incidents_lets_the_others_fall_through() -> None:
    critical = steps("second", only=Condition((Severity.CRITICAL,)))
    policy = Policy("ops", (*critical, *steps("first"), *critical))
    assert [target for target, *_ in reached(policy, Severity.CRITICAL)] == [
        "second",
        "first",
        "second",
        "second",
    ]
    assert [target for target, *_ in reached(policy, Severity.WARNING)] == ["first", "first", "first"]
    # Nobody else can be reached: somebody whom it is not meant for is better than none.
    assert [target for target, *_ in reached(Policy("ops", critical), Severity.WARNING)] == [
        "second",
        "second",
    ]


def test_a_step_for_some_hours_is_passed_over_outside_of_them() -> None:
    midnight = timedelta(hours=NOW.hour)
    hours = Window(opens=midnight + timedelta(hours=1), closes=midnight + timedelta(hours=2))
    policy = Policy("ops", (*steps("second", only=Condition(windows=(hours,))), *steps("first")))
    assert reached(policy)[0][0] == "first"
    later = NOW.replace(minute=0) + timedelta(hours=1)
    decision = escalation.decide(policy, 0, later, EVERYBODY, Severity.ERROR)
    assert decision.targets == ("second",)


def test_a_policy_with_conditions_comes_back_from_its_row_as_it_was() -> None:
    only = Condition(
        (Severity.CRITICAL, Severity.ERROR), (Window((0, 4), timedelta(hours=9)),), "Europe/London"
    )
    policy = Policy("ops", steps("first", only=only))
    assert escalation.from_json(escalation.to_json(policy)) == policy


MINUTE = timedelta(minutes=1)
NIGHT = Person("night", "Night", (Contact("ntfy", "n"),), quiet_hours=QuietHours.parse("02:00-04:00"))
ASLEEP = Crew({**EVERYBODY.people, "night": NIGHT})
TO_NIGHT = Policy("ops", (Step(("night",), MINUTE), Step(("first",), MINUTE)))


def test_the_next_page_is_told_with_the_time_at_which_quiet_hours_let_it_go() -> None:
    coming = next_page.coming(TO_NIGHT, 0, NOW, ASLEEP, Severity.WARNING)
    assert coming == Coming(NOW + timedelta(hours=1), (NIGHT,), (NIGHT,))
    assert next_page.coming(TO_NIGHT, 0, NOW, ASLEEP, Severity.CRITICAL) == Coming(NOW, (NIGHT,))
    first = ASLEEP.people["first"]
    assert next_page.coming(TO_NIGHT, 1, NOW, ASLEEP, Severity.WARNING) == Coming(NOW, (first,))
    together = Policy("ops", (Step(("night", "first"), MINUTE),))
    assert next_page.coming(together, 0, NOW, ASLEEP, Severity.WARNING) == Coming(NOW, (first,))


def test_a_page_that_waits_goes_to_who_comes_on_call_before_the_quiet_hours_end() -> None:
    turns = Layer(
        ("night", "first"), Length.parse("1d"), NOW.replace(tzinfo=None) - timedelta(hours=23, minutes=20)
    )
    crew = Crew(ASLEEP.people, {"turns": Rotation("turns", "UTC", (turns,))})
    coming = next_page.coming(Policy("ops", (Step(("turns",), MINUTE),)), 0, NOW, crew, Severity.WARNING)
    assert (coming.at, coming.people, coming.quiet) == (
        NOW + timedelta(minutes=45),
        (crew.people["first"],),
        (NIGHT,),
    )


def test_quiet_hours_that_never_end_are_not_followed_for_ever() -> None:
    other = replace(NIGHT, id="other", quiet_hours=QuietHours.parse("04:00-20:00"))
    third = replace(NIGHT, id="third", quiet_hours=QuietHours.parse("20:00-03:59"))
    begins = (NOW - timedelta(days=9)).replace(hour=0, tzinfo=None)
    hours = {"night": (2, 4), "other": (4, 20), "third": (20, 26)}
    windows = [
        Layer(
            (name,),
            Length.parse("1d"),
            begins,
            (Window(opens=timedelta(hours=start), closes=timedelta(hours=end)),),
        )
        for name, (start, end) in hours.items()
    ]
    crew = Crew(
        {"night": NIGHT, "other": other, "third": third}, {"turns": Rotation("turns", "UTC", tuple(windows))}
    )
    coming = next_page.coming(Policy("ops", (Step(("turns",), MINUTE),)), 0, NOW, crew, Severity.WARNING)
    assert coming.at - NOW <= timedelta(days=3, minutes=15)


def test_a_page_on_request_goes_past_who_has_quiet_hours() -> None:
    paged = next_page.pageable(TO_NIGHT, 0, ASLEEP, Severity.WARNING, NOW)
    assert paged is not None
    assert (paged.step, paged.targets) == (1, ("first",))
    critical = next_page.pageable(TO_NIGHT, 0, ASLEEP, Severity.CRITICAL, NOW)
    assert critical is not None
    assert critical.targets == ("night",)
    alone = Policy("ops", (Step(("night",), MINUTE),))
    assert next_page.pageable(alone, 7, ASLEEP, Severity.WARNING, NOW) is None
