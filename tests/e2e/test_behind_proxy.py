"""Behind a proxy that signs people in: it is a process of its own, ends TLS, and speaks to heartbeat from an address of
its own. A real browser comes through it; what comes from elsewhere with the same headers does not.
"""

import ssl
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.async_api import Browser, expect

from tests.e2e import walk
from tests.e2e.authority import papers
from tests.e2e.conftest import Serve
from tests.e2e.doorman import FROM, OUT, ROLE, USER, Doorman
from tests.e2e.service import Service, configuration
from tests.e2e.visitor import SOON, Visitor, visiting

pytestmark = walk.MARKS

chromium = walk.chromium

CHECKS = {"nightly-backup": "every: 1h, grace: 5m", "never-heard": "every: 1s, grace: 1s"}
JOBS = configuration(CHECKS, ["{console: terminal}"])
AS_ANNA = {USER: "anna", ROLE: "admin"}


@pytest.fixture
def behind(serve: Serve, tmp_path: Path) -> Iterator[tuple[Service, Doorman]]:
    """An installation whose people a proxy signs in, and the proxy."""
    service = serve(
        JOBS,
        HEARTBEAT_TRUSTED_PROXY=FROM,
        HEARTBEAT_SIGN_IN_PROXY=FROM,
        HEARTBEAT_PROXY_USER_HEADER="X-Forwarded-User",
        HEARTBEAT_PROXY_ROLE_HEADER="X-Forwarded-Role",
        HEARTBEAT_PROXY_SIGN_OUT=OUT,
    )
    context = Doorman(tmp_path, papers(tmp_path / "papers"), service.url, signs_in=True)
    service.environment["HEARTBEAT_PUBLIC_URL"] = context.url
    service.start()
    yield service, context.start()
    context.end()


async def come_in(visitor: Visitor, name: str) -> None:
    """Say at the door who one is."""
    assert await visitor.to("/") == 401
    await visitor.follow(f"I am {name}")
    await visitor.is_at("/")


async def test_one_comes_through_the_proxy_looks_and_acts(
    behind: tuple[Service, Doorman], chromium: Browser
) -> None:
    service, context = behind
    async with visiting(chromium, context.url) as bob, visiting(chromium, context.url) as vera:
        await come_in(bob, "bob")
        await bob.to("/account")
        await bob.reads("The proxy signed you in, with the role responder.")
        await bob.photograph("account-by-proxy")
        await bob.to("/checks/nightly-backup")
        await expect(bob.page.locator("#live")).to_have_text("live", timeout=SOON)
        # The page renews itself through the proxy.
        assert service.ping("nightly-backup", "POST", content=b"42 files").text == "OK"
        await bob.reads("42 files")

        await bob.to("/checks/nightly-backup/pause")
        await bob.press("Pause nightly-backup")
        await bob.is_at("/checks/nightly-backup")
        await bob.reads("Paused since")
        (deed,) = [one for one in service.get("/v1/audit")["audit"] if one["action"] == "check.pause"]
        assert (deed["actor"], deed["via"], deed["remote"]) == ("bob", "proxy", "127.0.0.1")

        await come_in(vera, "vera")
        assert await vera.to("/checks/nightly-backup/pause") == 403
        await vera.reads("vera has the role viewer. Ask an admin.")


async def test_a_key_acknowledges_from_the_overview(
    behind: tuple[Service, Doorman], chromium: Browser
) -> None:
    service, context = behind
    async with visiting(chromium, context.url) as bob:
        await come_in(bob, "bob")
        await bob.reads("1 check is down")
        await bob.page.get_by_role("link", name="never-heard").first.focus()
        await bob.page.keyboard.press("a")
        await bob.reads("acknowledged")
        assert service.get("/v1/incidents/1")["acknowledged_by"] == "bob"


async def test_one_signs_out_at_the_proxy(behind: tuple[Service, Doorman], chromium: Browser) -> None:
    _, context = behind
    async with visiting(chromium, context.url) as bob:
        await come_in(bob, "bob")
        await bob.follow("Sign out")
        await bob.reads("You are out.")
        assert await bob.to("/") == 401


async def test_a_page_of_another_origin_makes_nobody_act(
    behind: tuple[Service, Doorman], chromium: Browser
) -> None:
    service, context = behind
    evil = "https://127.0.0.1:1/"
    form = (
        f'<form method="post" action="{context.url}/checks/nightly-backup/pause"><button>Win</button></form>'
    )
    async with visiting(chromium, context.url) as bob:
        await come_in(bob, "bob")
        # Another port is the same site to a browser, so that it sends cookies along.
        await bob.page.route(f"{evil}**", lambda route: route.fulfill(content_type="text/html", body=form))
        await bob.to(evil)
        assert (await bob.sends("Win")).status == 403
        await bob.reads("This form came from another site. Open the page here and try again.")
        assert service.get("/v1/checks/nightly-backup")["state"] == "new"


async def test_the_headers_count_from_the_proxy_and_from_nobody_else(
    behind: tuple[Service, Doorman], chromium: Browser
) -> None:
    service, context = behind
    for address, comes_in in ((FROM, True), ("127.0.0.1", False), ("127.0.0.3", False)):
        transport = httpx.AsyncHTTPTransport(local_address=address)
        async with httpx.AsyncClient(transport=transport, base_url=service.url, headers=AS_ANNA) as direct:
            assert (await direct.get("/users")).status_code == (200 if comes_in else 303), address
            assert (await direct.get("/v1/checks")).status_code == (200 if comes_in else 401), address
            # To say that one speaks for the proxy helps nobody.
            lied = await direct.get("/users", headers={"X-Forwarded-For": FROM})
            assert lied.status_code == (200 if comes_in else 303), address
            assert (await direct.post("/v1/checks/nightly-backup/pause")).status_code == 401
    async with visiting(chromium, context.url) as bob:
        await come_in(bob, "bob")
        await bob.page.set_extra_http_headers(AS_ANNA)
        assert await bob.to("/users") == 403
        await bob.reads("bob has the role responder")


async def test_without_the_setting_the_headers_are_nothing(
    behind: tuple[Service, Doorman], chromium: Browser
) -> None:
    service, context = behind
    service.sigterm()
    for name in ("SIGN_IN_PROXY", "PROXY_USER_HEADER", "PROXY_ROLE_HEADER", "PROXY_SIGN_OUT"):
        del service.environment[f"HEARTBEAT_{name}"]
    service.start()
    async with visiting(chromium, context.url) as bob:
        assert await bob.to("/") == 401
        await bob.follow("I am bob")
        await bob.reads("Sign in")
        assert "/sign-in" in bob.page.url


async def test_the_cookie_of_a_password_is_bound_to_this_host_and_to_tls(
    behind: tuple[Service, Doorman], chromium: Browser
) -> None:
    service, context = behind
    async with visiting(chromium, context.url) as anna:
        await come_in(anna, "anna")
        assert {one["name"] for one in await anna.page.context.cookies(context.url)} == {"door"}
    trusts = ssl.create_default_context(cafile=str(Path(service.home).parent / "papers" / "authority.pem"))
    async with httpx.AsyncClient(verify=trusts, base_url=context.url, cookies={"door": "vera"}) as vera:
        answer = await vera.post("/sign-in", data={"key": service.admin_key})
        said = answer.headers["set-cookie"]
        assert said.startswith("__Host-heartbeat=")
        for part in ("Secure", "HttpOnly", "Path=/", "SameSite=lax"):
            assert part in said
        assert "Domain" not in said
        # Whoever signs in here, through the proxy, is who they have shown to be.
        assert "admin" in (await vera.get("/account")).text
