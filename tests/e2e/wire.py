"""Bytes on a socket, for what no well-behaved client would send."""

import socket
import time
from contextlib import suppress

from tests.e2e.service import PING_KEY


def connected(port: int, patience: float = 15.0) -> socket.socket:
    """A connection to the service."""
    return socket.create_connection(("127.0.0.1", port), timeout=patience)


def ping(slug: str, body: bytes | None = None, length: int | None = None) -> bytes:
    """A ping as bytes. `length` is what it says of its body's length, if that is not the truth."""
    method, head = ("GET", "") if body is None else ("POST", f"Content-Length: {length or len(body)}\r\n")
    return f"{method} /ping/{PING_KEY}/{slug} HTTP/1.1\r\nHost: here\r\n{head}\r\n".encode() + (body or b"")


def all_of(connection: socket.socket) -> bytes:
    """Everything that comes until the other side hangs up."""
    got = b""
    with suppress(ConnectionResetError):
        while part := connection.recv(65_536):
            got += part
    return got


def one_answer(connection: socket.socket) -> tuple[int, bytes]:
    """Status and body of one answer."""
    reader = connection.makefile("rb")
    with reader:
        status = int(reader.readline().split()[1])
        length = 0
        while (line := reader.readline()) not in (b"\r\n", b""):
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        return status, reader.read(length)


def seconds_until_closed(connection: socket.socket) -> float:
    """How long the other side still holds the connection open."""
    began = time.monotonic()
    all_of(connection)
    return time.monotonic() - began
