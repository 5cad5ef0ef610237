"""The SQL of people and policies: what is written comes back, with who owns it."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Connection, make_url

from alerting import desk, escalation, roster
from alerting.escalation import Policy, Step
from alerting.origin import Origin
from alerting.person import Contact, Person
from heartbeat.database import engine

ANNA = Person(
    "anna", "Anna", (Contact("ntfy", "https://ntfy.example.com/anna"),), "Europe/London", Origin.API
)
NIGHT = Policy("night", (Step(("anna",), timedelta(minutes=5)),), Origin.API)


@pytest.fixture
def db(database_url: str) -> Iterator[Connection]:
    """A transaction on a fresh database, without people."""
    writer = engine(make_url(database_url), writing=True)
    with writer.begin() as connection:
        yield connection
    writer.dispose()


def test_definitions_come_back_with_their_origin(db: Connection) -> None:
    desk.define_person(db, ANNA)
    desk.define_policy(db, NIGHT)
    for people, policies in (
        (roster.load_people(db, ["anna"]), roster.load_policies(db)),
        (desk.people(db, Origin.API), desk.policies(db, Origin.API)),
    ):
        assert (people, policies) == ({"anna": ANNA}, {"night": NIGHT})
        assert people["anna"].origin is policies["night"].origin is Origin.API
    assert not desk.people(db, Origin.FILE)
    assert not desk.policies(db, Origin.FILE)


def test_the_file_takes_over_a_person_and_later_removes_them(db: Connection) -> None:
    desk.define_person(db, ANNA)
    desk.define_policy(db, NIGHT)
    desk.install(db, [replace(ANNA, origin=Origin.FILE)], [], {})
    assert desk.people(db)["anna"].origin is Origin.FILE
    assert desk.policies(db)["night"].origin is Origin.API
    desk.install(db, [], [], {})
    assert (desk.people(db), desk.policies(db)) == ({}, {"night": NIGHT})


def test_definitions_of_different_origins_can_be_equal() -> None:
    declared = replace(NIGHT, origin=Origin.FILE)
    assert declared == NIGHT
    assert escalation.to_json(declared) == escalation.to_json(NIGHT)
    assert replace(ANNA, origin=Origin.FILE) == ANNA
