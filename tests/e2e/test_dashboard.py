"""Every expression of the dashboard, by promtool and by a Prometheus that scrapes the service and has the rules."""

import json
import subprocess
from pathlib import Path

import httpx
import pytest

from tests.e2e.conftest import Serve
from tests.e2e.patience import eventually
from tests.e2e.service import PING_KEY, configuration
from tests.e2e.test_prometheus import installed, prometheus
from tests.e2e.test_rules import RULES
from tests.unit.documents.test_dashboard import expressions

pytestmark = pytest.mark.e2e


def test_promtool_takes_every_expression(tmp_path: Path) -> None:
    rules = [{"record": f"panel:{n}", "expr": expression} for n, expression in enumerate(expressions())]
    asked = tmp_path / "panels.yaml"
    asked.write_text(json.dumps({"groups": [{"name": "panels", "rules": rules}]}))
    found = subprocess.run(
        [installed("promtool"), "check", "rules", "--lint=none", str(asked)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert found.returncode == 0, found.stdout + found.stderr
    assert f"{len(rules)} rules found" in found.stdout


def test_every_panel_shows_something(serve: Serve, tmp_path: Path) -> None:
    """Where one check is silent, another fails and somebody is paged, no panel is empty."""
    service = serve(
        configuration({"well": "every: 1h", "silent": "every: 1s, grace: 1s"}, ["{console: terminal}"]),
        HEARTBEAT_OUTSIDE_URL="http://127.0.0.1:9/nobody",
        HEARTBEAT_OUTSIDE_EVERY="1",
    ).start()
    assert service.ping("well").text == "OK"
    with prometheus(tmp_path, service.port, service.admin_key, [RULES]) as server:
        eventually(lambda: _answered(server, "heartbeat_check_down"), within=40, what="a first scrape")
        for path in (f"{PING_KEY}/well/start", f"{PING_KEY}/well/fail"):
            assert service.ping(path).text == "OK"
        empty = set(expressions())

        def no_panel_is_empty() -> bool:
            empty.difference_update([one for one in empty if _answered(server, one)])
            return not empty

        try:
            eventually(no_panel_is_empty, within=40, what="something in every panel")
        finally:
            print("nothing is shown by", empty)
        states = httpx.get(f"{server}/api/v1/rules").json()["data"]["groups"]
        assert {(rule["health"], rule.get("lastError")) for one in states for rule in one["rules"]} == {
            ("ok", None)
        }
        assert _answered(server, "heartbeat:processes:count == 1")


def _answered(server: str, query: str) -> bool:
    """Whether Prometheus has something to say to that."""
    try:
        told = httpx.get(f"{server}/api/v1/query", params={"query": query}).json()
    except (httpx.TransportError, ValueError):
        return False
    assert told["status"] == "success", told
    return bool(told["data"]["result"])
