"""Signed links: bound to incident, occurrence and person, and expiring."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heartbeat import signed_link
from heartbeat.signed_link import Answerer, BadLink
from tests.unit.conftest import NOW

SECRET = "s" * 32
ANN = Answerer(12, 3, "ann.o'hara", NOW + timedelta(days=7))


def test_a_link_names_its_holder_and_the_incident() -> None:
    assert signed_link.read([SECRET], signed_link.sign(SECRET, ANN), NOW) == ANN


@pytest.mark.parametrize(
    "other",
    [
        replace(ANN, incident=13),
        replace(ANN, occurrence=4),
        replace(ANN, person="bob"),
        replace(ANN, expires_at=NOW),
    ],
)
def test_each_part_is_signed(other: Answerer) -> None:
    payload, signature = (
        signed_link.sign(SECRET, other).split(".")[0],
        signed_link.sign(SECRET, ANN).split(".")[1],
    )
    assert isinstance(signed_link.read([SECRET], f"{payload}.{signature}", NOW), BadLink)


def test_a_link_is_not_about_an_incident_that_opened_after_it() -> None:
    """A restored database gives numbers again that were in links already."""
    signed = signed_link.read([SECRET], signed_link.sign(SECRET, ANN), NOW)
    assert isinstance(signed, Answerer)
    assert [signed.is_about(NOW + timedelta(seconds=late)) for late in (-60, 0, 1, 60)] == [
        True,
        True,
        False,
        False,
    ]


def test_a_link_expires() -> None:
    assert signed_link.read([SECRET], signed_link.sign(SECRET, ANN), ANN.expires_at) == BadLink(
        "This link has expired: open the incident to see how it stands."
    )


def test_another_installations_link_is_not_valid() -> None:
    assert isinstance(signed_link.read(["t" * 32], signed_link.sign(SECRET, ANN), NOW), BadLink)


def test_links_outlive_the_replacement_of_their_key() -> None:
    token = signed_link.sign(SECRET, ANN)
    assert signed_link.read(["t" * 32, SECRET], token, NOW) == ANN
    assert isinstance(signed_link.read(["t" * 32, "u" * 32], token, NOW), BadLink)
    assert isinstance(signed_link.read([], token, NOW), BadLink)


@given(st.text(max_size=200))
def test_no_token_breaks_the_reader(token: str) -> None:
    assert isinstance(signed_link.read([SECRET], token, NOW), BadLink)
