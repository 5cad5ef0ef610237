"""A person as a form has them: what is kept, what is meant, what is wrong, in the form's words."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from starlette.datastructures import FormData

from alerting.person import Contact, Person
from heartbeat.http.console import form_rows
from heartbeat.http.console.on_call.contact_rows import ContactFields
from heartbeat.http.console.on_call.person_fields import PersonFields

SLACK, OTHER, MAIL = Contact("slack", "enc:1"), Contact("slack", "enc:2"), Contact("email", "a@example.com")
ANNA = Person("anna", "Anna", (SLACK, MAIL, OTHER), "Europe/London")


def secret(one: Contact) -> bool:
    return one.kind == "slack"


def typed(*some: tuple[str, str, str], **fields: str) -> PersonFields:
    pairs: list[tuple[str, Any]] = list(fields.items())
    for kind, address, keeps in some:
        pairs += [("kind", kind), ("address", address), ("keeps", keeps)]
    return PersonFields.typed(FormData(pairs))


def test_a_secret_is_not_in_the_form_and_is_kept() -> None:
    card = PersonFields.of(ANNA, secret)
    assert card.rows == (
        ContactFields("slack", "", 0),
        ContactFields("email", "a@example.com"),
        ContactFields("slack", "", 2),
    )
    assert card.entered(ANNA) == {
        "name": "Anna",
        "timezone": "Europe/London",
        "user": None,
        "quiet_hours": None,
        "contacts": [{"slack": None}, {"email": "a@example.com"}, {"slack": None}],
    }


def test_a_typed_address_replaces_the_stored_one() -> None:
    card = typed(("slack", " https://x ", "0"), ("email", "b@example.com", ""), ("", "", ""))
    assert card.entered(ANNA)["contacts"] == [{"slack": "https://x"}, {"email": "b@example.com"}]
    assert typed(("slack", "", "7")).entered(ANNA)["contacts"] == [{"slack": ""}], "there is no such contact"
    assert typed(("email", "", "0")).entered(ANNA)["contacts"] == [{"email": ""}], (
        "another kind keeps nothing"
    )
    assert typed(("slack", "", "0")).entered(None)["contacts"] == [{"slack": ""}]


TIMED = Person(
    "anna",
    "Anna",
    (
        MAIL,
        Contact("slack", "enc:1", after=timedelta(minutes=2)),
        Contact("sms", "+1", after=timedelta(minutes=5)),
    ),
    warnings=(OTHER, MAIL, Contact("slack", "enc:1", after=timedelta(minutes=9))),
)


def test_a_row_belongs_to_one_list_or_to_both() -> None:
    card = PersonFields.of(TIMED, secret)
    assert [(row.kind, row.keeps, row.after, row.pages) for row in card.rows] == [
        ("slack", 3, "", "warnings"),
        ("email", None, "", ""),
        ("slack", 1, "2m", "contacts"),
        ("sms", None, "5m", "contacts"),
        ("slack", 1, "9m", "warnings"),
    ]
    entered = card.entered(TIMED)
    assert entered["contacts"] == [
        {"email": "a@example.com"},
        {"slack": None, "after": "2m"},
        {"sms": "+1", "after": "5m"},
    ]
    assert entered["warnings"] == [
        {"slack": None},
        {"email": "a@example.com"},
        {"slack": None, "after": "9m"},
    ]


def test_lists_in_other_orders_have_rows_of_their_own() -> None:
    turned = Person("anna", "Anna", (MAIL, SLACK), warnings=(SLACK, MAIL))
    rows = PersonFields.of(turned, secret).rows
    assert [(row.kind, row.pages) for row in rows] == [
        ("email", "contacts"),
        ("slack", "contacts"),
        ("slack", "warnings"),
        ("email", "warnings"),
    ]


def test_a_problem_of_a_contact_in_both_lists_is_told_once() -> None:
    card = typed(("email", "nope", ""), pages="")
    card = replace(card, rows=(*card.rows, ContactFields("email", "x", pages="warnings")))
    problems = [f"{name}[0].email: no." for name in ("contacts", "warnings")] + ["warnings[1].email: no."]
    assert card.located(problems) == [("contact-0", "Contact 1: no."), ("contact-1", "Contact 2: no.")]


@pytest.mark.parametrize("kept", [["2"], ["2", "0"], ["0", "0"]])
def test_no_other_secret_is_kept_than_the_one_that_is_meant(kept: list[str]) -> None:
    card = typed(*(("slack", "", place) for place in kept))
    with pytest.raises(ValueError, match="Only the first secret slack addresses can be kept"):
        card.entered(ANNA)


def test_the_first_may_be_kept_and_the_second_taken_away_or_written_anew() -> None:
    assert typed(("slack", "", "0")).entered(ANNA)["contacts"] == [{"slack": None}]
    anew = typed(("slack", "https://new", "2"), ("slack", "", "0"))
    assert anew.entered(ANNA)["contacts"] == [{"slack": "https://new"}, {"slack": None}]


def test_a_problem_names_the_row() -> None:
    card = typed(("", "", ""), ("email", "nope", ""), ("pigeon", "x", ""))
    assert card.located(
        [
            "contacts[0].email: the address must be a mail address, such as anna@example.com.",
            "person anna.contacts[1].pigeon: leads astray.",
            "contacts: needs at least one, such as {email: anna@example.com}.",
            "timezone: 'Mars' is no time zone.",
            "person A B: 'A B' cannot be a name; write a-z.",
            "something else",
        ]
    ) == [
        ("contact-1", "Contact 2: the address must be a mail address, such as anna@example.com."),
        ("contact-2", "Contact 3: leads astray."),
        ("contacts", "Contacts: needs at least one, such as {email: anna@example.com}."),
        ("timezone", "Time zone: 'Mars' is no time zone."),
        ("slug", "Slug: 'A B' cannot be a name; write a-z."),
        ("", "something else"),
    ]
    with pytest.raises(ValueError, match="Contact 1: choose a notifier") as wrong:
        typed(("", "a@example.com", "")).entered(None)
    assert card.located([str(wrong.value)])[0][0] == "contact-0"


@pytest.mark.parametrize(
    ("do", "left"),
    [
        ("add", "abc-"),
        ("up:1", "bac"),
        ("up:0", "abc"),
        ("drop:0", "bc"),
        ("drop:9", "abc"),
        ("drop:x", "abc"),
        ("drop:", "abc"),
        ("save", "abc"),
    ],
)
def test_rows_are_added_moved_and_taken_away(do: str, left: str) -> None:
    assert "".join(form_rows.apply("abc", do, "-")) == left
    assert form_rows.pressed(do) is (do != "save")


def test_a_form_always_has_a_row() -> None:
    assert form_rows.apply("a", "drop:0", "-") == ("-",)
    assert PersonFields.typed(FormData()).rows == (ContactFields(),)
    assert typed(("email", "", "")).pressed("drop:0").rows == (ContactFields(),)
