"""What a new user sees, from an empty directory to an incident that is resolved, with the real curl."""

import re
import shlex
import subprocess

import httpx
import pytest

from tests.e2e.conftest import Serve
from tests.e2e.patience import eventually
from tests.e2e.phone import Phone
from tests.e2e.service import PING_KEY, Service

pytestmark = pytest.mark.e2e

CONFIGURATION = """
group_by: [host]
gathering: 0s
settling: 0s
ping_keys: {housekeeping: "${HEARTBEAT_PING_KEY}"}
checks:
  daily-cpu-reset:
    every: 2s
    grace: 1s
    labels: {host: us-housekeeping, component: cpu-allowance}
    severity: critical
people:
  first: {name: First responder, contacts: [{webhook: "${PHONE}"}]}
  second: {name: Second responder, contacts: [{console: terminal}]}
policies:
  ops:
    - {page: [first, second], wait: 10m}
status_pages:
  public: {title: Example status, components: [{name: CPU allowance, match: {component: cpu-allowance}}]}
"""


def test_an_empty_directory_becomes_a_watch(serve: Serve) -> None:
    service = serve("", "--sample", HEARTBEAT_ADMIN_KEY="", HEARTBEAT_SECRET_KEY="", HEARTBEAT_PING_KEY="")
    service.start()
    said = service.output()
    places = "sample configuration: heartbeat.yaml, admin key: data/admin-key"
    assert said.splitlines()[0] == f"heartbeat is at {service.url} ({places})"
    assert len(said.splitlines()) == 3, said
    assert (service.home / "heartbeat.yaml").exists()

    assert _curl(_curl_line(service)) == "OK"
    admin_key = (service.home / "data" / "admin-key").read_text().strip()
    assert admin_key not in said
    for secret in ("admin-key", "secret-key", "ping-key"):
        kept = service.home / "data" / secret
        assert kept.stat().st_mode & 0o777 == 0o600, secret
    service.admin_key = admin_key
    assert service.get("/v1/checks/example-job")["state"] == "up"
    assert "Example job" in _page(service, "/")
    _make_first_user(_found(r"create the first user \(within 24 h\): (\S+)\n", said))

    service.sigterm()
    service.start()
    later = service.output().removeprefix(said)
    assert admin_key not in later
    assert "(admin key: data/admin-key)" in later
    assert "the first user" not in later
    assert _curl(_curl_line(service)) == "OK"
    assert service.get("/v1/checks/example-job")["pings"] == 2


def test_the_sample_takes_the_ping_key_that_is_set(serve: Serve) -> None:
    service = serve("", "--sample").start()
    assert _curl_line(service).endswith(f"/ping/{PING_KEY}/example-job")
    assert _curl(_curl_line(service)) == "OK"
    assert PING_KEY not in (service.home / "heartbeat.yaml").read_text()
    assert not (service.home / "data" / "ping-key").exists()
    service.sigterm()
    printed = service.output()
    without_sample = serve((service.home / "heartbeat.yaml").read_text()).start()
    assert without_sample.ping("example-job").text == "OK"
    assert without_sample.ping("wrong").status_code == 404
    log = without_sample.output().removeprefix(printed)
    assert PING_KEY not in log
    assert "ping a check: heartbeat crontab prints the line of each" in log


def test_a_ping_that_comes_while_the_service_is_restarted_is_not_lost(serve: Serve) -> None:
    service = serve("", "--sample").start()
    line = _curl_line(service) + " -v"
    service.sigterm()
    with subprocess.Popen(
        shlex.split(line), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as curl:
        assert curl.stderr is not None
        assert any("refused" in said for said in curl.stderr), "it has met nobody"
        assert curl.poll() is None
        service.start()
        assert curl.communicate(timeout=40)[0] == "OK"
    assert service.get("/v1/checks/example-job")["pings"] == 1


def test_a_job_goes_silent_a_phone_rings_a_human_acknowledges_the_job_returns(
    serve: Serve, phone: Phone
) -> None:
    service = serve(CONFIGURATION, **phone.webhook).start()
    assert service.ping("daily-cpu-reset", "POST", content=b"reset 412 counters").text == "OK"
    assert _state(service) == "up"
    eventually(lambda: _state(service) == "late", within=15, what="the check to be late")
    eventually(lambda: _state(service) == "down", within=15, what="the check to be down")
    assert 'heartbeat_check_up{check="daily-cpu-reset"} 0.0' in service.ask("GET", "/metrics").text

    page = phone.await_kind("page")
    assert page.data["title"] == "CRITICAL daily-cpu-reset silent (us-housekeeping)"
    assert "Last said: reset 412 counters" in page.data["lines"]
    eventually(
        lambda: "╭─ CRITICAL daily-cpu-reset silent" in service.output(), within=15, what="the console"
    )
    assert "CPU allowance" in httpx.get(f"{service.url}/status/public", follow_redirects=True).text

    number = page.data["incident"]
    link = page.data["ack_url"]
    with httpx.Client(headers={"Accept": "text/html"}, follow_redirects=True) as browser:
        assert "Acknowledge" in browser.get(link).text
        assert service.get(f"/v1/incidents/{number}")["state"] == "open"
        assert "First responder" in browser.post(link).text
    answered = service.get(f"/v1/incidents/{number}")
    assert (answered["state"], answered["acknowledged_by"]) == ("acknowledged", "First responder")
    assert "acknowledged by First responder" in phone.await_kind("acknowledged").data["title"]

    assert service.ping("daily-cpu-reset").text == "OK"
    assert phone.await_kind("recovered").data["title"].startswith("OK daily-cpu-reset")
    story = service.get(f"/v1/incidents/{number}")
    assert (story["state"], story["resolved_by"]) == ("resolved", "recovery")
    told = [entry["kind"] for entry in story["timeline"]]
    for earlier, later in (("down", "paged"), ("paged", "acknowledged"), ("acknowledged", "resolved")):
        assert told.index(earlier) < told.index(later)
    assert {attempt["outcome"] for one in story["pages"] for attempt in one["attempts"]} == {"accepted"}
    assert "acknowledged by First responder" in _page(service, f"/incidents/{number}")


def _make_first_user(link: str) -> None:
    """What whoever has started it does in a browser."""
    password = {"password": "correct horse battery", "again": "correct horse battery"}
    with httpx.Client(follow_redirects=True) as browser:
        assert "Create the first user" in browser.get(link).text
        assert "Example job" in browser.post(link, data={"name": "anna", **password}).text
    with httpx.Client(base_url=link.partition("/join/")[0], follow_redirects=True) as browser:
        assert "Example job" in browser.post("/sign-in", data={"name": "anna", **password}).text


def _curl_line(service: Service) -> str:
    """The line that the service has printed last, as a user would copy it."""
    return str(re.findall(r"ping a check: (curl .*)", service.output())[-1])


def _curl(line: str) -> str:
    return subprocess.run(shlex.split(line), capture_output=True, text=True, timeout=20, check=True).stdout


def _found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    assert match, f"{pattern} is not in:\n{text}"
    return match[1]


def _state(service: Service) -> str:
    return str(service.get("/v1/checks/daily-cpu-reset")["state"])


def _page(service: Service, path: str) -> str:
    """A page of the console, as somebody sees it who has signed in."""
    with httpx.Client(base_url=service.url, follow_redirects=True) as browser:
        assert browser.post("/sign-in", data={"key": service.admin_key}).is_success
        return browser.get(path).text
