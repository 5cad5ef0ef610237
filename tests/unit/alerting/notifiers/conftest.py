"""One notice to send, a client to send it with, and somebody on loopback to take it."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiosmtpd.smtp import SMTP

from alerting.network import Address, Fence, Reach, parse
from alerting.notice import Notice, NoticeKind
from alerting.notifiers.contract import Contact
from alerting.notifiers.email import Email
from alerting.notifiers.transport import egress
from alerting.notifiers.transport.names import Names, ask_system
from alerting.severity import Severity

from .inbox import Inbox
from .loopback import Provider, Serve, Talk

Says = Callable[..., None]
ANNA = Contact("email", "anna@example.org")
SENDER = "Heartbeat <heartbeat@example.com>"
StartRelay = Callable[..., Awaitable[int]]
Scripted = Callable[[Talk], Awaitable[Email]]

CERTIFICATE = Path(__file__).with_name("localhost.pem")


@pytest.fixture
def bound() -> timedelta:
    """The time that a send may take where a test waits for it to run out."""
    return timedelta(milliseconds=150)


@pytest.fixture
def notice() -> Notice:
    """A page as the courier hands it over."""
    return Notice(
        kind=NoticeKind.PAGE,
        id="notice_17_0_anna",
        dedup_key="heartbeat/17",
        severity=Severity.CRITICAL,
        title="CRITICAL us-housekeeping: 4 of 11 jobs silent",
        lines=(
            "daily-cpu-reset due 03:00, last heard 02 May 03:01 (24 h ago)",
            "7 jobs on the host alive, newest 03:04",
            "You are first on call (ops). If nobody answers, Ben is paged at 03:20",
        ),
        short="CRITICAL us-housekeeping: 4 of 11 jobs silent since 03:00",
        at=datetime(2026, 5, 3, 3, 15, tzinfo=UTC),
        opened_at=datetime(2026, 5, 3, 3, 5, tzinfo=UTC),
        incident=17,
        sequence=0,
        open_url="https://hb.example.com/incidents/17",
        ack_url="https://hb.example.com/ack/t0ken",
        details={"silent": 4, "of": 11},
    )


@pytest.fixture(scope="session")
def trust() -> ssl.SSLContext:
    """The public authorities. Made once: it costs more than a test."""
    return ssl.create_default_context()


@pytest.fixture
async def http(trust: ssl.SSLContext) -> AsyncIterator[httpx.AsyncClient]:
    """The shared client, without a proxy from the environment."""
    async with httpx.AsyncClient(trust_env=False, verify=trust) as client:
        yield client


@pytest.fixture
async def fenced(trust: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[httpx.AsyncClient]:
    """The client for addresses of the configuration file, with connections as they are in service."""
    monkeypatch.setattr(egress, "trusting", lambda: trust)
    async with egress.client(Fence(Reach.INSIDE)) as client:
        yield client


@pytest.fixture
def ca_file() -> str:
    """The authority that signed the certificate of `server_tls`: the certificate itself."""
    return str(CERTIFICATE)


@pytest.fixture
def server_tls() -> ssl.SSLContext:
    """TLS for a server called localhost or 127.0.0.1."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(CERTIFICATE)
    return context


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Starts servers that talk as a test says, and hangs up on everybody at its end."""
    talks: list[asyncio.Task[None]] = []
    async with contextlib.AsyncExitStack() as stack:

        async def start(talk: Talk, tls: ssl.SSLContext | None = None) -> int:
            async def held(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                with contextlib.suppress(
                    ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError
                ):
                    await talk(reader, writer)
                writer.transport.abort()

            def taken(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                talks.append(asyncio.create_task(held(reader, writer)))

            server = await asyncio.start_server(taken, "127.0.0.1", 0, ssl=tls)
            stack.callback(server.close)
            port: int = server.sockets[0].getsockname()[1]
            return port

        yield start
        for task in talks:
            task.cancel()
        await asyncio.gather(*talks, return_exceptions=True)


@pytest.fixture
async def provider(serve: Serve) -> Provider:
    """A provider that answers 200 until it is told otherwise."""
    provider = Provider()
    provider.answers(200)
    provider.url = f"http://127.0.0.1:{await serve(provider.talk)}"
    return provider


@pytest.fixture
async def names(monkeypatch: pytest.MonkeyPatch) -> Says:
    """Tells the resolver what a name means; of several answers each look-up takes the next. Others are unknown."""
    addresses: dict[str, list[list[str]]] = {}

    def look_up(name: str) -> list[Address]:
        if name in addresses:
            answers = addresses[name]
            return [parse(text) for text in (answers.pop(0) if len(answers) > 1 else answers[0])]
        if name != "localhost":
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return ask_system(name)

    monkeypatch.setattr(egress, "NAMES", Names(look_up))

    def says(name: str, *answers: list[str]) -> None:
        addresses[name] = list(answers)

    return says


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


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


@pytest.fixture
def scripted(serve: Serve, http: httpx.AsyncClient) -> Scripted:
    """A notifier with a relay, without encryption, that talks as a test says."""

    async def start(talk: Talk) -> Email:
        url = f"smtp://127.0.0.1:{await serve(talk)}?starttls=never"
        return Email.configured({"smtp": url, "from": SENDER}, http)

    return start
