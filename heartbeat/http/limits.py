"""Limits on requests. What is too large is refused early, and never held in memory or read at others' cost."""

from collections.abc import Sequence
from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from heartbeat.definitions import document
from heartbeat.http import forms, problem

API_LIMIT = 64_000
"""Bytes of a body of the API, at most."""
STATUS_PAGE_LIMIT = 128_000
"""Bytes of the definition of a status page, which may have a logo, and of an announcement."""
CONFIGURATION_LIMIT = document.MAX_CHARACTERS
"""Bytes of a configuration, at most."""
CALLBACK_LIMIT = 64_000
"""Bytes of a provider's callback, at most."""

MOST_PARAMETERS = 200
"""Parameters of an address, at most: the console needs 101 for as many checks as can be changed at once."""

_LIMITS: Sequence[tuple[str, int]] = (
    ("/v1/configuration", CONFIGURATION_LIMIT),
    ("/v1/status-pages/", STATUS_PAGE_LIMIT),
    ("/v1/", API_LIMIT),
    ("/callbacks/", CALLBACK_LIMIT),
    ("/", forms.LIMIT),
)
"""By the beginning of the path; the first that fits counts."""


class RequestLimits:
    """Refuses addresses with too many parameters, and bodies that are too large: by their declared length and by the
    bytes received."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = _limit(scope["path"])
        refusal = f"The body is too large. This address accepts at most {_size(limit)}."
        received = 0

        async def receive_within_limit() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > limit:
                # FastAPI takes any other exception for a body that is not JSON.
                raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, refusal)
            return message

        if scope["query_string"].count(b"&") >= MOST_PARAMETERS:
            too_many = f"An address may have at most {MOST_PARAMETERS} parameters. Nothing was changed."
            response = problem.response(Request(scope), HTTPStatus.REQUEST_URI_TOO_LONG, too_many)
            await response(scope, receive, send)
        elif _declared(scope) > limit:
            response = problem.response(Request(scope), HTTPStatus.REQUEST_ENTITY_TOO_LARGE, refusal)
            await response(scope, receive, send)
        else:
            await self._app(scope, receive_within_limit, send)


def _limit(path: str) -> int:
    return next((limit for prefix, limit in _LIMITS if path.startswith(prefix)), forms.LIMIT)


def _size(limit: int) -> str:
    return f"{limit // 1_000_000} MB" if limit >= 1_000_000 else f"{limit // 1_000} kB"


def _declared(scope: Scope) -> int:
    length = Headers(scope=scope).get("content-length", "")
    return int(length) if length.isascii() and length.isdigit() and len(length) < 20 else 0
