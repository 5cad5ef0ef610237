"""The replies of signed links: a screen for a browser, and a line for anything else, such as a button of ntfy."""

from datetime import datetime
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from heartbeat.http.pages import render

PRIVATE = {"X-Robots-Tag": "noindex"}


def is_browser(request: Request) -> bool:
    """Return whether the client shows HTML."""
    return "text/html" in request.headers.get("accept", "")


def screen(message: str, status: HTTPStatus, now: datetime) -> Response:
    """Return a screen with one sentence, about a link that does nothing any more."""
    return render.render("callbacks/bad_link.html", status=status, headers=PRIVATE, now=now, message=message)


def line(request: Request, status: HTTPStatus, outcome: str, text: str) -> Response:
    """Return one line of text, or JSON if the client asks for it."""
    if "application/json" in request.headers.get("accept", ""):
        return JSONResponse({"outcome": outcome, "words": text}, status, PRIVATE)
    return PlainTextResponse(f"{text}\n", status, PRIVATE)


def refused(request: Request, status: HTTPStatus, outcome: str, why: str, now: datetime) -> Response:
    """Return why an answer changed nothing, as the client shows it."""
    return screen(why, status, now) if is_browser(request) else line(request, status, outcome, why)
