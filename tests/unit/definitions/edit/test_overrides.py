"""Overrides, leaves and swaps: who may make them, what is refused, and that each is audited."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Connection

from alerting import desk
from alerting.desk import Swap
from alerting.origin import Origin
from alerting.person import Contact, Person
from alerting.rotation import Change, Layer, Length, Override, Rotation, on_call
from heartbeat import audit
from heartbeat.actor import Actor, Role
from heartbeat.definitions.edit import overrides
from heartbeat.definitions.edit.overrides import NotTheirs
from heartbeat.definitions.kind import InUse
from heartbeat.definitions.single import Faulty
from tests.unit.conftest import FIRST, NOW
from tests.unit.definitions.edit.conftest import OPS

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SECOND = Person("second", "Second", (Contact("console", "terminal"),))
ROOM = Person("room", "Room", (Contact("console", "room"),), channel=True)
DAILY = Layer(("first", "second"), Length.parse("1d"), NOW.replace(tzinfo=None))
INFRA = Rotation("infra", "UTC", (DAILY,), Origin.FILE)
MAY, ALSO = (Actor(name, Role.RESPONDER, "session", person=name) for name in ("first", "second"))
ADMIN = Actor("admin", Role.ADMIN, "admin key")
TAKE = Override(Change.REPLACE, NOW, NOW + HOUR, on="second")
SWAP = Swap("infra", "first", (NOW, NOW + DAY), "second", (NOW + DAY, NOW + 2 * DAY))


@pytest.fixture
def crew(db: Connection) -> Connection:
    """A database with a rotation of the file."""
    desk.install(db, [FIRST, SECOND, ROOM], [OPS], {}, [INFRA])
    return db


def now_on_call(db: Connection, hours: float = 0) -> tuple[str, ...]:
    return on_call(desk.crew(db).rotations["infra"], NOW + hours * HOUR)


def test_a_rotation_of_the_file_is_overridden_once_and_the_override_can_be_deleted(crew: Connection) -> None:
    made = overrides.override(crew, ALSO, "infra", TAKE, NOW)
    again = overrides.override(crew, ALSO, "infra", TAKE, NOW)
    assert made is not None
    assert again is not None
    assert (made.fresh, again.fresh, again.stored) == (True, False, made.stored)
    assert (now_on_call(crew), now_on_call(crew, 2)) == (("second",), ("first",))
    assert overrides.cancel(crew, MAY, made.stored.override.id, NOW) == made.stored
    assert overrides.cancel(crew, MAY, made.stored.override.id, NOW) is None
    assert now_on_call(crew) == ("first",)
    deleted, added = audit.listed(crew, limit=5)
    assert (added.actor, added.action, added.target) == ("second", "override.make", "rotation infra")
    assert (deleted.action, deleted.before) == ("override.delete", added.after)
    assert added.after == {
        "change": "replace",
        "on": "second",
        "starts_at": NOW.isoformat(),
        "ends_at": (NOW + HOUR).isoformat(),
    }


def test_a_leave_holds_until_its_end(crew: Connection) -> None:
    made = overrides.leave(crew, MAY, "first", "", (NOW, NOW + HOUR), NOW)
    assert (made.fresh, made.stored.rotation, now_on_call(crew), now_on_call(crew, 1)) == (
        True,
        None,
        ("second",),
        ("first",),
    )
    (entry,) = audit.listed(crew, limit=5)
    assert (entry.action, entry.target) == ("leave.make", "person first")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (replace(TAKE, on="ghost"), "override.on: there is no person 'ghost'."),
        (replace(TAKE, off="ghost"), "override.off: there is no person 'ghost'."),
        (replace(TAKE, on="room"), "override.on: there is no person 'room'."),
        (replace(TAKE, on=""), "override.on: write the name of a person."),
        (replace(TAKE, on="", off="first"), "override.on: write the name of a person."),
        (replace(TAKE, change=Change.ADD, on=""), "override.on: write the name of a person."),
        (replace(TAKE, change=Change.REMOVE), "override.off: write the name of a person."),
        (
            replace(TAKE, change=Change.ADD, off="first"),
            "override.off: nobody goes off call by an addition; leave it empty, or replace them.",
        ),
        (replace(TAKE, off="second"), "override.on: nobody can stand in for themselves."),
        (replace(TAKE, end=NOW), "override.ends_at: must be later than starts_at."),
        (replace(TAKE, start=NOW - DAY, end=NOW - HOUR), "override.ends_at: is past; write a later time."),
        (replace(TAKE, end=NOW + 400 * DAY), "override.ends_at: is more than 366 days after starts_at."),
    ],
)
def test_an_override_that_cannot_be_is_refused(crew: Connection, change: Override, sentence: str) -> None:
    with pytest.raises(Faulty) as faulty:
        overrides.override(crew, MAY, "infra", change, NOW)
    assert faulty.value.problems == [sentence]
    assert overrides.override(crew, MAY, "nowhere", TAKE, NOW) is None


def test_a_leave_names_its_own_fields(crew: Connection) -> None:
    for person, substitute, sentence in (
        ("ghost", "", "leave.person: there is no person 'ghost'."),
        ("", "second", "leave.person: write the name of a person."),
        ("first", "ghost", "leave.substitute: there is no person 'ghost'."),
    ):
        with pytest.raises(Faulty) as faulty:
            overrides.leave(crew, MAY, person, substitute, (NOW, NOW + DAY), NOW)
        assert faulty.value.problems == [sentence]


def test_a_swap_changes_shifts_once_it_is_accepted_by_the_one_who_is_asked(crew: Connection) -> None:
    proposed = overrides.propose(crew, MAY, SWAP, NOW)
    again = overrides.propose(crew, MAY, SWAP, NOW)
    assert proposed is not None
    assert again is not None
    assert (proposed.fresh, again.fresh, again.stored) == (True, False, proposed.stored)
    assert now_on_call(crew) == ("first",)
    number = proposed.stored.id
    with pytest.raises(NotTheirs, match=r"^Only second can answer this\. Nothing was changed\."):
        overrides.answer(crew, MAY, number, True, NOW)
    assert overrides.answer(crew, ALSO, number, True, NOW) == proposed.stored
    assert [now_on_call(crew, hours) for hours in (0, 23, 24, 47, 48)] == [
        ("second",),
        ("second",),
        ("first",),
        ("first",),
        ("first",),
    ]
    assert overrides.answer(crew, ALSO, number, True, NOW) is None
    assert [entry.action for entry in audit.listed(crew, limit=5)] == ["swap.accept", "swap.propose"]


def test_a_swap_is_declined_by_either_and_accepted_by_an_admin(crew: Connection) -> None:
    for actor, accept in ((MAY, False), (ALSO, False), (ADMIN, True)):
        proposed = overrides.propose(crew, MAY, SWAP, NOW)
        assert proposed is not None
        assert overrides.answer(crew, actor, proposed.stored.id, accept, NOW) == proposed.stored
    assert now_on_call(crew) == ("second",)


def test_nobody_swaps_a_shift_that_they_do_not_have(crew: Connection) -> None:
    with pytest.raises(Faulty, match=r"^swap.asked: second is not on call for all of .* to .* UTC\.$"):
        overrides.propose(crew, MAY, replace(SWAP, taken=(NOW + DAY, NOW + 3 * DAY)), NOW)
    with pytest.raises(Faulty, match="a swap needs two people"):
        overrides.propose(crew, MAY, replace(SWAP, asked="first"), NOW)
    for changed, sentence in (
        (replace(SWAP, asked="ghost"), "swap.asked: there is no person 'ghost'."),
        (replace(SWAP, offered=(NOW + DAY, NOW)), "swap.offered_until: must be later than offered_from."),
    ):
        with pytest.raises(Faulty) as faulty:
            overrides.propose(crew, MAY, changed, NOW)
        assert faulty.value.problems == [sentence]
    proposed = overrides.propose(crew, MAY, SWAP, NOW)
    assert proposed is not None
    overrides.override(crew, MAY, "infra", TAKE, NOW)
    with pytest.raises(InUse, match=r"^One of the two is no longer on call for all of their shift"):
        overrides.answer(crew, ALSO, proposed.stored.id, True, NOW)
    assert overrides.propose(crew, MAY, replace(SWAP, rotation="nowhere"), NOW) is None
