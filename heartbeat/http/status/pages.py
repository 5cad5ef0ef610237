"""Public status pages as they were published: a plain ASGI route over bytes in memory, without the database."""

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
from heartbeat.http import home
from heartbeat.http.asgi import Receive, Scope, Send
from heartbeat.http.context import Context
from heartbeat.http.headers import CONTENT_SECURITY_POLICY, needed
from heartbeat.http.pages import render
from heartbeat.http.prometheus.text import takes_gzip
from heartbeat.status.publish.edition import STALE, Edition, stale

PREFIX = "/status"
MAX_AGE = 10
"""Seconds for which browsers and proxies may cache a page."""
_CACHE_FOR_EVER = "public, max-age=31536000, immutable"
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
COMPRESS_FROM = 1_000
"""Bytes from which a text is compressed for clients that accept it."""
_IMMUTABLE = frozenset({"css", "js", "png", "jpg", "gif", "webp"})
_NO_PAGES = "There is no status page here yet."
_NO_SUCH_PAGE = "There is no status page with this name. The address may have changed, or it was mistyped."

Header = tuple[bytes, bytes]


@dataclass(frozen=True, slots=True)
class StaticResponse:
    """The response of one address: in full, and for clients that have it already (304)."""

    body: bytes
    etag: bytes
    headers: Sequence[Header]
    headers_304: Sequence[Header]
    compressible: bool = False
    """True for a text that is long enough to compress."""


@dataclass(frozen=True, slots=True)
class EditionResponses:
    """The responses of one edition by path, while it is current and once it is too old."""

    edition: Edition
    current: Mapping[str, StaticResponse]
    stale: Mapping[str, StaticResponse]
    gzipped: dict[bytes, StaticResponse] = field(default_factory=dict, repr=False)
    """Compressed responses by the ETag of the uncompressed one. Each is compressed once, on demand."""


class StatusPageServer:
    """The ASGI application for GET and HEAD under /status. `otherwise` answers what is not published."""

    def __init__(
        self,
        editions: Callable[[], Mapping[str, Edition]],
        clock: Clock,
        own: Mapping[str, str],
        otherwise: Callable[[Scope, Receive, Send], object],
    ) -> None:
        self._editions = editions
        self._clock = clock
        self._own = own
        self._otherwise = otherwise
        self._served: Mapping[str, Edition] | None = None
        self._responses: dict[str, EditionResponses] = {}
        self._date: tuple[int, Header] = (0, (b"date", b""))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD"):
            await self._otherwise(scope, receive, send)  # type: ignore[misc]  # an ASGI application
            return
        self._catch_up()
        slug, _, path = scope["path"].removeprefix(PREFIX).removeprefix("/").partition("/")
        responses = self._responses.get(slug)
        if not slug and self._responses:
            await _redirect(scope, send, f"{PREFIX}/{next(iter(self._responses))}/")
        elif responses is not None and scope["path"] == f"{PREFIX}/{slug}":
            # With a slash at the end, relative links lead to the files beside the page.
            await _redirect(scope, send, f"{PREFIX}/{slug}/")
        elif responses is not None and (response := self._find(responses, path)):
            await _respond(scope, send, _negotiated(scope, responses, response), self._date_header())
        else:
            bare = {**scope, "path": scope["path"].rstrip("/")}
            await self._otherwise(bare, receive, send)  # type: ignore[misc]  # as above

    def _date_header(self) -> Header:
        """Return the `Date` header, from which a page computes its age. It is formatted once a second."""
        now = self._clock.now()
        second = int(now.timestamp())
        if second != self._date[0]:
            date = format_datetime(now.astimezone(UTC).replace(microsecond=0), usegmt=True)
            self._date = second, (b"date", date.encode())
        return self._date[1]

    def _find(self, responses: EditionResponses, path: str) -> StaticResponse | None:
        is_stale = self._clock.now() - responses.edition.at > STALE
        return (responses.stale if is_stale else responses.current).get(path or "index.html")

    def _catch_up(self) -> None:
        """Build the responses of editions published since."""
        editions = self._editions()
        if editions is self._served:
            return
        previous = self._responses
        self._responses = {
            slug: previous[slug]
            if slug in previous and previous[slug].edition is edition
            else responses_of(edition, self._own)
            for slug, edition in editions.items()
        }
        self._served = editions


def responses_of(edition: Edition, own: Mapping[str, str]) -> EditionResponses:
    """Return the responses for all files of an edition. `own` are the headers of this installation."""
    current = {path: _response(path, content, edition.at, own) for path, content in edition.files.items()}
    stale_files = {path: stale(path, content) for path, content in edition.files.items()}
    stale_responses = {
        path: current[path] if content == edition.files[path] else _response(path, content, edition.at, own)
        for path, content in stale_files.items()
    }
    return EditionResponses(edition, current, stale_responses)


def _negotiated(scope: Scope, responses: EditionResponses, response: StaticResponse) -> StaticResponse:
    """Return the response, compressed if the client accepts that."""
    compress = response.compressible and any(
        name == b"accept-encoding" and takes_gzip(value.decode("latin-1")) for name, value in scope["headers"]
    )
    if compress and response.etag not in responses.gzipped:
        responses.gzipped[response.etag] = _gzipped(response)
    return responses.gzipped[response.etag] if compress else response


def _gzipped(response: StaticResponse) -> StaticResponse:
    body, etag = gzip.compress(response.body, compresslevel=5, mtime=0), response.etag[:-1] + b'-gzip"'
    replaced = {b"etag": etag, b"content-length": str(len(body)).encode()}
    headers = [(name, replaced.get(name, value)) for name, value in response.headers]
    headers_304 = [(name, replaced.get(name, value)) for name, value in response.headers_304]
    return StaticResponse(body, etag, [*headers, (b"content-encoding", b"gzip")], headers_304)


def is_below(path: str) -> bool:
    """Return True if the address belongs to the status pages."""
    return path == PREFIX or path.startswith(f"{PREFIX}/")


def headers_of(public_url: str) -> Mapping[str, str]:
    """Return the headers of an installation. Its pages load what lies beside them, and have a form that leads to it."""
    policy = CONTENT_SECURITY_POLICY.replace(
        "form-action 'self'", f"form-action 'self' {_origin(public_url)}"
    )
    return {**needed(public_url), "Content-Security-Policy": policy}


def router(context: Context) -> APIRouter:  # noqa: ARG001  # every router takes a context
    """Return the routes for addresses where nothing is published."""
    routes = APIRouter()

    async def no_pages(request: Request) -> Response:
        return render.error_page(request, 404, "Not found", _NO_PAGES)

    async def no_such_page(request: Request) -> Response:
        return render.error_page(request, 404, "Not found", _NO_SUCH_PAGE)

    routes.add_route("/status", no_pages, methods=["GET"], include_in_schema=False)
    routes.add_route("/status/{slug}", no_such_page, methods=["GET"], include_in_schema=False)
    routes.add_route("/status/{slug}/{path:path}", no_such_page, methods=["GET"], include_in_schema=False)
    return routes


def _response(path: str, content: bytes, at: datetime, own: Mapping[str, str]) -> StaticResponse:
    ending = path.rpartition(".")[2]
    etag = f'"{sha256(content).hexdigest()[:20]}"'
    headers_304 = {
        **own,
        "ETag": etag,
        "Last-Modified": format_datetime(at.astimezone(UTC).replace(microsecond=0), usegmt=True),
        "Cache-Control": _CACHE_FOR_EVER if ending in _IMMUTABLE else f"public, max-age={MAX_AGE}",
        "Access-Control-Allow-Origin": "*",
    }
    if ending != "html":
        # An SVG opened on its own may not run scripts either.
        headers_304["Content-Security-Policy"] = "default-src 'none'; sandbox"
    if ending in _TEXT:
        headers_304["Vary"] = "Accept-Encoding"
    headers = headers_304 | {
        "Content-Type": _TYPES.get(ending, "application/octet-stream"),
        "Content-Length": str(len(content)),
    }
    compressible = ending in _TEXT and len(content) >= COMPRESS_FROM
    return StaticResponse(content, etag.encode(), _wire(headers), _wire(headers_304), compressible)


async def _respond(scope: Scope, send: Send, response: StaticResponse, date: Header) -> None:
    etags = next((value for name, value in scope["headers"] if name == b"if-none-match"), b"")
    if etags and response.etag in (part.strip().removeprefix(b"W/") for part in etags.split(b",")):
        await _send(send, HTTPStatus.NOT_MODIFIED, [*response.headers_304, date], b"")
    else:
        body = b"" if scope["method"] == "HEAD" else response.body
        await _send(send, HTTPStatus.OK, [*response.headers, date], body)


async def _redirect(scope: Scope, send: Send, path: str) -> None:
    location = home.address(scope, path).encode()
    headers = [(b"location", location), (b"content-length", b"0"), (b"cache-control", b"public, max-age=60")]
    await _send(send, HTTPStatus.TEMPORARY_REDIRECT, headers, b"")


async def _send(send: Send, status: int, headers: Sequence[Header], body: bytes) -> None:
    await send({"type": "http.response.start", "status": int(status), "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _wire(headers: Mapping[str, str]) -> list[Header]:
    return [(name.lower().encode(), value.encode()) for name, value in headers.items()]


def _origin(url: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}"
