"""The watcher is watched: installations that go wrong in five ways fall silent, and their peer pages.

All of them go wrong at once, so that this takes hardly longer than one of them.
"""

import os
import signal
import socket
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from tests.e2e.conftest import Serve
from tests.e2e.patience import eventually
from tests.e2e.phone import Phone
from tests.e2e.postgres import Postgres
from tests.e2e.service import Service, free_port

SILENT_WITHIN = 30.0
"""Seconds after a fault within which an installation must fall silent."""
PAGED_WITHIN = 90.0
"""Seconds after a fault within which the peer must page."""
NAME_SERVER = "127.0.0.78"
"""An address of this machine, on which a port takes every question and answers none."""
DISK = "32m"

pytestmark = pytest.mark.e2e


def test_a_peer_pages_for_an_installation_that_is_stopped_locked_full_or_without_names(
    serve: Serve, phone: Phone, postgres_server: Postgres, tmp_path: Path
) -> None:
    port, names = free_port(), ("stopped", "locked", "full", "deadlocked", "deaf")
    ports = {name: free_port() for name in names}
    here = "http://127.0.0.1"
    east = serve(
        'ping_keys: {main: "${HEARTBEAT_PING_KEY}"}\n'
        'people: {first: {contacts: [{webhook: "${PHONE}"}]}}\n'
        "policies: {ops: [{page: first, wait: 1h}]}\n"
        "peers:\n"
        + "".join(f'  {name}: "{here}:{ports[name]}/ping/${{HEARTBEAT_PING_KEY}}/east"\n' for name in names),
        name="east",
        HEARTBEAT_PORT=str(port),
        **phone.webhook,
    )
    url = postgres_server.database()
    with _silenced(tmp_path) as silenced, _small_disk() as disk:
        peers: dict[str, Service] = {}
        for name in names:
            host = "http://east.example.com" if name == "deaf" else here
            more = {"HEARTBEAT_DATABASE_URL": url} if name == "deadlocked" else {}
            peers[name] = serve(
                'ping_keys: {main: "${HEARTBEAT_PING_KEY}"}\n'
                f'peers: {{east: "{host}:{port}/ping/${{HEARTBEAT_PING_KEY}}/{name}"}}\n',
                name=name,
                HEARTBEAT_PORT=str(ports[name]),
                **more,
            )
        peers["full"].under("unshare", "--mount", "sh", "-c", disk, "sh")
        peers["deaf"].under(*silenced)
        for service in peers.values():
            service.begin()
        east.start()
        deaf_since = time.monotonic()
        for name in names[:-1]:
            eventually(lambda name=name: _heard_at(east, name), within=90, what=f"a ping of {name}")  # type: ignore[misc]  # a lambda
        eventually(lambda: _heard_at(peers["stopped"], "east"), within=60, what="a ping of east")
        assert "canary" not in east.output()

        with (
            closing(sqlite3.connect(peers["locked"].home / "data/heartbeat.db")) as file,
            psycopg.connect(url) as held,
        ):
            began, at = time.monotonic(), datetime.now(UTC)
            peers["stopped"].process.send_signal(signal.SIGSTOP)
            file.execute("BEGIN IMMEDIATE")
            held.execute("LOCK TABLE installation, checks IN ACCESS EXCLUSIVE MODE")
            _fill(peers["full"])
            for name in names:
                since = deaf_since if name == "deaf" else began
                left = since + PAGED_WITHIN - time.monotonic()
                eventually(
                    lambda name=name: f"heartbeat {name}" in phone.paged_for(),  # type: ignore[misc]  # a lambda
                    within=left,
                    what=f"a page for {name}",
                )
            for name in names[:-1]:
                heard_at = _heard_at(east, name)
                assert heard_at is not None
                assert (heard_at - at).total_seconds() <= SILENT_WITHIN, name
            assert _heard_at(east, "deaf") is None
            doctor = east.command("doctor").stdout
            assert "bad   peer stopped: was last heard" in doctor
            metrics = east.ask("GET", "/metrics").text
            assert 'heartbeat_peer_up{peer="locked"} 0.0' in metrics
            held.rollback()
        peers["stopped"].process.send_signal(signal.SIGCONT)
        for name in ("stopped", "locked", "deadlocked"):
            assert peers[name].process.poll() is None, "none of these faults is mended by a restart"
            eventually(
                lambda name=name: _state(east, name) == "up",  # type: ignore[misc]  # a lambda
                within=60,
                what=f"{name} to be back",
            )


def _check(service: Service, name: str) -> dict[str, str]:
    found: dict[str, str] = service.get(f"/v1/checks/{name}")
    return found


def _state(service: Service, name: str) -> str:
    return _check(service, name)["state"]


def _heard_at(service: Service, name: str) -> datetime | None:
    at = _check(service, name)["last_heard_at"]
    return datetime.fromisoformat(at) if at else None


def _fill(service: Service) -> None:
    """Fill the disk of this service, which only it can see."""
    root = Path(f"/proc/{service.process.pid}/root")
    filler = root / service.home.relative_to("/") / "data/filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(65_536))
        except OSError:
            pass
    os.sync()


@contextmanager
def _small_disk() -> Iterator[str]:
    """Yield the script that gives a command a small disk of its own for its data."""
    yield f'mkdir -p data && mount -t tmpfs -o size={DISK} tmpfs data && exec "$@"'


@contextmanager
def _silenced(folder: Path) -> Iterator[list[str]]:
    """Yield the beginning of a command whose name server is silent."""
    servers = folder / "resolv.conf"
    servers.write_text(f"nameserver {NAME_SERVER}\noptions timeout:5 attempts:2\n")
    command = [
        "unshare",
        "--mount",
        "sh",
        "-c",
        f'mount --bind {servers} /etc/resolv.conf && exec "$@"',
        "sh",
    ]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
        try:
            deaf.bind((NAME_SERVER, 53))
            subprocess.run([*command, "true"], check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            pytest.fail("only root can give a process a name server of its own: run this test as root")
        yield command
