"""Mails to subscribers: legible, threaded, with an unsubscribe link, and safe headers."""

from datetime import timedelta
from email.headerregistry import Address

import pytest

from heartbeat.status.announcement import Status
from heartbeat.status.subscribers import link as subscriber_link
from heartbeat.status.subscribers import mail as subscriber_mail
from heartbeat.status.subscribers.link import Ticket
from tests.unit.conftest import NOW
from tests.unit.status.publish.test_html import OURS

SENDER = Address("Example", addr_spec="status@example.com")
ONE = Ticket(7, NOW)


def test_an_update_has_a_one_click_unsubscribe() -> None:
    mail = subscriber_mail.news(
        SENDER,
        "anna@example.org",
        title="Resets\nare late",
        page="Example status",
        number=3,
        update=9,
        status=Status.IN_PROGRESS,
        body="We **look**.",
        at=NOW,
        home="https://x/status/p",
        end="https://x/end",
    )
    assert mail["Subject"] == "In progress: Resets are late"
    assert mail["List-Unsubscribe"] == "<https://x/end>"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mail["Message-ID"] == "<announcement-3.9@example.com>"
    assert mail["In-Reply-To"] == mail["References"] == "<announcement-3@example.com>"
    text = mail.get_content()
    assert "We **look**." in text
    assert "Unsubscribe: https://x/end" in text
    assert OURS.search(text) is None


def test_the_question_says_what_happens_without_an_answer() -> None:
    text = subscriber_mail.question(
        SENDER, "anna@example.org", "Example", "https://x/confirm", NOW
    ).get_content()
    assert "https://x/confirm" in text
    assert "ignore this mail" in text
    assert OURS.search(text) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (" Anna@Example.ORG ", "Anna@example.org"),
        ("a.b+c@mail.example.org", "a.b+c@mail.example.org"),
        ("anna", None),
        ("anna@localhost", None),
        ("anna@example.org\nBcc: all@example.org", None),
        ("<anna@example.org>", None),
        ("a@b.example, c@d.example", None),
        ("x" * 250 + "@example.org", None),
        ("änna@example.org", None),
    ],
)
def test_an_invalid_mail_address_is_refused(text: str, expected: str | None) -> None:
    assert subscriber_mail.address(text) == expected


def test_a_ticket_is_for_one_thing_one_subscriber_and_one_time() -> None:
    token = subscriber_link.sign("k" * 32, "confirm", ONE)
    assert subscriber_link.read(["n" * 32, "k" * 32], "confirm", token) == ONE
    assert subscriber_link.read(["k" * 32], "unsubscribe", token) is None
    assert subscriber_link.read(["n" * 32], "confirm", token) is None
    other = subscriber_link.sign("k" * 32, "confirm", Ticket(7, NOW + timedelta(microseconds=1)))
    assert other != token
    for damaged in ("", "x", token[:-1], token.replace("7.", "8.", 1), token + "0", "7.1." + "é" * 64):
        assert subscriber_link.read(["k" * 32], "confirm", damaged) is None
