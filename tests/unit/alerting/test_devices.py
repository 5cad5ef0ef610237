"""Devices: contacts that people add themselves, beside those of their definition."""

from dataclasses import replace

import pytest
from sqlalchemy import Connection

from alerting import attempts, desk, devices, outbox, roster
from alerting.origin import Origin
from alerting.person import Contact, Person
from tests.unit.alerting.conftest import ANNA, BEN, OPS, a_symptom, page_for
from tests.unit.conftest import NOW

PHONE, LAPTOP = Contact("push", "sealed phone"), Contact("push", "sealed laptop")


@pytest.fixture(autouse=True)
def of_anna(db: Connection) -> None:
    """Anna has added her phone, then her laptop."""
    assert devices.add(db, "anna", "Chrome on Android", PHONE.address, "hash 1", NOW)
    assert devices.add(db, "anna", "Firefox on Linux", LAPTOP.address, "hash 2", NOW)


def test_a_person_is_paged_on_their_devices_first_in_the_order_in_which_they_were_added(
    db: Connection,
) -> None:
    for people in (roster.load_people(db), roster.load_people(db, ["anna", "ben"]), desk.people(db)):
        assert people["anna"].contacts == (PHONE, LAPTOP, *ANNA.contacts)
        assert people["ben"].contacts == BEN.contacts


def test_no_definition_has_devices(db: Connection) -> None:
    assert desk.defined_people(db) == {"anna": ANNA, "ben": BEN}
    assert desk.people(db)["anna"].defined == ANNA


def test_devices_survive_a_change_of_their_person_and_of_the_file(db: Connection) -> None:
    desk.install(db, [replace(ANNA, contacts=()), BEN], [OPS], {})
    assert desk.people(db)["anna"].contacts == (PHONE, LAPTOP)
    desk.define_person(db, replace(desk.people(db)["anna"], origin=Origin.API))
    assert desk.people(db)["anna"].contacts == (PHONE, LAPTOP)
    assert desk.defined_people(db)["anna"].contacts == ()


def test_devices_go_with_their_person(db: Connection) -> None:
    desk.install(db, [BEN], [], {})
    assert devices.of(db, "anna") == []
    desk.install(db, [ANNA, BEN], [], {})
    assert desk.people(db)["anna"] == ANNA


def test_a_device_is_added_once_and_may_be_shared(db: Connection) -> None:
    assert not devices.add(db, "anna", "Chrome on Android", "sealed anew", "hash 1", NOW)
    assert [device.contact for device in devices.of(db, "anna")] == [PHONE, LAPTOP]
    assert devices.add(db, "ben", "Chrome on Android", "sealed for Ben", "hash 1", NOW)
    assert desk.people(db)["ben"].contacts == (Contact("push", "sealed for Ben"), *BEN.contacts)


def test_only_a_device_of_the_person_is_removed(db: Connection) -> None:
    phone, laptop = devices.of(db, "anna")
    assert devices.remove(db, "ben", phone.id) is None
    assert devices.remove(db, "anna", phone.id) == "Chrome on Android"
    assert devices.remove(db, "anna", phone.id) is None
    assert devices.of(db, "anna") == [laptop]


def test_a_device_whose_address_is_encrypted_anew_keeps_its_proof(db: Connection) -> None:
    previous: Person = desk.people(db)["anna"]
    desk.prove(db, "anna", PHONE.mark, NOW)
    anew = Contact("push", "sealed with another key")
    desk.reseal_person(db, previous, replace(previous, contacts=(anew, *previous.contacts[1:])))
    assert desk.people(db)["anna"].contacts == (anew, LAPTOP, *ANNA.contacts)
    assert desk.contact_proofs(db)["anna", anew.mark].proven_at == NOW


def test_the_number_of_a_device_that_is_gone_is_never_given_again(db: Connection) -> None:
    last = devices.of(db, "anna")[-1].id
    desk.remove_device(db, "anna", last)
    assert desk.add_device(db, "anna", "Chrome on Linux", "sealed", "hash 3", NOW)
    assert devices.of(db, "anna")[-1].id > last


def test_a_renewed_device_is_told_of_what_it_was_paged_for(db: Connection) -> None:
    """News goes to the contact that has the page, also where the person has two of its kind."""
    (page,) = page_for(db, a_symptom("job-1"))
    assert (page.via, page.contact_mark) == ("push", PHONE.mark)
    attempts.write_attempts(
        db, [attempts.Attempt(page.id, NOW, "push", "accepted", "201", contact_mark=PHONE.mark)]
    )
    phone, _ = devices.of(db, "anna")
    assert desk.renew_device(db, phone, "sealed phone, renewed", "hash 3")
    renewed = Contact("push", "sealed phone, renewed")
    assert [each.contact_mark for each in attempts.holders(db, [1])[1]] == [renewed.mark]
    assert [each.contact_mark for each in outbox.pages_of(db, 1)] == [renewed.mark]
    assert desk.people(db)["anna"].contacts[:2] == (renewed, LAPTOP)
