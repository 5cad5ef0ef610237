"""Names whose name server is silent: pages to everybody else go out, and a stop waits for none of them."""

import json
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from tests.e2e.conftest import Serve
from tests.e2e.patience import eventually, pass_time
from tests.e2e.phone import Phone
from tests.e2e.service import PING_KEY

pytestmark = pytest.mark.e2e

NAME_SERVER = "127.0.0.77"
"""An address of this machine, on which a port takes every question and answers none."""
BOUND = 1.0
STOP_BOUND = 2.0
BESIDE = 0.5
"""The rest is for a busy machine, as these are measured outside."""


class Letterbox:
    """Takes mail, and remembers when."""

    def __init__(self) -> None:
        self.came: list[float] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.came.append(time.monotonic())
        return "250 OK"


@pytest.fixture
def letterbox() -> Iterator[tuple[Letterbox, int]]:
    box = Letterbox()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    yield box, port
    controller.stop()


@pytest.fixture
def silenced(tmp_path: Path) -> Iterator[list[str]]:
    """The beginning of a command whose name server is silent. It has a file of its own in place of /etc/resolv.conf."""
    servers = tmp_path / "resolv.conf"
    servers.write_text(f"nameserver {NAME_SERVER}\noptions timeout:5 attempts:2\n")
    script = f'mount --bind {servers} /etc/resolv.conf && exec "$@"'
    command = ["unshare", "--mount", "sh", "-c", script, "sh"]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
        try:
            deaf.bind((NAME_SERVER, 53))
            subprocess.run([*command, "true"], check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            pytest.fail("only root can give a process a name server of its own: run this test as root")
        yield command


@pytest.mark.parametrize("dead", [0, 2, 12])
def test_dead_names_delay_neither_other_pages_nor_mails_nor_the_stop(
    serve: Serve, phone: Phone, silenced: list[str], letterbox: tuple[Letterbox, int], dead: int
) -> None:
    box, port = letterbox
    beside = phone.webhook["PHONE"].replace("127.0.0.1", "localhost")
    service = serve(_configuration(dead, port), PHONE=beside).under(*silenced).start()
    if dead:
        service.ping(f"{PING_KEY}/hopeless/fail")
        pass_time(1)
    began = time.monotonic()
    assert service.ping(f"{PING_KEY}/good/fail").text == "OK"
    eventually(lambda: phone.of("page") and box.came, within=20, what="a page and a mail")
    assert phone.of("page")[0].at - began <= BOUND + BESIDE
    assert box.came[0] - began <= BOUND + BESIDE
    assert service.sigterm() <= STOP_BOUND + BESIDE
    assert service.process.returncode == 0


def _configuration(dead: int, mail_port: int) -> str:
    silent = [f"silent{number}" for number in range(dead)] or ["anna"]
    people = {name: [{"ntfy": f"https://{name}.example.com/pages"}] for name in silent}
    people |= {"anna": [{"webhook": "${PHONE}"}], "ben": [{"email": "ben@example.com"}]}
    every = {"every": "1h", "grace": "1h"}
    return json.dumps(
        {
            "gathering": "0s",
            "ping_keys": {"main": "${HEARTBEAT_PING_KEY}"},
            "checks": {"hopeless": every | {"policy": "hopeless"}, "good": every | {"policy": "good"}},
            "people": {name: {"contacts": contacts} for name, contacts in people.items()},
            "policies": {
                "hopeless": [{"page": silent, "wait": "10m"}],
                "good": [{"page": ["anna", "ben"], "wait": "10m"}],
            },
            "policy": "good",
            "notifiers": {
                "email": {
                    "smtp": f"smtp://127.0.0.1:{mail_port}?starttls=never",
                    "from": "heartbeat@example.com",
                }
            },
        }
    )
