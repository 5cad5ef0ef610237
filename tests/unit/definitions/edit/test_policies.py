"""Policies defined outside of the file: whom they page, which is the default, and which cannot go."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection

from alerting import desk
from alerting.escalation import Policy, Step
from alerting.origin import Origin
from heartbeat import audit, installation
from heartbeat.checks import store as check_store
from heartbeat.definitions import kind as kinds
from heartbeat.definitions.edit.policies import POLICY, make_default
from heartbeat.definitions.kind import InUse, OwnedByFile
from heartbeat.definitions.single import Faulty
from tests.unit.conftest import FIRST, a_check
from tests.unit.definitions.edit.conftest import OPS, edit_by_anna

STEPS = [{"page": "first", "wait": "5m"}]


def define(db: Connection, name: str = "office", steps: Any = STEPS, **more: Any) -> Policy | None:
    return kinds.define(edit_by_anna(db), POLICY, name, {"steps": steps} | more).previous


def test_a_policy_is_added_and_changed(db: Connection) -> None:
    assert define(db) is None
    office = Policy("office", (Step(("first",), timedelta(minutes=5)),))
    assert desk.policies(db)["office"] == office
    assert define(db) == office
    assert define(db, steps=[*STEPS, {"page": ["first"], "wait": "1h"}]) == office
    changed, addition = audit.listed(db, limit=10)
    assert (addition.action, addition.target, addition.after) == (
        "policy.make",
        "policy office",
        {"steps": STEPS},
    )
    assert changed.after == {"steps": [*STEPS, {"page": "first", "wait": "1h"}]}
    assert desk.policies(db, Origin.API).keys() == {"office"}


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({}, "policy office: has no steps; write for example `steps: [{page: anna, wait: 5m}]`."),
        ({"steps": []}, "steps: needs at least one, such as {page: anna, wait: 5m}."),
        ({"steps": STEPS, "stops": 1}, "stops: a policy has no such field"),
        ({"steps": STEPS, "stops": "1"}, "stops: a policy has no such field; did you mean 'steps'?"),
        (
            {"steps": [{"page": "frist", "wait": "5m"}]},
            "steps[0].page: there is no person, rotation, team or channel 'frist'; did you mean",
        ),
        (
            {"steps": [{"page": "first", "wait": "5s"}]},
            "steps[0].wait: '5s' is out of range; write 1m to 1d.",
        ),
        ({"steps": [{"page": ["first", "first"], "wait": "5m"}]}, "steps[0].page: names somebody twice."),
    ],
)
def test_faults_are_told_as_the_file_tells_them(db: Connection, given: Any, sentence: str) -> None:
    with pytest.raises(Faulty) as raised:
        POLICY.read(edit_by_anna(db), "office", given)
    assert raised.value.problems[0].startswith(sentence)


def test_a_policy_that_pages_somebody_who_has_gone_is_refused(db: Connection) -> None:
    define(db)
    desk.forget_person(db, "first")
    with pytest.raises(
        Faulty,
        match=r"^steps\[0\]\.page: there is no .* 'first'; there are none\.$",
    ):
        define(db)


def test_the_first_policy_becomes_the_default_and_a_second_takes_nothing_away(db: Connection) -> None:
    desk.install(db, [FIRST], [], {})
    define(db, "ops")
    define(db, "day")
    assert installation.default_policy(db) == "ops"
    make_default(edit_by_anna(db), "day")
    make_default(edit_by_anna(db), "day")
    assert installation.default_policy(db) == "day"
    assert make_default(edit_by_anna(db), "night") is None
    assert [deed.action for deed in audit.listed(db, limit=10)] == [
        "policy.default",
        "policy.make",
        "policy.make",
    ]


def test_a_policy_that_pages_by_default_though_nobody_chose_it_goes_on_paging(db: Connection) -> None:
    assert (installation.chosen_policy(db), installation.default_policy(db)) == (None, "night")
    define(db, "day")
    assert installation.chosen_policy(db) == installation.default_policy(db) == "night"
    installation.remember(db, "policy_outside", "gone")
    assert (installation.chosen_policy(db), installation.default_policy(db)) == (None, "day")


def test_the_default_of_the_file_is_named_in_the_file(db: Connection) -> None:
    installation.remember(db, "policy", "ops")
    define(db)
    assert installation.default_policy(db) == "ops"
    with pytest.raises(OwnedByFile, match=r"^The configuration file names ops as the default policy:"):
        make_default(edit_by_anna(db), "office")


def test_a_definition_of_the_file_is_changed_in_the_file(db: Connection) -> None:
    with pytest.raises(OwnedByFile, match=r"^The configuration file declares policy ops: change it there\.$"):
        define(db, "ops")
    with pytest.raises(OwnedByFile, match=r"^The configuration file declares policy ops: delete it there\.$"):
        kinds.delete(edit_by_anna(db), POLICY, "ops")
    assert desk.policies(db)["ops"] == OPS


def test_a_policy_that_is_needed_cannot_go(db: Connection) -> None:
    desk.install(db, [FIRST], [], {})
    define(db, "ops")
    define(db, "day")
    check_store.insert(db, [a_check("named", policy="day"), a_check("unnamed")])

    def refusal(name: str) -> str:
        with pytest.raises(InUse) as raised:
            kinds.delete(edit_by_anna(db), POLICY, name)
        return str(raised.value)

    assert refusal("day") == "Check named names policy day: give it another one first."
    assert refusal("ops") == "Policy ops is the default: make another one the default first."
    check_store.remove(db, [check.id for check in check_store.lock_all(db).values() if check.slug == "named"])
    assert kinds.delete(edit_by_anna(db), POLICY, "day") is not None
    assert refusal("ops") == (
        "Policy ops is the only one, and pages for check unnamed: make another one first."
    )
    check_store.remove(db, [check.id for check in check_store.lock_all(db).values()])
    assert kinds.delete(edit_by_anna(db), POLICY, "ops") is not None
    assert kinds.delete(edit_by_anna(db), POLICY, "ops") is None
    assert installation.default_policy(db) is None
