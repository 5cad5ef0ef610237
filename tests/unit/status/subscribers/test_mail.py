"""Mails to subscribers: legible, threaded, with an unsubscribe link, and safe headers."""

from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes
from email.headerregistry import Address
from email.policy import default

import pytest

from heartbeat.status.announcement import Affected, AnnouncementKind, Status
from heartbeat.status.health import Health
from heartbeat.status.subscribers import link as subscriber_link
from heartbeat.status.subscribers import mail as subscriber_mail
from heartbeat.status.subscribers.link import Ticket
from heartbeat.status.subscribers.mail import Envelope, News
from tests.unit.conftest import NOW
from tests.unit.status.conftest import PAGE
from tests.unit.status.publish.test_html import OURS

SENDER = Address("Example", addr_spec="status@example.com")
ONE = Ticket(7, NOW)
DIFFERENT = ((Health.DELAYED, "us"), (Health.STOPPED, "eu"))
ENVELOPE = Envelope(SENDER, "anna@example.org", ONE, "https://x/status/p")
NEWS = News(
    update=9,
    number=3,
    kind=AnnouncementKind.INCIDENT,
    title="Resets\nare late",
    status=Status.IDENTIFIED,
    body="We **look**.",
    at=NOW,
    affected=(
        Affected("CPU allowance", Health.DELAYED, ("us",)),
        Affected("CPU allowance", Health.STOPPED, ("eu",)),
        Affected("Mail", Health.DELAYED),
    ),
    starts_at=NOW,
    ends_at=None,
    made_at=NOW,
)


def test_an_update_has_a_one_click_unsubscribe() -> None:
    mail = subscriber_mail.update(ENVELOPE, PAGE, NEWS, "https://x/end")
    assert mail["Subject"] == "Identified: Resets are late"
    assert mail["List-Unsubscribe"] == "<https://x/end>"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mail["In-Reply-To"] == mail["References"] == ENVELOPE.thread(3, NOW)
    text = mail.get_content()
    assert "We **look**." in text
    assert "Unsubscribe: https://x/end" in text
    assert OURS.search(text) is None


@pytest.mark.parametrize(
    "title",
    [
        "Rechenzentrum München: Störung der Größenänderung in allen Häusern",
        "=?utf-8?q?=0d=0aX-Evil:_1?=",
        "経理\u3000部",
    ],
)
def test_the_title_and_the_sender_are_read_as_they_were_written(title: str) -> None:
    sender = Address(f"{title}, Europe and North America", addr_spec="status@example.com")
    envelope = replace(ENVELOPE, sender=sender, home="https://x/" + "long/" * 40)
    end = f"{envelope.home}unsubscribe/{'t' * 100}"
    mail = subscriber_mail.update(envelope, PAGE, replace(NEWS, title=title), end).as_bytes()
    read = message_from_bytes(mail, policy=default)
    assert read["Subject"] == f"Identified: {title}"
    (address,) = read["From"].addresses
    # Some readers leave a space between the encoded words of a name.
    assert address.display_name.replace(" ", "") == sender.display_name.replace(" ", "")
    assert address.addr_spec == "status@example.com"
    assert read["X-Evil"] is None
    assert f"List-Unsubscribe: <{end}>\r\n".encode() in mail


def test_an_update_names_components_regions_and_the_start() -> None:
    text = subscriber_mail.update(ENVELOPE, PAGE, NEWS, "https://x/end").get_content()
    assert (
        "CPU allowance: not working in Europe, delayed in the United States\n"
        "Mail: delayed\n"
        "Since: 3 May 2024, 03:00 UTC\n"
    ) in text
    over = replace(NEWS, status=Status.RESOLVED, affected=NEWS.affected[:1])
    london = replace(PAGE, timezone="Europe/London")
    assert subscriber_mail.facts(london, over) == [
        "CPU allowance: was affected in the United States",
        "Began: 3 May 2024, 04:00 BST",
    ]


def test_regions_of_the_same_state_share_a_phrase() -> None:
    us, eu = (Affected("CPU allowance", health, (region,)) for health, region in DIFFERENT)
    over = replace(NEWS, status=Status.RESOLVED, affected=(eu, us, Affected("Mail", Health.NORMAL)))
    assert subscriber_mail.facts(PAGE, over)[:2] == [
        "CPU allowance: was affected in the United States and Europe",
        "Mail: working normally",
    ]
    open_ = replace(NEWS, affected=(eu, replace(us, health=eu.health)))
    assert (
        subscriber_mail.facts(PAGE, open_)[0] == "CPU allowance: not working in the United States and Europe"
    )
    whole = replace(over, affected=(Affected("CPU allowance", Health.DELAYED), eu))
    assert subscriber_mail.facts(PAGE, whole)[0] == "CPU allowance: was affected"
    maintained = replace(us, health=Health.MAINTENANCE)
    done = replace(over, status=Status.COMPLETED, affected=(maintained,))
    assert subscriber_mail.facts(PAGE, done)[0] == "CPU allowance: was under maintenance in the United States"


def test_a_maintenance_has_its_start_and_its_end() -> None:
    under = (Affected("Mail", Health.MAINTENANCE),)
    planned = replace(NEWS, kind=AnnouncementKind.MAINTENANCE, status=Status.SCHEDULED, affected=under)
    assert subscriber_mail.facts(PAGE, replace(planned, ends_at=NOW + timedelta(hours=1))) == [
        "Mail: under maintenance",
        "From 3 May 2024, 03:00 UTC to 3 May 2024, 04:00 UTC",
    ]


def test_every_mail_has_a_message_id_of_its_own() -> None:
    later, other = Ticket(7, NOW + timedelta(microseconds=1)), Ticket(8, NOW)
    envelopes = [
        ENVELOPE,
        replace(ENVELOPE, to="ben@example.org", ticket=other),
        replace(ENVELOPE, ticket=later),
        replace(ENVELOPE, home="https://y/status/p"),
    ]
    updates = [NEWS, replace(NEWS, update=10), replace(NEWS, at=NOW + timedelta(seconds=1))]
    mails = [
        *(subscriber_mail.question(envelope, "Example", "https://x/confirm", NOW) for envelope in envelopes),
        *(subscriber_mail.update(envelope, PAGE, news, "e") for envelope in envelopes for news in updates),
    ]
    ids = [str(mail["Message-ID"]) for mail in mails]
    assert len(set(ids)) == len(ids)
    assert all(mark.endswith("@example.com>") for mark in ids)
    again = subscriber_mail.update(ENVELOPE, PAGE, NEWS, "e")
    assert again["Message-ID"] in ids
    assert ENVELOPE.thread(3, NOW) not in ids


def test_the_question_says_what_happens_without_an_answer() -> None:
    text = subscriber_mail.question(ENVELOPE, "Example", "https://x/confirm", NOW).get_content()
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
