"""Headers of mails: what is written is what is read, and no text becomes a header of its own."""

import email
import random
from email.header import decode_header, make_header
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import default
from email.utils import parseaddr

import pytest

from alerting.notifiers.transport import mime

# ruff: noqa: RUF001

PIECES = [
    *("ä", "ü ", "é", "漢字", "🎉", "👩‍👩‍👧", "\u202e", "\u00a0", "\u3000", "\u00ad"),
    *("=?", "?=", "=?utf-8?q?=0d=0aX-Evil:1?=", "=?utf-8?b?DQpYLUV2aWw6IDE=?=", "=?utf-8?q?word?= "),
    *(" ", "  ", "_", "=", "%", '"', "'", ",", ";", "(", ")", "<", ">", "@", ":", "\\", "."),
    *("word", "a-very-long-name-", "CRITICAL ", "word " * 20),
]
ORDINARY = [
    "CRITICAL us-housekeeping: 4 of 11 jobs silent",
    "ERROR Größenänderung der nächtlichen Sicherung für München: silent",
    "CRITICAL Überprüfung der Zählerstände über alle Häuser: failed",
    "ERROR sauvegarde de nuit – clôture périodique à Orléans: silent",
    "ERROR Ночное резервное копирование базы данных: silent",
    "ERROR 日次バックアップ 東京リージョン 経理データベース: silent",
    "ERROR a job whose name is so long that the subject of its mail does not fit into one line of it: silent",
    "x" * 200,
]
SENDERS = [
    *("Heartbeat", "W" * 90, "Ä" * 80, "Ops, " * 20 + "Europe", "🎉" * 40, '"Ops" \\ Team', "a@b.example"),
    "Wächter, Ops",
    "Example Hosting, Operations Center, Europe and North America, Night Shift Team",
    "Example Hosting Operations Center Europe and North America Night Shift Team",
]
RECIPIENTS = [
    "x@example.com",
    "a" * 64 + "@" + "b" * 60 + ".example.com",
    "first.last+tag@" + "sub." * 30 + "example.com",
    "=?utf-8?q?x?=@example.com",
]


def _texts() -> list[str]:
    dice = random.Random(7)
    return [
        "".join(dice.choice(PIECES) for _ in range(dice.randint(1, 30))).strip() or "x" for _ in range(2000)
    ]


def written(name: str, value: str) -> bytes:
    """Return the mail with this header as it goes out."""
    message = EmailMessage(policy=mime.POLICY)
    message[name] = value
    message["X-Last"] = "1"
    message.set_content("words")
    return message.as_bytes()


def head(mail: bytes) -> list[bytes]:
    return mail.partition(b"\r\n\r\n")[0].split(b"\r\n")


def by_hand(mail: bytes, name: str) -> str:
    """Return a header as the oldest readers do: unfolded, then its encoded words read."""
    return str(make_header(decode_header(email.message_from_bytes(mail)[name].replace("\r\n", ""))))


@pytest.mark.parametrize("texts", [ORDINARY, SENDERS, _texts()], ids=["ordinary", "names", "random"])
def test_a_subject_is_read_as_it_was_written(texts: list[str]) -> None:
    for text in texts:
        mail = written("Subject", mime.text("Subject", text))
        read = email.message_from_bytes(mail, policy=default)
        assert read.keys() == [
            "Subject",
            "X-Last",
            "Content-Type",
            "Content-Transfer-Encoding",
            "MIME-Version",
        ]
        assert (str(read["Subject"]), by_hand(mail, "Subject")) == (text, text)
        assert mail.isascii()
        assert max(map(len, head(mail))) <= 76


@pytest.mark.parametrize(
    ("recipient", "names"),
    [
        (recipient, [*ORDINARY, *SENDERS, *_texts()[part :: len(RECIPIENTS)]])
        for part, recipient in enumerate(RECIPIENTS)
    ],
)
def test_a_sender_is_read_as_one_address_with_its_name(recipient: str, names: list[str]) -> None:
    where = f"hb@{recipient.partition('@')[2]}"
    for name in names:
        mail = written("From", mime.mailbox("From", Address(name, addr_spec=where)))
        phrase, address = parseaddr(email.message_from_bytes(mail)["From"].replace("\r\n", ""))
        assert (str(make_header(decode_header(phrase))), address) == (name, where)
        (read,) = email.message_from_bytes(mail, policy=default)["From"].addresses
        assert read.addr_spec == where
        # Some readers leave a space between the encoded words of a name, or make one of another space.
        assert "".join(read.display_name.split()) == "".join(name.split())
        assert max(len(line) for line in head(mail) if b"=?" in line or len(line) < 76) <= 76


@pytest.mark.parametrize("recipient", RECIPIENTS)
@pytest.mark.parametrize("name", ["To", "Message-ID", "References", "List-Unsubscribe"])
def test_what_machines_read_is_neither_folded_nor_encoded(name: str, recipient: str) -> None:
    assert f"{name}: <{recipient}>".encode() in head(written(name, f"<{recipient}>"))


@pytest.mark.parametrize(
    "value", ["a\r\nBcc: b", "a\nb", "a\r\n\r\nb", "a\r\n", "a\r\n \r\n b", "ä", "a\0", "a\x7f", "a\tb"]
)
def test_nothing_but_lines_of_ascii_becomes_a_header(value: str) -> None:
    with pytest.raises(ValueError, match="X-Any must be ASCII"):
        written("X-Any", value)


@pytest.mark.parametrize("text", ["a\r\nBcc: b", "a\u2028Bcc: b", "a\tBcc: b", "half \ud800"])
def test_a_text_of_several_lines_becomes_one(text: str) -> None:
    mail = written("Subject", mime.text("Subject", text))
    read = email.message_from_bytes(mail, policy=default)
    assert read["Bcc"] is None
    assert read["Subject"] in ("a Bcc: b", "half ?")
