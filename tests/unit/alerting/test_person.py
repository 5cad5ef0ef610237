"""The contacts of a person: which ones a page goes to, and what they are called."""

from dataclasses import replace
from datetime import timedelta

import pytest

from alerting.person import Contact, Person, contacts_from_json, contacts_to_json
from alerting.severity import Severity

APP, MAIL = Contact("ntfy", "topic"), Contact("email", "a@example.com")
CALL = Contact("voice", "+1", after=timedelta(minutes=5))
ANNA = Person("anna", "Anna", (APP, MAIL, CALL), warnings=(MAIL, replace(CALL, after=timedelta(hours=1))))


def test_what_is_not_critical_goes_to_the_contacts_for_warnings() -> None:
    assert ANNA.ways(Severity.CRITICAL) == ANNA.contacts
    for severity in (Severity.ERROR, Severity.WARNING, Severity.INFO):
        assert ANNA.ways(severity) == ANNA.warnings


def test_without_contacts_for_warnings_all_pages_go_the_same_way() -> None:
    ben = Person("ben", "Ben", (APP, MAIL))
    assert {ben.ways(severity) for severity in Severity} == {ben.contacts}


def test_after_the_last_contact_comes_the_first() -> None:
    assert [ANNA.way(Severity.WARNING, count).kind for count in range(3)] == ["email", "voice", "email"]


def test_each_address_counts_once() -> None:
    assert ANNA.all_contacts == (APP, MAIL, CALL)
    only = Contact("sms", "+2")
    assert replace(ANNA, warnings=(only, APP)).all_contacts == (APP, MAIL, CALL, only)


def test_the_time_of_a_contact_is_no_part_of_its_mark() -> None:
    """Proofs and breakers are of the address."""
    assert CALL.mark == replace(CALL, after=None).mark


@pytest.mark.parametrize(
    ("severity", "words"),
    [
        (Severity.CRITICAL, "ntfy, then email, after 5 min voice"),
        (Severity.WARNING, "email, after 1 h voice"),
    ],
)
def test_the_way_of_a_page_in_words(severity: Severity, words: str) -> None:
    assert ANNA.by(severity) == words


def test_contacts_are_read_as_they_were_written() -> None:
    assert contacts_from_json(contacts_to_json(ANNA.contacts)) == ANNA.contacts
    assert contacts_from_json([{"kind": "ntfy", "address": "topic"}]) == (APP,)
