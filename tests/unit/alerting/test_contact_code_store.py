"""The rows of codes: whose they are, for how long they count, and what a provider reports of them."""

from datetime import timedelta

import pytest
from sqlalchemy import Connection

from alerting import contact_code_store as codes
from alerting import desk
from alerting.contact_code import WINDOW, Code
from alerting.person import Contact, Person
from tests.unit.conftest import NOW

PHONE = Contact("sms", "+15005550001")


@pytest.fixture
def sent(db: Connection) -> int:
    """A code to Anna's phone that the provider has taken."""
    desk.install(db, [Person("anna", "Anna", (PHONE,)), Person("ben", "Ben", (PHONE,))], [], {})
    number = codes.add(db, "anna", PHONE, "hash", NOW)
    codes.record(db, number, "accepted", "201 Created", "SM1")
    return number


def test_a_code_is_its_persons_for_an_hour(db: Connection, sent: int) -> None:
    codes.add(db, "ben", PHONE, "hash", NOW)
    code = Code(sent, "anna", PHONE.mark, "hash", NOW, outcome="accepted", said="201 Created")
    assert codes.of_person(db, "anna", NOW + WINDOW - timedelta(seconds=1)) == [code]
    assert codes.of_person(db, "anna", NOW + WINDOW) == []


def test_tries_and_use_are_kept(db: Connection, sent: int) -> None:
    for _ in range(2):
        (code,) = codes.of_person(db, "anna", NOW)
        codes.count_wrong(db, code)
    codes.use(db, code)
    (code,) = codes.of_person(db, "anna", NOW)
    assert (code.wrong, code.used) == (2, True)


def test_a_number_is_not_given_again(db: Connection, sent: int) -> None:
    """The outcome of a slow send would be written to the code of somebody else."""
    later = codes.add(db, "ben", PHONE, "hash", NOW + WINDOW)
    assert later > sent
    codes.record(db, sent, "refused", "late", None)
    (code,) = codes.of_person(db, "ben", NOW + WINDOW)
    assert code.outcome is None


def test_only_the_ids_of_a_kind_are_known(db: Connection, sent: int) -> None:
    assert codes.known_ids(db, "sms", ["SM1", "SM2", "SM\x001", ""]) == {"SM1"}
    assert codes.known_ids(db, "voice", ["SM1"]) == set()


def test_undelivered_outweighs_delivered_in_any_order(db: Connection, sent: int) -> None:
    codes.report(db, "sms", "SM1", "delivered", None)
    codes.report(db, "voice", "SM1", "undelivered", "of another kind")
    assert [code.receipt for code in codes.of_person(db, "anna", NOW)] == ["delivered"]
    codes.report(db, "sms", "SM1", "undelivered", "switched off")
    codes.report(db, "sms", "SM1", "delivered", None)
    (code,) = codes.of_person(db, "anna", NOW)
    assert (code.receipt, code.receipt_said) == ("undelivered", "switched off")


def test_those_who_watch_see_each_change(db: Connection, sent: int) -> None:
    seen = [codes.newest(db, 9)]
    codes.report(db, "sms", "SM1", "delivered", None)
    seen.append(codes.newest(db, 9))
    codes.use(db, codes.of_person(db, "anna", NOW)[0])
    seen.append(codes.newest(db, 9))
    assert len(set(map(repr, seen))) == 3
