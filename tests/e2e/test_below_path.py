"""Below a path of a host, behind a real nginx as docs/deploying.md sets it up: one server passes the path on, another
takes it off. A real browser comes through both.
"""

import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.async_api import Browser, Response, expect

from tests.e2e import walk
from tests.e2e.authority import HOST, Papers, papers
from tests.e2e.conftest import began
from tests.e2e.patience import eventually
from tests.e2e.provider import Provider
from tests.e2e.service import ADMIN_KEY, PING_KEY, Service, bare_environment, configuration, free_port
from tests.e2e.visitor import SOON, Visitor, visiting
from tests.unit.documents.documentation import section

pytestmark = walk.MARKS

chromium = walk.chromium

HOME = "/heartbeat"
STOP_BOUND = 10.0
CHECKS = {"nightly-backup": "every: 1h, grace: 5m", "never-heard": "every: 1s, grace: 1s"}
JOBS = configuration(CHECKS, ["{console: terminal}"]) + (
    "status_pages: {public: {title: Example, components: [{name: Backup, match: {check: nightly-backup}}]}}\n"
)
CONFIGURATION = """
daemon off;
pid {home}/nginx.pid;
error_log {home}/error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {home}/body;
    proxy_temp_path {home}/proxy;
    fastcgi_temp_path {home}/fastcgi;
    uwsgi_temp_path {home}/uwsgi;
    scgi_temp_path {home}/scgi;
    ssl_certificate {papers.certificate};
    ssl_certificate_key {papers.key};
    server {{
        listen {host}:{passing} ssl;
        {passes}
    }}
    server {{
        listen {host}:{stripping} ssl;
        {strips}
    }}
}}
"""


@dataclass(frozen=True, slots=True)
class Place:
    """A service below a path of two hosts. The first is its public address, and takes nothing off."""

    service: Service
    passing: str
    stripping: str


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """The service, a provider that signs people in, and nginx in front."""
    home = tmp_path_factory.mktemp("below")
    paper, ports = papers(home / "papers"), (free_port(), free_port())
    passing, stripping = (f"https://{HOST}:{port}{HOME}" for port in ports)
    provider = Provider(home, paper).start()
    with began(home / "service", JOBS, HEARTBEAT_PUBLIC_URL=passing, **provider.settings) as service:
        nginx = started(home, paper, service, ports)
        yield Place(service, passing, stripping)
        nginx.terminate()
        nginx.wait(STOP_BOUND)
    provider.end()


def started(home: Path, paper: Papers, service: Service, ports: tuple[int, int]) -> "subprocess.Popen[bytes]":
    """Start nginx with the lines of the manual."""
    program = shutil.which("nginx", path="/usr/sbin:/usr/bin")
    assert program, "nginx is missing: apt-get install nginx-light"
    documented = re.findall(r"```nginx\n(.+?)```", section("docs/deploying.md", "## Below a path"), re.DOTALL)
    passes = documented[0].replace("http://127.0.0.1:8000", service.url)
    strips = passes.replace(f"{service.url};", f"{service.url}/;")
    file = home / "nginx.conf"
    text = CONFIGURATION.format(
        home=home, papers=paper, host=HOST, passing=ports[0], stripping=ports[1], passes=passes, strips=strips
    )
    file.write_text(text)
    command = [program, "-c", str(file), "-p", str(home), "-e", str(home / "error.log")]
    process = subprocess.Popen(command, env=bare_environment(), stdin=subprocess.DEVNULL)
    eventually((home / "nginx.pid").exists, within=STOP_BOUND, what="nginx to start")
    return process


def watched(visitor: Visitor) -> list[str]:
    """What the browser asks of our host beside the path, and what is not there."""
    faults, host = [], visitor.home.removesuffix(HOME)

    def judge(answer: Response) -> None:
        is_beside = answer.url.startswith(f"{host}/") and not answer.url.startswith(f"{visitor.home}/")
        if is_beside or answer.status >= 400:
            faults.append(f"{answer.status} {answer.url}, from {visitor.page.url}")

    visitor.page.on("response", judge)
    return faults


async def test_one_signs_in_looks_acts_and_signs_out(place: Place, chromium: Browser) -> None:
    for word, url in (("passed", place.passing), ("stripped", place.stripping)):
        async with visiting(chromium, url) as anna:
            faults = watched(anna)
            await come_in(anna)
            await a_check_is_paused(anna, word)
            # A key of the keyboard opens the list, and another one the search in it.
            await anna.to("/incidents")
            await anna.page.keyboard.press("/")
            await expect(anna.page.locator("#q")).to_be_focused(timeout=SOON)
            await anna.to("/status")
            await anna.is_at("/status/public/")
            await anna.reads("Backup")
            await anna.to("/")
            await anna.press("Sign out")
            await anna.is_at("/sign-in")
            assert faults == []


async def come_in(anna: Visitor) -> None:
    """Sign in by a link to a page."""
    await anna.to("/checks?q=night")
    await anna.fill(Admin_key=ADMIN_KEY)
    await anna.press("Sign in with the key")
    await anna.is_at("/checks?q=night")
    (kept,) = await anna.page.context.cookies(f"{anna.home}/")
    assert (kept["name"], kept["path"]) == ("__Secure-heartbeat", HOME)
    assert await anna.page.context.cookies(anna.home.removesuffix(HOME)) == []


async def a_check_is_paused(anna: Visitor, word: str) -> None:
    """Look at a check while it pings through the proxy, then pause it, and resume it."""
    await anna.follow("nightly-backup")
    await anna.is_at("/checks/nightly-backup")
    await expect(anna.page.locator("#live")).to_have_text("live", timeout=SOON)
    ping_url = f"{anna.home}/ping/{PING_KEY}/nightly-backup"
    assert (await anna.page.context.request.post(ping_url, data=f"{word} files")).ok
    await anna.reads(f"{word} files")
    await anna.follow("Pause…")
    await anna.press("Pause nightly-backup")
    await anna.is_at("/checks/nightly-backup")
    await anna.reads("Paused since")
    await anna.press("Resume")
    await anna.is_at("/checks/nightly-backup")


async def test_the_provider_sends_one_back_below_the_path(place: Place, chromium: Browser) -> None:
    async with visiting(chromium, place.passing) as anna:
        faults = watched(anna)
        await anna.to("/checks")
        await anna.follow("Sign in with your provider")
        await anna.press("I am Anna")
        await anna.is_at("/checks")
        assert faults == []


async def test_the_link_in_a_page_acknowledges(place: Place, chromium: Browser) -> None:
    def link() -> list[str]:
        return re.findall(rf"{re.escape(place.passing)}/answer/\S+", place.service.output())

    eventually(lambda: bool(link()), within=30, what="a page")
    for url, button in ((place.passing, "Acknowledge"), (place.stripping, "")):
        async with visiting(chromium, url) as first:
            faults = watched(first)
            await first.to(link()[0].removeprefix(place.passing))
            if button:
                await first.press(button)
            await first.reads("cknowledged")
            assert faults == []
