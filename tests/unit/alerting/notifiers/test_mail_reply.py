"""Replies to mails: only who has the mail can answer, only in so many words, and never a machine."""

from dataclasses import replace
from email.message import EmailMessage
from email.utils import getaddresses
from typing import Any

import httpx
import pytest

from alerting.notice import Notice, NoticeKind
from alerting.notifiers import mail_reply
from alerting.notifiers.contract import Acknowledgement, Call, Contact, Malformed, Unsigned
from alerting.notifiers.email import Email

from .conftest import StartRelay
from .inbox import Inbox

SECRET = "a-secret-that-nobody-guesses"
MAILBOX = "Pages@example.com"
PAGE, DIGEST = "page-7-5f0c6e2a91bd-1714705200000000", "heartbeat-digest-3-5f0c6e2a91bd-1714705200000000"
ANSWER = Acknowledgement(notice="page-7-1714705200000000", by="anna@example.org", address="anna@example.org")
SETTINGS = {"smtp": "smtp://mail.example.com", "from": "hb@example.com"}
REPLIES = {"reply_to": MAILBOX, "reply_secret": SECRET}


@pytest.fixture
def email(http: httpx.AsyncClient) -> Email:
    """A notifier with a mailbox for replies."""
    return Email.configured(SETTINGS | REPLIES, http)


def address(notice_id: str = PAGE, secret: str = SECRET) -> str:
    """The address for replies to a notice."""
    made = mail_reply.address(MAILBOX, secret, notice_id)
    assert made
    return made


def mail(text: str = "OK", to: str | None = None, **headers: str) -> EmailMessage:
    """A reply of Anna's."""
    message = EmailMessage()
    message["From"] = "Anna Li <Anna@Example.org>"
    message["To"] = address() if to is None else to
    message["Subject"] = "Re: CRITICAL us-housekeeping silent"
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    message.set_content(text)
    return message


def received(email: Email, message: EmailMessage) -> object:
    """What the mail means, as the mail server passes it on."""
    return email.received(Call({}, message.as_bytes()))


@pytest.mark.parametrize(
    "text",
    [
        "OK",
        "ok.\n",
        "\n\n  Ack\n",
        "Acknowledged!\n\nAm 3. Mai schrieb heartbeat:\n> CRITICAL",
        "I got it\n--\nAnna",
    ],
)
def test_an_answer_in_the_first_line_acknowledges(email: Email, text: str) -> None:
    assert received(email, mail(text)) == [ANSWER]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Thanks",
        "not ok",
        "ok, I'll look at it tomorrow",
        "> OK",
        "I am out of office until Monday.\nOK",
        "no\nOK",
    ],
)
def test_any_other_first_line_is_refused_so_that_its_author_hears_of_it(email: Email, text: str) -> None:
    assert isinstance(received(email, mail(text)), Malformed)


@pytest.mark.parametrize(
    "headers",
    [
        {"Auto_Submitted": "auto-replied"},
        {"Auto_Submitted": "auto-generated; owner=anna"},
        {"X_Autoreply": "yes"},
        {"X_Autorespond": "yes"},
        {"Precedence": "auto_reply"},
        {"Precedence": "Bulk"},
        {"Return_Path": "<>"},
        {"List_Id": "<ops.example.org>"},
    ],
)
def test_what_a_machine_writes_is_no_answer_and_gets_none(email: Email, headers: dict[str, str]) -> None:
    assert received(email, mail("OK", **headers)) == []
    assert received(email, mail("Out of office", **headers)) == []


def test_a_bounce_is_no_answer(email: Email) -> None:
    bounce = mail("OK")
    bounce.make_mixed()
    bounce.replace_header("Content-Type", 'multipart/report; report-type=delivery-status; boundary="x"')
    assert received(email, bounce) == []


def test_a_human_who_says_so_is_no_machine(email: Email) -> None:
    assert received(email, mail("OK", Auto_Submitted="no")) == [ANSWER]


def test_a_reply_without_plain_text_is_read_as_well(email: Email) -> None:
    message = mail("")
    message.set_content(
        "<html><head><style>p {}</style></head><body><p>OK</p><p>Anna</p></body></html>", "html"
    )
    assert received(email, message) == [ANSWER]
    both = mail("ok")
    both.add_alternative("<p>no</p>", subtype="html")
    assert received(email, both) == [ANSWER]


def test_only_an_address_that_was_given_can_be_answered(email: Email) -> None:
    mine = address()
    for to in (
        MAILBOX,
        "",
        address(secret="another-secret-than-ours"),
        mine.replace("+p7-", "+p8-"),
        mine.replace("+p7-", "+d7-"),
        mine.replace("example.com", "example.org"),
        mine.replace("Pages+", "Others+"),
    ):
        assert isinstance(received(email, mail("OK", to=to)), Unsigned)


@pytest.mark.parametrize("header", ["Cc", "Delivered_To", "X_Original_To"])
def test_the_address_may_stand_elsewhere_and_in_any_case(email: Email, header: str) -> None:
    message = mail("OK", "Somebody <else@example.org>", **{header: f"Pages <{address().upper()}>"})
    assert received(email, message) == [ANSWER]


def test_a_digest_is_answered_as_a_whole(email: Email) -> None:
    assert received(email, mail("OK", address(DIGEST))) == [
        replace(ANSWER, notice="heartbeat-digest-3-1714705200000000")
    ]


def test_an_address_fits_the_limit_or_there_is_none() -> None:
    local = address("page-123456789-5f0c6e2a91bd-1714705200000000").partition("@")[0]
    assert len(local) <= 64
    assert mail_reply.address("a-mailbox-with-a-very-long-name@example.com", SECRET, PAGE) is None
    assert (
        mail_reply.address(MAILBOX, SECRET, "heartbeat-test-anna-0123456789abcdef-1714705200000000") is None
    )


@pytest.mark.parametrize(
    "body", [b"", b"\xff\xfe\x00", b"To: x\n\nOK", b"a" * 60_000, b"Content-Type: multipart/mixed\n\n"]
)
def test_what_is_no_mail_changes_nothing(email: Email, body: bytes) -> None:
    assert isinstance(email.received(Call({}, body)), Unsigned)


@pytest.mark.parametrize("charset", ["utf-8", "iso-8859-1", "nonsense"])
def test_every_charset_is_read(email: Email, charset: str) -> None:
    raw = mail("OK").as_bytes().replace(b'charset="utf-8"', f'charset="{charset}"'.encode())
    assert email.received(Call({}, raw)) == [ANSWER]


def test_hostile_mails_are_read_in_no_time(email: Email) -> None:
    for raw in (
        b"To: " + b"(" * 60_000 + b"\n\nOK",
        b"To: " + b"<a@b.c>," * 8_000 + b"\n\nOK",
        b"Content-Type: text/html\n\n" + b"<style " * 8_000,
        b"".join(b'Content-Type: multipart/mixed; boundary="%d"\n\n--%d\n' % (n, n) for n in range(1_000)),
    ):
        assert isinstance(email.received(Call({}, raw)), Unsigned | Malformed)


def test_without_a_mailbox_no_reply_is_read(http: httpx.AsyncClient) -> None:
    assert isinstance(received(Email.configured(SETTINGS, http), mail()), Unsigned)


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ({"reply_to": MAILBOX}, "belong together"),
        ({"reply_secret": SECRET}, "belong together"),
        ({"reply_to": "pages", "reply_secret": SECRET}, "reply_to must be a mailbox"),
        ({"reply_to": "a+b@example.com", "reply_secret": SECRET}, "reply_to must be a mailbox"),
        ({"reply_to": MAILBOX, "reply_secret": "short"}, "reply_secret must have"),
    ],
)
def test_wrong_settings_are_refused(http: httpx.AsyncClient, settings: dict[str, str], fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        Email.configured(SETTINGS | settings, http)


@pytest.mark.parametrize(
    ("changes", "asks"),
    [
        ({}, True),
        ({"kind": NoticeKind.RECOVERED, "ack_url": None}, False),
        ({"id": "heartbeat-test-a-b-1"}, False),
    ],
)
async def test_a_mail_asks_for_a_reply_where_one_can_answer_it(
    relay: StartRelay,
    inbox: Inbox,
    http: httpx.AsyncClient,
    ca_file: str,
    notice: Notice,
    changes: dict[str, Any],
    asks: bool,
) -> None:
    settings = {"smtp": f"smtp://127.0.0.1:{await relay()}", "from": "hb@example.com", "ca_file": ca_file}
    sent = replace(notice, **{"id": PAGE, **changes})
    await Email.configured(settings | REPLIES, http).send(sent, Contact("email", "anna@example.org"))
    [message] = inbox.mails
    asked = [at for _, at in getaddresses([message.get("Reply-To", "")]) if at]
    assert asked == ([address()] if asks else [])
    assert ("reply with OK" in message.get_content()) == asks
