"""The last test page of each contact, and the last proof that one arrived."""

from dataclasses import replace
from datetime import timedelta

from sqlalchemy import Connection

from alerting import desk
from alerting.desk import Proof
from alerting.person import Contact, Person
from tests.unit.conftest import NOW

MAIL, HOOK = Contact("email", "anna@example.com"), Contact("slack", "sealed one")
ANNA = Person("anna", "Anna", (MAIL, HOOK))
RESULTS = [(MAIL, "accepted", "250 OK"), (HOOK, "refused", "404")]
LATER = NOW + timedelta(minutes=1)


def test_a_proof_has_the_outcome_and_the_time_of_its_answer(db: Connection) -> None:
    desk.define_person(db, ANNA)
    desk.record_test_page(db, ANNA, RESULTS, NOW)
    assert desk.prove(db, "anna", MAIL.mark, LATER) == (ANNA, MAIL)
    assert desk.contact_proofs(db) == {
        ("anna", MAIL.mark): Proof(NOW, "accepted", "250 OK", LATER),
        ("anna", HOOK.mark): Proof(NOW, "refused", "404", None),
    }


def test_another_test_page_keeps_the_proof(db: Connection) -> None:
    desk.define_person(db, ANNA)
    desk.prove(db, "anna", MAIL.mark, NOW)
    desk.record_test_page(db, ANNA, RESULTS, LATER)
    proof = desk.contact_proofs(db, ["anna"])["anna", MAIL.mark]
    assert (proof.sent_at, proof.proven_at) == (LATER, NOW)


def test_a_corrected_address_needs_a_proof_of_its_own(db: Connection) -> None:
    desk.define_person(db, ANNA)
    desk.prove(db, "anna", MAIL.mark, NOW)
    other = replace(ANNA, contacts=(Contact("email", "other@example.com"), HOOK))
    desk.define_person(db, other)
    assert desk.prove(db, "anna", MAIL.mark, NOW) is None
    desk.record_test_page(db, other, [(other.contacts[0], "accepted", "")], NOW)
    assert list(desk.contact_proofs(db)) == [("anna", other.contacts[0].mark)]


def test_an_address_that_is_encrypted_anew_keeps_its_proof(db: Connection) -> None:
    desk.define_person(db, ANNA)
    desk.prove(db, "anna", HOOK.mark, NOW)
    anew = replace(ANNA, contacts=(MAIL, Contact("slack", "sealed two")))
    desk.reseal_person(db, ANNA, anew)
    assert desk.contact_proofs(db)["anna", anew.contacts[1].mark].proven_at == NOW


def test_a_proof_goes_with_its_person(db: Connection) -> None:
    desk.define_person(db, ANNA)
    desk.prove(db, "anna", MAIL.mark, NOW)
    desk.forget_person(db, "anna")
    assert desk.contact_proofs(db) == {}


def test_a_proof_counts_for_half_a_year() -> None:
    assert Proof(proven_at=NOW).holds(NOW + timedelta(days=181))
    assert not Proof(proven_at=NOW).holds(NOW + timedelta(days=183))
    assert not desk.NO_PROOF.holds(NOW)
