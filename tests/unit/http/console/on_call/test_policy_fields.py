"""A policy as a form has it."""

from datetime import timedelta

import pytest
from starlette.datastructures import FormData

from alerting.escalation import Policy, Step
from heartbeat.http.console.on_call import policy_fields
from heartbeat.http.console.on_call.policy_fields import PolicyFields, StepFields

OPS = Policy("ops", (Step(("zoe", "anna"), timedelta(minutes=5)), Step(("ben",), timedelta(hours=1))))


def typed(**fields: str) -> PolicyFields:
    return PolicyFields.typed(FormData([(name.replace("_", "-"), value) for name, value in fields.items()]))


def test_a_policy_is_filled_in_and_means_itself() -> None:
    filled = PolicyFields.of(OPS)
    assert filled.steps == (StepFields(("zoe", "anna"), "5m"), StepFields(("ben",), "1h"))
    assert filled.entered(OPS) == {
        "steps": [{"page": ["zoe", "anna"], "wait": "5m"}, {"page": ["ben"], "wait": "1h"}]
    }


def test_people_are_ticked_or_written() -> None:
    ticked = PolicyFields.typed(
        FormData([("rungs", "1"), ("page-0", "anna"), ("page-0", "zoe"), ("wait-0", "5m")])
    )
    assert ticked.steps == (StepFields(("anna", "zoe"), "5m"),)
    assert typed(rungs="1", page_0=" anna, zoe,,anna ", wait_0=" 5m").steps == ticked.steps
    assert ticked.steps[0].listed == "anna, zoe"
    assert ticked.entered(OPS)["steps"] == [{"page": ["zoe", "anna"], "wait": "5m"}], "their order is kept"
    assert ticked.entered(None)["steps"] == [{"page": ["anna", "zoe"], "wait": "5m"}]


@pytest.mark.parametrize(
    ("count", "many"), [("2", 2), ("", 1), ("0", 1), ("x", 1), ("999", policy_fields.MOST)]
)
def test_the_form_says_how_many_steps_it_has(count: str, many: int) -> None:
    assert len(typed(rungs=count).steps) == many


def test_steps_are_added_and_taken_away_up_to_a_limit() -> None:
    one = PolicyFields.of(OPS)
    assert one.pressed("add").steps[-1] == StepFields((), "1h")
    assert one.pressed("up:1").steps == (one.steps[1], one.steps[0])
    assert one.pressed("drop:0").steps == (one.steps[1],)
    long = PolicyFields("ops", (StepFields(),) * policy_fields.MOST)
    assert len(long.pressed("add").steps) == policy_fields.MOST


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
        ("-2", "Step 3: has no wait."),
        ("slug", "Slug: there is a policy called ops already."),
        ("slug", "Slug: 'A B' cannot be a name."),
        ("", "else"),
    ]
