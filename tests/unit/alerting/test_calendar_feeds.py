"""Calendars with a secret address: one for each person and rotation, gone with them."""

from datetime import timedelta

from sqlalchemy import Connection

from alerting import desk
from alerting.desk import Feed, Noun
from alerting.origin import Origin
from alerting.person import Person
from alerting.rotation import Layer, Length, Rotation
from tests.unit.conftest import NOW

ANNA = Person("anna", "Anna", ())
INFRA = Rotation(
    "infra", "UTC", (Layer(("anna",), Length.parse("1w"), NOW.replace(tzinfo=None)),), Origin.API
)


def make(db: Connection) -> list[Feed]:
    subjects = ((Noun.PERSON, "anna"), (Noun.ROTATION, "infra"))
    return [desk.make_feed(db, noun, name, "00" * 8, "Ben", NOW) for noun, name in subjects]


def left(db: Connection) -> list[str]:
    return [feed.name for number in range(9) if (feed := desk.feed_by_id(db, number))]


def test_a_feed_is_found_by_its_subject_and_by_its_number(db: Connection) -> None:
    for feed in make(db):
        assert desk.feed_of(db, feed.noun, feed.name) == feed == desk.feed_by_id(db, feed.id)
    assert desk.feed_of(db, Noun.PERSON, "infra") is None


def test_a_revoked_feed_leaves_its_number_to_nobody(db: Connection) -> None:
    first, second = make(db)
    desk.revoke_feed(db, second.id)
    assert left(db) == ["anna"]
    again = desk.make_feed(db, Noun.ROTATION, "infra", "11" * 8, "Ben", NOW + timedelta(1))
    assert again.id > second.id > first.id


def test_a_feed_goes_with_its_person_and_its_rotation(db: Connection) -> None:
    desk.install(db, [ANNA], [], {})
    desk.define_rotation(db, INFRA)
    make(db)
    desk.install(db, [ANNA], [], {})
    assert left(db) == ["anna", "infra"], "another configuration keeps them"
    desk.forget_rotation(db, "infra")
    assert left(db) == ["anna"]
    desk.install(db, [], [], {})
    assert left(db) == []
