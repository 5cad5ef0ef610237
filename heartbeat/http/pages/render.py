"""Rendering: templates, instants and sentences as HTML, hostile text made harmless, static files.

Nothing here reads the database. Templates and static files are read once, from the package's own data.
"""

import gzip
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import Receive, Scope, Send

from alerting import times
from alerting.incident import State as Life
from heartbeat.checks.cause import Cause
from heartbeat.checks.check import State
from heartbeat.http import home
from heartbeat.http.pages import rows, sentence
from heartbeat.http.pages.sentence import Words, ZoneTime
from heartbeat.safe_text import harmless as harmless

HERE = Path(__file__).parent.parent
SHARED = HERE.parent / "assets"
"""Files that the status pages use as well."""
REFRESH = 30
"""Seconds after which a screen without script reloads itself."""

WORKER = "worker.js"
"""The service worker of the console as an app."""
BODY_SHOWN = 800
"""Characters of a body's end that a check's screen shows; the whole body has its own address."""
LINES_SHOWN = 20

_KEPT = "public, max-age=31536000, immutable"
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
}


def finalized(value: object) -> object:
    """Return a value as a template prints it: text is made harmless, HTML of ours stays as it is."""
    if value is None:
        return ""
    return harmless(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def instant(at: datetime, now: datetime, zone: str = "UTC") -> Markup:
    """Return an instant as a `<time>`: the time, the day if it is not today, always the zone.

    A zone other than UTC comes first, with UTC in brackets.
    """
    return _time(at, in_zone(at, now, zone))


def in_zone(at: datetime, now: datetime, zone: str) -> str:
    """Return the words of `instant` as plain text."""
    utc = f"{times.instant(at, now, 'UTC')} UTC"
    if not at.astimezone(times.zone(zone)).utcoffset():
        return utc
    return f"{times.instant(at, now, zone)} {times.zone_name(at, zone)} ({utc})"


def ago(at: datetime, now: datetime, bare: bool = False) -> Markup:
    """Return the time since `at`, with the instant as its title. In a long list it is `bare`, without the title."""
    return _time(at, times.ago(at, now), bare)


def ahead(at: datetime, now: datetime, bare: bool = False) -> Markup:
    """Return the time until `at`, as `ago` does."""
    return _time(at, sentence.ahead(at, now), bare)


def clock(at: datetime) -> Markup:
    """Return the time to the second."""
    return _time(at, f"{at.astimezone(UTC):%H:%M:%S} UTC")


def stamp(at: datetime, now: datetime) -> str:
    """Return an instant to the second, with the day if it is not today."""
    at = at.astimezone(UTC)
    return f"{times.day(at, now.astimezone(UTC))}{at:%H:%M:%S} UTC"


def stamped(at: datetime, now: datetime) -> Markup:
    """Return the words of `stamp` as a `<time>`."""
    return _time(at, stamp(at, now))


def local(at: datetime, zone: str) -> str:
    """Return the local time in a zone, empty where it equals UTC."""
    return clock_in(at, zone) if at.astimezone(times.zone(zone)).utcoffset() else ""


def clock_in(at: datetime, zone: str) -> str:
    """Return the local time in a zone, with the zone's own name for it."""
    local_ = at.astimezone(times.zone(zone))
    return f"{local_:%H:%M} {local_.tzname()}"


def ending(body: bytes) -> tuple[str, bool]:
    """Return the end of a body as text, and True if something was cut off. Errors usually stand at the end.

    Bytes that are not UTF-8, and characters that deceive, are marked, not hidden.
    """
    text = body.decode("utf-8", "replace").rstrip()
    lines = text[-BODY_SHOWN:].splitlines()
    return harmless("\n".join(lines[-LINES_SHOWN:])), len(text) > BODY_SHOWN or len(lines) > LINES_SHOWN


def size(count: int) -> str:
    """Return a number of bytes with its unit."""
    return f"{count} bytes" if count < 1_000 else f"{count / 1_000:.0f} kB"


def spoken(sentence: Words, now: datetime, zone: str = "UTC") -> Markup:
    """Return a sentence as HTML, with its instants as `instant` formats them."""
    return Markup("").join(_part(part, now, zone) for part in sentence)


def _part(part: str | datetime, now: datetime, zone: str) -> Markup:
    if isinstance(part, datetime):
        return instant(part, now, zone)
    if isinstance(part, ZoneTime):
        # Readers in that zone see it already in front: the script hides it from them.
        return Markup('<bdi data-zone="{}">{}</bdi>').format(part.zone, part)
    return escape(harmless(part))


def _time(at: datetime, text: str, bare: bool = False) -> Markup:
    at = at.astimezone(UTC)
    if bare:
        return Markup('<time datetime="{:%Y-%m-%dT%H:%M:%SZ}">{}</time>').format(at, text)
    return Markup('<time datetime="{:%Y-%m-%dT%H:%M:%SZ}" title="{:%Y-%m-%d %H:%M:%S} UTC">{}</time>').format(
        at, at, text
    )


def static_url(name: str) -> str:
    """Return the address of a static file. It changes with its content."""
    return f"/static/{name}?v={_VERSIONS[name]}"


async def static(request: Request) -> Response:
    """Return a static file. Browsers keep an address with the current version for ever."""
    name = request.path_params["name"]
    if name not in _STATIC:
        return PlainTextResponse("There is no such file.", HTTPStatus.NOT_FOUND)
    current = request.query_params.get("v") == _VERSIONS[name]
    headers = {"Cache-Control": _KEPT if current else "no-cache", "Vary": "Accept-Encoding"}
    # HTML with secrets is not compressed: its length would give them away to somebody who chooses part of it.
    small = "gzip" in request.headers.get("accept-encoding", "")
    headers |= {"Content-Encoding": "gzip"} if small else {}
    if name == WORKER:
        # It lies below /static and works for all of the console, but for nothing beside our home.
        headers["Service-Worker-Allowed"] = home.address(request.scope, "/")
    headers["ETag"] = f'"{_VERSIONS[name]}{"-gzip" if small else ""}"'
    if headers["ETag"] in [tag.strip() for tag in request.headers.get("if-none-match", "").split(",")]:
        return Response(None, HTTPStatus.NOT_MODIFIED, headers)
    return Response(
        (_SMALL if small else _STATIC)[name], headers=headers, media_type=_TYPES[Path(name).suffix]
    )


class Screen(HTMLResponse):
    """A filled template. Its addresses are made whole as it is sent, see `home`."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        self.body = home.addressed(scope, bytes(self.body))
        self.headers["Content-Length"] = str(len(self.body))
        await super().__call__(scope, receive, send)


class SeeOther(RedirectResponse):
    """A redirect to a path of ours."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        self.headers["Location"] = home.address(scope, self.headers["Location"])
        await super().__call__(scope, receive, send)


def render(
    template: str,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    **facts: Any,
) -> Screen:
    """Return the screen of a template and its facts."""
    return Screen(_templates.get_template(template).render(facts), status, headers)


def zipped(request: Request, page: Screen) -> Response:
    """Return a page, compressed if the browser accepts that. Only for pages without secrets, see `static`."""
    if "gzip" in request.headers.get("accept-encoding", ""):
        smaller = gzip.compress(home.addressed(request.scope, bytes(page.body)), mtime=0)
        headers = {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
        return HTMLResponse(smaller, page.status_code, headers)
    page.headers["Vary"] = "Accept-Encoding"
    return page


def see_other(path: str, headers: Mapping[str, str] | None = None) -> Response:
    """Redirect with 303, so that reloading does not send the form again."""
    return SeeOther(path, HTTPStatus.SEE_OTHER, headers)


def error_page(
    request: Request,
    status: int,
    title: str,
    message: str,
    *,
    onward: tuple[str, str] = ("/", "Go to the overview"),
) -> HTMLResponse:
    """Return an error: what happened, what was not changed, what to do, and a link onward. Reads no database."""
    if request.url.path.startswith("/status") and status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        title, message = (
            "Not available right now",
            "This page cannot be shown at the moment. Please try again shortly.",
        )
    public = request.url.path.startswith(("/status", "/answer/"))
    facts: dict[str, Any] = {"title": title, "message": message, "number": int(status)}
    return render("error.html", status=status, onward=None if public else onward, **facts)


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
        finalize=finalized,
    )
    environment.filters |= {"instant": instant, "ago": ago, "ahead": ahead, "clock": clock, "spoken": spoken}
    environment.filters |= {
        "stamp": stamp,
        "stamped": stamped,
        "local": local,
        "there": clock_in,
        "ending": ending,
        "size": size,
    }
    environment.filters |= {
        "counted": times.count,
        "duration": times.duration,
        "segment": lambda text: quote(text, safe=""),
    }
    environment.filters |= {
        "names": times.names,
        "cause_word": rows.cause_word,
        "before": rows.before,
        "noticed": rows.noticed,
    }
    environment.globals |= {"static": static_url, "Cause": Cause, "State": State, "Life": Life}
    environment.globals |= {"cause_words": frozenset(cause.words.word for cause in Cause)}
    return environment


_STATIC = {
    path.name: path.read_bytes()
    for folder in (SHARED, HERE / "static")
    for path in folder.iterdir()
    if path.suffix in _TYPES
}
_SMALL = {name: gzip.compress(content, mtime=0) for name, content in _STATIC.items()}
_VERSIONS = {name: sha256(content).hexdigest()[:12] for name, content in _STATIC.items()}
_templates = _environment()
