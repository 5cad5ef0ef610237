"""People, policies and notifiers, as the file and others define them."""

from dataclasses import replace

from sqlalchemy import Connection

from alerting import desk
from alerting.origin import Origin
from tests.unit.alerting.conftest import ANNA, OPS


def test_the_file_replaces_its_own_definitions_only(db: Connection) -> None:
    desk.define_person(db, replace(ANNA, id="cleo", name="Cleo", origin=Origin.API))
    desk.install(db, [ANNA], [], {"ntfy": {"token": "${TOKEN}"}})
    assert desk.people(db).keys() == {"anna", "cleo"}
    assert (desk.policies(db), desk.notifiers(db)) == ({}, {"ntfy": {"token": "${TOKEN}"}})
    desk.define_policy(db, OPS)
    desk.forget_person(db, "cleo")
    desk.forget_policy(db, "ops")
    assert desk.people(db).keys() == {"anna"}
    assert desk.policies(db) == {}
