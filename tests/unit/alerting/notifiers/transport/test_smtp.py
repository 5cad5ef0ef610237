"""The connection to a mail server: encryption, login, refusals, time-outs, and the guard."""

import asyncio
import base64
import contextlib
import ssl
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from aiosmtpd.smtp import AuthResult

from alerting.network import Fence, Reach, networks
from alerting.notice import Notice
from alerting.notifiers.contract import Accepted, Refused, Unreachable
from alerting.notifiers.email import Email
from alerting.notifiers.transport import egress
from tests.unit.alerting.notifiers.conftest import ANNA, SENDER, Says, Scripted, StartRelay
from tests.unit.alerting.notifiers.inbox import Inbox
from tests.unit.alerting.notifiers.loopback import Serve, Talk, for_ever


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
        f"{email.relay.where} answered 550 5.1.1 no such user here", address=True
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


async def test_a_mail_without_an_answer_may_have_arrived(
    scripted: Scripted, notice: Notice, bound: timedelta
) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 relay\r\n")
        for reply in (b"250 relay", b"250 ok", b"250 ok", b"354 go"):
            await reader.readline()
            writer.write(reply + b"\r\n")
        await for_ever()

    outcome = await replace(await scripted(silent), bound=bound).send(notice, ANNA)
    assert isinstance(outcome, Unreachable)
    assert outcome.may_have_arrived


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


AT_HOME = Fence(Reach.INTERNET, networks("127.0.0.1"))
"""For what was entered, where the operator allows the machine itself."""


@pytest.fixture
def fenced(relay: StartRelay, ca_file: str) -> Callable[..., Awaitable[Email]]:
    """A notifier whose mail server has this name, behind a fence."""

    async def start(fence: Fence, host: str, scheme: str = "smtp", **features: Any) -> Email:
        url = f"{scheme}://{host}:{await relay(**features)}"
        settings = {"smtp": url, "from": SENDER, "ca_file": ca_file}
        async with egress.client(fence) as http:
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
        "the address leads to 127.0.0.1, this machine, where this page may not go; "
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
    async with egress.client(AT_HOME) as http:
        email = replace(Email.configured(settings, http), bound=bound)
    assert isinstance(await email.send(notice, ANNA), Unreachable)
    async with asyncio.timeout(5):
        assert await heard == b""
