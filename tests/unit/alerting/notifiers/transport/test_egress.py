"""The way out: names are resolved once and judged, on real sockets; resolvers are told what to say."""

import asyncio
import ssl
from datetime import timedelta
from typing import Any

import httpcore
import httpx
import pytest

from alerting.network import Fence, Reach, networks
from alerting.notice import Notice
from alerting.notifiers.contract import Accepted, Contact, Outcome, Refused, Unreachable
from alerting.notifiers.transport import egress
from alerting.notifiers.webhook import Webhook
from tests.unit.alerting.notifiers.conftest import CERTIFICATE, Says
from tests.unit.alerting.notifiers.loopback import Provider, Serve

LIMITS = httpx.Limits(max_connections=20)
STRICT = Fence(Reach.INTERNET)
AT_HOME = Fence(Reach.INTERNET, networks("127.0.0.1"))
"""As strict, where the operator allows the machine itself."""


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


async def sent(fence: Fence, url: str, notice: Notice, **more: Any) -> Outcome:
    """Return the outcome of a page to this address behind a fence."""
    async with egress.client(fence, limits=LIMITS, **more) as http:
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
    assert await sent(at_home, provider.url, notice, proxies=True) == Accepted("200 OK")
    assert isinstance(await sent(at_home, "http://cloud.example.com/", notice, proxies=True), Refused)


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
    scheme: str, provider: Provider, notice: Notice, names: Says, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", scheme + provider.where)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    at_home = Fence(Reach.INSIDE)
    assert await sent(at_home, "http://example.com/hook", notice, proxies=True) == Accepted("200 OK")
    assert await sent(at_home, f"{provider.url}/near", notice, proxies=True) == Accepted("200 OK")
    assert [heard.line for heard in provider.heard] == [
        "POST http://example.com/hook HTTP/1.1",
        "POST /near HTTP/1.1",
    ]


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
