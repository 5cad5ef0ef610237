"""How a page is made: templates filled in, instants and sentences as HTML, hostile text made harmless, static files.

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

from alerting import times
from alerting.incident import State as Life
from heartbeat.checks.cause import Cause
from heartbeat.checks.check import State
from heartbeat.http.pages import rows, summary
from heartbeat.http.pages.summary import There, Words
from heartbeat.safe_text import harmless as harmless

HERE = Path(__file__).parent.parent
SHARED = HERE.parent / "assets"
"""Files that the status pages have as well."""
REFRESH = 30
"""Seconds after which a page that shows the present is loaded again where no script keeps it current."""

BODY_SHOWN = 800
"""Characters of a body's end that a check's page holds; the whole has an address of its own."""
LINES_SHOWN = 20

_KEPT = "public, max-age=31536000, immutable"
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


def shown(value: object) -> object:
    """What a template puts into a page for a value: text is made harmless, HTML of our own is left alone."""
    if value is None:
        return ""
    return harmless(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def instant(at: datetime, now: datetime, zone: str = "UTC") -> Markup:
    """An instant as the reader needs it: the time, the day where it is another, always the zone.

    Where the reader's zone is known it is told by that one, with UTC beside.
    """
    return _time(at, in_zone(at, now, zone))


def in_zone(at: datetime, now: datetime, zone: str) -> str:
    """As `instant`, in plain text."""
    utc = f"{times.instant(at, now, 'UTC')} UTC"
    if not at.astimezone(times.zone(zone)).utcoffset():
        return utc
    return f"{times.instant(at, now, zone)} {times.zone_name(at, zone)} ({utc})"


def ago(at: datetime, now: datetime, bare: bool = False) -> Markup:
    """How long ago, with the instant for who asks. In a long list it is `bare`: the stylesheet shows the instant."""
    return _time(at, times.ago(at, now), bare)


def ahead(at: datetime, now: datetime, bare: bool = False) -> Markup:
    """How far ahead, as `ago`."""
    return _time(at, summary.ahead(at, now), bare)


def clock(at: datetime) -> Markup:
    """The time to the second."""
    return _time(at, f"{at.astimezone(UTC):%H:%M:%S} UTC")


def stamp(at: datetime, now: datetime) -> str:
    """An instant to the second, with the day where it is another."""
    at = at.astimezone(UTC)
    return f"{times.day(at, now.astimezone(UTC))}{at:%H:%M:%S} UTC"


def stamped(at: datetime, now: datetime) -> Markup:
    """An instant to the second, as `stamp` says it."""
    return _time(at, stamp(at, now))


def local(at: datetime, zone: str) -> str:
    """What a clock in that zone shows then; nothing where it shows UTC."""
    there = at.astimezone(times.zone(zone))
    return f"{there:%H:%M} {there.tzname()}" if there.utcoffset() else ""


def there(at: datetime, zone: str) -> str:
    """What a clock in that zone shows then, with the zone's own name for it."""
    local_ = at.astimezone(times.zone(zone))
    return f"{local_:%H:%M} {local_.tzname()}"


def ending(body: bytes) -> tuple[str, bool]:
    """The end of a body as text, for what went wrong stands there, and whether that is not all of it.

    Bytes that are not UTF-8 are marked, not hidden.
    """
    text = body.decode("utf-8", "replace").rstrip()
    lines = text[-BODY_SHOWN:].splitlines()
    return "\n".join(lines[-LINES_SHOWN:]), len(text) > BODY_SHOWN or len(lines) > LINES_SHOWN


def size(count: int) -> str:
    """A number of bytes, as people say it."""
    return f"{count} bytes" if count < 1_000 else f"{count / 1_000:.0f} kB"


def spoken(words: Words, now: datetime, zone: str = "UTC") -> Markup:
    """A sentence with its instants, as `instant` tells them."""
    return Markup("").join(_part(part, now, zone) for part in words)


def _part(part: str | datetime, now: datetime, zone: str) -> Markup:
    if isinstance(part, datetime):
        return instant(part, now, zone)
    if isinstance(part, There):
        # Whoever is in that zone has read it already: the script hides it from them.
        return Markup('<bdi data-zone="{}">{}</bdi>').format(part.zone, part)
    return escape(harmless(part))


def _time(at: datetime, words: str, bare: bool = False) -> Markup:
    at = at.astimezone(UTC)
    if bare:
        return Markup('<time datetime="{:%Y-%m-%dT%H:%M:%SZ}">{}</time>').format(at, words)
    return Markup('<time datetime="{:%Y-%m-%dT%H:%M:%SZ}" title="{:%Y-%m-%d %H:%M:%S} UTC">{}</time>').format(
        at, at, words
    )


def static_url(name: str) -> str:
    """The address of a static file, which changes with its content."""
    return f"/static/{name}?v={_VERSIONS[name]}"


async def static(request: Request) -> Response:
    """One static file; kept for ever by who asked for just this version of it."""
    name = request.path_params["name"]
    if name not in _STATIC:
        return PlainTextResponse("There is no such file.", HTTPStatus.NOT_FOUND)
    current = request.query_params.get("v") == _VERSIONS[name]
    headers = {"Cache-Control": _KEPT if current else "no-cache", "Vary": "Accept-Encoding"}
    # Pages are not compressed: how long one is would tell of the secrets in it, to who chooses another part of it.
    small = "gzip" in request.headers.get("accept-encoding", "")
    headers |= {"Content-Encoding": "gzip"} if small else {}
    headers["ETag"] = f'"{_VERSIONS[name]}{"-gzip" if small else ""}"'
    if headers["ETag"] in [tag.strip() for tag in request.headers.get("if-none-match", "").split(",")]:
        return Response(None, HTTPStatus.NOT_MODIFIED, headers)
    return Response(
        (_SMALL if small else _STATIC)[name], headers=headers, media_type=_TYPES[Path(name).suffix]
    )


def render(
    template: str,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    **facts: Any,
) -> HTMLResponse:
    """A page from its template and the facts that it shows."""
    return HTMLResponse(_templates.get_template(template).render(facts), status, headers)


def zipped(request: Request, whole: HTMLResponse) -> Response:
    """The same page, compressed for who takes it. Only for one that holds no secret, as `static` says."""
    if "gzip" in request.headers.get("accept-encoding", ""):
        smaller = gzip.compress(bytes(whole.body), mtime=0)
        whole = HTMLResponse(smaller, whole.status_code, {"Content-Encoding": "gzip"})
    whole.headers["Vary"] = "Accept-Encoding"
    return whole


def see_other(path: str, headers: Mapping[str, str] | None = None) -> Response:
    """Go there and look (303): what was sent is not sent again by loading the page anew."""
    return RedirectResponse(path, HTTPStatus.SEE_OTHER, headers)


def error_page(
    request: Request,
    status: int,
    title: str,
    words: str,
    *,
    onward: tuple[str, str] = ("/", "See how everything stands"),
) -> HTMLResponse:
    """A page that says what happened, what was not changed, and what to do, with a link that leads onward.

    It asks nothing of the database.
    """
    if request.url.path.startswith("/status") and status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        title, words = (
            "Not available right now",
            "This page cannot be shown at the moment. Please try again shortly.",
        )
    public = request.url.path.startswith(("/status", "/answer/"))
    facts: dict[str, Any] = {"title": title, "words": words, "number": int(status)}
    return render("error.html", status=status, onward=None if public else onward, **facts)


def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
        finalize=shown,
    )
    made.filters |= {"instant": instant, "ago": ago, "ahead": ahead, "clock": clock, "spoken": spoken}
    made.filters |= {
        "stamp": stamp,
        "stamped": stamped,
        "local": local,
        "there": there,
        "ending": ending,
        "size": size,
    }
    made.filters |= {"duration": times.duration, "segment": lambda text: quote(text, safe="")}
    made.filters |= {"names": times.names, "cause_word": rows.cause_word}
    made.globals |= {"static": static_url, "Cause": Cause, "State": State, "Life": Life}
    made.globals |= {"cause_words": frozenset(cause.words.word for cause in Cause)}
    return made


_STATIC = {
    path.name: path.read_bytes()
    for folder in (SHARED, HERE / "static")
    for path in folder.iterdir()
    if path.suffix in _TYPES
}
_SMALL = {name: gzip.compress(content, mtime=0) for name, content in _STATIC.items()}
_VERSIONS = {name: sha256(content).hexdigest()[:12] for name, content in _STATIC.items()}
_templates = _environment()
