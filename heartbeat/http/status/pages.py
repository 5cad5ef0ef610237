"""Public status pages as they were published. A plain ASGI route over bytes in memory: a crowd costs no database."""

import gzip
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from hashlib import sha256
from http import HTTPStatus

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from heartbeat.clock import Clock
from heartbeat.http.asgi import Receive, Scope, Send
from heartbeat.http.context import Context
from heartbeat.http.headers import CONTENT_SECURITY_POLICY
from heartbeat.http.pages import render
from heartbeat.http.prometheus.text import takes_gzip
from heartbeat.status.publish import edition
from heartbeat.status.publish.edition import STALE, Edition

PREFIX = "/status"
FRESH = 10
"""Seconds for which a browser or a proxy may keep a page."""
_KEPT = "public, max-age=31536000, immutable"
_TYPES: Mapping[str, str] = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "json": "application/json; charset=utf-8",
    "atom": "application/atom+xml; charset=utf-8",
    "svg": "image/svg+xml",
    "png": "image/png",
    "jpg": "image/jpeg",
    "gif": "image/gif",
    "webp": "image/webp",
}
_TEXT = frozenset({"html", "css", "js", "json", "atom", "svg"})
WORTH = 1_000
"""Bytes from which on a text is sent smaller to who takes it so: phones on a bad line, most of all."""
_FOREVER = frozenset({"css", "js", "png", "jpg", "gif", "webp"})
_NONE = "No status page has been set up at this address yet."
_NO_SUCH = "There is no status page of this name. The address may have been changed or mistyped."

Header = tuple[bytes, bytes]


@dataclass(frozen=True, slots=True)
class Answer:
    """What one address answers: whole, and to who has it already."""

    body: bytes
    etag: bytes
    headers: Sequence[Header]
    brief: Sequence[Header]
    shrinks: bool = False
    """Whether it is a text that is worth being sent smaller."""


@dataclass(frozen=True, slots=True)
class Rack:
    """The answers of one edition by path, while it is new and once it is too old."""

    edition: Edition
    fresh: Mapping[str, Answer]
    stale: Mapping[str, Answer]
    small: dict[bytes, Answer] = field(default_factory=dict, repr=False)
    """Those that somebody has asked for with gzip, by the mark of the whole: each is made once."""


class StatusPages:
    """The ASGI application for GET and HEAD under /status. What is not published is left to `otherwise`."""

    def __init__(
        self,
        editions: Callable[[], Mapping[str, Edition]],
        clock: Clock,
        policy: str,
        otherwise: Callable[[Scope, Receive, Send], object],
    ) -> None:
        self._editions = editions
        self._clock = clock
        self._policy = policy
        self._otherwise = otherwise
        self._known: Mapping[str, Edition] | None = None
        self._racks: dict[str, Rack] = {}
        self._date: tuple[int, Header] = (0, (b"date", b""))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD"):
            await self._otherwise(scope, receive, send)  # type: ignore[misc]  # an ASGI application
            return
        self._catch_up()
        slug, _, path = scope["path"].removeprefix(PREFIX).removeprefix("/").partition("/")
        rack = self._racks.get(slug)
        if not slug and self._racks:
            await _see(send, f"{PREFIX}/{next(iter(self._racks))}/".encode())
        elif rack is not None and scope["path"] == f"{PREFIX}/{slug}":
            # With the slash at its end, so that what lies beside the page is found beside it.
            await _see(send, f"{PREFIX}/{slug}/".encode())
        elif rack is not None and (answer := self._find(rack, path)):
            await _answer(scope, send, _fitting(scope, rack, answer), self._told_at())
        else:
            bare = {**scope, "path": scope["path"].rstrip("/")}
            await self._otherwise(bare, receive, send)  # type: ignore[misc]  # as above

    def _told_at(self) -> Header:
        """The `Date` of an answer, made anew each second: by it a page knows its age."""
        now = self._clock.now()
        second = int(now.timestamp())
        if second != self._date[0]:
            told = format_datetime(now.astimezone(UTC).replace(microsecond=0), usegmt=True)
            self._date = second, (b"date", told.encode())
        return self._date[1]

    def _find(self, rack: Rack, path: str) -> Answer | None:
        old = self._clock.now() - rack.edition.at > STALE
        return (rack.stale if old else rack.fresh).get(path or "index.html")

    def _catch_up(self) -> None:
        """Make the answers of what has been published since."""
        now = self._editions()
        if now is self._known:
            return
        before = self._racks
        self._racks = {
            slug: before[slug] if slug in before and before[slug].edition is one else rack(one, self._policy)
            for slug, one in now.items()
        }
        self._known = now


def rack(one: Edition, policy: str) -> Rack:
    """The answers of an edition."""
    fresh = {path: _made(path, content, one.at, policy) for path, content in one.files.items()}
    turned = {path: edition.stale(path, content) for path, content in one.files.items()}
    stale = {
        path: fresh[path] if content == one.files[path] else _made(path, content, one.at, policy)
        for path, content in turned.items()
    }
    return Rack(one, fresh, stale)


def _fitting(scope: Scope, rack: Rack, answer: Answer) -> Answer:
    """The answer as it is wanted: small where it may be."""
    wanted = answer.shrinks and any(
        name == b"accept-encoding" and takes_gzip(value.decode("latin-1")) for name, value in scope["headers"]
    )
    if wanted and answer.etag not in rack.small:
        rack.small[answer.etag] = _shrunk(answer)
    return rack.small[answer.etag] if wanted else answer


def _shrunk(one: Answer) -> Answer:
    body, etag = gzip.compress(one.body, compresslevel=5, mtime=0), one.etag[:-1] + b'-gzip"'
    of_body = {b"etag": etag, b"content-length": str(len(body)).encode()}
    headers = [(name, of_body.get(name, value)) for name, value in one.headers]
    brief = [(name, of_body.get(name, value)) for name, value in one.brief]
    return Answer(body, etag, [*headers, (b"content-encoding", b"gzip")], brief)


def is_below(path: str) -> bool:
    """Whether this address is one of a status page."""
    return path == PREFIX or path.startswith(f"{PREFIX}/")


def policy(public_url: str) -> str:
    """What a browser may load for a page: what lies beside it. Its form leads to this installation."""
    return CONTENT_SECURITY_POLICY.replace("form-action 'self'", f"form-action 'self' {_origin(public_url)}")


def router(context: Context) -> APIRouter:  # noqa: ARG001  # as every face is made
    """What is answered where nothing has been published."""
    routes = APIRouter()

    async def nothing(request: Request) -> Response:
        return render.error_page(request, 404, "Nothing here", _NONE)

    async def no_such(request: Request) -> Response:
        return render.error_page(request, 404, "Nothing here", _NO_SUCH)

    routes.add_route("/status", nothing, methods=["GET"], include_in_schema=False)
    routes.add_route("/status/{slug}", no_such, methods=["GET"], include_in_schema=False)
    routes.add_route("/status/{slug}/{path:path}", no_such, methods=["GET"], include_in_schema=False)
    return routes


def _made(path: str, content: bytes, at: datetime, policy: str) -> Answer:
    ending = path.rpartition(".")[2]
    etag = f'"{sha256(content).hexdigest()[:20]}"'
    kept = ending in _FOREVER
    brief = {
        "ETag": etag,
        "Last-Modified": format_datetime(at.astimezone(UTC).replace(microsecond=0), usegmt=True),
        "Cache-Control": _KEPT if kept else f"public, max-age={FRESH}",
        "Access-Control-Allow-Origin": "*",
        # A drawing that is opened by itself may not run anything either.
        "Content-Security-Policy": policy if ending == "html" else "default-src 'none'; sandbox",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
    }
    if ending in _TEXT:
        brief["Vary"] = "Accept-Encoding"
    whole = {
        "Content-Type": _TYPES.get(ending, "application/octet-stream"),
        "Content-Length": str(len(content)),
    }
    shrinks = ending in _TEXT and len(content) >= WORTH
    return Answer(content, etag.encode(), _wire(brief | whole), _wire(brief), shrinks)


async def _answer(scope: Scope, send: Send, answer: Answer, date: Header) -> None:
    known = next((value for name, value in scope["headers"] if name == b"if-none-match"), b"")
    if known and answer.etag in (part.strip().removeprefix(b"W/") for part in known.split(b",")):
        await _said(send, HTTPStatus.NOT_MODIFIED, [*answer.brief, date], b"")
    else:
        body = b"" if scope["method"] == "HEAD" else answer.body
        await _said(send, HTTPStatus.OK, [*answer.headers, date], body)


async def _see(send: Send, where: bytes) -> None:
    headers = [(b"location", where), (b"content-length", b"0"), (b"cache-control", b"public, max-age=60")]
    await _said(send, HTTPStatus.TEMPORARY_REDIRECT, headers, b"")


async def _said(send: Send, status: int, headers: Sequence[Header], body: bytes) -> None:
    await send({"type": "http.response.start", "status": int(status), "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _wire(headers: Mapping[str, str]) -> list[Header]:
    return [(name.lower().encode(), value.encode()) for name, value in headers.items()]


def _origin(url: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}"
