"""A policy as a form has it."""

from dataclasses import replace
from datetime import timedelta

import pytest
from starlette.datastructures import FormData

from alerting.escalation import Condition, Policy, Step
from alerting.rotation import Window
from alerting.severity import Severity
from alerting.working_hours import WorkingHours
from heartbeat.definitions import single
from heartbeat.definitions.entry import MAX_STEPS
from heartbeat.definitions.single import Faulty, Scope
from heartbeat.http.console.on_call.policy_fields import ConditionFields, PolicyFields, StepFields
from heartbeat.http.console.on_call.time_fields import HoursFields, TimeFields

HOUR = timedelta(hours=1)
OPS = Policy("ops", (Step(("zoe", "anna"), timedelta(minutes=5)), Step(("ben",), timedelta(hours=1))))


def typed(**fields: str) -> PolicyFields:
    return PolicyFields.typed(FormData([(name.replace("_", "-"), value) for name, value in fields.items()]))


def test_a_policy_is_filled_in_and_means_itself() -> None:
    filled = PolicyFields.of(OPS)
    assert filled.steps == (StepFields(("zoe", "anna"), "5m"), StepFields(("ben",), "1h"))
    assert filled.entered(OPS) == {
        "steps": [{"page": ["zoe", "anna"], "wait": "5m"}, {"page": ["ben"], "wait": "1h"}]
    }


NIGHTS = Condition((Severity.CRITICAL,), (Window((5, 6), HOUR * 22, HOUR * 30),), "Europe/London")
WHEN = Policy(
    "when",
    (
        Step(("infra",), timedelta(minutes=5), only=NIGHTS),
        Step(("zoe", "ben"), timedelta(minutes=5), only=Condition((Severity.ERROR, Severity.WARNING))),
        Step(("web", "room"), HOUR, only=Condition((), (Window((0, 1)),), "UTC"), round_robin=True),
        Step(("anna",), HOUR),
    ),
)
SCOPE = Scope(people=["anna", "ben", "zoe"], others=["infra", "web", "room"])


def test_conditions_go_into_the_form_and_come_out_as_they_were() -> None:
    filled = PolicyFields.of(WHEN)
    assert [step.only for step in filled.steps] == [
        ConditionFields(
            ("critical",), HoursFields(TimeFields(("sat", "sun"), "22:00-06:00"), "Europe/London")
        ),
        ConditionFields(("error", "warning")),
        ConditionFields((), HoursFields(TimeFields(("mon", "tue")), "UTC")),
        ConditionFields(),
    ]
    assert [step.in_turn for step in filled.steps] == [False, False, True, False]
    assert single.read_policy("when", filled.entered(WHEN), SCOPE) == WHEN


def test_conditions_are_typed() -> None:
    (step,) = PolicyFields.typed(
        FormData(
            [
                ("page-0", "anna"),
                ("wait-0", "5m"),
                ("turn-0", "yes"),
                ("severity-0", "warning"),
                ("severity-0", "critical"),
                ("severity-0", "loud"),
                ("days-0", "sun"),
                ("days-0", "mon"),
                ("hours-0", " 09:00-17:00"),
                ("zone-0", "Europe/Paris "),
            ]
        )
    ).steps
    times = TimeFields(("mon", "sun"), "09:00-17:00")
    only = ConditionFields(("critical", "warning"), HoursFields(times, "Europe/Paris"))
    assert step == StepFields(("anna",), "5m", True, only)
    assert not only.blank
    assert ConditionFields(hours=HoursFields(zone="Europe/Paris")).blank, "a zone alone is no condition"


@pytest.mark.parametrize(
    ("only", "field", "sentence"),
    [
        (
            ConditionFields(hours=HoursFields(TimeFields((), "9-5"))),
            "hours-1",
            "Step 2, hours: '9-5' are no hours;",
        ),
        (
            ConditionFields(hours=HoursFields(TimeFields(("mon",)), "Mars")),
            "zone-1",
            "Step 2, time zone: 'Mars' is no time zone;",
        ),
    ],
)
def test_a_problem_of_a_condition_is_told_at_its_field(
    only: ConditionFields, field: str, sentence: str
) -> None:
    fields = PolicyFields("ops", (StepFields(("anna",)), StepFields(("anna",), only=only)))
    with pytest.raises(Faulty) as faulty:
        single.read_policy("ops", fields.entered(None), SCOPE)
    ((place, words),) = fields.located(faulty.value.problems)
    assert place == field
    assert words.startswith(sentence)


def test_hours_for_which_warnings_wait_go_in_and_come_out() -> None:
    weekdays = WorkingHours((Window((0, 1, 2, 3, 4), 9 * HOUR, 17 * HOUR),), "Europe/London")
    waiting = replace(OPS, warnings_wait_for=weekdays)
    filled = PolicyFields.of(waiting)
    assert filled.waits == HoursFields(
        TimeFields(("mon", "tue", "wed", "thu", "fri"), "09:00-17:00"), "Europe/London"
    )
    assert single.read_policy("ops", filled.entered(waiting), SCOPE) == waiting
    assert "warnings_wait_for" not in PolicyFields.of(OPS).entered(OPS)
    typed_ = typed(page_0="anna", wait_0="5m", hours_waits="08:00-16:00", zone_waits="Mars")
    assert typed_.waits == HoursFields(TimeFields((), "08:00-16:00"), "Mars")
    with pytest.raises(Faulty) as faulty:
        single.read_policy("ops", typed_.entered(None), SCOPE)
    assert typed_.located([*faulty.value.problems, "warnings_wait_for.hours: is odd."]) == [
        (
            "zone-waits",
            "Warnings wait, time zone: 'Mars' is no time zone; write for example Europe/London.",
        ),
        ("hours-waits", "Warnings wait, hours: is odd."),
    ]


def test_one_alone_cannot_take_turns() -> None:
    fields = PolicyFields("ops", (StepFields(("anna",), in_turn=True),))
    with pytest.raises(Faulty) as faulty:
        single.read_policy("ops", fields.entered(None), SCOPE)
    assert fields.located(faulty.value.problems) == [
        ("turn-0", "Step 1, in turn: needs several to take turns; name more of them, or a team.")
    ]


def test_people_are_ticked_or_written() -> None:
    ticked = PolicyFields.typed(
        FormData([("rungs", "1"), ("page-0", "anna"), ("page-0", "zoe"), ("wait-0", "5m")])
    )
    assert ticked.steps == (StepFields(("anna", "zoe"), "5m"),)
    assert typed(rungs="1", page_0=" anna, zoe,,anna ", wait_0=" 5m").steps == ticked.steps
    assert ticked.entered(OPS)["steps"] == [{"page": ["zoe", "anna"], "wait": "5m"}], "their order is kept"
    assert ticked.entered(None)["steps"] == [{"page": ["anna", "zoe"], "wait": "5m"}]


@pytest.mark.parametrize(("count", "many"), [("2", 2), ("", 1), ("0", 1), ("x", 1), ("999", MAX_STEPS)])
def test_the_form_says_how_many_steps_it_has(count: str, many: int) -> None:
    assert len(typed(rungs=count).steps) == many


def test_steps_are_added_and_taken_away_up_to_a_limit() -> None:
    one = PolicyFields.of(OPS)
    assert one.pressed("add").steps[-1] == StepFields((), "1h")
    assert one.pressed("up:1").steps == (one.steps[1], one.steps[0])
    assert one.pressed("drop:0").steps == (one.steps[1],)
    long = PolicyFields("ops", (StepFields(),) * MAX_STEPS)
    assert len(long.pressed("add").steps) == MAX_STEPS


def test_a_problem_names_the_step() -> None:
    assert PolicyFields().located(
        [
            "steps[0].page[0]: there is no person, rotation, team or channel 'ana'; did you mean 'anna'?",
            "steps[1].wait: 'x' is not a duration.",
            "steps[2]: has no wait.",
            "slug: there is a policy called ops already.",
            "policy A B: 'A B' cannot be a name.",
            "else",
        ]
    ) == [
        (
            "page-0",
            "Step 1, whom to page: there is no person, rotation, team or channel 'ana'; did you mean 'anna'?",
        ),
        ("wait-1", "Step 2, how long to wait: 'x' is not a duration."),
        ("step-2", "Step 3: has no wait."),
        ("slug", "Slug: there is a policy called ops already."),
        ("slug", "Slug: 'A B' cannot be a name."),
        ("", "else"),
    ]
