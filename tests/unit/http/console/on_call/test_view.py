"""Who is on call, as people say it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from alerting.crew import Crew
from alerting.desk import Attempt, Proof
from alerting.escalation import Policy, Step
from alerting.origin import Origin
from alerting.person import OPERATOR, Contact, Person
from heartbeat.http.console.on_call import view as on_call_view
from tests.unit.conftest import NOW

MAIL, HOOK = Contact("email", "anna@example.com"), Contact("slack", "enc:x")
ANNA = Person("anna", "Anna", (MAIL, HOOK))
BEN = Person("ben", "Ben", (Contact("email", "ben@example.com"),))
BARE = Person("bare", "Bare", ())
CREW = Crew({one.id: one for one in (ANNA, BEN, BARE)})
MINUTE = timedelta(minutes=1)
FIVE, HALF_AN_HOUR = timedelta(minutes=5), timedelta(minutes=30)
OPS = Policy("ops", (Step(("anna",), FIVE), Step(("ben", "anna"), HALF_AN_HOUR)))


def attempt(minutes: int, via: str, outcome: str) -> Attempt:
    return Attempt(1, NOW - timedelta(minutes=minutes), via, outcome, "")


def plan(*steps: Step) -> on_call_view.PolicyView:
    return on_call_view.plan(Policy("ops", steps), CREW, NOW, "ops", checks=3)


def test_steps_say_when_they_come_and_how_the_last_one_repeats() -> None:
    told = on_call_view.plan(OPS, CREW, NOW, "ops", checks=3)
    assert [(one.when, [p.id for p in one.people], one.unreached) for one in told.stages] == [
        ("at once", ["anna"], []),
        ("5 min later", ["ben", "anna"], []),
    ]
    assert (told.repeats_every, told.default, told.declared, told.checks) == ("30 min", True, True, 3)


SMS = Contact("sms", "+44")
ANN = Person("ann", "Ann", (MAIL, SMS))


@pytest.mark.parametrize(
    ("tried", "proofs", "refused"),
    [
        ([(1, MAIL, "refused"), (2, SMS, "refused")], {}, 1),
        ([(1, MAIL, "refused")], {}, None),
        ([(1, MAIL, "refused"), (2, SMS, "unreachable")], {}, None),
        ([(1, MAIL, "refused"), (2, SMS, "unreachable"), (3, SMS, "refused")], {}, None),
        ([(2, MAIL, "refused"), (2, SMS, "refused")], {SMS: Proof(proven_at=NOW)}, None),
        ([(2, MAIL, "refused"), (2, SMS, "refused")], {SMS: Proof(proven_at=NOW - 3 * MINUTE)}, 2),
        ([(2, MAIL, "refused")], {SMS: Proof(NOW - 3 * MINUTE, "refused")}, 2),
        ([], {MAIL: Proof(NOW, "refused"), SMS: Proof(NOW, "accepted")}, None),
    ],
)
def test_somebody_is_out_of_reach_if_the_last_word_of_every_contact_was_no(
    tried: list[tuple[int, Contact, str]], proofs: dict[Contact, Proof], refused: int | None
) -> None:
    attempts = [
        ("ann", replace(attempt(minutes, contact.kind, outcome), contact_mark=contact.mark))
        for minutes, contact, outcome in tried
    ]
    by_mark = {("ann", contact.mark): proof for contact, proof in proofs.items()}
    refusals = on_call_view.refusals(Crew({"ann": ANN}), attempts, by_mark)
    found = [(one.kinds, one.at) for one in refusals.values()]
    assert found == ([] if refused is None else [(["email", "sms"], NOW - refused * MINUTE)])


def test_a_step_behind_one_that_reaches_nobody_comes_at_once() -> None:
    told = plan(
        Step(("ghost",), FIVE), Step(("anna",), HALF_AN_HOUR), Step(("ghost",), FIVE), Step(("ben",), FIVE)
    )
    assert [one.when for one in told.stages] == ["at once", "at once", "30 min later", "at once"]


def test_unreachable_people_are_named_and_the_terminal_stands_in() -> None:
    told = plan(Step(("anna", "ghost", "bare"), FIVE), Step(("ghost",), FIVE))
    why = "unknown, or without a contact"
    assert [p.id for p in told.stages[0].people] == ["anna"]
    assert told.stages[0].unreached == [f"ghost ({why})", f"bare ({why})"]
    assert not told.stages[0].falls_through
    assert (told.stages[1].people, told.stages[1].falls_through) == ([OPERATOR], True)


@pytest.mark.parametrize(
    ("steps", "first", "then"),
    [
        ([Step(("anna",), FIVE)], "Anna is on call.", "paged again every 5 min until somebody answers."),
        (
            [Step(("anna", "ben"), FIVE), Step(("ben",), HALF_AN_HOUR)],
            "Anna and Ben are on call.",
            "unless somebody answers within 5 min, Ben is paged next.",
        ),
        (
            [Step(("ghost",), FIVE), Step(("ben", "anna"), FIVE)],
            "Ben and Anna are on call.",
            "paged again every 5 min until somebody answers.",
        ),
        (
            [Step(("ghost",), FIVE)],
            "Nobody who is on call can be reached: pages go to the terminal of the service.",
            "paged again every 5 min until somebody answers.",
        ),
    ],
)
def test_the_roster_is_one_sentence(steps: list[Step], first: str, then: str) -> None:
    told = plan(*steps)
    assert on_call_view.sentence(told) == first
    assert on_call_view.following(told) == f"By ops, the default policy: {then}"


def test_without_a_policy_nobody_is_on_call() -> None:
    assert on_call_view.sentence(None).startswith("Nobody is on call: there is no policy")
    assert on_call_view.sentence(None).endswith("pages go only to the terminal of the service.")
    assert on_call_view.sentence(None, [ANNA]).endswith("pages go only to Anna, the catch-all.")
    assert on_call_view.following(None) == ""


def test_only_a_policy_that_reaches_nobody_needs_the_catch_all() -> None:
    ghost = plan(Step(("ghost",), FIVE))
    assert not ghost.reaches
    assert plan(Step(("ghost",), FIVE), Step(("ben",), FIVE)).reaches
    assert on_call_view.sentence(ghost, [ANNA]).endswith("can be reached: pages go to Anna, the catch-all.")


def test_the_owner_is_told_of_people_and_of_policies() -> None:
    assert on_call_view.member(ANNA, [], CREW, [], [], {}, NOW).declared
    assert not on_call_view.member(replace(ANNA, origin=Origin.API), [], CREW, [], [], {}, NOW).declared
    policy = replace(OPS, origin=Origin.API)
    assert not on_call_view.plan(policy, CREW, NOW, "ops", checks=3).declared


def test_a_contact_tells_how_it_did_last() -> None:
    tried = [
        ("ben", attempt(1, "email", "accepted")),
        ("anna", attempt(2, "slack", "refused")),
        ("anna", attempt(3, "slack", "accepted")),
        ("anna", attempt(4, "email", "accepted")),
        ("anna", attempt(9, "email", "unreachable")),
    ]
    told = on_call_view.member(ANNA, [OPS], CREW, tried, [HOOK], {}, NOW)
    mail, hook = told.reaches
    assert (mail.address, mail.delivered, mail.failed, mail.failure) == (MAIL.address, tried[3][1], None, "")
    assert (hook.address, hook.delivered, hook.failed, hook.failure) == (
        None,
        tried[2][1],
        tried[1][1],
        "refused",
    )
    assert told.paged_by == ["ops"]
    (nothing,) = on_call_view.member(BEN, [], CREW, [], [], {}, NOW).reaches
    assert (nothing.delivered, nothing.failed) == (None, None)


def test_contacts_of_one_kind_have_their_own_deliveries() -> None:
    other = Contact("email", "other@example.com")
    both = Person("anna", "Anna", (MAIL, other, HOOK))
    delivered = replace(attempt(2, "email", "accepted"), contact_mark=other.mark)
    refused = replace(attempt(1, "email", "refused"), contact_mark=MAIL.mark)
    told = on_call_view.member(both, [], CREW, [("anna", refused), ("anna", delivered)], [], {}, NOW)
    assert [(one.delivered, one.failed) for one in told.reaches] == [
        (None, refused),
        (delivered, None),
        (None, None),
    ]


def test_a_contact_without_a_fresh_proof_is_named() -> None:
    fresh, old = Proof(proven_at=NOW - timedelta(days=2)), Proof(proven_at=NOW - timedelta(days=200))
    proofs = {("anna", MAIL.mark): fresh, ("anna", HOOK.mark): old}
    assert on_call_view.member(ANNA, [], CREW, [], [], proofs, NOW).unproven == ["slack"]
    assert on_call_view.member(ANNA, [], CREW, [], [], {}, NOW).unproven == ["email", "slack"]
