"""People defined outside of the file: how they are reached, whose secrets are kept, and who cannot go."""

import secrets
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection

from alerting import desk
from alerting.escalation import Policy, Step
from alerting.origin import Origin
from alerting.person import Contact, Person
from heartbeat import audit, vault
from heartbeat.definitions import kind as kinds
from heartbeat.definitions.edit.people import PERSON
from heartbeat.definitions.kind import InUse, OwnedByFile
from heartbeat.definitions.single import Faulty
from tests.unit.definitions.edit.conftest import KEYS, edit_by_anna

HOOK = "https://hooks.slack.com/services/T0/B0/secret"


def define(db: Connection, name: str = "anna", **fields: Any) -> Person | None:
    fields.setdefault("contacts", [{"console": "terminal"}])
    return kinds.define(edit_by_anna(db), PERSON, name, fields).previous


def fault(db: Connection, *contacts: Any, **fields: Any) -> str:
    with pytest.raises(Faulty) as raised:
        define(db, contacts=list(contacts), **fields)
    return raised.value.problems[0]


def deeds(db: Connection) -> list[str]:
    return [deed.action for deed in reversed(audit.listed(db, limit=100))]


def test_a_person_is_added_and_changed(db: Connection) -> None:
    assert define(db, name="anna", timezone="Europe/London") is None
    previous = define(db, contacts=[{"ntfy": "https://ntfy.example.com/anna"}, {"console": "terminal"}])

    assert previous == Person("anna", "anna", (Contact("console", "terminal"),), "Europe/London")
    contacts = (Contact("ntfy", "https://ntfy.example.com/anna"), Contact("console", "terminal"))
    assert desk.people(db)["anna"] == Person("anna", "anna", contacts, "UTC")
    assert desk.people(db, Origin.API).keys() == {"anna"}
    deed, addition = audit.listed(db, limit=10)
    assert (addition.action, addition.before) == ("person.make", None)
    assert (deed.action, deed.target, deed.before) == ("person.change", "person anna", addition.after)
    assert deed.after == {"contacts": [{"ntfy": "https://ntfy.example.com/anna"}, {"console": "terminal"}]}


def test_a_person_may_be_a_user_of_another_name_whom_nobody_else_is(db: Connection) -> None:
    define(db, user="anna@example.com")
    assert desk.people(db)["anna"].user == "anna@example.com"
    assert PERSON.written("anna", desk.people(db)["anna"])["user"] == "anna@example.com"
    with pytest.raises(Faulty, match="anna is the user 'anna@example"):
        define(db, "ben", user="anna@example.com")
    define(db, user="anna")
    assert desk.people(db)["anna"].user == ""


def test_a_user_is_the_person_who_names_them_or_else_the_one_of_their_name(db: Connection) -> None:
    define(db, "anna")
    define(db, "ben", user="b")
    people = [desk.person_of_user(db, user) for user in ("anna", "b", "ben", "c")]
    assert [person.id if person else None for person in people] == ["anna", "ben", None, None]
    define(db, "anne", user="anna")
    somebody = desk.person_of_user(db, "anna")
    assert somebody is not None
    assert somebody.id == "anne"


def test_the_same_again_is_written_down_once(db: Connection) -> None:
    for _ in range(2):
        define(db, contacts=[{"slack": HOOK}])
    assert deeds(db) == ["person.make"]


def test_a_secret_address_is_encrypted_and_shown_to_nobody(db: Connection) -> None:
    define(db, contacts=[{"slack": HOOK}])
    person = desk.people(db)["anna"]
    (contact,) = person.contacts
    assert vault.is_sealed(contact.address)
    assert KEYS.open(contact.address, person.about(contact)) == HOOK
    (deed,) = audit.listed(db, limit=10)
    assert deed.after == {"contacts": [{"slack": "(secret)"}]}


def test_null_keeps_the_addresses_that_there_are_each_once(db: Connection) -> None:
    define(db, contacts=[{"slack": HOOK}, {"console": "terminal"}, {"slack": f"{HOOK}2"}])
    first, console, second = desk.people(db)["anna"].contacts

    define(db, contacts=[{"slack": None}, {"slack": None}, {"console": None}])

    assert desk.people(db)["anna"].contacts == (first, second, console)
    assert fault(db, {"slack": None}, {"slack": None}, {"slack": None}) == (
        "contacts[2].slack: there is no address to keep; write one."
    )
    assert fault(db, {"email": None}) == "contacts[0].email: there is no address to keep; write one."


def test_a_secret_whose_key_is_lost_must_be_entered_again(db: Connection) -> None:
    define(db, contacts=[{"slack": HOOK}])
    other = vault.with_keys(["another key that is long enough"], secrets.token_bytes)
    with pytest.raises(Faulty, match=r"^contacts\[0\]\.slack: This secret was encrypted with the key"):
        PERSON.read(edit_by_anna(db, other), "anna", {"contacts": [{"slack": None}]})


@pytest.mark.parametrize(
    ("contact", "sentence"),
    [
        ({"apprise": "json://internal"}, "contacts: apprise works in the configuration file only."),
        ({"pigeon": "roof"}, "contacts[0].pigeon: there is no notifier 'pigeon'; there are "),
        ({"slack": "hooks"}, "contacts[0].slack: "),
        ({"email": "anna@example.com"}, "contacts[0].email: needs its settings under notifiers.email: "),
        (
            {"ntfy": "https://x.example.com/${SECRET}"},
            "contacts[0].ntfy: '${' stands for a secret only in the",
        ),
        ("console", "contacts[0]: must be one notifier and its address"),
        ({"ntfy": 5}, "contacts[0].ntfy: must be text."),
    ],
)
def test_an_address_that_cannot_be_used_is_refused(db: Connection, contact: Any, sentence: str) -> None:
    assert fault(db, contact).startswith(sentence)
    assert "anna" not in desk.people(db)


def test_a_person_needs_a_contact_and_a_name_of_their_own(db: Connection) -> None:
    assert fault(db).startswith("contacts: needs at least one")
    with pytest.raises(Faulty, match=r"^person operator: is the service's own name"):
        define(db, "operator")
    with pytest.raises(Faulty, match=r"^person An na: 'An na' cannot be a name"):
        define(db, "An na")


def test_a_person_of_the_file_is_changed_in_the_file(db: Connection) -> None:
    with pytest.raises(
        OwnedByFile, match=r"^The configuration file declares person first: change it there\.$"
    ):
        define(db, "first")
    with pytest.raises(
        OwnedByFile, match=r"^The configuration file declares person first: delete it there\.$"
    ):
        kinds.delete(edit_by_anna(db), PERSON, "first")


def test_a_person_whom_a_policy_pages_is_not_deleted(db: Connection) -> None:
    define(db)
    steps = (Step(("first", "anna"), timedelta(minutes=5)),)
    desk.define_policy(db, Policy("office", steps, Origin.API))
    with pytest.raises(InUse, match=r"^Policy office pages anna: take anna out of it first\.$"):
        kinds.delete(edit_by_anna(db), PERSON, "anna")
    desk.forget_policy(db, "office")
    assert kinds.delete(edit_by_anna(db), PERSON, "anna") is not None
    assert kinds.delete(edit_by_anna(db), PERSON, "anna") is None
    assert desk.people(db).keys() == {"first"}
    assert deeds(db) == ["person.make", "person.delete"]


def test_the_number_of_people_is_limited(db: Connection) -> None:
    two = replace(PERSON, limit=2)
    contacts = [{"console": "terminal"}]
    kinds.define(edit_by_anna(db), two, "anna", {"contacts": contacts})
    with pytest.raises(Faulty, match=r"^person ben: there are 2 people already, the most there can be\.$"):
        kinds.define(edit_by_anna(db), two, "ben", {"contacts": contacts})
    kinds.define(edit_by_anna(db), two, "anna", {"contacts": contacts, "timezone": "Europe/London"})


def test_an_address_whose_key_is_lost_can_be_entered_anew(db: Connection) -> None:
    define(db, contacts=[{"slack": HOOK}])
    other = vault.with_keys(["another key that is long enough"], secrets.token_bytes)
    anew = PERSON.read(edit_by_anna(db, other), "anna", {"contacts": [{"slack": HOOK}]})
    assert other.open(anew.contacts[0].address, anew.about(anew.contacts[0])) == HOOK
