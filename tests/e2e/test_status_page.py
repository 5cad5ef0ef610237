"""The public status page in earnest: the database away, a restart without it, the hook, and a browser that looks."""

import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser

from tests.e2e.conftest import Serve, began
from tests.e2e.inspection import LIGHT
from tests.e2e.patience import eventually
from tests.e2e.postgres import Postgres
from tests.e2e.service import PING_KEY, Service
from tests.e2e.visitor import PHOTOGRAPHED, SHOTS
from tests.e2e.walk import CHROMIUM, OVERFLOW, browser

pytestmark = pytest.mark.e2e

CONFIGURATION = """
ping_keys: {main: "${HEARTBEAT_PING_KEY}"}
people: {first: {contacts: [{console: terminal}]}}
policies: {ops: [{page: first, wait: 1h}]}
notifiers: {email: {smtp: "smtp://127.0.0.1:9?starttls=never", from: status@example.com}}
checks:
  us-cpu: {every: 1h, labels: {component: cpu, region: us}}
  eu-cpu: {every: 1h, labels: {component: cpu, region: eu}}
  mail: {every: 1h, labels: {component: mail, region: eu}}
status_pages:
  public:
    title: Example status
    support: mailto:help@example.com
    regions: {label: region, columns: {us: the US, eu: Europe}}
    components: [{name: CPU allowance, match: {component: cpu}}]
    groups: [{name: Messages, components: [{name: Mail, match: {component: mail}}]}]
"""
AT = "/v1/status-pages/public/incidents"
OURS = re.compile(r"\b(check|ping|grace|heartbeat|silent|job|slug|policy)s?\b", re.IGNORECASE)


def page(service: Service) -> str:
    """The page as anybody gets it; nothing where it is not there."""
    try:
        answer = httpx.get(f"{service.url}/status/public/", timeout=5)
    except httpx.TransportError:
        return ""
    return answer.text if answer.status_code == 200 else ""


def live(service: Service) -> None:
    """Things happen: pings, two incidents that stand apart, and a maintenance."""
    for slug in ("eu-cpu", "mail"):
        service.ping(slug)
    service.ping(f"{PING_KEY}/us-cpu/fail")
    affected = [{"component": "CPU allowance", "health": "delayed", "regions": ["us"]}]
    first = tell(
        service, title="CPU allowance is delayed in the US", body="We **look** into it.", affected=affected
    )
    second = tell(service, title="Some sites are slow", body="Traffic is *filtered*.", not_related_to=[first])
    say = {"status": "monitoring", "body": "It is better. See [more](https://example.com)."}
    assert service.ask("POST", f"{AT}/{second}/updates", json=say).is_success
    tell(
        service,
        kind="maintenance",
        title="New disks",
        body="Mail may be late.",
        starts_at="2099-01-01T02:00:00Z",
        ends_at="2099-01-01T04:00:00Z",
        affected=[{"component": "Mail"}],
    )


def tell(service: Service, **written: object) -> int:
    """Write and publish; the number."""
    made = service.ask("POST", AT, json=written)
    assert made.status_code == 201, made.text
    number = int(made.json()["id"])
    assert service.ask("POST", f"{AT}/{number}/publish").is_success
    return number


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service on which things have happened, with a hook."""
    home = tmp_path_factory.mktemp("status")
    hook = f'rm -rf {home}/elsewhere && cp -r "$1/public" {home}/elsewhere'
    with began(home, CONFIGURATION, HEARTBEAT_STATUS_HOOK=hook) as running:
        live(running)
        eventually(
            lambda: "Some sites are slow" in page(running), within=10, what="the incidents on the page"
        )
        eventually(lambda: "Not enough data yet" in page(running), within=70, what="the days on the page")
        yield running


def test_the_hook_takes_the_files_along(service: Service) -> None:
    copy = service.home / "elsewhere" / "index.html"
    eventually(
        lambda: copy.exists() and "Some sites are slow" in copy.read_text(), within=10, what="the copy"
    )
    told = service.ask("GET", "/metrics").text
    assert re.search(r'heartbeat_status_hook_runs_total\{result="done"\} [1-9]', told)


def test_whoever_reads_statuspage_reads_it(service: Service) -> None:
    summary = httpx.get(f"{service.url}/status/public/api/v2/summary.json")
    assert summary.headers["access-control-allow-origin"] == "*"
    told = summary.json()
    assert [one["name"] for one in told["incidents"]] == [
        "Some sites are slow",
        "CPU allowance is delayed in the US",
    ]
    assert told["status"]["indicator"] in ("minor", "major")
    assert httpx.get(f"{service.url}/status/public/history.atom").status_code == 200
    assert httpx.get(f"{service.url}/status/public/badge.svg").status_code == 200


@pytest.fixture
async def chromium() -> AsyncIterator[Browser]:
    """A browser."""
    async with browser(CHROMIUM) as launched:
        yield launched


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("name", "width"), [("wide", 1280), ("phone", 390)])
async def test_a_browser_finds_nothing_wrong(
    service: Service, chromium: Browser, scheme: str, name: str, width: int
) -> None:
    context = await chromium.new_context(
        viewport={"width": width, "height": 900},
        color_scheme=scheme,  # type: ignore[arg-type]  # one of the two
    )
    shown = await context.new_page()
    faults: list[str] = []
    weight: list[int] = []
    shown.on("pageerror", lambda error: faults.append(str(error)))
    shown.on("console", lambda said: faults.append(said.text))
    shown.on("request", lambda asked: faults.append(asked.url) if service.url not in asked.url else None)
    for path in ("", "history.html"):
        answer = await shown.goto(f"{service.url}/status/public/{path}")
        assert answer is not None
        weight.append(len(await answer.body()))
        assert await shown.evaluate(OVERFLOW) <= 0
        words = await shown.inner_text("body")
        assert OURS.search(words) is None, words
        assert re.search(r"As of \d\d:\d\d:\d\d UTC, \d+ s ago", words)
        assert await shown.is_hidden("#stale")
        found = await Axe().run(shown)
        assert found.violations_count == 0, found.generate_report()
        if PHOTOGRAPHED:
            shot = SHOTS / f"status-{path.partition('.')[0] or 'index'}-{scheme}-{name}.png"
            await shown.screenshot(path=shot, full_page=True)
    assert faults == []
    assert max(weight) < LIGHT
    await context.close()


async def test_it_is_whole_without_javascript(service: Service, chromium: Browser) -> None:
    context = await chromium.new_context(java_script_enabled=False)
    shown = await context.new_page()
    await shown.goto(f"{service.url}/status/public/")
    words = await shown.inner_text("main")
    assert "CPU allowance is delayed in the US. Mail is not affected." in words
    await shown.get_by_text("Not enough data yet").first.click()
    assert "No information" in await shown.inner_text("table.runs >> nth=0")
    await shown.get_by_label("Your mail address").fill("anna@example.org")
    await shown.get_by_role("button", name="Subscribe").click()
    assert "Confirm your address" in await shown.inner_text("main")
    await context.close()


async def test_a_copy_on_another_host_says_when_it_is_old(
    service: Service, chromium: Browser, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    for one in (service.home / "data" / "status" / "public").iterdir():
        if one.is_file():
            (copy / one.name).write_bytes(one.read_bytes())
    old = re.sub(
        r'(id="as-of" datetime=")[^"]+', r"\g<1>2024-05-03T03:00:00Z", (copy / "index.html").read_text()
    )
    (copy / "index.html").write_text(old)
    shown = await chromium.new_page()
    await shown.goto(f"file://{copy}/index.html")
    await shown.wait_for_selector("#stale:not([hidden])")
    assert "h ago" in await shown.inner_text("footer")


def test_it_stays_up_with_the_database_away_and_through_a_restart(
    serve: Serve, postgres_server: Postgres
) -> None:
    service = serve(CONFIGURATION, HEARTBEAT_DATABASE_URL=postgres_server.database()).start()
    service.ping("eu-cpu")
    eventually(lambda: "Working normally" in page(service), within=10, what="the page")
    postgres_server.sigkill()
    assert "Working normally" in page(service)
    service.sigkill()
    stamp = service.home / "data" / "status" / "public" / "as-of.json"
    stamp.write_text('{"as_of":"2024-05-03T03:00:00+00:00"}')
    service.begin()
    warned = 'id="stale">This page was last updated at'
    eventually(lambda: warned in page(service), within=30, what="the page from the disk, with its warning")
    assert httpx.get(f"{service.url}/ping/x/y").status_code == 503
    postgres_server.start()
    service.await_ready()
    eventually(lambda: 'id="stale" hidden' in page(service), within=10, what="a new page")
