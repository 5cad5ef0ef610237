"""Notifications to systemd over a real socket. A ticker that hangs does not feed the watchdog."""

import asyncio
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from heartbeat.clock import WallClock
from heartbeat.clock_guard import ClockGuard
from heartbeat.database import Database
from heartbeat.metrics import Metrics
from heartbeat.operations.systemd import Supervisor
from heartbeat.ticker import Stage, Ticker
from tests.unit.conftest import NOW


class Wire:
    """The socket on which systemd listens."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.bind("\0" + address[1:] if address.startswith("@") else address)

    def received(self) -> list[str]:
        """Return the lines since the last call."""
        lines: list[str] = []
        try:
            while True:
                lines += self._socket.recv(4096).decode().split("\n")
        except BlockingIOError:
            return lines

    def close(self) -> None:
        self._socket.close()


@pytest.fixture(params=["path", "abstract"])
def wire(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Wire]:
    listening = Wire(
        str(tmp_path / "notify") if request.param == "path" else f"@heartbeat-test-{tmp_path.name}"
    )
    yield listening
    listening.close()


def test_the_first_clean_tick_after_serving_says_ready_and_each_tick_feeds_the_watchdog(wire: Wire) -> None:
    serving = False
    supervisor = Supervisor(wire.address, lambda: serving)
    supervisor.ticked(True)
    assert wire.received() == ["WATCHDOG=1", "STATUS=checking"]
    serving = True
    supervisor.ticked(True)
    assert wire.received() == ["WATCHDOG=1", "READY=1"]
    supervisor.ticked(True)
    assert wire.received() == ["WATCHDOG=1"]


def test_a_failed_tick_is_alive_and_not_ready(wire: Wire) -> None:
    supervisor = Supervisor(wire.address)
    supervisor.ticked(False)
    assert wire.received() == ["WATCHDOG=1", "STATUS=the last tick failed: see the log"]
    supervisor.ticked(True)
    assert wire.received() == ["WATCHDOG=1", "READY=1", "STATUS=checking"]


def test_a_stop_is_reported(wire: Wire) -> None:
    Supervisor(wire.address).stopping()
    assert wire.received() == ["STOPPING=1", "STATUS=stopping"]


def test_a_missing_or_deaf_socket_delays_nothing(tmp_path: Path) -> None:
    Supervisor("").ticked(True)
    Supervisor(str(tmp_path / "nobody")).ticked(True)


class Hangs:
    """A stage whose second batch never ends."""

    def __init__(self) -> None:
        self.hangs = asyncio.Event()
        self._calls = 0

    async def work(self, _: int) -> int:
        self._calls += 1
        if self._calls > 1:
            self.hangs.set()
            await asyncio.Event().wait()
        return 0


async def test_a_ticker_that_hangs_does_not_feed_the_watchdog(
    make_database_url: Callable[[str], str],
) -> None:
    ticked: list[bool] = []
    sending = Hangs()
    stage = Stage("sending", "pager", lambda _: NOW, sending.work)
    database = Database(make_database_url("sqlite"))
    no_outside: Any = None
    metrics = Metrics()
    ticker = Ticker(
        database,
        ClockGuard(database, WallClock(), metrics.ticking, moves=False),
        metrics,
        [stage],
        roles={"pager"},
        outside=no_outside,
        ticked=ticked.append,
    )
    running = asyncio.create_task(ticker.run())
    await sending.hangs.wait()
    for _ in range(10):
        ticker.wake()
        await asyncio.sleep(0)
    assert ticked == [True]
    running.cancel()
    await asyncio.wait([running])
    database.close()
