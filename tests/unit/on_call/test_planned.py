"""The coverage that a configuration would have is known before it is applied."""

from datetime import timedelta

from sqlalchemy import Connection

from alerting import desk
from alerting.crew import Team
from alerting.escalation import Policy, Step
from alerting.origin import Origin
from alerting.person import Contact, Person
from alerting.rotation import Change, Layer, Length, Override, Rotation
from heartbeat.definitions.model import Configuration
from heartbeat.on_call import planned
from tests.unit.conftest import NOW

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
BEGINS = (NOW - DAY).replace(tzinfo=None)
MAIL = Contact("email", "a@example.com")
ANNA, BEN = (Person(name.lower(), name, (MAIL,)) for name in ("Anna", "Ben"))
INFRA = Rotation("infra", "UTC", (Layer(("anna",), Length.parse("1w"), BEGINS),))
OPS = Policy("ops", (Step(("infra",), HOUR),))
FILE = Configuration(people={"anna": ANNA}, rotations={"infra": INFRA}, policies={"ops": OPS})


def test_a_policy_that_would_page_nobody_is_warned_of(db: Connection) -> None:
    assert planned.warnings(db, FILE, NOW) == []
    nobody = Configuration(policies={"ops": OPS})
    assert planned.warnings(db, nobody, NOW) == ["policies.ops: from now on: nobody is on call."]


def test_definitions_outside_of_the_file_stay_and_those_of_the_file_are_replaced(db: Connection) -> None:
    outside = Person("cleo", "Cleo", (MAIL,), origin=Origin.API)
    desk.install(db, [ANNA, BEN], [OPS], {}, [INFRA], [Team("all", ("ben",))])
    desk.define_person(db, outside)
    desk.define_policy(db, Policy("late", (Step(("cleo",), HOUR),), Origin.API))
    desk.define_policy(db, Policy("both", (Step(("all", "ben"), HOUR),), Origin.API))
    assert planned.warnings(db, FILE, NOW) == ["policies.both: from now on: nobody is on call."]


def test_leaves_hold_in_a_rotation_that_is_new(db: Connection) -> None:
    desk.install(db, [ANNA], [], {})
    leave = Override(Change.REMOVE, NOW + DAY, NOW + 2 * DAY, off="anna")
    desk.add_override(db, None, leave, "Anna", NOW)
    (sentence,) = planned.warnings(db, FILE, NOW)
    assert sentence.endswith(" UTC: nobody is on call.")


def test_people_who_are_new_take_their_turns(db: Connection) -> None:
    desk.install(db, [], [], {}, [INFRA])
    assert planned.warnings(db, FILE, NOW) == []
