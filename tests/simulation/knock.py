"""A client at the service's door: one request straight to the ASGI application, as a server would pass it on."""

import asyncio
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any

from tests.simulation.process import Process


@dataclass(frozen=True, slots=True)
class Reply:
    """What the service answered."""

    status: int
    body: bytes
    headers: Mapping[str, str]

    @property
    def text(self) -> str:
        return self.body.decode()


async def knock(
    asgi: Callable[..., Any],
    method: str,
    path: str,
    *,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    process: Process | None = None,
) -> Reply:
    """Ask for an address. A `process` that has died no longer answers, whatever its tasks still try."""
    path, _, query = path.partition("?")
    given = {"host": "heartbeat.test", **(headers or {})}
    if body is not None:
        given["content-length"] = str(len(body))
    scope: MutableMapping[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "scheme": "https",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in given.items()],
        "client": ("192.0.2.1", 4711),
        "server": ("heartbeat.test", 443),
    }
    asked = False
    said: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        nonlocal asked
        if asked:
            await asyncio.Event().wait()
        asked = True
        return {"type": "http.request", "body": body or b"", "more_body": False}

    async def send(message: MutableMapping[str, Any]) -> None:
        if process is not None:
            process.must_live()
        said.append(message)

    await asgi(scope, receive, send)
    start = next(message for message in said if message["type"] == "http.response.start")
    answered = b"".join(m.get("body", b"") for m in said if m["type"] == "http.response.body")
    return Reply(start["status"], answered, {k.decode().lower(): v.decode() for k, v in start["headers"]})
