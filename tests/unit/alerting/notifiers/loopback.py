"""Providers on loopback that answer like the real ones, and worse: real sockets, no network."""

import asyncio
import contextlib
import json
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Serve(Protocol):
    """Starts a server on loopback that talks like this, and gives its port."""

    async def __call__(self, talk: Talk, tls: ssl.SSLContext | None = None) -> int: ...


async def for_ever() -> None:
    """Never returns."""
    await asyncio.get_running_loop().create_future()


@dataclass
class Request:
    """One request as it was on the wire. Names of headers are in lower case."""

    line: str
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Provider:
    """An HTTP server that says what it is told to, and remembers what it heard."""

    url: str = ""
    heard: list[Request] = field(default_factory=list)
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    pieces: list[bytes] = field(default_factory=list)
    stays: bool = False
    turns: list[bytes] = field(default_factory=list)

    @property
    def where(self) -> str:
        """Host and port."""
        return self.url.removeprefix("http://")

    def answers(self, status: int, body: str = "", headers: dict[str, str] | None = None) -> None:
        """A whole answer."""
        self.says(_answer(status, body, headers or {}))

    def answers_in_turn(self, *answers: tuple[int, str]) -> None:
        """A whole answer to each of the next requests, before it goes on as it did."""
        self.turns = [_answer(status, body, {}) for status, body in answers]

    def says(self, *pieces: bytes) -> None:
        """Send these bytes, then hang up."""
        self.pieces, self.stays = list(pieces), False

    def hangs(self, after: bytes = b"") -> None:
        """Send these bytes, then nothing."""
        self.pieces, self.stays = [after], True

    def trickles(self, beginning: bytes, piece: bytes) -> None:
        """The beginning, then a piece every 5 ms, for longer than anybody waits."""
        self.pieces, self.stays = [beginning] + [piece] * 1000, True

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.heard.append(await read_request(reader))
        self.asked.set()
        turn = self.turns.pop(0) if self.turns else None
        for number, piece in enumerate(self.pieces if turn is None else [turn]):
            await asyncio.sleep(0.005 if number else 0)
            writer.write(piece)
            await writer.drain()
        if self.stays and turn is None:
            await for_ever()
        with contextlib.suppress(OSError):
            writer.close()
            await writer.wait_closed()


def _answer(status: int, body: str, headers: dict[str, str]) -> bytes:
    lines = {"Content-Length": str(len(body.encode())), **headers}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"HTTP/1.1 {status} Whatever\r\n{head}\r\n{body}".encode()


async def read_request(reader: asyncio.StreamReader) -> Request:
    """Read one request."""
    line, *rest = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").rstrip().split("\r\n")
    headers = {name.lower(): value for name, value in (header.split(": ", 1) for header in rest)}
    return Request(line, headers, await reader.readexactly(int(headers.get("content-length", 0))))
