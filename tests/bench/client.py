"""A small HTTP/1.1 client that loads a server: `python -m tests.bench.client PORT FILE [--rate R]`.

Without a rate every connection asks again as soon as it has its answer. With one, requests fall due at a
fixed rate whether or not the server keeps up, and an answer's time counts from when its request was due.
"""

import argparse
import asyncio
import gc
import json
import time
from collections import deque
from itertools import cycle
from pathlib import Path
from typing import cast

import uvloop

TICK = 0.001
HEAD = "GET {} HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: curl/8.5.0\r\nAccept: */*\r\n\r\n"


class Load:
    """What is to be asked, by whom, and what came back."""

    def __init__(self, requests: list[bytes], *, paced: bool) -> None:
        self.following = cycle(requests).__next__
        self.paced = paced
        self.idle: deque[Connection] = deque()
        self.due: deque[float] = deque()
        self.took: list[float] = []
        self.failed = 0
        self.over = False

    def released(self, connection: "Connection") -> None:
        """A connection has its answer."""
        if self.over:
            return
        if not self.paced:
            connection.ask(time.perf_counter())
        elif self.due:
            connection.ask(self.due.popleft())
        else:
            self.idle.append(connection)

    def fall_due(self, at: float) -> None:
        """A request is to be sent, now or as soon as a connection is free."""
        if self.idle:
            self.idle.popleft().ask(at)
        else:
            self.due.append(at)


class Connection(asyncio.Protocol):
    """One kept-alive connection with at most one request under way."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._asked = 0.0
        self._got = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclasses of asyncio's.
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._load.failed += not self._load.over

    def ask(self, due: float) -> None:
        """Send the next request."""
        self._asked = due
        self._transport.write(self._load.following())

    def data_received(self, data: bytes) -> None:
        self._got += data
        head, found, body = self._got.partition(b"\r\n\r\n")
        if not found or len(body) < _length(head):
            return
        load = self._load
        load.took.append(time.perf_counter() - self._asked)
        load.failed += not head.startswith(b"HTTP/1.1 2")
        self._got = b""
        load.released(self)


def _length(head: bytes) -> int:
    after = head.lower().partition(b"content-length:")[2]
    return int(after.partition(b"\r\n")[0] or 0)


async def drive(
    port: int, paths: list[str], connections: int, seconds: float, rate: float
) -> dict[str, float]:
    """Load the server for so many seconds; the counts and times."""
    load = Load([HEAD.format(path).encode() for path in paths], paced=rate > 0)
    loop = asyncio.get_running_loop()
    made = [
        await loop.create_connection(lambda: Connection(load), "127.0.0.1", port) for _ in range(connections)
    ]
    began = time.perf_counter()
    for _, connection in made:
        load.released(connection)
    await _pace(load, began, seconds, rate)
    took = sorted(load.took)
    elapsed = time.perf_counter() - began
    load.over = True
    for transport, _ in made:
        transport.close()
    return {
        "requests": len(took),
        "seconds": elapsed,
        "failed": load.failed,
        "p50_ms": took[len(took) // 2] * 1e3,
        "p99_ms": took[len(took) * 99 // 100] * 1e3,
    }


async def _pace(load: Load, began: float, seconds: float, rate: float) -> None:
    sent = 0
    while (now := time.perf_counter()) < began + seconds:
        while load.paced and began + sent / rate <= now:
            load.fall_due(began + sent / rate)
            sent += 1
        await asyncio.sleep(TICK if load.paced else began + seconds - now)


def main() -> None:
    """Print what came of the load as one line of JSON."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.client")
    parser.add_argument("port", type=int)
    parser.add_argument("paths", type=Path)
    parser.add_argument("--connections", type=int, default=128)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument(
        "--rate", type=float, default=0.0, help="requests a second; as fast as it goes without"
    )
    given = parser.parse_args()
    paths = given.paths.read_text().split()
    gc.disable()
    print(json.dumps(uvloop.run(drive(given.port, paths, given.connections, given.seconds, given.rate))))


if __name__ == "__main__":
    main()
