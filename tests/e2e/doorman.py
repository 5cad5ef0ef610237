"""A proxy of the tests' own in front of the service, in a process of its own: it ends TLS and, if asked to, signs
people in and says in headers who they are, as oauth2-proxy or Authelia do.

It speaks to the service from an address of its own, so that the service can tell it from everybody else.
"""

import asyncio
import ssl
import sys
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx
import uvicorn

from tests.e2e.authority import HOST, Papers
from tests.e2e.beside import Beside

FROM = "127.0.0.2"
"""The address from which it speaks to the service."""
USER, ROLE = "x-forwarded-user", "x-forwarded-role"
PEOPLE = {"anna": "admin", "bob": "responder", "vera": "viewer"}
"""Who can sign in here, and the role that it says they have."""
HOP_BY_HOP = {"connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "host"}
OUT = "/door/out"

PAGE = "".join(f'<a href="/door/in?as={name}">I am {name}</a> ' for name in PEOPLE)


class Doorman(Beside):
    """The process, as a test drives it. With `signs_in`, nobody comes through who has not said who they are."""

    def __init__(self, home: Path, papers: Papers, upstream: str, *, signs_in: bool) -> None:
        super().__init__(
            home / "doorman.log",
            "tests.e2e.doorman",
            str(papers.certificate),
            str(papers.key),
            upstream,
            "signs-in" if signs_in else "open",
        )
        self.url = f"https://{HOST}:{self.port}"


class _Door:
    def __init__(self, port: int, upstream: str, *, signs_in: bool) -> None:
        self._netloc = f"{HOST}:{port}"
        self._signs_in = signs_in
        self._http = httpx.AsyncClient(
            base_url=upstream, transport=httpx.AsyncHTTPTransport(local_address=FROM, retries=0), timeout=None
        )

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        path, query = scope["path"], parse_qs(scope["query_string"].decode())
        given = {name.decode(): value.decode("latin-1") for name, value in scope["headers"]}
        actor = SimpleCookie(given.get("cookie", "")).get("door")
        name = actor.value if actor is not None else ""
        if path == "/door/in":
            await _answer(
                send, 303, {"location": "/", "set-cookie": f"door={query['as'][0]}; Path=/; Secure"}
            )
        elif path == OUT:
            await _answer(send, 200, {"set-cookie": "door=; Path=/; Max-Age=0"}, f"You are out. {PAGE}")
        elif self._signs_in and name not in PEOPLE:
            await _answer(send, 401, {}, f"Who are you? {PAGE}")
        else:
            await self._pass_on(scope, receive, send, name)

    async def _pass_on(self, scope: Any, receive: Any, send: Any, name: str) -> None:
        # What a browser says of itself under these names is taken away.
        ours = HOP_BY_HOP | {USER, ROLE, "x-forwarded-for", "x-forwarded-proto"}
        headers = [(n.decode(), v.decode("latin-1")) for n, v in scope["headers"] if n.decode() not in ours]
        headers += [("x-forwarded-for", scope["client"][0]), ("x-forwarded-proto", "https")]
        headers += [("host", self._netloc)]
        if self._signs_in:
            headers += [(USER, name), (ROLE, PEOPLE[name])]
        url = httpx.URL(scope["raw_path"].decode(), query=scope["query_string"])
        request = self._http.build_request(
            scope["method"], url, headers=headers, content=await _body(receive)
        )
        answer = await self._http.send(request, stream=True)
        try:
            told = [(n.encode(), v.encode()) for n, v in answer.headers.multi_items() if n not in HOP_BY_HOP]
            await send({"type": "http.response.start", "status": answer.status_code, "headers": told})
            await _first(_stream(answer, send), _gone(receive))
        finally:
            await answer.aclose()


async def _stream(answer: httpx.Response, send: Any) -> None:
    async for part in answer.aiter_raw():
        await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def _first(*work: Any) -> None:
    """Do all of this until the first of it is done."""
    tasks = [asyncio.ensure_future(one) for one in work]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _gone(receive: Any) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _body(receive: Any) -> bytes:
    body = b""
    while True:
        message = await receive()
        body += bytes(message.get("body", b""))
        if not message.get("more_body"):
            return body


async def _answer(send: Any, status: int, headers: dict[str, str], words: str = "") -> None:
    told = {"content-type": "text/html; charset=utf-8", "content-length": str(len(words)), **headers}
    pairs = [(name.encode(), value.encode()) for name, value in told.items()]
    await send({"type": "http.response.start", "status": status, "headers": pairs})
    await send({"type": "http.response.body", "body": words.encode()})


def main() -> None:
    port, certificate, key, upstream, mode = sys.argv[1:]
    context = _Door(int(port), upstream, signs_in=mode == "signs-in")
    uvicorn.run(
        context,
        host=HOST,
        port=int(port),
        ssl_certfile=certificate,
        ssl_keyfile=key,
        ssl_version=ssl.PROTOCOL_TLS_SERVER,
        lifespan="off",
        proxy_headers=False,
        server_header=False,
        date_header=False,
        log_level="warning",
        timeout_graceful_shutdown=1,
    )


if __name__ == "__main__":
    main()
