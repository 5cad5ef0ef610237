"""The crew as it is stored: rotations with their overrides, teams, channels, and swaps."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Connection

from alerting import desk, escalation, roster
from alerting.crew import Team
from alerting.origin import Origin
from alerting.person import Contact, Person
from alerting.rotation import Change, Layer, Length, Override, Rotation, Window, on_call
from alerting.rotation_store import Swap
from tests.unit.alerting.conftest import ANNA, BEN
from tests.unit.conftest import NOW

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
BEGINS = (NOW - DAY).replace(tzinfo=None, microsecond=0)
NIGHT = Layer(("ben",), Length.parse("12h"), BEGINS, (Window((0, 6), 22 * HOUR, 30 * HOUR),))
DAILY = Layer(("anna", "ben"), Length.parse("2d"), BEGINS)
INFRA = Rotation("infra", "Europe/London", (NIGHT, DAILY))
ROOM = Person("room", "Room", (Contact("console", "room"),), channel=True)
TAKE = Override(Change.REPLACE, NOW, NOW + HOUR, on="ben", off="anna")
LEAVE = Override(Change.REMOVE, NOW, NOW + DAY, off="anna")


@pytest.fixture
def crew(db: Connection) -> Connection:
    """A database with a rotation, a team and a channel."""
    desk.install(db, [ANNA, BEN, ROOM], [], {}, [INFRA], [Team("all", ("anna", "ben"))])
    return db


def test_a_crew_comes_back_from_its_rows_as_it_was(crew: Connection) -> None:
    assert desk.rotations(crew) == {"infra": INFRA}
    assert desk.teams(crew) == {"all": Team("all", ("anna", "ben"))}
    assert desk.people(crew)["room"] == ROOM
    whole = roster.load_crew(crew)
    assert {name: whole.noun_of(name) for name in ("anna", "room", "infra", "all", "ghost")} == {
        "anna": "person",
        "room": "channel",
        "infra": "rotation",
        "all": "team",
        "ghost": "",
    }


def test_the_crew_of_some_targets_holds_all_whom_these_may_mean(crew: Connection) -> None:
    assert roster.load_crew(crew, {"infra"}).people.keys() == {"anna", "ben"}
    assert roster.load_crew(crew, {"all", "room"}).people.keys() == {"anna", "ben", "room"}
    assert roster.load_crew(crew, {"room"}).people.keys() == {"room"}
    assert roster.load_crew(crew, set()).people == {}
    carl = Person("carl", "Carl", ())
    desk.define_person(crew, carl)
    desk.add_override(crew, "infra", replace(TAKE, on="carl"), "Anna", NOW)
    assert escalation.on_call("infra", roster.load_crew(crew, {"infra"}), NOW) == [carl]


def test_overrides_hold_in_their_rotation_and_leaves_in_all(crew: Connection) -> None:
    desk.define_rotation(crew, replace(INFRA, name="web", origin=Origin.API))
    take = desk.add_override(crew, "infra", TAKE, "Ben", NOW)
    leave = desk.add_override(crew, None, LEAVE, "Anna", NOW)
    stored = desk.rotations(crew)
    assert stored["infra"].overrides == (replace(TAKE, id=take.id), replace(LEAVE, id=leave.id))
    assert stored["web"].overrides == (replace(LEAVE, id=leave.id),)
    assert [kept.override.id for kept in desk.overrides(crew, [], NOW)] == [leave.id]
    assert [kept.by for kept in desk.overrides(crew, since=NOW + HOUR)] == ["Anna"]
    assert desk.remove_override(crew, take.id) is not None
    assert desk.remove_override(crew, take.id) is None


def test_a_new_definition_keeps_the_overrides_and_a_deletion_does_not(crew: Connection) -> None:
    desk.add_override(crew, "infra", TAKE, "Ben", NOW)
    desk.install(crew, [ANNA, BEN], [], {}, [replace(INFRA, layers=(DAILY,))])
    assert len(desk.rotations(crew)["infra"].overrides) == 1
    desk.install(crew, [ANNA, BEN], [], {}, [])
    assert desk.overrides(crew) == []


def test_whoever_comes_next_takes_the_turns_of_somebody_who_no_longer_exists(crew: Connection) -> None:
    desk.forget_person(crew, "anna")
    desk.add_override(crew, "infra", replace(TAKE, on="ghost", off=""), "Ben", NOW)
    assert on_call(roster.load_crew(crew).rotations["infra"], NOW) == ("ben",)


def test_a_swap_is_answered_once(crew: Connection) -> None:
    swap = Swap("infra", "anna", (NOW, NOW + HOUR), "ben", (NOW + 2 * DAY, NOW + 2 * DAY + HOUR))
    stored = desk.propose_swap(crew, swap, "Anna", NOW)
    assert desk.proposed_swaps(crew, "infra") == desk.proposed_swaps(crew) == [stored]
    assert desk.answer_swap(crew, stored.id) == stored
    assert desk.answer_swap(crew, stored.id) is None
    assert [(one.on, one.off) for one in swap.overrides] == [("ben", "anna"), ("anna", "ben")]


def test_the_number_of_what_is_gone_is_never_given_again(crew: Connection) -> None:
    """A button on a screen that is old must not delete, or accept, what somebody else has made since."""
    first = desk.add_override(crew, "infra", TAKE, "Ben", NOW)
    desk.remove_override(crew, first.id)
    assert desk.add_override(crew, "infra", TAKE, "Ben", NOW).id > first.id
    swap = Swap("infra", "anna", (NOW, NOW + HOUR), "ben", (NOW + DAY, NOW + DAY + HOUR))
    proposed = desk.propose_swap(crew, swap, "anna", NOW)
    desk.answer_swap(crew, proposed.id)
    assert desk.propose_swap(crew, swap, "anna", NOW).id > proposed.id
