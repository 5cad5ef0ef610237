"""The coverage that a configuration would have is known before it is applied."""

from dataclasses import replace
from datetime import timedelta

from sqlalchemy import Connection

from alerting import desk
from alerting.calendar_layer import Booking, CalendarLayer
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


def test_the_calendar_of_a_file_is_told_of_before_it_is_applied(db: Connection) -> None:
    calendar = CalendarLayer("https://calendar.example.com/x")
    infra = replace(INFRA, layers=(calendar,))
    file = replace(FILE, rotations={"infra": infra})
    first_time = (
        "rotations.infra: a calendar is read for the first time within a minute after this is applied."
    )
    assert planned.warnings(db, file, NOW) == [first_time, "policies.ops: from now on: nobody is on call."]
    desk.install(db, [ANNA], [OPS], {}, [infra])
    desk.imported_calendars.begin(db, "infra", calendar.mark, None, NOW)
    booking = Booking(NOW - DAY, NOW + 30 * DAY, ("anna",))
    desk.imported_calendars.book(db, "infra", calendar.mark, [booking], ["Max"])
    assert planned.warnings(db, file, NOW) == [
        "rotations.infra: The calendar names people who are not known here: 'Max'. They are not on call by it."
    ]


def test_people_who_are_new_take_their_turns(db: Connection) -> None:
    desk.install(db, [], [], {}, [INFRA])
    assert planned.warnings(db, FILE, NOW) == []
