"""The systemd unit, judged by systemd itself, and a real process that tells a real socket how it does."""

import re
import socket
import subprocess
import sys
from pathlib import Path

from tests.e2e.conftest import Serve
from tests.e2e.patience import eventually

UNIT = Path(__file__).parents[2] / "docs/systemd/heartbeat.service"
EXPOSURE = 20
"""The most that `systemd-analyze security` may say, times ten: the network is all that it keeps open."""


def test_systemd_understands_the_unit(tmp_path: Path) -> None:
    unit = tmp_path / UNIT.name
    unit.write_text(
        re.sub("^ExecStart=.*$", f"ExecStart={sys.executable} serve", UNIT.read_text(), flags=re.M)
    )
    done = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_unit_leaves_little_open() -> None:
    command = ["systemd-analyze", "security", "--offline=true", f"--threshold={EXPOSURE}", str(UNIT)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr


def test_systemd_is_told_when_it_is_ready_that_it_lives_and_that_it_stops(
    serve: Serve, tmp_path: Path
) -> None:
    address = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as wire:
        wire.bind(str(address))
        wire.setblocking(False)
        heard: list[str] = []

        def hear() -> list[str]:
            try:
                while True:
                    heard.extend(wire.recv(4096).decode().split("\n"))
            except BlockingIOError:
                return heard

        service = serve(NOTIFY_SOCKET=str(address)).start()
        eventually(lambda: "READY=1" in hear(), within=10, what="READY=1")
        many = heard.count("WATCHDOG=1")
        eventually(lambda: hear().count("WATCHDOG=1") > many + 1, within=10, what="the watchdog to be fed")
        service.sigterm()
        assert "STOPPING=1" in hear()
        assert "READY=1" not in heard[heard.index("STOPPING=1") :]
