"""The metrics as a real Prometheus takes them."""

import json
import shutil
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.conftest import Serve
from tests.e2e.patience import eventually
from tests.e2e.service import configuration, free_port

pytestmark = pytest.mark.e2e


def test_promtool_finds_nothing_to_say_about_the_metrics(serve: Serve) -> None:
    service = serve(configuration({"job": "every: 1h"}, ["{console: terminal}"])).start()
    assert service.ping("job").text == "OK"
    scraped = service.ask("GET", "/metrics")
    found = subprocess.run(
        [installed("promtool"), "check", "metrics"],
        input=scraped.text,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (found.returncode, found.stdout + found.stderr) == (0, "")


@pytest.mark.parametrize(
    ("accept", "told"),
    [(None, "application/openmetrics-text; version=1.0.0"), ("text/plain", "text/plain; version=0.0.4")],
)
def test_a_prometheus_scrapes_and_answers(
    serve: Serve, tmp_path: Path, accept: str | None, told: str
) -> None:
    """Both formats: what it asks for itself, and the old one."""
    checks = {"well": "every: 1h, labels: {host: 'vault 1'}", "silent": "every: 1s, grace: 1s"}
    settings = {"HEARTBEAT_METRICS_LABELS": "host"}
    service = serve(configuration(checks, ["{console: terminal}"]), **settings).start()
    assert service.ping("well").text == "OK"
    with (
        _relay(service.port, accept) as (port, types),
        prometheus(tmp_path, port, service.admin_key) as server,
    ):
        eventually(
            lambda: _answer(server, "heartbeat_check_up") == {"well": 1, "silent": 0},
            within=40,
            what="what Prometheus knows of the checks",
        )
        assert _answer(server, "up") == {None: 1}
        assert _answer(server, 'heartbeat_check_up{label_host="vault 1"}') == {"well": 1}
        assert _answer(server, 'heartbeat_check_down{cause="silent"}') == {"silent": 1}
        assert _answer(server, "time() - heartbeat_check_last_success_timestamp_seconds < 120").keys() == {
            "well"
        }
        assert _answer(server, 'heartbeat_pings_total{result="heard"}') == {None: 1}
    assert {one.removesuffix("; charset=utf-8") for one in types} == {told}


@contextmanager
def _relay(target: int, accept: str | None) -> Iterator[tuple[int, list[str]]]:
    """Stands between a Prometheus and the service, and asks for `accept` in its stead; its port, and the types of
    content that it has passed on."""
    types: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = {name: value for name, value in self.headers.items() if name != "Host"}
            answer = httpx.get(
                f"http://127.0.0.1:{target}{self.path}",
                headers=asked | ({"Accept": accept} if accept else {}) | {"Accept-Encoding": "identity"},
                trust_env=False,
            )
            types.append(answer.headers["Content-Type"])
            self.send_response(answer.status_code)
            self.send_header("Content-Type", answer.headers["Content-Type"])
            self.end_headers()
            self.wfile.write(answer.content)

        def log_message(self, *_: object) -> None:
            """Nothing is said of requests."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_port, types
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def prometheus(home: Path, target: int, key: str, rules: Sequence[Path] = ()) -> Iterator[str]:
    """A Prometheus that scrapes the service each second, with these files of rules; its address."""
    (home / "key").write_text(key)
    job = {
        "job_name": "heartbeat",
        "authorization": {"credentials_file": str(home / "key")},
        "static_configs": [{"targets": [f"127.0.0.1:{target}"]}],
    }
    settings = {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
        "scrape_configs": [job],
        "rule_files": [str(file) for file in rules],
    }
    (home / "prometheus.yml").write_text(json.dumps(settings))
    address = f"127.0.0.1:{free_port()}"
    with (home / "prometheus.log").open("w") as log:
        process = subprocess.Popen(
            [
                installed("prometheus"),
                f"--config.file={home / 'prometheus.yml'}",
                f"--storage.tsdb.path={home / 'series'}",
                f"--web.listen-address={address}",
            ],
            stdout=log,
            stderr=log,
        )
    try:
        yield f"http://{address}"
    finally:
        process.terminate()
        process.wait(20)
        print((home / "prometheus.log").read_text())


def _answer(server: str, query: str) -> dict[str | None, float]:
    """What Prometheus answers to a query: the value by check."""
    try:
        told: dict[str, Any] = httpx.get(f"{server}/api/v1/query", params={"query": query}).json()
    except (httpx.TransportError, ValueError):
        return {}
    return {one["metric"].get("check"): float(one["value"][1]) for one in told["data"]["result"]}


def installed(program: str) -> str:
    """Where a program of the system is."""
    found = shutil.which(program)
    assert found, f"{program} is missing: apt-get install prometheus"
    return found
