"""A load of pings over many connections, in a thread of its own, which remembers what was promised to it."""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Self

from tests.e2e.patience import eventually
from tests.e2e.service import PING_KEY

PACE = 0.01
"""Seconds that a connection rests between two pings: this is no benchmark."""
PATIENCE = 10.0


@dataclass(frozen=True, slots=True)
class Ping:
    """One ping of the load. Its serial number goes out as the user agent, and so comes to lie in the ring."""

    serial: int
    slug: str
    kind: str
    sent_at: float

    @property
    def body(self) -> bytes:
        """What it says; every other one says nothing."""
        return b"" if self.serial % 2 else b"output of run %d\n" % self.serial * (1 + self.serial % 50)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A ping that was answered, but not with a 2xx."""

    status: int
    retry_after: str
    seconds: float
    at: float


class Load:
    """Pings these checks (uuids by slug), round and round, from when it is entered until it is left.

    No check gets more than `each` pings, so that the ring still holds all of them at the end. Or the `pings` are given.
    A connection takes `kept` of them, each `pace` seconds after the one before.
    """

    def __init__(
        self,
        port: int,
        uuids: Mapping[str, str],
        *,
        connections: int = 32,
        each: int = 90,
        pings: Iterator[Ping] | None = None,
        pace: float = PACE,
        kept: int = 50,
    ) -> None:
        self.acknowledged: list[Ping] = []
        self.refused: list[Refusal] = []
        self.broken = 0
        self.seconds: list[float] = []
        """How long each answer took, with the connection that was opened for it."""
        self._port = port
        self._uuids = uuids
        self._connections = connections
        self._pings = _pings(list(uuids), each) if pings is None else pings
        self._pace = pace
        self._kept = kept
        self._over = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._drive()), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    @property
    def acknowledged_by_check(self) -> Counter[str]:
        """How many pings of each check were answered with a 2xx."""
        return Counter(ping.slug for ping in list(self.acknowledged))

    def await_more(self, answers: Sequence[object], many: int) -> None:
        """Wait until so many more of its pings have been `acknowledged`, or `refused`."""
        so_far = len(answers)
        eventually(lambda: len(answers) >= so_far + many, within=60, what=f"{many} more answers of a kind")

    async def _drive(self) -> None:
        await asyncio.gather(*(self._talk() for _ in range(self._connections)))

    async def _talk(self) -> None:
        """Keep one connection busy, and open another when it breaks."""
        for ping in self._pings:
            if self._over.is_set():
                return
            try:
                await self._converse(ping)
            except (OSError, EOFError, TimeoutError):
                self.broken += 1
                await asyncio.sleep(self._pace * 10)

    async def _converse(self, ping: Ping) -> None:
        """Send this ping and those that follow on one connection, as many as it is kept for."""
        began = time.monotonic()
        async with asyncio.timeout(PATIENCE):
            reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            for left in reversed(range(self._kept)):
                async with asyncio.timeout(PATIENCE):
                    writer.write(self._request(ping))
                    status, retry_after = await _answer(reader)
                self._note(ping, status, retry_after, began)
                await asyncio.sleep(self._pace)
                following = next(self._pings, None) if left and not self._over.is_set() else None
                if following is None:
                    return
                ping, began = following, time.monotonic()
        finally:
            writer.close()

    def _note(self, ping: Ping, status: int, retry_after: str, began: float) -> None:
        now = time.monotonic()
        self.seconds.append(now - began)
        if 200 <= status < 300:
            self.acknowledged.append(ping)
        else:
            self.refused.append(Refusal(status, retry_after, now - began, now))

    def _request(self, ping: Ping) -> bytes:
        where = f"{PING_KEY}/{ping.slug}" if ping.serial % 3 else self._uuids[ping.slug]
        suffix = "" if ping.kind == "success" else f"/{ping.kind}"
        head = f"{'POST' if ping.body else 'GET'} /ping/{where}{suffix} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        length = f"Content-Length: {len(ping.body)}\r\n" if ping.body else ""
        return f"{head}User-Agent: load/{ping.serial}\r\n{length}\r\n".encode() + ping.body


def _pings(slugs: Sequence[str], each: int) -> Iterator[Ping]:
    """Successes for all; one check in ten also starts and fails now and then."""
    numbers = count()
    for turn in range(each):
        for place, slug in enumerate(slugs):
            kind = "success"
            if place % 10 == 0:
                kind = ("start", "success", "success", "fail", "success", "log", "success")[turn % 7]
            yield Ping(next(numbers), slug, kind, time.time())


async def _answer(reader: asyncio.StreamReader) -> tuple[int, str]:
    """Status and Retry-After of one answer, whose body is read to its end."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.split("\r\n")
    fields = dict(line.lower().split(": ", 1) for line in lines if line)
    await reader.readexactly(int(fields.get("content-length", 0)))
    return int(first.split()[1]), fields.get("retry-after", "")
