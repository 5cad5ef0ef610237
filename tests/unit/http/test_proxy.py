"""A proxy that signs people in: trusted from its own address only."""

from collections.abc import Callable
from dataclasses import replace
from ipaddress import ip_network
from typing import Any

import httpx
import pytest

from alerting.network import networks
from heartbeat import audit
from heartbeat.access.ways import Proxy
from heartbeat.actor import Role
from heartbeat.app import System
from heartbeat.http import app as http_app
from heartbeat.http import auth, forwarded, server
from heartbeat.settings import BadSetting, read
from tests.unit.access.conftest import add
from tests.unit.conftest import NOW
from tests.unit.http.conftest import make_check
from tests.unit.http.markup import sound

PROXY = Proxy((ip_network("10.0.0.0/30"), ip_network("fd00::5/128")), "X-User", "X-Role")


async def asked(
    system: System, proxy: Proxy | None, peer: str = "10.0.0.1", **headers: str
) -> httpx.Response:
    """Return the account view for a client with this address and these headers."""
    context = replace(system.context, ways=replace(system.context.ways, proxy=proxy))
    transport = httpx.ASGITransport(app=http_app.build(context), client=(peer, 1))
    sent_headers = {name.replace("_", "-"): value for name, value in headers.items()}
    async with httpx.AsyncClient(
        transport=transport, base_url="http://test", headers=sent_headers
    ) as browser:
        return await browser.get("/account")


@pytest.mark.parametrize("peer", ["10.0.0.1", "10.0.0.3", "fd00::5", "::ffff:10.0.0.1"])
async def test_the_user_that_the_proxy_names_is_signed_in(system: System, peer: str) -> None:
    answer = await asked(system, PROXY, peer, X_User="Anna", X_Role="responder")
    assert answer.status_code == 200
    assert "anna" in sound(answer.text).words
    assert "with the role responder" in sound(answer.text).words


@pytest.mark.parametrize("peer", ["10.0.0.4", "127.0.0.1", "fd00::6", "testclient", ""])
async def test_from_any_other_address_the_header_is_ignored(system: System, peer: str) -> None:
    assert (await asked(system, PROXY, peer, X_User="anna", X_Role="admin")).status_code == 303


async def test_the_proxy_header_is_ignored_by_default(system: System) -> None:
    assert system.context.ways.proxy is None
    assert (await asked(system, None, X_User="anna", X_Role="admin")).status_code == 303


@pytest.mark.parametrize("name", ["", "a b", "<script>"])
async def test_an_invalid_user_name_signs_nobody_in(system: System, name: str) -> None:
    assert (await asked(system, PROXY, X_User=name, X_Role="admin")).status_code == 303


async def test_the_name_of_the_admin_key_signs_nobody_in_unless_a_user_has_it(system: System) -> None:
    assert (await asked(system, PROXY, X_User="Admin", X_Role="admin")).status_code == 303
    await system.context.database.write(lambda db: add(db, "admin", Role.RESPONDER))
    assert (await asked(system, PROXY, X_User="Admin", X_Role="admin")).status_code == 200


async def test_a_repeated_header_signs_nobody_in(system: System) -> None:
    context = replace(system.context, ways=replace(system.context.ways, proxy=PROXY))
    transport = httpx.ASGITransport(app=http_app.build(context), client=("10.0.0.1", 1))
    doubled = (
        [("X-User", "anna"), ("X-User", "root")],
        [("X-User", "anna"), ("X-Role", "admin"), ("X-Role", "viewer")],
    )
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as browser:
        for headers in doubled:
            assert (await browser.get("/account", headers=headers)).status_code == 303


@pytest.mark.parametrize("role", ["", "root", "ADMIN"])
async def test_an_unknown_role_is_a_viewer(system: System, role: str) -> None:
    answer = await asked(system, PROXY, X_User="anna", X_Role=role)
    assert "with the role viewer" in sound(answer.text).words


async def test_without_a_header_for_roles_users_have_their_own(system: System) -> None:
    proxy = replace(PROXY, role_header="")
    await system.context.database.write(lambda db: add(db, "anna", Role.RESPONDER))
    await system.context.database.write(lambda db: add(db, "gone", Role.ADMIN, disabled_at=NOW))
    account = await asked(system, proxy, X_User="anna", X_Role="admin")
    assert "with the role responder" in sound(account.text).words
    unknown = await asked(system, proxy, X_User="bob", X_Role="admin")
    assert "with the role viewer" in sound(unknown.text).words
    assert (await asked(system, proxy, X_User="gone")).status_code == 303


async def test_a_form_is_bound_to_the_user_that_the_proxy_names(system: System) -> None:
    await make_check(system)
    context = replace(system.context, ways=replace(system.context.ways, proxy=PROXY))
    transport = httpx.ASGITransport(app=http_app.build(context), client=("10.0.0.1", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as browser:
        anna, eve = ({"X-User": name, "X-Role": "responder"} for name in ("anna", "eve"))
        csrf = sound((await browser.get("/", headers=anna)).text).fields["csrf"]
        for headers, status in ((eve, 403), (anna, 303)):
            answer = await browser.post("/checks/job/pause", data={"csrf": csrf}, headers=headers)
            assert answer.status_code == status
        # To change something by the API wants a key, for a foreign page can make a browser come through the proxy.
        assert (await browser.get("/v1/checks", headers=anna)).status_code == 200
        assert (await browser.post("/v1/checks/job/resume", headers=anna)).status_code == 401


async def test_signing_out_leads_to_the_proxy(system: System) -> None:
    bare = await asked(system, PROXY, X_User="anna", X_Role="viewer")
    assert "Sign out" not in sound(bare.text).words
    assert "Change your password and sign out there." in sound(bare.text).words
    account = await asked(system, replace(PROXY, sign_out="/oauth2/sign_out"), X_User="anna", X_Role="viewer")
    assert '<a class="me" rel="external" href="/oauth2/sign_out">Sign out</a>' in account.text
    assert "/sign-out" not in account.text


async def test_signing_out_at_the_proxy_has_no_audit_entry(system: System) -> None:
    context = replace(system.context, ways=replace(system.context.ways, proxy=PROXY))
    transport = httpx.ASGITransport(app=http_app.build(context), client=("10.0.0.1", 1))
    anna = {"X-User": "anna", "X-Role": "responder"}
    async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=anna) as browser:
        csrf = sound((await browser.get("/checks")).text).fields.get("csrf", "")
        await browser.post("/sign-out", data={"csrf": csrf})
    assert await system.context.database.read(lambda db: audit.listed(db, limit=9)) == []


Clients = list[tuple[str, str]]


async def served(trusted: str, *peers: str, untrusted: Callable[[], None] = lambda: None) -> Clients:
    """Return the client and the peer that the application gets for a forwarded request from each of these peers."""
    clients: Clients = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        clients.append((scope["client"][0], scope[auth.PEER]))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    config = server.configured(app, networks(trusted), untrusted).config
    config.load()
    for peer in peers:
        transport = httpx.ASGITransport(app=config.loaded_app, client=(peer, 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as browser:
            await browser.get("/", headers={"X-Forwarded-For": "10.0.0.1, 198.51.100.7"})
    return clients


async def test_the_client_address_comes_from_a_trusted_proxy() -> None:
    clients = await served("10.0.0.0/30", "10.0.0.1", "::ffff:10.0.0.2", "192.0.2.9", "127.0.0.1")
    assert clients[:2] == [("198.51.100.7", "10.0.0.1"), ("198.51.100.7", "10.0.0.2")]
    # Whoever is not the proxy says in vain that it speaks for it.
    assert clients[2:] == [("192.0.2.9", "192.0.2.9"), ("127.0.0.1", "127.0.0.1")]


@pytest.mark.parametrize(
    ("lines", "client"),
    [
        (["198.51.100.7"], "198.51.100.7"),
        (["198.51.100.7:4711"], "198.51.100.7"),
        (["[2001:db8::7]:4711"], "2001:db8::7"),
        (["::ffff:198.51.100.7"], "198.51.100.7"),
        # A list, in one line or in several: the last address that is no proxy.
        (["192.0.2.66, 198.51.100.7, 10.0.0.1"], "198.51.100.7"),
        (["192.0.2.66", "198.51.100.7", "10.0.0.2"], "198.51.100.7"),
        (["10.0.0.1, 10.0.0.2"], "10.0.0.1"),
        # No address: nobody hides behind a word.
        (["unknown"], None),
        (["198.51.100.7, a-new-name-each-time"], None),
        (["198.51.100.7, a-new-name-each-time, 10.0.0.1"], None),
        (["<script>"], None),
        ([""], None),
        ([], None),
    ],
)
def test_only_an_address_counts_as_the_client(lines: list[str], client: str | None) -> None:
    headers = [(b"host", b"test"), *((b"x-forwarded-for", line.encode()) for line in lines)]
    assert forwarded.client(headers, networks("10.0.0.0/30")) == client


@pytest.mark.parametrize(
    ("lines", "scheme"),
    [(["https"], "https"), (["http"], "http"), (["https", "http"], None), (["ftp"], None), ([], None)],
)
def test_only_one_scheme_counts(lines: list[str], scheme: str | None) -> None:
    assert forwarded.scheme([(b"x-forwarded-proto", line.encode()) for line in lines]) == scheme


async def test_by_default_only_this_machine_is_a_trusted_proxy() -> None:
    clients = await served("", "127.0.0.1", "::1", "::ffff:127.0.0.1", "172.18.0.1")
    assert [client for client, _ in clients] == ["198.51.100.7", "198.51.100.7", "198.51.100.7", "172.18.0.1"]


async def test_an_untrusted_proxy_is_counted_and_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    counted: list[int] = []
    await served("10.0.0.5", "172.18.0.1", "172.18.0.1", "10.0.0.5", untrusted=lambda: counted.append(1))
    assert len(counted) == 2
    (line,) = caplog.messages
    assert line.startswith("X-Forwarded-For from 172.18.0.1 was ignored")
    assert "set HEARTBEAT_TRUSTED_PROXY" in line


@pytest.mark.parametrize("name", ["HEARTBEAT_TRUSTED_PROXY", "FORWARDED_ALLOW_IPS"])
def test_a_trusted_proxy_cannot_be_everybody(name: str) -> None:
    assert read({name: "10.0.0.5"}).trusted_proxy == (ip_network("10.0.0.5"),)
    for too_wide in ("*", "0.0.0.0/0", "10.0.0.5, ::/0"):
        with pytest.raises(BadSetting, match=name):
            read({name: too_wide})


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({"HEARTBEAT_PROXY_USER_HEADER": "X-User"}, "needs HEARTBEAT_SIGN_IN_PROXY"),
        # Whose X-Forwarded-For counts is another question than who may sign people in.
        (
            {"HEARTBEAT_PROXY_USER_HEADER": "X-User", "HEARTBEAT_TRUSTED_PROXY": "10.0.0.1"},
            "needs HEARTBEAT_SIGN_IN_PROXY",
        ),
        ({"HEARTBEAT_SIGN_IN_PROXY": "10.0.0.1"}, "needs HEARTBEAT_PROXY_USER_HEADER"),
        ({"HEARTBEAT_SIGN_IN_PROXY": "0.0.0.0/0"}, "HEARTBEAT_SIGN_IN_PROXY must name"),
        ({"HEARTBEAT_PROXY_ROLE_HEADER": "X-Role"}, "needs HEARTBEAT_PROXY_USER_HEADER"),
        ({"HEARTBEAT_PROXY_SIGN_OUT": "/out"}, "SIGN_OUT needs HEARTBEAT_PROXY_USER_HEADER"),
        ({"HEARTBEAT_PROXY_SIGN_OUT": "javascript:alert(1)"}, "must be a path such as"),
        ({"HEARTBEAT_PROXY_SIGN_OUT": "//example.com/out"}, "must be a path such as"),
        ({"HEARTBEAT_PROXY_SIGN_OUT": "http://example.com/out"}, "must be a path such as"),
        (
            {"HEARTBEAT_PROXY_USER_HEADER": "X User", "HEARTBEAT_TRUSTED_PROXY": "10.0.0.1"},
            "name of a header",
        ),
        ({"HEARTBEAT_TRUSTED_PROXY": "my-proxy"}, "HEARTBEAT_TRUSTED_PROXY: "),
        ({"HEARTBEAT_METRICS_OPEN": "yes"}, "HEARTBEAT_METRICS_OPEN must be off or on"),
    ],
)
def test_a_setting_that_would_admit_anybody_is_refused(environment: dict[str, str], sentence: str) -> None:
    with pytest.raises(BadSetting, match=sentence):
        read(environment)


async def test_the_metrics_can_be_opened(system: System) -> None:
    for opened, status in ((False, 401), (True, 200)):
        context = replace(system.context, ways=replace(system.context.ways, metrics_open=opened))
        transport = httpx.ASGITransport(app=http_app.build(context))
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            assert (await client.get("/metrics")).status_code == status
            assert (await client.get("/v1/checks")).status_code == 401
