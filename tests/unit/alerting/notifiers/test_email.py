"""Mails on the wire: the message, its thread, and the settings."""

from dataclasses import replace

import httpx
import pytest

from alerting.notice import Notice, NoticeKind
from alerting.notifiers.contract import Accepted, Contact, Refused
from alerting.notifiers.email import Email
from tests.unit.alerting.notifiers.conftest import ANNA, SENDER, StartRelay
from tests.unit.alerting.notifiers.inbox import Inbox


async def test_what_is_on_the_wire(email: Email, inbox: Inbox, notice: Notice) -> None:
    outcome = await email.send(notice, ANNA)
    (envelope,), (mail,) = inbox.envelopes, inbox.mails
    assert outcome == Accepted("2.0.0 Ok: queued as 4F0A", provider_id=mail["Message-ID"])
    assert (envelope.mail_from, envelope.rcpt_tos) == ("heartbeat@example.com", ["anna@example.org"])
    assert mail["Message-ID"].startswith("<17.0.")
    assert mail["Message-ID"].endswith("@example.com>")
    del mail["Message-ID"]
    assert dict(mail.items()) == {
        "From": "Heartbeat <heartbeat@example.com>",
        "To": "anna@example.org",
        "Subject": "CRITICAL us-housekeeping: 4 of 11 jobs silent",
        "Date": "Sun, 03 May 2026 03:15:00 +0000",
        "In-Reply-To": "<heartbeat/17@example.com>",
        "References": "<heartbeat/17@example.com>",
        "Auto-Submitted": "auto-generated",
        "X-Auto-Response-Suppress": "All",
        "MIME-Version": "1.0",
        "Content-Type": 'text/plain; charset="utf-8"',
        "Content-Transfer-Encoding": "7bit",
    }
    assert mail.get_content().replace("\r\n", "\n") == (
        "daily-cpu-reset due 03:00, last heard 02 May 03:01 (24 h ago)\n"
        "7 jobs on the host alive, newest 03:04\n"
        "You are first on call (ops). If nobody answers, Ben is paged at 03:20\n"
        "Acknowledge: https://hb.example.com/ack/t0ken\n"
        "Open: https://hb.example.com/incidents/17\n"
    )


async def test_a_mail_ends_with_the_output_of_the_job(email: Email, inbox: Inbox, notice: Notice) -> None:
    await email.send(replace(notice, output="copying\nno space\x1b left", output_of="backup"), ANNA)
    (mail,) = inbox.mails
    assert (
        mail.get_content()
        .replace("\r\n", "\n")
        .endswith(
            "Open: https://hb.example.com/incidents/17\n\nThe last output of backup:\n  copying\n  no space  left\n"
        )
    )


async def test_a_message_id_is_of_one_notice_to_one_person_and_outlives_a_retry(
    email: Email, inbox: Inbox, notice: Notice
) -> None:
    second = replace(notice, id="notice_17_1_anna", sequence=1, kind=NoticeKind.RECOVERED)
    for sent, contact in [
        (notice, ANNA),
        (notice, ANNA),
        (second, ANNA),
        (notice, Contact("email", "bert@example.org")),
        (replace(notice, id="notice_17_0_anna_again"), ANNA),
    ]:
        await email.send(sent, contact)
    ids = [mail["Message-ID"] for mail in inbox.mails]
    assert ids[0] == ids[1]
    assert len(set(ids)) == 4
    assert ids[2].startswith("<17.1.")
    assert {mail["References"] for mail in inbox.mails} == {"<heartbeat/17@example.com>"}


@pytest.mark.parametrize(
    ("key", "root"),
    [
        ("heartbeat-incident-17", "<incident-17@example.com>"),
        ("heartbeat-incident-17-north", "<incident-17-north@example.com>"),
    ],
)
async def test_incidents_of_two_installations_are_two_threads(
    email: Email, inbox: Inbox, notice: Notice, key: str, root: str
) -> None:
    await email.send(replace(notice, dedup_key=key), ANNA)
    (mail,) = inbox.mails
    assert mail["References"] == mail["In-Reply-To"] == root


async def test_what_belongs_to_no_incident_joins_no_thread(
    email: Email, inbox: Inbox, notice: Notice
) -> None:
    await email.send(replace(notice, kind=NoticeKind.DIGEST, incident=None), ANNA)
    (mail,) = inbox.mails
    assert mail["Message-ID"].startswith("<digest.0.")
    assert mail["References"] is None
    assert mail["In-Reply-To"] is None


async def test_a_title_cannot_begin_a_header(email: Email, inbox: Inbox, notice: Notice) -> None:
    title = "late\r\nBcc: evil@example.net\n\nbody\u2028X-Evil: 1"
    assert isinstance(await email.send(replace(notice, title=title), ANNA), Accepted)
    (envelope,), (mail,) = inbox.envelopes, inbox.mails
    assert mail["Subject"] == "late  Bcc: evil@example.net  body X-Evil: 1"
    assert mail["Bcc"] is None
    assert envelope.rcpt_tos == ["anna@example.org"]
    assert mail.get_content().startswith("daily-cpu-reset")


async def test_what_machines_read_is_never_wrapped_nor_encoded(
    relay: StartRelay, inbox: Inbox, notice: Notice, http: httpx.AsyncClient
) -> None:
    domain = ".".join(["a-very-long-name-of-a-department"] * 5 + ["example.com"])
    url = f"smtp://127.0.0.1:{await relay(starttls=False)}?starttls=never"
    email = Email.configured({"smtp": url, "from": f"Heartbeat <heartbeat@{domain}>"}, http)
    to = Contact("email", f"anna@{domain}")
    assert isinstance(await email.send(replace(notice, title="КРИТИЧНО: копия " * 20), to), Accepted)
    root = f"<heartbeat/17@{domain}>".encode()
    assert inbox.line(b"In-Reply-To") == b"In-Reply-To: " + root
    assert inbox.line(b"References") == b"References: " + root
    assert inbox.line(b"Message-ID").startswith(b"Message-ID: <17.0.")
    assert inbox.line(b"Message-ID").endswith(f"@{domain}>".encode())
    # What people read is folded.
    assert max(len(line) for line in inbox.envelopes[0].content.split(b"\r\n") if b"=?utf-8" in line) <= 78


@pytest.mark.parametrize(
    "sender",
    [
        "Example Hosting, Operations Center, Europe and North America, Night Shift Team",
        "=?utf-8?q?=0d=0aBcc:_evil@example.net?=",
        "Wächter, " * 12 + "Ops",
    ],
)
@pytest.mark.parametrize(
    "title", ["ERROR =?utf-8?q?=0d=0aX-Evil:_1?=: silent", "ERROR Größe der  Häuser: ok"]
)
async def test_every_reader_sees_the_subject_and_the_sender_as_they_were_written(
    relay: StartRelay, http: httpx.AsyncClient, inbox: Inbox, notice: Notice, sender: str, title: str
) -> None:
    url = f"smtp://127.0.0.1:{await relay(starttls=False)}?starttls=never"
    email = Email.configured({"smtp": url, "from": f'"{sender}" <hb@example.com>'}, http)
    await email.send(replace(notice, title=title), ANNA)
    (mail,) = inbox.mails
    (address,) = mail["From"].addresses
    # Some readers leave a space between the encoded words of a name.
    assert address.display_name.replace(" ", "") == sender.replace(" ", "")
    assert address.addr_spec == "hb@example.com"
    assert mail["Subject"] == title
    assert {"X-Evil", "Bcc"}.isdisjoint(mail.keys())


@pytest.mark.parametrize(
    ("setting", "name"),
    [
        ({}, "example.com"),
        ({"ehlo": "hb.example.net"}, "hb.example.net"),
        ({"ehlo": "[192.0.2.7]"}, "[192.0.2.7]"),
    ],
)
async def test_the_relay_is_greeted_with_the_domain_of_the_sender_or_the_name_that_is_set(
    relay: StartRelay,
    http: httpx.AsyncClient,
    inbox: Inbox,
    notice: Notice,
    setting: dict[str, str],
    name: str,
) -> None:
    url = f"smtp://127.0.0.1:{await relay(starttls=False)}?starttls=never"
    await Email.configured({"smtp": url, "from": SENDER} | setting, http).send(notice, ANNA)
    assert inbox.sessions[0].host_name == name


@pytest.mark.parametrize(
    "address", ["", "anna", "anna@example.org\r\nRCPT TO:<evil@example.net>", "a@b>,<c@d"]
)
async def test_an_address_that_is_none_is_refused_unsent(
    email: Email, inbox: Inbox, notice: Notice, address: str
) -> None:
    assert await email.send(notice, Contact("email", address)) == Refused("the address is not a mail address")
    assert inbox.envelopes == []


@pytest.mark.parametrize(
    ("reply", "about_address"),
    [
        ("550 5.1.1 no such user", True),
        ("553 mailbox name not allowed", True),
        ("554 5.7.1 relay access denied", False),
    ],
)
async def test_a_refused_recipient_is_told_from_a_refusal_by_policy(
    email: Email, inbox: Inbox, notice: Notice, reply: str, about_address: bool
) -> None:
    inbox.to_recipient = reply
    outcome = await email.send(notice, ANNA)
    assert isinstance(outcome, Refused)
    assert outcome.address is about_address
    inbox.to_recipient, inbox.to_mail = "250 OK", "550 no"
    assert not (await email.send(notice, ANNA)).address  # type: ignore[union-attr]


@pytest.mark.parametrize("length", [1, 3000])
async def test_any_language_arrives_in_seven_bits(
    email: Email, inbox: Inbox, notice: Notice, length: int
) -> None:
    lines = ("резервная копия молчит 24 ч", "日本 " + "長" * length, ".", "half \ud800", "x" * length)
    await email.send(
        replace(notice, title="КРИТИЧНО: копия " * 20 + ".", lines=lines, ack_url=None, open_url=None), ANNA
    )
    (envelope,), (mail,) = inbox.envelopes, inbox.mails
    assert envelope.content.isascii()
    assert max(map(len, envelope.content.split(b"\r\n"))) <= 998
    assert mail["Subject"] == "КРИТИЧНО: копия " * 20 + "."
    assert mail.get_content().splitlines() == [*lines[:3], "half ?", lines[4]]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"smtp": ""}, "smtp must be smtp://HOST"),
        ({"smtp": "mail.example.com"}, "smtp must be smtp://HOST"),
        ({"smtp": "http://mail.example.com"}, "smtp must be smtp://HOST"),
        ({"smtp": "smtp://mail.example.com:port"}, "smtp must be smtp://HOST"),
        ({"smtp": "smtp://mail.example.com?starttls=maybe"}, "smtp must be smtp://HOST"),
        ({"smtp": "smtps://mail.example.com?starttls=never"}, "smtp must be smtp://HOST"),
        ({"smtp": "smtp://hb:5ecret@mail.example.com"}, "smtp must not hold a login"),
        ({"username": "hb"}, "username and password must be given together"),
        ({"password": "5ecret"}, "username and password must be given together"),
        (
            {"smtp": "smtp://mail.example.com?starttls=never", "username": "hb", "password": "5ecret"},
            "smtp must not say starttls=never with a password",
        ),
        ({"ehlo": "two words"}, "ehlo must be the name of this host"),
        ({"ehlo": ""}, "ehlo must be the name of this host"),
        ({"from": "nobody"}, "from must be the sender's address"),
        ({"from": ""}, "from must be the sender's address"),
        ({"ca_file": "/nowhere.pem"}, "ca_file must be a PEM file of certificates; /nowhere.pem cannot"),
        ({"ca_file": __file__}, "ca_file must be a PEM file of certificates"),
        ({"port": "25"}, "port is not a setting here"),
    ],
)
def test_wrong_settings_are_refused_in_words(
    http: httpx.AsyncClient, changes: dict[str, str], sentence: str
) -> None:
    settings = {"smtp": "smtp://mail.example.com", "from": SENDER} | changes
    with pytest.raises(ValueError, match=r"^" + sentence) as refusal:
        Email.configured(settings, http)
    assert "5ecret" not in str(refusal.value)


@pytest.mark.parametrize(
    ("url", "where"),
    [
        ("smtp://mail.example.com", "mail.example.com:587"),
        ("smtp://mail.example.com/", "mail.example.com:587"),
        ("smtp://mail.example.com:25?starttls=never", "mail.example.com:25"),
        ("smtps://mail.example.com", "mail.example.com:465"),
    ],
)
def test_ports_have_defaults(http: httpx.AsyncClient, url: str, where: str) -> None:
    assert Email.configured({"smtp": url, "from": SENDER}, http).relay.where == where
