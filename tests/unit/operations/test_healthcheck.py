"""The health check of the image asks at the address in force."""

import socket
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from heartbeat.http import server
from heartbeat.operations import healthcheck
from heartbeat.settings import EVERY_ADDRESS


class Alive(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/livez" else 404)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Write nothing."""


@pytest.fixture(params=[EVERY_ADDRESS, "::", "::1", "127.0.0.1", "127.0.0.2", "0.0.0.0"])
def address(request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    """A service that is alive, as its settings name its address."""
    host: str = request.param
    listener = server.listening(host, 0)
    service = HTTPServer(("", 0), Alive, bind_and_activate=False)
    service.socket.close()
    service.socket = listener
    thread = Thread(target=service.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield {"HEARTBEAT_HOST": host, "HEARTBEAT_PORT": str(listener.getsockname()[1])}
    service.shutdown()
    thread.join()
    service.server_close()


def test_a_service_is_found_at_its_address_past_any_proxy(
    address: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert healthcheck.fault(address) is None


def test_a_service_that_is_gone_is_told_with_its_address() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    fault = healthcheck.fault({"HEARTBEAT_PORT": str(port)})
    assert fault is not None
    assert fault.startswith(f"http://127.0.0.1:{port}/livez: ")


def test_a_bad_setting_is_told() -> None:
    assert (healthcheck.fault({"HEARTBEAT_PORT": "many"}) or "").startswith("HEARTBEAT_PORT must be")
