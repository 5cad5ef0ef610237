"""The way out: names are resolved once and judged, on real sockets; resolvers are told what to say."""

import asyncio
import ssl
from datetime import timedelta
from typing import Any

import httpcore
import pytest

from alerting import proxies
from alerting.network import Fence, Reach, networks
from alerting.notice import Notice
from alerting.notifiers.contract import Accepted, Contact, Outcome, Refused, Unreachable
from alerting.notifiers.transport import egress
from alerting.notifiers.webhook import Webhook
from tests.unit.alerting.notifiers.conftest import CERTIFICATE, Says
from tests.unit.alerting.notifiers.loopback import Provider, Serve

STRICT = Fence(Reach.INTERNET)
AT_HOME = Fence(Reach.INTERNET, networks("127.0.0.1"))
"""As strict, where the operator allows the machine itself."""


async def sent(fence: Fence, url: str, notice: Notice, **more: Any) -> Outcome:
    """Return the outcome of a page to this address behind a fence."""
    async with egress.client(fence, **more) as http:
        return await Webhook(http=http, bound=timedelta(seconds=5)).send(notice, Contact("webhook", url))


BYPASSES = [
    "http://127.0.0.1:{port}/",
    "http://localhost:{port}/",
    "http://localhost.:{port}/",
    "http://2130706433:{port}/",
    "http://0x7f000001:{port}/",
    "http://0x7f.1:{port}/",
    "http://0177.0.0.1:{port}/",
    "http://127.1:{port}/",
    "http://127.0.0.1.:{port}/",
    "http://[::ffff:127.0.0.1]:{port}/",
    "http://[::ffff:7f00:1]:{port}/",
    "http://[::1]:{port}/",
    "http://[::]:{port}/",
    "http://0.0.0.0:{port}/",
    "http://0:{port}/",
    "http://example.com@127.0.0.1:{port}/",
    "http://example.com:80@127.0.0.1:{port}/",
    "http://127.0.0.1:{port}#@example.com/",
    "http://inside.example.com:{port}/",
    "http://INSIDE.example.com:{port}/",
    "http://nat64.example.com:{port}/",
    "http://mapped.example.com:{port}/",
    "http://\u2460\u2461\u2466.0.0.1:{port}/",
]


@pytest.mark.parametrize("url", BYPASSES)
async def test_no_way_of_writing_it_leads_inside(
    url: str, provider: Provider, notice: Notice, names: Says
) -> None:
    names("inside.example.com", ["127.0.0.1"])
    names("nat64.example.com", ["64:ff9b::7f00:1"])
    names("mapped.example.com", ["::ffff:127.0.0.1"])
    port = provider.url.rpartition(":")[2]
    outcome = await sent(STRICT, url.format(port=port), notice)
    assert isinstance(outcome, Refused | Unreachable)
    assert provider.heard == []


@pytest.mark.parametrize(
    ("url", "where"),
    [
        ("http://127.1:{port}/", "127.0.0.1, this machine,"),
        ("http://inside.example.com:{port}/", "10.0.0.7, a private network,"),
        ("http://cloud.example.com/latest/meta-data", "169.254.169.254, the metadata service of a cloud,"),
    ],
)
async def test_a_refusal_says_where_the_address_leads(
    url: str, where: str, provider: Provider, notice: Notice, names: Says
) -> None:
    names("inside.example.com", ["10.0.0.7"])
    names("cloud.example.com", ["169.254.169.254"])
    fence = Fence(Reach.INTERNET, advice="HEARTBEAT_ALLOW_ADDRESSES can allow it")
    url = url.format(port=provider.url.rpartition(":")[2])
    words = f"the address leads to {where} where this page may not go; HEARTBEAT_ALLOW_ADDRESSES can allow it"
    assert await sent(fence, url, notice) == Refused(words)
    assert await egress.fault(fence, url) == words


async def test_the_file_reaches_this_machine_but_no_metadata(
    provider: Provider, notice: Notice, names: Says
) -> None:
    names("cloud.example.com", ["169.254.169.254"])
    at_home = Fence(Reach.INSIDE)
    assert await sent(at_home, provider.url, notice) == Accepted("200 OK")
    assert isinstance(await sent(at_home, "http://cloud.example.com/", notice), Refused)


async def test_what_the_operator_allows_is_reached(provider: Provider, notice: Notice, names: Says) -> None:
    names("ntfy.example.com", ["127.0.0.1"])
    port = provider.url.rpartition(":")[2]
    assert await sent(AT_HOME, f"http://ntfy.example.com:{port}/", notice) == Accepted("200 OK")
    assert provider.heard[0].headers["host"] == f"ntfy.example.com:{port}"


async def test_a_name_that_changes_its_mind_is_held_to_its_first_word(
    provider: Provider, notice: Notice, names: Says
) -> None:
    """Rebinding: what is judged is what is connected to, so that a second look-up cannot lead elsewhere."""
    names("rebind.example.com", ["127.0.0.1"], ["127.0.0.2"])
    port = provider.url.rpartition(":")[2]
    assert await sent(AT_HOME, f"http://rebind.example.com:{port}/", notice) == Accepted("200 OK")
    assert isinstance(await sent(AT_HOME, f"http://rebind.example.com:{port}/", notice), Refused)
    assert len(provider.heard) == 1


async def test_of_several_answers_only_those_within_the_fence_are_used(
    provider: Provider, notice: Notice, names: Says
) -> None:
    names("mixed.example.com", ["169.254.169.254", "::1", "127.0.0.1"])
    port = provider.url.rpartition(":")[2]
    assert await sent(AT_HOME, f"http://mixed.example.com:{port}/", notice) == Accepted("200 OK")


async def test_an_address_that_does_not_answer_holds_nobody_up(
    provider: Provider, notice: Notice, names: Says, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(egress, "STAGGER", 0.01)
    fence = Fence(Reach.INTERNET, networks("127.0.0.0/8"))
    port = provider.url.rpartition(":")[2]
    names("two.example.com", ["127.0.0.9", "127.0.0.1"])
    honest = httpcore.AnyIOBackend.connect_tcp

    async def connect(self: Any, host: str, *more: Any) -> Any:
        if host == "127.0.0.9":
            await asyncio.get_running_loop().create_future()
        return await honest(self, host, *more)

    monkeypatch.setattr(httpcore.AnyIOBackend, "connect_tcp", connect)
    assert await sent(fence, f"http://two.example.com:{port}/", notice) == Accepted("200 OK")


async def test_a_redirect_inside_is_not_followed(provider: Provider, notice: Notice, names: Says) -> None:
    names("outside.example.com", ["127.0.0.1"])
    provider.answers(302, headers={"Location": "http://169.254.169.254/latest/meta-data"})
    port = provider.url.rpartition(":")[2]
    outcome = await sent(AT_HOME, f"http://outside.example.com:{port}/", notice)
    assert isinstance(outcome, Refused)
    assert "redirects are not followed" in outcome.reason
    assert len(provider.heard) == 1


async def test_tls_is_for_the_name_and_not_for_the_address(
    serve: Serve,
    provider: Provider,
    server_tls: ssl.SSLContext,
    notice: Notice,
    names: Says,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The certificate is for localhost: it counts there, and for no other name that leads to the same address."""
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    port = await serve(provider.talk, server_tls)
    names("localhost", ["127.0.0.1"])
    names("other.example.com", ["127.0.0.1"])
    assert await sent(AT_HOME, f"https://localhost:{port}/", notice) == Accepted("200 OK")
    outcome = await sent(AT_HOME, f"https://other.example.com:{port}/", notice)
    assert isinstance(outcome, Unreachable)
    assert "certificate" in outcome.reason


async def test_no_proxy_is_used_for_what_was_entered(
    provider: Provider, notice: Notice, names: Says, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", provider.url)
    monkeypatch.setenv("ALL_PROXY", provider.url)
    names("example.com", ["10.0.0.7"])
    assert isinstance(await sent(STRICT, "http://example.com/", notice), Refused)
    assert provider.heard == []


@pytest.mark.parametrize("scheme", ["http://", ""])
async def test_the_files_addresses_go_through_the_proxy_of_the_environment(
    scheme: str, provider: Provider, notice: Notice, names: Says
) -> None:
    through = proxies.read({"HTTP_PROXY": scheme + provider.where, "NO_PROXY": "127.0.0.0/8"})
    assert await sent(AT_HOME, "http://example.com/hook", notice, proxies=through) == Accepted("200 OK")
    assert await sent(AT_HOME, f"{provider.url}/near", notice, proxies=through) == Accepted("200 OK")
    assert [heard.line for heard in provider.heard] == [
        "POST http://example.com/hook HTTP/1.1",
        "POST /near HTTP/1.1",
    ]


async def test_the_name_of_a_proxy_is_looked_up_like_any_other(
    provider: Provider, notice: Notice, names: Says
) -> None:
    names("proxy.example.com", ["127.0.0.1"])
    through = proxies.read(
        {"HTTP_PROXY": f"http://anna:5ecret@proxy.example.com:{provider.where.rpartition(':')[2]}"}
    )
    assert await sent(AT_HOME, "http://example.com/hook", notice, proxies=through) == Accepted("200 OK")
    assert provider.heard[0].headers["proxy-authorization"] == "Basic YW5uYTo1ZWNyZXQ="


@pytest.mark.parametrize("url", ["http://example.com/5ecret", "https://example.com/5ecret"])
@pytest.mark.parametrize("kind", ["http", "https", "socks5h"])
async def test_a_proxy_that_cannot_be_reached_is_named(
    url: str, kind: str, notice: Notice, names: Says, unused_tcp_port: int
) -> None:
    where = f"127.0.0.1:{unused_tcp_port}"
    through = proxies.read({"ALL_PROXY": f"{kind}://anna:5ecret@{where}"})
    assert await sent(AT_HOME, url, notice, proxies=through) == Unreachable(
        f"connection refused by the proxy {where}"
    )
    through = proxies.read({"ALL_PROXY": f"{kind}://proxy.example.com:3128"})
    assert await sent(AT_HOME, url, notice, proxies=through) == Unreachable(
        "the name of the proxy proxy.example.com:3128 cannot be resolved"
    )


@pytest.mark.parametrize(
    ("url", "status", "words"),
    [
        ("http://example.com/5ecret", 407, "407 Proxy Authentication Required"),
        ("https://example.com/5ecret", 407, "407 Whatever"),
        ("https://example.com/5ecret", 403, "403 Whatever"),
        ("https://example.com/5ecret", 502, "502 Whatever"),
    ],
)
async def test_a_proxy_that_refuses_is_named_and_asked_again(
    url: str, status: int, words: str, provider: Provider, notice: Notice, names: Says
) -> None:
    provider.answers(status)
    through = proxies.read({"ALL_PROXY": provider.url})
    outcome = await sent(AT_HOME, url, notice, proxies=through)
    assert outcome == Unreachable(f"the proxy {provider.where} answered {words}")


async def test_a_page_that_got_no_further_than_the_proxy_has_not_arrived(
    provider: Provider, notice: Notice, names: Says
) -> None:
    provider.says(b"HTTP/1.1 200 Connection established\r\n\r\n", b"this is no TLS")
    through = proxies.read({"ALL_PROXY": provider.url})
    outcome = await sent(AT_HOME, "https://example.com/hook", notice, proxies=through)
    assert outcome == Unreachable("the TLS handshake with example.com failed")


async def test_what_is_wrong_behind_a_proxy_names_the_provider(
    provider: Provider, notice: Notice, names: Says
) -> None:
    provider.answers(503)
    through = proxies.read({"ALL_PROXY": provider.url})
    assert await sent(AT_HOME, "http://example.com/hook", notice, proxies=through) == Unreachable(
        "example.com answered 503 Service Unavailable"
    )


async def test_a_socks_proxy_leads_to_names_that_it_looks_up_itself(
    serve: Serve, provider: Provider, notice: Notice, names: Says
) -> None:
    asked = []

    async def socks(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """SOCKS 5 without a login (RFC 1928), and the provider behind it."""
        _, methods = await reader.readexactly(2)
        await reader.readexactly(methods)
        writer.write(b"\x05\x00")
        _, _, _, kind, length = await reader.readexactly(5)
        assert kind == 3
        asked.append((await reader.readexactly(length + 2))[:-2])
        writer.write(b"\x05\x00\x00\x01" + bytes(6))
        await provider.talk(reader, writer)

    through = proxies.read({"ALL_PROXY": f"socks5h://127.0.0.1:{await serve(socks)}"})
    assert await sent(AT_HOME, "http://example.com/hook", notice, proxies=through) == Accepted("200 OK")
    assert asked == [b"example.com"]
    assert provider.heard[0].line == "POST /hook HTTP/1.1"


async def test_what_cannot_be_resolved_or_connected_to_can_be_tried_again(
    notice: Notice, names: Says
) -> None:
    assert isinstance(await sent(STRICT, "http://unknown.example.com/", notice), Unreachable)
    assert isinstance(await sent(AT_HOME, "http://127.0.0.1:1/", notice), Unreachable)
    assert await egress.fault(STRICT, "http://unknown.example.com/") is None
    for odd in (
        "no URL at all",
        "smtp://a\0b",
        f"smtp://{'x' * 300}",
        "smtps://[",
        "http://\u2603" * 40,
        "smtp://",
    ):
        assert await egress.fault(STRICT, odd) is None


async def test_a_connection_that_is_made_beside_another_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    second_begins, closed = asyncio.Event(), list[str]()

    class Stream(httpcore.AsyncNetworkStream):
        def __init__(self, address: str) -> None:
            self.address = address

        async def aclose(self) -> None:
            closed.append(self.address)

    async def connect_tcp(_backend: object, host: str, *_rest: object) -> Stream:
        if host == "192.0.2.2":
            second_begins.set()
        await second_begins.wait()
        return Stream(host)

    async def looked_up(*_asked: object) -> list[str]:
        return ["192.0.2.1", "192.0.2.2"]

    monkeypatch.setattr(httpcore.AnyIOBackend, "connect_tcp", connect_tcp)
    monkeypatch.setattr(egress, "_looked_up", looked_up)
    monkeypatch.setattr(egress, "STAGGER", 0.0)
    kept = await egress._Backend(None).connect_tcp("two.example", 443)  # type: ignore[arg-type]  # never asked
    assert isinstance(kept, Stream)
    assert {kept.address, *closed} == {"192.0.2.1", "192.0.2.2"}
    assert len(closed) == 1
