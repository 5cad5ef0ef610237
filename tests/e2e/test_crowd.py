"""A crowd of connections at a process that may open few files: pings are heard, and pages go out."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.phone import Phone
from tests.e2e.service import ADMIN_KEY, PING_KEY, SECRET_KEY, Service, bare_environment, configuration

pytestmark = pytest.mark.e2e

FILES = 1_024
CROWD = 1_100
SECONDS = 8.0


HOLD = """
import selectors, socket, sys, time
held = selectors.DefaultSelector()
while True:
    for _ in range(min(int(sys.argv[2]) - len(held.get_map()), 50)):
        try:
            held.register(socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=1), selectors.EVENT_READ)
        except OSError:
            pass
    time.sleep(0.05)
    for key, _ in held.select(0):
        held.unregister(key.fileobj)
        key.fileobj.close()
"""
"""Holds silent connections, and opens each again when it is closed: about 1,000 a second."""


@contextmanager
def crowd(port: int) -> Iterator[None]:
    """A process with many silent connections."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(port), str(CROWD)])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def test_pages_go_out_while_connections_take_every_file(tmp_path: Path, phone: Phone) -> None:
    keys = {
        "HEARTBEAT_ADMIN_KEY": ADMIN_KEY,
        "HEARTBEAT_PING_KEY": PING_KEY,
        "HEARTBEAT_SECRET_KEY": SECRET_KEY,
        **phone.webhook,
    }
    few = ("sh", "-c", f'ulimit -n {FILES} && exec "$@"', "sh", sys.executable, "-m", "heartbeat")
    service = Service(tmp_path / "service", environment=bare_environment(**keys), command=few)
    checks = {f"job-{n}": "every: 1h" for n in range(9)}
    (service.home / "heartbeat.yaml").write_text(configuration(checks, ['{webhook: "${PHONE}"}']))
    try:
        service.start()
        with crowd(service.port):
            time.sleep(1)
            end = time.monotonic() + SECONDS
            for number in range(9):
                assert service.ping(f"{PING_KEY}/job-{number}/fail").text == "OK"
                phone.await_kind("page", within=5, after=number)
            while time.monotonic() < end:
                assert service.ping("job-0").text == "OK"
                assert service.ask("GET", "/readyz").status_code == 200
        assert "Too many open files" not in service.output()
        assert "accepts 512 connections instead of 5,000" in service.output()
    finally:
        service.end()
