"""`python -m tests.proof.crowd PORT SOCKETS BAD`: a crowd at a server, from many networks, until its stdin ends.

It holds half-open sockets: some say nothing, some half a request, and some send a byte now and then. Each is opened
again when the server closes it. Beside them, BAD bad pings are sent in a second, each on a connection of its own. In
the end, it prints how many sockets were opened, and how many at once, and how the bad pings were answered.
"""

import asyncio
import json
import resource
import sys
from collections import Counter
from uuid import uuid4

NETWORKS = 8
"""The sockets come from so many networks, the bad pings from these and from that of the good pings."""
REOPENED = 2.0
"""Seconds until a closed socket is opened again."""
DRIP = 1.0
"""Seconds between two bytes of a slow socket."""
PATIENCE = 10.0
_HALF = b"GET /ping/0b5c1f0e HTTP/1.1\r\nHost: heart"


def main(port: int, sockets: int, bad: float) -> None:
    """Crowd, and print the counts."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    print(json.dumps(asyncio.run(_crowd(port, sockets, bad))), flush=True)


async def _crowd(port: int, sockets: int, bad: float) -> dict[str, int]:
    counts: Counter[str] = Counter()
    tasks = [asyncio.create_task(_hold(port, number, counts)) for number in range(sockets)]
    tasks.append(asyncio.create_task(_be_bad(port, 1 / bad, counts)))
    await asyncio.to_thread(sys.stdin.read)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return dict(counts)


async def _hold(port: int, number: int, counts: Counter[str]) -> None:
    source = f"127.0.{1 + number % NETWORKS}.{1 + number % 250}"
    while True:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(source, 0))
            counts["sockets"] += 1
            counts["open"] += 1
            counts["most"] = max(counts["most"], counts["open"])
            try:
                await _stay(reader, writer, number % 3)
            finally:
                counts["open"] -= 1
                writer.close()
        except OSError:
            pass
        await asyncio.sleep(REOPENED)


async def _stay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, manner: int) -> None:
    """Keep a socket half open until the server closes it: silent, with half a request, or with a byte now and then."""
    if manner == 1:
        writer.write(_HALF)
    closed = asyncio.create_task(reader.read())
    try:
        while not closed.done():
            await asyncio.wait([closed], timeout=DRIP if manner == 2 else None)
            if manner == 2 and not closed.done():
                writer.write(b"x")
        await closed
    finally:
        closed.cancel()


async def _be_bad(port: int, pace: float, counts: Counter[str]) -> None:
    """Send bad pings at this pace, however long their answers take."""
    loop, number = asyncio.get_running_loop(), 0
    began = loop.time()
    async with asyncio.TaskGroup() as sending:
        while True:
            for request in _bad_requests():
                number += 1
                source = f"127.0.{number % (NETWORKS + 1)}.{1 + number % 250}"
                sending.create_task(_send(port, source, request, counts))
                await asyncio.sleep(began + number * pace - loop.time())


async def _send(port: int, source: str, request: bytes, counts: Counter[str]) -> None:
    counts["bad"] += 1
    try:
        async with asyncio.timeout(PATIENCE):
            counts[await _answer(port, source, request)] += 1
    except (OSError, TimeoutError):
        counts["none"] += 1


async def _answer(port: int, source: str, request: bytes) -> str:
    """The status with which a request is answered, "closed" if the connection is closed instead."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(source, 0))
    try:
        writer.write(request)
        return (await reader.readline()).partition(b" ")[2][:3].decode("latin-1") or "closed"
    finally:
        writer.close()


def _bad_requests() -> list[bytes]:
    """An unknown check, a wrong key, no uuid, no HTTP, a head without an end, and a body that is announced only."""
    end = b" HTTP/1.1\r\nHost: heartbeat\r\n\r\n"
    return [
        b"GET /ping/" + str(uuid4()).encode() + end,
        b"GET /ping/" + uuid4().hex.encode() + b"/job" + end,
        b"GET /ping/%ff%00../../etc" + end,
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc" * 20 + b"\r\n\r\n",
        b"GET /ping/" + b"x" * 70_000,
        b"POST /ping/" + str(uuid4()).encode() + b" HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc",
    ]


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))
