"""Email on the wire: the message and its thread, the encryption, the login, and what a relay may say."""

import asyncio
import base64
import contextlib
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from aiosmtpd.smtp import SMTP, AuthResult

from alerting.network import Fence, Reach, networks
from alerting.notice import Kind, Notice
from alerting.notifiers.contract import Accepted, Contact, Refused, Unreachable
from alerting.notifiers.email import Email
from alerting.notifiers.transport import egress

from .conftest import Says
from .inbox import Inbox
from .loopback import Serve, Talk, for_ever

ANNA = Contact("email", "anna@example.org")
SENDER = "Heartbeat <heartbeat@example.com>"


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


StartRelay = Callable[..., Awaitable[int]]


@pytest.fixture
async def relay(inbox: Inbox, server_tls: ssl.SSLContext) -> AsyncIterator[StartRelay]:
    """Starts a server with these features and gives its port."""
    servers = []

    async def start(starttls: bool = True, implicit: bool = False, **features: Any) -> int:
        loop = asyncio.get_running_loop()
        context = server_tls if starttls else None

        def talk() -> SMTP:
            return SMTP(inbox, hostname="relay.example.com", loop=loop, tls_context=context, **features)

        server = await loop.create_server(talk, "127.0.0.1", 0, ssl=server_tls if implicit else None)
        servers.append(server)
        port: int = server.sockets[0].getsockname()[1]
        return port

    yield start
    for server in servers:
        server.close()


@pytest.fixture
async def email(relay: StartRelay, ca_file: str, http: httpx.AsyncClient) -> Email:
    """A notifier with a relay that offers STARTTLS."""
    settings = {"smtp": f"smtp://127.0.0.1:{await relay()}", "from": SENDER, "ca_file": ca_file}
    return Email.configured(settings, http)


Scripted = Callable[[Talk], Awaitable[Email]]


@pytest.fixture
def scripted(serve: Serve, http: httpx.AsyncClient) -> Scripted:
    """A notifier with a relay, without encryption, that talks as a test says."""

    async def start(talk: Talk) -> Email:
        url = f"smtp://127.0.0.1:{await serve(talk)}?starttls=never"
        return Email.configured({"smtp": url, "from": SENDER}, http)

    return start


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
        "In-Reply-To": "<incident-17@example.com>",
        "References": "<incident-17@example.com>",
        "Auto-Submitted": "auto-generated",
        "X-Auto-Response-Suppress": "All",
        "MIME-Version": "1.0",
        "Content-Type": 'text/plain; charset="utf-8"',
        "Content-Transfer-Encoding": "7bit",
    }
    assert mail.get_content().replace("\r\n", "\n") == (
        "daily-cpu-reset due 03:00, last heard 02 May 03:01 (24 h ago)\n"
        "7 jobs on the host alive, newest 03:04\n"
        "You are step 1 of ops; second responder at 03:20\n"
        "\n"
        "Acknowledge: https://hb.example.com/ack/t0ken\n"
        "Open: https://hb.example.com/incidents/17\n"
    )


async def test_a_message_id_is_of_one_notice_to_one_person_and_outlives_a_retry(
    email: Email, inbox: Inbox, notice: Notice
) -> None:
    second = replace(notice, id="notice_17_1_anna", sequence=1, kind=Kind.RECOVERED)
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
    assert {mail["References"] for mail in inbox.mails} == {"<incident-17@example.com>"}


async def test_what_belongs_to_no_incident_joins_no_thread(
    email: Email, inbox: Inbox, notice: Notice
) -> None:
    await email.send(replace(notice, kind=Kind.DIGEST, incident=None), ANNA)
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
    root = f"<incident-17@{domain}>".encode()
    assert inbox.line(b"In-Reply-To") == b"In-Reply-To: " + root
    assert inbox.line(b"References") == b"References: " + root
    assert inbox.line(b"Message-ID").startswith(b"Message-ID: <17.0.")
    assert inbox.line(b"Message-ID").endswith(f"@{domain}>".encode())
    # What people read is folded as ever.
    assert max(len(line) for line in inbox.envelopes[0].content.split(b"\r\n") if b"=?utf-8" in line) <= 78


@pytest.mark.parametrize(
    "address", ["", "anna", "anna@example.org\r\nRCPT TO:<evil@example.net>", "a@b>,<c@d"]
)
async def test_an_address_that_is_none_is_refused_unsent(
    email: Email, inbox: Inbox, notice: Notice, address: str
) -> None:
    assert await email.send(notice, Contact("email", address)) == Refused("the address is not a mail address")
    assert inbox.envelopes == []


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


async def test_starttls_is_used_where_it_is_offered(email: Email, inbox: Inbox, notice: Notice) -> None:
    await email.send(notice, ANNA)
    assert inbox.sessions[0].ssl is not None


async def test_without_starttls_nothing_is_said_in_clear(
    serve: Serve, http: httpx.AsyncClient, notice: Notice
) -> None:
    heard = []

    async def no_starttls(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 relay.example.com ESMTP\r\n")
        while line := await reader.readline():
            heard.append(line.split()[0].upper())
            writer.write(b"250-relay.example.com\r\n250 AUTH PLAIN LOGIN\r\n")

    settings = {"smtp": f"smtp://127.0.0.1:{await serve(no_starttls)}", "from": SENDER}
    email = Email.configured(settings | {"username": "hb", "password": "5ecret"}, http)
    outcome = await email.send(notice, ANNA)
    assert isinstance(outcome, Refused)
    assert "STARTTLS" in outcome.reason
    assert set(heard) <= {b"EHLO", b"QUIT"}


async def test_a_certificate_that_is_not_trusted_gets_no_mail(
    relay: StartRelay, http: httpx.AsyncClient, inbox: Inbox, notice: Notice
) -> None:
    port = await relay()
    email = Email.configured({"smtp": f"smtp://127.0.0.1:{port}", "from": SENDER}, http)
    outcome = await email.send(notice, ANNA)
    assert outcome == Unreachable(f"the certificate of 127.0.0.1:{port} is not trusted")
    assert inbox.envelopes == []


async def test_starttls_can_be_given_up_for_a_relay_next_door(
    relay: StartRelay, http: httpx.AsyncClient, inbox: Inbox, notice: Notice
) -> None:
    url = f"smtp://127.0.0.1:{await relay(starttls=False)}?starttls=never"
    email = Email.configured({"smtp": url, "from": SENDER}, http)
    assert isinstance(await email.send(notice, ANNA), Accepted)
    assert inbox.sessions[0].ssl is None


async def test_smtps_is_encrypted_from_the_first_byte(
    relay: StartRelay, http: httpx.AsyncClient, inbox: Inbox, notice: Notice, ca_file: str
) -> None:
    url = f"smtps://127.0.0.1:{await relay(starttls=False, implicit=True)}"
    email = Email.configured({"smtp": url, "from": SENDER, "ca_file": ca_file}, http)
    assert isinstance(await email.send(notice, ANNA), Accepted)
    assert len(inbox.envelopes) == 1


Login = Callable[[str], Awaitable[Email]]


@pytest.fixture
def login(relay: StartRelay, http: httpx.AsyncClient, ca_file: str) -> Login:
    """A notifier that logs in with this password, where "5ecret" is right."""

    async def start(password: str) -> Email:
        def authenticator(server: Any, session: Any, envelope: Any, mechanism: str, auth: Any) -> AuthResult:
            return AuthResult(handled=False, success=auth.password == b"5ecret" and auth.login == b"hb")

        url = f"smtp://127.0.0.1:{await relay(auth_required=True, authenticator=authenticator)}"
        settings = {"smtp": url, "from": SENDER, "ca_file": ca_file}
        return Email.configured(settings | {"username": "hb", "password": password}, http)

    return start


async def test_the_login(login: Login, inbox: Inbox, notice: Notice) -> None:
    email = await login("5ecret")
    assert isinstance(await email.send(notice, ANNA), Accepted)
    assert inbox.sessions[0].authenticated
    assert "5ecret" not in repr(email)


async def test_a_wrong_login_is_refused(login: Login, inbox: Inbox, notice: Notice) -> None:
    email = await login("wr0ng")
    assert await email.send(notice, ANNA) == Refused(f"{email.relay.where} answered 535 to our login")
    assert inbox.envelopes == []


async def test_a_relay_that_repeats_the_login_gives_it_away_to_nobody(
    serve: Serve, server_tls: ssl.SSLContext, http: httpx.AsyncClient, notice: Notice, ca_file: str
) -> None:
    async def parrot(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 relay\r\n")
        while line := await reader.readline():
            writer.write(
                b"250-relay\r\n250 AUTH PLAIN\r\n" if line[:4] == b"EHLO" else b"500 what is " + line
            )

    url = f"smtps://127.0.0.1:{await serve(parrot, server_tls)}"
    settings = {"smtp": url, "from": SENDER, "ca_file": ca_file, "username": "hb", "password": "5ecret"}
    outcome = await Email.configured(settings, http).send(notice, ANNA)
    assert isinstance(outcome, Refused)
    for secret in ("5ecret", base64.b64encode(b"\0hb\0005ecret").decode()):
        assert secret not in outcome.reason


@pytest.mark.parametrize(
    ("reply", "throttled"),
    [
        ("451 4.3.0 try later", False),
        ("450 4.2.0 greylisted", False),
        ("454 Throttling failure: Maximum sending rate exceeded.", True),
        ("452 4.5.3 Too many messages", True),
    ],
)
async def test_for_now_is_unreachable(
    email: Email, inbox: Inbox, notice: Notice, reply: str, throttled: bool
) -> None:
    said = Unreachable(f"{email.relay.where} answered {reply}", throttled=throttled)
    inbox.to_mail = reply
    assert await email.send(notice, ANNA) == said
    inbox.to_recipient = reply
    assert await email.send(notice, ANNA) == said


async def test_for_good_is_refused(email: Email, inbox: Inbox, notice: Notice) -> None:
    inbox.to_recipient = "550 5.1.1 no such user here"
    assert await email.send(notice, ANNA) == Refused(
        f"{email.relay.where} answered 550 5.1.1 no such user here"
    )
    inbox.to_recipient, inbox.to_mail = "250 OK", "554 5.7.1 looks like spam"
    assert await email.send(notice, ANNA) == Refused(
        f"{email.relay.where} answered 554 5.7.1 looks like spam"
    )


async def test_a_relay_may_turn_us_away_at_the_door(scripted: Scripted, notice: Notice) -> None:
    async def busy(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"421 4.7.0 too many connections\r\n")

    email = await scripted(busy)
    said = f"{email.relay.where} answered 421 4.7.0 too many connections"
    assert await email.send(notice, ANNA) == Unreachable(said, throttled=True)


async def hang(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await for_ever()


async def trickle(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"220-and another thing\r\n")
        await writer.drain()
        await asyncio.sleep(0.005)


async def hang_after_the_greeting(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 relay\r\n")
    await for_ever()


@pytest.mark.parametrize("talk", [hang, trickle, hang_after_the_greeting])
async def test_a_relay_that_takes_its_time_holds_nobody(
    scripted: Scripted, notice: Notice, bound: timedelta, talk: Talk
) -> None:
    email = replace(await scripted(talk), bound=bound)
    began = time.monotonic()
    assert await email.send(notice, ANNA) == Unreachable(f"{email.relay.where} did not answer within 0.15 s")
    assert time.monotonic() - began < 2


async def test_a_relay_that_was_given_up_is_hung_up_on(
    scripted: Scripted, notice: Notice, bound: timedelta
) -> None:
    gone = asyncio.Event()

    async def deaf(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 relay\r\n")
        with contextlib.suppress(ConnectionError):
            await reader.read(-1)
        gone.set()

    email = replace(await scripted(deaf), bound=bound)
    assert isinstance(await email.send(notice, ANNA), Unreachable)
    await asyncio.wait_for(gone.wait(), 1)


@pytest.mark.parametrize(
    "garbage", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\xff\xfe\0\r\n", b"999 what\r\n", b"22\r\n"]
)
async def test_garbage_is_unreachable_or_refused_and_never_raises(
    scripted: Scripted, notice: Notice, garbage: bytes
) -> None:
    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(garbage)
        await writer.drain()

    assert isinstance(await (await scripted(talk)).send(notice, ANNA), Unreachable | Refused)


async def test_a_relay_that_hangs_up_is_unreachable(scripted: Scripted, notice: Notice) -> None:
    async def rude(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 relay\r\n")
        await reader.readline()

    email = await scripted(rude)
    assert await email.send(notice, ANNA) == Unreachable(f"the connection to {email.relay.where} broke")


async def test_a_mail_that_was_taken_stays_taken_where_the_farewell_fails(
    scripted: Scripted, notice: Notice, bound: timedelta
) -> None:
    async def forgetful(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 relay\r\n")
        for reply in (b"250 relay", b"250 ok", b"250 ok", b"354 go"):
            await reader.readline()
            writer.write(reply + b"\r\n")
        await reader.readuntil(b"\r\n.\r\n")
        writer.write(b"250 taken\r\n")
        await for_ever()

    email = replace(await scripted(forgetful), bound=bound)
    outcome = await email.send(notice, ANNA)
    assert isinstance(outcome, Accepted)
    assert outcome.said == "taken"


async def test_nobody_there(http: httpx.AsyncClient, notice: Notice, unused_tcp_port: int) -> None:
    email = Email.configured({"smtp": f"smtp://127.0.0.1:{unused_tcp_port}", "from": SENDER}, http)
    outcome = await email.send(notice, ANNA)
    assert outcome == Unreachable(f"connection refused by 127.0.0.1:{unused_tcp_port}")


async def test_cancellation_passes_through(scripted: Scripted, notice: Notice) -> None:
    entered = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        entered.set()
        await hang(reader, writer)

    sending = asyncio.create_task((await scripted(talk)).send(notice, ANNA))
    await entered.wait()
    began = time.monotonic()
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    assert time.monotonic() - began < 2


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


AT_HOME = Fence(Reach.INTERNET, networks("127.0.0.1"))
"""For what was entered, where the operator allows the machine itself."""


@pytest.fixture
def fenced(relay: StartRelay, ca_file: str) -> Callable[..., Awaitable[Email]]:
    """A notifier whose mail server has this name, behind a fence."""

    async def start(fence: Fence, host: str, scheme: str = "smtp", **features: Any) -> Email:
        url = f"{scheme}://{host}:{await relay(**features)}"
        settings = {"smtp": url, "from": SENDER, "ca_file": ca_file}
        async with egress.client(fence, limits=httpx.Limits()) as http:
            return Email.configured(settings, http)

    return start


Fenced = Callable[..., Awaitable[Email]]


async def test_a_mail_server_that_leads_inside_is_refused_at_each_mail(
    fenced: Fenced, inbox: Inbox, notice: Notice, names: Says
) -> None:
    email = await fenced(
        Fence(Reach.INTERNET, advice="HEARTBEAT_ALLOW_ADDRESSES can allow it"), "mail.example.com"
    )
    names("mail.example.com", ["127.0.0.1"])
    assert await email.send(notice, ANNA) == Refused(
        "the address leads to 127.0.0.1, this machine itself, where this page may not go; "
        "HEARTBEAT_ALLOW_ADDRESSES can allow it"
    )
    assert inbox.envelopes == []


async def test_a_name_of_a_mail_server_that_changes_its_mind_is_held_to_its_first_word(
    fenced: Fenced, inbox: Inbox, notice: Notice, names: Says
) -> None:
    """What is judged is what is connected to: a second look-up cannot lead elsewhere."""
    email = await fenced(AT_HOME, "localhost")
    names("localhost", ["127.0.0.1"], ["127.0.0.2"])
    assert isinstance(await email.send(notice, ANNA), Accepted)
    assert isinstance(await email.send(notice, ANNA), Refused)
    assert len(inbox.envelopes) == 1


async def test_of_several_addresses_of_a_mail_server_those_within_the_fence_are_tried(
    fenced: Fenced, inbox: Inbox, notice: Notice, names: Says
) -> None:
    email = await fenced(Fence(Reach.INTERNET, networks("127.0.0.0/8")), "localhost")
    names("localhost", ["169.254.169.254", "127.0.0.9", "127.0.0.1"])
    assert isinstance(await email.send(notice, ANNA), Accepted)
    assert len(inbox.envelopes) == 1


@pytest.mark.parametrize(
    ("scheme", "features"), [("smtp", {}), ("smtps", {"implicit": True, "starttls": False})]
)
async def test_tls_to_a_mail_server_is_for_the_name_and_not_for_the_address(
    fenced: Fenced, inbox: Inbox, notice: Notice, names: Says, scheme: str, features: dict[str, bool]
) -> None:
    """The certificate is for localhost: it counts there, and for no other name that leads to the same address."""
    names("localhost", ["127.0.0.1"])
    names("other.example.com", ["127.0.0.1"])
    email = await fenced(AT_HOME, "localhost", scheme, **features)
    assert isinstance(await email.send(notice, ANNA), Accepted)
    outcome = await (await fenced(AT_HOME, "other.example.com", scheme, **features)).send(notice, ANNA)
    assert isinstance(outcome, Unreachable)
    assert "certificate" in outcome.reason
    assert len(inbox.envelopes) == 1


async def test_a_fenced_mail_server_that_is_not_there_can_be_tried_again(
    fenced: Fenced, notice: Notice, names: Says, unused_tcp_port: int
) -> None:
    unknown = await fenced(AT_HOME, "unknown.example.com")
    assert isinstance(await unknown.send(notice, ANNA), Unreachable)
    names("gone.example.com", ["127.0.0.1"])
    gone = await fenced(AT_HOME, "gone.example.com")
    gone = replace(gone, relay=replace(gone.relay, port=unused_tcp_port))
    outcome = await gone.send(notice, ANNA)
    assert outcome == Unreachable(f"connection refused by gone.example.com:{unused_tcp_port}")


async def test_no_connection_to_a_mail_server_is_left_open_where_time_runs_out(
    serve: Serve, notice: Notice, names: Says, bound: timedelta
) -> None:
    heard: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        heard.set_result(await reader.read())

    names("silent.example.com", ["127.0.0.1"])
    settings = {"smtp": f"smtp://silent.example.com:{await serve(silent)}?starttls=never", "from": SENDER}
    async with egress.client(AT_HOME, limits=httpx.Limits()) as http:
        email = replace(Email.configured(settings, http), bound=bound)
    assert isinstance(await email.send(notice, ANNA), Unreachable)
    async with asyncio.timeout(5):
        assert await heard == b""
